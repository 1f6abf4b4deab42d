/* The instructions of x86-64, as far as machine code needs them: each function appends one. Included by machine_code.h. */

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

/* Conditions of jumps and of `setcc`; the lowest bit negates. Signed: L, GE, LE, G. Unsigned, and of floats: B, AE, BE, A. */
enum { CC_O, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_S, CC_NS, CC_P, CC_NP, CC_L, CC_GE, CC_LE, CC_G, CC_ALWAYS };

/* An operand: a register, or memory at base + index * 2**scale + displacement. */
typedef struct {
    int8_t is_memory, reg, index, scale;    /* index: -1 for none */
    int32_t displacement;
} cascade_place;

/* A code under construction. `failed` is set where memory is exhausted; what is appended then is lost. */
typedef struct {
    uint8_t *bytes;
    int32_t size, room;
    int failed;
} cascade_code;

static cascade_place in_register(int reg) { return (cascade_place){0, (int8_t)reg, -1, 0, 0}; }
static cascade_place at_memory(int base, int64_t displacement) { return (cascade_place){1, (int8_t)base, -1, 0, (int32_t)displacement}; }
static cascade_place at_item(int base, int index, int scale, int32_t displacement)
{
    return (cascade_place){1, (int8_t)base, (int8_t)index, (int8_t)scale, displacement};
}
static int is_same(cascade_place one, cascade_place other) { return memcmp(&one, &other, sizeof one) == 0; }

static void put_bytes(cascade_code *code, const void *bytes, int32_t count)
{
    if (code->size + count > code->room) {
        int32_t room = 2 * code->room + count + 1024;
        uint8_t *more = code->failed || room > 1 << 26 ? NULL : PyMem_Realloc(code->bytes, (size_t)room);
        if (more == NULL) {
            code->failed = 1;
            return;
        }
        code->bytes = more;
        code->room = room;
    }
    memcpy(code->bytes + code->size, bytes, (size_t)count);
    code->size += count;
}

