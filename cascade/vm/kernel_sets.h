/* Handlers of sets, deques and heaps: see cascade/instructions/families/mappings.py. Included by kernel.h. */

/* ---- Sets ------------------------------------------------------------------------------------------------------------- */

/* Whether a set has a key for which SAME holds; -1 where CPython has to compare. */
#define PROBE_SET(set, hash_, wanted_key, SAME) \
    const cascade_set_entry *table = cascade_set_table(set), *entry; \
    const size_t mask_ = (size_t)cascade_set_room(set) - 1; \
    size_t rest_ = (size_t)(hash_), at = rest_ & mask_, left; \
    for (;;) { \
        entry = &table[at]; \
        left = at + CASCADE_SET_PROBES <= mask_ ? CASCADE_SET_PROBES : 0; \
        do { \
            if (entry->hash == 0 && entry->key == NULL) \
                return 0; \
            if (entry->hash == (hash_)) { \
                int same = entry->key == (wanted_key) ? 1 : (SAME); \
                if (same) \
                    return same; \
            } \
            entry++; \
        } while (left--); \
        rest_ >>= CASCADE_PERTURB_SHIFT; \
        at = (at * 5 + 1 + rest_) & mask_; \
    }

CASCADE_INLINE int cascade_set_has_int(PyObject *set, int64_t wanted)
{
    const Py_hash_t hash = cascade_hash_int(wanted);
    PROBE_SET(set, hash, NULL, cascade_is_int(entry->key, wanted))
}

static __attribute__((noinline)) int cascade_set_has(PyObject *set, PyObject *wanted)
{
    const Py_hash_t hash = PLAIN_HASH(wanted);
    if (hash == -1)
        return -1;
    PROBE_SET(set, hash, wanted, cascade_same(entry->key, wanted))
}

/* ---- Two sets ------------------------------------------------------------------------------------------------------ */

/* The same of a key of another set, with its hash. */
static int cascade_set_has_hashed(PyObject *set, PyObject *wanted, Py_hash_t hash)
{
    if (PyLong_CheckExact(wanted) && cascade_is_short_int(wanted)) {
        const int64_t number = cascade_short_int(wanted);
        PROBE_SET(set, hash, wanted, cascade_is_int(entry->key, number))
    }
    if (!IS_PLAIN(wanted))
        return -1;
    PROBE_SET(set, hash, wanted, cascade_same(entry->key, wanted))
}

/* Looks the keys of one set up in another one, to the end or up to one that is not there. Returns 1 where all are there, 0 where one is not,
 * and -1 where looking one up might run code of users. */
static int cascade_set_looks_up(PyObject *keys, PyObject *set, int to_the_end)
{
    const cascade_set_entry *table = cascade_set_table(keys);
    Py_ssize_t i, room = cascade_set_room(keys), left = PySet_GET_SIZE(keys);
    int all = 1;
    for (i = 0; i < room && left > 0; i++) {
        int has;
        if (table[i].key == NULL || table[i].hash == -1)
            continue;
        left -= 1;
        has = cascade_set_has_hashed(set, table[i].key, table[i].hash);
        if (has < 0 || (!has && !to_the_end))
            return has;
        all &= has;
    }
    return all;
}

/* left <= right, or another comparison by `sign`, of Python's numbers. */
static __attribute__((noinline)) int cascade_set_within(PyObject *left, PyObject *right, int sign)
{
    Py_ssize_t size = PySet_GET_SIZE(left), other = PySet_GET_SIZE(right);
    if (sign == Py_LE ? size > other : sign == Py_LT ? size >= other : size != other)
        return 0;
    return cascade_set_looks_up(left, right, 0);
}

/* Whether all keys of a set are ints or texts: then none is compared by code of users. Faster than looking them up. */
static int cascade_set_is_simple(PyObject *set)
{
    const cascade_set_entry *table = cascade_set_table(set);
    Py_ssize_t i, room = cascade_set_room(set), left = PySet_GET_SIZE(set);
    for (i = 0; i < room && left > 0; i++) {
        if (table[i].key == NULL || table[i].hash == -1)
            continue;
        left -= 1;
        if (!PyLong_CheckExact(table[i].key) && !PyUnicode_CheckExact(table[i].key))
            return 0;
    }
    return 1;
}

