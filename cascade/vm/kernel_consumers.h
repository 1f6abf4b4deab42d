/* Consumers of generator expressions: see cascade/kernels/blocks/consumers.py. Included by kernel.h.
 *
 * Where the code of an expression exits, the function that consumes it continues here, with a generator of the values to come and
 * with what it has so far, as CPython's own function does.
 */

/* sum() of floats, from CPython 3.12 on (Neumaier): a has the sum, a + 1 the errors of the additions. */
OP(SUM_FLOAT)
{
    cascade_register *sum = &r[(uint32_t)w->a];
    cascade_add_float(&sum[0].d, &sum[1].d, D(c));
    NEXT;
}
OP(SUM_ERRORS)
{
    D(a) = cascade_with_errors(r[(uint32_t)w->b].d, r[(uint32_t)w->b + 1].d);
    NEXT;
}

/* A value of what comes; NULL at the end and where it raises. */
#define COMING(generator) PyIter_Next(generator)

/* Adds what comes to a sum, whose reference is taken. */
static PyObject *cascade_add_coming(PyObject *generator, PyObject *sum)
{
    PyObject *item, *next;
    while (sum != NULL && (item = COMING(generator)) != NULL) {
        next = PyNumber_Add(sum, item);
        Py_DECREF(item);
        Py_DECREF(sum);
        sum = next;
    }
    if (PyErr_Occurred())
        Py_CLEAR(sum);
    return sum;
}

/* Adds floats, and ints of 64 bits, without making an object for each sum. */
static PyObject *cascade_add_floats(PyObject *generator, double sum, double errors)
{
    PyObject *item, *total, *next;
    while ((item = COMING(generator)) != NULL) {
        int overflow = 1;
        if (PyFloat_CheckExact(item)) {
            cascade_add_float(&sum, &errors, PyFloat_AS_DOUBLE(item));
            Py_DECREF(item);
            continue;
        }
        if (PyLong_Check(item)) {
            long number = PyLong_AsLongAndOverflow(item, &overflow);
            if (!overflow) {
                sum += (double)number;
                Py_DECREF(item);
                continue;
            }
        }
        total = PyFloat_FromDouble(cascade_with_errors(sum, errors));
        next = total == NULL ? NULL : PyNumber_Add(total, item);
        Py_XDECREF(total);
        Py_DECREF(item);
        return cascade_add_coming(generator, next);
    }
    if (PyErr_Occurred())
        return NULL;
    return PyFloat_FromDouble(cascade_with_errors(sum, errors));
}

static PyObject *cascade_choose_coming(PyObject *generator, PyObject *best, int sign)
{
    PyObject *item;
    Py_INCREF(best);
    while ((item = COMING(generator)) != NULL) {
        int found = PyObject_RichCompareBool(item, best, sign);
        if (found > 0) {
            Py_DECREF(best);
            best = item;
            continue;
        }
        Py_DECREF(item);
        if (found < 0)
            break;
    }
    if (PyErr_Occurred())
        Py_CLEAR(best);
    return best;
}

static PyObject *cascade_extend_by_coming(PyObject *generator, PyObject *list)
{
    PyObject *done = PyObject_CallMethod(list, "extend", "O", generator);
    Py_XDECREF(done);
    return done == NULL ? NULL : Py_NewRef(list);
}

static PyObject *cascade_add_coming_to_set(PyObject *generator, PyObject *set)
{
    PyObject *item;
    while ((item = COMING(generator)) != NULL) {
        int failed = PySet_Add(set, item);
        Py_DECREF(item);
        if (failed)
            return NULL;
    }
    return PyErr_Occurred() ? NULL : Py_NewRef(set);
}

/* Python's own functions, as they were when the extension was imported. */
static PyObject *cascade_sum_function, *cascade_any_function, *cascade_all_function, *cascade_min_function, *cascade_max_function;

static int cascade_know_consumers(void)
{
    PyObject *module = PyImport_ImportModule("builtins");
    if (module == NULL)
        return -1;
    cascade_sum_function = PyObject_GetAttrString(module, "sum");
    cascade_any_function = PyObject_GetAttrString(module, "any");
    cascade_all_function = PyObject_GetAttrString(module, "all");
    cascade_min_function = PyObject_GetAttrString(module, "min");
    cascade_max_function = PyObject_GetAttrString(module, "max");
    Py_DECREF(module);
    return PyErr_Occurred() ? -1 : 0;
}

