# The loop that runs typed code: no Python objects, and the GIL released when it takes long.
# Included by _vm.pyx. The instructions are described in cascade/opcodes.py.

from libc.math cimport copysign, floor, fmod
from libc.stdint cimport INT64_MAX, INT64_MIN, uint64_t
from cascade._opcodes cimport *

cdef extern from *:
    """
    #define cascade_add(a, b, r) __builtin_add_overflow(a, b, r)
    #define cascade_sub(a, b, r) __builtin_sub_overflow(a, b, r)
    #define cascade_mul(a, b, r) __builtin_mul_overflow(a, b, r)
    """
    bint cascade_add(int64_t, int64_t, int64_t*) noexcept nogil
    bint cascade_sub(int64_t, int64_t, int64_t*) noexcept nogil
    bint cascade_mul(int64_t, int64_t, int64_t*) noexcept nogil
    object PyLong_FromLongLong(long long)
    long long PyLong_AsLongLongAndOverflow(object, int*) except? -1

cdef enum:
    TYPED_RETURNED = 1
    TYPED_LEFT = 2
    TYPED_OUT_OF_FUEL = 3
    TYPED_OUT_OF_STEPS = 4
    SHORT_FUEL = 2000           # back edges before the GIL is released
    LONG_FUEL = 200000          # and before the event loop has its turn: some 0.5 ms
    KERNEL_LIMIT = 32           # kernels made for one task, all in all
    EXACT = 1 << 53             # integers up to here are doubles, too

_typed_verifier = None


def install_typed_verifier(verify):
    """Sets the check that typed code has to pass before it can be run: raises, or returns None."""
    global _typed_verifier
    _typed_verifier = verify


@cython.final
cdef class Kernel:
    """Verified typed code, ready to run.

    Attributes:
        code: the `TypedCode`.
        entries, exits: how often it was entered, and left before its end.
    """

    def __init__(self, code):
        if self.code is not None or _typed_verifier is None:
            raise InternalError("typed code can only run after verification, once")
        _typed_verifier(code)
        cdef bytes words = code.words
        self.words = <const Word*><const char*>words
        self.count = len(code.types)
        self.register_count = code.registers
        self.types_held = b"".join({"int": b"i", "float": b"d", "bool": b"b"}[kind] for kind in code.types) + b"\0"
        self.types = self.types_held
        self.statements = code.statements
        self.kept = code.kept
        self.constants = code.constants, words
        self.code = code


cdef bint fits(Kernel kernel, PyObject** values) noexcept:
    # Whether the arguments are of exactly the kernel's types, integers of 64 bits.
    cdef Py_ssize_t i
    cdef int overflow
    cdef PyTypeObject* kind
    for i in range(kernel.count):
        kind = type_of(values[i])
        if kernel.types[i] == b"i":
            if kind != <PyTypeObject*>int:
                return False
            overflow = 0
            PyLong_AsLongLongAndOverflow(<object>values[i], &overflow)
            if overflow:
                return False
        elif kernel.types[i] == b"d":
            if kind != <PyTypeObject*>float:
                return False
        elif kind != <PyTypeObject*>bool:
            return False
    return True


cdef Kernel find_kernel(host, Routine routine, PyObject** values, Py_ssize_t count):
    # The kernel for the arguments, made when their types are seen for the first time; None where there is none.
    cdef Kernel kernel
    cdef Py_ssize_t i
    if routine.kernels is None:
        routine.kernels = []
        routine.seen = set()
    for kernel in routine.kernels:
        if fits(kernel, values):
            if not kernel.code.guards_hold():
                routine.kernels.remove(kernel)
                routine.seen.discard(kernel.kinds)
                break
            if kernel.exits > 1000 and kernel.exits * 2 > kernel.entries:
                return None     # it keeps leaving: calling the function is faster
            kernel.entries += 1
            return kernel
    kinds = tuple([type(<object>values[i]) for i in range(count)])
    if kinds in routine.seen or routine.made >= KERNEL_LIMIT:
        return None
    routine.seen.add(kinds)
    routine.made += 1
    made = host.kernel(routine.owner, kinds)
    if made is None:
        return None
    kernel = <Kernel?>made
    kernel.kinds = kinds
    routine.kernels.append(kernel)
    if not fits(kernel, values):
        return None
    kernel.entries += 1
    return kernel


