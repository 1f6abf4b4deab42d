/* Handlers of attributes and methods of objects: see cascade/instructions/families/attributes.py. Included by kernel.h.
 *
 * `s->gathers[w->e]` is the site: its function is the name of the attribute. Its `keys` is, of tests for absence, the number of those,
 * shared by the instances of the class, among which the name is known not to be; of loads the number of an entry.
 */

#define TAG_OF(x) cascade_class_tag(x)

OP(EXPECT_TAG) { if (TAG_OF(Py_TYPE(O(a))) != (unsigned int)w->e) GO(f); NEXT; }
OP(EXPECT_OWN_TAG) { if (TAG_OF((PyTypeObject *)O(a)) != (unsigned int)w->e) GO(f); NEXT; }

/* ---- Loads: all results are borrowed from the instance ------------------------------------------------------------- */

#define SLOT_OF(object, offset) (*(PyObject **)((char *)(object) + (offset)))

/* An item of the instance's dict; NULL for none, or where looking it up might run code of users. */
static __attribute__((noinline)) PyObject *cascade_dict_item(PyObject *object, PyObject *name)
{
    PyObject *dict = cascade_instance_dict(object), **slot;
    if (dict == NULL || !cascade_has_plain_keys(dict))
        return NULL;
    slot = cascade_find_str(dict, name);
    return IS_FOUND(slot) ? *slot : NULL;
}

/* An entry of a dict of names, where it was found last; NULL where it stands elsewhere, or the dict is another kind of table. */
static inline cascade_str_entry *cascade_entry_again(PyObject *dict, PyObject *name, int64_t number)
{
    const cascade_keys *keys = cascade_keys_of(dict);
    cascade_str_entry *entries = cascade_entries(keys, cascade_str_entry);
    return PyDict_CheckExact(dict) && keys->kind == CASCADE_STR_KEYS && number < keys->count && entries[number].key == name
        && entries[number].value != NULL ? &entries[number] : NULL;
}

/* The number of the entry at a place; 0 where a dict is another kind of table. */
static inline int64_t cascade_entry_number(PyObject *dict, PyObject **slot)
{
    const cascade_keys *keys = cascade_keys_of(dict);
    return keys->kind == CASCADE_STR_KEYS ? (cascade_str_entry *)(slot - 1) - cascade_entries(keys, cascade_str_entry) : 0;
}

/* Notes for the next dict where the entry of a site's name stands: its number, and for machine code its distance from the start of the keys
 * of such a table. */
static void cascade_note_entry(cascade_gather *site, PyObject *dict, PyObject **slot)
{
    const cascade_keys *keys = cascade_keys_of(dict);
    site->keys = cascade_entry_number(dict, slot);
    site->table = cascade_table_of(keys);
    site->entry_at = (char *)(slot - 1) - (char *)keys;
}

/* The place of a site's name in a dict of names; NULL where it is not there, or another kind of table. */
CASCADE_INLINE PyObject **cascade_site_slot(cascade_gather *site, PyObject *dict)
{
    cascade_str_entry *entry = cascade_entry_again(dict, site->function, site->keys);
    PyObject **slot;
    if (entry != NULL)
        return &entry->value;
    if (!PyDict_CheckExact(dict) || cascade_keys_of(dict)->kind != CASCADE_STR_KEYS)
        return NULL;
    slot = cascade_find_str(dict, site->function);
    if (!IS_FOUND(slot))
        return NULL;
    cascade_note_entry(site, dict, slot);
    return slot;
}

/* The same of an instance's dict of any kind: the value. */
static __attribute__((noinline)) PyObject *cascade_site_item(cascade_gather *site, PyObject *object)
{
    PyObject *dict = cascade_instance_dict(object), **slot;
    if (dict == NULL)
        return NULL;
    slot = cascade_site_slot(site, dict);
    return slot != NULL ? *slot : cascade_dict_item(object, site->function);
}

/* Whether an instance of a class that shares keys has no attribute of the site's name. */
static __attribute__((noinline)) int cascade_lacks_item(cascade_gather *site, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject *dict = cascade_instance_dict(object), **values;
    Py_ssize_t index;
    if (dict != NULL)
        return cascade_has_plain_keys(dict) && cascade_dict_item(object, site->function) == NULL;
    if (cascade_shared_keys(type) == NULL)
        return 1;       /* it has got no dict yet */
    index = cascade_value_index(type, site->function);
    if (index < 0)
        site->keys = cascade_shared_keys(type)->count;
    values = cascade_values(object);
    return index < 0 || (values != NULL && values[index] == NULL);
}

