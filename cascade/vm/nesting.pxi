# How many runs are inside a task's function on this thread. Included by _vm.pyx.

def task_depth():
    """How many runs are inside a task's function on this thread, one inside the other."""
    return cascade_depth


def enter_task():
    """Marks that a task's function is about to be called on this thread by other means than a machine."""
    cascade_depth_add(1)


def leave_task():
    """Takes back one `enter_task`."""
    cascade_depth_add(-1)


def inside_task():
    """Whether this thread is inside a task's function."""
    return cascade_depth > 0
