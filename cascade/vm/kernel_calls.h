/* Calls of functions by their kernels. A call takes a frame, and typed code runs on in it: no function of C calls another one, so the
 * stack of C does not grow, and a stop of the code is met by one loop, `after_stop` of block_run.pxi. Included by kernel.h.
 */

/* ---- Kernels, as calls see them ------------------------------------------------------------------------------------ */

enum { CASCADE_PARAMETER_LIMIT = 32, CASCADE_ENTRY_LIMIT = 16 };

/* The word at which a call with arguments of some classes begins; of classes that are not told apart, there is NULL. */
typedef struct {
    PyTypeObject *types[CASCADE_PARAMETER_LIMIT];
    int64_t word;
} cascade_typed_entry;

struct cascade_callee {
    /* Each call reads and writes these: they stand side by side. */
    cascade_state *spare;           /* frames of runs that are over, by `parent` */
    int stale;                      /* a name that it relies on has another meaning */
    int retired;                    /* it is no longer entered */
    int exits_often;                /* or makes many frames, where kernels call it: CPython is faster */
    uint32_t compared;              /* a bit for each parameter that is no number or text, as it is compared by identity */
    int32_t free_count;
    void *inside;                   /* the thread of the last entry that is not over */
    int64_t entries;
    int64_t work;                   /* back edges, and calls by kernels */
    int64_t machine_at;             /* the work after which machine code is made */
    cascade_stopwatch watch;        /* of entries, but those of recursive calls */
    int64_t growths, machine_growths;       /* how often the code has grown, and had when machine code was made */

    void *kernel;                   /* the BlockKernel */
    PyObject *code;                 /* of its function */
    const cascade_word *words;
    const int32_t *exit_of;
    const cascade_register *image;  /* of its registers, at the start of a run */
    int32_t register_count, parameter_count, first_free;
    cascade_watch *watched;
    const cascade_names *named;
    struct cascade_gather **gathers;
    int32_t **owned;                /* by exit, the registers that own references there: their number, and they */
    int64_t owned_room;
    cascade_typed_entry by_type[CASCADE_ENTRY_LIMIT];
    int64_t entry_count;
    int64_t exit_count;
    int64_t called_out;             /* calls out and exits */
    int64_t frames;                 /* made for call-outs, where kernels call it */
};

enum {
    CASCADE_CALL_FUEL = 20000,      /* back edges and calls before signals and other threads have their turn */
    CASCADE_FEW_ENTRIES = 8,        /* before it is known whether most of them exit */
    CASCADE_FRAMES = 3,             /* made for call-outs in a call, and one more for each call and turn of a loop: by then CPython is faster */
    CASCADE_CALL_DEPTH = 150,       /* calls of kernels by kernels: an exit of the last one takes some of the stack of C for each of them */
    CASCADE_ITERATOR_SIZE = 9       /* registers of an iterator, at most: see `STRIDE` in chunks.py */
};

/* A call of a function by its kernel, as CALL_FUNCTION and the return of the function read it: one block of memory, to which the operands
 * c and d of the word lead. The arguments are those of the last call, by kind: objects that stay the caller's, then those that are passed
 * on, then numbers. */
typedef struct {
    PyTypeObject *seen;         /* of an object: its class */
    int32_t from, to;           /* the register, and that of the parameter */
} cascade_passed;

struct cascade_site {
    cascade_callee *callee;
    const cascade_word *begins_at;  /* at which the last call began, if the next one may do without looking for it; or NULL */
    PyObject *known;            /* the function, where it is always the same; or NULL */
    PyObject *code;             /* of the function */
    PyObject *defaults;         /* of a function that is called with fewer arguments than parameters, or NULL */
    int32_t function;           /* the register of one that is not known */
    int32_t target;             /* the register of the result */
    uint8_t borrowed;           /* of `passed`: how many are objects that stay the caller's, */
    uint8_t objects;            /* how many objects there are, */
    uint8_t count;              /* and how many there are */
    uint8_t unboxes;            /* the kind of number that the instruction behind the call makes of the result, or 0 */
    uint8_t is_operator;        /* NotImplemented is no result */
    uint8_t is_made_into;       /* something else is made of the result: by the loop that meets stops */
    uint8_t releases;           /* the function, or what stands before it, is released behind the call */
    cascade_passed passed[];
};

