# Checkpoints: CPython does what waits to be done between two of its instructions. Included by _vm.pyx.
#
# It does so where a function begins, so a function is called that does nothing: signals are handled, a thread that waits for the GIL gets it,
# and an exception that another thread has set is raised. Whoever looks at the frame, as a handler of signals does, sees one of the function
# whose typed code runs, at its line. It is made without Python code, in whose frame all this would happen.

cdef object NOTHING_CODE = eval("lambda rest=None: None").__code__
cdef object CALLING_CODE = None
cdef object FUNCTION_TYPE = type(eval("lambda: None"))


cdef object calling_code():
    # Returns the code of functions that call others, and do not look themselves for what waits to be done: as if they went on after a yield.
    global CALLING_CODE
    if CALLING_CODE is None:
        from opcode import opmap
        code = eval("lambda rest: rest[0](rest[1])").__code__
        CALLING_CODE = code.replace(co_code=code.co_code.replace(bytes([opmap["RESUME"], 0]), bytes([opmap["RESUME"], 2]), 1))
    return CALLING_CODE


cdef object checkpoint_at(dict known, number, function, line, bint calls):
    # Returns a function that does nothing, or calls another one, and looks like `function` at that line. `known`: those made before, by the
    # number of their word; of those that call, counted from below zero.
    key = -1 - number if calls else number
    made = known.get(key)
    if made is None:
        shown = function.__code__
        code = (calling_code() if calls else NOTHING_CODE).replace(
            co_name=shown.co_name, co_qualname=shown.co_qualname, co_filename=shown.co_filename, co_firstlineno=line)
        made = known[key] = FUNCTION_TYPE(code, function.__globals__, function.__name__, (None,))
    return made


cdef int pass_checkpoint(made, rest, TypedState* parent) noexcept:
    # Returns -1 where an exception is set.
    cdef PyObject* arguments[2]
    cdef PyObject* result
    arguments[0] = NULL
    arguments[1] = <PyObject*>rest
    result = cascade_call_under(parent, <PyObject*>made, arguments + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET)
    if result == NULL:
        return -1
    decref(result)
    return 0


cdef int pass_typed_checkpoint(Kernel kernel, TypedState* state) noexcept:
    # Under the functions that have called the one which runs, the outermost first.
    cdef Py_ssize_t depth = state.depth
    cdef object made, rest = None
    try:
        number = state.word - kernel.words
        source, line = kernel.code.lines[number]
        if source is None:
            return PyErr_CheckSignals()     # no code of the user's runs there
        made = checkpoint_at(kernel.checkpoints, number, source.function, line, False)
        if cascade_depth_left() <= depth + 2:
            depth = 0
        while depth > 0:
            depth -= 1
            number = state.calls[depth].word - kernel.words
            source, line = kernel.code.lines[number]
            rest = (made, rest)
            made = checkpoint_at(kernel.checkpoints, number, source.function, line, True)
    except BaseException as error:
        set_error(error)
        return -1
    return pass_checkpoint(made, rest, NULL)


cdef int pass_block_checkpoint(BlockKernel kernel, TypedState* state) noexcept:
    # The traceback of its exception has no entry of it: the continuation that raises it again adds one.
    cdef Py_ssize_t number = state.word - kernel.words
    if cascade_depth_left() <= parents_of(state) + 2:
        return PyErr_CheckSignals()     # there is no room for such a call
    try:
        made = checkpoint_at(kernel.checkpoints, number, kernel.function, kernel.lines[number], False)
    except BaseException as error:
        set_error(error)
        return -1
    if pass_checkpoint(made, None, state.parent) == 0:
        return 0
    error = cascade_raised()
    if strip_parents(error, state):
        strip_entry(error, made)
    set_error(error)
    return -1
