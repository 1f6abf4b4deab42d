/* The operations of operations.h in the instructions of aarch64. Included by machine_code.h.
 *
 * Operands in memory and values that do not fit an instruction are taken into X17, and distances that do not fit into X16; floats into D31.
 * X18 is the platform's, X29 and X30 are the frame's. The last five places for ints are saved by `cascade_step_in`. */

enum { X0, X1, X2, X3, X4, X5, X6, X7, X8, X9, X10, X11, X12, X13, X14, X15, X16, X17, X19 = 19, X20, X21, X22, X23, XZR = 31 };
enum { D30 = 30, D31 = 31 };

enum { T0 = X0, T1 = X4, T2 = X5, T3 = X6, F0 = 0, F1 = 1, F2 = 2, REGISTERS = X1, FUEL = X2, STATE = X3 };
enum { ARGUMENT_WORD = X0, ARGUMENT_FUEL = X2, ARGUMENT_STATE = X3, LEAVING = X16 };
enum { INT_PLACES = 14, FLOAT_PLACES = 18 };
static const int8_t cascade_int_places[INT_PLACES] = {X7, X8, X9, X10, X11, X12, X13, X14, X15, X19, X20, X21, X22, X23};
static const int8_t cascade_float_places[FLOAT_PLACES] = {3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28};

enum { CC_E, CC_NE, CC_AE, CC_B, CC_S, CC_NS, CC_O, CC_NO, CC_A, CC_BE, CC_GE, CC_L, CC_G, CC_LE, CC_ALWAYS };
enum { CC_U = CC_O, CC_NU = CC_NO, CC_FB = CC_L, CC_FAE = CC_GE, CC_FBE = CC_LE, CC_FA = CC_G, UNORDERED_IS_EQUAL = 0 };

static void put(cascade_code *code, uint32_t instruction) { put_32(code, (int32_t)instruction); }
static void put_3(cascade_code *code, uint32_t instruction, int to, int left, int right)
{
    put(code, instruction | (uint32_t)right << 16 | (uint32_t)left << 5 | (uint32_t)to);
}

/* ---- Values and memory ---------------------------------------------------------------------------------------------- */

/* In parts of 16 bits: those that are none, or all, as most of them are, need no instruction behind the first. */
static void m_set(cascade_code *code, int reg, int64_t value)
{
    uint32_t parts[4], fill;
    int empty = 0, full = 0, is_first = 1;
    for (int i = 0; i < 4; i++) {
        parts[i] = (uint32_t)((uint64_t)value >> 16 * i & 0xFFFF);
        empty += parts[i] == 0;
        full += parts[i] == 0xFFFF;
    }
    fill = full > empty ? 0xFFFF : 0;
    for (int i = 0; i < 4; i++) {
        uint32_t place = (uint32_t)i << 21 | (uint32_t)reg;
        if (parts[i] == fill)
            continue;
        if (!is_first)
            put(code, 0xF2800000 | parts[i] << 5 | place);                  /* movk */
        else if (fill)
            put(code, 0x92800000 | (parts[i] ^ 0xFFFF) << 5 | place);       /* movn */
        else
            put(code, 0xD2800000 | parts[i] << 5 | place);                  /* movz */
        is_first = 0;
    }
    if (is_first)
        put(code, (fill ? 0x92800000 : 0xD2800000) | (uint32_t)reg);
}

enum { ADD_VALUE = 0x11000000, SUB_VALUE = 0x51000000, SETS_FLAGS = 0x20000000, WIDE = 0x80000000 };

/* to = from + value, which has at most 12 bits, or 24 with the lower half zero; returns whether it does. Of 32 bits, or `WIDE`. */
static int put_sum(cascade_code *code, int to, int from, int64_t value, uint32_t flags)
{
    uint32_t operation = (value < 0 ? SUB_VALUE : ADD_VALUE) | flags;
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    if (size < 1 << 12)
        put_3(code, operation | (uint32_t)size << 10, to, from, 0);
    else if (size < 1 << 24 && (size & 0xFFF) == 0)
        put_3(code, operation | 1 << 22 | (uint32_t)(size >> 12) << 10, to, from, 0);
    else
        return 0;
    return 1;
}

/* The address of a place in memory: a register, and a distance from it that an access may have in itself. */
typedef struct {
    int base;
    int32_t distance;
} cascade_address;

