/* What machine code has to know of a kernel: its parts, its loops, and which registers stand in registers of the machine.
 * Included by machine_code.h.
 *
 * A *region* is a loop, with those inside of it where all of their registers find a place, else an innermost loop. In it, some of the
 * kernel's registers have a *place*: a register of the machine, which holds the value wherever machine code of the region is executed. One that
 * holds numbers of floats at times, and ints or objects at others, has a place of each kind, of which that holds which was written last.
 * Outside of regions all values stand in memory. What has been written since it was last stored is *dirty*. The words around the loops inside of
 * a loop have a region of their own, which has as many places as it can in common with theirs. */

enum { ROLE_NONE, ROLE_READS_INT, ROLE_READS_FLOAT, ROLE_READS_COPY, ROLE_WRITES_INT, ROLE_WRITES_FLOAT, ROLE_WRITES_COPY, ROLE_RANGE,
    ROLE_ITEMS, ROLE_VALUE, ROLE_TARGET };
enum { FIELD_COUNT = 6, PART_LIMIT = 4, TEMPORARY = 6, NO_OPERAND = -1 };

typedef struct {
    uint8_t name;
    int8_t operands[FIELD_COUNT];       /* for each operand the field of the word, TEMPORARY and up, or NO_OPERAND */
} cascade_part;

typedef struct {
    uint8_t count;                      /* 0: it has no form */
    cascade_part parts[PART_LIMIT];
} cascade_parts;

#include "table.h"

enum { PLACE_LIMIT = INT_PLACES + FLOAT_PLACES, REGION_LIMIT = 60, DEPTH_LIMIT = 5, HEAD_LIMIT = 8, NO_REGION = -1 };
_Static_assert(PLACE_LIMIT <= 32, "a bit for each place, in 32 bits");

/* A kernel's register that has a place. */
typedef struct {
    int32_t slot;
    int8_t place;
    uint8_t is_float;
} cascade_placed;

/* What the loops that have no call-outs take for granted of an array: its kind and dimensions, and in registers behind the kernel's own
 * the address of its items, and the number of items and the stride of each axis. */
typedef struct {
    int32_t slot;
    int8_t element, dimensions, writes, field;
} cascade_fact;
enum { FACT_DATA, FACT_COUNT0, FACT_STRIDE0, FACT_PARTS = 5, FACT_LIMIT = 6 };

/* A row of such an array of two dimensions, by an index that the loop does not change, or by the sum of one and a constant: behind the facts
 * stands its address. */
typedef struct {
    int32_t index, offset;
    int32_t fact;
} cascade_row;
enum { ROW_LIMIT = 8, FACT_SLOTS = FACT_PARTS * FACT_LIMIT + ROW_LIMIT, NO_ROW = 0 };

typedef struct {
    int count;
    uint32_t facts, rows;       /* a bit for each that holds */
    cascade_placed placed[PLACE_LIMIT];
} cascade_region;

/* A kernel as machine code is made of it. */
typedef struct {
    cascade_word *words;
    const int32_t *opcodes;
    int32_t length;                     /* words that are translated; stubs stand behind them */
    int32_t registers;                  /* of the kernel */
    int32_t slots;                      /* with those of called functions and of facts; behind them comes the number of steps */
    int32_t first_scratch;              /* registers from here on are not looked at by an exit of the word that writes them */
    int fact_count, row_count;
    cascade_fact facts[FACT_LIMIT];
    cascade_row rows[ROW_LIMIT];
    const cascade_register *image;
    int32_t first_constant, constant_count;
    const uint8_t *nesting;             /* by word; see cascade_source_code */
    void *kernel;
    int (*has_same_exits)(void *kernel, int32_t one, int32_t other);
    int16_t *region_of;                 /* by word */
    uint8_t *depth;                     /* by word: the loops around it */
    uint8_t *row_of;                    /* by word: the number of the row that it takes an item of, from 1 on, or NO_ROW */
    uint8_t *is_led;                    /* by word: whether it is reached otherwise than from the one before it, or from a handler */
    uint32_t *dirty;                    /* by word: a bit for each place, before it */
    int32_t *level, *order, *low, *stack, *nodes;   /* of the search for loops */
    int region_count;
    cascade_region regions[REGION_LIMIT];
} cascade_plan;

