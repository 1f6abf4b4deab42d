# Machine code of kernels: when it is made. See machine_code.h. Included by _vm.pyx.

cdef extern from "vm/kernel.h":
    ctypedef struct SourceCode "cascade_source_code":
        TypedWord* words
        const int32_t* opcodes
        int32_t length, registers, spare, first_scratch
        const Register* image
        int32_t first_constant, constant_count
        const int* has_target
        const int* ends
        const uint8_t* nesting
        void* kernel
        bint (*has_same_exits)(void*, int32_t, int32_t) noexcept
    Pages* cascade_make_machine_code(const SourceCode*)
    void cascade_free_pages(Pages*)
    bint cascade_is_refused(PyObject*) noexcept
    void cascade_write_name(const Pages*, const char*, const char*) noexcept
    void cascade_show_debugger(Pages*, const char*) noexcept
    int CASCADE_HAS_MACHINE_CODE
    size_t cascade_page_bytes

cdef extern from "Python.h":
    object PyContextVar_New(const char*, PyObject*)
    PyObject* PyErr_Occurred() noexcept
    int PyThreadState_SetAsyncExc(unsigned long, PyObject*) noexcept
    unsigned long PyThread_get_thread_ident() noexcept
    void PyErr_WriteUnraisable(PyObject*) noexcept
    int Py_AddPendingCall(int (*)(void*) noexcept, void*) noexcept

cdef enum:
    MACHINE_WORK = 5000         # back edges of a kernel before there is machine code for it: some 0.1 ms
    SPARE_REGISTERS = 38        # of kernels made block by block, behind their own: FACT_SLOTS of machine_code/analysis.h
    MACHINE_TIMES = 8           # that it is made for a kernel which grows

cdef int64_t machine_work = work_by_environment()
cdef bint may_be_profiled = hasattr(sys, "is_stack_trampoline_active")
cdef bint names_machine_code = is_set("CASCADE_MACHINE_CODE_MAP")
cdef bint shows_machine_code = is_set("CASCADE_MACHINE_CODE_GDB")

makes_machine_code = PyContextVar_New("cascade machine code", NULL)
cdef PyObject* MAKES_MACHINE_CODE = <PyObject*>makes_machine_code
incref(MAKES_MACHINE_CODE)      # whoever deletes the name does no harm


cdef bint is_set(const char* name) noexcept:
    cdef const char* value = getenv(name)
    return value != NULL and value[0] != 0


cdef int64_t work_by_environment() noexcept:
    cdef const char* value = getenv("CASCADE_MACHINE_CODE")
    if value == NULL or value[0] == 0:
        return MACHINE_WORK
    if strcmp(value, "off") == 0:
        return INT64_MAX
    return 0 if strcmp(value, "at once") == 0 else MACHINE_WORK


def has_machine_code():
    """Returns whether the extension can make machine code on this platform."""
    return CASCADE_HAS_MACHINE_CODE != 0


def machine_code_bytes():
    """Returns the size of the pages that machine code takes now, in bytes."""
    return cascade_page_bytes


def use_machine_code(work):
    """Sets when kernels get machine code.

    Args:
        work: after how many back edges; 0 for at once, None for the usual number, and -1 for never.
    """
    global machine_work
    if work is not None and type(work) is not int:
        raise TypeError(f"a number of back edges, or None, was expected, not {work!r}")
    machine_work = MACHINE_WORK if work is None else INT64_MAX if work < 0 else min(work, 1 << 62)


cdef bint make_machine_code(Pages** pages, SourceCode* source) noexcept:
    # Returns whether there is some more.
    cdef Pages* made
    source.has_target = <const int*>KERNEL_TARGETS
    source.ends = <const int*>KERNEL_ENDS
    made = cascade_make_machine_code(source)
    if made == NULL:
        return False
    made.before = pages[0]
    pages[0] = made
    return True


cdef void name_machine_code(Pages* pages, kernel) noexcept:
    # For `perf` and debuggers, where the environment or CPython's own support asks for it. An exception that is set stays.
    cdef PyObject *error_type, *error, *traceback
    if not names_machine_code and not may_be_profiled and not shows_machine_code:
        return
    PyErr_Fetch(&error_type, &error, &traceback)
    try:
        code = (<BlockKernel>kernel).code if type(kernel) is BlockKernel else (<Kernel>kernel).code.lines[0][0].code
        name = code.co_qualname.encode("utf-8", "replace")
        if names_machine_code or (may_be_profiled and sys.is_stack_trampoline_active()):
            cascade_write_name(pages, name, code.co_filename.encode("utf-8", "replace"))
        if shows_machine_code:
            cascade_show_debugger(pages, name)
    except BaseException:
        pass        # it has no name
    PyErr_Restore(error_type, error, traceback)