static cascade_address address_of(cascade_code *code, cascade_place place, int size)
{
    cascade_address found = {place.reg, place.displacement};
    if (place.index >= 0) {
        put_3(code, 0x8B000000 | (uint32_t)place.scale << 10, X16, place.reg, place.index);      /* add */
        found.base = X16;
    }
    if ((found.distance >= 0 && found.distance < size << 12 && found.distance % size == 0) || (found.distance >= -256 && found.distance < 256))
        return found;
    if (!put_sum(code, X16, found.base, found.distance, WIDE)) {
        int base = found.base;
        if (base == X16) {      /* of an item: no other register is free */
            code->failed = 1;
            return found;
        }
        m_set(code, X16, found.distance);
        put_3(code, 0x8B000000, X16, base, X16);
    }
    return (cascade_address){X16, 0};
}

/* Accesses: the form with a distance in units of the size; the others differ from it in a few bits. */
enum {
    LOAD_64 = 0xF9400000, STORE_64 = 0xF9000000, LOAD_32 = 0xB9400000, STORE_32 = 0xB9000000, LOAD_SIGNED_32 = 0xB9800000,
    LOAD_8 = 0x39400000, STORE_8 = 0x39000000, LOAD_FLOAT = 0xFD400000, STORE_FLOAT = 0xFD000000, LOAD_FLOAT_32 = 0xBD400000
};

static void put_access(cascade_code *code, uint32_t access, int reg, cascade_place place)
{
    int scale = (int)(access >> 30);
    if (place.index >= 0 && place.displacement == 0 && (place.scale == scale || place.scale == 0)) {
        put_3(code, (access & ~(uint32_t)0x01000000) | 0x00206800 | (uint32_t)(place.scale != 0) << 12, reg, place.reg, place.index);
        return;
    }
    cascade_address address = address_of(code, place, 1 << scale);
    if (address.distance >= 0 && address.distance % (1 << scale) == 0)
        put_3(code, access | (uint32_t)(address.distance >> scale) << 10, reg, address.base, 0);
    else
        put_3(code, (access & ~(uint32_t)0x01000000) | ((uint32_t)address.distance & 0x1FF) << 12, reg, address.base, 0);
}

static void put_copy(cascade_code *code, int to, int from) { put_3(code, 0xAA000000, to, XZR, from); }

static void m_load(cascade_code *code, int reg, cascade_place from)
{
    if (from.is_memory)
        put_access(code, LOAD_64, reg, from);
    else if (from.reg != reg)
        put_copy(code, reg, from.reg);
}
static void m_store(cascade_code *code, cascade_place to, int reg) { put_access(code, STORE_64, reg, to); }
static void m_put(cascade_code *code, cascade_place to, int reg)
{
    if (to.is_memory)
        m_store(code, to, reg);
    else
        m_load(code, to.reg, in_register(reg));
}
static void m_load_32(cascade_code *code, int reg, cascade_place from) { put_access(code, LOAD_32, reg, from); }
static void m_load_8(cascade_code *code, int reg, cascade_place from) { put_access(code, LOAD_8, reg, from); }
static void m_store_32(cascade_code *code, cascade_place to, int reg) { put_access(code, STORE_32, reg, to); }
static void m_store_8(cascade_code *code, cascade_place to, int reg) { put_access(code, STORE_8, reg, to); }
static void m_load_signed_32(cascade_code *code, int reg, cascade_place from)
{
    if (from.is_memory)
        put_access(code, LOAD_SIGNED_32, reg, from);
    else
        put_3(code, 0x93407C00, reg, from.reg, 0);      /* sxtw */
}
static void m_store_value(cascade_code *code, cascade_place to, int32_t value)
{
    m_set(code, X17, value);
    m_store(code, to, X17);
}
static void m_address(cascade_code *code, int reg, cascade_place of)
{
    int base = of.index >= 0 ? reg : of.reg;
    if (of.index >= 0)
        put_3(code, 0x8B000000 | (uint32_t)of.scale << 10, reg, of.reg, of.index);
    if ((base != reg || of.displacement != 0) && !put_sum(code, reg, base, of.displacement, WIDE))
        code->failed = 1;
}

/* The register of a place: its own, or another one with the value, X17 where nothing is said. */
static int taken_into(cascade_code *code, int reg, cascade_place place)
{
    if (!place.is_memory)
        return place.reg;
    m_load(code, reg, place);
    return reg;
}
static int taken(cascade_code *code, cascade_place place) { return taken_into(code, X17, place); }