static int is_target(int opcode);       /* whether f is the distance to a word */
static int is_end(int opcode);          /* whether the next word is not reached from it */

#define HAS_FORM(plan, number) (cascade_parts_of[(plan)->opcodes[number]].count != 0)

static int32_t target_of(const cascade_plan *plan, int32_t number)
{
    return number + plan->words[number].f / (int32_t)sizeof(cascade_word);
}

static int32_t field_of(const cascade_word *word, int designator) { return (&word->a)[designator]; }

/* Follows stubs that have become jumps. */
static int32_t final_target(const cascade_plan *plan, int32_t number)
{
    for (int i = 0; i < 8 && number >= plan->length && plan->opcodes[number] == CASCADE_JUMP_OPCODE; i++)
        number = target_of(plan, number);
    return number;
}

/* The words that may be executed next, of those that are translated. */
static int following(const cascade_plan *plan, int32_t number, int32_t *found)
{
    int count = 0, opcode = plan->opcodes[number];
    if (!is_end(opcode) && number + 1 < plan->length)
        found[count++] = number + 1;
    if (is_target(opcode)) {
        int32_t target = final_target(plan, target_of(plan, number));
        if (target >= 0 && target < plan->length)
            found[count++] = target;
    }
    return count;
}

/* Calls `visit(context, slot, role)` for each register that the parts of a word read and write. */
typedef void (*cascade_visit)(void *context, int32_t slot, int role);
static void visit_part(const cascade_plan *plan, int32_t number, const cascade_part *part, cascade_visit visit, void *context)
{
    for (int field = 0; field < FIELD_COUNT; field++) {
        int role = cascade_roles[part->name][field], designator = part->operands[field];
        if (role == ROLE_NONE || role == ROLE_VALUE || role == ROLE_TARGET || designator < 0 || designator >= TEMPORARY)
            continue;
        int32_t slot = field_of(&plan->words[number], designator);
        if (role == ROLE_RANGE) {
            visit(context, slot, ROLE_READS_INT);
            visit(context, slot, ROLE_WRITES_INT);
            visit(context, slot + 1, ROLE_READS_INT);
            visit(context, slot + 1, ROLE_WRITES_INT);
            visit(context, slot + 2, ROLE_READS_INT);
        }
        else if (role == ROLE_ITEMS) {
            visit(context, slot, ROLE_READS_INT);
            visit(context, slot + 1, ROLE_READS_INT);
            visit(context, slot + 1, ROLE_WRITES_INT);
        }
        else
            visit(context, slot, role);
    }
    if ((part->name >= PART_STEP_LESS_INT && part->name <= PART_STEP_NOT_EQUAL_INT) || part->name == PART_STEP)
        visit(context, plan->slots, ROLE_WRITES_INT);
}

static void visit_slots(const cascade_plan *plan, int32_t number, cascade_visit visit, void *context)
{
    const cascade_parts *parts = &cascade_parts_of[plan->opcodes[number]];
    for (int i = 0; i < parts->count; i++)
        visit_part(plan, number, &parts->parts[i], visit, context);
}

/* Called functions have registers of their own, so there may be more of them than the kernel's. */
static void note_slot(void *context, int32_t slot, int role)
{
    int32_t *slots = context;
    (void)role;
    if (slot >= *slots)
        *slots = slot + 1;
}

static int is_write(int role) { return role == ROLE_WRITES_INT || role == ROLE_WRITES_FLOAT || role == ROLE_WRITES_COPY; }

/* Whether a slot holds a constant that fits 32 bits, which instructions have in themselves. */
static int is_immediate(const cascade_plan *plan, int32_t slot)
{
    int32_t number = slot - plan->first_constant;
    return number >= 0 && number < plan->constant_count && plan->image[slot].i == (int32_t)plan->image[slot].i;
}

#include "facts.h"

/* ---- Places -------------------------------------------------------------------------------------------------------- */

enum { KIND_UNKNOWN, KIND_INT, KIND_FLOAT, KIND_MIXED, KIND_COPIED };      /* KIND_COPIED: a bit beside the others */

typedef struct {
    double *gain;               /* by register */
    uint8_t *kind;
    uint8_t *inside, *row_at;   /* by word */
} cascade_scratch;

typedef struct {
    const cascade_plan *plan;
    double *gain;
    uint8_t *kind;
    double weight;
} cascade_count;

