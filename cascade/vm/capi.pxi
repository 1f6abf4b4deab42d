# C-API declarations, and the C helpers that the parts of the extension share. Included by _vm.pyx.
# Only cpython.h uses undocumented parts of CPython's C-API.

cdef extern from *:
    """
    #include <time.h>

    typedef PyObject *(*cascade_entry)(PyObject *, PyObject **, size_t, PyObject *);

    #if defined(_MSC_VER)
    #define CASCADE_THREAD_LOCAL __declspec(thread)
    #else
    #define CASCADE_THREAD_LOCAL __thread
    #endif

    /* The number of runs inside a task's function on this thread. */
    static CASCADE_THREAD_LOCAL int cascade_depth = 0;

    static void cascade_depth_add(int change) { cascade_depth += change; }

    /* The clock of time.monotonic(), without the call. */
    static double cascade_clock(void) {
    #if defined(CLOCK_MONOTONIC)
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    #else
        return (double)clock() / CLOCKS_PER_SEC;
    #endif
    }

    /* The processor time of the thread: what other threads and processes do meanwhile is not counted. */
    static double cascade_thread_clock(void) {
    #if defined(CLOCK_THREAD_CPUTIME_ID)
        struct timespec now;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    #else
        return cascade_clock();
    #endif
    }

    /* The same as `cascade_clock` to some milliseconds, in a third of the time. */
    static double cascade_coarse_clock(void) {
    #if defined(CLOCK_MONOTONIC_COARSE)
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
    #else
        return cascade_clock();
    #endif
    }

    static PyTypeObject *cascade_tail_call;
    static PyTypeObject *cascade_deferred;
    static PyTypeObject *cascade_pending;
    static PyTypeObject *cascade_skipped;
    static PyTypeObject *cascade_jump;

    /* Whether a call's result is no plain value: a tail call, a deferred value, an awaitable. */
    static inline int cascade_is_special(PyObject *value) {
        PyTypeObject *type = Py_TYPE(value);
        return type == cascade_tail_call || type == cascade_deferred
            || (type->tp_as_async != NULL && type->tp_as_async->am_await != NULL);
    }

    static inline int cascade_is_awaitable(PyObject *value) {
        PyTypeObject *type = Py_TYPE(value);
        return type->tp_as_async != NULL && type->tp_as_async->am_await != NULL && type != cascade_deferred;
    }

    /* Common types that never hold a deferred value: tested first. */
    static inline int cascade_is_plain(PyObject *value) {
        PyTypeObject *type = Py_TYPE(value);
        return value == Py_None || type == &PyLong_Type || type == &PyFloat_Type || type == &PyUnicode_Type
            || type == &PyBool_Type || type == &PyBytes_Type;
    }

    /* A frame's slots are plain C memory: the collector visits them by these two slots of Frame's type. */
    static traverseproc cascade_frame_traverse_fields;
    static inquiry cascade_frame_clear_fields;
    """
    ctypedef int (*visitproc)(PyObject*, void*)
    ctypedef int (*traverseproc)(PyObject*, visitproc, void*)
    ctypedef int (*inquiry)(PyObject*)
    int cascade_depth
    double cascade_clock() noexcept nogil
    double cascade_thread_clock() noexcept nogil
    double cascade_coarse_clock() noexcept
    PyTypeObject* cascade_tail_call
    PyTypeObject* cascade_deferred
    PyTypeObject* cascade_pending
    PyTypeObject* cascade_skipped
    PyTypeObject* cascade_jump
    bint cascade_is_special(PyObject*) noexcept
    bint cascade_is_awaitable(PyObject*) noexcept
    bint cascade_is_plain(PyObject*) noexcept
    traverseproc cascade_frame_traverse_fields
    inquiry cascade_frame_clear_fields
    void cascade_depth_add(int) noexcept
    bint DEBUG_CHECKS "CASCADE_DEBUG_CHECKS"


