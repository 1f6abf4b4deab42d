/* Machine code for kernels: emitted for the words of a kernel that runs for long, beside the handlers. Included by kernel.h.
 *
 * `run` of a word leads to its handler at first. Once there is machine code, it leads there at the words where handlers may come in: the
 * targets of jumps, and what follows an instruction without a form of its own. So machine code and handlers pass a kernel to each other
 * at any word, with all values in memory, and whatever stops, grows, or looks at a kernel meets the same words as without machine code.
 *
 *     analysis.h  loops, and which registers of the kernel stand in registers of the machine
 *     facts.h     what loops take for granted of arrays    edges.h   what two of them have in the same place
 *     emitter.h   operands, jumps, ways out      numbers.h, objects.h, text.h, arrays.h, attributes.h, parts.h  a form for each part
 *     countdown.h a form for two parts              choice.h  one for two words
 *     asides.h    what is off the usual way      calls.h  calls of helpers      names.h, debugger.h  whose machine code it is, for profilers and debuggers
 *     operations.h  what all of these are made of    x86_64.h, aarch64.h  the same in the machine's instructions
 */

#if CASCADE_HAS_MACHINE_CODE
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>
#include "machine_code/operations.h"
#if defined(__x86_64__)
#include "machine_code/x86_64.h"
#else
#include "machine_code/aarch64.h"
#endif
#include "machine_code/analysis.h"
#include "machine_code/emitter.h"
#include "machine_code/numbers.h"
#include "machine_code/countdown.h"
#include "machine_code/text.h"
#include "machine_code/objects.h"
#include "machine_code/attributes.h"
#include "machine_code/arrays.h"
#include "machine_code/parts.h"
#include "machine_code/choice.h"
#include "machine_code/asides.h"
#include "machine_code/calls.h"
#endif

/* Machine code of a kernel, in pages of its own; what was made before it is kept, as it may be under way. */
typedef struct cascade_pages {
    struct cascade_pages *before;
    uint8_t *bytes;
    size_t size;                /* of the pages */
    int32_t used;
    int32_t forms;              /* words with a form of their own */
    int32_t count;              /* words */
    int32_t *offsets;           /* by word, for listings; behind them, of what is off the usual way */
    void *symbols;              /* for debuggers, or NULL */
} cascade_pages;

#include "machine_code/debugger.h"

/* What machine code is made of. */
typedef struct {
    cascade_word *words;
    const int32_t *opcodes;
    int32_t length, registers;
    int32_t spare;              /* registers behind these that nobody else uses */
    int32_t first_scratch;      /* registers from here on have values that no exit of the word which writes them looks at */
    const cascade_register *image;
    int32_t first_constant, constant_count;
    const int *has_target, *ends;       /* by opcode */
    const uint8_t *nesting;             /* by word, how many loops of the source it stands in; NULL where that is not known */
    void *kernel;
    int (*has_same_exits)(void *kernel, int32_t one, int32_t other);    /* whether two words leave everything in the same registers at an exit */
} cascade_source_code;

static size_t cascade_page_bytes = 0;   /* of all kernels */
enum { CASCADE_PAGE_LIMIT = 1 << 28 };

static void cascade_free_pages(cascade_pages *pages)
{
    while (pages != NULL) {
        cascade_pages *before = pages->before;
        cascade_forget_symbols(pages);
#if CASCADE_HAS_MACHINE_CODE
        munmap(pages->bytes, pages->size);
        cascade_page_bytes -= pages->size;
#endif
        PyMem_Free(pages->offsets);
        PyMem_Free(pages);
        pages = before;
    }
}

#if CASCADE_HAS_MACHINE_CODE
static const cascade_source_code *cascade_source_now;      /* with the GIL only */
static int is_target(int opcode) { return cascade_source_now->has_target[opcode]; }
static int is_end(int opcode) { return cascade_source_now->ends[opcode]; }

