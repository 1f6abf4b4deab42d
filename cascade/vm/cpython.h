/* Everything that the extension uses of CPython beyond its documented C-API, and nothing else: names with an underscore,
 * undocumented fields of structs, and slots of types that are changed after they were made. The parts of the extension call
 * the functions here; no other file reads a struct of CPython's.
 *
 * Where versions differ, there is one block for each version that brought a change. The assumptions that can be checked are checked
 * when the module is imported (see the end of this file, and self_test.pxi): another CPython is refused with an ImportError.
 */

#ifndef CASCADE_CPYTHON_H
#define CASCADE_CPYTHON_H

#include <Python.h>
#include <stdint.h>
#include <structmember.h>

#if PY_VERSION_HEX < 0x030B0000
#error "Cascade needs CPython 3.11 or later"
#endif

/* ---- Changes in 3.12 ---------------------------------------------------------------------------------------------- */

#if PY_VERSION_HEX >= 0x030C0000

/* PyInterpreterState, for `cascade_has_tool`. */
#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE 1
#endif
#undef _PyGC_FINALIZED
#include <internal/pycore_interp.h>

/* PyThreadState: the depth of calls of Python functions that remains for this thread. Calls of C functions are counted apart. */
#define CASCADE_RECURSION_REMAINING py_recursion_remaining

#define cascade_raised PyErr_GetRaisedException

/* sum() adds the errors of the additions of floats. */
#define CASCADE_SUMS_ERRORS 1

/* PyLongObject.long_value: documented as PyUnstable_Long_IsCompact and PyUnstable_Long_CompactValue. */
#define cascade_is_short_int(value) PyUnstable_Long_IsCompact((PyLongObject *)(value))
#define cascade_short_int(value) ((int64_t)PyUnstable_Long_CompactValue((PyLongObject *)(value)))

/* PyLongObject.long_value: a digit, and a tag that has 0, 1 or 2 for a positive, zero or negative int. */
static inline void cascade_set_digit(PyObject *number, digit value, int negative) {
    ((PyLongObject *)number)->long_value.ob_digit[0] = value;
    ((PyLongObject *)number)->long_value.lv_tag = ((uintptr_t)1 << 3) | (negative ? 2 : 0);
}

#else

/* PyLongObject: its size has the sign. */
static inline void cascade_set_digit(PyObject *number, digit value, int negative) {
    ((PyLongObject *)number)->ob_digit[0] = value;
    Py_SET_SIZE((PyVarObject *)number, negative ? -1 : 1);
}

#define CASCADE_SUMS_ERRORS 0

/* PyLongObject: an int of one digit, or 0. */
#define cascade_is_short_int(value) ((size_t)(Py_SIZE(value) + 1) <= 2)
#define cascade_short_int(value) ((int64_t)(Py_SIZE(value) * (Py_ssize_t)((PyLongObject *)(value))->ob_digit[0]))

/* 3.11: the remaining depth of calls, of Python functions and of C functions. */
#define CASCADE_RECURSION_REMAINING recursion_remaining

/* Documented since 3.12: the exception that is set, which is cleared. */
static PyObject *cascade_raised(void) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(value, traceback);
        Py_DECREF(traceback);
    }
    Py_XDECREF(type);
    return value;
}

#endif

/* ---- Changes in 3.13 ---------------------------------------------------------------------------------------------- */

#if PY_VERSION_HEX >= 0x030D0000

#define cascade_get_optional_attribute PyObject_GetOptionalAttr

/* struct _dictvalues: four numbers of a byte stand before the values. */
#define CASCADE_VALUES_AT sizeof(PyObject *)

/* Exported, and declared in internal headers only. */
PyAPI_FUNC(int) _PyDict_SetItem_KnownHash(PyObject *dict, PyObject *key, PyObject *value, Py_hash_t hash);
PyAPI_FUNC(int) _PyDict_DelItem_KnownHash(PyObject *dict, PyObject *key, Py_hash_t hash);

/* PyTypeObject.tp_version_tag is 0 where a class has none. */
#define CASCADE_HAS_TAG(type) 1
enum { CASCADE_TAGS_HAVE_FLAG = 0 };

#else

/* Documented since 3.13 under another name: an attribute; without an AttributeError where there is none. */
#define cascade_get_optional_attribute _PyObject_LookupAttr

#define CASCADE_VALUES_AT 0

/* Up to 3.12, tp_version_tag keeps an old number when it is no longer valid. */
#define CASCADE_HAS_TAG(type) PyType_HasFeature((type), Py_TPFLAGS_VALID_VERSION_TAG)
enum { CASCADE_TAGS_HAVE_FLAG = 1 };