/* The address in the operands c and d of a word: of the site of a call; of the list of registers to be released by a return, once known. */
CASCADE_INLINE void *cascade_address_in(const cascade_word *w)
{
    void *address;
    memcpy(&address, &w->c, sizeof address);
    return address;
}
static inline void cascade_put_address(const cascade_word *w, const void *address)
{
    memcpy((void *)&w->c, &address, sizeof address);
}

/* Whether machine code is to be made. */
CASCADE_INLINE int cascade_wants_machine_code(const cascade_callee *callee)
{
    return callee->work >= callee->machine_at && callee->machine_growths != callee->growths;
}

/* ---- Classes of arguments ------------------------------------------------------------------------------------------ */

enum { CASCADE_TOLD_COUNT = 17 };
static PyTypeObject *cascade_told[CASCADE_TOLD_COUNT];      /* classes for which there are versions of their own */
static PyTypeObject *cascade_not_told[64];                  /* the last ones that are none of them, by their addresses */

/* The class of an argument by which versions differ; NULL for all others. These classes never die, so that a class at an address that was
 * another one's is none of them either. */
static PyTypeObject *cascade_told_apart(PyTypeObject *type)
{
    PyTypeObject **other = &cascade_not_told[(uintptr_t)type >> 4 & 63];
    int i;
    if (*other == type)
        return NULL;
    for (i = 0; i < CASCADE_TOLD_COUNT; i++)
        if (cascade_told[i] == type)
            return type;
    *other = type;
    return NULL;
}

/* The same of a value in a register. A boxed number is any object: most are unboxed before a call. */
static inline PyTypeObject *cascade_told_source(const cascade_source *source, const cascade_register *r)
{
    PyTypeObject *type;
    switch (source->kind) {
    case 'i': return &PyLong_Type;
    case 'd': return &PyFloat_Type;
    case 'b': return &PyBool_Type;
    case 'n': return Py_TYPE(Py_None);
    case 'c': return &PyUnicode_Type;
    default:
        type = cascade_told_apart(Py_TYPE((PyObject *)r[(uint32_t)source->where].object));
        return type == &PyLong_Type || type == &PyFloat_Type || type == &PyBool_Type || type == Py_TYPE(Py_None) ? NULL : type;
    }
}

/* Whether typed code copies objects of a class: numbers and texts. */
static int cascade_is_copied(PyTypeObject *type)
{
    int i;
    if (type == &PyLong_Type || type == &PyFloat_Type || type == &PyUnicode_Type || type == &PyComplex_Type)
        return 1;
    for (i = 0; i < CASCADE_ELEMENTS; i++)
        if (cascade_scalar_types[i] == type)
            return 1;
    return 0;
}

static int cascade_is_copied_value(int kind, cascade_register value)
{
    if (kind == 'b' || kind == 'n')
        return 0;
    return !cascade_is_object(kind) || cascade_is_copied(Py_TYPE((PyObject *)value.object));
}

/* Whether a parameter that is compared by identity gets such an object. */
static int cascade_passes_copied(const cascade_gather *gather, const cascade_register *r, uint32_t compared)
{
    int32_t i;
    if (gather->iterated != NULL)
        return 0;
    for (i = gather->place + 1; i < gather->count; i++) {
        const cascade_source *source = &gather->sources[i];
        if ((compared >> source->parameter & 1) && cascade_is_copied_value(source->kind, r[(uint32_t)source->where]))
            return 1;
    }
    for (i = 0; i < gather->missing; i++)
        if ((compared >> gather->missing_parameters[i] & 1) && cascade_is_copied_value(gather->missing_kinds[i], gather->missing_values[i]))
            return 1;
    return 0;
}

/* Finds the classes of the arguments by parameter. */
static inline void cascade_types_of(const cascade_gather *gather, const cascade_register *r, PyTypeObject **types)
{
    int32_t i;
    if (gather->iterated != NULL) {
        types[0] = (PyTypeObject *)gather->iterated;
        return;
    }
    for (i = gather->place + 1; i < gather->count; i++)
        types[gather->sources[i].parameter] = cascade_told_source(&gather->sources[i], r);
    for (i = 0; i < gather->missing; i++)
        types[gather->missing_parameters[i]] = gather->missing_types[i];
}

