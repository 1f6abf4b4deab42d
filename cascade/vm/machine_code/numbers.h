/* Machine code of numbers: arithmetic, comparisons, jumps, ranges. Included by machine_code.h.
 *
 * Each part computes into a register that nobody sees, leaves where the handler has to decide, and then writes. */

/* a = b op c, with a side exit for an overflow. In place, what an overflow has spoilt is undone. */
static void emit_sum(cascade_emitter *e, const cascade_part *p, int operation)
{
    cascade_place to = operand(e, p, 0);
    int at_right = is_known(e, p, 1) && operation == X_ADD, left = at_right ? 2 : 1, right = at_right ? 1 : 2;
    cascade_place from = operand(e, p, right);
    if (!to.is_memory && to.reg != RAX && !is_known(e, p, left) && is_same(to, operand(e, p, left)) && (is_known(e, p, right) || !is_same(to, from))) {
        operate(e, operation, to.reg, p, right);
        cascade_aside *doubt = leave_if(e, CC_O);
        doubt->undo = operation == X_ADD ? X_SUB : X_ADD;
        doubt->undo_reg = to.reg;
        doubt->undo_from = from;
        doubt->value = is_known(e, p, right) ? known(e, p, right) : INT64_MAX;
        return;
    }
    if (!is_known(e, p, right) && is_temporary(p->operands[right]) && !is_temporary(p->operands[left])) {
        x_load(CODE, RCX, in_register(RAX));        /* d - t */
        load_int(e, RAX, p, left);
        x_operate(CODE, operation, RAX, in_register(RCX));
    }
    else {
        load_int(e, RAX, p, left);
        operate(e, operation, RAX, p, right);
    }
    leave_if(e, CC_O);
    write_int(e, p, 0, RAX);
}

static void emit_product(cascade_emitter *e, const cascade_part *p)
{
    int left = is_known(e, p, 1) ? 2 : 1, right = 3 - left;
    if (is_known(e, p, right) && !is_known(e, p, left))
        x_multiply_by(CODE, RAX, operand(e, p, left), known(e, p, right));
    else if (!is_known(e, p, right) && is_temporary(p->operands[right])) {
        if (is_known(e, p, left))
            x_multiply_by(CODE, RAX, in_register(RAX), known(e, p, left));
        else
            x_multiply(CODE, RAX, operand(e, p, left));
    }
    else {
        load_int(e, RAX, p, left);
        if (is_known(e, p, right))
            x_multiply_by(CODE, RAX, in_register(RAX), known(e, p, right));
        else
            x_multiply(CODE, RAX, operand(e, p, right));
    }
    leave_if(e, CC_O);
    write_int(e, p, 0, RAX);
}

static void emit_bits(cascade_emitter *e, const cascade_part *p, int operation)
{
    cascade_place to = operand(e, p, 0);
    int left = is_known(e, p, 1) || (is_temporary(p->operands[2]) && !is_temporary(p->operands[1])) ? 2 : 1, right = 3 - left;
    if (!to.is_memory && !is_known(e, p, right) && is_same(to, operand(e, p, right))) {
        int other = left;
        left = right;
        right = other;
    }
    int reg = to.is_memory ? RAX : to.reg;
    if (!is_known(e, p, left) && is_same(in_register(reg), operand(e, p, left)))
        operate(e, operation, reg, p, right);
    else {
        load_int(e, reg, p, left);
        operate(e, operation, reg, p, right);
    }
    if (to.is_memory)
        x_store(CODE, to, reg);
}