#endif

/* The values of an instance whose class keeps its attributes in an array, in the order of the class's shared keys: NULL where it has
 * a dict in their place. Behind (3.13) or before the values stand the indices of those that are set, in the order of insertion.
 *
 * 3.13: they are a part of the instance. 3.12: a pointer to them, or to a dict, tagged. 3.11: two pointers, one of which is NULL. */
enum cascade_values_place { CASCADE_BEHIND_A_POINTER, CASCADE_BEHIND_A_TAGGED_POINTER, CASCADE_IN_THE_INSTANCE };
enum { CASCADE_MANAGED_DICT_AT = -3 * (int)sizeof(PyObject *) };  /* that dict */

#if PY_VERSION_HEX >= 0x030D0000

struct cascade_values { uint8_t capacity, size, embedded, valid; PyObject *values[1]; };

/* Where the first value stands, from the address that tells whether there are values. */
#define CASCADE_VALUES_BEHIND ((int64_t)(sizeof(PyObject) + offsetof(struct cascade_values, values)))
#define CASCADE_VALUES_VALID_AT (sizeof(PyObject) + offsetof(struct cascade_values, valid))
#define CASCADE_VALUES_ARE CASCADE_IN_THE_INSTANCE
enum { CASCADE_VALUES_POINTER_AT = -3 * (int)sizeof(PyObject *) };

#define CASCADE_KEEPS_VALUES(type) PyType_HasFeature((type), Py_TPFLAGS_INLINE_VALUES)

static inline PyObject **cascade_values(PyObject *object) {
    struct cascade_values *held = (struct cascade_values *)((char *)object + sizeof(PyObject));
    return held->valid ? held->values : NULL;
}

/* Those that may be stored: no dict shows them. */
static inline PyObject **cascade_own_values(PyObject *object) {
    return ((PyObject **)object)[-3] == NULL ? cascade_values(object) : NULL;
}

static inline void cascade_note_insertion(PyObject *object, PyObject **values, Py_ssize_t index) {
    struct cascade_values *held = (struct cascade_values *)((char *)object + sizeof(PyObject));
    ((uint8_t *)&values[held->capacity])[held->size++] = (uint8_t)index;
}

static inline PyObject *cascade_managed_dict(PyObject *object) {
    return ((PyObject **)object)[-3];
}

#else

#define CASCADE_KEEPS_VALUES(type) PyType_HasFeature((type), Py_TPFLAGS_MANAGED_DICT)

#if PY_VERSION_HEX >= 0x030C0000
#define CASCADE_VALUES_BEHIND 1
#define CASCADE_VALUES_VALID_AT 0
#define CASCADE_VALUES_ARE CASCADE_BEHIND_A_TAGGED_POINTER
enum { CASCADE_VALUES_POINTER_AT = -3 * (int)sizeof(PyObject *) };
static inline PyObject **cascade_values(PyObject *object) {
    char *held = ((char **)object)[-3];
    return (uintptr_t)held & 1 ? (PyObject **)(held + 1) : NULL;
}

static inline PyObject *cascade_managed_dict(PyObject *object) {
    PyObject *held = ((PyObject **)object)[-3];
    return (uintptr_t)held & 1 ? NULL : held;
}
#else
#define CASCADE_VALUES_BEHIND 0
#define CASCADE_VALUES_VALID_AT 0
#define CASCADE_VALUES_ARE CASCADE_BEHIND_A_POINTER
enum { CASCADE_VALUES_POINTER_AT = -4 * (int)sizeof(PyObject *) };
static inline PyObject **cascade_values(PyObject *object) {
    return ((PyObject ***)object)[-4];
}

static inline PyObject *cascade_managed_dict(PyObject *object) {
    return ((PyObject **)object)[-3];
}
#endif

#define cascade_own_values cascade_values

static inline void cascade_note_insertion(PyObject *object, PyObject **values, Py_ssize_t index) {
    uint8_t *size = (uint8_t *)values - 2;
    (void)object;
    *size += 1;
    size[-(int)*size] = (uint8_t)index;
}

#endif

/* ---- Changes in 3.14 ---------------------------------------------------------------------------------------------- */

#if PY_VERSION_HEX >= 0x030E0000

/* Dicts have no version any more: guards look their names up each time. */
#define CASCADE_DICT_VERSION(dict) ((void)(dict), (uint64_t)0)
#define CASCADE_DICT_VERSION_AT 0

