/* Machine code of a choice between two values of one register: both are computed, and one is taken, without a jump that a processor would have
 * to guess. Included by machine_code.h.
 *
 * Such choices depend on the register that they write (`n = n // 2 if n % 2 == 0 else 3 * n + 1`), so each depends on the one before: these
 * are guessed wrong. An overflow of either value leads aside, where the choice is made by a jump. */

typedef struct {
    int32_t one, other, join;       /* the words with the values: the next one, and the one jumped to; and the word behind both */
    int32_t slot;
    int which;                      /* the comparison by which the other value is taken */
} cascade_choice;

/* How the last part of a word compares ints before it jumps ahead; -1 where it does not. */
static int compared_by(const cascade_parts *parts)
{
    switch (parts->parts[parts->count - 1].name) {
    case PART_JUMP_LESS_INT: return LESS;
    case PART_JUMP_LESS_EQUAL_INT: return LESS_EQUAL;
    case PART_JUMP_EQUAL_INT: return EQUAL;
    case PART_JUMP_NOT_EQUAL_INT: return NOT_EQUAL;
    default: return -1;
    }
}

/* Whether a word only computes an int in a few cycles, with no way aside but to its handler; `slot` is where it writes it. */
static int computes_int(const cascade_plan *plan, int32_t number, int32_t *slot)
{
    const cascade_parts *parts = &cascade_parts_of[plan->opcodes[number]];
    for (int i = 0; i < parts->count; i++) {
        const cascade_part *part = &parts->parts[i];
        switch (part->name) {
        case PART_ADD_INT: case PART_SUB_INT: case PART_MUL_INT: case PART_AND_INT: case PART_OR_INT: case PART_XOR_INT: break;
        case PART_RSHIFT_INT:
            if (part->operands[2] >= TEMPORARY || !is_immediate(plan, field_of(&plan->words[number], part->operands[2])))
                return 0;
            break;
        default: return 0;
        }
        if (i < parts->count - 1 ? part->operands[0] != TEMPORARY : part->operands[0] >= TEMPORARY)
            return 0;
    }
    if (parts->count > 0)
        *slot = field_of(&plan->words[number], parts->parts[parts->count - 1].operands[0]);
    return parts->count == 1 || parts->count == 2;
}

/* The word that is reached from one by a jump that does nothing else, or itself. */
static int32_t behind_jump(const cascade_plan *plan, int32_t number)
{
    return plan->opcodes[number] == CASCADE_JUMP_OPCODE ? final_target(plan, target_of(plan, number)) : number;
}

static int is_same_word(const cascade_plan *plan, int32_t one, int32_t other)
{
    const cascade_word *a = &plan->words[one], *b = &plan->words[other];
    int opcode = plan->opcodes[one];
    if (opcode != plan->opcodes[other] || a->a != b->a || a->b != b->b || a->c != b->c || a->d != b->d || a->e != b->e)
        return 0;
    if (is_target(opcode) ? final_target(plan, target_of(plan, one)) != final_target(plan, target_of(plan, other)) : a->f != b->f)
        return 0;
    return plan->has_same_exits(plan->kernel, one, other);
}

/* Returns whether a word begins a choice. */
static int begins_choice(const cascade_plan *plan, int32_t number, cascade_choice *choice)
{
    const cascade_parts *parts = &cascade_parts_of[plan->opcodes[number]];
    int region = plan->region_of[number], place;
    int32_t slot, other_slot, condition = -1;
    if (region == NO_REGION || parts->count == 0 || parts->count > 2 || (choice->which = compared_by(parts)) < 0 || number + 3 >= plan->length)
        return 0;
    const cascade_part *first = &parts->parts[0];
    int field = parts->count == 2 ? 1 : 0;
    if (parts->count == 2 && (first->name != PART_AND_INT || first->operands[0] < TEMPORARY))
        return 0;
    for (; field <= 1 + (parts->count == 2); field++)
        if (first->operands[field] < TEMPORARY && !is_immediate(plan, field_of(&plan->words[number], first->operands[field])))
            condition = condition == -1 ? field_of(&plan->words[number], first->operands[field]) : -2;
    *choice = (cascade_choice){number + 1, final_target(plan, target_of(plan, number)), number + 2, 0, choice->which};
    if (choice->other <= number + 2 || choice->other + 1 >= plan->length || !computes_int(plan, choice->one, &slot)
        || !computes_int(plan, choice->other, &other_slot) || slot != other_slot || slot != condition)
        return 0;
    for (int i = 0; i < 4; i++)
        if (plan->region_of[i < 2 ? number + 1 + i : choice->other + i - 2] != region)
            return 0;
    choice->slot = slot;
    place = place_number(plan, region, slot);
    if (place < 0 || plan->regions[region].placed[place].is_float || has_both(plan, region, place))
        return 0;
    if (behind_jump(plan, choice->join) != behind_jump(plan, choice->other + 1) && !is_same_word(plan, choice->join, choice->other + 1))
        return 0;
    for (int32_t word = 0; word < plan->length; word++)
        if (is_target(plan->opcodes[word]) && final_target(plan, target_of(plan, word)) == choice->one)
            return 0;
    return 1;
}

/* Whether a word is made with the one before it, and nowhere else. */
static int belongs_to_choice(const cascade_plan *plan, int32_t number)
{
    cascade_choice choice;
    return number > 0 && begins_choice(plan, number - 1, &choice);
}

/* T0 = the value of a word that computes one. */
static void emit_value(cascade_emitter *e, int32_t number)
{
    const cascade_parts *parts = &cascade_parts_of[e->plan->opcodes[number]];
    e->word = number;
    for (int i = 0; i < parts->count; i++) {
        cascade_part part = parts->parts[i];
        part.operands[0] = TEMPORARY;
        emit_part(e, &part);
    }
}

static void emit_choice(cascade_emitter *e, const cascade_choice *choice)
{
    int32_t number = e->word, first_aside = e->aside_count;
    const cascade_parts *parts = &cascade_parts_of[e->plan->opcodes[number]];
    emit_value(e, choice->one);
    m_load(CODE, T3, in_register(T0));
    emit_value(e, choice->other);
    m_load(CODE, T2, in_register(T0));
    e->word = number;
    for (int32_t i = first_aside; i < e->aside_count; i++) {
        e->asides[i].kind = ASIDE_CHOICE;
        e->asides[i].word = number;
        e->asides[i].dirty = e->plan->dirty[number];
    }
    for (int i = 0; i < parts->count - 1; i++)
        emit_part(e, &parts->parts[i]);
    m_load_if(CODE, emit_int_comparison(e, &parts->parts[parts->count - 1], 0, 1, choice->which), T3, T2);
    m_put(CODE, place_of(e, choice->slot), T3);
}

/* The same by a jump, where one of the values may have overflown; the first value's word is here only. */
static void emit_choice_by_jump(cascade_emitter *e)
{
    int32_t number = e->word;
    const cascade_parts *parts = &cascade_parts_of[e->plan->opcodes[number]];
    for (int i = 0; i < parts->count; i++)
        emit_part(e, &parts->parts[i]);
    e->word = number + 1;
    parts = &cascade_parts_of[e->plan->opcodes[number + 1]];
    for (int i = 0; i < parts->count; i++)
        emit_part(e, &parts->parts[i]);
    branch(e, m_jump(CODE, CC_ALWAYS), number + 2);
}
