/* Frames of functions whose typed code has led to code of CPython's: they are made when there is some. Included by kernel_objects.h. */

/* A call that is made by a frame of CPython's that stands for a function in typed code: code that looks at frames sees it. */
typedef struct {
    PyObject *function;
    PyObject *const *values;
    size_t count;
    int *gives;     /* set as soon as the function has taken over a reference of each value; NULL for a call that takes none over */
    const int64_t *room;    /* below the recursion limit, as if there were no frames for typed code, whose calls count already; or NULL */
} cascade_pending_call;

enum { CASCADE_FRAME_DEPTH = 4 };   /* by which a frame for typed code may count: itself, and the call that it makes */

/* Makes a call. A function takes a reference of each argument before anything else: if it is the last one from then on, the argument dies
 * as soon as the function drops it, as it does where CPython calls. */
static PyObject *cascade_make_call(const cascade_pending_call *call)
{
    size_t i;
    PyObject *result;
    int64_t uncounted = call->room == NULL ? 0 : cascade_depth_left() - *call->room;
    if (call->gives != NULL) {
        *call->gives = 1;
        for (i = 0; i < (size_t)PyVectorcall_NARGS(call->count); i++)
            Py_SET_REFCNT(call->values[i], Py_REFCNT(call->values[i]) - 1);   /* which is no change of one that never dies */
    }
    cascade_count_call(PyThreadState_Get(), (int)uncounted);
    result = PyObject_Vectorcall(call->function, call->values, call->count, NULL);
    cascade_count_call(PyThreadState_Get(), (int)-uncounted);
    return result;
}

/* An object that makes a pending call when it is called, asked for an attribute, or an operand: whatever the instruction does that the
 * typed code is at. It keeps the result for itself, as CPython may make another one of it for the instruction. */
typedef struct {
    PyObject_HEAD
    cascade_pending_call call;
    PyObject *result;
} cascade_proceeding;

static int cascade_proceed(PyObject *self)
{
    cascade_proceeding *proceeding = (cascade_proceeding *)self;
    cascade_pending_call call = proceeding->call;
    proceeding->call.function = NULL;
    if (call.function == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this call is over");
        return -1;
    }
    proceeding->result = cascade_make_call(&call);
    return proceeding->result == NULL ? -1 : 0;
}

static PyObject *cascade_proceed_alone(PyObject *self) { return cascade_proceed(self) ? NULL : Py_NewRef(Py_None); }
static PyObject *cascade_proceed_beside(PyObject *self, PyObject *other) { (void)other; return cascade_proceed_alone(self); }
static PyObject *cascade_proceed_by_power(PyObject *self, PyObject *other, PyObject *modulus)
{
    (void)other, (void)modulus;
    return cascade_proceed_alone(self);
}
static PyObject *cascade_proceed_by_call(PyObject *self, PyObject *values, PyObject *names)
{
    (void)values, (void)names;
    return cascade_proceed_alone(self);
}
static PyObject *cascade_proceed_by_comparison(PyObject *self, PyObject *other, int sign)
{
    (void)other, (void)sign;
    return cascade_proceed_alone(self);
}
static int cascade_proceed_by_test(PyObject *self, PyObject *value) { (void)value; return cascade_proceed(self); }
static int cascade_proceed_by_store(PyObject *self, PyObject *key, PyObject *value)
{
    (void)key, (void)value;
    return cascade_proceed(self);
}

static PyNumberMethods cascade_proceeding_numbers = {
    .nb_add = cascade_proceed_beside, .nb_subtract = cascade_proceed_beside, .nb_multiply = cascade_proceed_beside,
    .nb_remainder = cascade_proceed_beside, .nb_power = cascade_proceed_by_power, .nb_true_divide = cascade_proceed_beside,
    .nb_floor_divide = cascade_proceed_beside, .nb_matrix_multiply = cascade_proceed_beside, .nb_lshift = cascade_proceed_beside,
    .nb_rshift = cascade_proceed_beside, .nb_and = cascade_proceed_beside, .nb_xor = cascade_proceed_beside,
    .nb_or = cascade_proceed_beside, .nb_negative = cascade_proceed_alone, .nb_positive = cascade_proceed_alone,
    .nb_invert = cascade_proceed_alone,
};
static PySequenceMethods cascade_proceeding_items = {.sq_contains = cascade_proceed_by_test};
static PyMappingMethods cascade_proceeding_keys = {
    .mp_subscript = cascade_proceed_beside, .mp_ass_subscript = cascade_proceed_by_store,
};

