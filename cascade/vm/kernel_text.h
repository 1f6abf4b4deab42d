/* Handlers of text and bytes: see cascade/instructions/families/text.py. Included by kernel.h.
 *
 * A text of kind 1 has characters of Latin-1 only, a byte each. A text of another kind may hold such characters too.
 */

#define IS_LATIN(text) (PyUnicode_KIND(text) == PyUnicode_1BYTE_KIND)
#define LATIN(text) ((const uint8_t *)PyUnicode_DATA(text))
#define READY_OR_EXIT(text) do { if (!cascade_is_ready(text)) EXIT; } while (0)
#define SET_OR_RAISE(value) do { PyObject *made_ = (value); if (made_ == NULL) STOP(CASCADE_RAISED); SET(a, made_); NEXT; } while (0)

/* ---- Items -------------------------------------------------------------------------------------------------------- */

OP(EXPECT_LATIN) { if (!IS_LATIN(O(a))) GO(f); NEXT; }
OP(TEXT_ITEM)
{
    PyObject *v = O(b);
    int64_t i = I(c);
    Py_UCS4 found;
    READY_OR_EXIT(v);
    INDEX_OR_EXIT(i, PyUnicode_GET_LENGTH(v));
    if (IS_LATIN(v)) {
        I(a) = LATIN(v)[i];
        NEXT;
    }
    found = PyUnicode_READ_CHAR(v, i);
    if (found > 255)
        GO(f);
    I(a) = found;
    NEXT;
}
OP(TEXT_ITEM_OBJECT)
{
    PyObject *v = O(b);
    int64_t i = I(c);
    READY_OR_EXIT(v);
    INDEX_OR_EXIT(i, PyUnicode_GET_LENGTH(v));
    SET_OR_RAISE(PyUnicode_FromOrdinal((int)PyUnicode_READ_CHAR(v, i)));
}
OP(TEXT_NEXT)
{
    PyObject *v = O(b);
    int64_t i = r[(uint32_t)w->b + 1].i;
    if (i >= PyUnicode_GET_LENGTH(v))
        GO(f);
    r[(uint32_t)w->b + 1].i = i + 1;
    I(a) = LATIN(v)[i];
    NEXT;
}
OP(TEXT_NEXT_OBJECT)
{
    PyObject *v = O(b), *made;
    int64_t i = r[(uint32_t)w->b + 1].i;
    READY_OR_EXIT(v);
    if (i >= PyUnicode_GET_LENGTH(v))
        GO(f);
    made = PyUnicode_FromOrdinal((int)PyUnicode_READ_CHAR(v, i));
    if (made == NULL)
        STOP(CASCADE_RAISED);
    r[(uint32_t)w->b + 1].i = i + 1;
    SET(a, made);
    NEXT;
}
OP(BYTES_ITEM) { PyObject *v = O(b); int64_t i = I(c); INDEX_OR_EXIT(i, Py_SIZE(v)); I(a) = (uint8_t)PyBytes_AS_STRING(v)[i]; NEXT; }
OP(BYTES_NEXT)
{
    PyObject *v = O(b);
    int64_t i = r[(uint32_t)w->b + 1].i;
    if (i >= Py_SIZE(v))
        GO(f);
    r[(uint32_t)w->b + 1].i = i + 1;
    I(a) = (uint8_t)PyBytes_AS_STRING(v)[i];
    NEXT;
}
OP(TEXT_SIZE) { PyObject *v = O(b); READY_OR_EXIT(v); I(a) = PyUnicode_GET_LENGTH(v); NEXT; }

static __attribute__((noinline)) PyObject *cascade_slice_text(PyObject *text, Py_ssize_t start, Py_ssize_t stop)
{
    PySlice_AdjustIndices(PyUnicode_GET_LENGTH(text), &start, &stop, 1);
    return PyUnicode_Substring(text, start, stop < start ? start : stop);
}

static __attribute__((noinline)) PyObject *cascade_slice_bytes(PyObject *bytes, Py_ssize_t start, Py_ssize_t stop)
{
    Py_ssize_t count = PySlice_AdjustIndices(PyBytes_GET_SIZE(bytes), &start, &stop, 1);
    if (count == PyBytes_GET_SIZE(bytes))
        return Py_NewRef(bytes);
    return PyBytes_FromStringAndSize(PyBytes_AS_STRING(bytes) + (count > 0 ? start : 0), count);
}

