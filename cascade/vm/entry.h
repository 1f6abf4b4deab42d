/* Functions that users call: their frames, and those of the library below, are left out of the tracebacks of exceptions that leave them.
 *
 * A Python function cannot do that: its own frame is added to the traceback after its last instruction. */

#ifndef CASCADE_ENTRY_H
#define CASCADE_ENTRY_H

#include <Python.h>
#include <frameobject.h>
#include <stddef.h>

typedef struct {
    PyObject_HEAD
    PyObject *function;
    PyObject *dict;
    PyObject *weak_references;
    vectorcallfunc vectorcall;
} cascade_door;

static int cascade_full_tracebacks = 0;
static PyObject *cascade_name_of_call;
static PyObject *cascade_misuse;    /* the class of errors that tell a user all there is to know: without a frame of the library */

static int cascade_has_notes(PyObject *error) {
    PyObject *notes = PyObject_GetAttrString(error, "__notes__");
    int has = notes != NULL && PyList_Check(notes) && PyList_GET_SIZE(notes) > 0;
    if (notes == NULL)
        PyErr_Clear();
    Py_XDECREF(notes);
    return has;
}

/* Whether an exception needs no frame of the library: the user's mistake, Ctrl-C, one whose note says where it was raised, or one whose
 * cause has the frames of a worker process. */
static int cascade_tells_all(PyObject *error) {
    PyObject *cause, *module;
    const char *text;
    int tells;
    if (PyErr_GivenExceptionMatches(error, PyExc_KeyboardInterrupt))
        return 1;
    if (cascade_misuse != NULL && PyErr_GivenExceptionMatches(error, cascade_misuse))
        return 1;
    if (cascade_has_notes(error))
        return 1;
    cause = PyException_GetCause(error);
    if (cause == NULL)
        return 0;
    module = PyObject_GetAttrString((PyObject *)Py_TYPE(cause), "__module__");
    text = module != NULL && PyUnicode_Check(module) ? PyUnicode_AsUTF8(module) : NULL;
    tells = text != NULL && strcmp(text, "cascade.adapters.executors.messages") == 0;
    if (text == NULL)
        PyErr_Clear();
    Py_XDECREF(module);
    Py_DECREF(cause);
    return tells;
}

/* Packages that the library may be in when Ctrl-C comes, or when it finds a mistake. */
static const char *const cascade_machinery[] = {"asyncio", "importlib", "threading", "selectors", "concurrent", "contextlib", NULL};

static int cascade_is_of(const char *module, const char *package) {
    size_t length = strlen(package);
    return strncmp(module, package, length) == 0 && (module[length] == '.' || module[length] == 0);
}

/* Whether the function of a frame is of a package or module, or of the machinery. */
static int cascade_is_frame_of(PyFrameObject *frame, const char *module, int with_machinery) {
    PyObject *globals = PyFrame_GetGlobals(frame);
    PyObject *name = globals == NULL ? NULL : PyDict_GetItemString(globals, "__name__");
    const char *text = name != NULL && PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
    const char *const *package = cascade_machinery;
    int is_of = text != NULL && cascade_is_of(text, module);
    for (; text != NULL && with_machinery && !is_of && *package != NULL; package++)
        is_of = cascade_is_of(text, *package);
    if (name != NULL && text == NULL)
        PyErr_Clear();
    Py_XDECREF(globals);
    return is_of;
}

/* Takes the last frames off, if they are those of `task.tail(...)`, which is called in loops and so is no entry point of its own. */
static void cascade_trim_end(PyObject *traceback) {
    PyTracebackObject *last_other = (PyTracebackObject *)traceback, *each = last_other;
    for (; each != NULL; each = each->tb_next)
        if (!cascade_is_frame_of(each->tb_frame, "cascade.declare.task", 0))
            last_other = each;
    if (last_other->tb_next != NULL && PyObject_SetAttrString((PyObject *)last_other, "tb_next", Py_None) < 0)
        PyErr_Clear();
}

/* Takes the leading frames of the library off the traceback of the exception that is set. */
static void cascade_trim_traceback(void) {
    PyObject *type, *value, *traceback, *rest;
    int with_machinery = PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) || (cascade_misuse != NULL && PyErr_ExceptionMatches(cascade_misuse));
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    rest = traceback;
    while (rest != NULL && rest != Py_None && PyTraceBack_Check(rest) && cascade_is_frame_of(((PyTracebackObject *)rest)->tb_frame, "cascade", with_machinery))
        rest = (PyObject *)((PyTracebackObject *)rest)->tb_next;
    if (rest == NULL && !(value != NULL && PyExceptionInstance_Check(value) && cascade_tells_all(value)))
        rest = traceback;
    if (rest != NULL && rest != Py_None && PyTraceBack_Check(rest))
        cascade_trim_end(rest);
    Py_XINCREF(rest);
    Py_XDECREF(traceback);
    if (value != NULL && PyExceptionInstance_Check(value))
        PyException_SetTraceback(value, rest == NULL ? Py_None : rest);
    PyErr_Restore(type, value, rest);
}

/* The same, for the exception that leaves a function that a user has called. */
static void cascade_trim_exception(void) {
    if (!cascade_full_tracebacks)
        cascade_trim_traceback();
}

