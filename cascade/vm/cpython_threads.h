/* What a thread's state says: how deep calls may go, and who follows them. A part of cpython.h. */

static inline int64_t cascade_depth_left(void) {
    return PyThreadState_Get()->CASCADE_RECURSION_REMAINING;
}

/* PyThreadState.c_tracefunc and c_profilefunc: NULL where no tracing or profiling function is set. sys.gettrace is no
 * substitute, as a function of C may have no object. */
static inline int cascade_is_traced(void) {
    return PyThreadState_Get()->c_tracefunc != NULL;
}

static inline int cascade_is_profiled(void) {
    return PyThreadState_Get()->c_profilefunc != NULL;
}

/* PyInterpreterState.monitoring_tool_names, by number: `sys.monitoring.get_tool`, which takes some 30 ns. */
static inline int cascade_has_tool(int number) {
#if PY_VERSION_HEX >= 0x030C0000
    return PyThreadState_Get()->interp->monitoring_tool_names[number] != NULL;
#else
    (void)number;
    return 0;
#endif
}

/* Whether there is a tool of `sys.monitoring` other than a profiler, which has the number 2. */
static inline int cascade_is_monitored(void) {
    return cascade_has_tool(0) || cascade_has_tool(1) || cascade_has_tool(3) || cascade_has_tool(4) || cascade_has_tool(5);
}

/* Whether typed code may call a function by its kernel in a thread: nobody follows its lines or calls, and its recursion limit, against
 * which the call is counted, is not reached. */
static inline int cascade_has_room(const PyThreadState *thread, int calls) {
    if (thread->CASCADE_RECURSION_REMAINING <= 1 + calls || thread->c_tracefunc != NULL || thread->c_profilefunc != NULL)
        return 0;
#if PY_VERSION_HEX >= 0x030C0000
    for (int tool = 0; tool < 3; tool++)
        if (thread->interp->monitoring_tool_names[tool] != NULL)
            return 0;
#endif
    return 1;
}

/* The same for machine code: what has to be NULL in a thread's state, and the tools in its interpreter's; where a function has its code. */
#define CASCADE_REMAINING_AT offsetof(PyThreadState, CASCADE_RECURSION_REMAINING)
#define CASCADE_TRACER_AT offsetof(PyThreadState, c_tracefunc)
#define CASCADE_PROFILER_AT offsetof(PyThreadState, c_profilefunc)
#define CASCADE_INTERPRETER_AT offsetof(PyThreadState, interp)
#if PY_VERSION_HEX >= 0x030C0000
#define CASCADE_TOOL_COUNT 3
#define CASCADE_TOOLS_AT offsetof(PyInterpreterState, monitoring_tool_names)
#else
#define CASCADE_TOOL_COUNT 0
#define CASCADE_TOOLS_AT 0
#endif
#define CASCADE_CODE_AT offsetof(PyFunctionObject, func_code)

static inline void cascade_count_call(PyThreadState *thread, int by) { thread->CASCADE_RECURSION_REMAINING -= by; }
