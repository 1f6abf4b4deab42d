/* Handlers of dicts: see cascade/instructions/families/mappings.py. Included by kernel.h.
 *
 * A key is *plain* where neither its hash nor its comparison with another plain key runs code of users: a str, a number, None, bytes,
 * a tuple of these (named tuples are some, too), and what is equal to itself only. A lookup runs as CPython's does, and stops at a key that is not plain and has
 * the hash that is looked for: CPython has to compare it. Names end in the kind of the key: an int in a register, a str, or any
 * object, which is looked at first. */

#define CASCADE_HOSTILE ((PyObject **)1)
#define IS_FOUND(slot) ((uintptr_t)(slot) > 1)

enum { CASCADE_NESTED = 8 };    /* tuples in tuples */

/* Whether it is a tuple with the hash and the comparison of all tuples. */
static inline int cascade_is_tuple_of_keys(PyTypeObject *type)
{
    return type == &PyTuple_Type || (PyType_HasFeature(type, Py_TPFLAGS_TUPLE_SUBCLASS) && type->tp_hash == PyTuple_Type.tp_hash
        && type->tp_richcompare == PyTuple_Type.tp_richcompare);
}

static int cascade_warns_of_bytes;      /* python -b: a comparison of bytes with a str warns, which may run code */

static int cascade_key_is_plain(PyObject *value, int depth)
{
    PyTypeObject *type = Py_TYPE(value);
    if (type == &PyUnicode_Type || type == &PyLong_Type || type == &PyFloat_Type || type == &PyBool_Type || value == Py_None)
        return 1;
    if (cascade_is_tuple_of_keys(type)) {
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++)
            if (depth == 0 || !cascade_key_is_plain(PyTuple_GET_ITEM(value, i), depth - 1))
                return 0;
        return 1;
    }
    if (type == &PyBytes_Type)
        return depth == CASCADE_NESTED || !cascade_warns_of_bytes;      /* inside of a tuple it may be compared with a str */
    return type->tp_hash == PyBaseObject_Type.tp_hash && type->tp_richcompare == PyBaseObject_Type.tp_richcompare;
}

#define IS_PLAIN(value) cascade_key_is_plain(value, CASCADE_NESTED)

/* hash() of a plain object; -1 where it is not plain. */
static Py_hash_t cascade_plain_hash(PyObject *value, int depth)
{
    Py_hash_t hash;
    if (PyLong_CheckExact(value) && cascade_is_short_int(value))
        return cascade_hash_int(cascade_short_int(value));
    if (PyUnicode_CheckExact(value) && (hash = cascade_str_hash(value)) != -1)
        return hash;
    if (cascade_is_tuple_of_keys(Py_TYPE(value)) && depth > 0) {
        Py_uhash_t sum = CASCADE_TUPLE_HASH;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++) {
            hash = cascade_plain_hash(PyTuple_GET_ITEM(value, i), depth - 1);
            if (hash == -1)
                return -1;
            sum = cascade_hash_item(sum, hash);
        }
        return cascade_hash_end(sum, PyTuple_GET_SIZE(value));
    }
    hash = cascade_key_is_plain(value, depth) ? PyObject_Hash(value) : -1;
    if (hash == -1)
        PyErr_Clear();
    return hash;
}

#define PLAIN_HASH(value) cascade_plain_hash(value, CASCADE_NESTED)

CASCADE_INLINE int cascade_same_text(PyObject *left, PyObject *right)
{
    return PyUnicode_GET_LENGTH(left) == PyUnicode_GET_LENGTH(right) && PyUnicode_KIND(left) == PyUnicode_KIND(right)
        && memcmp(PyUnicode_DATA(left), PyUnicode_DATA(right), (size_t)(PyUnicode_GET_LENGTH(left) * PyUnicode_KIND(left))) == 0;
}

/* Whether two objects are equal, one of them plain; -1 where CPython has to compare them. */
static __attribute__((noinline)) int cascade_same(PyObject *key, PyObject *plain)
{
    int same;
    if (PyUnicode_CheckExact(key) && PyUnicode_CheckExact(plain))
        return cascade_same_text(key, plain);
    if (PyFloat_CheckExact(key) && PyFloat_CheckExact(plain))
        return PyFloat_AS_DOUBLE(key) == PyFloat_AS_DOUBLE(plain);
    if (!IS_PLAIN(key) || PyBytes_CheckExact(key) != PyBytes_CheckExact(plain))
        return -1;
    same = PyObject_RichCompareBool(key, plain, Py_EQ);
    if (same < 0)
        PyErr_Clear();
    return same;
}