static void count_use(void *context, int32_t slot, int role)
{
    cascade_count *count = context;
    int kind = role == ROLE_READS_COPY || role == ROLE_WRITES_COPY ? KIND_COPIED
        : role == ROLE_READS_FLOAT || role == ROLE_WRITES_FLOAT ? KIND_FLOAT : KIND_INT;
    if (kind != KIND_FLOAT && !is_write(role) && is_immediate(count->plan, slot))
        return;
    count->gain[slot] += count->weight;
    count->kind[slot] |= kind;
}

static void count_facts(const cascade_plan *plan, int32_t number, uint32_t facts, int row, cascade_count *counting)
{
    const cascade_parts *parts = &cascade_parts_of[plan->opcodes[number]];
    for (int i = 0; i < parts->count; i++) {
        cascade_fact wanted;
        int fact = accesses_array(plan, number, &parts->parts[i], &wanted) ? known_fact(plan, &wanted, facts) : -1;
        if (fact >= 0 && row != NO_ROW)
            count_use(counting, row_slot(plan, row - 1), ROLE_READS_INT);
        if (fact >= 0)
            for (int part = row != NO_ROW ? FACT_COUNT0 + 2 : FACT_DATA; part < FACT_COUNT0 + 2 * wanted.dimensions - 1; part++)
                count_use(counting, fact_slot(plan, fact, part), ROLE_READS_INT);       /* the last stride is mostly the size of an item */
    }
}

/* A copy has the kind of what it is copied to or from. */
static int spread_kinds(const cascade_plan *plan, int32_t number, uint8_t *kind)
{
    const cascade_parts *parts = &cascade_parts_of[plan->opcodes[number]];
    int changed = 0;
    for (int i = 0; i < parts->count; i++) {
        const cascade_part *part = &parts->parts[i];
        for (int field = 0; field < 4; field += 2) {
            if (cascade_roles[part->name][field] != ROLE_WRITES_COPY || part->operands[field + 1] >= TEMPORARY)
                continue;
            int32_t to = field_of(&plan->words[number], part->operands[field]), from = field_of(&plan->words[number], part->operands[field + 1]);
            uint8_t both = is_immediate(plan, from) ? kind[to] : kind[to] | kind[from];
            changed |= kind[to] != both || (!is_immediate(plan, from) && kind[from] != both);
            kind[to] = both;
            if (!is_immediate(plan, from))
                kind[from] = both;
        }
    }
    return changed;
}

/* Gives places to the registers that gain most by them in a loop. Returns which part of what all could gain they do. */
static double place_registers(const cascade_plan *plan, const int32_t *nodes, int32_t count, const cascade_scratch *scratch, cascade_region *region)
{
    double *gain = scratch->gain;
    uint8_t *kind = scratch->kind;
    cascade_count counting = {plan, gain, kind, 0.0};
    int ints = 0, floats = 0, changed = 1;
    double handlers = 0.0, gained = 0.0, missed = 0.0;
    memset(gain, 0, sizeof(double) * (size_t)(plan->slots + 1));
    memset(kind, 0, (size_t)(plan->slots + 1));
    for (int32_t i = 0; i < count; i++) {
        counting.weight = weight_of(plan, nodes[i]);
        if (HAS_FORM(plan, nodes[i])) {
            visit_slots(plan, nodes[i], count_use, &counting);
            count_facts(plan, nodes[i], region->facts, scratch->row_at[nodes[i]], &counting);
        }
        else
            handlers += counting.weight;
    }
    for (int turn = 0; changed && turn < 8; turn++) {
        changed = 0;
        for (int32_t i = 0; i < count; i++)
            if (HAS_FORM(plan, nodes[i]))
                changed |= spread_kinds(plan, nodes[i], kind);
    }
    region->count = 0;
    while (1) {
        int32_t best = -1;
        for (int32_t slot = 0; slot <= plan->slots; slot++)
            if (kind[slot] != (KIND_MIXED | KIND_COPIED) && gain[slot] > 1.5 * handlers && (best < 0 || gain[slot] > gain[best]))
                best = slot;
        if (best < 0)
            return missed == 0.0 ? 1.0 : gained / (gained + missed);
        int is_float = (kind[best] & KIND_FLOAT) != 0, is_int = !is_float || kind[best] == KIND_MIXED;
        int is_full = (is_float && floats == FLOAT_PLACES) || (is_int && ints == INT_PLACES);
        *(is_full ? &missed : &gained) += gain[best];
        gain[best] = 0.0;
        if (is_full)
            continue;
        if (is_int)
            region->placed[region->count++] = (cascade_placed){best, cascade_int_places[ints++], 0};
        if (is_float)
            region->placed[region->count++] = (cascade_placed){best, cascade_float_places[floats++], 1};
    }
}