OP(TEXT_SLICE) { READY_OR_EXIT(O(b)); SET_OR_RAISE(cascade_slice_text(O(b), I(c), I(d))); }
OP(BYTES_SLICE) { SET_OR_RAISE(cascade_slice_bytes(O(b), I(c), I(d))); }

/* ---- Characters --------------------------------------------------------------------------------------------------- */

OP(CHAR_OF) { if ((uint64_t)I(b) > 255) GO(f); I(a) = I(b); NEXT; }
OP(TEXT_OF_NUMBER) { if ((uint64_t)I(b) > 0x10ffff) EXIT; SET_OR_RAISE(PyUnicode_FromOrdinal((int)I(b))); }
OP(ORD)
{
    PyObject *v = O(b);
    READY_OR_EXIT(v);
    if (PyUnicode_GET_LENGTH(v) != 1)
        EXIT;
    I(a) = PyUnicode_READ_CHAR(v, 0);
    NEXT;
}
OP(CHAR_MAP)
{
    int64_t number = I(c), found = (uint8_t)PyBytes_AS_STRING(O(b))[number];
    if (found == 0 && number != 0)
        GO(f);
    I(a) = found;
    NEXT;
}
OP(TEXT_IS_CHAR)
{
    PyObject *v = O(b);
    READY_OR_EXIT(v);
    I(a) = PyUnicode_GET_LENGTH(v) == 1 && PyUnicode_READ_CHAR(v, 0) == (Py_UCS4)I(c);
    NEXT;
}

/* Returns the index, or -1. */
static inline Py_ssize_t cascade_index_of(PyObject *text, int64_t character)
{
    Py_ssize_t size = PyUnicode_GET_LENGTH(text);
    const uint8_t *start, *found;
    if (!IS_LATIN(text))
        return PyUnicode_FindChar(text, (Py_UCS4)character, 0, size, 1);
    start = LATIN(text);
    found = memchr(start, (int)character, (size_t)size);
    return found == NULL ? -1 : found - start;
}

OP(TEXT_HOLDS_CHAR) { READY_OR_EXIT(O(b)); I(a) = cascade_index_of(O(b), I(c)) >= 0; NEXT; }
OP(TEXT_INDEX_CHAR)
{
    Py_ssize_t found;
    READY_OR_EXIT(O(b));
    found = cascade_index_of(O(b), I(c));
    if (found < 0)
        EXIT;
    I(a) = found;
    NEXT;
}

/* ---- Operators ---------------------------------------------------------------------------------------------------- */

static inline int cascade_equal_text(PyObject *left, PyObject *right)
{
    Py_ssize_t size = PyUnicode_GET_LENGTH(left);
    const char *a, *b;
    if (left == right)
        return 1;
    if (size != PyUnicode_GET_LENGTH(right) || PyUnicode_KIND(left) != PyUnicode_KIND(right))
        return 0;
    a = PyUnicode_DATA(left);
    b = PyUnicode_DATA(right);
    return size == 0 || (*a == *b && (size == 1 && IS_LATIN(left) ? 1 : memcmp(a, b, (size_t)size * PyUnicode_KIND(left)) == 0));
}

static __attribute__((noinline)) int cascade_order_bytes(PyObject *left, PyObject *right)
{
    Py_ssize_t a = PyBytes_GET_SIZE(left), b = PyBytes_GET_SIZE(right);
    int order = memcmp(PyBytes_AS_STRING(left), PyBytes_AS_STRING(right), (size_t)(a < b ? a : b));
    return order != 0 ? (order > 0) - (order < 0) : (a > b) - (a < b);
}

#define BOTH_READY_OR_EXIT do { if (!cascade_is_ready(O(b)) || !cascade_is_ready(O(c))) EXIT; } while (0)

OP(TEXT_EQUAL) { BOTH_READY_OR_EXIT; I(a) = cascade_equal_text(O(b), O(c)); NEXT; }
OP(TEXT_NOT_EQUAL) { BOTH_READY_OR_EXIT; I(a) = !cascade_equal_text(O(b), O(c)); NEXT; }
OP(TEXT_ORDER) { BOTH_READY_OR_EXIT; I(a) = PyUnicode_Compare(O(b), O(c)); NEXT; }
OP(BYTES_ORDER) { I(a) = cascade_order_bytes(O(b), O(c)); NEXT; }
OP(HOLDS) { int found = PySequence_Contains(O(b), O(c)); if (found < 0) STOP(CASCADE_RAISED); I(a) = found; NEXT; }
OP(CONCATENATE) { SET_OR_RAISE(PySequence_Concat(O(b), O(c))); }
OP(REPEAT) { SET_OR_RAISE(PySequence_Repeat(O(b), I(c))); }
OP(TEXT_FORMAT) { SET_OR_RAISE(PyUnicode_Format(O(b), O(c))); }

