/* The operations of operations.h in the instructions of x86-64. Included by machine_code.h. */

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

enum { T0 = RAX, T1 = RCX, T2 = RDX, T3 = RDI, F0 = 0, F1 = 1, F2 = 15, REGISTERS = RSI, FUEL = R10, STATE = R11 };
enum { ARGUMENT_WORD = RDI, ARGUMENT_FUEL = RDX, ARGUMENT_STATE = RCX, LEAVING = RAX };
enum { INT_PLACES = 7, FLOAT_PLACES = 13 };
static const int8_t cascade_int_places[INT_PLACES] = {R8, R9, RBX, R12, R13, R14, R15};
static const int8_t cascade_float_places[FLOAT_PLACES] = {2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};

enum { CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_U, CC_NU, CC_L, CC_GE, CC_LE, CC_G, CC_ALWAYS };
enum { CC_FB = CC_B, CC_FAE = CC_AE, CC_FBE = CC_BE, CC_FA = CC_A, UNORDERED_IS_EQUAL = 1 };

static void put_byte(cascade_code *code, int value) { uint8_t byte = (uint8_t)value; put_bytes(code, &byte, 1); }
static void put_64(cascade_code *code, uint64_t value) { put_bytes(code, &value, 8); }

/* ModRM with `reg` and `rm`, and what belongs to it. */
static void put_operand(cascade_code *code, int reg, cascade_place rm)
{
    int base = rm.reg & 7;
    reg = (reg & 7) << 3;
    if (!rm.is_memory) {
        put_byte(code, 0xC0 | reg | base);
        return;
    }
    if (rm.is_memory == BEHIND_CODE) {
        put_byte(code, reg | 5);
        code->uses[code->use_count].at = code->size;
        code->uses[code->use_count++].number = rm.displacement;
        put_32(code, 0);
        return;
    }
    int mode = rm.displacement == 0 && base != RBP ? 0 : rm.displacement == (int8_t)rm.displacement ? 1 : 2;
    int has_index = rm.index >= 0 || base == RSP;
    put_byte(code, mode << 6 | reg | (has_index ? 4 : base));
    if (has_index)
        put_byte(code, rm.scale << 6 | ((rm.index >= 0 ? rm.index : RSP) & 7) << 3 | base);
    if (mode == 1)
        put_byte(code, rm.displacement);
    else if (mode == 2)
        put_32(code, rm.displacement);
}

/* prefix (0: none), REX, 0F (where `opcode` is 0x0Fxx), opcode, ModRM with `reg` and `rm`. */
static void put_instruction(cascade_code *code, int prefix, int wide, int opcode, int reg, cascade_place rm)
{
    int base = rm.reg, index = rm.is_memory && rm.index >= 0 ? rm.index : 0;
    int rex = wide << 3 | (reg >> 3 & 1) << 2 | (index >> 3 & 1) << 1 | (base >> 3 & 1);
    if (prefix)
        put_byte(code, prefix);
    if (rex)
        put_byte(code, 0x40 | rex);
    if (opcode >> 8)
        put_byte(code, opcode >> 8);
    put_byte(code, opcode & 255);
    put_operand(code, reg, rm);
}

/* An instruction of floats with three operands: to = left op right. */
static void put_float_instruction(cascade_code *code, int opcode, int to, int left, cascade_place right)
{
    int index = right.is_memory && right.index >= 0 ? right.index : 0;
    put_byte(code, 0xC4);
    put_byte(code, 0xE1 ^ ((to >> 3 & 1) << 7 | (index >> 3 & 1) << 6 | (right.reg >> 3 & 1) << 5));
    put_byte(code, 0x03 | (~left & 15) << 3);
    put_byte(code, opcode & 255);
    put_operand(code, to, right);
}

/* ---- Integers ----------------------------------------------------------------------------------------------------- */

enum { M_ADD = 0x03, M_OR = 0x0B, M_AND = 0x23, M_SUB = 0x2B, M_XOR = 0x33, M_CMP = 0x3B };
enum { M_SHL = 4, M_SHR = 5, M_SAR = 7 };       /* the digit of C1 and D3 */
enum { F7_NOT = 2, F7_NEG = 3, F7_MUL = 4, F7_DIV = 6, F7_IDIV = 7 };

