/* The operations that machine code is made of, which each architecture has in its own instructions: x86_64.h, aarch64.h. A function named
 * m_... appends one. Included by machine_code.h.
 *
 * Registers:
 *     T0 to T3, F0 to F2      ints and floats that are free inside a part; a temporary stands in T0, or in F0 and F1
 *     REGISTERS               the kernel's registers (`r` of a handler), where a handler has it, too
 *     FUEL, STATE             those of a handler, whose arguments are ARGUMENT_WORD, ARGUMENT_FUEL, and ARGUMENT_STATE
 *     LEAVING                 the address of a handler, just before it is jumped to; may be T0
 *     cascade_int_places, cascade_float_places        for registers of the kernel
 *
 * Flags: M_CMP, M_ADD, M_SUB and M_AND (of 32 bits, too), m_decrement of a register, m_negate, m_test, m_test_...
 * and m_either set them; m_load..., m_put..., m_store..., m_load_if, m_address, m_float_of_bits, m_bits_of_float and jumps leave them as they
 * are, as does m_set of another value than 0. Behind all others they are undefined.
 *
 * Conditions, of which the lowest bit negates: O overflow, E equal or zero, S below zero; signed L, GE, LE, G; unsigned B, AE, BE, A. Of floats
 * FB, FBE, which also hold where one is no number; FA, FAE, which do not; U where one is no number. E holds then, too, where
 * UNORDERED_IS_EQUAL.
 *
 *     m_operate(op, reg, place)               reg = reg op place; M_CMP only sets the flags
 *     m_operate_with(op, place, value)        the same with a value, for M_CMP also of memory
 *     m_combine(op, to, left, right)          to = left op right; the right one stands in `to` only if the left one does, too; also ..._with, ..._float
 *     m_either(to, left, right)               M_OR of registers, with flags
 *     m_product(reg, place), ..._by           a product; returns the condition that it is wrong, as it takes more than 64 bits
 *     m_multiply_high()                       T2 = the upper half of T0 * T2 without signs; T0 is lost
 *     m_divide(wants_rest)                    T0 = quotient or rest of T0 by T1, which are above zero, where T2 = T0 | T1; T2 is lost
 *     m_divide_down(wants_rest)               the same with any signs, as Python rounds; T1 is neither 0 nor -1; T2 and T3 are lost
 *     m_shift(kind, reg)                      by the number of bits in T1
 *     m_set_if(condition), m_set_if_float     T0 = 1 or 0; m_set_if_float behind a comparison of floats with E or NE; T1 is lost
 *     m_int_of_float(reg, place)              returns the condition that it is beyond 64 bits; the least int may be taken for that. T2 is lost
 *     m_constant(value, spare)                an operand with a value of 64 bits: behind the code, or in the register `spare`
 *     m_load_float_bits(reg, bits)            a float; T2 may be lost
 *     m_end()                                 behind all of the code
 *     m_sign(reg, clears)                     clears or changes the sign of a float; T0 is lost
 *     m_jump(condition), m_land(jump, target) a jump, and where it leads
 *     m_landing()                             where other code jumps to
 */

/* An operand: a register, or memory at base + index * 2**scale + displacement, or a constant behind the code, with the number `displacement`. */
typedef struct {
    int8_t is_memory, reg, index, scale;    /* index: -1 for none */
    int32_t displacement;
} cascade_place;
enum { IN_REGISTER, IN_MEMORY, BEHIND_CODE };
enum { CONSTANT_LIMIT = 32, USE_LIMIT = 256 };

/* A code under construction. `failed` is set where memory is exhausted; what is appended then is lost. */
typedef struct {
    uint8_t *bytes;
    int32_t size, room;
    int failed;
    int constant_count, use_count;
    int64_t constants[CONSTANT_LIMIT];
    struct {
        int32_t at, number;
    } uses[USE_LIMIT];          /* of constants, in the code */
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

static void put_32(cascade_code *code, int64_t value) { int32_t bits = (int32_t)value; put_bytes(code, &bits, 4); }