static void emit_shift(cascade_emitter *e, const cascade_part *p, int to_left)
{
    int fixed = is_known(e, p, 2) ? known(e, p, 2) : -1;
    if (is_known(e, p, 2) && (fixed < 0 || (to_left && fixed > 62))) {
        leave_if(e, CC_ALWAYS);
        return;
    }
    if (fixed < 0) {
        load_int(e, RCX, p, 2);     /* the temporary is never the number of bits: no fusion hands it over there */
        load_int(e, RAX, p, 1);
        x_operate_with(CODE, X_CMP, in_register(RCX), to_left ? 62 : 63);
        leave_if(e, CC_A);
    }
    else
        load_int(e, RAX, p, 1);
    if (to_left)
        x_load(CODE, RDI, in_register(RAX));
    if (fixed < 0)
        x_shift(CODE, to_left ? X_SHL : X_SAR, RAX);
    else
        x_shift_by(CODE, to_left ? X_SHL : X_SAR, RAX, fixed > 63 ? 63 : fixed);
    if (to_left) {
        x_load(CODE, RDX, in_register(RAX));
        if (fixed < 0)
            x_shift(CODE, X_SAR, RDX);
        else
            x_shift_by(CODE, X_SAR, RDX, fixed);
        x_operate(CODE, X_CMP, RDX, in_register(RDI));
        leave_if(e, CC_NE);
    }
    write_int(e, p, 0, RAX);
}

/* Division of RAX by RCX, of any signs, neither zero nor -1: quotient or rest as Python rounds, into RAX. */
static void emit_floor_division(cascade_emitter *e, int wants_rest)
{
    x_extend_sign(CODE);
    x_operate_on(CODE, X_IDIV, in_register(RCX));
    x_test(CODE, RDX);
    int32_t whole = x_jump(CODE, CC_E);
    x_load(CODE, RDI, in_register(RDX));
    x_operate(CODE, X_XOR, RDI, in_register(RCX));
    int32_t same = x_jump(CODE, CC_NS);
    if (wants_rest)
        x_operate(CODE, X_ADD, RDX, in_register(RCX));
    else
        x_decrement(CODE, in_register(RAX));
    x_land(CODE, whole, CODE->size);
    x_land(CODE, same, CODE->size);
    if (wants_rest)
        x_load(CODE, RAX, in_register(RDX));
}

/* By a power of two, a shift or a mask; by another positive constant d, a product with 2**(63 + l) / d, rounded up, where 2**l >= d:
 * exact below 2**63 (Granlund and Montgomery, PLDI 1994). */
static void emit_division_by(cascade_emitter *e, const cascade_part *p, int wants_rest, int32_t divisor)
{
    int bits = 0;
    while (((int64_t)1 << bits) < divisor)
        bits++;
    load_int(e, RAX, p, 1);
    if (((int64_t)1 << bits) == divisor) {
        if (wants_rest)
            x_operate_with(CODE, X_AND, in_register(RAX), divisor - 1);
        else if (bits)
            x_shift_by(CODE, X_SAR, RAX, bits);
        write_int(e, p, 0, RAX);
        return;
    }
    unsigned __int128 scaled = (unsigned __int128)1 << (63 + bits);
    uint64_t factor = (uint64_t)((scaled + (uint32_t)divisor - 1) / (uint32_t)divisor);
    x_test(CODE, RAX);
    cascade_aside *negative = aside(e, ASIDE_DIVIDE_KNOWN, x_jump(CODE, CC_S));
    int32_t own = e->aside_count - 1;
    negative->value = divisor;
    negative->undo = (int8_t)wants_rest;
    x_load(CODE, RCX, in_register(RAX));
    x_set(CODE, RDX, (int64_t)factor);
    x_operate_on(CODE, X_MUL, in_register(RDX));
    if (bits > 1)
        x_shift_by(CODE, X_SHR, RDX, bits - 1);
    if (wants_rest) {
        x_multiply_by(CODE, RDX, in_register(RDX), divisor);
        x_load(CODE, RAX, in_register(RCX));
        x_operate(CODE, X_SUB, RAX, in_register(RDX));
    }
    else
        x_load(CODE, RAX, in_register(RDX));
    if (!CODE->failed)
        e->asides[own].resume = CODE->size;
    write_int(e, p, 0, RAX);
}