static void m_operate(cascade_code *code, int operation, int reg, cascade_place from) { put_instruction(code, 0, 1, operation, reg, from); }
static void put_with(cascade_code *code, int wide, int operation, cascade_place on, int32_t value)
{
    int is_short = value == (int8_t)value;
    put_instruction(code, 0, wide, is_short ? 0x83 : 0x81, operation >> 3, on);
    if (is_short)
        put_byte(code, value);
    else
        put_32(code, value);
}
static void m_operate_with(cascade_code *code, int operation, cascade_place on, int32_t value) { put_with(code, 1, operation, on, value); }
static void m_operate_32_with(cascade_code *code, int operation, cascade_place on, int32_t value) { put_with(code, 0, operation, on, value); }
static void m_compare_8_with(cascade_code *code, cascade_place on, int value)
{
    put_instruction(code, 0, 0, 0x80, M_CMP >> 3, on);
    put_byte(code, value);
}
static void m_test_32_with(cascade_code *code, cascade_place on, uint32_t bits)
{
    put_instruction(code, 0, 0, 0xF7, 0, on);
    put_32(code, bits);
}

static void m_set(cascade_code *code, int reg, int64_t value)
{
    if (value == 0)
        put_instruction(code, 0, 0, M_XOR, reg, in_register(reg));      /* changes the flags */
    else if ((uint64_t)value <= UINT32_MAX) {
        if (reg >= 8)
            put_byte(code, 0x41);
        put_byte(code, 0xB8 | (reg & 7));
        put_32(code, value);
    }
    else if (value == (int32_t)value) {
        put_instruction(code, 0, 1, 0xC7, 0, in_register(reg));
        put_32(code, value);
    }
    else {
        put_byte(code, 0x48 | reg >> 3);
        put_byte(code, 0xB8 | (reg & 7));
        put_64(code, (uint64_t)value);
    }
}

static void m_load(cascade_code *code, int reg, cascade_place from)
{
    if (from.is_memory || from.reg != reg)
        put_instruction(code, 0, 1, 0x8B, reg, from);
}
static void m_store(cascade_code *code, cascade_place to, int reg) { put_instruction(code, 0, 1, 0x89, reg, to); }
static cascade_place m_constant(cascade_code *code, int64_t value, int spare)
{
    int number = 0;
    while (number < code->constant_count && code->constants[number] != value)
        number++;
    if (number == CONSTANT_LIMIT || code->use_count == USE_LIMIT) {
        m_set(code, spare, value);
        return in_register(spare);
    }
    code->constants[number] = value;
    code->constant_count += number == code->constant_count;
    return (cascade_place){BEHIND_CODE, 0, -1, 0, number};
}
static void m_end(cascade_code *code)
{
    int32_t start;
    while (code->size & 7)
        put_byte(code, 0xCC);
    start = code->size;
    put_bytes(code, code->constants, 8 * code->constant_count);
    for (int i = 0; i < code->use_count && !code->failed; i++) {
        int32_t distance = start + 8 * code->uses[i].number - (code->uses[i].at + 4);
        memcpy(code->bytes + code->uses[i].at, &distance, 4);
    }
}
static void m_put(cascade_code *code, cascade_place to, int reg)
{
    if (to.is_memory)
        m_store(code, to, reg);
    else
        m_load(code, to.reg, in_register(reg));
}
static void m_combine(cascade_code *code, int operation, int to, cascade_place left, cascade_place right)
{
    m_load(code, to, left);
    m_operate(code, operation, to, right);
}
static void m_either(cascade_code *code, int to, int left, int right) { m_combine(code, M_OR, to, in_register(left), in_register(right)); }
static void m_combine_with(cascade_code *code, int operation, int to, cascade_place left, int32_t value)
{
    m_load(code, to, left);
    m_operate_with(code, operation, in_register(to), value);
}
static void m_address(cascade_code *code, int reg, cascade_place of) { put_instruction(code, 0, 1, 0x8D, reg, of); }
static void m_load_32(cascade_code *code, int reg, cascade_place from) { put_instruction(code, 0, 0, 0x8B, reg, from); }
static void m_load_signed_32(cascade_code *code, int reg, cascade_place from) { put_instruction(code, 0, 1, 0x63, reg, from); }
static void m_load_8(cascade_code *code, int reg, cascade_place from) { put_instruction(code, 0, 0, 0x0FB6, reg, from); }
static void m_load_if(cascade_code *code, int condition, int reg, int from) { put_instruction(code, 0, 1, 0x0F40 | condition, reg, in_register(from)); }
static void m_store_32(cascade_code *code, cascade_place to, int reg) { put_instruction(code, 0, 0, 0x89, reg, to); }
static void m_store_8(cascade_code *code, cascade_place to, int reg) { put_instruction(code, 0, 0, 0x88, reg, to); }     /* one of RAX to RBX */
static void m_store_value(cascade_code *code, cascade_place to, int32_t value)
{
    put_instruction(code, 0, 1, 0xC7, 0, to);
    put_32(code, value);
}

