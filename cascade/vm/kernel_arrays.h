/* Handlers of arrays, buffers and NumPy's scalars: see cascade/instructions/families/arrays.py. Included by kernel.h.
 *
 * Each access checks the number of dimensions, the kind of items and the bounds: an array may be changed in place by any call-out.
 * No handler here runs code of users. */

#define ARRAY(x) ((cascade_ndarray *)O(x))

/* Moves `at` along an axis; a negative index counts from the end. */
#define ALONG(v, axis, index) \
    do { int64_t i_ = (index), n_ = (v)->shape[axis]; \
        INDEX_OR_EXIT(i_, n_); \
        at += i_ * (v)->strides[axis]; } while (0)

#define RARE(NAME) static __attribute__((noinline)) const cascade_word *cascade_rare_##NAME( \
    const cascade_word *w, cascade_register *r, int64_t fuel, cascade_state *s)
#define GO_RARE(NAME) CASCADE_MUSTTAIL return cascade_rare_##NAME(w, r, fuel, s)

#define ARRAY1(x, index) cascade_ndarray *v = ARRAY(x); char *at = v->data; if (v->dimensions != 1) EXIT; ALONG(v, 0, index)
#define ARRAY2(x, first, second) \
    cascade_ndarray *v = ARRAY(x); char *at = v->data; if (v->dimensions != 2) EXIT; ALONG(v, 0, first); ALONG(v, 1, second)
#define READ(element, x) do { cascade_register found_; if (cascade_read(at, element, &found_)) EXIT; r[(uint32_t)w->x] = found_; } while (0)
#define WRITE(element, x) do { if (cascade_write(at, element, r[(uint32_t)w->x])) EXIT; } while (0)

/* Items by subscripts, for the kinds that are met most. An array with a descriptor of its own takes the rare way, which compares more. */
#define BOTH_WAYS(NAME, element, ...) \
    RARE(NAME) { if (!cascade_is_like(DESCR, element)) EXIT; __VA_ARGS__ } \
    OP(NAME) { if (DESCR != cascade_descrs[element]) GO_RARE(NAME); __VA_ARGS__ }