/* ---- Integers ------------------------------------------------------------------------------------------------------- */

enum { M_ADD = 1, M_SUB, M_CMP, M_AND, M_OR, M_XOR };
enum { M_SHL, M_SHR, M_SAR };

/* Of 32 bits, or `wide`. */
static void put_operation(cascade_code *code, uint32_t wide, int operation, int to, int left, int right)
{
    static const uint32_t instructions[] = {0, 0x2B000000, 0x6B000000, 0x6B000000, 0x6A000000, 0x2A000000, 0x4A000000};
    put_3(code, instructions[operation] | wide, operation == M_CMP ? XZR : to, left, right);
}

/* Changes X16. */
static void put_operation_with(cascade_code *code, uint32_t wide, int operation, int to, int left, int32_t value)
{
    int is_difference = operation == M_SUB || operation == M_CMP;
    if (value != 0 && (operation == M_ADD || is_difference)
        && put_sum(code, operation == M_CMP ? XZR : to, left, is_difference ? -(int64_t)value : value, SETS_FLAGS | wide))
        return;
    if (value != 0)
        m_set(code, X16, value);
    put_operation(code, wide, operation, to, left, value != 0 ? X16 : XZR);
}

static void m_operate(cascade_code *code, int operation, int reg, cascade_place from) { put_operation(code, WIDE, operation, reg, reg, taken(code, from)); }

static void m_operate_with(cascade_code *code, int operation, cascade_place on, int32_t value)
{
    int reg = taken(code, on);
    put_operation_with(code, WIDE, operation, reg, reg, value);
}

static void m_operate_32_with(cascade_code *code, int operation, cascade_place on, int32_t value)
{
    int reg = on.is_memory ? X17 : on.reg;
    if (on.is_memory)
        m_load_32(code, X17, on);
    put_operation_with(code, 0, operation, reg, reg, value);
}

static void m_compare_8_with(cascade_code *code, cascade_place on, int value)
{
    m_load_8(code, X17, on);
    m_operate_with(code, M_CMP, in_register(X17), value);
}

static void m_test_32_with(cascade_code *code, cascade_place on, uint32_t bits)
{
    int reg = on.is_memory ? X17 : on.reg;
    if (on.is_memory)
        m_load_32(code, X17, on);
    m_set(code, X16, bits);
    put_operation(code, WIDE, M_AND, XZR, reg, X16);
}

static void m_test(cascade_code *code, int reg) { put_operation(code, WIDE, M_AND, XZR, reg, reg); }

static void m_combine(cascade_code *code, int operation, int to, cascade_place left, cascade_place right)
{
    int reg = taken_into(code, to, left);
    put_operation(code, WIDE, operation, to, reg, taken(code, right));
}
static void m_either(cascade_code *code, int to, int left, int right)
{
    put_operation(code, WIDE, M_OR, to, left, right);
    m_test(code, to);
}
static void m_combine_with(cascade_code *code, int operation, int to, cascade_place left, int32_t value)
{
    put_operation_with(code, WIDE, operation, to, taken_into(code, to, left), value);
}

static void m_shift_by(cascade_code *code, int kind, int reg, int count)
{
    if (kind == M_SHL)
        put_3(code, 0xD3400000 | (uint32_t)(-count & 63) << 16 | (uint32_t)(63 - count) << 10, reg, reg, 0);       /* ubfm */
    else
        put_3(code, (kind == M_SHR ? 0xD340FC00 : 0x9340FC00) | (uint32_t)count << 16, reg, reg, 0);       /* ubfm, sbfm */
}
static void m_shift(cascade_code *code, int kind, int reg)
{
    put_3(code, kind == M_SHL ? 0x9AC02000 : kind == M_SHR ? 0x9AC02400 : 0x9AC02800, reg, reg, T1);
}

/* Adds 1 or -1. */
static void put_step(cascade_code *code, cascade_place on, int step)
{
    int reg = taken(code, on);
    put_sum(code, reg, reg, step, on.is_memory ? WIDE : WIDE | SETS_FLAGS);
    if (on.is_memory)
        m_store(code, on, reg);
}
static void m_increment(cascade_code *code, cascade_place on) { put_step(code, on, 1); }
static void m_decrement(cascade_code *code, cascade_place on) { put_step(code, on, -1); }
static void m_negate(cascade_code *code, int reg) { put_operation(code, WIDE, M_SUB, reg, XZR, reg); }
static void m_invert(cascade_code *code, int reg) { put_3(code, 0xAA200000, reg, XZR, reg); }       /* orn */

