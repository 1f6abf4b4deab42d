# The types and functions that the layers above provide, each once, when they are imported. Included by _vm.pyx.

cdef object DEFERRED = None             # types
cdef object NO_INPUT = None
cdef object CALL_OUT = None
cdef object ITERATION_END = None
cdef object VERIFY = None               # functions
cdef object VERIFY_TYPED = None
cdef object REENTER = None
cdef object PROFILED_CALLER = None
cdef object MISSING = None
cdef object BLOCK_KERNEL_OF = None
cdef object TRANSLATOR_TYPE = None
cdef object KERNEL_OF_CALL = None
cdef object INNERMOST_SCOPE = None      # a context variable
cdef object CHECK_SCOPES = None


def configure(*, type deferred_type=None, type no_input_type=None, verify=None, verify_typed=None, type call_out_type=None,
              reenter=None, type iteration_end_type=None, profiled_caller=None, missing=None, block_kernel_of=None, type translator_type=None,
              kernel_of_call=None, innermost_scope=None, check_scopes=None):
    """Sets the types and functions of the layers above that the extension uses. Each is set once in a process.

    Args:
        deferred_type: the class of values that have yet to be computed; the extension counts its instances.
        no_input_type: the class of the placeholders for arguments that a Jump has to bring.
        verify: verifies a blueprint; raises where it may not run.
        verify_typed: verifies typed code; raises where it may not run.
        call_out_type: the class of call-outs, which are among the objects of typed code.
        reenter: returns the continuation after an iteration that CPython has run: a word of the typed code and the
            values of its registers, or a function and its arguments.
        iteration_end_type: the class of the result of such an iteration, where the function has not ended.
        profiled_caller: returns, for typed code, a function that calls its argument and looks like the task's to a
            profiler.
        missing: stands for the meaning of a name that has none.
        translator_type: the class of translators of block kernels.
        block_kernel_of: returns the `BlockKernel` of a function, or the diagnostics where it has none.
        kernel_of_call: makes the kernels for calls that no `Machine` makes: an object with the method `kernel` of a context.
        innermost_scope: the context variable of the run, or call in a thread, around a call; None in it where there is none.
        check_scopes: raises where one around a call has to end.

    Raises:
        InternalError: another value is set already.
    """
    global DEFERRED, NO_INPUT, CALL_OUT, ITERATION_END, VERIFY, VERIFY_TYPED, REENTER, PROFILED_CALLER, MISSING, BLOCK_KERNEL_OF, \
        TRANSLATOR_TYPE, KERNEL_OF_CALL, INNERMOST_SCOPE, CHECK_SCOPES, cascade_deferred
    deferred_type = given_once("deferred_type", DEFERRED, deferred_type)
    no_input_type = given_once("no_input_type", NO_INPUT, no_input_type)
    call_out_type = given_once("call_out_type", CALL_OUT, call_out_type)
    iteration_end_type = given_once("iteration_end_type", ITERATION_END, iteration_end_type)
    verify = given_once("verify", VERIFY, verify)
    verify_typed = given_once("verify_typed", VERIFY_TYPED, verify_typed)
    reenter = given_once("reenter", REENTER, reenter)
    profiled_caller = given_once("profiled_caller", PROFILED_CALLER, profiled_caller)
    if deferred_type is not None and DEFERRED is None:
        DEFERRED = deferred_type        # keeps it alive
        cascade_deferred = <PyTypeObject*>deferred_type
        cascade_count_results(cascade_deferred)
        cascade_fill_results(cascade_deferred)
    NO_INPUT = no_input_type
    CALL_OUT = call_out_type
    ITERATION_END = iteration_end_type
    VERIFY = verify
    VERIFY_TYPED = verify_typed
    REENTER = reenter
    PROFILED_CALLER = profiled_caller
    MISSING = given_once("missing", MISSING, missing)
    BLOCK_KERNEL_OF = given_once("block_kernel_of", BLOCK_KERNEL_OF, block_kernel_of)
    TRANSLATOR_TYPE = given_once("translator_type", TRANSLATOR_TYPE, translator_type)
    KERNEL_OF_CALL = given_once("kernel_of_call", KERNEL_OF_CALL, kernel_of_call)
    INNERMOST_SCOPE = given_once("innermost_scope", INNERMOST_SCOPE, innermost_scope)
    CHECK_SCOPES = given_once("check_scopes", CHECK_SCOPES, check_scopes)


cdef object given_once(str name, object known, object given):
    if given is None or given is known:
        return known
    if known is not None:
        raise InternalError(f"configure({name}={given!r}) when {known!r} is in use")
    return given


def kernel_of_call():
    """Returns what was configured as `kernel_of_call`, None where nothing was: a worker process is given it."""
    return KERNEL_OF_CALL
