# The depth of nested runs on a thread. Included by _vm.pyx.

def task_depth():
    """Returns the number of nested runs that are inside a task's function on this thread."""
    return cascade_depth


def enter_task():
    """Counts a call of a task's function on this thread that no `Machine` makes."""
    cascade_depth_add(1)


def leave_task():
    """Ends the call that `enter_task` has counted."""
    cascade_depth_add(-1)


def inside_task():
    """Returns whether this thread is inside a task's function."""
    return cascade_depth > 0