/* Pages that may be executed, and not written to, with some code; NULL where that is not allowed. */
static uint8_t *cascade_executable(const cascade_code *code, size_t *size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = ((size_t)code->size + page - 1) / page * page;
    if (cascade_page_bytes + whole > CASCADE_PAGE_LIMIT)
        return NULL;
#if defined(__APPLE__) && defined(__aarch64__)
    /* There no page that has been written to becomes executable. Pages for this purpose are both, and a thread chooses which they are to it. */
    uint8_t *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_JIT, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    pthread_jit_write_protect_np(0);
    memcpy(memory, code->bytes, (size_t)code->size);
    pthread_jit_write_protect_np(1);
#else
    uint8_t *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    memcpy(memory, code->bytes, (size_t)code->size);
    if (mprotect(memory, whole, PROT_READ | PROT_EXEC) != 0) {
        munmap(memory, whole);
        return NULL;
    }
#endif
    /* Where a processor's instructions are not kept in step with its data; on others this is nothing. */
    __builtin___clear_cache((char *)memory, (char *)memory + code->size);
    *size = whole;
    cascade_page_bytes += whole;
    return memory;
}

/* Whether the last part of a word is often left to the handler: an object may die there, or be made. */
static int often_leaves(const cascade_plan *plan, int32_t number)
{
    const cascade_parts *parts = &cascade_parts_of[plan->opcodes[number]];
    switch (parts->parts[parts->count - 1].name) {
    case PART_RELEASE: case PART_STORE_VALUE_FLOAT: case PART_STORE_VALUE_BOOL: case PART_STORE_VALUE_OWNED: case PART_STORE_VALUE_BORROWED:
    case PART_ATTRIBUTE_VALUE: case PART_ATTRIBUTE_ITEM: case PART_EXPECT_NO_VALUE: case PART_LIST_STORE_FLOAT: case PART_LIST_STORE_INT: case PART_LIST_STORE_BOOL:
    case PART_LIST_STORE_OWNED: case PART_LIST_STORE_BORROWED: case PART_LIST_REPLACE: case PART_APPEND: case PART_APPEND_INT:
    case PART_LIST_POP: case PART_BOX_INT: case PART_TRUTH: case PART_TEXT_ITEM:
        return 1;
    default:
        return 0;
    }
}

/* Finds the words that are reached otherwise than from the one before them. */
static void find_led(cascade_plan *plan)
{
    int32_t successors[2];
    for (int32_t number = 0; number < plan->length; number++) {
        for (int i = following(plan, number, successors); i-- > 0;)
            if (successors[i] != number + 1 || is_target(plan->opcodes[number]))
                plan->is_led[successors[i]] = 1;
        /* Behind a handler; a call of a kernel may skip two words. */
        if (!HAS_FORM(plan, number) || often_leaves(plan, number))
            for (int32_t next = number + 1; next <= number + 3 && next < plan->length; next += 2)
                plan->is_led[next] = 1;
    }
    plan->is_led[0] = 1;
}

static int cascade_analyse(cascade_plan *plan)
{
    int32_t slots = plan->slots;
    plan->slots = 0;        /* the number of steps is none of them */
    for (int32_t number = 0; number < plan->length; number++)
        if (HAS_FORM(plan, number))
            visit_slots(plan, number, note_slot, &slots);
    plan->slots = slots;
    cascade_scratch scratch = {
        PyMem_Malloc(sizeof(double) * (size_t)(plan->slots + 1)), PyMem_Malloc((size_t)plan->slots + 1), PyMem_Malloc((size_t)plan->length),
        PyMem_Calloc((size_t)plan->length, 1)};
    int found = -1;
    find_led(plan);
    for (int32_t number = 0; number < plan->length; number++) {
        plan->region_of[number] = NO_REGION;
        plan->nodes[number] = number;
    }
    if (scratch.gain != NULL && scratch.kind != NULL && scratch.inside != NULL && scratch.row_at != NULL)
        found = find_regions(plan, plan->nodes, plan->length, 0, &scratch);
    PyMem_Free(scratch.gain);
    PyMem_Free(scratch.kind);
    PyMem_Free(scratch.inside);
    PyMem_Free(scratch.row_at);
    if (found < 0)
        return -1;
    do
        find_dirty(plan);
    while (drop_unclear(plan));
    return 0;
}