static void m_multiply(cascade_code *code, int reg, cascade_place by) { put_instruction(code, 0, 1, 0x0FAF, reg, by); }
static void m_multiply_by(cascade_code *code, int reg, cascade_place from, int32_t value)
{
    put_instruction(code, 0, 1, 0x69, reg, from);
    put_32(code, value);
}
static void m_shift_by(cascade_code *code, int digit, int reg, int count)
{
    put_instruction(code, 0, 1, 0xC1, digit, in_register(reg));
    put_byte(code, count);
}
static void m_shift(cascade_code *code, int digit, int reg) { put_instruction(code, 0, 1, 0xD3, digit, in_register(reg)); }      /* by CL */
static void m_test(cascade_code *code, int reg) { put_instruction(code, 0, 1, 0x85, reg, in_register(reg)); }
static void m_decrement(cascade_code *code, cascade_place on) { put_instruction(code, 0, 1, 0xFF, 1, on); }
static void m_increment(cascade_code *code, cascade_place on) { put_instruction(code, 0, 1, 0xFF, 0, on); }
static void m_negate(cascade_code *code, int reg) { put_instruction(code, 0, 1, 0xF7, F7_NEG, in_register(reg)); }
static void m_invert(cascade_code *code, int reg) { put_instruction(code, 0, 1, 0xF7, F7_NOT, in_register(reg)); }

static void m_set_if(cascade_code *code, int condition)
{
    put_instruction(code, 0, 0, 0x0F90 | condition, 0, in_register(RAX));
    put_instruction(code, 0, 0, 0x0FB6, RAX, in_register(RAX));
}

static int32_t m_jump(cascade_code *code, int condition);
static void m_land(cascade_code *code, int32_t jump, int32_t target);

/* ---- Products and quotients ----------------------------------------------------------------------------------------- */

static int m_product(cascade_code *code, int reg, cascade_place by)
{
    m_multiply(code, reg, by);
    return CC_O;
}
static int m_product_by(cascade_code *code, int reg, cascade_place from, int32_t value)
{
    m_multiply_by(code, reg, from, value);
    if ((value == 3 || value == 5 || value == 9) && !from.is_memory && from.reg != reg)
        m_address(code, reg, at_item(from.reg, from.reg, value == 3 ? 1 : value == 5 ? 2 : 3, 0));      /* the same in less time, without the flag */
    return CC_O;
}
static void m_multiply_high(cascade_code *code) { put_instruction(code, 0, 1, 0xF7, F7_MUL, in_register(RDX)); }

static void m_divide(cascade_code *code, int wants_rest)
{
    m_shift_by(code, M_SHR, RDX, 32);
    int32_t is_wide = m_jump(code, CC_NE);      /* else 32 bits do, which takes less time */
    put_instruction(code, 0, 0, 0xF7, F7_DIV, in_register(RCX));
    int32_t done = m_jump(code, CC_ALWAYS);
    m_land(code, is_wide, code->size);
    m_set(code, RDX, 0);
    put_instruction(code, 0, 1, 0xF7, F7_DIV, in_register(RCX));
    m_land(code, done, code->size);
    if (wants_rest)
        m_load(code, RAX, in_register(RDX));
}

static void m_divide_down(cascade_code *code, int wants_rest)
{
    put_bytes(code, "\x48\x99", 2);     /* RAX into RDX:RAX */
    put_instruction(code, 0, 1, 0xF7, F7_IDIV, in_register(RCX));
    m_test(code, RDX);
    int32_t whole = m_jump(code, CC_E);
    m_load(code, RDI, in_register(RDX));
    m_operate(code, M_XOR, RDI, in_register(RCX));
    int32_t same = m_jump(code, CC_NS);
    if (wants_rest)
        m_operate(code, M_ADD, RDX, in_register(RCX));
    else
        m_decrement(code, in_register(RAX));
    m_land(code, whole, code->size);
    m_land(code, same, code->size);
    if (wants_rest)
        m_load(code, RAX, in_register(RDX));
}

/* ---- Floats ------------------------------------------------------------------------------------------------------- */

enum { M_FLOAT_ADD = 0x0F58, M_FLOAT_MUL = 0x0F59, M_FLOAT_SUB = 0x0F5C, M_FLOAT_DIV = 0x0F5E, M_FLOAT_SQRT = 0x0F51 };