/* Whether an operator of two sets runs no code of users: it looks keys up as follows, and then has only such keys in a new set. */
static __attribute__((noinline)) int cascade_sets_are_plain(PyObject *left, PyObject *right, int operator)
{
    Py_ssize_t size = PySet_GET_SIZE(left), other = PySet_GET_SIZE(right);
    int of_left = operator == '^' || (operator == '-' && size >> 2 <= other) || (operator == '&' && other > size);
    if (!of_left)
        return cascade_set_looks_up(right, left, 1) >= 0;
    return (cascade_set_is_simple(left) && cascade_set_is_simple(right)) || cascade_set_looks_up(left, right, 1) >= 0;
}

OP(SET_WITHIN) { int found = cascade_set_within(O(b), O(c), w->e); if (found < 0) GO(f); I(a) = found; NEXT; }
OP(EXPECT_PLAIN_SETS) { if (!cascade_sets_are_plain(O(a), O(b), w->e)) GO(f); NEXT; }

/* ---- Tuples as keys --------------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) int cascade_set_has_tuple(PyObject *set, const cascade_gather *gather, cascade_register *r)
{
    const Py_hash_t hash = cascade_hash_values(gather, r);
    if (hash == -1) {
        PyErr_Clear();
        return -1;
    }
    PROBE_SET(set, hash, NULL, cascade_is_tuple(entry->key, gather, r))
}

static __attribute__((noinline)) int cascade_set_add_tuple(PyObject *set, const cascade_gather *gather, cascade_register *r)
{
    PyObject *made = cascade_build(gather, r, 0);
    int failed = made == NULL || PySet_Add(set, made);
    Py_XDECREF(made);
    return failed;
}

static __attribute__((noinline)) int cascade_set_add_int(PyObject *set, int64_t key)
{
    PyObject *made = PyLong_FromLongLong(key);
    int failed = made == NULL || PySet_Add(set, made);
    Py_XDECREF(made);
    return failed;
}

OP(SET_HOLDS_INT) { int has = cascade_set_has_int(O(b), I(c)); if (has < 0) EXIT; I(a) = has; NEXT; }
OP(SET_HOLDS) { int has = cascade_set_has(O(b), O(c)); if (has < 0) GO(f); I(a) = has; NEXT; }
OP(SET_HOLDS_TUPLE)
{
    int has = cascade_set_has_tuple(O(b), s->gathers[w->e], r);
    if (has < 0)
        GO(f);
    I(a) = has;
    NEXT;
}
OP(SET_INSERT_TUPLE)
{
    int has = cascade_set_has_tuple(O(a), s->gathers[w->e], r);
    if (has < 0)
        GO(f);
    if (!has && cascade_set_add_tuple(O(a), s->gathers[w->e], r))
        STOP(CASCADE_RAISED);
    NEXT;
}
OP(SET_INSERT_INT)
{
    int has = cascade_set_has_int(O(a), I(b));
    if (has < 0)
        EXIT;
    if (!has && cascade_set_add_int(O(a), I(b)))
        STOP(CASCADE_RAISED);
    NEXT;
}
OP(SET_INSERT)
{
    int has = cascade_set_has(O(a), O(b));
    if (has < 0)
        GO(f);
    if (!has && PySet_Add(O(a), O(b)))
        STOP(CASCADE_RAISED);
    NEXT;
}
OP(SET_DISCARD)
{
    int has = cascade_set_has(O(a), O(b));
    if (has < 0)
        GO(f);
    if (has && PySet_Discard(O(a), O(b)) < 0)
        STOP(CASCADE_RAISED);
    NEXT;
}
OP(SET_REMOVE)
{
    if (cascade_set_has(O(a), O(b)) <= 0)
        GO(f);
    if (PySet_Discard(O(a), O(b)) < 0)
        STOP(CASCADE_RAISED);
    NEXT;
}
OP(SET_SIZE) { I(a) = PySet_GET_SIZE(O(b)); NEXT; }

/* ---- Deques ----------------------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) int cascade_deque_add_slowly(PyObject *deque, PyObject *item, int first)
{
    static PyObject *append, *append_first;
    PyObject *result = first ? cascade_method(&append_first, "appendleft", deque, item) : cascade_method(&append, "append", deque, item);
    Py_XDECREF(result);
    return result == NULL;
}

static __attribute__((noinline)) PyObject *cascade_deque_pop_slowly(PyObject *deque, int first)
{
    static PyObject *pop, *pop_first;
    return first ? cascade_method(&pop_first, "popleft", deque, NULL) : cascade_method(&pop, "pop", deque, NULL);
}

OP(DEQUE_APPEND)
{
    cascade_deque *deque = (cascade_deque *)O(a);
    if (deque->limit < 0 && deque->right + 1 < CASCADE_DEQUE_BLOCK) {
        Py_SET_SIZE((PyVarObject *)deque, Py_SIZE(deque) + 1);
        deque->changes += 1;
        deque->right_block->items[++deque->right] = Py_NewRef(O(b));
    }
    else if (deque->limit == Py_SIZE(deque) && deque->limit > 0
            && deque->right + 1 < CASCADE_DEQUE_BLOCK && deque->left + 1 < CASCADE_DEQUE_BLOCK) {
        PyObject *old = deque->left_block->items[deque->left++];
        deque->changes += 1;
        deque->right_block->items[++deque->right] = Py_NewRef(O(b));
        Py_DECREF(old);
    }
    else if (cascade_deque_add_slowly((PyObject *)deque, O(b), 0))
        STOP(CASCADE_RAISED);
    NEXT;
}
OP(DEQUE_APPEND_FIRST)
{
    cascade_deque *deque = (cascade_deque *)O(a);
    if (deque->limit < 0 && deque->left > 0) {
        Py_SET_SIZE((PyVarObject *)deque, Py_SIZE(deque) + 1);
        deque->changes += 1;
        deque->left_block->items[--deque->left] = Py_NewRef(O(b));
    }
    else if (cascade_deque_add_slowly((PyObject *)deque, O(b), 1))
        STOP(CASCADE_RAISED);
    NEXT;
}
OP(DEQUE_POP)
{
    cascade_deque *deque = (cascade_deque *)O(b);
    PyObject *item;
    if (Py_SIZE(deque) == 0)
        EXIT;
    if (deque->right > 0) {
        item = deque->right_block->items[deque->right--];
        Py_SET_SIZE((PyVarObject *)deque, Py_SIZE(deque) - 1);
        deque->changes += 1;
    }
    else {
        item = cascade_deque_pop_slowly((PyObject *)deque, 0);
        if (item == NULL)
            STOP(CASCADE_RAISED);
    }
    SET(a, item);
    NEXT;
}
OP(DEQUE_POP_FIRST)
{
    cascade_deque *deque = (cascade_deque *)O(b);
    PyObject *item;
    if (Py_SIZE(deque) == 0)
        EXIT;
    if (deque->left + 1 < CASCADE_DEQUE_BLOCK) {
        item = deque->left_block->items[deque->left++];
        Py_SET_SIZE((PyVarObject *)deque, Py_SIZE(deque) - 1);
        deque->changes += 1;
    }
    else {
        item = cascade_deque_pop_slowly((PyObject *)deque, 1);
        if (item == NULL)
            STOP(CASCADE_RAISED);
    }
    SET(a, item);
    NEXT;
}

static __attribute__((noinline)) PyObject *cascade_deque_item(PyObject *deque, int64_t index)
{
    PyObject *item = PySequence_GetItem(deque, (Py_ssize_t)index);
    if (item == NULL)
        PyErr_Clear();
    else
        Py_DECREF(item);        /* it is borrowed from the deque */
    return item;
}