/* Nor does machine code know how references are counted there, and where attributes stand. */
enum { CASCADE_KNOWS_ATTRIBUTES = 0 };
#define CASCADE_RENEW_VERSION(dict) ((void)(dict), 0)

#else

/* PyDictObject.ma_version_tag (PEP 509, deprecated in 3.12): unique in the process, another one after each change. */
#define CASCADE_DICT_VERSION(dict) (*(uint64_t *)((char *)(dict) + CASCADE_DICT_VERSION_AT))
#define CASCADE_DICT_VERSION_AT (offsetof(PyDictObject, ma_used) + sizeof(Py_ssize_t))
enum { CASCADE_KNOWS_ATTRIBUTES = 1 };
#define CASCADE_RENEW_VERSION(dict) cascade_renew_tag(&CASCADE_DICT_VERSION(dict))

/* From 3.12 on, the low 8 bits say who watches the dict; those above, up to 12 bits, are counters of CPython's. */
enum { CASCADE_WATCHER_BITS = PY_VERSION_HEX >= 0x030C0000 ? 0xFF : 0, CASCADE_TAG_BITS = 12 };
static uint64_t cascade_dict_changes;

/* Gives a dict a version that no dict has had: CPython counts from 0, this from the middle of the numbers. Returns 0 where the dict
 * is watched: the watchers have to be told. */
static inline int cascade_renew_tag(uint64_t *tag) {
    if (*tag & CASCADE_WATCHER_BITS)
        return 0;
    *tag = ((uint64_t)1 << 63) + (++cascade_dict_changes << CASCADE_TAG_BITS) + (*tag & ((1 << CASCADE_TAG_BITS) - 1));
    return 1;
}

#endif

/* ---- Ints --------------------------------------------------------------------------------------------------------- */

/* Whether an int that nobody else holds may get another value in place: both have one digit, and neither is one of those that CPython
 * has made once and for all. */
static inline int cascade_may_hold(PyObject *number, int64_t value) {
    int64_t most = PyLong_MASK;
    return cascade_is_short_int(number) && ((value > 256 && value <= most) || (value < -5 && value >= -most));
}

static inline void cascade_set_int(PyObject *number, int64_t value) {
    cascade_set_digit(number, (digit)(value < 0 ? -value : value), value < 0);
}

/* The ints that CPython has made once and for all stand behind each other: the address of 0, and the distance of neighbours as a power of two.
 * NULL where it is otherwise. */
enum { CASCADE_LEAST_SMALL = -5, CASCADE_MOST_SMALL = 256 };
static const char *cascade_small_zero = NULL;
static int cascade_small_shift = 0;

static void cascade_find_small_ints(void)
{
    const char *zero = NULL, *object;
    int shift = 0;
    for (int turn = 0; turn < 2; turn++)
        for (int value = CASCADE_LEAST_SMALL; value <= CASCADE_MOST_SMALL; value++) {
            PyObject *made = PyLong_FromLong(value);
            if (made == NULL) {
                PyErr_Clear();
                return;
            }
            object = (const char *)made;
            Py_DECREF(made);        /* one that is made once and for all stays */
            if (turn == 0) {
                if (value == 0)
                    zero = object;
                else if (value == 1)
                    while (object - zero > (intptr_t)1 << shift)
                        shift++;
            }
            else if (object != zero + value * ((intptr_t)1 << shift))
                return;
        }
    cascade_small_shift = shift;
    cascade_small_zero = zero;
}

/* PyFloatObject: the number. */
static inline void cascade_set_float(PyObject *number, double value) {
    ((PyFloatObject *)number)->ob_fval = value;
}

/* ---- Offsets, for machine code ------------------------------------------------------------------------------------- */

#define CASCADE_LIST_ITEMS_AT offsetof(PyListObject, ob_item)
#define CASCADE_LIST_ROOM_AT offsetof(PyListObject, allocated)
#define CASCADE_TUPLE_ITEMS_AT offsetof(PyTupleObject, ob_item)
#define CASCADE_FLOAT_AT offsetof(PyFloatObject, ob_fval)
#define CASCADE_BYTEARRAY_AT offsetof(PyByteArrayObject, ob_start)
#define CASCADE_BYTES_AT offsetof(PyBytesObject, ob_sval)
#define CASCADE_REFERENCES_AT offsetof(PyObject, ob_refcnt)
#define CASCADE_TAG_AT offsetof(PyTypeObject, tp_version_tag)

/* An int of one digit, or 0: its digit, and from 3.12 on a tag that is 8 for a positive one, with 1 (zero) or 2 (negative) added to it, up
 * to 15; before, its size, from -1 to 1. */