static void cascade_emit_word(cascade_emitter *e)
{
    cascade_plan *plan = e->plan;
    int32_t number = e->word;
    const cascade_parts *parts = &cascade_parts_of[plan->opcodes[number]];
    int fused_move = parts->count >= 2 && parts->parts[parts->count - 1].name == PART_MOVE;
    cascade_choice choice;
    (e->strided ? e->strided_offsets : e->offsets)[number] = CODE->size;
    if (belongs_to_choice(plan, number))
        return;
    if (begins_choice(plan, number, &choice)) {
        emit_choice(e, &choice);
        return;
    }
    if (parts->count == 0) {
        store_places(e, plan->region_of[number], plan->dirty[number]);
        if (is_between_functions(plan->opcodes[number]))
            emit_between_functions(e);
        else
            jump_out(e, number, NULL);
        return;
    }
    if (fused_move) {
        /* At once: what the operation writes may be what the move reads. */
        cascade_part last = parts->parts[parts->count - 1], operation = parts->parts[parts->count - 2];
        if (slot_of(e, &last, 1) == slot_of(e, &operation, 0)) {
            int is_float = cascade_roles[operation.name][0] == ROLE_WRITES_FLOAT;
            cascade_part to = operation;
            for (int i = 0; i < parts->count - 2; i++)
                emit_part(e, &parts->parts[i]);
            operation.operands[0] = TEMPORARY;
            emit_part(e, &operation);
            emit_part(e, &last);
            if (is_float)
                write_float(e, &to, 0, 0);
            else
                write_int(e, &to, 0, T0);
            return;
        }
    }
    if (emit_countdown(e, parts))
        return;
    for (int i = 0; i < parts->count; i++)
        emit_part(e, &parts->parts[i]);
}

/* The loops that take arrays for granted once more, for any strides. */
static void cascade_emit_strided(cascade_emitter *e)
{
    cascade_plan *plan = e->plan;
    e->strided = 1;
    for (int32_t number = 0; number < plan->length; number++) {
        int region = plan->region_of[number];
        if (region == NO_REGION || plan->regions[region].facts == 0)
            continue;
        e->word = number;
        cascade_emit_word(e);
        if (!HAS_FORM(plan, number) || is_end(plan->opcodes[number]) || (number + 1 < plan->length && plan->region_of[number + 1] == region))
            continue;
        cascade_aside *edge = aside(e, ASIDE_EDGE, m_jump(CODE, CC_ALWAYS));
        edge->target = number + 1;
        edge->dirty = dirty_behind(plan, number, 0);
    }
    e->strided = 0;
}

static void cascade_emit(cascade_emitter *e)
{
    cascade_plan *plan = e->plan;
    for (int32_t number = 0; number < plan->length; number++) {
        int region = plan->region_of[number], before = number > 0 ? plan->region_of[number - 1] : NO_REGION;
        int falls = number > 0 && HAS_FORM(plan, number - 1) && !is_end(plan->opcodes[number - 1]);
        e->word = number;
        if (falls && before != region)
            change_region(e, before, dirty_behind(plan, number - 1, 0), number);
        if (region != NO_REGION && plan->is_led[number] && !falls)
            m_align(CODE);
        cascade_emit_word(e);
    }
    e->offsets[plan->length] = CODE->size;
    if (HAS_FORM(plan, plan->length - 1) && !is_end(plan->opcodes[plan->length - 1])) {
        e->word = plan->length - 1;        /* what follows may be made later */
        store_places(e, plan->region_of[e->word], dirty_behind(plan, e->word, 0));
        jump_out(e, plan->length, NULL);
    }
    cascade_emit_strided(e);
    for (int32_t number = 0; number < plan->length; number++) {
        if (!plan->is_led[number] || !HAS_FORM(plan, number) || belongs_to_choice(plan, number))
            continue;
        e->word = number;
        emit_entry(e, number);
        branch(e, m_jump(CODE, CC_ALWAYS), number);
    }
    for (int32_t number = 0; number < e->aside_count; number++)
        emit_aside(e, number);
    m_end(CODE);
    for (int32_t i = 0; i < e->branch_count; i++)
        m_land(CODE, e->branches[i].jump, (e->branches[i].strided ? e->strided_offsets : e->offsets)[e->branches[i].target]);
}

