# The check of the extension's assumptions about CPython, made at import. Included by _vm.pyx.

def check_cpython(str fault=None):
    """Checks the assumptions about CPython's private parts (see vm/cpython.h); it takes some 50 microseconds.

    Args:
        fault: the name of a check to fail, for tests.

    Raises:
        ImportError: one of them does not hold in this CPython.
    """
    cdef int i, held
    for i in range(CHECK_COUNT):
        name = (<bytes>CHECKS[i].name).decode()
        held = CHECKS[i].holds(name == fault)
        if held < 0:
            raise_set()
        if not held:
            raise ImportError(refusal((<bytes>CHECKS[i].promise).decode()), name="cascade._vm")


cdef str refusal(str promise):
    cdef str built = f"{PY_MAJOR_VERSION}.{PY_MINOR_VERSION}"
    return (
        f"cascade's extension module cannot run on this interpreter, {sys.implementation.name} {sys.version.split()[0]}: it was built "
        f"for CPython {built} and relies on something that does not hold here: {promise}. Use a release of CPython {built}, or install "
        f"cascade again with this interpreter so that it is built for it"
    )


check_cpython()