/* The word at which a call with arguments of these classes begins; -1 where there has not been one. */
static inline int64_t cascade_known_entry(const cascade_callee *callee, PyTypeObject *const *types)
{
    int64_t number;
    int32_t i;
    for (number = 0; number < callee->entry_count; number++) {
        const cascade_typed_entry *entry = &callee->by_type[number];
        for (i = 0; i < callee->parameter_count && entry->types[i] == types[i]; i++)
            ;
        if (i == callee->parameter_count)
            return entry->word;
    }
    return -1;
}

/* ---- Frames: a state, and the registers behind it -------------------------------------------------------------------
 *
 * What is counted of a run, `kept` and `timed` are 0 in a frame that waits.
 */

static __attribute__((noinline)) cascade_state *cascade_new_frame(const cascade_callee *callee)
{
    size_t size = (size_t)callee->register_count * sizeof(cascade_register);
    cascade_state *s = (cascade_state *)PyMem_Malloc(sizeof(cascade_state) + size);
    if (s == NULL)
        return NULL;
    memset(s, 0, sizeof(cascade_state));
    s->registers = (cascade_register *)(s + 1);
    memcpy(s->registers, callee->image, size);
    s->callee = (cascade_callee *)callee;
    s->watched = callee->watched;
    s->named = callee->named;
    s->gathers = callee->gathers;
    return s;
}

/* A frame for a run that begins at a word; NULL where there is no memory. */
static inline cascade_state *cascade_take_frame(cascade_callee *callee, int64_t word)
{
    cascade_state *s = callee->spare;
    if (s != NULL)
        callee->spare = s->parent;
    else if ((s = cascade_new_frame(callee)) == NULL)
        return NULL;
    callee->entries += 1;
    s->word = callee->words + word;
    return s;
}

/* The cells of free variables stand behind the other variables; the function holds them. */
CASCADE_INLINE void cascade_take_closure(cascade_state *s)
{
    const cascade_callee *callee = s->callee;
    int32_t i;
    for (i = 0; i < callee->free_count; i++)
        s->registers[callee->first_free + i].object = cascade_tuple_items(cascade_closure(s->function))[i];
}

/* The run begins: it is timed now and then, and not that of a recursive call, which is a part of another one. */
CASCADE_INLINE void cascade_begin_run(cascade_state *s, void *thread)
{
    cascade_callee *callee = s->callee;
    s->inside = callee->inside;
    if (callee->inside != thread) {
        callee->inside = thread;
        s->timed = cascade_stopwatch_start(&callee->watch, &s->timed_from);
    }
}

/* Counts the work since the last time. */
CASCADE_INLINE void cascade_settle(cascade_state *s)
{
    s->callee->work += s->began - s->fuel;
    s->began = s->fuel;
}

/* The run is over: the frame waits for another one. */
CASCADE_INLINE void cascade_leave(cascade_state *s)
{
    cascade_callee *callee = s->callee;
    cascade_settle(s);
    callee->inside = s->inside;
    if ((s->timed | s->steps) != 0) {
        if (s->timed != 0)
            cascade_stopwatch_stop(&callee->watch, s->timed, s->timed_from);
        callee->called_out += s->steps;
        callee->frames += s->frames;
        s->timed = s->steps = s->frames = 0;
    }
    s->parent = callee->spare;
    callee->spare = s;
}

/* The same of the run of a function that a kernel has called, where nothing else is to be counted: that one's frame is the current one again. */
CASCADE_INLINE void cascade_leave_plainly(cascade_state *s, int64_t fuel)
{
    cascade_callee *callee = s->callee;
    cascade_state *parent = s->parent, *root = s->root;
    parent->began = fuel;
    root->current = parent;
    cascade_count_call((PyThreadState *)root->thread, -1);
    callee->work += s->began - fuel;
    callee->inside = s->inside;
    s->parent = callee->spare;
    callee->spare = s;
}

/* The run of a function that a kernel has called is over: that one's frame is the current one again. */
CASCADE_INLINE cascade_state *cascade_leave_call(cascade_state *s)
{
    cascade_callee *callee = s->callee;
    cascade_state *parent = s->parent, *root = s->root;
    parent->fuel = parent->began = s->fuel;
    root->current = parent;
    cascade_count_call((PyThreadState *)root->thread, -1);
    if (s->steps == 0) {
        cascade_leave(s);
        return parent;
    }
    parent->steps += s->steps;
    cascade_leave(s);
    if (callee->entries >= CASCADE_FEW_ENTRIES
            && (callee->exit_count * 2 > callee->entries || callee->frames > CASCADE_FRAMES * callee->entries + callee->work))
        callee->exits_often = 1;
    return parent;
}

