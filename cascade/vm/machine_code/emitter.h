/* Machine code of a kernel: operands, jumps between words, and the ways between machine code and handlers. Included by machine_code.h.
 *
 * What a part cannot do it leaves to the handler of its word, which does the word from its start: so a part changes nothing before its
 * last doubt. A handler goes on at the next word by the pointer that stands there, which leads back into machine code. There is no call in
 * machine code, and nothing on the stack: to an unwinder it does not exist. */

typedef struct {
    int32_t jump;               /* whose target it is */
    int32_t word;
    uint32_t dirty;
    int8_t kind;
    int8_t undo;                /* an operation to be undone first, or 0 */
    int8_t undo_reg;
    cascade_place undo_from;
    int32_t target;             /* of an edge */
    int32_t resume;             /* where the usual way goes on */
    int64_t value;
    cascade_part part;          /* an access to an array */
    int8_t strided;             /* see cascade_emitter */
} cascade_aside;

enum { ASIDE_HANDLER, ASIDE_FUEL, ASIDE_STEPS, ASIDE_EDGE, ASIDE_INDEX, ASIDE_DIVIDE, ASIDE_DIVIDE_KNOWN, ASIDE_ZERO, ASIDE_WIDE,
    ASIDE_BELOW, ASIDE_FROM_END, ASIDE_STRIDED, ASIDE_CHOICE };

typedef struct {
    int32_t jump, target;
    int8_t strided;
} cascade_branch;

typedef struct {
    cascade_plan *plan;
    cascade_code code;
    int32_t word;               /* that is translated */
    int32_t *offsets;           /* of the words in the code */
    int32_t *strided_offsets;   /* of those that are there once more, for arrays of any strides */
    int8_t strided;             /* whether these are translated */
    int8_t counts_from_end;     /* whether an index is taken to be negative */
    int32_t *entries;           /* where handlers come in, or -1 */
    cascade_aside *asides;
    int32_t aside_count, aside_room;
    cascade_branch *branches;
    int32_t branch_count, branch_room;
} cascade_emitter;

#define CODE (&e->code)
#define WORD (&e->plan->words[e->word])

static const cascade_word *cascade_out_of_fuel(const cascade_word *w, cascade_register *r, int64_t fuel, cascade_state *s)
{
    return cascade_stop(w, r, fuel, s, CASCADE_OUT_OF_FUEL);
}

static const cascade_word *cascade_out_of_steps(const cascade_word *w, cascade_register *r, int64_t fuel, cascade_state *s)
{
    return cascade_stop(w, r, fuel, s, CASCADE_OUT_OF_STEPS);
}

/* ---- Operands ------------------------------------------------------------------------------------------------------ */

static cascade_place home_of(const cascade_emitter *e, int32_t slot)
{
    if (slot == e->plan->slots)
        return at_memory(STATE, offsetof(cascade_state, steps));
    return at_memory(REGISTERS, 8 * (int64_t)slot);
}

static cascade_place place_of(const cascade_emitter *e, int32_t slot)
{
    int region = e->plan->region_of[e->word], number = place_number(e->plan, region, slot);
    return number < 0 ? home_of(e, slot) : in_register(e->plan->regions[region].placed[number].place);
}

static cascade_place float_place_of(const cascade_emitter *e, int32_t slot)
{
    int region = e->plan->region_of[e->word], number = float_place_number(e->plan, region, slot);
    return number < 0 ? home_of(e, slot) : in_register(e->plan->regions[region].placed[number].place);
}

static int is_temporary(int designator) { return designator >= TEMPORARY; }

/* The slot of an operand of a part; it is no temporary. */
static int32_t slot_of(const cascade_emitter *e, const cascade_part *part, int field) { return field_of(WORD, part->operands[field]); }

/* Where an operand stands that is no constant with 32 bits. Of ints, the temporary is T0; of floats they are F0 and F1. Both are numbered from 0. */
static cascade_place operand(const cascade_emitter *e, const cascade_part *part, int field)
{
    int designator = part->operands[field], role = cascade_roles[part->name][field];
    if (is_temporary(designator))
        return in_register(designator - TEMPORARY);
    int32_t slot = field_of(WORD, designator);
    return role == ROLE_READS_FLOAT || role == ROLE_WRITES_FLOAT ? float_place_of(e, slot) : place_of(e, slot);
}

