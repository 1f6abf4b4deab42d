/* The self-test: what cpython.h assumes of CPython is checked when the module is imported (see self_test.pxi). Included by cpython.h. */

#ifndef CASCADE_CPYTHON_CHECKS_H
#define CASCADE_CPYTHON_CHECKS_H

/* ---- The self-test ------------------------------------------------------------------------------------------------- */

/* Each check returns 1 where CPython does as the extension assumes, 0 where it does not, and -1 with an error set. With `fault` it
 * tests a condition that does not hold, so that tests see the refusal. */

static int cascade_check_version(int fault) {
    return (Py_Version >> 16) == (PY_VERSION_HEX >> 16) + (unsigned)fault;
}

static int cascade_check_dict(int fault) {
    PyObject *dict = PyDict_New();
    uint64_t first, second;
    int held = -1;
    if (dict == NULL)
        return -1;
    if (PyDict_SetItem(dict, Py_True, Py_None) == 0) {
        first = cascade_version(dict);
        if (fault || PyDict_SetItem(dict, Py_True, Py_False) == 0) {
            second = cascade_version(dict);
            held = first != second || (first == 0 && !fault && PY_VERSION_HEX >= 0x030E0000);
        }
    }
    Py_DECREF(dict);
    return held;
}

/* A dict of ints and one of strings: their entries are where they are looked for, and an iterator over one of them is where it says. */
static int cascade_check_table(int fault) {
    PyObject *any = Py_BuildValue("{i:i,i:i,s:i}", 5, 50, -1, 60, "five", 70), *texts = Py_BuildValue("{s:i,s:i}", "a", 1, "b", 2);
    PyObject *iterator = NULL, *key = NULL, *five = PyLong_FromLong(5);
    int held = -1;
    if (any != NULL && texts != NULL && five != NULL && (iterator = PyObject_GetIter(any)) != NULL)
        key = PyIter_Next(iterator);
    if (key != NULL) {
        const cascade_keys *keys = cascade_keys_of(any);
        const cascade_any_entry *entries = cascade_entries(keys, cascade_any_entry);
        const cascade_str_entry *named = cascade_entries(cascade_keys_of(texts), cascade_str_entry);
        const cascade_dict_iterator *over = (const cascade_dict_iterator *)iterator;
        held = keys->kind == CASCADE_ANY_KEYS && cascade_keys_of(texts)->kind == CASCADE_STR_KEYS && keys->count == 3 + fault
            && cascade_entry_at(keys, 5 & (((size_t)1 << keys->log2_size) - 1)) == 0
            && entries[0].hash == 5 && entries[0].key == five && PyLong_AsLong(entries[0].value) == 50
            && entries[1].hash == cascade_hash_int(-1) && PyLong_AsLong(entries[1].value) == 60
            && cascade_str_hash(named[1].key) == PyObject_Hash(named[1].key) && PyLong_AsLong(named[1].value) == 2
            && over->dict == any && over->used == 3 && over->position == 1 && over->left == 2;
    }
    Py_XDECREF(five);
    Py_XDECREF(key);
    Py_XDECREF(iterator);
    Py_XDECREF(texts);
    Py_XDECREF(any);
    return held;
}

static int cascade_check_hash(int fault) {
    PyObject *pair = Py_BuildValue("(iL)", -1, (long long)(((uint64_t)1 << 61) + 7));
    int held = -1;
    if (pair != NULL)
        held = sizeof(Py_hash_t) == 8 && PyObject_Hash(pair) == cascade_hash_end(cascade_hash_item(
            cascade_hash_item(CASCADE_TUPLE_HASH, cascade_hash_int(-1)), cascade_hash_int(((int64_t)1 << 61) + 7 + fault)), 2);
    Py_XDECREF(pair);
    return held;
}

static PyObject *cascade_of_collections(const char *name, const char *format, PyObject *argument) {
    PyObject *module = PyImport_ImportModule("collections");
    PyObject *made = module == NULL ? NULL : PyObject_CallMethod(module, name, format, argument);
    Py_XDECREF(module);
    return made;
}