/* ---- Arguments ------------------------------------------------------------------------------------------------------ */

/* An iterator has been passed on. What is left can be released, and made an object of: a tuple without items, a short range. */
static void cascade_empty_iterator(const cascade_gather *gather, cascade_register *r)
{
    int32_t i;
    for (i = 0; i < CASCADE_ITERATOR_SIZE; i++) {
        cascade_register *place = &r[gather->iterator_source + i];
        place->i = 1;
        if (gather->iterator_owned >> i & 1)
            place->object = PyTuple_New(0);     /* there is one of them */
    }
}

/* Passes a value to a parameter. A reference that the caller owns is passed on; what stays there may be released. */
static inline void cascade_move_source(const cascade_source *source, cascade_register *r, cascade_register *to)
{
    cascade_register *from = &r[(uint32_t)source->where];
    *to = *from;
    if (source->kind == 'r')
        Py_INCREF((PyObject *)to->object);
    else if (source->kind == 'o')
        from->object = Py_NewRef(Py_None);
    else if (source->kind == 'c')
        to->object = cascade_boxed(*from, 'c');
}

/* Parameters without an argument get their defaults. */
CASCADE_INLINE void cascade_give_defaults(const cascade_gather *gather, cascade_register *to)
{
    int32_t i;
    for (i = 0; i < gather->missing; i++) {
        cascade_register *place = &to[gather->missing_parameters[i]];
        *place = gather->missing_values[i];
        if (gather->missing_kinds[i] == 'o')
            Py_INCREF((PyObject *)place->object);
    }
}

static void cascade_move_arguments(const cascade_gather *gather, cascade_register *r, cascade_register *to)
{
    int32_t i;
    if (gather->iterated != NULL) {
        memcpy(&to[gather->iterator_target], &r[gather->iterator_source], CASCADE_ITERATOR_SIZE * sizeof(cascade_register));
        cascade_empty_iterator(gather, r);
        return;
    }
    for (i = gather->place + 1; i < gather->count; i++)
        cascade_move_source(&gather->sources[i], r, &to[gather->sources[i].parameter]);
    cascade_give_defaults(gather, to);
}

/* The function, and what stands before it, die behind the call. */
static inline void cascade_release_function(const cascade_gather *gather, cascade_register *r)
{
    int32_t i;
    for (i = 0; i <= gather->place; i++)
        if (gather->sources[i].kind == 'o')
            Py_DECREF((PyObject *)r[(uint32_t)gather->sources[i].where].object);
}

/* ---- Calls ---------------------------------------------------------------------------------------------------------- */

/* Before the code of functions that stands in place of their calls. */
OP(EXPECT_ROOM) { if (!cascade_has_room((PyThreadState *)s->root->thread, w->e)) EXIT; NEXT; }

enum {
    CASCADE_BY_CPYTHON,     /* CPython has to make the call */
    CASCADE_ENTERED,        /* the current frame is that of the function */
    CASCADE_NEW_ENTRY,      /* there has been no call with arguments of these classes: `types` */
    CASCADE_NEW_KERNEL,     /* the kernel is stale */
    CASCADE_NEW_CODE,       /* machine code is to be made */
    CASCADE_NEW_FUEL        /* there is no fuel left */
};

/* The function that a call is made of. */
CASCADE_INLINE PyObject *cascade_function_of(const cascade_site *site, const cascade_register *r)
{
    return site->known != NULL ? site->known : (PyObject *)r[(uint32_t)site->function].object;
}

/* Whether it is still the one that the kernel is of. */
CASCADE_INLINE int cascade_is_same_function(const cascade_site *site, PyObject *function)
{
    return cascade_guarded(2, function) == site->code && (site->defaults == NULL || cascade_guarded(3, function) == site->defaults);
}

