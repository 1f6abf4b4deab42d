/* Machine code of a difference with a constant and the comparison of its result with zero, at once. Included by machine_code.h.
 *
 * The subtraction compares: behind `b - c` the condition G says that b > c, as numbers without bounds, and so that the result is above zero and
 * there was no overflow. So a loop that counts down has one branch for the overflow and the end. */

static int is_zero(const cascade_emitter *e, const cascade_part *part, int field) { return is_known(e, part, field) && known(e, part, field) == 0; }

static int is_result(const cascade_emitter *e, const cascade_part *part, int field, const cascade_part *operation)
{
    int designator = part->operands[field], written = operation->operands[0];
    if (is_temporary(designator) || is_temporary(written))
        return designator == written;
    return slot_of(e, part, field) == slot_of(e, operation, 0);
}

/* How the result is compared with zero: LESS and LESS_EQUAL for 0 < a and 0 <= a; -1 where it is otherwise. */
static int compares_with_zero(const cascade_emitter *e, const cascade_parts *parts, int *way)
{
    static const struct {
        uint8_t name, which, way;
    } known_parts[] = {
        {PART_JUMP_LESS_INT, LESS, AHEAD}, {PART_BACK_LESS_INT, LESS, BACKWARD}, {PART_STEP_LESS_INT, LESS, STEPPING},
        {PART_JUMP_LESS_EQUAL_INT, LESS_EQUAL, AHEAD}, {PART_BACK_LESS_EQUAL_INT, LESS_EQUAL, BACKWARD}, {PART_STEP_LESS_EQUAL_INT, LESS_EQUAL, STEPPING},
        {PART_JUMP_NOT_EQUAL_INT, NOT_EQUAL, AHEAD}, {PART_BACK_NOT_EQUAL_INT, NOT_EQUAL, BACKWARD}, {PART_STEP_NOT_EQUAL_INT, NOT_EQUAL, STEPPING}};
    const cascade_part *operation = &parts->parts[0], *test = &parts->parts[1];
    if (parts->count != 2 || operation->name != PART_SUB_INT || !is_known(e, operation, 2) || known(e, operation, 2) <= 0 || is_known(e, operation, 1))
        return -1;
    for (size_t i = 0; i < sizeof known_parts / sizeof known_parts[0]; i++) {
        if (known_parts[i].name != test->name)
            continue;
        *way = known_parts[i].way;
        if (is_zero(e, test, 0) && is_result(e, test, 1, operation))
            return known_parts[i].which;
        return test->name == PART_JUMP_NOT_EQUAL_INT || test->name == PART_BACK_NOT_EQUAL_INT || test->name == PART_STEP_NOT_EQUAL_INT
            ? is_zero(e, test, 1) && is_result(e, test, 0, operation) ? NOT_EQUAL : -1 : -1;
    }
    return -1;
}

/* Subtracts, into the register of the result where that is the one that is read; returns it. */
static int emit_difference(cascade_emitter *e, const cascade_part *p)
{
    cascade_place to = operand(e, p, 0);
    int reg = !to.is_memory && is_same(to, operand(e, p, 1)) ? to.reg : T0;
    m_combine_with(CODE, M_SUB, reg, operand(e, p, 1), known(e, p, 2));
    return reg;
}

static void leave_if_too_small(cascade_emitter *e, const cascade_part *p, int reg)
{
    cascade_aside *doubt = leave_if(e, CC_O);
    if (reg == T0)
        return;
    doubt->undo = M_ADD;
    doubt->undo_reg = (int8_t)reg;
    doubt->undo_from = in_register(reg);
    doubt->value = known(e, p, 2);
}

static void end_difference(cascade_emitter *e, const cascade_part *p, int reg, int way)
{
    write_int(e, p, 0, reg);
    if (way == STEPPING)
        count_step(e);
}

/* Returns whether the parts are such ones. */
static int emit_countdown(cascade_emitter *e, const cascade_parts *parts)
{
    const cascade_part *p = &parts->parts[0];
    int way, which = compares_with_zero(e, parts, &way), reg;
    int32_t over, own = e->aside_count;
    if (which < 0)
        return 0;
    reg = emit_difference(e, p);
    if (which != NOT_EQUAL)
        over = m_jump(CODE, which == LESS ? CC_LE : CC_L);
    else {
        cascade_aside *below = aside(e, ASIDE_BELOW, m_jump(CODE, CC_LE));
        below->undo_reg = (int8_t)reg;
        below->target = way;
        below->value = CODE->size;
        over = 0;
    }
    end_difference(e, p, reg, way);
    if (way == AHEAD)
        go_if(e, CC_ALWAYS, jump_target(e));
    else
        go_back(e);
    if (which == NOT_EQUAL) {
        if (!CODE->failed)
            e->asides[own].resume = CODE->size;
        return 1;
    }
    m_land(CODE, over, CODE->size);
    leave_if_too_small(e, p, reg);
    end_difference(e, p, reg, way);
    return 1;
}

/* The result is zero, or below it, or there was an overflow. */
static void emit_below(cascade_emitter *e, const cascade_aside *aside)
{
    const cascade_part *p = &cascade_parts_of[e->plan->opcodes[e->word]].parts[0];
    leave_if_too_small(e, p, aside->undo_reg);
    m_land(CODE, m_jump(CODE, CC_NE), (int32_t)aside->value);
    end_difference(e, p, aside->undo_reg, aside->target);
}
