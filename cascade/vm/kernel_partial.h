/* Handlers of functools.partial objects, and of methods that are kept: see partial_calls.py and bound_methods.py in
 * cascade/kernels/blocks. Included by kernel.h. */

/* The class, and where its instances have their function, arguments and keywords. */
static struct {
    PyTypeObject *class;
    Py_ssize_t function, arguments, keywords;
} cascade_partial;

#define PARTIAL_FIELD(value, name) (*(PyObject **)((char *)(value) + cascade_partial.name))

/* Returns whether the fields of the class are known. */
static int cascade_learn_partial(PyTypeObject *class, PyObject *function, PyObject *arguments, PyObject *keywords)
{
    cascade_partial.function = cascade_member_offset(class, function);
    cascade_partial.arguments = cascade_member_offset(class, arguments);
    cascade_partial.keywords = cascade_member_offset(class, keywords);
    if (cascade_partial.function < 0 || cascade_partial.arguments < 0 || cascade_partial.keywords < 0)
        return 0;
    cascade_partial.class = (PyTypeObject *)Py_NewRef((PyObject *)class);
    return 1;
}

static inline int cascade_is_partial_of(PyObject *value, PyObject *function, Py_ssize_t count)
{
    PyObject *arguments, *keywords;
    if (Py_TYPE(value) != cascade_partial.class || PARTIAL_FIELD(value, function) != function)
        return 0;
    arguments = PARTIAL_FIELD(value, arguments);
    keywords = PARTIAL_FIELD(value, keywords);
    return PyTuple_CheckExact(arguments) && PyTuple_GET_SIZE(arguments) == count
        && (keywords == NULL || (PyDict_CheckExact(keywords) && PyDict_GET_SIZE(keywords) == 0));
}

OP(EXPECT_PARTIAL) { if (!cascade_is_partial_of(O(a), O(b), w->c)) GO(f); NEXT; }
OP(PARTIAL_ITEM) { SET(a, PyTuple_GET_ITEM(PARTIAL_FIELD(O(b), arguments), w->c)); NEXT; }

/* ---- Methods of built-in objects that are kept ---------------------------------------------------------------------- */

OP(BIND)
{
    PyObject *method = s->gathers[w->e]->function, *v = Py_TYPE(method)->tp_descr_get(method, O(b), (PyObject *)Py_TYPE(O(b)));
    if (v == NULL)
        STOP(CASCADE_RAISED);
    SET(a, v);
    NEXT;
}

static inline int cascade_is_bound(PyObject *value, PyObject *method)
{
    return Py_TYPE(value) == &PyCFunction_Type && ((PyCFunctionObject *)value)->m_ml == ((PyMethodDescrObject *)method)->d_method
        && ((PyCFunctionObject *)value)->m_self != NULL && Py_TYPE(((PyCFunctionObject *)value)->m_self) == PyDescr_TYPE(method);
}

OP(EXPECT_BOUND) { if (!cascade_is_bound(O(a), O(b))) GO(f); NEXT; }
OP(BOUND_TO) { SET(a, ((PyCFunctionObject *)O(b))->m_self); NEXT; }

#undef PARTIAL_FIELD