/* The frame of a function begins: it is the current one. */
CASCADE_INLINE void cascade_begin_frame(
    const cascade_word *w, int64_t fuel, cascade_state *s, cascade_state *frame, const cascade_site *site, PyObject *function)
{
    s->word = w;
    s->callee->work += s->began - fuel;
    frame->began = fuel;        /* the call is work of the function's */
    frame->parent = s;
    frame->site = site;
    frame->depth = s->depth + 1;
    frame->root = s->root;
    frame->function = function;
    cascade_take_closure(frame);
    cascade_count_call((PyThreadState *)s->root->thread, 1);
    s->root->current = frame;
}

/* Notes the arguments of one kind, by their classes. */
static int cascade_note_passed(const cascade_gather *gather, const cascade_register *r, int count, int32_t kind)
{
    for (int32_t i = gather->place + 1; i < gather->count; i++) {
        const cascade_source *source = &gather->sources[i];
        int32_t found = cascade_is_object(source->kind) ? source->kind : 0;
        if (found == kind)
            gather->site->passed[count++] = (cascade_passed){
                kind == 0 ? NULL : Py_TYPE((PyObject *)r[(uint32_t)source->where].object), source->where, source->parameter};
    }
    return count;
}

/* Has the next call with arguments of the same classes made at once. */
static void cascade_note_call(const cascade_gather *gather, const cascade_register *r, int64_t word)
{
    cascade_site *site = gather->site;
    int is_simple = gather->iterated == NULL;
    for (int32_t i = gather->place + 1; is_simple && i < gather->count; i++)
        is_simple = gather->sources[i].kind != 'c';
    site->begins_at = is_simple ? site->callee->words + word : NULL;
    if (is_simple) {
        site->borrowed = (uint8_t)cascade_note_passed(gather, r, 0, 'r');
        site->objects = (uint8_t)cascade_note_passed(gather, r, site->borrowed, 'o');
        site->count = (uint8_t)cascade_note_passed(gather, r, site->objects, 0);
    }
}

/* Calls the function of a CALL_FUNCTION by its kernel. */
static int cascade_begin_call(const cascade_word *w, cascade_register *r, int64_t fuel, cascade_state *s, PyTypeObject **types)
{
    const cascade_gather *gather = s->gathers[w->e];
    const cascade_site *site = gather->site;
    cascade_callee *callee = site->callee;
    PyObject *function = cascade_function_of(site, r);
    cascade_state *frame;
    int64_t word;
    if (callee->stale)
        return CASCADE_NEW_KERNEL;
    if (callee->retired || callee->exits_often || s->depth >= CASCADE_CALL_DEPTH || !gather->is_callable
            || !cascade_is_same_function(site, function) || !cascade_has_room((PyThreadState *)s->root->thread, 1))
        return CASCADE_BY_CPYTHON;
    if (fuel <= 1)
        return CASCADE_NEW_FUEL;
    if (callee->compared != 0 && cascade_passes_copied(gather, r, callee->compared))
        return CASCADE_BY_CPYTHON;
    cascade_types_of(gather, r, types);
    if ((word = cascade_known_entry(callee, types)) < 0)
        return CASCADE_NEW_ENTRY;
    if (callee->machine_at == 0 && cascade_wants_machine_code(callee))
        return CASCADE_NEW_CODE;
    if ((frame = cascade_take_frame(callee, word)) == NULL)
        return CASCADE_BY_CPYTHON;
    cascade_note_call(gather, r, word);
    cascade_move_arguments(gather, r, frame->registers);
    cascade_begin_frame(w, fuel, s, frame, site, function);
    cascade_begin_run(frame, s->root->thread);
    frame->fuel = fuel - 1;
    return CASCADE_ENTERED;
}

static __attribute__((noinline)) int cascade_is_called(const cascade_word *w, cascade_register *r, int64_t fuel, cascade_state *s)
{
    PyTypeObject *types[CASCADE_PARAMETER_LIMIT];
    return cascade_begin_call(w, r, fuel, s, types) == CASCADE_ENTERED;
}

/* A call that is not like the last one: not a part of CALL_FUNCTION, which has nothing to save for it. */
OP_APART(CALL_ANYHOW)
{
    if (!cascade_is_called(w, r, fuel, s))
        STOP(CASCADE_CALLS);
    s = s->root->current;
    w = s->word;
    r = s->registers;
    fuel -= 1;
    CONTINUE;
}

