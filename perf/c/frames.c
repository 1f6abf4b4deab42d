/* How often CPython evaluates the frames of each code object, and for how long, itself alone: perf/kernel_share.py.
   PEP 523 has it call `evaluate` for each frame; what a kernel runs has none. */

#define Py_BUILD_CORE
#include <Python.h>
#include <internal/pycore_frame.h>
#include <internal/pycore_interp.h>
#include <time.h>

#define PLACES 8192 /* a power of two, far more than there are code objects in a benchmark */

typedef struct {
    PyObject *code; /* held until the next `begin` */
    long long count;
    double seconds; /* in its frames, and in what they call of C, but not in frames that these evaluate */
} Entry;

static Entry entries[PLACES];
static Entry *current;
static double switched;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static Entry *entry_of(PyObject *code) {
    size_t place = ((size_t)code >> 4) & (PLACES - 1);
    while (entries[place].code != NULL && entries[place].code != code)
        place = (place + 1) & (PLACES - 1);
    if (entries[place].code == NULL)
        entries[place].code = Py_NewRef(code);
    return &entries[place];
}

static Entry *switch_to(Entry *next) {
    Entry *before = current;
    double time = now();
    if (before != NULL)
        before->seconds += time - switched;
    current = next;
    switched = time;
    return before;
}

static PyObject *evaluate(PyThreadState *state, struct _PyInterpreterFrame *frame, int throws) {
#if PY_VERSION_HEX < 0x030C0000
    PyObject *code = (PyObject *)frame->f_code;
#else
    PyObject *code = (PyObject *)_PyFrame_GetCode(frame);
#endif
    Entry *own = entry_of(code);
    own->count++;
    Entry *before = switch_to(own);
    PyObject *result = _PyEval_EvalFrameDefault(state, frame, throws);
    switch_to(before);
    return result;
}

/* Begins to count, from nothing. */
void begin(void) {
    for (size_t place = 0; place < PLACES; place++)
        Py_CLEAR(entries[place].code);
    memset(entries, 0, sizeof entries);
    current = NULL;
    _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState_Get(), evaluate);
}

void end(void) {
    _PyInterpreterState_SetEvalFrameFunc(PyInterpreterState_Get(), _PyEval_EvalFrameDefault);
    switch_to(NULL);
}

/* Returns a list of (code, count, seconds). */
PyObject *counted(void) {
    PyObject *list = PyList_New(0);
    for (size_t place = 0; list != NULL && place < PLACES; place++) {
        if (entries[place].code == NULL)
            continue;
        PyObject *row = Py_BuildValue("(OLd)", entries[place].code, entries[place].count, entries[place].seconds);
        if (row == NULL || PyList_Append(list, row) < 0)
            Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}