static void emit_division(cascade_emitter *e, const cascade_part *p, int wants_rest)
{
    if (is_known(e, p, 2) && known(e, p, 2) > 0) {
        emit_division_by(e, p, wants_rest, known(e, p, 2));
        return;
    }
    load_int(e, RAX, p, 1);
    load_int(e, RCX, p, 2);
    x_load(CODE, RDX, in_register(RAX));
    x_operate(CODE, X_OR, RDX, in_register(RCX));
    cascade_aside *general = aside(e, ASIDE_DIVIDE, x_jump(CODE, CC_LE));
    int32_t own = e->aside_count - 1;
    general->undo = (int8_t)wants_rest;
    x_test(CODE, RCX);
    leave_if(e, CC_E);
    x_shift_by(CODE, X_SHR, RDX, 32);
    int32_t is_wide = x_jump(CODE, CC_NE);      /* else 32 bits do, which takes less time */
    put_instruction(CODE, 0, 0, 0xF7, X_DIV, in_register(RCX));
    int32_t done = x_jump(CODE, CC_ALWAYS);
    x_land(CODE, is_wide, CODE->size);
    x_set(CODE, RDX, 0);
    x_operate_on(CODE, X_DIV, in_register(RCX));
    x_land(CODE, done, CODE->size);
    if (wants_rest)
        x_load(CODE, RAX, in_register(RDX));
    if (!CODE->failed)
        e->asides[own].resume = CODE->size;
    write_int(e, p, 0, RAX);
}

static void emit_negation(cascade_emitter *e, const cascade_part *p)
{
    load_int(e, RAX, p, 1);
    x_operate_on(CODE, X_NEG, in_register(RAX));
    leave_if(e, CC_O);
    write_int(e, p, 0, RAX);
}

static void emit_absolute(cascade_emitter *e, const cascade_part *p)
{
    load_int(e, RAX, p, 1);
    x_load(CODE, RDX, in_register(RAX));
    x_shift_by(CODE, X_SAR, RDX, 63);
    x_operate(CODE, X_XOR, RAX, in_register(RDX));
    x_operate(CODE, X_SUB, RAX, in_register(RDX));
    leave_if(e, CC_O);
    write_int(e, p, 0, RAX);
}

/* ---- Floats --------------------------------------------------------------------------------------------------------- */

/* Computes b op c into a register, which is returned: that of `a` where that may be. */
static int emit_float(cascade_emitter *e, const cascade_part *p, int operation, int into_own)
{
    cascade_place to = operand(e, p, 0), left = operand(e, p, 1), right = operand(e, p, 2);
    int reg = into_own && !to.is_memory && (is_same(to, left) || !is_same(to, right)) ? to.reg : 15;
    x_load_float(CODE, reg, left);
    x_operate_float(CODE, operation, reg, right);
    return reg;
}

static void emit_float_operation(cascade_emitter *e, const cascade_part *p, int operation)
{
    if (operation == X_DIVSD) {
        x_zero_float(CODE, 15);
        x_compare_float(CODE, 15, operand(e, p, 2));
        int32_t is_nan = x_jump(CODE, CC_P);
        leave_if(e, CC_E);
        x_land(CODE, is_nan, CODE->size);
    }
    int reg = emit_float(e, p, operation, 1);
    write_float(e, p, 0, reg);
}

/* As NumPy's float64: a result that is no normal number is looked at by the handler, but a zero product or quotient of a zero. */
static void emit_scalar_operation(cascade_emitter *e, const cascade_part *p, int operation)
{
    int rounds = operation == X_MULSD || operation == X_DIVSD;
    int reg = emit_float(e, p, operation, 0);
    int64_t smallest = rounds ? 0x0020000000000002 : 0;
    x_bits_of_float(CODE, RAX, reg);
    x_operate(CODE, X_ADD, RAX, in_register(RAX));      /* without the sign */
    if (rounds) {
        x_set(CODE, RDX, smallest);
        x_operate(CODE, X_SUB, RAX, in_register(RDX));
    }
    x_set(CODE, RDX, (int64_t)(0xFFE0000000000000u - (uint64_t)smallest));
    x_operate(CODE, X_CMP, RAX, in_register(RDX));
    if (rounds) {
        cascade_aside *zero = aside(e, ASIDE_ZERO, x_jump(CODE, CC_AE));
        zero->value = -smallest;
        zero->undo = operation == X_MULSD;
        zero->undo_from = operand(e, p, 1);
        zero->target = p->operands[2] >= TEMPORARY ? -1 : slot_of(e, p, 2);
        zero->resume = CODE->size;
    }
    else
        leave_if(e, CC_AE);
    write_float(e, p, 0, reg);
}