/* A call whose arguments are of other classes than those of the last one: objects up to the first such one have got references already. */
OP_APART(CALL_OTHERWISE)
{
    const cascade_site *site = (const cascade_site *)cascade_address_in(w);
    for (int i = 0; i < site->borrowed; i++) {
        PyObject *value = (PyObject *)r[(uint32_t)site->passed[i].from].object;
        if (Py_TYPE(value) != site->passed[i].seen)
            break;
        Py_DECREF(value);
    }
    CASCADE_MUSTTAIL return cascade_op_CALL_ANYHOW(w, r, fuel, s);
}

/* Passes the arguments of a call that is like the last one. Returns whether it is: with arguments of the same classes. */
CASCADE_INLINE int cascade_pass_arguments(const cascade_site *site, cascade_register *r, cascade_register *to)
{
    const cascade_passed *passed = site->passed, *borrowed = passed + site->borrowed, *objects = passed + site->objects, *end = passed + site->count;
    for (; passed < borrowed; passed++) {
        PyObject *value = (PyObject *)r[(uint32_t)passed->from].object;
        if (Py_TYPE(value) != passed->seen)
            return 0;
        to[(uint32_t)passed->to].object = Py_NewRef(value);
    }
    for (; passed < objects; passed++) {
        PyObject *value = (PyObject *)r[(uint32_t)passed->from].object;
        if (Py_TYPE(value) != passed->seen)
            return 0;
        to[(uint32_t)passed->to].object = value;
    }
    for (; borrowed < objects; borrowed++)
        r[(uint32_t)borrowed->from].object = Py_NewRef(Py_None);
    for (; passed < end; passed++)
        to[(uint32_t)passed->to] = r[(uint32_t)passed->from];
    return 1;
}

OP(CALL_FUNCTION)
{
    const cascade_site *site = (const cascade_site *)cascade_address_in(w);
    cascade_callee *callee = site->callee;
    cascade_state *frame = callee->spare;
    PyObject *function = cascade_function_of(site, r);
    void *thread;
    if (site->begins_at == NULL || frame == NULL || fuel <= 1 || s->depth >= CASCADE_CALL_DEPTH || (callee->stale | callee->retired | callee->exits_often)
            || !cascade_is_same_function(site, function) || callee->watch.count + 1 >= callee->watch.next || cascade_wants_machine_code(callee)
            || !cascade_has_room((PyThreadState *)s->root->thread, 1))
        CASCADE_MUSTTAIL return cascade_op_CALL_ANYHOW(w, r, fuel, s);
    if (!cascade_pass_arguments(site, r, frame->registers))
        CASCADE_MUSTTAIL return cascade_op_CALL_OTHERWISE(w, r, fuel, s);
    if (site->defaults != NULL)
        cascade_give_defaults(s->gathers[w->e], frame->registers);
    callee->spare = frame->parent;
    callee->entries += 1;
    cascade_begin_frame(w, fuel, s, frame, site, function);
    thread = s->root->thread;
    frame->inside = callee->inside;
    if (callee->inside != thread) {
        callee->inside = thread;
        callee->watch.count += 1;
    }
    s = frame;
    w = site->begins_at;
    r = s->registers;
    fuel -= 1;
    CONTINUE;
}

/* Gives the result of a call to the frame of its caller, which runs on. */
static inline void cascade_give(cascade_state *s, PyObject *result)
{
    const cascade_site *site = (const cascade_site *)cascade_address_in(s->word);
    if (site->releases)
        cascade_release_function(s->gathers[s->word->e], s->registers);
    s->registers[(uint32_t)site->target].object = result;
    s->word += 1;
}

/* Gives a number to the instruction behind the call, which unboxes the result; that one, and the RELEASE that follows, are passed over. */
static inline void cascade_give_unboxed(cascade_state *s, cascade_register result)
{
    const cascade_site *site = (const cascade_site *)cascade_address_in(s->word);
    if (site->releases)
        cascade_release_function(s->gathers[s->word->e], s->registers);
    s->registers[(uint32_t)s->word[1].a] = result;
    s->word += 3;
}

/* Whether the value that is returned is the result of the call. */
CASCADE_INLINE int cascade_is_result(const cascade_site *site, cascade_register value)
{
    return !site->is_made_into && (!site->is_operator || value.object != (void *)Py_NotImplemented);
}

