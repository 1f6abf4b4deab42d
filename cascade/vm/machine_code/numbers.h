/* Machine code of numbers: arithmetic, comparisons, jumps, ranges. Included by machine_code.h.
 *
 * Each part computes into a register that nobody sees, leaves where the handler has to decide, and then writes. */

/* Whether the register of a result may get it before it is known to be right. An exit begins the word again: it looks at all that the
 * word's parts have read by then. */
static int may_be_spoilt(const cascade_emitter *e, const cascade_part *p)
{
    if (is_temporary(p->operands[0]) || operand(e, p, 0).is_memory || slot_of(e, p, 0) < e->plan->first_scratch)
        return 0;
    for (const cascade_part *part = cascade_parts_of[e->plan->opcodes[e->word]].parts; part <= p; part++) {
        for (int field = 1; field < FIELD_COUNT; field++) {
            int designator = part->operands[field];
            if (designator >= 0 && designator < TEMPORARY && field_of(WORD, designator) == slot_of(e, p, 0))
                return 0;
        }
    }
    return 1;
}

/* a = b op c, with a side exit for an overflow. In place, what an overflow has spoilt is undone. */
static void emit_sum(cascade_emitter *e, const cascade_part *p, int operation)
{
    cascade_place to = operand(e, p, 0);
    int at_right = is_known(e, p, 1) && operation == M_ADD, left = at_right ? 2 : 1, right = at_right ? 1 : 2;
    cascade_place from = operand(e, p, right);
    if (!to.is_memory && to.reg != T0 && !is_known(e, p, left) && is_same(to, operand(e, p, left)) && (is_known(e, p, right) || !is_same(to, from))) {
        operate(e, operation, to.reg, p, right);
        cascade_aside *doubt = leave_if(e, CC_O);
        doubt->undo = operation == M_ADD ? M_SUB : M_ADD;
        doubt->undo_reg = to.reg;
        doubt->undo_from = from;
        doubt->value = is_known(e, p, right) ? known(e, p, right) : INT64_MAX;
        return;
    }
    if (may_be_spoilt(e, p)) {
        combine(e, operation, to.reg, p, left, right);
        leave_if(e, CC_O);
        return;
    }
    if (!is_known(e, p, right) && is_temporary(p->operands[right]) && !is_temporary(p->operands[left])) {
        m_load(CODE, T1, in_register(T0));        /* d - t */
        load_int(e, T0, p, left);
        m_operate(CODE, operation, T0, in_register(T1));
    }
    else
        combine(e, operation, T0, p, left, right);
    leave_if(e, CC_O);
    write_int(e, p, 0, T0);
}

static void emit_product(cascade_emitter *e, const cascade_part *p)
{
    int left = is_known(e, p, 1) ? 2 : 1, right = 3 - left;
    int condition;
    if (is_known(e, p, right) && !is_known(e, p, left))
        condition = m_product_by(CODE, T0, operand(e, p, left), known(e, p, right));
    else if (!is_known(e, p, right) && is_temporary(p->operands[right])) {
        if (is_known(e, p, left))
            condition = m_product_by(CODE, T0, in_register(T0), known(e, p, left));
        else
            condition = m_product(CODE, T0, operand(e, p, left));
    }
    else {
        load_int(e, T0, p, left);
        if (is_known(e, p, right))
            condition = m_product_by(CODE, T0, in_register(T0), known(e, p, right));
        else
            condition = m_product(CODE, T0, operand(e, p, right));
    }
    leave_if(e, condition);
    write_int(e, p, 0, T0);
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
    int reg = to.is_memory ? T0 : to.reg;
    combine(e, operation, reg, p, left, right);
    if (to.is_memory)
        m_store(CODE, to, reg);
}

static void emit_shift(cascade_emitter *e, const cascade_part *p, int to_left)
{
    int fixed = is_known(e, p, 2) ? known(e, p, 2) : -1;
    if (is_known(e, p, 2) && (fixed < 0 || (to_left && fixed > 62))) {
        leave_if(e, CC_ALWAYS);
        return;
    }
    if (fixed < 0) {
        load_int(e, T1, p, 2);     /* the temporary is never the number of bits: no fusion hands it over there */
        load_int(e, T0, p, 1);
        m_operate_with(CODE, M_CMP, in_register(T1), to_left ? 62 : 63);
        leave_if(e, CC_A);
    }
    else
        load_int(e, T0, p, 1);
    if (to_left)
        m_load(CODE, T3, in_register(T0));
    if (fixed < 0)
        m_shift(CODE, to_left ? M_SHL : M_SAR, T0);
    else
        m_shift_by(CODE, to_left ? M_SHL : M_SAR, T0, fixed > 63 ? 63 : fixed);
    if (to_left) {
        m_load(CODE, T2, in_register(T0));
        if (fixed < 0)
            m_shift(CODE, M_SAR, T2);
        else
            m_shift_by(CODE, M_SAR, T2, fixed);
        m_operate(CODE, M_CMP, T2, in_register(T3));
        leave_if(e, CC_NE);
    }
    write_int(e, p, 0, T0);
}