static void emit_sign(cascade_emitter *e, const cascade_part *p, int clears)
{
    x_load_float(CODE, 15, operand(e, p, 1));
    x_bits_of_float(CODE, RAX, 15);
    put_instruction(CODE, 0, 1, 0x0FBA, clears ? 6 : 7, in_register(RAX));     /* btr or btc */
    put_byte(CODE, 63);
    x_float_of_bits(CODE, 15, RAX);
    write_float(e, p, 0, 15);
}

static void emit_root(cascade_emitter *e, const cascade_part *p)
{
    int from = float_in(e, p, 1, 15);
    x_zero_float(CODE, 1);
    x_compare_float(CODE, from, in_register(1));
    leave_if(e, CC_B);          /* a negative number, or none */
    x_operate_float(CODE, X_SQRTSD, 15, in_register(from));
    write_float(e, p, 0, 15);
}

/* Leaves where an int is beyond 2**53, and so may be no float. */
static void leave_if_inexact(cascade_emitter *e, int reg)
{
    x_set(CODE, RDX, CASCADE_EXACT);
    x_operate(CODE, X_ADD, RDX, in_register(reg));
    x_set(CODE, RDI, 2 * CASCADE_EXACT);
    x_operate(CODE, X_CMP, RDX, in_register(RDI));
    leave_if(e, CC_A);
}

static void emit_to_float(cascade_emitter *e, const cascade_part *p, int exactly)
{
    int from = int_in(e, p, 1, RAX);
    if (exactly)
        leave_if_inexact(e, from);
    x_float_of_int(CODE, 15, in_register(from));
    write_float(e, p, 0, 15);
}

static void emit_quotient(cascade_emitter *e, const cascade_part *p)
{
    load_int(e, RAX, p, 1);
    load_int(e, RCX, p, 2);
    x_test(CODE, RCX);
    leave_if(e, CC_E);
    leave_if_inexact(e, RAX);
    leave_if_inexact(e, RCX);
    x_float_of_int(CODE, 15, in_register(RAX));
    x_float_of_int(CODE, 1, in_register(RCX));
    x_operate_float(CODE, X_DIVSD, 15, in_register(1));
    write_float(e, p, 0, 15);
}

static void emit_truncation(cascade_emitter *e, const cascade_part *p)
{
    x_int_of_float(CODE, RAX, operand(e, p, 1));
    x_set(CODE, RDX, INT64_MIN);        /* what no int of 64 bits becomes; and the least one, which the handler makes */
    x_operate(CODE, X_CMP, RAX, in_register(RDX));
    leave_if(e, CC_E);
    write_int(e, p, 0, RAX);
}

/* ---- Comparisons ----------------------------------------------------------------------------------------------------- */

enum { LESS, LESS_EQUAL, EQUAL, NOT_EQUAL };

/* Sets the flags by a and b; returns the condition of the comparison. */
static int emit_int_comparison(cascade_emitter *e, const cascade_part *p, int left, int right, int which)
{
    static const int8_t conditions[] = {CC_L, CC_LE, CC_E, CC_NE}, swapped[] = {CC_G, CC_GE, CC_E, CC_NE};
    cascade_place one = operand(e, p, left), other = operand(e, p, right);
    if (is_known(e, p, left) && !is_known(e, p, right)) {
        x_operate_with(CODE, X_CMP, other, known(e, p, left));
        return swapped[which];
    }
    if (is_known(e, p, right) && !is_known(e, p, left)) {
        if (!one.is_memory && known(e, p, right) == 0)
            x_test(CODE, one.reg);
        else
            x_operate_with(CODE, X_CMP, one, known(e, p, right));
        return conditions[which];
    }
    if (one.is_memory && !other.is_memory && !is_known(e, p, right)) {
        x_operate(CODE, X_CMP, other.reg, one);
        return swapped[which];
    }
    operate(e, X_CMP, int_in(e, p, left, RCX), p, right);
    return conditions[which];
}

