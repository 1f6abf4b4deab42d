/* Calls of functions written in C that run no code of users: see cascade/instructions/families/c_calls.py. Included by kernel.h.
 *
 * A method of a built-in class, or a function of a built-in module, is entered directly, as CPython's specialised instructions do.
 */

enum { CASCADE_UNRESOLVED, CASCADE_VECTORCALL, CASCADE_NO_ARGUMENTS, CASCADE_ONE, CASCADE_FAST, CASCADE_FAST_KEYWORDS };

static int32_t cascade_way_of(int flags, int32_t arguments)
{
    switch (flags & (METH_VARARGS | METH_FASTCALL | METH_NOARGS | METH_O | METH_KEYWORDS | METH_METHOD)) {
    case METH_NOARGS: return arguments == 0 ? CASCADE_NO_ARGUMENTS : CASCADE_VECTORCALL;
    case METH_O: return arguments == 1 ? CASCADE_ONE : CASCADE_VECTORCALL;
    case METH_FASTCALL: return CASCADE_FAST;
    case METH_FASTCALL | METH_KEYWORDS: return CASCADE_FAST_KEYWORDS;
    default: return CASCADE_VECTORCALL;
    }
}

/* Finds out how the function is entered; a method descriptor's `self` is its first argument. */
static void cascade_resolve(cascade_gather *gather)
{
    PyObject *function = gather->function;
    PyMethodDef *definition;
    gather->way = CASCADE_VECTORCALL;
    gather->self = NULL;
    if (Py_TYPE(function) == &PyMethodDescr_Type && gather->count > 0) {
        definition = ((PyMethodDescrObject *)function)->d_method;
        gather->entry = definition->ml_meth;
        gather->way = cascade_way_of(definition->ml_flags, gather->count - 1);
    }
    else if (PyCFunction_CheckExact(function)) {
        definition = ((PyCFunctionObject *)function)->m_ml;
        gather->entry = definition->ml_meth;
        gather->self = PyCFunction_GET_SELF(function);
        gather->way = gather->self == NULL ? CASCADE_VECTORCALL : cascade_way_of(definition->ml_flags, gather->count);
    }
}

static PyObject *cascade_enter(const cascade_gather *gather, PyObject **values)
{
    PyObject *self = gather->self;
    PyObject **arguments = values;
    Py_ssize_t count = gather->count;
    if (gather->way == CASCADE_VECTORCALL)
        return PyObject_Vectorcall(gather->function, values, (size_t)count | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    if (self == NULL) {
        self = *arguments++;
        count -= 1;
    }
    switch (gather->way) {
    case CASCADE_NO_ARGUMENTS: return gather->entry(self, NULL);
    case CASCADE_ONE: return gather->entry(self, arguments[0]);
    case CASCADE_FAST: return ((cascade_fast_entry)(void (*)(void))gather->entry)(self, arguments, count);
    default: return ((cascade_fast_keywords_entry)(void (*)(void))gather->entry)(self, arguments, count, NULL);
    }
}

/* Returns a new reference, or NULL with an error set. The registers keep their references in any case. */
static __attribute__((noinline)) PyObject *cascade_call_c(cascade_gather *gather, cascade_register *r)
{
    PyObject *values[CASCADE_GATHER_LIMIT + 1], *result = NULL;
    int32_t i, made;
    if (gather->way == CASCADE_UNRESOLVED)
        cascade_resolve(gather);
    values[0] = NULL;
    for (made = 0; made < gather->count; made++) {
        const cascade_source *source = &gather->sources[made];
        cascade_register value = r[(uint32_t)source->where];
        values[made + 1] = cascade_is_object(source->kind) ? (PyObject *)value.object : cascade_boxed(value, source->kind);
        if (values[made + 1] == NULL)
            break;
    }
    if (made == gather->count)
        result = cascade_enter(gather, values + 1);
    for (i = 0; i < made; i++)
        if (!cascade_is_object(gather->sources[i].kind))
            Py_DECREF(values[i + 1]);
    return result;
}

/* The same for a function that returns an int of 64 bits or a bool: returns 0, or -1 with an error set. */
static __attribute__((noinline)) int cascade_call_c_int(cascade_gather *gather, cascade_register *r, int64_t *number)
{
    PyObject *result = cascade_call_c(gather, r);
    if (result == NULL)
        return -1;
    *number = PyLong_AsLongLong(result);
    Py_DECREF(result);
    return *number == -1 && PyErr_Occurred() != NULL ? -1 : 0;
}

OP(CALL_C) { PyObject *v = cascade_call_c(s->gathers[w->e], r); if (v == NULL) STOP(CASCADE_RAISED); SET(a, v); NEXT; }
OP(CALL_C_NUMBER) { if (cascade_call_c_int(s->gathers[w->e], r, &I(a))) STOP(CASCADE_RAISED); NEXT; }
OP(CALL_C_FLOAT)
{
    PyObject *v = cascade_call_c(s->gathers[w->e], r);
    if (v == NULL)
        STOP(CASCADE_RAISED);
    D(a) = PyFloat_AS_DOUBLE(v);
    Py_DECREF(v);
    NEXT;
}
OP(CALL_C_NONE) { PyObject *v = cascade_call_c(s->gathers[w->e], r); if (v == NULL) STOP(CASCADE_RAISED); Py_DECREF(v); NEXT; }