static PyTypeObject cascade_proceeding_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "proceeding",
    .tp_basicsize = sizeof(cascade_proceeding),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_call = cascade_proceed_by_call,
    .tp_getattro = cascade_proceed_beside,
    .tp_richcompare = cascade_proceed_by_comparison,
    .tp_as_number = &cascade_proceeding_numbers,
    .tp_as_sequence = &cascade_proceeding_items,
    .tp_as_mapping = &cascade_proceeding_keys,
};

/* What stands in place of all other values of the instruction: calls of it do nothing. */
static PyObject *cascade_idle(PyObject *self, PyObject *values, PyObject *names)
{
    (void)self, (void)values, (void)names;
    Py_RETURN_NONE;
}

static PyMethodDef cascade_idle_method = {"idle", (PyCFunction)(void (*)(void))cascade_idle, METH_VARARGS | METH_KEYWORDS, NULL};

/* A call under the frames of the functions whose typed code has led here, the outermost first: each is a call-out of the instruction at
 * which that code waits, with something else in place of its operand. */
static PyObject *cascade_make_call_in_frames(cascade_state *parent, const cascade_pending_call *call)
{
    static PyObject *idle;
    PyObject *arguments[CASCADE_GATHER_LIMIT + 1], *result;
    cascade_proceeding *proceeding;
    const cascade_gather *gather;
    int32_t i;
    if (parent == NULL)
        return cascade_make_call(call);
    gather = parent->gathers[parent->word->e];
    if (idle == NULL && (idle = PyCFunction_New(&cascade_idle_method, NULL)) == NULL)
        return NULL;
    if (PyType_Ready(&cascade_proceeding_type) < 0 || (proceeding = PyObject_New(cascade_proceeding, &cascade_proceeding_type)) == NULL)
        return NULL;
    proceeding->call = *call;
    proceeding->result = NULL;
    arguments[0] = NULL;
    for (i = 0; i < gather->count; i++)
        arguments[i + 1] = idle;    /* that of a comprehension is called */
    arguments[gather->operand + 1] = (PyObject *)proceeding;
    result = cascade_make_call_in_frames(parent->parent, &(cascade_pending_call){
        gather->function, arguments + 1, (size_t)gather->count | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL, NULL});
    if (result != NULL)
        Py_SETREF(result, proceeding->result == NULL ? NULL : Py_NewRef(proceeding->result));
    proceeding->call.function = NULL;
    Py_CLEAR(proceeding->result);
    Py_DECREF(proceeding);
    return result;
}

static PyObject *cascade_make_call_under(cascade_state *parent, cascade_pending_call call)
{
    PyObject *result;
    int64_t room = cascade_depth_left();
    int frames = 0;
    for (const cascade_state *each = parent; each != NULL; each = each->parent)
        frames += CASCADE_FRAME_DEPTH;
    if (frames > 0)
        call.room = &room;
    cascade_count_call(PyThreadState_Get(), -frames);
    result = cascade_make_call_in_frames(parent, &call);
    cascade_count_call(PyThreadState_Get(), frames);
    return result;
}

/* Calls a function under the frames of the functions whose typed code has led here. */
static PyObject *cascade_call_under(cascade_state *parent, PyObject *function, PyObject *const *values, size_t count)
{
    return cascade_make_call_under(parent, (cascade_pending_call){function, values, count, NULL, NULL});
}

/* Counts the frames that a call-out needs. */
static inline void cascade_count_frames(cascade_state *s)
{
    const cascade_state *parent;
    for (parent = s->parent; parent != NULL; parent = parent->parent)
        s->frames++;
}
