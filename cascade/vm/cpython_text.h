/* Texts of CPython's: whether they have a kind, and where machine code finds it. Included by cpython.h. */

/* CPython 3.11 may still be given texts whose characters are to be converted; they have no kind yet. */
static inline int cascade_is_ready(PyObject *text)
{
#if PY_VERSION_HEX < 0x030c0000
    return PyUnicode_IS_READY(text);
#else
    (void)text;
    return 1;
#endif
}

#define CASCADE_TEXT_STATE_AT offsetof(PyASCIIObject, state)
_Static_assert(offsetof(PyASCIIObject, length) == offsetof(PyVarObject, ob_size), "the length of a text stands where the size of a tuple does");

/* The bits of `state` of a text of a kind; without any, that it is ready, where CPython has that. */
static inline uint32_t cascade_text_state(unsigned int kind, unsigned int is_compact, unsigned int is_ascii)
{
    PyASCIIObject text;
    uint32_t bits;
    memset(&text, 0, sizeof text);
    text.state.kind = kind & 7;
    text.state.compact = is_compact & 1;
    text.state.ascii = is_ascii & 1;
#if PY_VERSION_HEX < 0x030C0000
    text.state.ready = 1;
#endif
    memcpy(&bits, (char *)&text + CASCADE_TEXT_STATE_AT, sizeof bits);
    return bits;
}