/* By a power of two, a shift or a mask; by another positive constant d, a product with 2**(63 + l) / d, rounded up, where 2**l >= d:
 * exact below 2**63 (Granlund and Montgomery, PLDI 1994). */
static void emit_division_by(cascade_emitter *e, const cascade_part *p, int wants_rest, int32_t divisor)
{
    int bits = 0;
    while (((int64_t)1 << bits) < divisor)
        bits++;
    load_int(e, T0, p, 1);
    if (((int64_t)1 << bits) == divisor) {
        if (wants_rest)
            m_operate_with(CODE, M_AND, in_register(T0), divisor - 1);
        else if (bits)
            m_shift_by(CODE, M_SAR, T0, bits);
        write_int(e, p, 0, T0);
        return;
    }
    unsigned __int128 scaled = (unsigned __int128)1 << (63 + bits);
    uint64_t factor = (uint64_t)((scaled + (uint32_t)divisor - 1) / (uint32_t)divisor);
    m_test(CODE, T0);
    cascade_aside *negative = aside(e, ASIDE_DIVIDE_KNOWN, m_jump(CODE, CC_S));
    int32_t own = e->aside_count - 1;
    negative->value = divisor;
    negative->undo = (int8_t)wants_rest;
    m_load(CODE, T1, in_register(T0));
    m_set(CODE, T2, (int64_t)factor);
    m_multiply_high(CODE);
    if (bits > 1)
        m_shift_by(CODE, M_SHR, T2, bits - 1);
    if (wants_rest) {
        m_multiply_by(CODE, T2, in_register(T2), divisor);
        m_load(CODE, T0, in_register(T1));
        m_operate(CODE, M_SUB, T0, in_register(T2));
    }
    else
        m_load(CODE, T0, in_register(T2));
    if (!CODE->failed)
        e->asides[own].resume = CODE->size;
    write_int(e, p, 0, T0);
}

static void emit_division(cascade_emitter *e, const cascade_part *p, int wants_rest)
{
    if (is_known(e, p, 2) && known(e, p, 2) > 0) {
        emit_division_by(e, p, wants_rest, known(e, p, 2));
        return;
    }
    load_int(e, T0, p, 1);
    load_int(e, T1, p, 2);
    m_either(CODE, T2, T0, T1);
    cascade_aside *general = aside(e, ASIDE_DIVIDE, m_jump(CODE, CC_LE));
    int32_t own = e->aside_count - 1;
    general->undo = (int8_t)wants_rest;
    m_test(CODE, T1);
    leave_if(e, CC_E);
    m_divide(CODE, wants_rest);
    if (!CODE->failed)
        e->asides[own].resume = CODE->size;
    write_int(e, p, 0, T0);
}

static void emit_negation(cascade_emitter *e, const cascade_part *p)
{
    load_int(e, T0, p, 1);
    m_negate(CODE, T0);
    leave_if(e, CC_O);
    write_int(e, p, 0, T0);
}

static void emit_absolute(cascade_emitter *e, const cascade_part *p)
{
    load_int(e, T0, p, 1);
    m_load(CODE, T2, in_register(T0));
    m_shift_by(CODE, M_SAR, T2, 63);
    m_operate(CODE, M_XOR, T0, in_register(T2));
    m_operate(CODE, M_SUB, T0, in_register(T2));
    leave_if(e, CC_O);
    write_int(e, p, 0, T0);
}

/* ---- Floats --------------------------------------------------------------------------------------------------------- */

/* Computes b op c into a register, which is returned: that of `a` where that may be. */
static int emit_float(cascade_emitter *e, const cascade_part *p, int operation, int into_own)
{
    cascade_place to = operand(e, p, 0), left = operand(e, p, 1), right = operand(e, p, 2);
    int reg = into_own && !to.is_memory && (is_same(to, left) || !is_same(to, right)) ? to.reg : F2;
    m_combine_float(CODE, operation, reg, left, right);
    return reg;
}

static void emit_float_operation(cascade_emitter *e, const cascade_part *p, int operation)
{
    if (operation == M_FLOAT_DIV) {
        m_zero_float(CODE, F2);
        m_compare_float(CODE, F2, operand(e, p, 2));
        int32_t is_nan = UNORDERED_IS_EQUAL ? m_jump(CODE, CC_U) : 0;
        leave_if(e, CC_E);
        if (UNORDERED_IS_EQUAL)
            m_land(CODE, is_nan, CODE->size);
    }
    int reg = emit_float(e, p, operation, 1);
    write_float(e, p, 0, reg);
}

