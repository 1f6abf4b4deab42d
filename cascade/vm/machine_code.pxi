# Machine code of kernels: when it is made. See machine_code.h. Included by _vm.pyx.

cdef extern from "vm/kernel.h":
    ctypedef struct SourceCode "cascade_source_code":
        TypedWord* words
        const int32_t* opcodes
        int32_t length, registers, spare
        const Register* image
        int32_t first_constant, constant_count
        const int* has_target
        const int* ends
    Pages* cascade_make_machine_code(const SourceCode*)
    void cascade_free_pages(Pages*)
    int CASCADE_HAS_MACHINE_CODE
    size_t cascade_page_bytes

cdef enum:
    MACHINE_WORK = 5000         # back edges of a kernel before there is machine code for it: some 0.1 ms
    SPARE_REGISTERS = 30        # of kernels made block by block, behind their own: FACT_SLOTS of machine_code/analysis.h
    MACHINE_TIMES = 8           # that it is made for a kernel which grows

cdef int64_t machine_work = work_by_environment()


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


cdef void make_machine_code_of(Kernel kernel) noexcept:
    cdef SourceCode source
    kernel.machine_at = INT64_MAX
    source.words = kernel.words
    source.opcodes = kernel.opcodes
    source.length = <int32_t>kernel.length
    source.registers = <int32_t>kernel.register_count
    source.spare = 0
    source.image = kernel.image
    source.first_constant = <int32_t>kernel.first_constant
    source.constant_count = <int32_t>kernel.constant_count
    make_machine_code(&kernel.pages, &source)


cdef void make_machine_code_of_blocks(BlockKernel kernel) noexcept:
    cdef SourceCode source
    if kernel.callee.machine_growths == kernel.callee.growths:
        return
    source.words = kernel.words
    source.opcodes = kernel.opcodes
    source.length = <int32_t>kernel.length
    source.registers = <int32_t>kernel.register_count - SPARE_REGISTERS
    source.spare = SPARE_REGISTERS
    source.image = kernel.image
    source.first_constant = <int32_t>kernel.first_constant
    source.constant_count = <int32_t>kernel.constant_count
    kernel.callee.machine_growths = kernel.callee.growths
    kernel.machine_times += 1
    kernel.callee.machine_at = 0 if machine_work == 0 else 2 * kernel.callee.work if kernel.machine_times < MACHINE_TIMES else INT64_MAX
    if not make_machine_code(&kernel.pages, &source):
        kernel.callee.machine_at = INT64_MAX


cdef object shown_machine_code(Pages* pages):
    # The bytes, and where the code of each word begins; None where there is none.
    if pages == NULL:
        return None
    return pages.bytes[:pages.used], [pages.offsets[i] for i in range(pages.count)], pages.forms