cdef int enter_kernel(Frame frame) except -1:
    # Unboxes the arguments.
    cdef Kernel kernel = frame.kernel
    cdef Py_ssize_t i
    if frame.register_count < kernel.register_count:
        PyMem_Free(frame.registers)
        frame.registers = <Register*>PyMem_Malloc(kernel.register_count * sizeof(Register))
        frame.register_count = 0
        if frame.registers == NULL:
            raise MemoryError
        frame.register_count = kernel.register_count
    for i in range(kernel.count):
        if kernel.types[i] == b"d":
            frame.registers[i].d = <double><object>frame.values[i]
        else:
            frame.registers[i].i = <long long><object>frame.values[i]
    for i in range(kernel.count, kernel.register_count):
        frame.registers[i].i = 0
    frame.typed_pc = 0
    return 0


cdef object boxed(Register value, char kind):
    if kind == b"d":
        return value.d
    if kind == b"b":
        return value.i != 0
    return PyLong_FromLongLong(value.i)


cdef int keep_arguments(Frame frame) except -1:
    # After tail calls in the kernel: the frame's slots are the arguments of the last one.
    cdef Kernel kernel = frame.kernel
    cdef Py_ssize_t i, register
    cdef object value
    for i in range(kernel.count):
        register = kernel.kept[i]
        value = boxed(frame.registers[register], kernel.types[i])
        incref(<PyObject*>value)
        set_slot(frame, i, <PyObject*>value)
    return 0


cdef object leave_kernel(Frame frame, Kernel kernel):
    # Goes on in CPython at the statement that the typed code has left at; returns or raises what that does.
    cdef int statement = kernel.statements[frame.typed_pc]
    cdef Py_ssize_t register
    cdef dict values = {}
    cdef list ranges = []
    way = kernel.code.exits[statement]
    for name, register, kind in way.names:
        values[name] = boxed(frame.registers[register], b"d" if kind == "float" else b"b" if kind == "bool" else b"i")
    for register in way.ranges:
        following = PyLong_FromLongLong(frame.registers[register].i)
        left = PyLong_FromLongLong(frame.registers[register + 1].i)
        step = PyLong_FromLongLong(frame.registers[register + 2].i)
        ranges.append(range(following, following + left * step, step))
    return kernel.code.resumption.resume(statement, values, ranges)


cdef int run_kernel(Frame frame, int64_t limit, int64_t* tails):
    # Runs until it returns, leaves, or is out of fuel or steps.
    cdef Kernel kernel = frame.kernel
    cdef Py_ssize_t pc = frame.typed_pc
    cdef Register result
    cdef int opcode = 0
    cdef int outcome = typed_loop(kernel.words, frame.registers, &pc, SHORT_FUEL, limit, tails)
    if outcome == TYPED_OUT_OF_FUEL:
        with nogil:
            outcome = typed_loop(kernel.words, frame.registers, &pc, LONG_FUEL, limit, tails)
    frame.typed_pc = pc
    if outcome == TYPED_RETURNED:
        opcode = kernel.words[pc].opcode
        if opcode == TYPED_RETURN_OBJECT:
            value = kernel.constants[0][kernel.words[pc].a]
        else:
            result = frame.registers[kernel.words[pc].a]
            value = boxed(result, b"i" if opcode == TYPED_RETURN_INT else b"d" if opcode == TYPED_RETURN_FLOAT else b"b")
        incref(<PyObject*>value)
        frame.typed_result = <PyObject*>value
    return outcome


cdef inline int64_t floor_divide(int64_t a, int64_t b) noexcept nogil:
    cdef int64_t quotient = a / b
    if a % b != 0 and (a < 0) != (b < 0):
        quotient -= 1
    return quotient