static int cascade_check_collections(int fault) {
    PyObject *dict = cascade_of_collections("defaultdict", "O", (PyObject *)&PyList_Type), *items = PyTuple_New(100), *deque = NULL;
    int held = -1, i;
    for (i = 0; items != NULL && i < 100; i++)
        cascade_tuple_items(items)[i] = Py_NewRef(i ? Py_None : Py_True);
    if (dict != NULL && items != NULL)
        deque = cascade_of_collections("deque", "(O)", items);
    if (deque != NULL) {
        const cascade_deque *found = (const cascade_deque *)deque;
        held = cascade_default_factory(dict) == (PyObject *)&PyList_Type && Py_SIZE(deque) == 100 + fault && found->limit < 0
            && found->left_block->items[found->left] == Py_True && found->right_block->items[found->right] == Py_None
            && found->left_block->right == found->right_block
            && CASCADE_DEQUE_BLOCK - found->left + found->right + 1 == 100;
    }
    Py_XDECREF(dict);
    Py_XDECREF(items);
    Py_XDECREF(deque);
    return held;
}

static int cascade_check_set(int fault) {
    PyObject *set = PySet_New(NULL), *item;
    long number, sum = 0;
    Py_ssize_t index;
    if (set == NULL)
        return -1;
    for (number = 0; number < 20; number++) {     /* more than there is room for inside the object */
        item = PyLong_FromLong(number);
        if (item == NULL || PySet_Add(set, item) < 0 || (number == 7 && !fault && PySet_Discard(set, item) < 0)) {
            Py_XDECREF(item);
            Py_DECREF(set);
            return -1;
        }
        Py_DECREF(item);
    }
    for (index = 0; index < cascade_set_room(set); index++) {
        item = cascade_set_item(set, index);
        if (item != NULL)
            sum += PyLong_Check(item) ? PyLong_AsLong(item) : 1000;
    }
    Py_DECREF(set);
    return sum == 190 - 7;
}

static int cascade_check_items(int fault) {
    PyObject *list = Py_BuildValue("[O(OO)]", Py_None, Py_True, Py_False), *tuple;
    int held;
    if (list == NULL)
        return -1;
    tuple = PyList_GetItem(list, 1);
    held = cascade_list_items(list)[0] == Py_None && cascade_list_items(list)[1] == tuple
        && cascade_tuple_items(tuple)[fault] == Py_True && cascade_tuple_items(tuple)[1] == Py_False;
    Py_DECREF(list);
    return held;
}

static int cascade_check_ints(int fault) {
    PyObject *number = PyLong_FromLong(1000), *expected = PyLong_FromLong(fault ? 1 : -123456);
    int held = -1;
    if (number != NULL && expected != NULL) {
        cascade_set_int(number, -123456);
        held = PyObject_RichCompareBool(number, expected, Py_EQ);
        cascade_set_int(number, PyLong_MASK);
        if (held == 1)
            held = PyLong_AsLongLong(number) == PyLong_MASK;
    }
    Py_XDECREF(number);
    Py_XDECREF(expected);
    return held;
}

static PyObject *cascade_say_depth(PyObject *self, PyObject *nothing) {
    (void)self, (void)nothing;
    return PyLong_FromLongLong(cascade_depth_left());
}

static PyMethodDef cascade_depth_method = {"depth", cascade_say_depth, METH_NOARGS, NULL};

static PyObject *cascade_evaluate(const char *text, PyObject *names) {
    PyObject *code = Py_CompileString(text, "<cascade>", Py_eval_input);
    PyObject *value = code == NULL ? NULL : PyEval_EvalCode(code, names, names);
    Py_XDECREF(code);
    return value;
}

static int cascade_check_depth(int fault) {
    PyObject *names = PyDict_New(), *depth = PyCFunction_New(&cascade_depth_method, NULL), *inside = NULL;
    int64_t here = cascade_depth_left();
    int held = -1;
    if (names != NULL && depth != NULL && PyDict_SetItemString(names, "depth", depth) == 0)
        inside = cascade_evaluate("depth()", names);
    if (inside != NULL)
        held = 0 < here && here <= Py_GetRecursionLimit() && (fault ? here : PyLong_AsLongLong(inside)) < here;
    Py_XDECREF(inside);
    Py_XDECREF(depth);
    Py_XDECREF(names);
    return held;
}

static int cascade_is_attribute(PyObject *owner, const char *name, PyObject *expected) {
    PyObject *found = PyObject_GetAttrString(owner, name);
    int held = found == NULL ? -1 : found == expected;
    Py_XDECREF(found);
    return held;
}