#define DESCR ARRAY(b)->descr
#define READ_DIRECT(NAME, element) \
    BOTH_WAYS(ARRAY1_##NAME, element, ARRAY1(b, I(c)); READ(element, a); NEXT;) \
    BOTH_WAYS(ARRAY2_##NAME, element, ARRAY2(b, I(c), I(d)); READ(element, a); NEXT;) \
    BOTH_WAYS(ARRAY_NEXT_##NAME, element, \
        cascade_ndarray *v = ARRAY(b); char *at = v->data; int64_t i = r[(uint32_t)w->b + 1].i; \
        if (v->dimensions != 1) EXIT; \
        if (i >= v->shape[0]) GO(f); \
        at += i * v->strides[0]; \
        READ(element, a); \
        r[(uint32_t)w->b + 1].i = i + 1; NEXT;)
READ_DIRECT(BOOL_, CASCADE_BOOL) READ_DIRECT(UINT8, CASCADE_UINT8) READ_DIRECT(INT32, CASCADE_INT32)
READ_DIRECT(INT64, CASCADE_INT64) READ_DIRECT(FLOAT32, CASCADE_FLOAT32) READ_DIRECT(FLOAT64, CASCADE_FLOAT64)
#undef DESCR
#define DESCR ARRAY(a)->descr
#define WRITE_DIRECT(NAME, element) \
    BOTH_WAYS(ARRAY1_STORE_##NAME, element, ARRAY1(a, I(b)); if (!cascade_may_write(v)) EXIT; WRITE(element, c); NEXT;) \
    BOTH_WAYS(ARRAY2_STORE_##NAME, element, ARRAY2(a, I(b), I(c)); if (!cascade_may_write(v)) EXIT; WRITE(element, d); NEXT;)
WRITE_DIRECT(BOOL_, CASCADE_BOOL) WRITE_DIRECT(UINT8, CASCADE_UINT8) WRITE_DIRECT(INT32, CASCADE_INT32)
WRITE_DIRECT(INT64, CASCADE_INT64) WRITE_DIRECT(FLOAT32, CASCADE_FLOAT32) WRITE_DIRECT(FLOAT64, CASCADE_FLOAT64)
#undef DESCR

/* All others in two steps: the address of an item, then the item. The address is used by the next instruction only. */
#define BY_ADDRESS(NAME, element) \
    OP(READ_##NAME) { char *at = r[(uint32_t)w->b].object; READ(element, a); NEXT; } \
    OP(WRITE_##NAME) { char *at = r[(uint32_t)w->a].object; WRITE(element, b); NEXT; }
BY_ADDRESS(BOOL_, CASCADE_BOOL) BY_ADDRESS(INT8, CASCADE_INT8) BY_ADDRESS(UINT8, CASCADE_UINT8) BY_ADDRESS(INT16, CASCADE_INT16)
BY_ADDRESS(UINT16, CASCADE_UINT16) BY_ADDRESS(INT32, CASCADE_INT32) BY_ADDRESS(UINT32, CASCADE_UINT32)
BY_ADDRESS(INT64, CASCADE_INT64) BY_ADDRESS(UINT64, CASCADE_UINT64) BY_ADDRESS(FLOAT32, CASCADE_FLOAT32)
BY_ADDRESS(FLOAT64, CASCADE_FLOAT64)

/* An expected array in 32 bits: its kind of items, its dimensions << 8, and 1 << 16 where it is written to. */
static inline int cascade_is_array(const cascade_ndarray *array, int32_t expected)
{
    return array->dimensions == (expected >> 8 & 255) && cascade_holds(array, expected & 255)
        && (!(expected >> 16) || cascade_may_write(array));
}

#define SET_ADDRESS SET(a, at)
OP(EXPECT_ARRAY) { if (Py_TYPE(O(a)) != cascade_array_type || !cascade_is_array(ARRAY(a), w->e)) GO(f); NEXT; }
OP(CHECK_ARRAY) { if (!cascade_is_array(ARRAY(a), w->e)) EXIT; NEXT; }
OP(ARRAY_AT1) { cascade_ndarray *v = ARRAY(b); char *at = v->data; if (!cascade_is_array(v, w->f)) EXIT; ALONG(v, 0, I(c)); SET_ADDRESS; NEXT; }
OP(ARRAY_AT2)
{
    cascade_ndarray *v = ARRAY(b);
    char *at = v->data;
    if (!cascade_is_array(v, w->f))
        EXIT;
    ALONG(v, 0, I(c));
    ALONG(v, 1, I(d));
    SET_ADDRESS;
    NEXT;
}
OP(ARRAY_AT3)
{
    cascade_ndarray *v = ARRAY(b);
    char *at = v->data;
    if (!cascade_is_array(v, w->f))
        EXIT;
    ALONG(v, 0, I(c));
    ALONG(v, 1, I(d));
    ALONG(v, 2, I(e));
    SET_ADDRESS;
    NEXT;
}
OP(ARRAY_AT4)       /* behind a CHECK_ARRAY */
{
    cascade_ndarray *v = ARRAY(b);
    char *at = v->data;
    ALONG(v, 0, I(c));
    ALONG(v, 1, I(d));
    ALONG(v, 2, I(e));
    ALONG(v, 3, I(f));
    SET_ADDRESS;
    NEXT;
}
/* Whether the item that an iterator comes to has no register: it exits before it goes on, as the item is to be taken again. */
static inline int cascade_has_no_register(const char *at, int element)
{
    cascade_register ignored;
    return cascade_read(at, element, &ignored);
}
static inline int cascade_buffer_item_has_no_register(const cascade_array *v, int64_t i)
{
    const char *at = v->items + i * v->descr->size;
    switch (v->descr->code) {
    case 'L': case 'Q': return v->descr->size == 8 && cascade_has_no_register(at, CASCADE_UINT64);
    case 'f': return cascade_has_no_register(at, CASCADE_FLOAT32);
    default: return 0;
    }
}
#define BUFFER(x) ((cascade_array *)O(x))
OP(ARRAY_NEXT_AT)
{
    cascade_ndarray *v = ARRAY(b);
    int64_t i = r[(uint32_t)w->b + 1].i;
    if (!cascade_is_array(v, w->e))
        EXIT;
    if (i >= v->shape[0])
        GO(f);
    if (cascade_has_no_register(v->data + i * v->strides[0], w->e & 255))
        EXIT;
    SET(a, v->data + i * v->strides[0]);
    r[(uint32_t)w->b + 1].i = i + 1;
    NEXT;
}

/* ---- Rows and shapes ---------------------------------------------------------------------------------------------- */

/* Exits where the iterator at a does: before the ones beside it in a zip() go on. */
OP(ARRAY_CHECK_NEXT)
{
    cascade_ndarray *v = ARRAY(a);
    int64_t i = r[(uint32_t)w->a + 1].i;
    if (!cascade_is_array(v, w->e))
        EXIT;
    if (i < v->shape[0] && v->dimensions == 1 && cascade_has_no_register(v->data + i * v->strides[0], w->e & 255))
        EXIT;
    NEXT;
}
OP(BUFFER_CHECK_NEXT)
{
    cascade_array *v = BUFFER(a);
    int64_t i = r[(uint32_t)w->a + 1].i;
    if (v->descr->code != w->e)
        EXIT;
    if (i < Py_SIZE(v) && cascade_buffer_item_has_no_register(v, i))
        EXIT;
    NEXT;
}

OP(ARRAY_BOUND)
{
    cascade_ndarray *v = ARRAY(a);
    int64_t i = I(b);
    if (v->dimensions <= w->e)
        EXIT;
    INDEX_OR_EXIT(i, v->shape[w->e]);
    NEXT;
}
OP(ARRAY_ROW)
{
    cascade_ndarray *v = ARRAY(b);
    int64_t i = I(c);
    PyObject *made;
    if (v->dimensions < 2)
        EXIT;
    INDEX_OR_EXIT(i, v->shape[0]);
    made = PySequence_GetItem((PyObject *)v, i);
    if (made == NULL)
        STOP(CASCADE_RAISED);
    SET(a, made);
    NEXT;
}
OP(ARRAY_NEXT_ROW)
{
    cascade_ndarray *v = ARRAY(b);
    int64_t i = r[(uint32_t)w->b + 1].i;
    PyObject *made;
    if (v->dimensions < 2)
        EXIT;
    if (i >= v->shape[0])
        GO(f);
    made = PySequence_GetItem((PyObject *)v, i);
    if (made == NULL)
        STOP(CASCADE_RAISED);
    r[(uint32_t)w->b + 1].i = i + 1;
    SET(a, made);
    NEXT;
}
OP(ARRAY_DIMENSION) { cascade_ndarray *v = ARRAY(b); if (v->dimensions != w->f) EXIT; I(a) = v->shape[w->e]; NEXT; }
OP(ARRAY_SIZE)
{
    cascade_ndarray *v = ARRAY(b);
    int64_t size = 1;
    for (int axis = 0; axis < v->dimensions; axis++)
        size *= v->shape[axis];
    I(a) = size;
    NEXT;
}
OP(ARRAY_DIMENSIONS) { I(a) = ARRAY(b)->dimensions; NEXT; }

/* ---- Scalars ------------------------------------------------------------------------------------------------------ */

OP(BOX_SCALAR) { PyObject *made = cascade_new_scalar(r[(uint32_t)w->b], w->e); if (made == NULL) STOP(CASCADE_RAISED); SET(a, made); NEXT; }
OP(UNBOX_SCALAR)
{
    cascade_register value;
    PyObject *v = O(b);
    if (Py_TYPE(v) != cascade_scalar_types[w->e])
        GO(f);
    switch (w->e) {
#define UNBOX_CASE(element) case element: if (cascade_read((const char *)v + sizeof(PyObject), element, &value)) GO(f); break;
    UNBOX_CASE(CASCADE_BOOL) UNBOX_CASE(CASCADE_INT8) UNBOX_CASE(CASCADE_UINT8) UNBOX_CASE(CASCADE_INT16) UNBOX_CASE(CASCADE_UINT16)
    UNBOX_CASE(CASCADE_INT32) UNBOX_CASE(CASCADE_UINT32) UNBOX_CASE(CASCADE_INT64) UNBOX_CASE(CASCADE_UINT64)
    UNBOX_CASE(CASCADE_FLOAT32)
    default:
        memcpy(&value, (const char *)v + sizeof(PyObject), 8);
        if (isnan(value.d))
            GO(f);
    }
    r[(uint32_t)w->a] = value;
    NEXT;
}
OP(FIT)
{
    int64_t v = I(b), low = w->e == CASCADE_UINT64 || !(w->e & 1) ? 0 : -((int64_t)1 << (8 * cascade_sizes[w->e] - 1));
    int bits = 8 * cascade_sizes[w->e] - (w->e & 1);
    if (v < low || (bits < 63 && v >= (int64_t)1 << bits))
        EXIT;
    I(a) = v;
    NEXT;
}
OP(TO_FLOAT32)
{
    float t;
    if (s->is_free && D(b) != 0 && fabs(D(b)) < 1.2e-38)
        EXIT;       /* asking NumPy how it treats an underflow takes the GIL */
    if (cascade_narrow(D(b), &t))
        EXIT;
    D(a) = (double)t;
    NEXT;
}
OP(RETURN_SCALAR) { STOP(CASCADE_RETURNED); }

/* Whether NumPy would warn, or could return other bits, of a result that is not a normal number: an operand that is a quiet NaN or
   an infinity goes through; a tiny result that may be rounded is an underflow, which NumPy ignores unless it is told otherwise. */
static inline int cascade_is_quiet(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return (bits & 0x0008000000000000) != 0;
}

static __attribute__((noinline)) int cascade_odd_result(double x, double y, double z, int rounds, int is_free)
{
    if (isnan(z)) {
        if (isnan(x) == isnan(y))
            return 1;       /* an invalid operation, or one of two NaNs */
        return !cascade_is_quiet(isnan(x) ? x : y);
    }
    if (isinf(z))
        return isfinite(x) && isfinite(y);
    if (!rounds || isinf(y) || (z == 0.0 && (x == 0.0 || y == 0.0)))
        return 0;
    return is_free || cascade_underflow_warns();
}

/* Zero, tiny, infinite or no number. */
#define ODD_DOUBLE(z) (!(fabs(z) > 2.2250738585072014e-308 && fabs(z) <= 1.7976931348623157e308))
#define ODD_SINGLE(z) (!(fabsf(z) > 1.17549435e-38f && fabsf(z) <= 3.40282347e38f))

/* The rare results have a handler of their own, which is jumped to: a call would cost the usual path a stack frame. */
#define OF_SCALARS(NAME, rounds, DOUBLE, SINGLE) \
    RARE(NAME##_FLOAT64) { double x = D(b), y = D(c), z = DOUBLE; if (cascade_odd_result(x, y, z, rounds, s->is_free)) EXIT; D(a) = z; NEXT; } \
    OP(NAME##_FLOAT64) { double x = D(b), y = D(c), z = DOUBLE; if (ODD_DOUBLE(z)) GO_RARE(NAME##_FLOAT64); D(a) = z; NEXT; } \
    RARE(NAME##_FLOAT32) { float x = (float)D(b), y = (float)D(c), z = SINGLE; \
        if (cascade_odd_result((double)x, (double)y, (double)z, rounds, s->is_free)) EXIT; \
        D(a) = (double)z; NEXT; } \
    OP(NAME##_FLOAT32) { float x = (float)D(b), y = (float)D(c), z = SINGLE; if (ODD_SINGLE(z)) GO_RARE(NAME##_FLOAT32); \
        D(a) = (double)z; NEXT; }
OF_SCALARS(ADD, 0, x + y, x + y)
OF_SCALARS(SUB, 0, x - y, x - y)
OF_SCALARS(MUL, 1, x * y, x * y)
OF_SCALARS(DIVIDE, 1, x / y, x / y)

/* As npy_divmod of NumPy's npymath defines them, for finite operands; others, and a zero, are left to NumPy. */
#define DIVMOD(TYPE, SUFFIX) \
    CASCADE_INLINE int cascade_divmod##SUFFIX(TYPE x, TYPE y, TYPE *quotient, TYPE *rest) \
    { \
        TYPE mod, div, whole; \
        if (!isfinite(x) || !isfinite(y) || y == 0) \
            return 1; \
        mod = fmod##SUFFIX(x, y); \
        div = (x - mod) / y; \
        if (mod != 0) { \
            if ((y < 0) != (mod < 0)) { \
                mod += y; \
                div -= 1; \
            } \
        } \
        else \
            mod = copysign##SUFFIX(0, y); \
        if (div != 0) { \
            whole = floor##SUFFIX(div); \
            if (div - whole > (TYPE)0.5) \
                whole += 1; \
        } \
        else \
            whole = copysign##SUFFIX(0, x / y); \
        *quotient = whole; \
        *rest = mod; \
        return !isfinite(div) || (x != 0 && fabs##SUFFIX(x / y) < (TYPE)1e-30); \
    }
DIVMOD(double, ) DIVMOD(float, f)
#define OF_DIVISION(NAME, result) \
    OP(NAME##_FLOAT64) { double q, m; if (cascade_divmod(D(b), D(c), &q, &m)) EXIT; D(a) = result; NEXT; } \
    OP(NAME##_FLOAT32) { float q, m; if (cascade_divmodf((float)D(b), (float)D(c), &q, &m)) EXIT; D(a) = (double)result; NEXT; }
OF_DIVISION(FLOORDIV, q) OF_DIVISION(MOD, m)

OP(POW_FLOAT64) { double x = D(b), y = D(c), z = pow(x, y); if (ODD_DOUBLE(z) || !isfinite(x) || !isfinite(y)) EXIT; D(a) = z; NEXT; }
OP(POW_FLOAT32)
{
    float x = (float)D(b), y = (float)D(c), z = powf(x, y);
    if (ODD_SINGLE(z) || !isfinite(x) || !isfinite(y))
        EXIT;
    D(a) = (double)z;
    NEXT;
}

/* ---- Buffers ------------------------------------------------------------------------------------------------------ */

OP(BYTEARRAY_ITEM) { PyObject *v = O(b); int64_t i = I(c); INDEX_OR_EXIT(i, Py_SIZE(v)); I(a) = (unsigned char)((PyByteArrayObject *)v)->ob_start[i]; NEXT; }
OP(BYTEARRAY_STORE)
{
    PyObject *v = O(a);
    int64_t i = I(b);
    INDEX_OR_EXIT(i, Py_SIZE(v));
    if ((uint64_t)I(c) > 255)
        EXIT;
    ((PyByteArrayObject *)v)->ob_start[i] = (char)I(c);
    NEXT;
}
OP(BYTEARRAY_NEXT)
{
    PyObject *v = O(b);
    int64_t i = r[(uint32_t)w->b + 1].i;
    if (i >= Py_SIZE(v))
        GO(f);
    r[(uint32_t)w->b + 1].i = i + 1;
    I(a) = (unsigned char)((PyByteArrayObject *)v)->ob_start[i];
    NEXT;
}

/* Of array.array: e is the type code. */
OP(EXPECT_BUFFER) { if ((void *)Py_TYPE(O(a)) != r[(uint32_t)w->b].object || BUFFER(a)->descr->code != w->e) GO(f); NEXT; }
OP(BUFFER_AT)
{
    cascade_array *v = BUFFER(b);
    int64_t i = I(c);
    if (v->descr->code != w->e)
        EXIT;
    INDEX_OR_EXIT(i, Py_SIZE(v));
    SET(a, v->items + i * v->descr->size);
    NEXT;
}
OP(BUFFER_NEXT)
{
    cascade_array *v = BUFFER(b);
    int64_t i = r[(uint32_t)w->b + 1].i;
    if (v->descr->code != w->e)
        EXIT;
    if (i >= Py_SIZE(v))
        GO(f);
    if (cascade_buffer_item_has_no_register(v, i))
        EXIT;
    SET(a, v->items + i * v->descr->size);
    r[(uint32_t)w->b + 1].i = i + 1;
    NEXT;
}

/* Of memoryviews: e is the format's character, the dimensions << 8, and 1 << 16 where it is written to. */
static inline int cascade_is_view(PyObject *view, int32_t expected)
{
    const PyMemoryViewObject *v = (const PyMemoryViewObject *)view;
    const char *format = v->view.format;
    if (v->flags & _Py_MEMORYVIEW_RELEASED || v->mbuf->flags & _Py_MANAGED_BUFFER_RELEASED)
        return 0;
    return format != NULL && format[0] == (expected & 255) && format[1] == 0 && v->view.ndim == (expected >> 8 & 255)
        && v->view.suboffsets == NULL && v->view.shape != NULL && v->view.strides != NULL && !(expected >> 16 && v->view.readonly);
}

OP(EXPECT_VIEW) { if (!PyMemoryView_Check(O(a)) || !cascade_is_view(O(a), w->e)) GO(f); NEXT; }
OP(VIEW_AT1) { Py_buffer *v = &((PyMemoryViewObject *)O(b))->view; char *at = v->buf; if (!cascade_is_view(O(b), w->f)) EXIT; ALONG(v, 0, I(c)); SET_ADDRESS; NEXT; }
OP(VIEW_AT2)
{
    Py_buffer *v = &((PyMemoryViewObject *)O(b))->view;
    char *at = v->buf;
    if (!cascade_is_view(O(b), w->f))
        EXIT;
    ALONG(v, 0, I(c));
    ALONG(v, 1, I(d));
    SET_ADDRESS;
    NEXT;
}
OP(VIEW_DIMENSION) { if (!cascade_is_view(O(b), w->f)) EXIT; I(a) = ((PyMemoryViewObject *)O(b))->view.shape[w->e]; NEXT; }