#if PY_VERSION_HEX >= 0x030C0000
enum { CASCADE_INT_IS_TAGGED = 1, CASCADE_ONE_DIGIT = 8, CASCADE_HAS_IMMORTALS = 1 };
#define CASCADE_DIGIT_AT offsetof(PyLongObject, long_value.ob_digit)
#define CASCADE_INT_SIZE_AT offsetof(PyLongObject, long_value.lv_tag)
#else
enum { CASCADE_INT_IS_TAGGED = 0, CASCADE_ONE_DIGIT = 1, CASCADE_HAS_IMMORTALS = 0 };
#define CASCADE_DIGIT_AT offsetof(PyLongObject, ob_digit)
#define CASCADE_INT_SIZE_AT offsetof(PyVarObject, ob_size)
#endif

/* ---- Iterators ---------------------------------------------------------------------------------------------------- */

static inline PyObject *cascade_iterate(PyObject *iterator) {
    return Py_TYPE(iterator)->tp_iternext(iterator);
}

/* ---- Functions written in C -------------------------------------------------------------------------------------------- */

/* The signatures of METH_FASTCALL, without and with METH_KEYWORDS (documented since 3.13 under other names). */
typedef PyObject *(*cascade_fast_entry)(PyObject *, PyObject *const *, Py_ssize_t);
typedef PyObject *(*cascade_fast_keywords_entry)(PyObject *, PyObject *const *, Py_ssize_t, PyObject *);

static inline double cascade_absolute(PyObject *value) { return _Py_c_abs(((PyComplexObject *)value)->cval); }

/* ---- Truth ---------------------------------------------------------------------------------------------------------- */

/* The truth of an object whose class is built in and runs no code of users; -1 for any other. */
static inline int cascade_plain_truth(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    if (value == Py_True)
        return 1;
    if (value == Py_False || value == Py_None)
        return 0;
    if (type == &PyList_Type || type == &PyTuple_Type || type == &PyBytes_Type)
        return Py_SIZE(value) != 0;
    if (type == &PyUnicode_Type)
        return PyUnicode_GET_LENGTH(value) != 0;
    if (type == &PyLong_Type || type == &PyFloat_Type || type == &PyDict_Type || type == &PySet_Type || type == &PyFrozenSet_Type)
        return PyObject_IsTrue(value);
    if (PyDict_Check(value) && type->tp_as_mapping->mp_length == PyDict_Type.tp_as_mapping->mp_length
            && (type->tp_as_number == NULL || type->tp_as_number->nb_bool == NULL))
        return PyDict_GET_SIZE(value) != 0;
    if ((type->tp_as_number == NULL || type->tp_as_number->nb_bool == NULL)
            && (type->tp_as_mapping == NULL || type->tp_as_mapping->mp_length == NULL)
            && (type->tp_as_sequence == NULL || type->tp_as_sequence->sq_length == NULL))
        return 1;
    return -1;
}

#include "cpython_text.h"
#include "cpython_threads.h"

/* ---- Containers --------------------------------------------------------------------------------------------------- */

/* Pointers to the items, borrowed. No other code may run while they are read: it might change a list. */
#define cascade_list_items(list) (((PyListObject *)(list))->ob_item)
#define cascade_tuple_items(tuple) (((PyTupleObject *)(tuple))->ob_item)

/* PyListObject: how many items there is memory for. */
#define cascade_list_room(list) (((PyListObject *)(list))->allocated)

/* Whether all are floats, ints or bools of Python's own. Four floats at once without a branch: this must cost little beside math.dist. */
static int cascade_plain_numbers(PyObject **items, Py_ssize_t count)
{
    const uintptr_t wanted = (uintptr_t)&PyFloat_Type;
#define CASCADE_OTHER(at) ((uintptr_t)Py_TYPE(items[at]) ^ wanted)
    Py_ssize_t i = 0;
    while (i < count) {
        PyTypeObject *type;
        while (i + 4 <= count && !(CASCADE_OTHER(i) | CASCADE_OTHER(i + 1) | CASCADE_OTHER(i + 2) | CASCADE_OTHER(i + 3)))
            i += 4;
        if (i == count)
            break;
        type = Py_TYPE(items[i]);
        if (type != &PyFloat_Type && type != &PyLong_Type && type != &PyBool_Type)
            return 0;
        i += 1;
    }
    return 1;
#undef CASCADE_OTHER
}

