/* Whose machine code it is, for profilers: a line for each in the file that `perf` reads. Included by machine_code.h. */

/* Appends a line to /tmp/perf-PID.map, in one call: others, CPython among them, may write to it. A child has a file of its own.
 * Where that fails there is no name, which does no harm. */
static void cascade_write_name(const cascade_pages *pages, const char *name, const char *file)
{
#if CASCADE_HAS_MACHINE_CODE
    char path[40], line[1000];
    int length = snprintf(line, sizeof line - 1, "%lx %lx cascade::%s:%s", (unsigned long)(uintptr_t)pages->bytes, (unsigned long)pages->used, name, file);
    if (length <= 0)
        return;
    if (length > (int)sizeof line - 2)
        length = (int)sizeof line - 2;
    for (int i = 0; i < length; i++)
        if ((unsigned char)line[i] < ' ')
            line[i] = '?';      /* a name may hold the end of a line */
    line[length++] = '\n';
    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)getpid());
    int target = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (target < 0)
        return;
    if (write(target, line, (size_t)length) != length)
        line[0] = 0;
    close(target);
#else
    (void)pages;
    (void)name;
    (void)file;
#endif
}

/* Whether runs around this place have turned machine code off, by a context variable. An exception that is set stays. */
static int cascade_is_refused(PyObject *variable)
{
    PyObject *type, *value, *traceback, *found = NULL;
    PyErr_Fetch(&type, &value, &traceback);
    if (PyContextVar_Get(variable, NULL, &found) != 0)
        PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    Py_XDECREF(found);
    return found == Py_False;
}
