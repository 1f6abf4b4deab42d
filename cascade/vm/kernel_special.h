/* What CPython makes of the result of a special method: see cascade/kernels/blocks/special_methods.py. Included by kernel.h. */

enum {
    CASCADE_AS_IT_IS,
    CASCADE_OF_OPERATOR,        /* NotImplemented is a TypeError: no operand has another method for it */
    CASCADE_OF_COMPARISON,      /* after NotImplemented the other side is asked; then + the number of the comparison */
    CASCADE_OF_UNEQUAL = CASCADE_OF_COMPARISON + 6,     /* object.__ne__: the opposite of what __eq__ returns */
    CASCADE_OF_HOLDS,           /* the result's truth */
    CASCADE_OF_HOLDS_NOT,
    CASCADE_OF_LENGTH
};

/* A comparison whose left side has returned NotImplemented. The right side's class is no subclass of the left one's, so it comes now. */
static PyObject *cascade_compare_reflected(PyObject *self, PyObject *const *values, Py_ssize_t count)
{
    static const int reflected[] = {Py_GT, Py_GE, Py_EQ, Py_NE, Py_LT, Py_LE};
    static const char *const signs[] = {"<", "<=", "==", "!=", ">", ">="};
    PyObject *left = values[0], *right = values[1], *result;
    long sign = PyLong_AsLong(values[2]);
    richcmpfunc compare = Py_TYPE(right)->tp_richcompare;
    (void)self, (void)count;
    if (compare != NULL) {
        result = compare(right, left, reflected[sign]);
        if (result != Py_NotImplemented)
            return result;
        Py_DECREF(result);
    }
    if (sign == Py_EQ || sign == Py_NE)
        return PyBool_FromLong((left == right) == (sign == Py_EQ));
    PyErr_Format(PyExc_TypeError, "'%s' not supported between instances of '%.100s' and '%.100s'", signs[sign], Py_TYPE(left)->tp_name,
                 Py_TYPE(right)->tp_name);
    return NULL;
}

/* The result of `len`, of what `__len__` has returned. */
static PyObject *cascade_as_length(PyObject *self, PyObject *const *values, Py_ssize_t count)
{
    PyObject *found = PyNumber_Index(values[0]);
    long long value;
    int overflow;
    Py_ssize_t size;
    (void)self, (void)count;
    if (found == NULL)
        return NULL;
    value = PyLong_AsLongLongAndOverflow(found, &overflow);
    if (overflow < 0 || (overflow == 0 && value < 0)) {
        Py_DECREF(found);
        PyErr_SetString(PyExc_ValueError, "__len__() should return >= 0");
        return NULL;
    }
    size = PyNumber_AsSsize_t(found, PyExc_OverflowError);
    Py_DECREF(found);
    return size == -1 && PyErr_Occurred() ? NULL : PyLong_FromSsize_t(size);
}

static PyMethodDef cascade_special_functions[] = {
    {"compare", (PyCFunction)(void (*)(void))cascade_compare_reflected, METH_FASTCALL, NULL},
    {"length", (PyCFunction)(void (*)(void))cascade_as_length, METH_FASTCALL, NULL},
};

/* Calls one of these, or bool(), at an instruction that typed code is at: with the frames that code of users may look at. */
static PyObject *cascade_call_special(cascade_state *s, int which, PyObject *first, PyObject *second, int sign)
{
    PyObject *function, *values[4] = {NULL, first, second, NULL}, *result = NULL;
    size_t count = 1;
    if (which < 0)
        function = Py_NewRef((PyObject *)&PyBool_Type);
    else if ((function = PyCFunction_New(&cascade_special_functions[which], NULL)) == NULL)
        return NULL;
    if (second != NULL) {
        values[3] = PyLong_FromLong(sign);
        count = 3;
    }
    if (second == NULL || values[3] != NULL)
        result = cascade_call_under(s, function, values + 1, count | PY_VECTORCALL_ARGUMENTS_OFFSET);
    Py_XDECREF(values[3]);
    Py_DECREF(function);
    return result;
}

/* The truth of a result, whose reference is taken; the opposite where that is asked for. */
static PyObject *cascade_truth_of(cascade_state *s, PyObject *found, int opposite)
{
    PyObject *truth = found;
    if (found != Py_True && found != Py_False) {
        truth = cascade_call_special(s, -1, found, NULL, 0);
        Py_DECREF(found);
        if (truth == NULL)
            return NULL;
    }
    if (opposite)
        Py_SETREF(truth, Py_NewRef(truth == Py_True ? Py_False : Py_True));
    return truth;
}

/* An operand of the call at which typed code is: a new reference. */
static PyObject *cascade_operand(cascade_state *s, const cascade_gather *gather, int32_t number)
{
    const cascade_source *source = &gather->sources[number];
    return cascade_boxed(s->registers[(uint32_t)source->where], source->kind == 'o' ? 'r' : source->kind);
}

static PyObject *cascade_not_implemented(cascade_state *s, const cascade_gather *gather)
{
    PyObject *left = cascade_operand(s, gather, 0), *right = cascade_operand(s, gather, 1), *result = NULL;
    if (left != NULL && right != NULL && gather->finish == CASCADE_OF_OPERATOR)
        PyErr_Format(PyExc_TypeError, "unsupported operand type(s) for %U: '%.100s' and '%.100s'", gather->sign, Py_TYPE(left)->tp_name,
                     Py_TYPE(right)->tp_name);
    else if (left != NULL && right != NULL) {
        int sign = gather->finish == CASCADE_OF_UNEQUAL ? Py_NE : gather->finish - CASCADE_OF_COMPARISON;
        result = cascade_call_special(s, 0, left, right, sign);
    }
    Py_XDECREF(left);
    Py_XDECREF(right);
    return result;
}

/* Returns what the instruction makes of a method's result, whose reference is taken; NULL with an exception set. */
static PyObject *cascade_finish(cascade_state *s, const cascade_gather *gather, PyObject *found)
{
    switch (gather->finish) {
    case CASCADE_AS_IT_IS:
        return found;
    case CASCADE_OF_HOLDS:
    case CASCADE_OF_HOLDS_NOT:
        return cascade_truth_of(s, found, gather->finish == CASCADE_OF_HOLDS_NOT);
    case CASCADE_OF_LENGTH:
        if (!PyLong_CheckExact(found) || !cascade_is_short_int(found) || cascade_short_int(found) < 0)
            Py_SETREF(found, cascade_call_special(s, 1, found, NULL, 0));
        return found;
    default:
        if (found == Py_NotImplemented) {
            Py_DECREF(found);
            return cascade_not_implemented(s, gather);
        }
        return gather->finish == CASCADE_OF_UNEQUAL ? cascade_truth_of(s, found, 1) : found;
    }
}