/* A tuple, or an instance of a subclass that is iterated over as tuples are, such as a named tuple. */
static inline int cascade_is_plain_tuple(PyObject *value)
{
    return PyTuple_Check(value) && Py_TYPE(value)->tp_iter == PyTuple_Type.tp_iter;
}

static inline PyObject *cascade_tuple_of(PyObject **values, Py_ssize_t count)
{
    Py_ssize_t i;
    PyObject *made = PyTuple_New(count);
    for (i = 0; made != NULL && i < count; i++)
        cascade_tuple_items(made)[i] = Py_NewRef(values[i]);
    return made;
}


/* A number that changes whenever a dict does; 0 where there is none. */
static inline uint64_t cascade_version(PyObject *dict) { return CASCADE_DICT_VERSION(dict); }

/* As PyDict_SetItem does when it replaces a value; 0 where that has to do it. */
static inline int cascade_renew_version(PyObject *dict) { return CASCADE_RENEW_VERSION(dict); }

/* PyDictKeysObject: the same from 3.11 on. */
typedef struct {
    Py_ssize_t references;
    uint8_t log2_size, log2_index_bytes, kind;
    uint32_t version;
    Py_ssize_t usable, count;
    char indices[];                     /* then the entries */
} cascade_keys;

enum { CASCADE_ANY_KEYS, CASCADE_STR_KEYS, CASCADE_SPLIT_KEYS };        /* of a split table the values stand elsewhere */
enum { CASCADE_FREE = -1, CASCADE_PERTURB_SHIFT = 5, CASCADE_SET_PROBES = 9 };
typedef struct { Py_hash_t hash; PyObject *key, *value; } cascade_any_entry;
typedef struct { PyObject *key, *value; } cascade_str_entry;

#define cascade_keys_of(dict) ((const cascade_keys *)((PyDictObject *)(dict))->ma_keys)
#define cascade_entries(keys, type) ((type *)((keys)->indices + ((size_t)1 << (keys)->log2_index_bytes)))
#define cascade_split_values(dict) ((PyObject **)((char *)((PyDictObject *)(dict))->ma_values + CASCADE_VALUES_AT))

/* The size and the kind of a table in one number, as machine code compares them. */
enum { CASCADE_TABLE_BITS = 0xFFFFFF };
static inline int64_t cascade_table_of(const cascade_keys *keys) {
    uint32_t bits;
    memcpy(&bits, &keys->log2_size, sizeof bits);
    return bits & CASCADE_TABLE_BITS;
}

/* The number of the entry at a place of the table; CASCADE_FREE, or another negative number for a removed one. */
static inline Py_ssize_t cascade_entry_at(const cascade_keys *keys, size_t place) {
    if (keys->log2_size < 8)
        return ((const int8_t *)keys->indices)[place];
    if (keys->log2_size < 16)
        return ((const int16_t *)keys->indices)[place];
    if (keys->log2_size < 32)
        return ((const int32_t *)keys->indices)[place];
    return (Py_ssize_t)((const int64_t *)keys->indices)[place];
}

/* hash() of an int: the int modulo a Mersenne prime, with its sign; never -1. */
static inline Py_hash_t cascade_hash_int(int64_t value) {
    const int64_t modulus = (int64_t)_PyHASH_MODULUS;
    Py_hash_t hash = (Py_hash_t)(value >= modulus || value <= -modulus ? value % modulus : value);
    return hash == -1 ? -2 : hash;
}

/* hash() of a tuple (tupleobject.c), from the hashes of its items: xxHash of 64 bits. Begin with CASCADE_TUPLE_HASH. */
#define CASCADE_TUPLE_HASH ((Py_uhash_t)2870177450012600261ULL)

static inline Py_uhash_t cascade_hash_item(Py_uhash_t sum, Py_hash_t item) {
    sum += (Py_uhash_t)item * (Py_uhash_t)14029467366897019727ULL;
    return ((sum << 31) | (sum >> 33)) * (Py_uhash_t)11400714785074694791ULL;
}

static inline Py_hash_t cascade_hash_end(Py_uhash_t sum, Py_ssize_t count) {
    sum += (Py_uhash_t)count ^ (CASCADE_TUPLE_HASH ^ 3527539UL);
    return sum == (Py_uhash_t)-1 ? 1546275796 : (Py_hash_t)sum;
}

/* hash() of a str, or -1 where it has not been computed yet. */
#define cascade_str_hash(text) (((PyASCIIObject *)(text))->hash)

/* dictiterobject: an iterator over a dict, its keys, values or items. */
typedef struct {
    PyObject_HEAD
    PyObject *dict;                     /* NULL at the end */
    Py_ssize_t used, position;
    PyObject *pair;
    Py_ssize_t left;
} cascade_dict_iterator;