static cascade_pages *cascade_publish(cascade_emitter *e)
{
    cascade_pages *pages = CODE->failed ? NULL : PyMem_Calloc(1, sizeof *pages);
    if (pages == NULL)
        return NULL;
    pages->bytes = cascade_executable(CODE, &pages->size);
    if (pages->bytes == NULL) {
        PyMem_Free(pages);
        return NULL;
    }
    pages->used = CODE->size;
    pages->count = e->plan->length;
    pages->offsets = e->offsets;
    e->offsets = NULL;
    for (int32_t number = 0; number < e->plan->length; number++) {
        pages->forms += HAS_FORM(e->plan, number) || is_between_functions(e->plan->opcodes[number]);
        if (e->entries[number] >= 0)
            e->plan->words[number].run = pages->bytes + e->entries[number];
    }
    return pages;
}

/* Makes machine code of all words that there are, and has them lead there. Returns NULL where that is not possible. Needs the GIL. */
static cascade_pages *cascade_make_machine_code(const cascade_source_code *source)
{
    size_t length = (size_t)source->length;
    cascade_plan *plan = PyMem_Calloc(1, sizeof *plan);
    uint8_t *bytes = PyMem_Calloc(3, length + 1);
    int32_t *numbers = PyMem_Malloc(sizeof(int32_t) * 8 * (length + 1));
    int16_t *regions = PyMem_Malloc(sizeof(int16_t) * (length + 1));
    cascade_emitter emitter = {0}, *e = &emitter;
    cascade_pages *made = NULL;
    cascade_source_now = source;
    e->offsets = PyMem_Malloc(sizeof(int32_t) * (length + 1));
    if (plan != NULL && bytes != NULL && numbers != NULL && regions != NULL && e->offsets != NULL && length > 0) {
        plan->words = source->words;
        plan->opcodes = source->opcodes;
        plan->length = source->length;
        plan->registers = source->registers;
        plan->slots = source->registers + source->spare;
        plan->first_scratch = source->first_scratch;
        plan->image = source->image;
        plan->first_constant = source->first_constant;
        plan->constant_count = source->constant_count;
        plan->nesting = source->nesting;
        plan->kernel = source->kernel;
        plan->has_same_exits = source->has_same_exits;
        plan->depth = bytes;
        plan->is_led = plan->depth + length;
        plan->row_of = plan->is_led + length;
        plan->region_of = regions;
        plan->level = numbers;
        plan->order = numbers + (length + 1);
        plan->low = numbers + 2 * (length + 1);
        plan->stack = numbers + 3 * (length + 1);
        plan->nodes = numbers + 4 * (length + 1);
        plan->dirty = (uint32_t *)(numbers + 5 * (length + 1));
        e->entries = numbers + 6 * (length + 1);
        e->strided_offsets = numbers + 7 * (length + 1);
        memset(plan->dirty, 0, sizeof(uint32_t) * length);
        memset(e->entries, 0xFF, sizeof(int32_t) * length);
        e->plan = plan;
        if (cascade_analyse(plan) == 0) {
            cascade_emit(e);
            made = cascade_publish(e);
        }
    }
    PyMem_Free(plan);
    PyMem_Free(bytes);
    PyMem_Free(numbers);
    PyMem_Free(regions);
    PyMem_Free(e->offsets);
    PyMem_Free(e->code.bytes);
    PyMem_Free(e->asides);
    PyMem_Free(e->branches);
    return made;
}
#else
static cascade_pages *cascade_make_machine_code(const cascade_source_code *source)
{
    (void)source;
    return NULL;
}
#endif

#include "machine_code/names.h"

#undef CODE
#undef WORD
#undef HAS_FORM
#undef OBJECT_TYPE
#undef ITEM_COUNT