static int cascade_check_function(int fault) {
    PyObject *names = PyDict_New(), *cell = PyCell_New(Py_True), *function = NULL;
    int held = -1;
    if (names != NULL && cell != NULL)
        function = cascade_evaluate("lambda first=1, *, second=2: first", names);
    if (function != NULL) {
        held = cascade_guarded(1, cell) == Py_True;
        if (held == 1)
            held = cascade_is_attribute(function, "__code__", fault ? Py_None : cascade_guarded(2, function));
        if (held == 1)
            held = cascade_is_attribute(function, "__defaults__", cascade_guarded(3, function));
        if (held == 1)
            held = cascade_is_attribute(function, "__kwdefaults__", cascade_guarded(4, function));
    }
    Py_XDECREF(function);
    Py_XDECREF(cell);
    Py_XDECREF(names);
    return held;
}

static PyObject *cascade_new_class(void) {
    return PyObject_CallFunction((PyObject *)&PyType_Type, "s(){s(s)}", "probe", "__slots__", "value");
}

static int cascade_check_tag(int fault) {
    PyObject *type = cascade_new_class(), *name = PyUnicode_InternFromString("value");
    unsigned int first, second;
    int held = -1;
    if (type != NULL && name != NULL) {
        cascade_find_in_class((PyTypeObject *)type, name);
        first = cascade_class_tag((PyTypeObject *)type);
        if (fault || PyObject_SetAttrString(type, "other", Py_None) == 0) {
            cascade_find_in_class((PyTypeObject *)type, name);
            second = cascade_class_tag((PyTypeObject *)type);
            held = first != second || (first == 0 && !fault);   /* a process may have used up the numbers: then nothing is kept */
        }
    }
    Py_XDECREF(name);
    Py_XDECREF(type);
    return held;
}

static int cascade_check_slots(int fault) {
    PyObject *type = cascade_new_class(), *name = PyUnicode_InternFromString("value"), *instance = NULL;
    Py_ssize_t offset;
    int held = -1;
    if (type != NULL && name != NULL)
        instance = PyObject_CallNoArgs(type);
    if (instance != NULL && (fault || PyObject_SetAttr(instance, name, Py_True) == 0)) {
        offset = cascade_slot_offset((PyTypeObject *)type, name);
        held = offset > 0 && *(PyObject **)((char *)instance + offset) == Py_True;
    }
    Py_XDECREF(instance);
    Py_XDECREF(name);
    Py_XDECREF(type);
    return held;
}

static int cascade_check_values(int fault) {
    PyObject *type = PyObject_CallFunction((PyObject *)&PyType_Type, "s(){}", "probe"), *first = NULL, *second = NULL, *dict = NULL;
    PyObject *name = PyUnicode_InternFromString("value"), *other = PyUnicode_InternFromString("other"), **values;
    Py_ssize_t index;
    int held = -1;
    if (type != NULL && name != NULL && other != NULL)
        first = PyObject_CallNoArgs(type), second = PyObject_CallNoArgs(type);
    if (first != NULL && second != NULL && PyObject_SetAttr(first, other, Py_None) == 0 && PyObject_SetAttr(first, name, Py_True) == 0) {
        index = cascade_value_index((PyTypeObject *)type, name);
        held = index == 1 && cascade_shared_keys((PyTypeObject *)type)->count == 2 && (values = cascade_own_values(first)) != NULL
            && values[index] == (fault ? Py_None : Py_True) && cascade_instance_dict(first) == NULL
            && (values = cascade_own_values(second)) != NULL && values[index] == NULL;
        if (held == 1) {
            values[index] = Py_NewRef(Py_False);
            cascade_note_insertion(second, values, index);
            held = cascade_is_attribute(second, "value", Py_False);
        }
        if (held == 1) {
            dict = PyObject_GetAttrString(second, "__dict__");
            held = dict == NULL ? -1 : PyDict_GET_SIZE(dict) == 1 && cascade_instance_dict(second) == dict
                && cascade_own_values(second) == NULL && cascade_has_plain_keys(dict);
        }
        if (held == 1 && PyDict_SetItem(dict, Py_None, Py_None) == 0)
            held = !cascade_has_plain_keys(dict);
    }
    Py_XDECREF(dict);
    Py_XDECREF(first);
    Py_XDECREF(second);
    Py_XDECREF(other);
    Py_XDECREF(name);
    Py_XDECREF(type);
    return held;
}