CASCADE_INLINE int cascade_returns_number(int kind) { return kind != 'r' && kind != 'o'; }

/* Returns a value to a kernel that has called: its frame; NULL, and nothing is done, where more than that has to be. */
CASCADE_INLINE cascade_state *cascade_return(
    const cascade_word *w, cascade_register *r, int64_t fuel, cascade_state *s, int kind)
{
    cascade_state *parent = s->parent;
    cascade_register value = r[(uint32_t)w->a];
    const cascade_site *site = s->site;
    const int32_t *owned = (const int32_t *)cascade_address_in(w);
    PyObject *result = NULL;
    int32_t i;
    if (owned == NULL || cascade_wants_machine_code(s->callee) || !cascade_is_result(site, value))
        return NULL;
    if (site->unboxes != kind && (result = cascade_boxed(value, kind)) == NULL)
        return NULL;
    for (i = 1; i <= owned[0]; i++)
        Py_DECREF((PyObject *)r[(uint32_t)owned[i]].object);
    s->fuel = fuel;
    cascade_leave_call(s);
    if (result != NULL)
        cascade_give(parent, result);
    else
        cascade_give_unboxed(parent, value);
    return parent;
}

/* The frame of the caller runs on, with the result. A bool that it does not unbox is an object that lasts. */
#define RESUME(KIND) \
    int is_unboxed = cascade_returns_number(KIND) && (KIND != 'b' || site->unboxes == 'b'); \
    if (KIND == 'b' && !is_unboxed) \
        value.object = Py_NewRef(value.i ? Py_True : Py_False); \
    cascade_leave_plainly(s, fuel); \
    s = parent; \
    r = s->registers; \
    w = s->word; \
    r[(uint32_t)(is_unboxed ? w[1].a : site->target)] = value; \
    w += is_unboxed ? 3 : 1; \
    CONTINUE

/* Three parts: what nearly all returns do, which saves no registers; the same where objects die; and everything else. */
#define RETURN(NAME, KIND) \
    OP_APART(NAME##_ANYHOW) \
    { \
        cascade_state *parent = cascade_return(w, r, fuel, s, KIND); \
        if (parent == NULL) \
            STOP(CASCADE_RETURNED); \
        s = parent; \
        w = s->word; \
        r = s->registers; \
        CONTINUE; \
    } \
    OP_APART(NAME##_RELEASING) \
    { \
        cascade_state *parent = s->parent; \
        const cascade_site *site = s->site; \
        const int32_t *owned = (const int32_t *)cascade_address_in(w); \
        cascade_register value = r[(uint32_t)w->a]; \
        for (int32_t i = s->released; i <= owned[0]; i++) \
            Py_DECREF((PyObject *)r[(uint32_t)owned[i]].object); \
        RESUME(KIND); \
    } \
    OP(NAME) \
    { \
        cascade_state *parent = s->parent; \
        const cascade_site *site = s->site; \
        const int32_t *owned = (const int32_t *)cascade_address_in(w); \
        cascade_register value = r[(uint32_t)w->a]; \
        if (parent == NULL) \
            STOP(CASCADE_RETURNED); \
        if (owned == NULL || !cascade_is_result(site, value) || site->releases || cascade_wants_machine_code(s->callee) \
                || (s->steps | s->timed) != 0 || ((KIND == 'i' || KIND == 'd') && site->unboxes != KIND)) \
            CASCADE_MUSTTAIL return cascade_op_##NAME##_ANYHOW(w, r, fuel, s); \
        if (KIND == 'r') \
            Py_INCREF((PyObject *)value.object); \
        for (int32_t i = 1; i <= owned[0]; i++) { \
            PyObject *each = (PyObject *)r[(uint32_t)owned[i]].object; \
            if (Py_REFCNT(each) == 1) { \
                s->released = i; \
                CASCADE_MUSTTAIL return cascade_op_##NAME##_RELEASING(w, r, fuel, s); \
            } \
            Py_SET_REFCNT(each, Py_REFCNT(each) - 1); \
        } \
        RESUME(KIND); \
    }
RETURN(RETURN_INT, 'i') RETURN(RETURN_BOOL, 'b') RETURN(RETURN_FLOAT, 'd') RETURN(RETURN_OBJECT, 'r') RETURN(RETURN_OWNED, 'o')
#undef RETURN
#undef RESUME