/* ---- Loops --------------------------------------------------------------------------------------------------------- */

/* Finds the strongly connected components of some words, those of one level (Tarjan, SIAM J. Comput. 1, 1972). They are put behind each
 * other into `nodes` from `put` on; returns their number. `ends` gets the end of each. Without recursion: `low` has the way back. */
typedef struct {
    int32_t word;
    int8_t next;
} cascade_visited;

static int32_t components(cascade_plan *plan, const int32_t *from, int32_t count, int32_t level, int32_t *into, int32_t *ends, cascade_visited *path)
{
    int32_t found = 0, put = 0, top = 0, time = 0, successors[2];
    for (int32_t i = 0; i < count; i++)
        plan->order[from[i]] = -1;
    for (int32_t i = 0; i < count; i++) {
        int32_t depth = 0;
        if (plan->order[from[i]] >= 0)
            continue;
        path[0] = (cascade_visited){from[i], 0};
        plan->order[from[i]] = plan->low[from[i]] = time++;
        plan->stack[top++] = from[i];
        while (depth >= 0) {
            int32_t word = path[depth].word;
            if (path[depth].next < following(plan, word, successors)) {
                int32_t next = successors[path[depth].next++];
                if (plan->level[next] != level)
                    continue;       /* of another loop, or done */
                if (plan->order[next] < 0) {
                    plan->order[next] = plan->low[next] = time++;
                    plan->stack[top++] = next;
                    path[++depth] = (cascade_visited){next, 0};
                }
                else if (plan->order[next] < plan->low[word])
                    plan->low[word] = plan->order[next];
                continue;
            }
            if (plan->low[word] == plan->order[word]) {
                int32_t member;
                do {
                    member = plan->stack[--top];
                    plan->level[member] = -1;
                    into[put++] = member;
                } while (member != word);
                ends[found++] = put;
            }
            depth--;
            if (depth >= 0 && plan->low[word] < plan->low[path[depth].word])
                plan->low[path[depth].word] = plan->low[word];
        }
    }
    return found;
}

/* The words by which a loop is entered: those that are reached from outside, or any where there are none. */
static int heads_of(const cascade_plan *plan, const int32_t *nodes, const uint8_t *inside, int32_t *heads)
{
    int32_t successors[2];
    int count = 0;
    for (int32_t word = 0; word < plan->length; word++)
        if (!inside[word])
            for (int i = following(plan, word, successors); i-- > 0;)
                if (inside[successors[i]] && count < HEAD_LIMIT) {
                    int known = 0;
                    for (int j = 0; j < count; j++)
                        known |= heads[j] == successors[i];
                    if (!known)
                        heads[count++] = successors[i];
                }
    if (count == 0)
        heads[count++] = nodes[0];
    return count;
}

/* How many of some words are in loops. */
static int32_t looping(cascade_plan *plan, const int32_t *words, int32_t count, int32_t level, int32_t *into, int32_t *ends, cascade_visited *path)
{
    int32_t found, start = 0, sum = 0;
    for (int32_t i = 0; i < count; i++)
        plan->level[words[i]] = level;
    found = components(plan, words, count, level, into, ends, path);
    for (int32_t i = 0; i < found; start = ends[i++])
        if (ends[i] - start > 1)
            sum += ends[i] - start;
    return sum;
}

/* Puts the words of a loop that stand in loops inside of it, in the source, into `rest`. */
static int32_t inner_words(const cascade_plan *plan, const int32_t *nodes, int32_t count, int32_t *rest)
{
    int32_t kept = 0;
    uint8_t least = UINT8_MAX;
    for (int32_t i = 0; i < count; i++)
        if (plan->nesting[nodes[i]] < least)
            least = plan->nesting[nodes[i]];
    for (int32_t i = 0; i < count; i++)
        if (plan->nesting[nodes[i]] > least)
            rest[kept++] = nodes[i];
    return kept;
}