/* Whether a key is equal to an int; -1 where CPython has to compare them. */
static __attribute__((noinline)) int cascade_is_int_slowly(PyObject *key, int64_t wanted)
{
    int64_t number;
    if (PyLong_CheckExact(key) || PyBool_Check(key))
        return !cascade_int_of(key, &number) && number == wanted;
    if (PyFloat_CheckExact(key)) {
        double real = PyFloat_AS_DOUBLE(key);
        return real >= -0x1p63 && real < 0x1p63 && real == (double)(int64_t)real && (int64_t)real == wanted;
    }
    return IS_PLAIN(key) ? 0 : -1;
}

CASCADE_INLINE int cascade_is_int(PyObject *key, int64_t wanted)
{
    if (PyLong_CheckExact(key) && cascade_is_short_int(key))
        return cascade_short_int(key) == wanted;
    return cascade_is_int_slowly(key, wanted);
}

/* ---- Lookups in dicts: where the value stands, NULL where there is none, or CASCADE_HOSTILE ------------------------------ */

#define PROBE(keys, hash) \
    const size_t mask_ = ((size_t)1 << (keys)->log2_size) - 1; \
    size_t rest_ = (size_t)(hash), at = rest_ & mask_; \
    for (;; rest_ >>= CASCADE_PERTURB_SHIFT, at = (at * 5 + rest_ + 1) & mask_)

CASCADE_INLINE PyObject **cascade_find_int(PyObject *dict, int64_t wanted)
{
    const cascade_keys *keys = cascade_keys_of(dict);
    const Py_hash_t hash = cascade_hash_int(wanted);
    cascade_any_entry *entries = cascade_entries(keys, cascade_any_entry);
    if (keys->kind != CASCADE_ANY_KEYS)
        return NULL;
    PROBE(keys, hash) {
        Py_ssize_t number = cascade_entry_at(keys, at);
        if (number == CASCADE_FREE)
            return NULL;
        if (number >= 0 && entries[number].hash == hash) {
            int same = cascade_is_int(entries[number].key, wanted);
            if (same)
                return same > 0 ? &entries[number].value : CASCADE_HOSTILE;
        }
    }
}

/* A plain object. */
static __attribute__((noinline)) PyObject **cascade_find_hashed(PyObject *dict, PyObject *wanted, Py_hash_t hash)
{
    const cascade_keys *keys = cascade_keys_of(dict);
    cascade_any_entry *entries = cascade_entries(keys, cascade_any_entry);
    cascade_str_entry *texts = cascade_entries(keys, cascade_str_entry);
    const int any = keys->kind == CASCADE_ANY_KEYS;
    if (!any && !PyUnicode_CheckExact(wanted))
        return NULL;
    PROBE(keys, hash) {
        Py_ssize_t number = cascade_entry_at(keys, at);
        PyObject *key, **slot;
        int same;
        if (number == CASCADE_FREE)
            return NULL;
        if (number < 0)
            continue;
        key = any ? entries[number].key : texts[number].key;
        same = key == wanted;
        if (!same && (any ? entries[number].hash : cascade_str_hash(key)) == hash)
            same = cascade_same(key, wanted);
        if (same < 0)
            return CASCADE_HOSTILE;
        if (same) {
            slot = any ? &entries[number].value : &texts[number].value;
            if (keys->kind == CASCADE_SPLIT_KEYS)
                slot = &cascade_split_values(dict)[number];
            return *slot == NULL ? NULL : slot;
        }
    }
}

static __attribute__((noinline)) PyObject **cascade_find(PyObject *dict, PyObject *wanted)
{
    Py_hash_t hash = PLAIN_HASH(wanted);
    return hash == -1 ? CASCADE_HOSTILE : cascade_find_hashed(dict, wanted, hash);
}

CASCADE_INLINE PyObject **cascade_find_str(PyObject *dict, PyObject *wanted)
{
    const cascade_keys *keys = cascade_keys_of(dict);
    const Py_hash_t hash = cascade_str_hash(wanted);
    cascade_str_entry *entries = cascade_entries(keys, cascade_str_entry);
    if (hash == -1 || keys->kind != CASCADE_STR_KEYS)
        return cascade_find(dict, wanted);
    PROBE(keys, hash) {
        Py_ssize_t number = cascade_entry_at(keys, at);
        if (number == CASCADE_FREE)
            return NULL;
        if (number >= 0) {
            PyObject *key = entries[number].key;
            if (key == wanted || (cascade_str_hash(key) == hash && cascade_same_text(key, wanted)))
                return &entries[number].value;
        }
    }
}