/* Arguments of all: the generator, then what the consumer has so far. */

static PyObject *cascade_finish_sum(PyObject *self, PyObject *const *values, Py_ssize_t count)
{
    (void)self;
    if (count > 1 && PyFloat_CheckExact(values[1]))
        return cascade_add_floats(values[0], PyFloat_AS_DOUBLE(values[1]), count > 2 ? PyFloat_AsDouble(values[2]) : 0.0);
    return PyObject_Vectorcall(cascade_sum_function, values, (size_t)count, NULL);
}

static PyObject *cascade_finish_choice(PyObject *const *values, Py_ssize_t count, PyObject *function, int sign)
{
    return count < 2 ? PyObject_Vectorcall(function, values, 1, NULL) : cascade_choose_coming(values[0], values[1], sign);
}

static PyObject *cascade_finish_min(PyObject *self, PyObject *const *values, Py_ssize_t count)
{
    (void)self;
    return cascade_finish_choice(values, count, cascade_min_function, Py_LT);
}

static PyObject *cascade_finish_max(PyObject *self, PyObject *const *values, Py_ssize_t count)
{
    (void)self;
    return cascade_finish_choice(values, count, cascade_max_function, Py_GT);
}

static PyObject *cascade_finish_any(PyObject *self, PyObject *const *values, Py_ssize_t count)
{
    (void)self, (void)count;
    return PyObject_Vectorcall(cascade_any_function, values, 1, NULL);
}

static PyObject *cascade_finish_all(PyObject *self, PyObject *const *values, Py_ssize_t count)
{
    (void)self, (void)count;
    return PyObject_Vectorcall(cascade_all_function, values, 1, NULL);
}

static PyObject *cascade_finish_list(PyObject *self, PyObject *const *values, Py_ssize_t count)
{
    (void)self;
    return count < 2 ? PySequence_List(values[0]) : cascade_extend_by_coming(values[0], values[1]);
}

static PyObject *cascade_finish_tuple(PyObject *self, PyObject *const *values, Py_ssize_t count)
{
    PyObject *list = cascade_finish_list(self, values, count);
    PyObject *made = list == NULL ? NULL : PyList_AsTuple(list);
    Py_XDECREF(list);
    return made;
}

static PyObject *cascade_finish_sorted(PyObject *self, PyObject *const *values, Py_ssize_t count)
{
    PyObject *list = cascade_finish_list(self, values, count);
    if (list != NULL && PyList_Sort(list) < 0)
        Py_CLEAR(list);
    return list;
}

static PyObject *cascade_finish_set(PyObject *self, PyObject *const *values, Py_ssize_t count)
{
    (void)self;
    return count < 2 ? PySet_New(values[0]) : cascade_add_coming_to_set(values[0], values[1]);
}

#define CONSUMER(NAME, FUNCTION) {NAME, (PyCFunction)(void (*)(void))FUNCTION, METH_FASTCALL, NULL}
static PyMethodDef cascade_consumers[] = {
    CONSUMER("sum", cascade_finish_sum), CONSUMER("any", cascade_finish_any), CONSUMER("all", cascade_finish_all),
    CONSUMER("min", cascade_finish_min), CONSUMER("max", cascade_finish_max), CONSUMER("list", cascade_finish_list),
    CONSUMER("tuple", cascade_finish_tuple), CONSUMER("sorted", cascade_finish_sorted), CONSUMER("set", cascade_finish_set),
    CONSUMER("join", cascade_finish_list), {NULL, NULL, 0, NULL},
};

/* A function that finishes the work of a consumer. */
static PyObject *cascade_consumer(const char *name)
{
    for (PyMethodDef *each = cascade_consumers; each->ml_name != NULL; each++)
        if (strcmp(each->ml_name, name) == 0)
            return PyCFunction_New(each, NULL);
    PyErr_SetString(PyExc_SystemError, name);
    return NULL;
}