/* PyDict_SetItem and PyDict_DelItem of a key whose hash is known. */
#define cascade_put_item _PyDict_SetItem_KnownHash
#define cascade_remove_item _PyDict_DelItem_KnownHash

/* defdictobject.default_factory; NULL for none. */
#define cascade_default_factory(dict) (*(PyObject **)((char *)(dict) + sizeof(PyDictObject)))

/* dequeobject: its items stand in blocks. */
enum { CASCADE_DEQUE_BLOCK = 64 };
typedef struct cascade_block { struct cascade_block *left; PyObject *items[CASCADE_DEQUE_BLOCK]; struct cascade_block *right; } cascade_block;
typedef struct {
    PyObject_VAR_HEAD
    cascade_block *left_block, *right_block;
    Py_ssize_t left, right;             /* the indices of the first and the last item */
    size_t changes;
    Py_ssize_t limit;                   /* negative for none */
} cascade_deque;

/* PySetObject: a table of mask + 1 entries. An entry without a key is free; a removed one has the hash -1. */
typedef setentry cascade_set_entry;
#define cascade_set_table(set) (((PySetObject *)(set))->table)

static inline Py_ssize_t cascade_set_room(PyObject *set) {
    return ((PySetObject *)set)->mask + 1;
}

/* The item at an index of a set's table, borrowed; NULL for none. */
static inline PyObject *cascade_set_item(PyObject *set, Py_ssize_t index) {
    setentry *entry = &((PySetObject *)set)->table[index];
    return entry->hash == -1 ? NULL : entry->key;
}

/* ---- Functions ---------------------------------------------------------------------------------------------------- */

/* The content of a cell, or a field of a function (PyFunctionObject), borrowed. None for no defaults; NULL for an empty cell.
 * The kinds are those of GUARD_KINDS. */
static inline PyObject *cascade_guarded(int kind, PyObject *holder) {
    PyObject *found;
    switch (kind) {
    case 1: return PyCell_GET(holder);
    case 2: return ((PyFunctionObject *)holder)->func_code;
    case 3: found = ((PyFunctionObject *)holder)->func_defaults; break;
    default: found = ((PyFunctionObject *)holder)->func_kwdefaults; break;
    }
    return found == NULL ? Py_None : found;
}

/* The closure of a function, borrowed; NULL for none. */
static inline PyObject *cascade_closure(PyObject *function) { return ((PyFunctionObject *)function)->func_closure; }

/* Whether an object is a function with the code, globals and builtins of another one. */
static inline int cascade_functions_alike(PyObject *value, PyObject *function)
{
    PyFunctionObject *first = (PyFunctionObject *)value, *second = (PyFunctionObject *)function;
    return PyFunction_Check(value) && PyFunction_Check(function) && first->func_code == second->func_code && first->func_globals == second->func_globals
        && first->func_builtins == second->func_builtins;
}

/* ---- Classes ------------------------------------------------------------------------------------------------------ */

/* PyTypeObject.tp_version_tag: a number that is a class's own as long as nothing of it, or of its bases, changes; 0 where it has
 * none. It gets one when an attribute is looked up. */
static inline unsigned int cascade_class_tag(PyTypeObject *type) {
    return CASCADE_HAS_TAG(type) ? type->tp_version_tag : 0;
}

/* _PyType_Lookup: an attribute of a class or its bases, borrowed; neither its metaclass nor a descriptor is
 * called. NULL, and no error set, for none. */
static inline PyObject *cascade_find_in_class(PyTypeObject *type, PyObject *name) {
    return _PyType_Lookup(type, name);
}

/* PyMemberDescrObject: the offset of a slot (a name in __slots__) in the instances of a class; -1 where the name is no slot. */
static Py_ssize_t cascade_slot_offset(PyTypeObject *type, PyObject *name) {
    PyObject *descriptor = _PyType_Lookup(type, name);
    if (descriptor == NULL || Py_TYPE(descriptor) != &PyMemberDescr_Type
            || !PyType_IsSubtype(type, ((PyDescrObject *)descriptor)->d_type)
            || ((PyMemberDescrObject *)descriptor)->d_member->flags != 0
            || ((PyMemberDescrObject *)descriptor)->d_member->type != T_OBJECT_EX)
        return -1;
    return ((PyMemberDescrObject *)descriptor)->d_member->offset;
}