static void m_operate_float(cascade_code *code, int operation, int reg, cascade_place from) { put_instruction(code, 0xF2, 0, operation, reg, from); }
static void m_load_float(cascade_code *code, int reg, cascade_place from)
{
    if (from.is_memory)
        put_instruction(code, 0xF2, 0, 0x0F10, reg, from);
    else if (from.reg != reg)
        put_instruction(code, 0, 0, 0x0F28, reg, from);
}
static void m_load_float_bits(cascade_code *code, int reg, int64_t bits)
{
    cascade_place from = m_constant(code, bits, RDX);
    if (from.is_memory)
        m_load_float(code, reg, from);
    else
        put_instruction(code, 0x66, 1, 0x0F6E, reg, from);
}
static void m_combine_float(cascade_code *code, int operation, int to, cascade_place left, cascade_place right)
{
    if (!left.is_memory && left.reg != to && __builtin_cpu_supports("avx"))
        put_float_instruction(code, operation, to, left.reg, right);
    else {
        m_load_float(code, to, left);
        m_operate_float(code, operation, to, right);
    }
}
static void m_store_float(cascade_code *code, cascade_place to, int reg) { put_instruction(code, 0xF2, 0, 0x0F11, reg, to); }
static void m_put_float(cascade_code *code, cascade_place to, int reg)
{
    if (to.is_memory)
        m_store_float(code, to, reg);
    else
        m_load_float(code, to.reg, in_register(reg));
}
static void m_compare_float(cascade_code *code, int reg, cascade_place with) { put_instruction(code, 0x66, 0, 0x0F2E, reg, with); }
static void m_zero_float(cascade_code *code, int reg) { put_instruction(code, 0, 0, 0x0F57, reg, in_register(reg)); }
static void m_bits_of_float(cascade_code *code, int reg, int from) { put_instruction(code, 0x66, 1, 0x0F7E, from, in_register(reg)); }
static void m_float_of_bits(cascade_code *code, int reg, int from) { put_instruction(code, 0x66, 1, 0x0F6E, reg, in_register(from)); }
static void m_float_of_int(cascade_code *code, int reg, cascade_place from)
{
    m_zero_float(code, reg);        /* else it waits for what the register held */
    put_instruction(code, 0xF2, 1, 0x0F2A, reg, from);
}
static int m_int_of_float(cascade_code *code, int reg, cascade_place from)
{
    put_instruction(code, 0xF2, 1, 0x0F2C, reg, from);
    m_set(code, RDX, INT64_MIN);        /* what no int of 64 bits becomes; and the least one */
    m_operate(code, M_CMP, reg, in_register(RDX));
    return CC_E;
}
static void m_load_float_32(cascade_code *code, int reg, cascade_place from) { put_instruction(code, 0xF3, 0, 0x0F5A, reg, from); }
static void m_sign(cascade_code *code, int reg, int clears)
{
    m_bits_of_float(code, RAX, reg);
    put_instruction(code, 0, 1, 0x0FBA, clears ? 6 : 7, in_register(RAX));     /* btr or btc */
    put_byte(code, 63);
    m_float_of_bits(code, reg, RAX);
}

static void m_set_if_float(cascade_code *code, int condition)
{
    /* No number equals nothing: the parity flag is set then. */
    put_instruction(code, 0, 0, 0x0F90 | (condition == CC_E ? CC_NU : CC_U), 0, in_register(RCX));
    put_instruction(code, 0, 0, 0x0F90 | condition, 0, in_register(RAX));
    put_instruction(code, 0, 0, condition == CC_E ? 0x22 : 0x0A, RAX, in_register(RCX));
    put_instruction(code, 0, 0, 0x0FB6, RAX, in_register(RAX));
}

/* ---- Jumps -------------------------------------------------------------------------------------------------------- */

static int32_t m_jump(cascade_code *code, int condition)
{
    if (condition == CC_ALWAYS)
        put_byte(code, 0xE9);
    else {
        put_byte(code, 0x0F);
        put_byte(code, 0x80 | condition);
    }
    put_32(code, 0);
    return code->size - 4;
}

static void m_land(cascade_code *code, int32_t jump, int32_t target)
{
    int32_t distance = target - (jump + 4);
    if (!code->failed)
        memcpy(code->bytes + jump, &distance, 4);
}

static void m_landing(cascade_code *code) { put_bytes(code, "\xF3\x0F\x1E\xFA", 4); }      /* endbr64 */
static void m_jump_through(cascade_code *code, cascade_place pointer) { put_instruction(code, 0, 0, 0xFF, 4, pointer); }

/* Fills up to a multiple of 16 with instructions that do nothing. */
static void m_align(cascade_code *code)
{
    static const uint8_t fill[9][9] = {
        {0x90}, {0x66, 0x90}, {0x0F, 0x1F, 0x00}, {0x0F, 0x1F, 0x40, 0}, {0x0F, 0x1F, 0x44, 0, 0}, {0x66, 0x0F, 0x1F, 0x44, 0, 0},
        {0x0F, 0x1F, 0x80, 0, 0, 0, 0}, {0x0F, 0x1F, 0x84, 0, 0, 0, 0, 0}, {0x66, 0x0F, 0x1F, 0x84, 0, 0, 0, 0, 0}};
    int32_t missing = -code->size & 15;
    while (missing > 0) {
        int32_t count = missing > 9 ? 9 : missing;
        put_bytes(code, fill[count - 1], count);
        missing -= count;
    }
}