/* As NumPy's float64: a result that is no normal number is looked at by the handler, but a zero product or quotient of a zero. */
static void emit_scalar_operation(cascade_emitter *e, const cascade_part *p, int operation)
{
    int rounds = operation == M_FLOAT_MUL || operation == M_FLOAT_DIV;
    int reg = emit_float(e, p, operation, may_be_spoilt(e, p));
    int64_t smallest = rounds ? 0x0020000000000002 : 0;
    m_bits_of_float(CODE, T0, reg);
    m_operate(CODE, M_ADD, T0, in_register(T0));      /* without the sign */
    if (rounds)
        m_operate(CODE, M_SUB, T0, m_constant(CODE, smallest, T2));
    m_operate(CODE, M_CMP, T0, m_constant(CODE, (int64_t)(0xFFE0000000000000u - (uint64_t)smallest), T2));
    if (rounds) {
        cascade_aside *zero = aside(e, ASIDE_ZERO, m_jump(CODE, CC_AE));
        zero->value = -smallest;
        zero->undo = operation == M_FLOAT_MUL;
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
    m_load_float(CODE, F2, operand(e, p, 1));
    m_sign(CODE, F2, clears);
    write_float(e, p, 0, F2);
}

static void emit_root(cascade_emitter *e, const cascade_part *p)
{
    int from = float_in(e, p, 1, F2);
    m_zero_float(CODE, F1);
    m_compare_float(CODE, from, in_register(F1));
    leave_if(e, CC_FB);         /* a negative number, or none */
    m_operate_float(CODE, M_FLOAT_SQRT, F2, in_register(from));
    write_float(e, p, 0, F2);
}

/* Leaves where an int is beyond 2**53, and so may be no float. */
static void leave_if_inexact(cascade_emitter *e, int reg)
{
    m_set(CODE, T2, CASCADE_EXACT);
    m_operate(CODE, M_ADD, T2, in_register(reg));
    m_set(CODE, T3, 2 * CASCADE_EXACT);
    m_operate(CODE, M_CMP, T2, in_register(T3));
    leave_if(e, CC_A);
}

static void emit_to_float(cascade_emitter *e, const cascade_part *p, int exactly)
{
    int from = int_in(e, p, 1, T0);
    if (exactly)
        leave_if_inexact(e, from);
    m_float_of_int(CODE, F2, in_register(from));
    write_float(e, p, 0, F2);
}

static void emit_quotient(cascade_emitter *e, const cascade_part *p)
{
    load_int(e, T0, p, 1);
    load_int(e, T1, p, 2);
    m_test(CODE, T1);
    leave_if(e, CC_E);
    leave_if_inexact(e, T0);
    leave_if_inexact(e, T1);
    m_float_of_int(CODE, F2, in_register(T0));
    m_float_of_int(CODE, F1, in_register(T1));
    m_operate_float(CODE, M_FLOAT_DIV, F2, in_register(F1));
    write_float(e, p, 0, F2);
}

static void emit_truncation(cascade_emitter *e, const cascade_part *p)
{
    leave_if(e, m_int_of_float(CODE, T0, operand(e, p, 1)));
    write_int(e, p, 0, T0);
}

/* ---- Comparisons ----------------------------------------------------------------------------------------------------- */

enum { LESS, LESS_EQUAL, EQUAL, NOT_EQUAL };

/* Sets the flags by a and b; returns the condition of the comparison. */
static int emit_int_comparison(cascade_emitter *e, const cascade_part *p, int left, int right, int which)
{
    static const int8_t conditions[] = {CC_L, CC_LE, CC_E, CC_NE}, swapped[] = {CC_G, CC_GE, CC_E, CC_NE};
    cascade_place one = operand(e, p, left), other = operand(e, p, right);
    if (is_known(e, p, left) && !is_known(e, p, right)) {
        m_operate_with(CODE, M_CMP, other, known(e, p, left));
        return swapped[which];
    }
    if (is_known(e, p, right) && !is_known(e, p, left)) {
        if (!one.is_memory && known(e, p, right) == 0)
            m_test(CODE, one.reg);
        else
            m_operate_with(CODE, M_CMP, one, known(e, p, right));
        return conditions[which];
    }
    if (one.is_memory && !other.is_memory && !is_known(e, p, right)) {
        m_operate(CODE, M_CMP, other.reg, one);
        return swapped[which];
    }
    operate(e, M_CMP, int_in(e, p, left, T1), p, right);
    return conditions[which];
}

/* The condition holds for floats that are ordered. Behind an equality CC_U has to be looked at, too, where UNORDERED_IS_EQUAL. */
static int emit_float_comparison(cascade_emitter *e, const cascade_part *p, int left, int right, int which)
{
    if (which == EQUAL || which == NOT_EQUAL) {
        m_compare_float(CODE, float_in(e, p, left, F2), operand(e, p, right));
        return which == EQUAL ? CC_E : CC_NE;
    }
    m_compare_float(CODE, float_in(e, p, right, F2), operand(e, p, left));
    return which == LESS ? CC_FA : CC_FAE;
}

static void emit_comparison(cascade_emitter *e, const cascade_part *p, int which, int of_floats)
{
    if (!of_floats) {
        m_set_if(CODE, emit_int_comparison(e, p, 1, 2, which));
        write_int(e, p, 0, T0);
        return;
    }
    int condition = emit_float_comparison(e, p, 1, 2, which);
    if (condition == CC_E || condition == CC_NE)
        m_set_if_float(CODE, condition);
    else
        m_set_if(CODE, condition);
    write_int(e, p, 0, T0);
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
    if (condition == CC_E && UNORDERED_IS_EQUAL) {
        int32_t is_nan = m_jump(CODE, CC_U);
        go_way(e, CC_E, way);
        m_land(CODE, is_nan, CODE->size);
    }
    else if (condition == CC_NE && UNORDERED_IS_EQUAL) {
        go_way(e, CC_U, way);
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
            m_load_float(CODE, target.reg, source);
        else if (target.is_memory)
            m_store_float(CODE, target, source.reg);
        else
            m_bits_of_float(CODE, target.reg, source.reg);
        return;
    }
    if (to_float && source.is_memory) {
        m_load_float(CODE, target.reg, source);
        return;
    }
    int reg = source.is_memory ? target.is_memory || to_float ? T2 : target.reg : source.reg;
    if (is_immediate(e->plan, from) && source.is_memory)
        m_set(CODE, reg, e->plan->image[from].i);
    else
        m_load(CODE, reg, source);
    if (to_float)
        m_float_of_bits(CODE, target.reg, reg);
    else
        m_put(CODE, target, reg);
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
        m_bits_of_float(CODE, T0, one.reg);
    else
        m_load(CODE, T0, one);
    emit_copy(e, to, from);
    if (is_float_place(e, from))
        m_float_of_bits(CODE, other.reg, T0);
    else
        m_put(CODE, other, T0);
}

static void emit_load(cascade_emitter *e, const cascade_part *p)
{
    int64_t bits = (int64_t)((uint64_t)(uint32_t)WORD->f << 32 | (uint32_t)WORD->e);
    cascade_place to = operand(e, p, 0);
    if (!to.is_memory && (p->name == PART_LOAD_FLOAT || is_float_place(e, slot_of(e, p, 0)))) {
        if (bits == 0)
            m_zero_float(CODE, to.reg);
        else
            m_load_float_bits(CODE, to.reg, bits);
        return;
    }
    m_set(CODE, to.is_memory ? T2 : to.reg, bits);
    if (to.is_memory)
        m_store(CODE, to, T2);
}

/* Takes the next number of a range, whose registers stand at `field`. */
static void emit_take(cascade_emitter *e, const cascade_part *p, int field)
{
    int32_t range = slot_of(e, p, field);
    cascade_place next = place_of(e, range), remaining = place_of(e, range + 1), step = place_of(e, range + 2);
    int reg = next.is_memory ? T0 : next.reg;
    m_load(CODE, reg, next);
    write_int(e, p, 0, reg);
    if (next.is_memory) {
        m_operate(CODE, M_ADD, T0, step);
        m_store(CODE, next, T0);
    }
    else
        m_operate(CODE, M_ADD, reg, step);
    m_decrement(CODE, remaining);
}

static void test_remaining(cascade_emitter *e, const cascade_part *p)
{
    cascade_place remaining = place_of(e, slot_of(e, p, 1) + 1);
    if (remaining.is_memory)
        m_operate_with(CODE, M_CMP, remaining, 0);
    else
        m_test(CODE, remaining.reg);
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
    int32_t over = m_jump(CODE, CC_E);
    emit_take(e, p, 1);
    go_back(e);
    m_land(CODE, over, CODE->size);
}

/* start, stop, step -> next, remaining, step; other steps than 1 are left to the handler. */
static void emit_range(cascade_emitter *e, const cascade_part *p)
{
    int32_t range = slot_of(e, p, 0);
    cascade_place remaining = place_of(e, range + 1);
    m_load(CODE, T0, place_of(e, range + 2));
    m_operate_with(CODE, M_CMP, in_register(T0), 1);
    leave_if(e, CC_NE);
    m_load(CODE, T0, remaining);
    m_operate(CODE, M_SUB, T0, place_of(e, range));
    leave_if(e, CC_O);
    int32_t has_some = m_jump(CODE, CC_G);
    m_set(CODE, T0, 0);
    m_land(CODE, has_some, CODE->size);
    m_put(CODE, remaining, T0);
}