/* PyMemberDescrObject: the offset of a member that is an object in the instances of a class of C's; -1 for none. */
static Py_ssize_t cascade_member_offset(PyTypeObject *type, PyObject *name) {
    PyObject *descriptor = _PyType_Lookup(type, name);
    PyMemberDef *member;
    if (descriptor == NULL || Py_TYPE(descriptor) != &PyMemberDescr_Type)
        return -1;
    member = ((PyMemberDescrObject *)descriptor)->d_member;
    return member->type == T_OBJECT || member->type == T_OBJECT_EX ? member->offset : -1;
}

/* PyDictKeysObject, whose layout is the same from 3.11 to 3.13, in builds with the GIL. */
struct cascade_keys {
    Py_ssize_t references;
    uint8_t log2_size, log2_index_bytes, kind;
    uint32_t version;
    Py_ssize_t usable, count;
    char indices[];
};

enum { CASCADE_GENERAL_KEYS = 0 };

/* The attribute names that the instances of a class share: they are only ever added to. NULL where a class shares none. */
static inline struct cascade_keys *cascade_shared_keys(PyTypeObject *type) {
    return CASCADE_KEEPS_VALUES(type) ? (struct cascade_keys *)((PyHeapTypeObject *)type)->ht_cached_keys : NULL;
}

/* The index of an attribute among the values of a class's instances; -1 for none. */
static Py_ssize_t cascade_value_index(PyTypeObject *type, PyObject *name) {
    struct cascade_keys *keys = cascade_shared_keys(type);
    Py_ssize_t index;
    PyObject **entries;
    if (keys == NULL || keys->kind == CASCADE_GENERAL_KEYS)
        return -1;
    entries = (PyObject **)(keys->indices + ((size_t)1 << keys->log2_index_bytes));     /* a key and a value each */
    for (index = 0; index < keys->count; index++)
        if (entries[2 * index] == name || (entries[2 * index] != NULL && PyUnicode_Compare(entries[2 * index], name) == 0))
            return index;
    return -1;
}

/* The dict of an instance that has one, borrowed; NULL where it has none, or has its values in an array. */
static PyObject *cascade_instance_dict(PyObject *object) {
    PyObject **place;
    if (PyType_HasFeature(Py_TYPE(object), Py_TPFLAGS_MANAGED_DICT))
        return cascade_managed_dict(object);
    place = _PyObject_GetDictPtr(object);
    return place == NULL ? NULL : *place;
}

/* Whether looking a string up in a dict runs no code of users: all keys are strings. */
static inline int cascade_has_plain_keys(PyObject *dict) {
    return PyDict_CheckExact(dict) && ((struct cascade_keys *)((PyDictObject *)dict)->ma_keys)->kind != CASCADE_GENERAL_KEYS;
}

/* Whether setting an attribute of an instance sets it in the instance, and runs no code but that of the old value's finalizer. */
static inline int cascade_sets_plainly(PyObject *object) {
    PyObject *dict = cascade_instance_dict(object);
    return dict == NULL || cascade_has_plain_keys(dict);
}

static inline int cascade_is_nest(PyTypeObject *type) {
    return (type->tp_flags & (Py_TPFLAGS_LIST_SUBCLASS | Py_TPFLAGS_TUPLE_SUBCLASS | Py_TPFLAGS_DICT_SUBCLASS)) != 0
        || type == &PySet_Type || type == &PyFrozenSet_Type;
}

/* Whether a metaclass looks attributes of classes up as `type` does. */
static inline int cascade_finds_as_type(PyTypeObject *meta) {
    return meta->tp_getattro == PyType_Type.tp_getattro;
}

/* Whether the `__class__` of instances is their class: `isinstance` asks for it. */
static int cascade_has_plain_class(PyTypeObject *type) {
    static PyObject *name;
    if (name == NULL)
        name = PyUnicode_InternFromString("__class__");
    return name != NULL && type->tp_getattro == PyObject_GenericGetAttr
        && cascade_find_in_class(type, name) == cascade_find_in_class(&PyBaseObject_Type, name);
}

static inline int cascade_is_descriptor(PyObject *value) {
    return Py_TYPE(value)->tp_descr_get != NULL;
}

static inline int cascade_takes_stores(PyObject *value) {
    return Py_TYPE(value)->tp_descr_set != NULL;
}

/* Whether attributes of a class's instances are looked up as object.__getattribute__ does; __getattr__ may be called for those
 * that are missing. Only __getattribute__ is looked at, in the class and its bases. */
static inline int cascade_loads_plainly(PyTypeObject *type, PyObject *found, PyObject *plain) {
    return type->tp_getattro == PyObject_GenericGetAttr || found == plain;
}