/* Puts the words of a loop but for one by which it is entered, that which leaves most of the loops inside, into `rest`. */
static int32_t without_head(cascade_plan *plan, const int32_t *nodes, int32_t count, const uint8_t *inside, int32_t level, int32_t *rest,
    int32_t *into, int32_t *ends, cascade_visited *path)
{
    int32_t heads[HEAD_LIMIT], best = -1, most = -1, kept = 0;
    int found = heads_of(plan, nodes, inside, heads);
    for (int turn = 0; turn <= found; turn++) {
        int32_t head = turn < found ? heads[turn] : best, sum;
        kept = 0;
        for (int32_t i = 0; i < count; i++)
            if (nodes[i] != head)
                rest[kept++] = nodes[i];
        if (turn == found || found == 1)
            break;
        sum = looping(plan, rest, kept, level, into, ends, path);
        if (sum > most) {
            most = sum;
            best = head;
        }
    }
    return kept;
}

static int has_as_many_facts(const cascade_plan *plan, int first, const cascade_region *whole)
{
    for (int region = first; region < plan->region_count; region++)
        if (plan->regions[region].facts & ~whole->facts || plan->regions[region].rows & ~whole->rows)
            return 0;
    return 1;
}

/* Moves the places of a region to those that the same registers have in the loops inside, so that these are entered without moving values. */
static void align_places(const cascade_plan *plan, int first, cascade_region *region)
{
    for (int is_float = 0; is_float < 2; is_float++) {
        const int8_t *places = is_float ? cascade_float_places : cascade_int_places;
        int count = is_float ? FLOAT_PLACES : INT_PLACES, next = 0;
        uint32_t taken = 0;
        for (int turn = 0; turn < 2; turn++)
            for (int i = 0; i < region->count; i++) {
                cascade_placed *placed = &region->placed[i];
                int found = -1;
                if (placed->is_float != is_float || (turn == 1 && placed->place >= 0))
                    continue;
                if (turn == 0)
                    placed->place = -1;
                for (int inner = first; turn == 0 && inner < plan->region_count && found < 0; inner++)
                    for (int j = 0; j < plan->regions[inner].count && found < 0; j++)
                        if (plan->regions[inner].placed[j].slot == placed->slot && plan->regions[inner].placed[j].is_float == is_float)
                            found = plan->regions[inner].placed[j].place;
                if (turn == 1) {
                    while (next < count && taken >> places[next] & 1)
                        next++;
                    found = places[next];
                }
                if (found < 0 || taken >> found & 1)
                    continue;
                placed->place = (int8_t)found;
                taken |= (uint32_t)1 << found;
            }
    }
}

/* Gives those words of a loop that are in none of the loops inside a region of their own, where they are seldom left to handlers. */
static void add_outer_region(cascade_plan *plan, const int32_t *members, int32_t size, int first, cascade_region *region, int32_t *own, cascade_scratch *scratch)
{
    int32_t count = 0, handlers = 0;
    uint32_t facts = 0, rows = 0;
    cascade_fact wanted;
    for (int32_t i = 0; i < size; i++) {
        const cascade_parts *parts = &cascade_parts_of[plan->opcodes[members[i]]];
        if (plan->region_of[members[i]] != NO_REGION)
            continue;
        handlers += parts->count == 0;
        own[count++] = members[i];
        for (int number = 0; number < parts->count; number++)
            if (accesses_array(plan, members[i], &parts->parts[number], &wanted) && known_fact(plan, &wanted, region->facts) >= 0)
                facts |= (uint32_t)1 << known_fact(plan, &wanted, region->facts);
        if (scratch->row_at[members[i]] != NO_ROW)
            rows |= (uint32_t)1 << (scratch->row_at[members[i]] - 1);
    }
    region->facts = facts;
    region->rows = rows;
    if (plan->region_count >= REGION_LIMIT || count < 4 || 8 * handlers > count)
        return;
    place_registers(plan, own, count, scratch, region);
    if (region->count == 0)
        return;
    align_places(plan, first, region);
    for (int32_t i = 0; i < count; i++) {
        plan->region_of[own[i]] = (int16_t)plan->region_count;
        plan->row_of[own[i]] = scratch->row_at[own[i]];
    }
    plan->regions[plan->region_count++] = *region;
}