cdef void raise_later(BlockKernel kernel, error) noexcept:
    # Takes care of an exception where none can be raised: one of the program's is raised where the thread looks for signals next.
    import threading
    if not kernel.translator.is_interruption(error):
        set_error(error)
        PyErr_WriteUnraisable(<PyObject*>kernel)        # in tests only: see `grown`
    elif threading.current_thread() is not threading.main_thread():
        PyThreadState_SetAsyncExc(PyThread_get_thread_ident(), <PyObject*>type_of(<PyObject*>error))
    else:
        incref(<PyObject*>error)
        if Py_AddPendingCall(raise_now, <void*>error) != 0:
            decref(<PyObject*>error)        # very many are pending already


cdef int raise_now(void* error) noexcept:
    set_error(<object>error)
    decref(<PyObject*>error)
    return -1


cdef void make_machine_code_of(Kernel kernel) noexcept:
    cdef SourceCode source
    if cascade_is_refused(MAKES_MACHINE_CODE):
        kernel.machine_at = kernel.work + MACHINE_WORK      # another run may have it
        return
    kernel.machine_at = INT64_MAX
    source.words = kernel.words
    source.opcodes = kernel.opcodes
    source.length = <int32_t>kernel.length
    source.registers = <int32_t>kernel.register_count
    source.spare = 0
    source.first_scratch = INT32_MAX
    source.image = kernel.image
    source.first_constant = <int32_t>kernel.first_constant
    source.constant_count = <int32_t>kernel.constant_count
    source.nesting = NULL
    source.kernel = <void*>kernel
    source.has_same_exits = has_same_exits
    if make_machine_code(&kernel.pages, &source):
        name_machine_code(kernel.pages, kernel)


cdef void make_machine_code_of_blocks(BlockKernel kernel) noexcept:
    global pieces_made
    cdef SourceCode source
    cdef uint8_t* nesting
    if kernel.callee.machine_growths == kernel.callee.growths:
        return
    if PyErr_Occurred() == NULL:
        try:
            kernel.inline_calls()
        except BaseException as error:
            raise_later(kernel, error)
    if cascade_is_refused(MAKES_MACHINE_CODE):
        kernel.callee.machine_at = kernel.callee.work + MACHINE_WORK
        return
    source.words = kernel.words
    source.opcodes = kernel.opcodes
    source.length = <int32_t>kernel.length
    source.registers = <int32_t>kernel.register_count - SPARE_REGISTERS
    source.spare = SPARE_REGISTERS
    source.first_scratch = <int32_t>kernel.first_scratch
    source.image = kernel.image
    source.first_constant = <int32_t>kernel.first_constant
    source.constant_count = <int32_t>kernel.constant_count
    source.nesting = nesting = nesting_of(kernel)
    source.kernel = <void*>kernel
    source.has_same_exits = has_same_block_exits
    kernel.callee.machine_growths = kernel.callee.growths
    pieces_made += 1
    kernel.machine_times += 1
    kernel.callee.machine_at = 0 if machine_work == 0 else 2 * kernel.callee.work if kernel.machine_times < MACHINE_TIMES else INT64_MAX
    if make_machine_code(&kernel.pages, &source):
        name_machine_code(kernel.pages, kernel)
    else:
        kernel.callee.machine_at = INT64_MAX
    PyMem_Free(nesting)


cdef bint has_same_exits(void* kernel, int32_t one, int32_t other) noexcept:
    cdef Kernel known = <Kernel>kernel
    if PyErr_Occurred() != NULL:
        return False
    try:
        first, second = [known.code.exits[known.code.exit_of[number]] for number in (one, other)]
        return (first.body, first.statement, first.again, sorted(first.names), first.ranges) == (
            second.body, second.statement, second.again, sorted(second.names), second.ranges)
    except BaseException:
        return False


cdef bint has_same_block_exits(void* kernel, int32_t one, int32_t other) noexcept:
    cdef BlockKernel known = <BlockKernel>kernel
    return known.exit_of[one] == known.exit_of[other]


cdef uint8_t* nesting_of(BlockKernel kernel) noexcept:
    # Returns for each word how many loops of the source its instruction stands in; NULL where that cannot be found out now.
    cdef Py_ssize_t number, unit
    cdef uint8_t* found = <uint8_t*>PyMem_Calloc(kernel.length, 1) if PyErr_Occurred() == NULL else NULL
    if found == NULL:
        return NULL
    try:
        nesting, exits = kernel.nesting, kernel.translator.exits
        for number in range(kernel.length):
            unit = exits[kernel.exit_of[number]].offset // 2
            found[number] = nesting[unit]
    except BaseException:
        pass            # whoever has changed the tables gets slower code
    return found


cdef object shown_machine_code(Pages* pages):
    # The bytes; where in them the code of each word begins, and behind these, what is off the usual way; the address; None where there is none.
    if pages == NULL:
        return None
    return pages.bytes[:pages.used], [pages.offsets[i] for i in range(pages.count + 1)], <size_t>pages.bytes