OP(DEQUE_ITEM)
{
    cascade_deque *deque = (cascade_deque *)O(b);
    PyObject *item;
    if (I(c) == 0 && Py_SIZE(deque) > 0)
        item = deque->left_block->items[deque->left];
    else if (I(c) == -1 && Py_SIZE(deque) > 0)
        item = deque->right_block->items[deque->right];
    else
        item = cascade_deque_item((PyObject *)deque, I(c));
    if (item == NULL)
        EXIT;
    SET(a, item);
    NEXT;
}

/* ---- Heaps ------------------------------------------------------------------------------------------------------------ */

/* The functions of heapq for items whose comparison runs no code of users. All comparisons are made before the list is changed. */

static int cascade_is_number(PyObject *value)
{
    return PyLong_CheckExact(value) || PyFloat_CheckExact(value) || PyBool_Check(value);
}

static int cascade_plain_less(PyObject *left, PyObject *right, int depth);

/* The first place at which two tuples differ, or the size of the shorter one; -1 where CPython has to compare. */
static Py_ssize_t cascade_first_difference(PyObject *left, PyObject *right, int depth)
{
    Py_ssize_t i, count = PyTuple_GET_SIZE(left) < PyTuple_GET_SIZE(right) ? PyTuple_GET_SIZE(left) : PyTuple_GET_SIZE(right);
    for (i = 0; i < count; i++) {
        PyObject *a = PyTuple_GET_ITEM(left, i), *b = PyTuple_GET_ITEM(right, i);
        int same = a == b;
        if (!same && PyLong_CheckExact(a) && PyLong_CheckExact(b) && cascade_is_short_int(a) && cascade_is_short_int(b)) {
            if (cascade_short_int(a) != cascade_short_int(b))
                return i;
            continue;
        }
        if (!same)
            same = cascade_key_is_plain(b, depth) ? cascade_same(a, b) : -1;
        if (same < 0)
            return -1;
        if (!same)
            return i;
    }
    return count;
}