/* ---- Tuples that are not made ----------------------------------------------------------------------------------------- */

/* The tuple of values of a gathering: ints, bools, None and str. Returns its hash, or -1 with an error set. */
static Py_hash_t cascade_hash_values(const cascade_gather *gather, cascade_register *r)
{
    Py_uhash_t sum = CASCADE_TUPLE_HASH;
    for (int32_t i = 0; i < gather->count; i++) {
        cascade_register value = r[(uint32_t)gather->sources[i].where];
        int32_t kind = gather->sources[i].kind;
        Py_hash_t hash;
        if (kind == 'i' || kind == 'b')
            hash = cascade_hash_int(value.i);
        else {
            hash = PyObject_Hash(kind == 'n' ? Py_None : (PyObject *)value.object);
            if (hash == -1)
                return -1;
        }
        sum = cascade_hash_item(sum, hash);
    }
    return cascade_hash_end(sum, gather->count);
}

/* Whether a key is equal to the tuple of values; -1 where CPython has to compare them. */
static int cascade_is_tuple(PyObject *key, const cascade_gather *gather, cascade_register *r)
{
    if (!PyTuple_CheckExact(key) || PyTuple_GET_SIZE(key) != gather->count)
        return IS_PLAIN(key) ? 0 : -1;
    for (int32_t i = 0; i < gather->count; i++) {
        cascade_register value = r[(uint32_t)gather->sources[i].where];
        PyObject *item = PyTuple_GET_ITEM(key, i), *wanted = (PyObject *)value.object;
        int32_t kind = gather->sources[i].kind;
        int same;
        if (kind == 'i' || kind == 'b')
            same = cascade_is_int(item, value.i);
        else {
            if (kind == 'n')
                wanted = Py_None;
            same = item == wanted ? 1 : cascade_same(item, wanted);
        }
        if (same <= 0)
            return same;
    }
    return 1;
}

static __attribute__((noinline)) PyObject **cascade_find_tuple(PyObject *dict, const cascade_gather *gather, cascade_register *r)
{
    const cascade_keys *keys = cascade_keys_of(dict);
    cascade_any_entry *entries = cascade_entries(keys, cascade_any_entry);
    Py_hash_t hash;
    if (keys->kind != CASCADE_ANY_KEYS)
        return NULL;
    hash = cascade_hash_values(gather, r);
    if (hash == -1) {
        PyErr_Clear();
        return CASCADE_HOSTILE;
    }
    PROBE(keys, hash) {
        Py_ssize_t number = cascade_entry_at(keys, at);
        if (number == CASCADE_FREE)
            return NULL;
        if (number >= 0 && entries[number].hash == hash) {
            int same = cascade_is_tuple(entries[number].key, gather, r);
            if (same)
                return same > 0 ? &entries[number].value : CASCADE_HOSTILE;
        }
    }
}

/* ---- Dicts ------------------------------------------------------------------------------------------------------------ */

/* Replaces a value as PyDict_SetItem does; 0 where that has to do it. */
static inline int cascade_replace(PyObject *dict, PyObject **slot, PyObject *value)
{
    PyObject *old = *slot;
    if (old == value)
        return 1;
    if (PyType_IS_GC(Py_TYPE(value)) && !PyObject_GC_IsTracked(dict) && !(PyTuple_CheckExact(value) && !PyObject_GC_IsTracked(value)))
        return 0;
    if (cascade_keys_of(dict)->kind == CASCADE_SPLIT_KEYS || !cascade_renew_version(dict))
        return 0;
    *slot = Py_NewRef(value);
    Py_DECREF(old);
    return 1;
}

static __attribute__((noinline)) int cascade_insert_int(PyObject *dict, int64_t key, PyObject *value)
{
    PyObject *made = PyLong_FromLongLong(key);
    int failed = made == NULL || cascade_put_item(dict, made, value, cascade_hash_int(key));
    Py_XDECREF(made);
    return failed;
}

static __attribute__((noinline)) int cascade_insert(PyObject *dict, PyObject *key, PyObject *value)
{
    return PyDict_SetItem(dict, key, value);
}