static int cascade_check_allocation(int fault) {
    PyObject *type = cascade_new_class(), *instance;
    allocfunc allocate = cascade_allocate_result;
    freefunc free_memory = cascade_free_memory;
    uint64_t made = cascade_results_made, freed = cascade_results_freed;
    int held = -1;
    if (type == NULL)
        return -1;
    if (!fault)
        cascade_count_results((PyTypeObject *)type);
    instance = PyObject_CallNoArgs(type);
    if (instance != NULL)
        held = cascade_results_made > made && cascade_last_result == instance;
    Py_XDECREF(instance);
    Py_DECREF(type);
    if (held == 1)
        held = cascade_results_freed == freed + 1;
    if (allocate != NULL) {
        cascade_allocate_result = allocate;
        cascade_free_memory = free_memory;
    }
    return held;
}

static int cascade_check_tracing(int fault) {
    /* A function set by `sys` implies a C function; the converse does not hold. */
    PyObject *get = PySys_GetObject("gettrace");
    PyObject *found = get == NULL ? NULL : PyObject_CallNoArgs(get);
    int held;
    if (found == NULL)
        return get == NULL && !fault ? 1 : -1;
    held = found == Py_None || cascade_is_traced();
    Py_DECREF(found);
    return held && !fault;
}

static int cascade_check_tools(int fault) {
    PyObject *monitoring = PySys_GetObject("monitoring"), *found;
    int number, free_number = -1, held = !fault;
    if (monitoring == NULL)
        return held;
    for (number = 0; held == 1 && number < 6; number++) {
        found = PyObject_CallMethod(monitoring, "get_tool", "i", number);
        if (found == NULL)
            return -1;
        if (found == Py_None)
            free_number = number;
        held = (found != Py_None) == cascade_has_tool(number);
        Py_DECREF(found);
    }
    if (held != 1 || free_number < 0)
        return held;
    found = PyObject_CallMethod(monitoring, "use_tool_id", "is", free_number, "cascade");
    if (found == NULL)
        return -1;
    Py_DECREF(found);
    held = cascade_has_tool(free_number);
    found = PyObject_CallMethod(monitoring, "free_tool_id", "i", free_number);
    Py_XDECREF(found);
    return found == NULL ? -1 : held;
}

typedef struct {
    const char *name;
    const char *promise;
    int (*holds)(int fault);
} cascade_check;

static const cascade_check cascade_checks[] = {
    {"version", "it is the version that the extension was built for", cascade_check_version},
    {"dict", "the version of a dict changes when the dict does", cascade_check_dict},
    {"table", "the table of a dict has its keys and values", cascade_check_table},
    {"hash", "an int and a tuple have the hash that is computed for them", cascade_check_hash},
    {"collections", "a defaultdict has its factory, and a deque its items in blocks", cascade_check_collections},
    {"set", "the table of a set has its items", cascade_check_set},
    {"ints", "an int of one digit can be changed in place", cascade_check_ints},
    {"items", "lists and tuples have their items in a row", cascade_check_items},
    {"depth", "a call of a function is counted against the recursion limit", cascade_check_depth},
    {"function", "a function's fields are its attributes", cascade_check_function},
    {"tag", "the tag of a class changes when the class does", cascade_check_tag},
    {"slots", "the value of a slot stands at its descriptor's offset", cascade_check_slots},
    {"values", "the values of attributes stand in the order of their class's keys", cascade_check_values},
    {"allocation", "instances are allocated by their class's tp_alloc", cascade_check_allocation},
    {"tools", "an interpreter knows the tools of sys.monitoring", cascade_check_tools},
    {"tracing", "a thread knows its tracing function", cascade_check_tracing},
};

enum { CASCADE_CHECK_COUNT = sizeof(cascade_checks) / sizeof(cascade_checks[0]) };

/* The names of a class itself: a new reference, or NULL. */
static inline PyObject *cascade_class_dict(PyTypeObject *type)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyType_GetDict(type);
#else
    return Py_XNewRef(type->tp_dict);
#endif
}

#endif