/* left < right; -1 where CPython has to compare. */
static int cascade_plain_less(PyObject *left, PyObject *right, int depth)
{
    Py_ssize_t place;
    if (PyLong_CheckExact(left) && PyLong_CheckExact(right) && cascade_is_short_int(left) && cascade_is_short_int(right))
        return cascade_short_int(left) < cascade_short_int(right);
    if (PyTuple_CheckExact(left) && PyTuple_CheckExact(right)) {
        place = depth == 0 ? -1 : cascade_first_difference(left, right, depth);
        if (place < 0)
            return -1;
        if (place >= PyTuple_GET_SIZE(left) || place >= PyTuple_GET_SIZE(right))
            return PyTuple_GET_SIZE(left) < PyTuple_GET_SIZE(right);
        return cascade_plain_less(PyTuple_GET_ITEM(left, place), PyTuple_GET_ITEM(right, place), depth - 1);
    }
    if (PyFloat_CheckExact(left) && PyFloat_CheckExact(right))
        return PyFloat_AS_DOUBLE(left) < PyFloat_AS_DOUBLE(right);
    if (PyUnicode_CheckExact(left) && PyUnicode_CheckExact(right))
        return PyUnicode_Compare(left, right) < 0;
    if (cascade_is_number(left) && cascade_is_number(right))
        return PyObject_RichCompareBool(left, right, Py_LT);
    return -1;
}

#define PLAIN_LESS(left, right) cascade_plain_less(left, right, CASCADE_NESTED)

/* Returns 1, 0 where CPython has to do it, or -1 with an error set. */
static __attribute__((noinline)) int cascade_heap_push(PyObject *heap, PyObject *item)
{
    PyObject **items = cascade_list_items(heap);
    Py_ssize_t at = Py_SIZE(heap), last = at, parent;
    int less = 1;
    while (at > 0 && (less = PLAIN_LESS(item, items[(at - 1) >> 1])) > 0)
        at = (at - 1) >> 1;
    if (less < 0)
        return 0;
    if (PyList_Append(heap, item) < 0)
        return -1;
    items = cascade_list_items(heap);
    for (; last > at; last = parent) {
        parent = (last - 1) >> 1;
        items[last] = items[parent];
    }
    items[at] = item;
    return 1;
}

/* Takes the last item off a list, and returns it. */
static PyObject *cascade_take_last(PyObject *list)
{
    Py_ssize_t last = Py_SIZE(list) - 1;
    PyObject *item = Py_NewRef(cascade_list_items(list)[last]);
    if (PyList_SetSlice(list, last, last + 1, NULL) < 0)
        Py_CLEAR(item);
    return item;
}

/* Returns the least item, or NULL: without an error set where CPython has to do it. */
static __attribute__((noinline)) PyObject *cascade_heap_pop(PyObject *heap)
{
    PyObject **items = cascade_list_items(heap), *last, *least;
    Py_ssize_t path[64], at = 0, child, end = Py_SIZE(heap) - 1;
    int depth = 0, i, less;
    if (end < 0)
        return NULL;
    last = items[end];
    path[0] = 0;
    while (at < end >> 1) {
        child = 2 * at + 1;
        if (child + 1 < end) {
            less = PLAIN_LESS(items[child], items[child + 1]);
            if (less < 0)
                return NULL;
            child += !less;
        }
        path[++depth] = at = child;
    }
    while (depth > 0) {
        less = PLAIN_LESS(last, items[path[depth]]);
        if (less < 0)
            return NULL;
        if (!less)
            break;
        depth -= 1;
    }
    last = cascade_take_last(heap);
    if (last == NULL || end == 0)
        return last;
    items = cascade_list_items(heap);
    least = items[0];
    for (i = 0; i < depth; i++)
        items[path[i]] = items[path[i + 1]];
    items[path[depth]] = last;
    return least;
}

OP(HEAP_PUSH) { int done = cascade_heap_push(O(a), O(b)); if (done < 0) STOP(CASCADE_RAISED); if (!done) GO(f); NEXT; }
OP(HEAP_POP)
{
    PyObject *least = cascade_heap_pop(O(b));
    if (least == NULL) {
        if (PyErr_Occurred())
            STOP(CASCADE_RAISED);
        GO(f);
    }
    SET(a, least);
    NEXT;
}