/* What part of the gain a loop has to have for the loops inside to have no regions of their own. */
#define WHOLE_LOOP 0.85

/* Finds loops in some words and gives them regions; returns how many got one, or -1 where memory is exhausted. */
static int find_regions(cascade_plan *plan, const int32_t *words, int32_t count, int nesting, cascade_scratch *scratch)
{
    static int32_t levels = 0;
    size_t size_of_list = sizeof(int32_t) * (size_t)(count + 1);
    int32_t *memory = PyMem_Malloc(5 * size_of_list), start = 0, found, successors[2];
    cascade_visited *path = PyMem_Malloc(sizeof(cascade_visited) * (size_t)(count + 1));
    int regions = 0;
    if (memory == NULL || path == NULL || nesting > 30) {
        PyMem_Free(memory);
        PyMem_Free(path);
        return nesting > 30 ? 0 : -1;
    }
    int32_t *nodes = memory, *ends = nodes + count + 1, *rest = ends + count + 1, *into = rest + count + 1, *other_ends = into + count + 1;
    levels = (levels + 1) & 0x3FFFFFFF;
    for (int32_t i = 0; i < count; i++)
        plan->level[words[i]] = levels;
    found = components(plan, words, count, levels, nodes, ends, path);
    for (int32_t i = 0; i < found; start = ends[i++]) {
        const int32_t *members = nodes + start;
        int32_t size = ends[i] - start, kept;
        int is_loop = size > 1, inner, before = plan->region_count;
        cascade_region region;
        for (int next = following(plan, members[0], successors); next-- > 0;)
            is_loop |= successors[next] == members[0];
        if (!is_loop)
            continue;
        memset(scratch->inside, 0, (size_t)plan->length);
        for (int32_t j = 0; j < size; j++) {
            scratch->inside[members[j]] = 1;
            if (plan->depth[members[j]] < DEPTH_LIMIT)
                plan->depth[members[j]] += 1;
        }
        levels = (levels + 1) & 0x3FFFFFFF;
        kept = plan->nesting != NULL ? inner_words(plan, members, size, rest)
            : without_head(plan, members, size, scratch->inside, levels, rest, into, other_ends, path);
        inner = find_regions(plan, rest, kept, nesting + 1, scratch);
        if (inner < 0) {
            regions = -1;
            break;
        }
        region.facts = facts_in(plan, members, size);
        region.rows = rows_in(plan, members, size, region.facts, scratch->row_at);
        if (before < REGION_LIMIT && (inner == 0 || has_as_many_facts(plan, before, &region))
            && (place_registers(plan, members, size, scratch, &region) >= WHOLE_LOOP || inner == 0) && region.count > 0) {
            plan->region_count = before;        /* in place of those inside */
            for (int32_t j = 0; j < size; j++) {
                plan->region_of[members[j]] = (int16_t)before;
                plan->row_of[members[j]] = scratch->row_at[members[j]];
            }
            plan->regions[plan->region_count++] = region;
            inner = 1;
        }
        else if (inner > 0)
            add_outer_region(plan, members, size, before, &region, rest, scratch);
        regions += inner;
    }
    PyMem_Free(memory);
    PyMem_Free(path);
    return regions;
}

/* ---- What is dirty -------------------------------------------------------------------------------------------------- */

static int place_number(const cascade_plan *plan, int region, int32_t slot)
{
    if (region != NO_REGION)
        for (int i = 0; i < plan->regions[region].count; i++)
            if (plan->regions[region].placed[i].slot == slot)
                return i;
    return -1;
}

/* Whether the place behind one is that of the same register for floats. */
static int has_both(const cascade_plan *plan, int region, int number)
{
    const cascade_region *found = &plan->regions[region];
    return number >= 0 && number + 1 < found->count && found->placed[number].slot == found->placed[number + 1].slot;
}

/* The place of an operand that is read or written as a float. */
static int float_place_number(const cascade_plan *plan, int region, int32_t slot)
{
    int number = place_number(plan, region, slot);
    return number + (region != NO_REGION && has_both(plan, region, number));
}

#include "edges.h"

typedef struct {
    const cascade_plan *plan;
    int region;
    uint32_t dirty;
} cascade_writing;