static int is_known(const cascade_emitter *e, const cascade_part *part, int field)
{
    return !is_temporary(part->operands[field]) && is_immediate(e->plan, slot_of(e, part, field));
}

static int32_t known(const cascade_emitter *e, const cascade_part *part, int field) { return (int32_t)e->plan->image[slot_of(e, part, field)].i; }

static void load_int(cascade_emitter *e, int reg, const cascade_part *part, int field)
{
    if (is_known(e, part, field))
        m_set(CODE, reg, known(e, part, field));
    else
        m_load(CODE, reg, operand(e, part, field));
}

static void operate(cascade_emitter *e, int operation, int reg, const cascade_part *part, int field)
{
    if (is_known(e, part, field))
        m_operate_with(CODE, operation, in_register(reg), known(e, part, field));
    else
        m_operate(CODE, operation, reg, operand(e, part, field));
}

/* reg = left op right, which does not stand in it alone. */
static void combine(cascade_emitter *e, int operation, int reg, const cascade_part *part, int left, int right)
{
    if (is_known(e, part, left)) {
        load_int(e, reg, part, left);
        operate(e, operation, reg, part, right);
    }
    else if (is_known(e, part, right))
        m_combine_with(CODE, operation, reg, operand(e, part, left), known(e, part, right));
    else
        m_combine(CODE, operation, reg, operand(e, part, left), operand(e, part, right));
}

/* A register with the value of an operand: its own, or `spare`. */
static int int_in(cascade_emitter *e, const cascade_part *part, int field, int spare)
{
    cascade_place place = operand(e, part, field);
    if (!is_known(e, part, field) && !place.is_memory)
        return place.reg;
    load_int(e, spare, part, field);
    return spare;
}

static int float_in(cascade_emitter *e, const cascade_part *part, int field, int spare)
{
    cascade_place place = operand(e, part, field);
    if (!place.is_memory)
        return place.reg;
    m_load_float(CODE, spare, place);
    return spare;
}

static void write_int(cascade_emitter *e, const cascade_part *part, int field, int reg)
{
    m_put(CODE, operand(e, part, field), reg);
}

static void write_float(cascade_emitter *e, const cascade_part *part, int field, int reg)
{
    m_put_float(CODE, operand(e, part, field), reg);
}

/* ---- What stands aside ---------------------------------------------------------------------------------------------- */

static cascade_aside *aside(cascade_emitter *e, int kind, int32_t jump)
{
    static cascade_aside none;
    if (e->aside_count == e->aside_room) {
        int32_t room = 2 * e->aside_room + 64;
        cascade_aside *more = PyMem_Realloc(e->asides, sizeof(cascade_aside) * (size_t)room);
        if (more == NULL) {
            CODE->failed = 1;
            return &none;
        }
        e->asides = more;
        e->aside_room = room;
    }
    cascade_aside *made = &e->asides[e->aside_count++];
    memset(made, 0, sizeof *made);
    made->kind = (int8_t)kind;
    made->jump = jump;
    made->word = e->word;
    made->dirty = e->plan->dirty[e->word];
    made->strided = e->strided;
    return made;
}

/* Where the condition holds, the handler does the word. */
static cascade_aside *leave_if(cascade_emitter *e, int condition) { return aside(e, ASIDE_HANDLER, m_jump(CODE, condition)); }

static void branch(cascade_emitter *e, int32_t jump, int32_t target)
{
    if (e->branch_count == e->branch_room) {
        int32_t room = 2 * e->branch_room + 64;
        cascade_branch *more = PyMem_Realloc(e->branches, sizeof(cascade_branch) * (size_t)room);
        if (more == NULL) {
            CODE->failed = 1;
            return;
        }
        e->branches = more;
        e->branch_room = room;
    }
    e->branches[e->branch_count++] = (cascade_branch){jump, target, e->strided};
}