static void put_byte(cascade_code *code, int value) { uint8_t byte = (uint8_t)value; put_bytes(code, &byte, 1); }
static void put_32(cascade_code *code, int64_t value) { int32_t bits = (int32_t)value; put_bytes(code, &bits, 4); }
static void put_64(cascade_code *code, uint64_t value) { put_bytes(code, &value, 8); }

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
    reg = (reg & 7) << 3;
    base &= 7;
    if (!rm.is_memory) {
        put_byte(code, 0xC0 | reg | base);
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

/* ---- Integers ----------------------------------------------------------------------------------------------------- */

enum { X_ADD = 0x03, X_OR = 0x0B, X_AND = 0x23, X_SUB = 0x2B, X_XOR = 0x33, X_CMP = 0x3B };
enum { X_SHL = 4, X_SHR = 5, X_SAR = 7 };       /* the digit of C1 and D3 */
enum { X_NOT = 2, X_NEG = 3, X_MUL = 4, X_DIV = 6, X_IDIV = 7 };    /* of F7 */

static void x_operate(cascade_code *code, int operation, int reg, cascade_place from) { put_instruction(code, 0, 1, operation, reg, from); }
static void x_operate_on(cascade_code *code, int digit, cascade_place on) { put_instruction(code, 0, 1, 0xF7, digit, on); }

static void x_operate_with(cascade_code *code, int operation, cascade_place on, int32_t value)
{
    int is_short = value == (int8_t)value;
    put_instruction(code, 0, 1, is_short ? 0x83 : 0x81, operation >> 3, on);
    if (is_short)
        put_byte(code, value);
    else
        put_32(code, value);
}

static void x_set(cascade_code *code, int reg, int64_t value)
{
    if (value == 0)
        put_instruction(code, 0, 0, X_XOR, reg, in_register(reg));      /* changes the flags */
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

static void x_load(cascade_code *code, int reg, cascade_place from)
{
    if (from.is_memory || from.reg != reg)
        put_instruction(code, 0, 1, 0x8B, reg, from);
}
static void x_store(cascade_code *code, cascade_place to, int reg) { put_instruction(code, 0, 1, 0x89, reg, to); }
static void x_put(cascade_code *code, cascade_place to, int reg)
{
    if (to.is_memory)
        x_store(code, to, reg);
    else
        x_load(code, to.reg, in_register(reg));
}
static void x_multiply(cascade_code *code, int reg, cascade_place by) { put_instruction(code, 0, 1, 0x0FAF, reg, by); }
static void x_multiply_by(cascade_code *code, int reg, cascade_place from, int32_t value)
{
    put_instruction(code, 0, 1, 0x69, reg, from);
    put_32(code, value);
}
static void x_shift_by(cascade_code *code, int digit, int reg, int count)
{
    put_instruction(code, 0, 1, 0xC1, digit, in_register(reg));
    put_byte(code, count);
}
static void x_shift(cascade_code *code, int digit, int reg) { put_instruction(code, 0, 1, 0xD3, digit, in_register(reg)); }      /* by CL */
static void x_test(cascade_code *code, int reg) { put_instruction(code, 0, 1, 0x85, reg, in_register(reg)); }
static void x_decrement(cascade_code *code, cascade_place on) { put_instruction(code, 0, 1, 0xFF, 1, on); }
static void x_increment(cascade_code *code, cascade_place on) { put_instruction(code, 0, 1, 0xFF, 0, on); }
static void x_extend_sign(cascade_code *code) { put_byte(code, 0x48); put_byte(code, 0x99); }      /* RAX into RDX:RAX */

/* RAX = 1 where the condition holds, else 0. */
static void x_set_if(cascade_code *code, int condition)
{
    put_instruction(code, 0, 0, 0x0F90 | condition, 0, in_register(RAX));
    put_instruction(code, 0, 0, 0x0FB6, RAX, in_register(RAX));
}

/* ---- Floats ------------------------------------------------------------------------------------------------------- */

enum { X_ADDSD = 0x0F58, X_MULSD = 0x0F59, X_SUBSD = 0x0F5C, X_DIVSD = 0x0F5E, X_SQRTSD = 0x0F51 };

static void x_operate_float(cascade_code *code, int operation, int reg, cascade_place from) { put_instruction(code, 0xF2, 0, operation, reg, from); }
static void x_load_float(cascade_code *code, int reg, cascade_place from)
{
    if (from.is_memory)
        put_instruction(code, 0xF2, 0, 0x0F10, reg, from);
    else if (from.reg != reg)
        put_instruction(code, 0, 0, 0x0F28, reg, from);
}
static void x_store_float(cascade_code *code, cascade_place to, int reg) { put_instruction(code, 0xF2, 0, 0x0F11, reg, to); }
static void x_put_float(cascade_code *code, cascade_place to, int reg)
{
    if (to.is_memory)
        x_store_float(code, to, reg);
    else
        x_load_float(code, to.reg, in_register(reg));
}
static void x_compare_float(cascade_code *code, int reg, cascade_place with) { put_instruction(code, 0x66, 0, 0x0F2E, reg, with); }
static void x_zero_float(cascade_code *code, int reg) { put_instruction(code, 0, 0, 0x0F57, reg, in_register(reg)); }
static void x_bits_of_float(cascade_code *code, int reg, int from) { put_instruction(code, 0x66, 1, 0x0F7E, from, in_register(reg)); }
static void x_float_of_bits(cascade_code *code, int reg, int from) { put_instruction(code, 0x66, 1, 0x0F6E, reg, in_register(from)); }
static void x_float_of_int(cascade_code *code, int reg, cascade_place from)
{
    x_zero_float(code, reg);        /* else it waits for what the register held */
    put_instruction(code, 0xF2, 1, 0x0F2A, reg, from);
}
static void x_int_of_float(cascade_code *code, int reg, cascade_place from) { put_instruction(code, 0xF2, 1, 0x0F2C, reg, from); }

/* ---- Jumps -------------------------------------------------------------------------------------------------------- */

/* Appends a jump to a place that is set later, and returns where its distance stands. */
static int32_t x_jump(cascade_code *code, int condition)
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

static void x_land(cascade_code *code, int32_t jump, int32_t target)
{
    int32_t distance = target - (jump + 4);
    if (!code->failed)
        memcpy(code->bytes + jump, &distance, 4);
}

static void x_jump_through(cascade_code *code, cascade_place pointer) { put_instruction(code, 0, 0, 0xFF, 4, pointer); }

/* Fills up to a multiple of 16 with instructions that do nothing. */
static void x_align(cascade_code *code)
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