/* Stores; returns 1, 0 where CPython has to do it, or -1 with an error set. */
static __attribute__((noinline)) int cascade_store(PyObject *dict, PyObject *key, PyObject *value)
{
    Py_hash_t hash = PLAIN_HASH(key);
    PyObject **slot = hash == -1 ? CASCADE_HOSTILE : cascade_find_hashed(dict, key, hash);
    if (slot == CASCADE_HOSTILE)
        return 0;
    if (slot != NULL && cascade_replace(dict, slot, value))
        return 1;
    return cascade_put_item(dict, key, value, hash) < 0 ? -1 : 1;
}

/* Removes a key that was found, and returns its value; NULL with an error set where that fails. */
static PyObject *cascade_take_out(PyObject *dict, PyObject *key, PyObject **slot, Py_hash_t hash)
{
    PyObject *value = Py_NewRef(*slot);
    Py_INCREF(key);
    if (cascade_remove_item(dict, key, hash) < 0)
        Py_CLEAR(value);
    Py_DECREF(key);
    return value;
}

#define CASCADE_NOT_DONE ((PyObject *)CASCADE_HOSTILE)

/* d.pop(key, value), without a value: d.pop(key), of a plain key that is there. Others return CASCADE_NOT_DONE. */
static __attribute__((noinline)) PyObject *cascade_pop(PyObject *dict, PyObject *key, PyObject *value)
{
    Py_hash_t hash = PLAIN_HASH(key);
    PyObject **slot = hash == -1 ? CASCADE_HOSTILE : cascade_find_hashed(dict, key, hash);
    if (IS_FOUND(slot))
        return cascade_take_out(dict, key, slot, hash);
    return slot == CASCADE_HOSTILE || value == NULL ? CASCADE_NOT_DONE : Py_NewRef(value);
}

static __attribute__((noinline)) PyObject *cascade_pop_int(PyObject *dict, int64_t key, PyObject *value)
{
    PyObject **slot = cascade_find_int(dict, key);
    if (IS_FOUND(slot))
        return cascade_take_out(dict, slot[-1], slot, cascade_hash_int(key));
    return slot == CASCADE_HOSTILE || value == NULL ? CASCADE_NOT_DONE : Py_NewRef(value);
}

static __attribute__((noinline)) PyObject *cascade_default(PyObject *dict, PyObject *key, PyObject *value)
{
    Py_hash_t hash = PLAIN_HASH(key);
    PyObject **slot = hash == -1 ? CASCADE_HOSTILE : cascade_find_hashed(dict, key, hash);
    if (slot == NULL)
        return cascade_put_item(dict, key, value, hash) < 0 ? NULL : Py_NewRef(value);
    return slot == CASCADE_HOSTILE ? CASCADE_NOT_DONE : Py_NewRef(*slot);
}

static __attribute__((noinline)) PyObject *cascade_default_int(PyObject *dict, int64_t key, PyObject *value)
{
    PyObject **slot = cascade_find_int(dict, key);
    if (slot == NULL)
        return cascade_insert_int(dict, key, value) ? NULL : Py_NewRef(value);
    return slot == CASCADE_HOSTILE ? CASCADE_NOT_DONE : Py_NewRef(*slot);
}

#define STORE_OR(slot, dict, value, INSERT) \
    do { if ((slot) == NULL || !cascade_replace(dict, slot, value)) { if (INSERT) STOP(CASCADE_RAISED); } } while (0)