static void store_places(cascade_emitter *e, int region, uint32_t which)
{
    for (int i = 0; region != NO_REGION && i < e->plan->regions[region].count; i++) {
        const cascade_placed *placed = &e->plan->regions[region].placed[i];
        if (!(which >> i & 1))
            continue;
        if (placed->is_float)
            m_store_float(CODE, home_of(e, placed->slot), placed->place);
        else
            m_store(CODE, home_of(e, placed->slot), placed->place);
    }
}

/* Loads the places of a region, but those that have their values in the region that is left. */
static void load_places(cascade_emitter *e, int region, int left)
{
    uint32_t shared = shared_places(e->plan, region, left, UINT32_MAX, 1);
    for (int i = 0; region != NO_REGION && i < e->plan->regions[region].count; i++) {
        const cascade_placed *placed = &e->plan->regions[region].placed[i];
        if (shared >> i & 1)
            continue;
        if (is_fact_slot(e->plan, placed->slot))
            continue;       /* it is found out behind all others */
        if (placed->is_float)
            m_load_float(CODE, placed->place, home_of(e, placed->slot));
        else
            m_load(CODE, placed->place, home_of(e, placed->slot));
    }
}

/* Jumps where the word in ARGUMENT_WORD leads, or to a function like a handler; all values stand in memory. */
static void jump_with_word(cascade_emitter *e, const void *handler)
{
    m_load(CODE, ARGUMENT_FUEL, in_register(FUEL));
    m_load(CODE, ARGUMENT_STATE, in_register(STATE));
    if (handler == NULL)
        m_jump_through(CODE, at_memory(ARGUMENT_WORD, offsetof(cascade_word, run)));
    else {
        m_set(CODE, LEAVING, (int64_t)(intptr_t)handler);
        m_jump_through(CODE, in_register(LEAVING));
    }
}

static void jump_out(cascade_emitter *e, int32_t word, const void *handler)
{
    m_set(CODE, ARGUMENT_WORD, (int64_t)(intptr_t)&e->plan->words[word]);
    jump_with_word(e, handler);
}

/* ---- Jumps to words ------------------------------------------------------------------------------------------------- */

static int is_plain_edge(const cascade_emitter *e, int32_t target)
{
    return target < e->plan->length && e->plan->region_of[e->word] == e->plan->region_of[target];
}

/* Goes to a word where the condition holds. */
static void go_if(cascade_emitter *e, int condition, int32_t target)
{
    target = final_target(e->plan, target);
    if (is_plain_edge(e, target)) {
        branch(e, m_jump(CODE, condition), target);
        return;
    }
    cascade_aside *edge = aside(e, ASIDE_EDGE, m_jump(CODE, condition));
    edge->target = target;
    edge->dirty = dirty_behind(e->plan, e->word, 1);
}

static int32_t jump_target(const cascade_emitter *e) { return target_of(e->plan, e->word); }

static void run_out(cascade_emitter *e, int kind, int32_t jump, int32_t word)
{
    cascade_aside *made = aside(e, kind, jump);
    made->target = word;
    made->dirty = dirty_behind(e->plan, e->word, 1);
}

/* A jump back, for fuel. */
static void go_back(cascade_emitter *e)
{
    int32_t target = jump_target(e);
    m_decrement(CODE, in_register(FUEL));
    go_if(e, CC_G, target);
    run_out(e, ASIDE_FUEL, m_jump(CODE, CC_ALWAYS), target);
}

static void go_back_if(cascade_emitter *e, int condition)
{
    int32_t over = m_jump(CODE, condition ^ 1);
    go_back(e);
    m_land(CODE, over, CODE->size);
}

static void count_step(cascade_emitter *e)
{
    cascade_place steps = place_of(e, e->plan->slots);
    int reg = steps.is_memory ? T2 : steps.reg;
    m_load(CODE, reg, steps);
    m_increment(CODE, in_register(reg));
    if (steps.is_memory)
        m_store(CODE, steps, reg);
    m_operate(CODE, M_CMP, reg, at_memory(STATE, offsetof(cascade_state, limit)));
    run_out(e, ASIDE_STEPS, m_jump(CODE, CC_G), e->word);
}
