/* Handlers of the methods of random.Random: the Mersenne Twister of Modules/_randommodule.c, on the object's own state, and what
 * random.py makes of it. Included by kernel.h.
 *
 * They hold for objects of exactly random.Random as it was when it was learnt (cascade_learn_random): neither the class's functions nor
 * the object's attributes have been replaced. For any other a handler jumps to f, before the state has changed.
 */

enum { CASCADE_RANDOM_WORDS = 624, CASCADE_RANDOM_SHIFT = 397, CASCADE_RANDOM_FUNCTIONS = 8 };

/* What is relied on: the class, and of the functions of random.py that are not called the code and the defaults. */
static struct {
    PyObject *class;
    PyObject *next;         /* "gauss_next", the only attribute that an instance has of its own */
    PyObject *order;        /* its classes, in the order in which a method is looked up */
    int count;
    PyObject *functions[CASCADE_RANDOM_FUNCTIONS];
    PyObject *codes[CASCADE_RANDOM_FUNCTIONS];
    PyObject *defaults[CASCADE_RANDOM_FUNCTIONS];
} cascade_random;

static uint32_t cascade_random_mixed(uint32_t high, uint32_t low)
{
    uint32_t both = (high & 0x80000000U) | (low & 0x7fffffffU);
    return (both >> 1) ^ (low & 1 ? 0x9908b0dfU : 0);
}

static __attribute__((noinline)) void cascade_random_refill(uint32_t *words)
{
    int i;
    for (i = 0; i < CASCADE_RANDOM_WORDS; i++)
        words[i] = words[(i + CASCADE_RANDOM_SHIFT) % CASCADE_RANDOM_WORDS]
            ^ cascade_random_mixed(words[i], words[(i + 1) % CASCADE_RANDOM_WORDS]);
}

static inline uint32_t cascade_random_word(PyObject *source)
{
    cascade_random_state *state = cascade_random_state_of(source);
    uint32_t word;
    if (state->index >= CASCADE_RANDOM_WORDS) {
        cascade_random_refill(state->words);
        state->index = 0;
    }
    word = state->words[state->index++];
    word ^= word >> 11;
    word ^= (word << 7) & 0x9d2c5680U;
    word ^= (word << 15) & 0xefc60000U;
    return word ^ (word >> 18);
}

static inline double cascade_random_float(PyObject *source)
{
    uint32_t high = cascade_random_word(source) >> 5, low = cascade_random_word(source) >> 6;
    return (high * 67108864.0 + low) * (1.0 / 9007199254740992.0);
}

/* getrandbits(bits), of 1 to 64 bits: the low word comes first. */
static inline uint64_t cascade_random_bits(PyObject *source, int bits)
{
    uint64_t low;
    if (bits <= 32)
        return cascade_random_word(source) >> (32 - bits);
    low = cascade_random_word(source);
    return low | (uint64_t)(cascade_random_word(source) >> (64 - bits)) << 32;
}

/* Random._randbelow_with_getrandbits, for n > 0. */
static inline int64_t cascade_random_below(PyObject *source, int64_t n)
{
    int bits = 64 - __builtin_clzll((uint64_t)n);
    uint64_t found;
    do
        found = cascade_random_bits(source, bits);
    while (found >= (uint64_t)n);
    return (int64_t)found;
}

/* Whether an object's methods are those that were learnt, and the calls that they make would not be too deep. */
static __attribute__((noinline)) int cascade_random_is_known(PyObject *source)
{
    PyObject *names;
    int i, known;
    if ((PyObject *)Py_TYPE(source) != cascade_random.class || Py_TYPE(source)->tp_mro != cascade_random.order || cascade_depth_left() < 8)
        return 0;
    for (i = 0; i < cascade_random.count; i++)
        if (PyFunction_GET_CODE(cascade_random.functions[i]) != cascade_random.codes[i]
                || PyFunction_GET_DEFAULTS(cascade_random.functions[i]) != cascade_random.defaults[i])
            return 0;
    names = PyObject_GenericGetDict(source, NULL);
    if (names == NULL) {
        PyErr_Clear();
        return 0;
    }
    known = PyDict_GET_SIZE(names) == 0 || (PyDict_GET_SIZE(names) == 1 && PyDict_GetItem(names, cascade_random.next) != NULL);
    Py_DECREF(names);
    return known;
}

#define KNOWN_OR_CALL(source) do { if (!cascade_random_is_known(source)) GO(f); } while (0)