static void m_set_if(cascade_code *code, int condition) { put_3(code, 0x9A800400 | (uint32_t)(condition ^ 1) << 12, T0, XZR, XZR); }    /* csinc */
static void m_load_if(cascade_code *code, int condition, int reg, int from)
{
    put_3(code, 0x9A800000 | (uint32_t)condition << 12, reg, from, reg);        /* csel */
}

/* ---- Products and quotients ----------------------------------------------------------------------------------------- */

enum { MADD = 0x9B000000, MSUB = 0x9B008000, SMULH = 0x9B407C00, UMULH = 0x9BC07C00, SDIV = 0x9AC00C00, UDIV = 0x9AC00800 };
static void put_product(cascade_code *code, int to, int left, int right) { put_3(code, MADD | XZR << 10, to, left, right); }

static void m_multiply(cascade_code *code, int reg, cascade_place by) { put_product(code, reg, reg, taken(code, by)); }
static void m_multiply_by(cascade_code *code, int reg, cascade_place from, int32_t value)
{
    int left = taken(code, from);       /* which may need X16 */
    m_set(code, X16, value);
    put_product(code, reg, left, X16);
}

/* The upper half of a product is that of its lower half's sign, else it takes more than 64 bits. */
static int put_checked_product(cascade_code *code, int to, int left, int right, int upper)
{
    put_3(code, SMULH, upper, left, right);
    put_product(code, to, left, right);
    put_3(code, 0xEB80FC00, XZR, upper, to);        /* cmp upper, to, asr 63 */
    return CC_NE;
}
static int m_product(cascade_code *code, int reg, cascade_place by) { return put_checked_product(code, reg, reg, taken(code, by), X16); }
static int m_product_by(cascade_code *code, int reg, cascade_place from, int32_t value)
{
    int left = taken_into(code, reg, from);
    m_set(code, X16, value);
    return put_checked_product(code, reg, left, X16, X17);
}

static void m_multiply_high(cascade_code *code) { put_3(code, UMULH, T2, T0, T2); }

static void m_divide(cascade_code *code, int wants_rest)
{
    if (!wants_rest) {
        put_3(code, UDIV, T0, T0, T1);
        return;
    }
    put_3(code, UDIV, T2, T0, T1);
    put_3(code, MSUB | T0 << 10, T0, T2, T1);
}

static void m_divide_down(cascade_code *code, int wants_rest)
{
    put_3(code, SDIV, T2, T0, T1);
    put_3(code, MSUB | T0 << 10, T3, T2, T1);       /* the rest, with the sign of T0 */
    put_operation(code, WIDE, M_XOR, X17, T3, T1);
    m_test(code, T3);
    put(code, 0xFA400800 | CC_NE << 12 | X17 << 5);     /* ccmp x17, 0, 0, ne: below zero where the rest is none and has another sign than T1 */
    if (wants_rest) {
        put_3(code, 0x9A800000 | CC_L << 12, X17, T1, XZR);     /* csel */
        put_3(code, 0x8B000000, T0, T3, X17);
    }
    else {
        put_3(code, 0x9A800400 | CC_GE << 12, X17, XZR, XZR);       /* cset lt */
        put_3(code, 0xCB000000, T0, T2, X17);
    }
}

/* ---- Floats --------------------------------------------------------------------------------------------------------- */

enum { M_FLOAT_ADD = 0x1E602800, M_FLOAT_SUB = 0x1E603800, M_FLOAT_MUL = 0x1E600800, M_FLOAT_DIV = 0x1E601800, M_FLOAT_SQRT = 0x1E61C000 };

static int taken_float(cascade_code *code, cascade_place place)
{
    if (!place.is_memory)
        return place.reg;
    put_access(code, LOAD_FLOAT, D31, place);
    return D31;
}