static void note_write(void *context, int32_t slot, int role)
{
    cascade_writing *writing = context;
    int number = is_write(role) ? place_number(writing->plan, writing->region, slot) : -1;
    uint32_t bit = (uint32_t)1 << (number < 0 ? 0 : number);
    if (number < 0)
        return;
    if (!has_both(writing->plan, writing->region, number))
        writing->dirty |= bit;
    else if (role == ROLE_WRITES_FLOAT)
        writing->dirty = (writing->dirty & ~bit) | bit << 1;
    else
        writing->dirty = (writing->dirty & ~(bit << 1)) | bit;
}

/* Whether a part writes only where the next word follows, or only where it jumps; a store into an object leaves it to the handler. */
enum { WRITES_ALWAYS, WRITES_BEFORE_NEXT, WRITES_WHERE_IT_JUMPS, WRITES_NOTHING };
static int when_written(int part)
{
    if ((part >= PART_ARRAY_NEXT_BOOL_ && part <= PART_ARRAY_NEXT_FLOAT64))
        return WRITES_BEFORE_NEXT;
    switch (part) {
    case PART_NEXT: case PART_NEXT_OR_BACK: case PART_LIST_NEXT: case PART_TUPLE_NEXT: case PART_BYTEARRAY_NEXT: case PART_BYTES_NEXT:
    case PART_TEXT_NEXT: case PART_TEXT_ITEM: case PART_UNBOX_INT: case PART_UNBOX_FLOAT: case PART_UNBOX_BOOL: case PART_ATTRIBUTE_VALUE:
    case PART_ATTRIBUTE_ITEM: case PART_ATTRIBUTE_SLOT:
        return WRITES_BEFORE_NEXT;
    case PART_NEXT_BACK: case PART_LIST_NEXT_BACK: case PART_TUPLE_NEXT_BACK:
        return WRITES_WHERE_IT_JUMPS;
    default:
        return part >= PART_STORE_SLOT_FLOAT && part <= PART_STORE_VALUE_BORROWED ? WRITES_NOTHING : WRITES_ALWAYS;
    }
}

/* What is dirty behind a word, where it jumps or where the next one follows. */
static uint32_t dirty_behind(const cascade_plan *plan, int32_t number, int jumps)
{
    cascade_writing writing = {plan, plan->region_of[number], plan->dirty[number]};
    const cascade_parts *parts = &cascade_parts_of[plan->opcodes[number]];
    if (parts->count == 0)
        return 0;
    for (int i = 0; i < parts->count; i++) {
        int when = when_written(parts->parts[i].name);
        if (when == WRITES_ALWAYS || when == (jumps ? WRITES_WHERE_IT_JUMPS : WRITES_BEFORE_NEXT))
            visit_part(plan, number, &parts->parts[i], note_write, &writing);
    }
    return writing.dirty;
}

static void find_dirty(cascade_plan *plan)
{
    int changed = 1;
    int32_t successors[2];
    memset(plan->dirty, 0, sizeof(uint32_t) * (size_t)plan->length);
    while (changed) {
        changed = 0;
        for (int32_t number = 0; number < plan->length; number++) {
            int count = following(plan, number, successors);
            for (int i = 0; i < count; i++) {
                uint32_t *next = &plan->dirty[successors[i]], behind = dirty_behind(plan, number, i > 0 || successors[i] != number + 1);
                int region = plan->region_of[number], other = plan->region_of[successors[i]];
                behind = *next | (region == other ? behind : shared_places(plan, region, other, behind, 0));
                changed |= behind != *next;
                *next = behind;
            }
        }
    }
}

/* A register with two places of which nobody knows which one was written last, as paths join, gets none. Returns whether there was one. */
static int drop_unclear(cascade_plan *plan)
{
    for (int32_t number = 0; number < plan->length; number++) {
        int region = plan->region_of[number];
        for (int i = 0; region != NO_REGION && i < plan->regions[region].count; i++) {
            cascade_region *found = &plan->regions[region];
            if (!has_both(plan, region, i) || (plan->dirty[number] >> i & 3) != 3)
                continue;
            found->count -= 2;
            memmove(&found->placed[i], &found->placed[i + 2], sizeof(cascade_placed) * (size_t)(found->count - i));
            return 1;
        }
    }
    return 0;
}
