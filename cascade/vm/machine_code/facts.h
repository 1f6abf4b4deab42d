/* What loops take for granted of arrays: see `cascade_fact` and `cascade_row`. Included by analysis.h. */

static int32_t fact_slot(const cascade_plan *plan, int fact, int number) { return plan->registers + FACT_PARTS * fact + number; }
static int32_t row_slot(const cascade_plan *plan, int row) { return plan->registers + FACT_PARTS * FACT_LIMIT + row; }
static int is_fact_slot(const cascade_plan *plan, int32_t slot)
{
    return (slot >= plan->registers && slot < plan->registers + FACT_PARTS * plan->fact_count)
        || (slot >= row_slot(plan, 0) && slot < row_slot(plan, plan->row_count));
}

/* Returns whether a part reads or writes an item of an array, and of which. */
static int accesses_array(const cascade_plan *plan, int32_t number, const cascade_part *part, cascade_fact *found)
{
    static const int8_t read[] = {CASCADE_BOOL, CASCADE_UINT8, CASCADE_INT32, CASCADE_INT64, CASCADE_FLOAT32, CASCADE_FLOAT64},
        written[] = {CASCADE_BOOL, CASCADE_UINT8, CASCADE_INT32, CASCADE_INT64, CASCADE_FLOAT64};
    int name = part->name;
    if (name >= PART_ARRAY1_BOOL_ && name <= PART_ARRAY2_FLOAT64)
        *found = (cascade_fact){0, read[(name - PART_ARRAY1_BOOL_) % 6], (int8_t)(1 + (name - PART_ARRAY1_BOOL_) / 6), 0, 1};
    else if (name >= PART_ARRAY1_STORE_BOOL_ && name <= PART_ARRAY2_STORE_FLOAT64)
        *found = (cascade_fact){0, written[(name - PART_ARRAY1_STORE_BOOL_) % 5], (int8_t)(1 + (name - PART_ARRAY1_STORE_BOOL_) / 5), 1, 0};
    else if (name >= PART_ARRAY_NEXT_BOOL_ && name <= PART_ARRAY_NEXT_FLOAT64)
        *found = (cascade_fact){0, read[name - PART_ARRAY_NEXT_BOOL_], 1, 0, 1};
    else
        return 0;
    found->slot = field_of(&plan->words[number], part->operands[found->field]);
    return 1;
}

/* The fact that is enough for an access, of some; or -1. */
static int known_fact(const cascade_plan *plan, const cascade_fact *wanted, uint32_t facts)
{
    for (int i = 0; i < plan->fact_count; i++) {
        const cascade_fact *fact = &plan->facts[i];
        if (facts >> i & 1 && fact->slot == wanted->slot && fact->element == wanted->element && fact->dimensions == wanted->dimensions
            && fact->writes >= wanted->writes)
            return i;
    }
    return -1;
}

/* The same where it holds at a word. */
static int fact_of(const cascade_plan *plan, int32_t number, const cascade_part *part, cascade_fact *wanted)
{
    int region = plan->region_of[number];
    if (!accesses_array(plan, number, part, wanted) || region == NO_REGION)
        return -1;
    return known_fact(plan, wanted, plan->regions[region].facts);
}

/* As many accesses to arrays as to each handler make up for what is found out behind it. */
enum { HANDLER_ACCESSES = 4 };

typedef struct {
    int32_t slot;
    int found;
} cascade_search;

static void look_for_write(void *context, int32_t slot, int role)
{
    cascade_search *search = context;
    search->found |= slot == search->slot && is_write(role);
}

/* Whether the handler of a word without a form may write a register: it writes at most three behind each other. One that it reads may be
 * tested there, so nothing is known of it in the loop. */
static int is_handled(const cascade_plan *plan, int32_t number, int32_t slot)
{
    int fields = cascade_written_by[plan->opcodes[number]];
    for (int field = 0; field < FIELD_COUNT - 1 && fields != 255; field++) {
        int32_t first = field_of(&plan->words[number], field);
        if (slot == first || (fields >> field & 1 && slot > first && slot < first + 3))
            return 1;
    }
    return fields == 255;
}

/* Whether a loop may change a register, or test it. */
static int is_written_in(const cascade_plan *plan, int32_t slot, const int32_t *nodes, int32_t count)
{
    cascade_search search = {slot, 0};
    for (int32_t i = 0; i < count && !search.found; i++) {
        visit_slots(plan, nodes[i], look_for_write, &search);
        search.found |= !HAS_FORM(plan, nodes[i]) && is_handled(plan, nodes[i], slot);
    }
    return search.found;
}

/* The bit of a fact; 0 where there is no room for it. */
static uint32_t noted_fact(cascade_plan *plan, const cascade_fact *wanted)
{
    for (int i = 0; i < plan->fact_count; i++)
        if (memcmp(&plan->facts[i], wanted, sizeof *wanted) == 0)
            return (uint32_t)1 << i;
    if (plan->fact_count == FACT_LIMIT || plan->slots < plan->registers + FACT_SLOTS)
        return 0;
    plan->facts[plan->fact_count] = *wanted;
    return (uint32_t)1 << plan->fact_count++;
}

/* How often a word is executed, as far as loops tell. */
static double weight_of(const cascade_plan *plan, int32_t number) { return (double)(1 << 3 * plan->depth[number]); }

/* Which facts hold in a loop: those about arrays in registers that it does not write. The register holds an array wherever the loop is entered,
 * as it reaches the access from there without a test. Behind each handler they are found out again, so there are few of these. */