OP(ATTRIBUTE_SLOT) { PyObject *v = SLOT_OF(O(b), w->c); if (v == NULL) GO(f); SET(a, v); NEXT; }
OP_APART(ATTRIBUTE_ANYWHERE)
{
    PyObject *v = cascade_site_item(s->gathers[w->e], O(b));
    if (v == NULL)
        GO(f);
    SET(a, v);
    NEXT;
}
OP(ATTRIBUTE_VALUE)
{
    PyObject **values = cascade_values(O(b)), *dict;
    cascade_str_entry *entry;
    if (values != NULL) {
        if (values[w->c] == NULL)
            GO(f);
        SET(a, values[w->c]);
        NEXT;
    }
    dict = cascade_managed_dict(O(b));
    entry = dict == NULL ? NULL : cascade_entry_again(dict, s->gathers[w->e]->function, s->gathers[w->e]->keys);
    if (entry == NULL)
        CASCADE_MUSTTAIL return cascade_op_ATTRIBUTE_ANYWHERE(w, r, fuel, s);
    SET(a, entry->value);
    NEXT;
}
OP(ATTRIBUTE_ITEM) { CASCADE_MUSTTAIL return cascade_op_ATTRIBUTE_ANYWHERE(w, r, fuel, s); }
/* The classes' tags have been tested: what is found is what was found when this was translated. */
OP(CLASS_ITEM)
{
    PyObject *v = cascade_find_in_class(Py_TYPE(O(b)), s->gathers[w->e]->function);
    if (v == NULL)
        EXIT;
    SET(a, v);
    NEXT;
}
OP(OWN_ITEM)
{
    PyObject *v = cascade_find_in_class((PyTypeObject *)O(b), s->gathers[w->e]->function);
    if (v == NULL)
        EXIT;
    SET(a, v);
    NEXT;
}
OP(EXPECT_NO_VALUE)
{
    cascade_gather *site = s->gathers[w->e];
    PyObject *v = O(a);
    if ((cascade_values(v) == NULL || cascade_shared_keys(Py_TYPE(v))->count != site->keys) && !cascade_lacks_item(site, v))
        GO(f);
    NEXT;
}
OP(EXPECT_NO_ITEM) { if (!cascade_lacks_item(s->gathers[w->e], O(a))) GO(f); NEXT; }

/* ---- Stores ---------------------------------------------------------------------------------------------------------- */

/* Puts a value whose reference is passed on where another one is. The old value, whose end may run code of users, goes to d. */
#define REPLACE(place, value) \
    do { PyObject *old_ = (place); \
        (place) = (value); \
        if (!cascade_dies_plainly(old_)) { SET(d, old_); GO(f); } \
        Py_DECREF(old_); NEXT; } while (0)

/* Sets an attribute that the instance may not have; the value's reference is passed on. Returns -1 with an error set, then it is
 * not; else the old value is in `old`, or NULL. */
static __attribute__((noinline)) int cascade_set_attribute(PyObject *object, PyObject *name, PyObject *value, PyObject **old)
{
    PyObject **values = cascade_shared_keys(Py_TYPE(object)) != NULL ? cascade_values(object) : NULL;
    Py_ssize_t index = values != NULL ? cascade_value_index(Py_TYPE(object), name) : -1;
    PyObject *found = index >= 0 ? values[index] : values != NULL ? NULL : cascade_dict_item(object, name);
    Py_XINCREF(found);
    if (PyObject_GenericSetAttr(object, name, value) < 0) {
        Py_XDECREF(found);
        return -1;
    }
    Py_DECREF(value);
    *old = found;
    return 0;
}

static __attribute__((noinline)) PyObject *cascade_set_slowly(cascade_gather *site, PyObject *object, PyObject *value)
{
    PyObject *dict = cascade_instance_dict(object), *old;
    PyObject **slot = dict == NULL ? NULL : cascade_site_slot(site, dict);
    if (slot != NULL) {
        old = Py_NewRef(*slot);
        if (cascade_replace(dict, slot, value)) {
            Py_DECREF(value);
            return old;
        }
        Py_DECREF(old);
    }
    return cascade_set_attribute(object, site->function, value, &old) < 0 ? value : old;
}