/* The condition holds for floats that are ordered. For an equality the parity has to be looked at, too. */
static int emit_float_comparison(cascade_emitter *e, const cascade_part *p, int left, int right, int which)
{
    if (which == EQUAL || which == NOT_EQUAL) {
        x_compare_float(CODE, float_in(e, p, left, 15), operand(e, p, right));
        return which == EQUAL ? CC_E : CC_NE;
    }
    x_compare_float(CODE, float_in(e, p, right, 15), operand(e, p, left));
    return which == LESS ? CC_A : CC_AE;
}

static void emit_comparison(cascade_emitter *e, const cascade_part *p, int which, int of_floats)
{
    if (!of_floats) {
        x_set_if(CODE, emit_int_comparison(e, p, 1, 2, which));
        write_int(e, p, 0, RAX);
        return;
    }
    int condition = emit_float_comparison(e, p, 1, 2, which);
    if (condition == CC_E || condition == CC_NE) {
        /* No number equals nothing: the parity flag is set then. */
        put_instruction(CODE, 0, 0, 0x0F90 | (which == EQUAL ? CC_NP : CC_P), 0, in_register(RCX));
        put_instruction(CODE, 0, 0, 0x0F90 | condition, 0, in_register(RAX));
        put_instruction(CODE, 0, 0, which == EQUAL ? 0x22 : 0x0A, RAX, in_register(RCX));
        put_instruction(CODE, 0, 0, 0x0FB6, RAX, in_register(RAX));
    }
    else
        x_set_if(CODE, condition);
    write_int(e, p, 0, RAX);
}

enum { AHEAD, BACKWARD, STEPPING };

static void go_way(cascade_emitter *e, int condition, int way)
{
    if (way == AHEAD)
        go_if(e, condition, jump_target(e));
    else
        go_back_if(e, condition);
}

static void emit_int_jump(cascade_emitter *e, const cascade_part *p, int which, int way)
{
    if (way == STEPPING)
        count_step(e);
    go_way(e, emit_int_comparison(e, p, 0, 1, which), way);
}

static void emit_float_jump(cascade_emitter *e, const cascade_part *p, int which, int negated, int way)
{
    int condition = emit_float_comparison(e, p, 0, 1, which);
    if (condition == CC_E) {
        int32_t is_nan = x_jump(CODE, CC_P);
        go_way(e, CC_E, way);
        x_land(CODE, is_nan, CODE->size);
    }
    else if (condition == CC_NE) {
        go_way(e, CC_P, way);
        go_way(e, CC_NE, way);
    }
    else
        go_way(e, negated ? condition ^ 1 : condition, way);
}

/* ---- Moves and ranges ------------------------------------------------------------------------------------------------- */

static int is_float_place(const cascade_emitter *e, int32_t slot)
{
    int region = e->plan->region_of[e->word], number = place_number(e->plan, region, slot);
    return number >= 0 && e->plan->regions[region].placed[number].is_float;
}

/* Copies 64 bits from one slot to another. */
static void emit_copy(cascade_emitter *e, int32_t to, int32_t from)
{
    cascade_place target = place_of(e, to), source = place_of(e, from);
    int to_float = is_float_place(e, to), from_float = is_float_place(e, from);
    if (is_same(target, source) && to_float == from_float)
        return;
    if (from_float) {
        if (to_float)
            x_load_float(CODE, target.reg, source);
        else if (target.is_memory)
            x_store_float(CODE, target, source.reg);
        else
            x_bits_of_float(CODE, target.reg, source.reg);
        return;
    }
    if (to_float && source.is_memory) {
        x_load_float(CODE, target.reg, source);
        return;
    }
    int reg = source.is_memory ? target.is_memory || to_float ? RDX : target.reg : source.reg;
    if (is_immediate(e->plan, from) && source.is_memory)
        x_set(CODE, reg, e->plan->image[from].i);
    else
        x_load(CODE, reg, source);
    if (to_float)
        x_float_of_bits(CODE, target.reg, reg);
    else
        x_put(CODE, target, reg);
}