cdef extern from "vm/cpython.h":
    ctypedef struct Check "cascade_check":
        const char* name
        const char* promise
        int (*holds)(int) noexcept
    const Check* CHECKS "cascade_checks"
    int CHECK_COUNT "CASCADE_CHECK_COUNT"
    bint cascade_is_short_int(PyObject*) noexcept
    int64_t cascade_short_int(PyObject*) noexcept
    int PY_MAJOR_VERSION
    int PY_MINOR_VERSION
    object cascade_raised()
    int64_t cascade_depth_left() noexcept
    void cascade_count_call(void* thread, int by) noexcept
    bint cascade_is_traced() noexcept
    bint cascade_is_profiled() noexcept
    bint cascade_has_tool(int) noexcept
    bint cascade_is_monitored() noexcept
    PyObject** cascade_list_items(PyObject*) noexcept
    PyObject** cascade_tuple_items(PyObject*) noexcept
    bint cascade_plain_numbers(PyObject** items, Py_ssize_t count) noexcept
    bint cascade_is_plain_tuple(PyObject*) noexcept
    PyObject* cascade_tuple_of(PyObject** values, Py_ssize_t count) noexcept
    uint64_t cascade_version(PyObject*) noexcept
    Py_ssize_t cascade_set_room(PyObject*) noexcept
    PyObject* cascade_set_item(PyObject*, Py_ssize_t) noexcept
    PyObject* cascade_guarded(int, PyObject*) noexcept
    PyObject* cascade_closure(PyObject*) noexcept
    unsigned int cascade_class_tag(PyTypeObject*) noexcept
    PyObject* cascade_find_in_class(PyTypeObject*, PyObject*) noexcept
    int cascade_get_optional_attribute(PyObject*, PyObject*, PyObject**) noexcept
    Py_ssize_t cascade_slot_offset(PyTypeObject*, PyObject*) noexcept
    bint cascade_is_nest(PyTypeObject*) noexcept
    bint cascade_finds_as_type(PyTypeObject*) noexcept
    bint cascade_is_descriptor(PyObject*) noexcept
    PyObject* cascade_bare_instance(PyTypeObject*, PyObject*) noexcept
    void cascade_construct_by(PyTypeObject*, void*) noexcept
    uint64_t cascade_results_made
    uint64_t cascade_results_freed
    PyObject* cascade_last_result
    void cascade_count_results(PyTypeObject*) noexcept
    void cascade_fill_results(PyTypeObject*) noexcept


cdef extern from "Python.h":
    ctypedef struct CollectorSlots "PyTypeObject":
        traverseproc tp_traverse
        inquiry tp_clear
    PyTypeObject PyList_Type, PyTuple_Type, PyDict_Type, PySet_Type, PyFrozenSet_Type, PyType_Type
    PyObject* None_ "Py_None"
    PyObject* True_ "Py_True"
    PyObject* False_ "Py_False"
    void incref "Py_INCREF"(PyObject*)
    void decref "Py_DECREF"(PyObject*)
    void xdecref "Py_XDECREF"(PyObject*)
    PyTypeObject* type_of "Py_TYPE"(PyObject*)
    Py_ssize_t Py_SIZE(PyObject*) noexcept
    bint is_list "PyList_Check"(PyObject*) noexcept
    bint is_tuple "PyTuple_Check"(PyObject*) noexcept
    bint is_dict "PyDict_Check"(PyObject*) noexcept
    bint is_any_set "PyAnySet_Check"(PyObject*) noexcept
    bint PyList_Check(object)
    bint PyTuple_Check(object)
    bint PyDict_Check(object)
    bint PyAnySet_Check(object)
    bint PyType_IsSubtype(PyTypeObject*, PyTypeObject*) noexcept
    bint PyObject_GC_IsTracked(PyObject*) noexcept
    int PyObject_GenericSetAttr(object, object, object) except -1
    Py_ssize_t dict_size "PyDict_GET_SIZE"(PyObject*) noexcept
    bint next_entry "PyDict_Next"(PyObject*, Py_ssize_t*, PyObject**, PyObject**) noexcept
    PyObject* PyDict_GetItemWithError(PyObject*, PyObject*) noexcept
    int PyUnicode_Compare(PyObject*, PyObject*) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject*) noexcept
    object PyLong_FromLongLong(long long)
    long long PyLong_AsLongLongAndOverflow(PyObject*, int*) noexcept
    double PyFloat_AS_DOUBLE(PyObject*) noexcept
    PyObject* new_float "PyFloat_FromDouble" (double) noexcept
    PyObject* new_int "PyLong_FromLongLong" (long long) noexcept
    PyObject* cascade_copy_of_dict "PyDict_Copy"(PyObject*) noexcept
    PyObject* PyObject_Call(PyObject*, PyObject*, PyObject*) noexcept
    PyObject* PyObject_Vectorcall(PyObject*, PyObject**, size_t, PyObject*) noexcept
    void* PyVectorcall_Function(object)
    Py_ssize_t PyVectorcall_NARGS(size_t) noexcept
    int PyErr_CheckSignals() noexcept
    void PyErr_Clear()
    bint PyErr_ExceptionMatches(object) noexcept
    PyObject* PyErr_Occurred() noexcept
    void PyErr_SetObject(object, object)


cdef int raise_set() except -1:
    # An exception is set already: `raise` would replace its `__context__` by the exception that is being handled.
    return -1