/* Of every kind of value: `make` gives a new reference. */
#define STORES(NAME, make) \
    OP(STORE_SLOT_##NAME) \
    { \
        PyObject **place = &SLOT_OF(O(a), w->c), *made; \
        OVERWRITE_##NAME(*place); \
        made = make; \
        if (made == NULL) \
            STOP(CASCADE_RAISED); \
        if (*place == NULL) { \
            *place = made; \
            NEXT; \
        } \
        REPLACE(*place, made); \
    } \
    OP(STORE_VALUE_##NAME) \
    { \
        PyObject *object = O(a), **values = cascade_own_values(object), *made, *old; \
        if (values != NULL) { \
            PyObject **place = &values[w->c]; \
            OVERWRITE_##NAME(*place); \
            made = make; \
            if (made == NULL) \
                STOP(CASCADE_RAISED); \
            if (*place == NULL) { \
                *place = made; \
                cascade_note_insertion(object, values, w->c); \
                NEXT; \
            } \
            REPLACE(*place, made); \
        } \
        if (!cascade_sets_plainly(object)) \
            EXIT; \
        made = make; \
        if (made == NULL) \
            STOP(CASCADE_RAISED); \
        old = cascade_set_slowly(s->gathers[w->e], object, made); \
        SETTLE_##NAME(made, old); \
    } \
    OP(STORE_ITEM_##NAME) \
    { \
        PyObject *object = O(a), *made, *old; \
        if (!cascade_sets_plainly(object)) \
            EXIT; \
        made = make; \
        if (made == NULL) \
            STOP(CASCADE_RAISED); \
        old = cascade_set_slowly(s->gathers[w->e], object, made); \
        SETTLE_##NAME(made, old); \
    }

/* A float that nobody else holds takes the new value in place. */
#define OVERWRITE_FLOAT(place) \
    do { PyObject *held_ = (place); \
        if (held_ != NULL && PyFloat_CheckExact(held_) && Py_REFCNT(held_) == 1) { \
            ((PyFloatObject *)held_)->ob_fval = D(b); \
            NEXT; \
        } } while (0)
/* So does an int. */
#define OVERWRITE_INT(place) \
    do { PyObject *held_ = (place); \
        if (held_ != NULL && PyLong_CheckExact(held_) && Py_REFCNT(held_) == 1 && cascade_may_hold(held_, I(b))) { \
            cascade_set_int(held_, I(b)); \
            NEXT; \
        } } while (0)
#define OVERWRITE_BOOL(place)
#define OVERWRITE_OWNED(place)
#define OVERWRITE_BORROWED(place)

/* Behind a store by CPython: it has failed where the value itself came back. */
#define SETTLE(made, old, undo) \
    do { if ((old) == (made) && PyErr_Occurred()) { undo; STOP(CASCADE_RAISED); } \
        if ((old) == NULL) NEXT; \
        if (cascade_dies_plainly(old)) { Py_DECREF(old); NEXT; } \
        SET(d, old); GO(f); } while (0)
#define SETTLE_FLOAT(made, old) SETTLE(made, old, Py_DECREF(made))
#define SETTLE_INT(made, old) SETTLE(made, old, Py_DECREF(made))
#define SETTLE_BOOL(made, old) SETTLE(made, old, Py_DECREF(made))
#define SETTLE_OWNED(made, old) SETTLE(made, old, )
#define SETTLE_BORROWED(made, old) SETTLE(made, old, Py_DECREF(made))

STORES(FLOAT, PyFloat_FromDouble(D(b)))
STORES(INT, PyLong_FromLongLong(I(b)))
STORES(BOOL, Py_NewRef(I(b) ? Py_True : Py_False))
STORES(OWNED, O(b))
STORES(BORROWED, Py_NewRef(O(b)))

/* ---- Methods by super() ---------------------------------------------------------------------------------------------- */

/* Whether `super(class, object)` finds a method: `expected` is the class, the name and the method. */
static __attribute__((noinline)) int cascade_is_super(cascade_gather *site, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    PyObject *order = type->tp_mro, **expected = cascade_tuple_items(site->function), *found = NULL;
    Py_ssize_t i = 0, count = order == NULL ? 0 : PyTuple_GET_SIZE(order);
    if (PyType_Check(object))
        return 0;
    while (i < count && PyTuple_GET_ITEM(order, i) != expected[0])
        i++;
    for (i++; i < count && found == NULL; i++) {
        PyObject *names = cascade_class_dict((PyTypeObject *)PyTuple_GET_ITEM(order, i));
        found = names == NULL ? NULL : PyDict_GetItemWithError(names, expected[1]);
        Py_XDECREF(names);
    }
    if (found == NULL || found != expected[2]) {
        PyErr_Clear();
        return 0;
    }
    cascade_find_in_class(type, expected[1]);       /* gives the class a tag */
    site->table = site->keys;
    site->keys = cascade_class_tag(type);
    return 1;
}

/* The tags of the last two classes for which it does are kept: a change of a class, or of one that it inherits, gives it another one. */
OP(EXPECT_SUPER)
{
    cascade_gather *site = s->gathers[w->e];
    int64_t tag = TAG_OF(Py_TYPE(O(a)));
    if ((tag == 0 || (tag != site->keys && tag != site->table)) && !cascade_is_super(site, O(a)))
        GO(f);
    NEXT;
}

/* ---- Names ---------------------------------------------------------------------------------------------------------- */

/* `d` is the number of the entry where the name was found last. */
static __attribute__((noinline)) PyObject *cascade_name_item(cascade_word *w, PyObject *dict, PyObject *name)
{
    PyObject **slot = cascade_has_plain_keys(dict) ? cascade_find_str(dict, name) : NULL;
    if (!IS_FOUND(slot))
        return NULL;
    w->d = (int32_t)cascade_entry_number(dict, slot);
    return *slot;
}
OP(NAME_ITEM)
{
    cascade_str_entry *entry = cascade_entry_again(O(b), O(c), w->d);
    PyObject *v = entry != NULL ? entry->value : cascade_name_item((cascade_word *)w, O(b), O(c));
    if (v == NULL)
        EXIT;
    SET(a, v);
    NEXT;
}
OP(NAME_STORE)
{
    if (!cascade_has_plain_keys(O(b)))
        EXIT;
    PyObject **slot = cascade_find_str(O(b), O(c)), *old = IS_FOUND(slot) ? Py_NewRef(*slot) : NULL;
    if ((old == NULL || !cascade_replace(O(b), slot, O(a))) && PyDict_SetItem(O(b), O(c), O(a)) != 0)
        STOP(CASCADE_RAISED);
    Py_XDECREF(old);
    NEXT;
}

/* ---- Construction ----------------------------------------------------------------------------------------------------- */

static inline PyObject *cascade_no_arguments(void)
{
    static PyObject *none;
    if (none == NULL)
        none = PyTuple_New(0);
    return none;
}

OP(NEW_INSTANCE)
{
    PyObject *made = cascade_bare_instance((PyTypeObject *)O(b), cascade_no_arguments());
    if (made == NULL) {
        if (!PyErr_Occurred())
            EXIT;
        STOP(CASCADE_RAISED);
    }
    SET(a, made);
    NEXT;
}

static __attribute__((noinline)) void cascade_refuse_result(PyObject *result)
{
    PyErr_Format(PyExc_TypeError, "__init__() should return None, not '%.200s'", Py_TYPE(result)->tp_name);
}

OP(EXPECT_INITIALISED)
{
    if (O(a) != Py_None) {
        cascade_refuse_result(O(a));
        STOP(CASCADE_RAISED);
    }
    NEXT;
}

OP(EXPECT_CODE) { if (cascade_guarded(2, O(a)) != O(b)) GO(f); NEXT; }

/* As tuple.__new__ does for a subclass. */
static __attribute__((noinline)) PyObject *cascade_build_named(PyTypeObject *type, const cascade_gather *gather, cascade_register *r)
{
    PyObject *made = type->tp_alloc(type, gather->count);
    int32_t count;
    if (made == NULL)
        return NULL;
    count = cascade_box_all(gather, r, cascade_tuple_items(made));
    if (count == gather->count)
        return made;
    cascade_unbox_all(gather, cascade_tuple_items(made), count);
    while (count-- > 0)
        cascade_tuple_items(made)[count] = NULL;
    Py_DECREF(made);
    return NULL;
}

OP(BUILD_NAMED_TUPLE)
{
    PyObject *made = cascade_build_named((PyTypeObject *)O(b), s->gathers[w->e], r);
    if (made == NULL)
        STOP(CASCADE_RAISED);
    SET(a, made);
    NEXT;
}