static inline int cascade_stores_plainly(PyTypeObject *type, PyObject *found, PyObject *plain) {
    return type->tp_setattro == PyObject_GenericSetAttr || found == plain;
}

/* 0 for a class whose instances have no dict. */
static inline Py_ssize_t cascade_dict_place(PyTypeObject *type) {
    return PyType_HasFeature(type, Py_TPFLAGS_MANAGED_DICT) ? -1 : type->tp_dictoffset;
}

/* Whether instances of a class are made by object.__new__. A class whose own __new__ was deleted is not one: CPython keeps its slot. */
static inline int cascade_makes_plainly(PyTypeObject *type) {
    return type->tp_new == PyBaseObject_Type.tp_new;
}

/* An instance that has only been allocated; NULL, and no error set, where its class has its own __new__. */
static inline PyObject *cascade_bare_instance(PyTypeObject *type, PyObject *no_arguments) {
    return type->tp_new == PyBaseObject_Type.tp_new ? PyBaseObject_Type.tp_new(type, no_arguments, NULL) : NULL;
}

/* Sets the vectorcall of a type, which `type(...)` calls instead of tp_new and tp_init. */
static inline void cascade_construct_by(PyTypeObject *type, void *construct) {
    type->tp_vectorcall = (vectorcallfunc)construct;
}

/* The numbers of LazyResults that were made and freed in this process, and the address of the last one: counted where their memory
 * is allocated and freed. The API has no function for it: the class's own slots are changed, tp_alloc, which object.__new__ calls,
 * and tp_free, which ends the deallocation of an instance of a Python class. */
static uint64_t cascade_results_made, cascade_results_freed;
static PyObject *cascade_last_result;
static allocfunc cascade_allocate_result;
static freefunc cascade_free_memory;

/* A result begins with None and 0 in the slots `derived` and `searched`, so that reading them never fails: the class has a __getattr__,
 * which would be called. `object.__new__` leaves slots empty, and filling them in Python takes longer. */
static PyTypeObject *cascade_filled_class;
static Py_ssize_t cascade_derived_place, cascade_searched_place;
static PyObject *cascade_zero;

static Py_ssize_t cascade_slot_place(PyTypeObject *type, const char *name) {
    PyObject *slot = PyObject_GetAttrString((PyObject *)type, name);
    Py_ssize_t place = slot != NULL && Py_IS_TYPE(slot, &PyMemberDescr_Type) ? ((PyMemberDescrObject *)slot)->d_member->offset : 0;
    if (slot == NULL)
        PyErr_Clear();
    Py_XDECREF(slot);
    return place;
}

static void cascade_fill_results(PyTypeObject *type) {
    cascade_derived_place = cascade_slot_place(type, "derived");
    cascade_searched_place = cascade_slot_place(type, "searched");
    cascade_zero = PyLong_FromLong(0);
    if (cascade_derived_place > 0 && cascade_searched_place > 0 && cascade_zero != NULL)
        cascade_filled_class = type;
}

static PyObject *cascade_make_result(PyTypeObject *type, Py_ssize_t count) {
    PyObject *result = cascade_allocate_result(type, count);
    if (result != NULL) {
        if (cascade_filled_class != NULL && (type == cascade_filled_class || PyType_IsSubtype(type, cascade_filled_class))) {
            *(PyObject **)((char *)result + cascade_derived_place) = Py_NewRef(Py_None);
            *(PyObject **)((char *)result + cascade_searched_place) = Py_NewRef(cascade_zero);
        }
        cascade_results_made++;
        cascade_last_result = result;
    }
    return result;
}

static void cascade_free_result(void *memory) {
    cascade_results_freed++;
    cascade_free_memory(memory);
}

static void cascade_count_results(PyTypeObject *type) {
    if (type->tp_alloc != cascade_make_result) {
        cascade_allocate_result = type->tp_alloc;
        cascade_free_memory = type->tp_free;
        type->tp_alloc = cascade_make_result;
        type->tp_free = cascade_free_result;
    }
}

/* ---- Random numbers ----------------------------------------------------------------------------------------------- */

/* RandomObject of Modules/_randommodule.c, behind the header: the state of the Mersenne Twister. cascade/kernels/blocks/random_calls.py
 * compares it with what `getstate` returns before it is used. */
typedef struct {
    int index;
    uint32_t words[624];
} cascade_random_state;

#define cascade_random_state_of(source) ((cascade_random_state *)((PyObject *)(source) + 1))

#include "cpython_checks.h"

#endif