static void m_operate_float(cascade_code *code, int operation, int reg, cascade_place from)
{
    int right = taken_float(code, from);
    if (operation == M_FLOAT_SQRT)
        put_3(code, (uint32_t)operation, reg, right, 0);
    else
        put_3(code, (uint32_t)operation, reg, reg, right);
}
static void m_combine_float(cascade_code *code, int operation, int to, cascade_place left, cascade_place right)
{
    int one = left.reg;
    if (left.is_memory)
        put_access(code, LOAD_FLOAT, one = to, left);
    put_3(code, (uint32_t)operation, to, one, taken_float(code, right));
}
static void m_load_float(cascade_code *code, int reg, cascade_place from)
{
    if (from.is_memory)
        put_access(code, LOAD_FLOAT, reg, from);
    else if (from.reg != reg)
        put_3(code, 0x1E604000, reg, from.reg, 0);
}
static void m_store_float(cascade_code *code, cascade_place to, int reg) { put_access(code, STORE_FLOAT, reg, to); }
static void m_put_float(cascade_code *code, cascade_place to, int reg)
{
    if (to.is_memory)
        m_store_float(code, to, reg);
    else
        m_load_float(code, to.reg, in_register(reg));
}
static cascade_place m_constant(cascade_code *code, int64_t value, int spare)
{
    m_set(code, spare, value);
    return in_register(spare);
}
static void m_end(cascade_code *code) { (void)code; }
static void m_load_float_32(cascade_code *code, int reg, cascade_place from)
{
    put_access(code, LOAD_FLOAT_32, reg, from);
    put_3(code, 0x1E22C000, reg, reg, 0);
}
static void m_compare_float(cascade_code *code, int reg, cascade_place with) { put_3(code, 0x1E602000, 0, reg, taken_float(code, with)); }
static void m_zero_float(cascade_code *code, int reg) { put(code, 0x2F00E400 | (uint32_t)reg); }        /* movi */
static void m_bits_of_float(cascade_code *code, int reg, int from) { put_3(code, 0x9E660000, reg, from, 0); }
static void m_float_of_bits(cascade_code *code, int reg, int from) { put_3(code, 0x9E670000, reg, from, 0); }
static void m_load_float_bits(cascade_code *code, int reg, int64_t bits)
{
    m_set(code, X17, bits);
    m_float_of_bits(code, reg, X17);
}
static void m_float_of_int(cascade_code *code, int reg, cascade_place from) { put_3(code, 0x9E620000, reg, taken(code, from), 0); }
static void m_sign(cascade_code *code, int reg, int clears) { put_3(code, clears ? 0x1E60C000 : 0x1E614000, reg, reg, 0); }     /* fabs, fneg */

/* Beyond 64 bits it is the nearest int, and 0 where it is no number: so the float's size is compared with 2**63. */
static int m_int_of_float(cascade_code *code, int reg, cascade_place from)
{
    int value = taken_float(code, from);
    put_3(code, 0x1E60C000, D30, value, 0);
    m_set(code, X17, 0x43E0000000000000);
    put_3(code, 0x9E780000, reg, value, 0);     /* fcvtzs */
    m_float_of_bits(code, D31, X17);
    m_compare_float(code, D30, in_register(D31));
    return CC_NS;       /* not below; or no number */
}

static void m_set_if_float(cascade_code *code, int condition) { m_set_if(code, condition); }

/* ---- Jumps ---------------------------------------------------------------------------------------------------------- */

static int32_t m_jump(cascade_code *code, int condition)
{
    put(code, condition == CC_ALWAYS ? 0x14000000 : 0x54000000 | (uint32_t)condition);
    return code->size - 4;
}

/* A jump with a condition reaches 1 MB: a code of more is not made. */
static void m_land(cascade_code *code, int32_t jump, int32_t target)
{
    uint32_t instruction;
    int32_t distance = (target - jump) / 4;
    if (code->failed)
        return;
    memcpy(&instruction, code->bytes + jump, 4);
    if (instruction >> 26 == 5)
        instruction = (instruction & ~(uint32_t)0x03FFFFFF) | ((uint32_t)distance & 0x03FFFFFF);     /* 128 MB, which no code has */
    else if (distance >= -(1 << 18) && distance < 1 << 18)
        instruction = (instruction & ~((uint32_t)0x7FFFF << 5)) | ((uint32_t)distance & 0x7FFFF) << 5;
    else
        code->failed = 1;
    memcpy(code->bytes + jump, &instruction, 4);
}

static void m_landing(cascade_code *code) { put(code, 0xD503249F); }        /* bti j */
static void m_jump_through(cascade_code *code, cascade_place pointer)
{
    m_load(code, X16, pointer);     /* with which a function may be jumped to that begins with bti c */
    put_3(code, 0xD61F0000, 0, X16, 0);
}

/* Fills up to a multiple of 16 with instructions that do nothing. */
static void m_align(cascade_code *code)
{
    while (code->size & 15 && !code->failed)
        put(code, 0xD503201F);
}
