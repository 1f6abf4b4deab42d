# C-API declarations, and the C helpers that the parts of the machine share. Included by _vm.pyx.

cdef extern from *:
    """
    #include <time.h>

    typedef PyObject *(*cascade_entry)(PyObject *, PyObject **, size_t, PyObject *);

    #if defined(_MSC_VER)
    #define CASCADE_THREAD_LOCAL __declspec(thread)
    #else
    #define CASCADE_THREAD_LOCAL __thread
    #endif

    /* How many machines are inside a task's function on this thread. */
    static CASCADE_THREAD_LOCAL int cascade_depth = 0;

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

    static PyTypeObject *cascade_tail_call;
    static PyTypeObject *cascade_deferred;
    static PyTypeObject *cascade_pending;
    static PyTypeObject *cascade_skipped;
    static PyTypeObject *cascade_jump;

    /* Whether a call's result means something other than itself: a tail call, a deferred result, an awaitable. */
    static inline int cascade_is_special(PyObject *value) {
        PyTypeObject *type = Py_TYPE(value);
        return type == cascade_tail_call || type == cascade_deferred
            || (type->tp_as_async != NULL && type->tp_as_async->am_await != NULL);
    }

    static inline int cascade_is_awaitable(PyObject *value) {
        PyTypeObject *type = Py_TYPE(value);
        return type->tp_as_async != NULL && type->tp_as_async->am_await != NULL;
    }

    /* Types that never hold a deferred value and are common enough to be asked first. */
    static inline int cascade_is_plain(PyObject *value) {
        PyTypeObject *type = Py_TYPE(value);
        return value == Py_None || type == &PyLong_Type || type == &PyFloat_Type || type == &PyUnicode_Type
            || type == &PyBool_Type || type == &PyBytes_Type;
    }

    static PyObject *cascade_raised(void) {
    #if PY_VERSION_HEX >= 0x030C0000
        return PyErr_GetRaisedException();
    #else
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyErr_NormalizeException(&type, &value, &traceback);
        if (traceback != NULL) {
            PyException_SetTraceback(value, traceback);
            Py_DECREF(traceback);
        }
        Py_XDECREF(type);
        return value;
    #endif
    }

    /* A frame's slots are plain C memory: the collector learns of them by these two, put into Frame's type. */
    static traverseproc cascade_frame_traverse_fields;
    static inquiry cascade_frame_clear_fields;
    """
    ctypedef int (*visitproc)(PyObject*, void*)
    ctypedef int (*traverseproc)(PyObject*, visitproc, void*)
    ctypedef int (*inquiry)(PyObject*)
    int cascade_depth
    double cascade_clock() noexcept nogil
    PyTypeObject* cascade_tail_call
    PyTypeObject* cascade_deferred
    PyTypeObject* cascade_pending
    PyTypeObject* cascade_skipped
    PyTypeObject* cascade_jump
    bint cascade_is_special(PyObject*) noexcept
    bint cascade_is_awaitable(PyObject*) noexcept
    bint cascade_is_plain(PyObject*) noexcept
    object cascade_raised()
    traverseproc cascade_frame_traverse_fields
    inquiry cascade_frame_clear_fields
    bint DEBUG_CHECKS "CASCADE_DEBUG_CHECKS"


cdef extern from "Python.h":
    ctypedef struct TypeSlots "PyTypeObject":
        traverseproc tp_traverse
        inquiry tp_clear
        PyObject* (*tp_new)(PyObject*, PyObject*, PyObject*) noexcept
        void* tp_vectorcall
    void incref "Py_INCREF"(PyObject*)
    void decref "Py_DECREF"(PyObject*)
    void xdecref "Py_XDECREF"(PyObject*)
    PyTypeObject* type_of "Py_TYPE"(PyObject*)
    int PyErr_CheckSignals() noexcept
    void* PyVectorcall_Function(object)
    PyObject* PyObject_Vectorcall(PyObject*, PyObject**, size_t, PyObject*) noexcept
    Py_ssize_t PyVectorcall_NARGS(size_t) noexcept
    int PyUnicode_Compare(PyObject*, PyObject*) noexcept
    bint PyList_Check(object)
    bint PyTuple_Check(object)
    bint PyDict_Check(object)
    bint PyAnySet_Check(object)


cdef extern from "Python.h":
    void PyErr_SetObject(object, object)


cdef extern from "Python.h":
    PyObject* PyDict_GetItemWithError(PyObject*, PyObject*) noexcept
    void PyErr_Clear()


cdef extern from "Python.h":
    PyObject* PyObject_Call(PyObject*, PyObject*, PyObject*) noexcept


cdef extern from "Python.h":
    ctypedef struct PyTupleItems "PyTupleObject":
        PyObject** ob_item
    ctypedef struct PyListItems "PyListObject":
        PyObject** ob_item


cdef extern from *:
    """
    static void cascade_depth_add(int change) { cascade_depth += change; }
    """
    void cascade_depth_add(int) noexcept


cdef extern from "Python.h":
    TypeSlots PyBaseObject_Type
    int PyObject_GenericSetAttr(object, object, object) except -1