#define DICT_OF(SUFFIX, FIND, KEY, INSERT) \
    OP(DICT_ITEM##SUFFIX) { PyObject **slot = FIND(O(b), KEY(c)); if (!IS_FOUND(slot)) EXIT; SET(a, *slot); NEXT; } \
    OP(DICT_GET##SUFFIX) { PyObject **slot = FIND(O(b), KEY(c)); if (slot == CASCADE_HOSTILE) EXIT; \
        SET(a, slot == NULL ? O(d) : *slot); NEXT; } \
    OP(DICT_HOLDS##SUFFIX) { PyObject **slot = FIND(O(b), KEY(c)); if (slot == CASCADE_HOSTILE) EXIT; I(a) = slot != NULL; NEXT; } \
    OP(DICT_STORE##SUFFIX) { PyObject **slot = FIND(O(a), KEY(b)); if (slot == CASCADE_HOSTILE) EXIT; \
        STORE_OR(slot, O(a), O(c), INSERT(O(a), KEY(b), O(c))); NEXT; }
DICT_OF(_INT, cascade_find_int, I, cascade_insert_int)
DICT_OF(_STR, cascade_find_str, O, cascade_insert)

OP(DICT_ITEM) { PyObject **slot = cascade_find(O(b), O(c)); if (!IS_FOUND(slot)) GO(f); SET(a, Py_NewRef(*slot)); NEXT; }
OP(DICT_FIND_INT) { PyObject **slot = cascade_find_int(O(b), I(c)); if (!IS_FOUND(slot)) GO(f); SET(a, Py_NewRef(*slot)); NEXT; }
OP(DICT_HOLDS) { PyObject **slot = cascade_find(O(b), O(c)); if (slot == CASCADE_HOSTILE) GO(f); I(a) = slot != NULL; NEXT; }
OP(DICT_GET)
{
    PyObject **slot = cascade_find(O(b), O(c));
    if (slot == CASCADE_HOSTILE)
        GO(f);
    SET(a, Py_NewRef(slot == NULL ? O(d) : *slot));
    NEXT;
}
OP(DICT_STORE)
{
    int done = cascade_store(O(a), O(b), O(c));
    if (done < 0)
        STOP(CASCADE_RAISED);
    if (!done)
        GO(f);
    NEXT;
}

static __attribute__((noinline)) int cascade_insert_tuple(
    PyObject *dict, const cascade_gather *gather, cascade_register *r, PyObject *value)
{
    PyObject *made = cascade_build(gather, r, 0);
    int failed = made == NULL || PyDict_SetItem(dict, made, value);
    Py_XDECREF(made);
    return failed;
}

OP(DICT_ITEM_TUPLE)
{
    PyObject **slot = cascade_find_tuple(O(b), s->gathers[w->e], r);
    if (!IS_FOUND(slot))
        GO(f);
    SET(a, Py_NewRef(*slot));
    NEXT;
}
OP(DICT_GET_TUPLE)
{
    PyObject **slot = cascade_find_tuple(O(b), s->gathers[w->e], r);
    if (slot == CASCADE_HOSTILE)
        GO(f);
    SET(a, Py_NewRef(slot == NULL ? O(d) : *slot));
    NEXT;
}
OP(DICT_HOLDS_TUPLE)
{
    PyObject **slot = cascade_find_tuple(O(b), s->gathers[w->e], r);
    if (slot == CASCADE_HOSTILE)
        GO(f);
    I(a) = slot != NULL;
    NEXT;
}
OP(DICT_STORE_TUPLE)
{
    PyObject **slot = cascade_find_tuple(O(a), s->gathers[w->e], r);
    if (slot == CASCADE_HOSTILE)
        GO(f);
    STORE_OR(slot, O(a), O(c), cascade_insert_tuple(O(a), s->gathers[w->e], r, O(c)));
    NEXT;
}
#define CHECK_DONE(value) do { if ((value) == NULL) STOP(CASCADE_RAISED); if ((value) == CASCADE_NOT_DONE) GO(f); } while (0)
#define CHANGES_OF(SUFFIX, KEY, POP, DEFAULT) \
    OP(DICT_SET_DEFAULT##SUFFIX) { PyObject *v = DEFAULT(O(b), KEY(c), O(d)); CHECK_DONE(v); SET(a, v); NEXT; } \
    OP(DICT_POP##SUFFIX) { PyObject *v = POP(O(b), KEY(c), NULL); CHECK_DONE(v); SET(a, v); NEXT; } \
    OP(DICT_POP_OR##SUFFIX) { PyObject *v = POP(O(b), KEY(c), O(d)); CHECK_DONE(v); SET(a, v); NEXT; } \
    OP(DICT_DELETE##SUFFIX) { PyObject *v = POP(O(a), KEY(b), NULL); CHECK_DONE(v); Py_DECREF(v); NEXT; }
CHANGES_OF(, O, cascade_pop, cascade_default)
CHANGES_OF(_INT, I, cascade_pop_int, cascade_default_int)
OP(DICT_SIZE) { I(a) = PyDict_GET_SIZE(O(b)); NEXT; }

/* A new dict of the keys and values of a gathering, which are plain keys. */
/* Drops the references that the container has taken; where it was not made, owned registers keep theirs. */
static PyObject *cascade_built(const cascade_gather *gather, PyObject **values, int32_t count, PyObject *made, int failed)
{
    if (failed) {
        cascade_unbox_all(gather, values, count);
        Py_CLEAR(made);
    }
    else
        while (count-- > 0)
            Py_DECREF(values[count]);
    return made;
}

static __attribute__((noinline)) PyObject *cascade_build_dict(const cascade_gather *gather, cascade_register *r)
{
    PyObject *values[CASCADE_GATHER_LIMIT], *made = PyDict_New();
    int32_t i, count = made == NULL ? 0 : cascade_box_all(gather, r, values);
    int failed = made == NULL || count < gather->count;
    for (i = 0; !failed && i < count; i += 2)
        failed = PyDict_SetItem(made, values[i], values[i + 1]) < 0;
    return cascade_built(gather, values, count, made, failed);
}

static __attribute__((noinline)) PyObject *cascade_build_set(const cascade_gather *gather, cascade_register *r)
{
    PyObject *values[CASCADE_GATHER_LIMIT], *made = PySet_New(NULL);
    int32_t i, count = made == NULL ? 0 : cascade_box_all(gather, r, values);
    int failed = made == NULL || count < gather->count;
    for (i = 0; !failed && i < count; i++)
        failed = PySet_Add(made, values[i]) < 0;
    return cascade_built(gather, values, count, made, failed);
}

OP(BUILD_DICT) { PyObject *v = cascade_build_dict(s->gathers[w->e], r); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }
OP(BUILD_SET) { PyObject *v = cascade_build_set(s->gathers[w->e], r); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }

/* Whether an instance of a subclass gets its items (0), sets them (1), or looks keys up (2), as a dict does. */
static inline int cascade_does_as_dict(PyTypeObject *type, int32_t what)
{
    static const char *const texts[] = {"__getitem__", "__setitem__", "__contains__"};
    static PyObject *names[3], *methods[3];
    if (names[what] == NULL) {
        names[what] = PyUnicode_InternFromString(texts[what]);
        if (names[what] == NULL) {
            PyErr_Clear();
            return 0;
        }
        methods[what] = cascade_find_in_class(&PyDict_Type, names[what]);
    }
    return cascade_find_in_class(type, names[what]) == methods[what];
}

OP(EXPECT_DICT) { if (!cascade_does_as_dict(Py_TYPE(O(a)), w->e)) GO(f); NEXT; }

/* ---- Default dicts ---------------------------------------------------------------------------------------------------- */

static PyObject *cascade_made_by(PyObject *factory)
{
    void *type = factory;
    if (type == &PyList_Type)
        return PyList_New(0);
    if (type == &PyLong_Type)
        return PyLong_FromLong(0);
    if (type == &PyFloat_Type)
        return PyFloat_FromDouble(0.0);
    if (type == &PySet_Type)
        return PySet_New(NULL);
    if (type == &PyDict_Type)
        return PyDict_New();
    return type == &PyUnicode_Type ? PyUnicode_FromString("") : NULL;
}

/* The new value of a plain key that a defaultdict does not have; NULL where CPython has to make it. */
static __attribute__((noinline)) PyObject *cascade_add_default(PyObject *dict, PyObject *key)
{
    PyObject *value = cascade_made_by(cascade_default_factory(dict));
    if (value == NULL || cascade_insert(dict, key, value)) {
        PyErr_Clear();
        Py_CLEAR(value);
    }
    return value;
}

static __attribute__((noinline)) PyObject *cascade_add_default_int(PyObject *dict, int64_t key)
{
    PyObject *made = PyLong_FromLongLong(key), *value = NULL;
    if (made == NULL)
        PyErr_Clear();
    else
        value = cascade_add_default(dict, made);
    Py_XDECREF(made);
    return value;
}

#define DEFAULT_ITEM_OF(SUFFIX, FIND, KEY, ADD) \
    OP(DEFAULT_ITEM##SUFFIX) \
    { \
        PyObject **slot = FIND(O(b), KEY(c)), *value; \
        if (slot == CASCADE_HOSTILE) \
            GO(f); \
        value = slot == NULL ? ADD(O(b), KEY(c)) : Py_NewRef(*slot); \
        if (value == NULL) \
            GO(f); \
        SET(a, value); \
        NEXT; \
    }
DEFAULT_ITEM_OF(_INT, cascade_find_int, I, cascade_add_default_int)
DEFAULT_ITEM_OF(, cascade_find, O, cascade_add_default)

/* ---- Iterators -------------------------------------------------------------------------------------------------------- */

/* Calls a method of a built-in class by its name, which is made once. */
static PyObject *cascade_method(PyObject **name, const char *text, PyObject *self, PyObject *argument)
{
    if (*name == NULL && (*name = PyUnicode_InternFromString(text)) == NULL)
        return NULL;
    return argument == NULL ? PyObject_CallMethodNoArgs(self, *name) : PyObject_CallMethodOneArg(self, *name, argument);
}

/* A new iterator over the values (1) or items (2) of a dict, or over its keys. */
static __attribute__((noinline)) PyObject *cascade_iterate_dict(PyObject *dict, int32_t kind)
{
    static PyObject *values, *items;
    PyObject *view, *iterator;
    if (kind == 0)
        return PyDict_Type.tp_iter(dict);
    view = kind == 1 ? cascade_method(&values, "values", dict, NULL) : cascade_method(&items, "items", dict, NULL);
    iterator = view == NULL ? NULL : PyObject_GetIter(view);
    Py_XDECREF(view);
    return iterator;
}

OP(ITERATE_DICT) { PyObject *v = cascade_iterate_dict(O(b), w->e); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }
OP(ITERATE) { PyObject *v = PyObject_GetIter(O(b)); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }

/* The next key, at `slot[-1]`, and value of an iterator; NULL at the end. CASCADE_HOSTILE: the dict has changed, or its table is split. */
CASCADE_INLINE PyObject **cascade_next_entry(cascade_dict_iterator *over)
{
    const cascade_keys *keys;
    PyObject **slot = NULL;
    Py_ssize_t at = over->position;
    if (over->dict == NULL)
        return NULL;
    keys = cascade_keys_of(over->dict);
    if (over->used != PyDict_GET_SIZE(over->dict) || keys->kind == CASCADE_SPLIT_KEYS)
        return CASCADE_HOSTILE;
    for (; at < keys->count; at++) {
        slot = keys->kind == CASCADE_ANY_KEYS
            ? &cascade_entries(keys, cascade_any_entry)[at].value : &cascade_entries(keys, cascade_str_entry)[at].value;
        if (*slot != NULL)
            break;
    }
    if (at >= keys->count)
        return NULL;
    if (over->left == 0)
        return CASCADE_HOSTILE;
    over->position = at + 1;
    over->left -= 1;
    return slot;
}

static __attribute__((noinline)) PyObject *cascade_next(PyObject *iterator)
{
    return Py_TYPE(iterator)->tp_iternext(iterator);
}

/* What CPython's own step returns is borrowed from the dict from here on. */
#define NEXT_OR(iterator, found) \
    do { found = cascade_next(iterator); \
        if (found == NULL) { if (PyErr_Occurred()) STOP(CASCADE_RAISED); GO(f); } \
        Py_DECREF(found); } while (0)

#define NEXT_OF_DICT(NAME, PLACE) \
    OP(NAME) \
    { \
        PyObject **slot = cascade_next_entry((cascade_dict_iterator *)O(b)), *found; \
        if (slot == NULL) \
            GO(f); \
        if (slot == CASCADE_HOSTILE) \
            NEXT_OR(O(b), found); \
        else \
            found = slot[PLACE]; \
        SET(a, found); \
        NEXT; \
    }
NEXT_OF_DICT(NEXT_KEY, -1) NEXT_OF_DICT(NEXT_VALUE, 0)

OP(NEXT_ITEM)
{
    PyObject **slot = cascade_next_entry((cascade_dict_iterator *)O(b)), *pair;
    if (slot == NULL)
        GO(f);
    if (slot == CASCADE_HOSTILE) {
        pair = cascade_next(O(b));
        if (pair == NULL) {
            if (PyErr_Occurred())
                STOP(CASCADE_RAISED);
            GO(f);
        }
        SET(a, PyTuple_GET_ITEM(pair, 0));
        SET(c, PyTuple_GET_ITEM(pair, 1));
        Py_DECREF(pair);
        NEXT;
    }
    SET(a, slot[-1]);
    SET(c, slot[0]);
    NEXT;
}

OP(NEXT_OBJECT)
{
    PyObject *found = cascade_next(O(b));
    if (found == NULL) {
        if (PyErr_Occurred())
            STOP(CASCADE_RAISED);
        GO(f);
    }
    SET(a, found);
    NEXT;
}
