# Checkpoints: CPython does what waits to be done between two of its instructions. Included by _vm.pyx.
#
# It does so where a function begins, so a function is called that does nothing: signals are handled, a thread that waits for the GIL gets it,
# and an exception that another thread has set is raised. Whoever looks at the frame, as a handler of signals does, sees one of the function
# whose typed code runs, at its line. It is made without Python code, in whose frame all this would happen.

cdef object NOTHING_CODE = eval("lambda: None").__code__
cdef object FUNCTION_TYPE = type(eval("lambda: None"))


cdef object checkpoint_at(function, line):
    # Returns a function that does nothing, and looks like `function` at that line.
    shown = function.__code__
    code = NOTHING_CODE.replace(
        co_name=shown.co_name, co_qualname=shown.co_qualname, co_filename=shown.co_filename, co_firstlineno=line)
    return FUNCTION_TYPE(code, function.__globals__, function.__name__)


cdef int pass_checkpoint(dict known, number, function, line, TypedState* parent) noexcept:
    # Returns -1 where an exception is set. `known`: those made before, by the number of their word.
    cdef PyObject* arguments[1]
    cdef PyObject* result
    try:
        checkpoint = known.get(number)
        if checkpoint is None:
            checkpoint = known[number] = checkpoint_at(function, line)
    except BaseException as error:
        set_error(error)
        return -1
    arguments[0] = NULL
    result = cascade_call_under(parent, <PyObject*>checkpoint, arguments + 1, PY_VECTORCALL_ARGUMENTS_OFFSET)
    if result == NULL:
        return -1
    decref(result)
    return 0


cdef int pass_typed_checkpoint(Kernel kernel, TypedState* state) noexcept:
    try:
        number = state.word - kernel.words
        source, line = kernel.code.lines[number]
        if source is None:
            return PyErr_CheckSignals()     # no code of the user's runs there
        function = source.function
    except BaseException as error:
        set_error(error)
        return -1
    return pass_checkpoint(kernel.checkpoints, number, function, line, NULL)


cdef int pass_block_checkpoint(BlockKernel kernel, TypedState* state) noexcept:
    # The traceback of its exception has no entry of it: the continuation that raises it again adds one.
    cdef Py_ssize_t number = state.word - kernel.words
    cdef int parents = parents_of(state)
    if cascade_depth_left() <= parents + 2:
        return PyErr_CheckSignals()     # there is no room for such a call
    if pass_checkpoint(kernel.checkpoints, number, kernel.function, kernel.lines[number], state.parent) == 0:
        return 0
    error = cascade_raised()
    strip_entries(error, parents + 1)
    set_error(error)
    return -1