/* As CPython does for `text += more`: a text that nobody else holds grows in place. If memory is exhausted the variable is lost. */
static __attribute__((noinline)) PyObject *cascade_extend(PyObject *text, PyObject *more)
{
    PyUnicode_Append(&text, more);
    return text;
}

#define EXTEND(more) \
    do { PyObject *made_ = cascade_extend(O(b), more); \
        if (made_ == NULL) { SET(a, Py_NewRef(Py_None)); STOP(CASCADE_RAISED); } \
        SET(a, made_); NEXT; } while (0)
OP(TEXT_EXTEND) { EXTEND(O(c)); }
OP(TEXT_EXTEND_CHAR) { EXTEND(cascade_characters[I(c)]); }

/* ---- Conversions -------------------------------------------------------------------------------------------------- */

static __attribute__((noinline)) PyObject *cascade_int_text(int64_t number)
{
    char digits[24], *at = digits + sizeof(digits);
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    Py_ssize_t size;
    PyObject *text;
    if (left == (uint64_t)number && left < 10)
        return Py_NewRef(cascade_characters['0' + left]);
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    if (number < 0)
        *--at = '-';
    size = digits + sizeof(digits) - at;
    text = PyUnicode_New(size, 127);
    if (text != NULL)
        memcpy(PyUnicode_DATA(text), at, (size_t)size);
    return text;
}

OP(INT_TO_TEXT) { SET_OR_RAISE(cascade_int_text(I(b))); }
OP(TO_TEXT) { SET_OR_RAISE(PyObject_Str(O(b))); }

/* As CPython does for the parts of an f-string. */
static __attribute__((noinline)) PyObject *cascade_build_text(const cascade_gather *gather, const cascade_register *r)
{
    PyObject *parts[CASCADE_GATHER_LIMIT], *made;
    Py_ssize_t size = 0, at = 0;
    Py_UCS4 widest = 127;
    for (int32_t i = 0; i < gather->count; i++) {
        cascade_register value = r[(uint32_t)gather->sources[i].where];
        Py_UCS4 most;
        parts[i] = gather->sources[i].kind == 'c' ? cascade_characters[value.i] : (PyObject *)value.object;
        most = PyUnicode_MAX_CHAR_VALUE(parts[i]);
        widest = most > widest ? most : widest;
        size += PyUnicode_GET_LENGTH(parts[i]);
    }
    made = PyUnicode_New(size, widest);
    if (made == NULL)
        return NULL;
    for (int32_t i = 0; i < gather->count; i++) {
        Py_ssize_t length = PyUnicode_GET_LENGTH(parts[i]);
        if (length == 0)
            continue;
        if (widest < 256)
            memcpy((char *)PyUnicode_DATA(made) + at, PyUnicode_DATA(parts[i]), (size_t)length);
        else
            PyUnicode_CopyCharacters(made, at, parts[i], 0, length);
        at += length;
    }
    return made;
}

OP(BUILD_TEXT) { SET_OR_RAISE(cascade_build_text(s->gathers[w->e], r)); }

/* ---- Searches ----------------------------------------------------------------------------------------------------- */

#define EVERYWHERE 0, PY_SSIZE_T_MAX
OP(TEXT_FIND) { BOTH_READY_OR_EXIT; I(a) = PyUnicode_Find(O(b), O(c), EVERYWHERE, 1); NEXT; }
OP(TEXT_INDEX) { Py_ssize_t i; BOTH_READY_OR_EXIT; i = PyUnicode_Find(O(b), O(c), EVERYWHERE, 1); if (i < 0) EXIT; I(a) = i; NEXT; }
OP(TEXT_COUNT) { BOTH_READY_OR_EXIT; I(a) = PyUnicode_Count(O(b), O(c), EVERYWHERE); NEXT; }
OP(TEXT_STARTS) { BOTH_READY_OR_EXIT; I(a) = PyUnicode_Tailmatch(O(b), O(c), EVERYWHERE, -1); NEXT; }
OP(TEXT_ENDS) { BOTH_READY_OR_EXIT; I(a) = PyUnicode_Tailmatch(O(b), O(c), EVERYWHERE, 1); NEXT; }