static uint32_t facts_in(cascade_plan *plan, const int32_t *nodes, int32_t count)
{
    uint32_t held = 0;
    double handlers = 0.0, accesses = 0.0;
    cascade_fact wanted;
    for (int32_t i = 0; i < count; i++) {
        const cascade_parts *parts = &cascade_parts_of[plan->opcodes[nodes[i]]];
        if (parts->count == 0)
            handlers += weight_of(plan, nodes[i]);
        for (int number = 0; number < parts->count; number++)
            if (accesses_array(plan, nodes[i], &parts->parts[number], &wanted))
                accesses += weight_of(plan, nodes[i]);
    }
    if (accesses < HANDLER_ACCESSES * handlers)
        return 0;
    for (int writes = 1; writes >= 0; writes--)     /* what is enough for a store is enough for all */
        for (int32_t i = 0; i < count; i++) {
            const cascade_parts *parts = &cascade_parts_of[plan->opcodes[nodes[i]]];
            for (int number = 0; number < parts->count; number++)
                if (accesses_array(plan, nodes[i], &parts->parts[number], &wanted) && wanted.writes == writes && known_fact(plan, &wanted, held) < 0
                    && !is_written_in(plan, wanted.slot, nodes, count))
                    held |= noted_fact(plan, &wanted);
        }
    return held;
}

/* The part of a word that writes a register; NULL where there is none, or more than one. */
static const cascade_part *writer_in(const cascade_plan *plan, int32_t number, int32_t slot, int *count)
{
    const cascade_parts *parts = &cascade_parts_of[plan->opcodes[number]];
    const cascade_part *found = NULL;
    *count = 0;
    for (int i = 0; i < parts->count; i++) {
        cascade_search search = {slot, 0};
        visit_part(plan, number, &parts->parts[i], look_for_write, &search);
        if (search.found) {
            found = &parts->parts[i];
            ++*count;
        }
    }
    return *count == 1 ? found : NULL;
}

/* Whether a register has, at a word, the sum of one that the loop does not change and a constant: itself and 0, or as the word that has
 * written it says, where all ways from there lead straight on. */
static int is_lasting_index(const cascade_plan *plan, int32_t number, int32_t slot, const int32_t *nodes, int32_t count, cascade_row *found)
{
    int32_t word = number;
    int writers;
    found->index = slot;
    found->offset = 0;
    if (!is_written_in(plan, slot, nodes, count))
        return 1;
    while (word > 0 && !plan->is_led[word] && HAS_FORM(plan, word - 1) && !is_end(plan->opcodes[word - 1])) {
        const cascade_part *part = writer_in(plan, --word, slot, &writers);
        if (writers == 0)
            continue;
        if (part == NULL || (part->name != PART_ADD_INT && part->name != PART_SUB_INT) || part->operands[1] >= TEMPORARY || part->operands[2] >= TEMPORARY)
            return 0;
        int32_t left = field_of(&plan->words[word], part->operands[1]), right = field_of(&plan->words[word], part->operands[2]);
        if (part->name == PART_ADD_INT && is_immediate(plan, left)) {
            int32_t other = left;
            left = right;
            right = other;
        }
        if (!is_immediate(plan, right) || plan->image[right].i == INT32_MIN || is_written_in(plan, left, nodes, count))
            return 0;
        found->index = left;
        found->offset = (int32_t)plan->image[right].i * (part->name == PART_SUB_INT ? -1 : 1);
        return 1;
    }
    return 0;
}

/* The number of a row, from 1 on; NO_ROW where there is no room for it. */
static int noted_row(cascade_plan *plan, const cascade_row *wanted)
{
    for (int i = 0; i < plan->row_count; i++)
        if (plan->rows[i].index == wanted->index && plan->rows[i].offset == wanted->offset && plan->rows[i].fact == wanted->fact)
            return i + 1;
    if (plan->row_count == ROW_LIMIT)
        return NO_ROW;
    plan->rows[plan->row_count++] = *wanted;
    return plan->row_count;
}

/* Finds the rows of which the words of a loop take items, by word, and returns a bit for each. */
static uint32_t rows_in(cascade_plan *plan, const int32_t *nodes, int32_t count, uint32_t facts, uint8_t *row_at)
{
    uint32_t held = 0;
    for (int32_t i = 0; i < count; i++) {
        const cascade_parts *parts = &cascade_parts_of[plan->opcodes[nodes[i]]];
        const cascade_part *access = NULL;
        cascade_fact wanted;
        cascade_row row;
        int accesses = 0;
        row_at[nodes[i]] = NO_ROW;
        for (int number = 0; number < parts->count; number++)
            if (accesses_array(plan, nodes[i], &parts->parts[number], &wanted)) {
                access = &parts->parts[number];
                accesses++;
            }
        if (accesses != 1 || !accesses_array(plan, nodes[i], access, &wanted) || wanted.dimensions != 2)
            continue;
        int designator = access->operands[wanted.field + 1];
        row.fact = known_fact(plan, &wanted, facts);
        if (row.fact < 0 || designator >= TEMPORARY || !is_lasting_index(plan, nodes[i], field_of(&plan->words[nodes[i]], designator), nodes, count, &row))
            continue;
        row_at[nodes[i]] = (uint8_t)noted_row(plan, &row);
        if (row_at[nodes[i]] != NO_ROW)
            held |= (uint32_t)1 << (row_at[nodes[i]] - 1);
    }
    return held;
}