static void emit_two_copies(cascade_emitter *e, const cascade_part *p)
{
    int32_t to = slot_of(e, p, 0), from = slot_of(e, p, 1), second_to = slot_of(e, p, 2), second_from = slot_of(e, p, 3);
    if (second_from != to) {
        emit_copy(e, to, from);
        emit_copy(e, second_to, second_from);
        return;
    }
    if (from != second_to) {
        emit_copy(e, second_to, second_from);
        emit_copy(e, to, from);
        return;
    }
    /* An exchange. */
    cascade_place one = place_of(e, to), other = place_of(e, from);
    if (is_float_place(e, to))
        x_bits_of_float(CODE, RAX, one.reg);
    else
        x_load(CODE, RAX, one);
    emit_copy(e, to, from);
    if (is_float_place(e, from))
        x_float_of_bits(CODE, other.reg, RAX);
    else
        x_put(CODE, other, RAX);
}

static void emit_load(cascade_emitter *e, const cascade_part *p)
{
    int64_t bits = (int64_t)((uint64_t)(uint32_t)WORD->f << 32 | (uint32_t)WORD->e);
    cascade_place to = operand(e, p, 0);
    if (!to.is_memory && (p->name == PART_LOAD_FLOAT || is_float_place(e, slot_of(e, p, 0)))) {
        if (bits == 0)
            x_zero_float(CODE, to.reg);
        else {
            x_set(CODE, RDX, bits);
            x_float_of_bits(CODE, to.reg, RDX);
        }
        return;
    }
    x_set(CODE, to.is_memory ? RDX : to.reg, bits);
    if (to.is_memory)
        x_store(CODE, to, RDX);
}

/* Takes the next number of a range, whose registers stand at `field`. */
static void emit_take(cascade_emitter *e, const cascade_part *p, int field)
{
    int32_t range = slot_of(e, p, field);
    cascade_place next = place_of(e, range), remaining = place_of(e, range + 1), step = place_of(e, range + 2);
    int reg = next.is_memory ? RAX : next.reg;
    x_load(CODE, reg, next);
    write_int(e, p, 0, reg);
    if (next.is_memory) {
        x_operate(CODE, X_ADD, RAX, step);
        x_store(CODE, next, RAX);
    }
    else
        x_operate(CODE, X_ADD, reg, step);
    x_decrement(CODE, remaining);
}

static void test_remaining(cascade_emitter *e, const cascade_part *p)
{
    cascade_place remaining = place_of(e, slot_of(e, p, 1) + 1);
    if (remaining.is_memory)
        x_operate_with(CODE, X_CMP, remaining, 0);
    else
        x_test(CODE, remaining.reg);
}

static void emit_next(cascade_emitter *e, const cascade_part *p, int way_at_end)
{
    test_remaining(e, p);
    if (way_at_end == AHEAD)
        go_if(e, CC_E, jump_target(e));
    else
        go_back_if(e, CC_E);
    emit_take(e, p, 1);
}

static void emit_next_back(cascade_emitter *e, const cascade_part *p)
{
    test_remaining(e, p);
    int32_t over = x_jump(CODE, CC_E);
    emit_take(e, p, 1);
    go_back(e);
    x_land(CODE, over, CODE->size);
}

/* start, stop, step -> next, remaining, step; other steps than 1 are left to the handler. */
static void emit_range(cascade_emitter *e, const cascade_part *p)
{
    int32_t range = slot_of(e, p, 0);
    cascade_place remaining = place_of(e, range + 1);
    x_load(CODE, RAX, place_of(e, range + 2));
    x_operate_with(CODE, X_CMP, in_register(RAX), 1);
    leave_if(e, CC_NE);
    x_load(CODE, RAX, remaining);
    x_operate(CODE, X_SUB, RAX, place_of(e, range));
    leave_if(e, CC_O);
    int32_t has_some = x_jump(CODE, CC_G);
    x_set(CODE, RAX, 0);
    x_land(CODE, has_some, CODE->size);
    x_put(CODE, remaining, RAX);
}