cdef inline int64_t floor_modulo(int64_t a, int64_t b) noexcept nogil:
    cdef int64_t rest = a % b
    if rest != 0 and (rest < 0) != (b < 0):
        rest += b
    return rest


# As CPython's float_floor_div and float_rem (Objects/floatobject.c) define them; b is not 0.

cdef inline double float_modulo(double a, double b) noexcept nogil:
    cdef double rest = fmod(a, b)
    if rest != 0.0:
        if (b < 0.0) != (rest < 0.0):
            rest += b
        return rest
    return copysign(0.0, b)


cdef inline double float_floor_divide(double a, double b) noexcept nogil:
    cdef double rest = fmod(a, b)
    cdef double quotient = (a - rest) / b
    cdef double whole
    if rest != 0.0 and (b < 0.0) != (rest < 0.0):
        quotient -= 1.0
    if quotient != 0.0:
        whole = floor(quotient)
        if quotient - whole > 0.5:
            whole += 1.0
        return whole
    return copysign(0.0, a / b)


cdef int typed_loop(
    const Word* words, Register* r, Py_ssize_t* place, int64_t fuel, int64_t limit, int64_t* tails
) noexcept nogil:
    cdef Py_ssize_t pc = place[0]
    cdef const Word* w
    cdef int64_t count = tails[0]
    cdef int64_t x
    cdef int opcode
    cdef int outcome = TYPED_LEFT
    while True:
        w = &words[pc]
        opcode = w.opcode
        pc += 1
        if opcode == TYPED_MOVE_INT:
            r[w.a].i = r[w.b].i
        elif opcode == TYPED_MOVE_FLOAT:
            r[w.a].d = r[w.b].d
        elif opcode == TYPED_LOAD_INT or opcode == TYPED_LOAD_FLOAT:
            r[w.a].i = <int64_t>((<uint64_t><unsigned int>w.c << 32) | <unsigned int>w.b)
        elif opcode == TYPED_ADD_INT:
            if cascade_add(r[w.b].i, r[w.c].i, &x):
                break
            r[w.a].i = x
        elif opcode == TYPED_ADD_INT_VALUE:
            if cascade_add(r[w.b].i, w.c, &x):
                break
            r[w.a].i = x
        elif opcode == TYPED_SUB_INT:
            if cascade_sub(r[w.b].i, r[w.c].i, &x):
                break
            r[w.a].i = x
        elif opcode == TYPED_MUL_INT:
            if cascade_mul(r[w.b].i, r[w.c].i, &x):
                break
            r[w.a].i = x
        elif opcode == TYPED_MUL_INT_VALUE:
            if cascade_mul(r[w.b].i, w.c, &x):
                break
            r[w.a].i = x
        elif opcode == TYPED_FLOORDIV_INT:
            if r[w.c].i == 0 or (r[w.c].i == -1 and r[w.b].i == INT64_MIN):
                break
            r[w.a].i = floor_divide(r[w.b].i, r[w.c].i)
        elif opcode == TYPED_FLOORDIV_INT_VALUE:
            r[w.a].i = floor_divide(r[w.b].i, w.c)
        elif opcode == TYPED_MOD_INT:
            if r[w.c].i == 0 or r[w.c].i == -1:
                if r[w.c].i == 0:
                    break
                r[w.a].i = 0
            else:
                r[w.a].i = floor_modulo(r[w.b].i, r[w.c].i)
        elif opcode == TYPED_MOD_INT_VALUE:
            r[w.a].i = floor_modulo(r[w.b].i, w.c)
        elif opcode == TYPED_LSHIFT_INT:
            if r[w.c].i < 0 or (r[w.c].i > 62 and r[w.b].i != 0):
                break
            if r[w.b].i == 0:
                r[w.a].i = 0
            else:
                x = <int64_t>(<uint64_t>r[w.b].i << <uint64_t>r[w.c].i)
                if x >> r[w.c].i != r[w.b].i:
                    break
                r[w.a].i = x
        elif opcode == TYPED_RSHIFT_INT:
            if r[w.c].i < 0:
                break
            r[w.a].i = r[w.b].i >> (63 if r[w.c].i > 63 else r[w.c].i)
        elif opcode == TYPED_AND_INT:
            r[w.a].i = r[w.b].i & r[w.c].i
        elif opcode == TYPED_OR_INT:
            r[w.a].i = r[w.b].i | r[w.c].i
        elif opcode == TYPED_XOR_INT:
            r[w.a].i = r[w.b].i ^ r[w.c].i
        elif opcode == TYPED_NEGATE_INT:
            if r[w.b].i == INT64_MIN:
                break
            r[w.a].i = -r[w.b].i
        elif opcode == TYPED_INVERT_INT:
            r[w.a].i = ~r[w.b].i
        elif opcode == TYPED_DIVIDE_INT:
            if (r[w.c].i == 0 or r[w.b].i > EXACT or r[w.b].i < -EXACT or r[w.c].i > EXACT or r[w.c].i < -EXACT):
                break
            r[w.a].d = <double>r[w.b].i / <double>r[w.c].i
        elif opcode == TYPED_ADD_FLOAT:
            r[w.a].d = r[w.b].d + r[w.c].d
        elif opcode == TYPED_SUB_FLOAT:
            r[w.a].d = r[w.b].d - r[w.c].d
        elif opcode == TYPED_MUL_FLOAT:
            r[w.a].d = r[w.b].d * r[w.c].d
        elif opcode == TYPED_DIVIDE_FLOAT:
            if r[w.c].d == 0.0:
                break
            r[w.a].d = r[w.b].d / r[w.c].d
        elif opcode == TYPED_FLOORDIV_FLOAT:
            if r[w.c].d == 0.0:
                break
            r[w.a].d = float_floor_divide(r[w.b].d, r[w.c].d)
        elif opcode == TYPED_MOD_FLOAT:
            if r[w.c].d == 0.0:
                break
            r[w.a].d = float_modulo(r[w.b].d, r[w.c].d)
        elif opcode == TYPED_NEGATE_FLOAT:
            r[w.a].d = -r[w.b].d
        elif opcode == TYPED_TO_FLOAT:
            r[w.a].d = <double>r[w.b].i
        elif opcode == TYPED_TO_EXACT_FLOAT:
            if r[w.b].i > EXACT or r[w.b].i < -EXACT:
                break
            r[w.a].d = <double>r[w.b].i
        elif opcode == TYPED_LESS_INT:
            r[w.a].i = r[w.b].i < r[w.c].i
        elif opcode == TYPED_LESS_EQUAL_INT:
            r[w.a].i = r[w.b].i <= r[w.c].i
        elif opcode == TYPED_EQUAL_INT:
            r[w.a].i = r[w.b].i == r[w.c].i
        elif opcode == TYPED_NOT_EQUAL_INT:
            r[w.a].i = r[w.b].i != r[w.c].i
        elif opcode == TYPED_LESS_FLOAT:
            r[w.a].i = r[w.b].d < r[w.c].d
        elif opcode == TYPED_LESS_EQUAL_FLOAT:
            r[w.a].i = r[w.b].d <= r[w.c].d
        elif opcode == TYPED_EQUAL_FLOAT:
            r[w.a].i = r[w.b].d == r[w.c].d
        elif opcode == TYPED_NOT_EQUAL_FLOAT:
            r[w.a].i = r[w.b].d != r[w.c].d
        elif opcode == TYPED_JUMP_LESS_INT:
            if r[w.a].i < r[w.b].i:
                pc = w.c
        elif opcode == TYPED_JUMP_LESS_EQUAL_INT:
            if r[w.a].i <= r[w.b].i:
                pc = w.c
        elif opcode == TYPED_JUMP_EQUAL_INT:
            if r[w.a].i == r[w.b].i:
                pc = w.c
        elif opcode == TYPED_JUMP_NOT_EQUAL_INT:
            if r[w.a].i != r[w.b].i:
                pc = w.c
        elif opcode == TYPED_JUMP_LESS_FLOAT:
            if r[w.a].d < r[w.b].d:
                pc = w.c
        elif opcode == TYPED_JUMP_LESS_EQUAL_FLOAT:
            if r[w.a].d <= r[w.b].d:
                pc = w.c
        elif opcode == TYPED_JUMP_EQUAL_FLOAT:
            if r[w.a].d == r[w.b].d:
                pc = w.c
        elif opcode == TYPED_JUMP_NOT_EQUAL_FLOAT:
            if r[w.a].d != r[w.b].d:
                pc = w.c
        elif opcode == TYPED_JUMP_NOT_LESS_FLOAT:
            if not (r[w.a].d < r[w.b].d):
                pc = w.c
        elif opcode == TYPED_JUMP_NOT_LESS_EQUAL_FLOAT:
            if not (r[w.a].d <= r[w.b].d):
                pc = w.c
        elif opcode == TYPED_JUMP_LESS_VALUE:
            if r[w.a].i < w.b:
                pc = w.c
        elif opcode == TYPED_JUMP_LESS_EQUAL_VALUE:
            if r[w.a].i <= w.b:
                pc = w.c
        elif opcode == TYPED_JUMP_EQUAL_VALUE:
            if r[w.a].i == w.b:
                pc = w.c
        elif opcode == TYPED_JUMP_NOT_EQUAL_VALUE:
            if r[w.a].i != w.b:
                pc = w.c
        elif opcode == TYPED_JUMP_MORE_VALUE:
            if r[w.a].i > w.b:
                pc = w.c
        elif opcode == TYPED_JUMP_MORE_EQUAL_VALUE:
            if r[w.a].i >= w.b:
                pc = w.c
        elif opcode == TYPED_JUMP_FALSE_FLOAT:
            if r[w.a].d == 0.0:
                pc = w.c
        elif opcode == TYPED_JUMP_TRUE_FLOAT:
            if r[w.a].d != 0.0:
                pc = w.c
        elif opcode == TYPED_JUMP:
            pc = w.c
        elif opcode == TYPED_BACK:
            pc = w.c
            fuel -= 1
            if fuel == 0:
                place[0] = pc
                tails[0] = count
                return TYPED_OUT_OF_FUEL
        elif opcode == TYPED_TAIL:
            count += 1
            if count > limit:
                outcome = TYPED_OUT_OF_STEPS
                break
            pc = 0
            fuel -= 1
            if fuel == 0:
                place[0] = pc
                tails[0] = count
                return TYPED_OUT_OF_FUEL
        elif opcode == TYPED_RANGE:
            if not start_range(&r[w.a]):
                break
        elif opcode == TYPED_NEXT:
            if r[w.b + 1].i == 0:
                pc = w.c
            else:
                r[w.a].i = r[w.b].i
                r[w.b].i = <int64_t>(<uint64_t>r[w.b].i + <uint64_t>r[w.b + 2].i)
                r[w.b + 1].i -= 1
        elif opcode == TYPED_LEAVE:
            break
        else:
            # The returns.
            outcome = TYPED_RETURNED
            break
    place[0] = pc - 1
    tails[0] = count
    return outcome


cdef inline bint start_range(Register* state) noexcept nogil:
    # start, stop, step -> next, how many are left, step. False where Python has to say what is wrong.
    cdef int64_t start = state[0].i, stop = state[1].i, step = state[2].i
    cdef uint64_t left = 0
    if step == 0:
        return False
    if step > 0 and start < stop:
        left = (<uint64_t>stop - <uint64_t>start - 1) / <uint64_t>step + 1
    elif step < 0 and start > stop:
        left = (<uint64_t>start - <uint64_t>stop - 1) / (<uint64_t>0 - <uint64_t>step) + 1
    if left > <uint64_t>INT64_MAX:
        return False
    state[1].i = <int64_t>left
    return True