static PyObject *cascade_call_entry(PyObject *self, PyObject *const *arguments, size_t count, PyObject *names) {
    PyObject *result = PyObject_Vectorcall(((cascade_door *)self)->function, arguments, count, names);
    if (result == NULL)
        cascade_trim_exception();
    return result;
}

static int cascade_traverse_entry(PyObject *self, visitproc visit, void *arg) {
    Py_VISIT(((cascade_door *)self)->function);
    Py_VISIT(((cascade_door *)self)->dict);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static int cascade_clear_entry(PyObject *self) {
    Py_CLEAR(((cascade_door *)self)->dict);
    return 0;
}

static void cascade_free_entry(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (((cascade_door *)self)->weak_references != NULL)
        PyObject_ClearWeakRefs(self);
    Py_CLEAR(((cascade_door *)self)->dict);
    Py_CLEAR(((cascade_door *)self)->function);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *cascade_show_entry(PyObject *self) {
    return PyObject_Repr(((cascade_door *)self)->function);
}

static PyObject *cascade_reduce_entry(PyObject *self, PyObject *ignored) {
    return PyObject_GetAttrString(((cascade_door *)self)->function, "__qualname__");   /* as a function: by its name */
}

static PyObject *cascade_bind_entry(PyObject *self, PyObject *object, PyObject *type) {
    return object == NULL || object == Py_None ? Py_NewRef(self) : PyMethod_New(self, object);     /* as a function */
}

static PyMemberDef cascade_entry_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(cascade_door, vectorcall), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(cascade_door, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(cascade_door, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef cascade_entry_methods[] = {
    {"__reduce__", cascade_reduce_entry, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef cascade_entry_attributes[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot cascade_entry_slots[] = {
    {Py_tp_call, (void *)PyVectorcall_Call},
    {Py_tp_dealloc, (void *)cascade_free_entry},
    {Py_tp_traverse, (void *)cascade_traverse_entry},
    {Py_tp_clear, (void *)cascade_clear_entry},
    {Py_tp_repr, (void *)cascade_show_entry},
    {Py_tp_descr_get, (void *)cascade_bind_entry},
    {Py_tp_getattro, (void *)PyObject_GenericGetAttr},
    {Py_tp_setattro, (void *)PyObject_GenericSetAttr},
    {Py_tp_members, cascade_entry_members},
    {Py_tp_methods, cascade_entry_methods},
    {Py_tp_getset, cascade_entry_attributes},
    {0, NULL},
};

static PyType_Spec cascade_entry_spec = {
    "cascade._vm.EntryPoint", sizeof(cascade_door), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    cascade_entry_slots,
};

static PyObject *cascade_entry_type;

static PyObject *cascade_new_entry(PyObject *function) {
    cascade_door *entry;
    if (cascade_entry_type == NULL && (cascade_entry_type = PyType_FromSpec(&cascade_entry_spec)) == NULL)
        return NULL;
    entry = PyObject_GC_New(cascade_door, (PyTypeObject *)cascade_entry_type);
    if (entry == NULL)
        return NULL;
    entry->function = Py_NewRef(function);
    entry->dict = entry->weak_references = NULL;
    entry->vectorcall = cascade_call_entry;
    PyObject_GC_Track((PyObject *)entry);
    return (PyObject *)entry;
}

/* Calls an object by the `__call__` of its class, a function or an entry point. */
static PyObject *cascade_call_whole(PyObject *self, PyObject **arguments, size_t flags, PyObject *names) {
    PyObject *few[8], **all = few;
    PyObject *function, *result;
    Py_ssize_t count = PyVectorcall_NARGS(flags) + (names == NULL ? 0 : PyTuple_GET_SIZE(names));
    if (cascade_name_of_call == NULL && (cascade_name_of_call = PyUnicode_InternFromString("__call__")) == NULL)
        return NULL;
    function = cascade_find_in_class(Py_TYPE(self), cascade_name_of_call);
    if (function == NULL)
        return PyErr_Format(PyExc_TypeError, "'%.200s' object is not callable", Py_TYPE(self)->tp_name);
    if (count >= (Py_ssize_t)Py_ARRAY_LENGTH(few) && (all = PyMem_Malloc((count + 1) * sizeof(PyObject *))) == NULL)
        return PyErr_NoMemory();
    Py_INCREF(function);
    all[0] = self;
    memcpy(all + 1, arguments, count * sizeof(PyObject *));
    result = PyObject_Vectorcall(function, all, PyVectorcall_NARGS(flags) + 1, names);
    Py_DECREF(function);
    if (all != few)
        PyMem_Free(all);
    return result;
}

/* Has the instances of a class called by the function that they hold at an offset. CPython 3.11 lets no class of Python code inherit that. */
static int cascade_take_vectorcalls(PyTypeObject *type, PyTypeObject *base, Py_ssize_t offset) {
    if (type == base || !PyType_IsSubtype(type, base) || !PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) {
        PyErr_Format(PyExc_TypeError, "%.200s is no subclass of %s", type->tp_name, base->tp_name);
        return -1;
    }
    type->tp_vectorcall_offset = offset;
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    PyType_Modified(type);
    return 0;
}

#endif