OP(RANDOM) { D(a) = cascade_random_float(O(b)); NEXT; }
OP(RANDOM_KNOWN) { KNOWN_OR_CALL(O(a)); NEXT; }
OP(RANDOM_BITS)
{
    if (I(c) < 1 || I(c) > 63)
        GO(f);
    I(a) = (int64_t)cascade_random_bits(O(b), (int)I(c));
    NEXT;
}
OP(RANDOM_BELOW) { if (I(c) <= 0) GO(f); KNOWN_OR_CALL(O(b)); I(a) = cascade_random_below(O(b), I(c)); NEXT; }

/* a = randrange(c, d, e), of object b. */
OP(RANDOM_RANGE)
{
    int64_t count, start = I(c), step = I(e);
    if (__builtin_sub_overflow(I(d), start, &count) || step == 0 || step == INT64_MIN)
        GO(f);
    if (step != 1) {
        if (__builtin_add_overflow(count, step > 0 ? step - 1 : step + 1, &count) || cascade_FLOORDIV_INT(count, step, &count))
            GO(f);
    }
    if (count <= 0)
        GO(f);
    KNOWN_OR_CALL(O(b));
    I(a) = (int64_t)((uint64_t)start + (uint64_t)step * (uint64_t)cascade_random_below(O(b), count));
    NEXT;
}

/* Random.gauss(mu, sigma); 1 where the object has another `gauss_next` than a float or None. */
static __attribute__((noinline)) int cascade_random_gauss(PyObject *source, cascade_register *result, double mu, double sigma)
{
    PyObject *kept = PyObject_GetAttr(source, cascade_random.next), *next;
    double z;
    if (kept == NULL || !(kept == Py_None || PyFloat_CheckExact(kept))) {
        PyErr_Clear();
        Py_XDECREF(kept);
        return 1;
    }
    if (kept == Py_None) {
        cascade_random_state before = *cascade_random_state_of(source);
        double angle = cascade_random_float(source) * (2.0 * CASCADE_PI);
        double radius = sqrt(-2.0 * log(1.0 - cascade_random_float(source)));
        z = cos(angle) * radius;
        Py_DECREF(kept);
        next = PyFloat_FromDouble(sin(angle) * radius);
        if (next == NULL || PyObject_SetAttr(source, cascade_random.next, next) < 0) {
            PyErr_Clear();
            Py_XDECREF(next);
            *cascade_random_state_of(source) = before;
            return 1;
        }
        Py_DECREF(next);
    }
    else {
        z = PyFloat_AS_DOUBLE(kept);
        Py_DECREF(kept);
        if (PyObject_SetAttr(source, cascade_random.next, Py_None) < 0) {
            PyErr_Clear();
            return 1;
        }
    }
    result->d = mu + z * sigma;
    return 0;
}

OP(RANDOM_GAUSS)
{
    KNOWN_OR_CALL(O(b));
    if (cascade_random_gauss(O(b), &r[(uint32_t)w->a], D(c), D(d)))
        GO(f);
    NEXT;
}

/* Random.shuffle(list) */
OP(RANDOM_SHUFFLE)
{
    PyObject *source = O(a), *list = O(b);
    Py_ssize_t i;
    KNOWN_OR_CALL(source);
    for (i = Py_SIZE(list) - 1; i >= 1; i--) {
        Py_ssize_t other = (Py_ssize_t)cascade_random_below(source, i + 1);
        PyObject *item = cascade_list_items(list)[i];
        cascade_list_items(list)[i] = cascade_list_items(list)[other];
        cascade_list_items(list)[other] = item;
    }
    NEXT;
}

/* Learns the class and its functions. Returns -1 with an error set where a tuple has another size than there is room for. */
static int cascade_learn_random(PyObject *class, PyObject *functions, PyObject *next)
{
    Py_ssize_t i;
    if (PyTuple_GET_SIZE(functions) > CASCADE_RANDOM_FUNCTIONS) {
        PyErr_SetString(PyExc_ValueError, "too many functions");
        return -1;
    }
    for (i = 0; i < PyTuple_GET_SIZE(functions); i++) {
        PyObject *function = PyTuple_GET_ITEM(functions, i);
        cascade_random.functions[i] = Py_NewRef(function);      /* kept for ever, as the class is */
        cascade_random.codes[i] = Py_NewRef(PyFunction_GET_CODE(function));
        cascade_random.defaults[i] = Py_XNewRef(PyFunction_GET_DEFAULTS(function));
    }
    cascade_random.count = (int)PyTuple_GET_SIZE(functions);
    cascade_random.class = Py_NewRef(class);
    cascade_random.order = Py_NewRef(((PyTypeObject *)class)->tp_mro);
    cascade_random.next = Py_NewRef(next);
    return 0;
}

#undef KNOWN_OR_CALL
