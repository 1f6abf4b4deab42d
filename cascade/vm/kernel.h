/* Typed code: one handler for each instruction of cascade/instructions/kernel.py.
 *
 * A handler executes its instruction and calls the next handler in tail position through the pointer in the word, which an
 * optimising compiler makes a jump (threaded code). So the instruction pointer, the registers and the fuel stay in registers of
 * the processor, and each instruction has an indirect jump of its own for the branch predictor. Where the compiler may not do
 * so (no optimisation, sanitizers), a handler returns the next word to a loop instead.
 *
 * A handler that cannot do exactly as Python does changes nothing and makes a side exit. No Python object is touched in this file; its
 * handlers run without the GIL, those of kernel_objects.h with it.
 */

#ifndef CASCADE_TYPED_H
#define CASCADE_TYPED_H

#include <math.h>
#include <stdint.h>
#include <errno.h>
#include "cpython.h"

typedef union {
    int64_t i;
    double d;
    void *object;
} cascade_register;

typedef struct cascade_word cascade_word;
typedef struct cascade_state cascade_state;
typedef const cascade_word *(*cascade_handler)(const cascade_word *, cascade_register *, int64_t, cascade_state *);

/* A word in memory: that of cascade/instructions/kernel.py with a handler in place of the opcode, and distances as targets. */
struct cascade_word {
    void *run;      /* a cascade_handler */
    int32_t a, b, c, d, e, f;
};

/* A call of a helper function that is under way. */
typedef struct {
    const cascade_word *word;
    int64_t window;
} cascade_call;

enum {
    CASCADE_RETURNED = 1,
    CASCADE_EXITED = 2,
    CASCADE_OUT_OF_FUEL = 3,
    CASCADE_OUT_OF_STEPS = 4,
    CASCADE_CALLS_OUT = 5,       /* a call-out: a function of Python's own has to be called */
    CASCADE_FULL = 6,       /* the registers or the calls need more memory */
    CASCADE_GROWS = 7,      /* a stub: the code that follows has to be made */
    CASCADE_GUARDS = 8,     /* a dict of names has changed: the guards have to be checked */
    CASCADE_RAISED = 9,     /* the error indicator is set: the instruction at which it has stopped raised */
    CASCADE_CALLS = 10      /* a function is called by its kernel */
};

/* A dict whose names the code relies on, and its version when they were checked. */
typedef struct {
    PyObject *dict;
    uint64_t version;
} cascade_watch;

/* A name that the code relies on: what it meant; NULL where there was none. */
typedef struct {
    PyObject *dict, *name, *expected;
} cascade_name;

typedef struct {
    cascade_name *items;
    Py_ssize_t count;
} cascade_names;

struct cascade_gather;
typedef struct cascade_callee cascade_callee;   /* see kernel_calls.h */
typedef struct cascade_site cascade_site;

struct cascade_state {
    int64_t limit;                  /* of the tail calls */
    int64_t deferred;               /* steps that were calls of tasks, not tail calls */
    int64_t origin;                 /* the body that the last of them went to */
    int64_t depth_limit;            /* of CPython's recursion */
    int64_t depth_room;             /* of `calls` */
    cascade_call *calls;
    cascade_register *end;          /* of the memory for registers */
    const cascade_names *named;
    PyObject *kept;                 /* a list of what borrowed registers hold while code is made, or NULL */
    int64_t frames;                 /* made for call-outs, of the functions that have led to these */
    int is_free;                    /* it runs without the GIL */
    int outcome;
    int32_t released;               /* of the list of registers that a return releases, how many are, and one more */
    /* Of a frame: see kernel_calls.h. */
    cascade_state *current;         /* of a root: the frame that runs, of a function that it has called, and so on */
    void *thread;
    double timed_from;

    /* Read and written by each call: beside one another, and before the registers of a frame. */
    cascade_watch *watched;         /* up to one without a dict */
    struct cascade_gather **gathers;        /* call-outs and containers to be made */
    const cascade_word *word;       /* at which it has stopped, or is to start */
    cascade_register *registers;    /* of the function that runs */
    int64_t fuel;
    int64_t steps;                  /* tail calls made */
    int64_t depth;                  /* calls under way; of a frame, those that have led to it */
    cascade_state *parent;          /* that of the code which calls this one, where it has no frame of CPython's; or NULL */
    const cascade_site *site;       /* of that call, in a frame */
    PyObject *function;             /* that is called */
    cascade_callee *callee;         /* the kernel that it runs; NULL for none of those made block by block */
    cascade_state *root;            /* the frame with which the run began */
    void *inside;                   /* `inside` of the kernel, before */
    int64_t began;                  /* the fuel when work was counted */
    int64_t timed;                  /* how many entries this one stands for, which is timed; or 0 */
};

/* Whether there is machine code for kernels: see machine_code.h. */
#if (defined(__x86_64__) || defined(__AARCH64EL__)) && defined(__GNUC__) && !defined(_WIN32) && !defined(__ILP32__) && PYLONG_BITS_IN_DIGIT == 30
#define CASCADE_HAS_MACHINE_CODE 1
#else
#define CASCADE_HAS_MACHINE_CODE 0
#endif

#if defined(__has_attribute)
#if __has_attribute(musttail)
#define CASCADE_MUSTTAIL __attribute__((musttail))
#endif
#endif
#ifndef CASCADE_MUSTTAIL
#define CASCADE_MUSTTAIL
#endif

#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__) || !defined(__GNUC__) || defined(CASCADE_RETURNING)
#define CASCADE_JUMPS 0
#else
#define CASCADE_JUMPS 1
#if !defined(__clang__)
#pragma GCC push_options
#pragma GCC optimize("optimize-sibling-calls")
#endif
#endif

#if CASCADE_JUMPS
#define CONTINUE CASCADE_MUSTTAIL return ((cascade_handler)w->run)(w, r, fuel, s)
#else
#define CONTINUE do { s->registers = r; s->fuel = fuel; return w; } while (0)
#endif

#define OP(NAME) static const cascade_word *cascade_op_##NAME( \
    const cascade_word *w, cascade_register *r, int64_t fuel, cascade_state *s)
/* A part of a handler that is seldom executed: it saves registers that the handler itself need not. */
#define OP_APART(NAME) static __attribute__((noinline)) const cascade_word *cascade_op_##NAME( \
    const cascade_word *w, cascade_register *r, int64_t fuel, cascade_state *s)
#define I(x) r[(uint32_t)w->x].i
#define D(x) r[(uint32_t)w->x].d
#define NEXT do { w += 1; CONTINUE; } while (0)
#define TO(x) ((const cascade_word *)((const char *)w + w->x))
#define GO(x) do { w = TO(x); CONTINUE; } while (0)
#define STOP(why) return cascade_stop(w, r, fuel, s, why)
#define EXIT STOP(CASCADE_EXITED)
/* A back edge takes fuel; a step is a tail call, which is counted, too. */
#define BACK(x) do { w = TO(x); if (--fuel <= 0) STOP(CASCADE_OUT_OF_FUEL); CONTINUE; } while (0)
#define STEP do { if (++s->steps > s->limit) STOP(CASCADE_OUT_OF_STEPS); } while (0)

static const cascade_word *cascade_stop(
    const cascade_word *w, cascade_register *r, int64_t fuel, cascade_state *s, int outcome)
{
    s->word = w;
    s->registers = r;
    s->fuel = fuel;
    s->outcome = outcome;
    return NULL;
}

#include "array_layouts.h"

/* ---- Arithmetic: each function returns 1 where the instruction has to exit. ------------------------------------- */

/* Always inlined: a local variable whose address is passed to a real call would keep the tail call from becoming a jump. */
#define CASCADE_INLINE static inline __attribute__((always_inline))
#define INT_FUNCTION(NAME) CASCADE_INLINE int cascade_##NAME(int64_t x, int64_t y, int64_t *z)
#define FLOAT_FUNCTION(NAME) CASCADE_INLINE int cascade_##NAME(double x, double y, double *z)

INT_FUNCTION(ADD_INT) { return __builtin_add_overflow(x, y, z); }
INT_FUNCTION(SUB_INT) { return __builtin_sub_overflow(x, y, z); }
INT_FUNCTION(MUL_INT) { return __builtin_mul_overflow(x, y, z); }
INT_FUNCTION(AND_INT) { *z = x & y; return 0; }
INT_FUNCTION(OR_INT) { *z = x | y; return 0; }
INT_FUNCTION(XOR_INT) { *z = x ^ y; return 0; }

INT_FUNCTION(FLOORDIV_INT)
{
    if ((x | y) > 0 && y != 0) {
        *z = (int64_t)((uint64_t)x / (uint64_t)y);
        return 0;
    }
    if (y == 0 || (y == -1 && x == INT64_MIN))
        return 1;
    int64_t quotient = x / y;
    *z = quotient - (x % y != 0 && (x < 0) != (y < 0));
    return 0;
}

INT_FUNCTION(MOD_INT)
{
    if ((x | y) > 0 && y != 0) {
        *z = (int64_t)((uint64_t)x % (uint64_t)y);
        return 0;
    }
    if (y == 0)
        return 1;
    if (y == -1) {
        *z = 0;
        return 0;
    }
    int64_t rest = x % y;
    *z = rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
    return 0;
}

INT_FUNCTION(LSHIFT_INT)
{
    if (y < 0 || (y > 62 && x != 0))
        return 1;
    if (x == 0) {
        *z = 0;
        return 0;
    }
    *z = (int64_t)((uint64_t)x << y);
    return *z >> y != x;
}

INT_FUNCTION(RSHIFT_INT)
{
    if (y < 0)
        return 1;
    *z = x >> (y > 63 ? 63 : y);
    return 0;
}

INT_FUNCTION(POW_INT)
{
    int64_t result = 1, base = x;
    if (y < 0)
        return 1;
    while (1) {
        if (y & 1 && __builtin_mul_overflow(result, base, &result))
            return 1;
        y >>= 1;
        if (y == 0)
            break;
        if (__builtin_mul_overflow(base, base, &base))
            return 1;
    }
    *z = result;
    return 0;
}

CASCADE_INLINE int64_t cascade_floor_mod_wide(__int128 x, int64_t y)
{
    __int128 rest = x % y;
    return (int64_t)(rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest);
}

/* (v op w) mod y: the sum or product may be wider than 64 bits, the rest is not. */
CASCADE_INLINE int cascade_sum_mod(int64_t v, int64_t w, int64_t y, int64_t *z)
{
    int64_t sum;
    if (y == 0)
        return 1;
    if (__builtin_add_overflow(v, w, &sum)) {
        *z = cascade_floor_mod_wide((__int128)v + w, y);
        return 0;
    }
    return cascade_MOD_INT(sum, y, z);
}

CASCADE_INLINE int cascade_product_mod(int64_t v, int64_t w, int64_t y, int64_t *z)
{
    int64_t product;
    if (y == 0)
        return 1;
    if (__builtin_mul_overflow(v, w, &product)) {
        *z = cascade_floor_mod_wide((__int128)v * w, y);
        return 0;
    }
    return cascade_MOD_INT(product, y, z);
}

FLOAT_FUNCTION(ADD_FLOAT) { *z = x + y; return 0; }
FLOAT_FUNCTION(SUB_FLOAT) { *z = x - y; return 0; }
FLOAT_FUNCTION(MUL_FLOAT) { *z = x * y; return 0; }

FLOAT_FUNCTION(DIVIDE_FLOAT)
{
    *z = x / y;
    return y == 0.0;
}

/* As CPython's float_rem, float_floor_div and float_pow (Objects/floatobject.c) define them. */

FLOAT_FUNCTION(MOD_FLOAT)
{
    double rest;
    if (y == 0.0)
        return 1;
    rest = fmod(x, y);
    if (rest != 0.0) {
        if ((y < 0.0) != (rest < 0.0))
            rest += y;
    }
    else
        rest = copysign(0.0, y);
    *z = rest;
    return 0;
}

FLOAT_FUNCTION(FLOORDIV_FLOAT)
{
    double rest, quotient, whole;
    if (y == 0.0)
        return 1;
    rest = fmod(x, y);
    quotient = (x - rest) / y;
    if (rest != 0.0 && (y < 0.0) != (rest < 0.0))
        quotient -= 1.0;
    if (quotient == 0.0) {
        *z = copysign(0.0, x / y);
        return 0;
    }
    whole = floor(quotient);
    *z = quotient - whole > 0.5 ? whole + 1.0 : whole;
    return 0;
}

FLOAT_FUNCTION(POW_FLOAT)
{
    int odd, negative = 0;
    if (y == 0.0 || x == 1.0) {
        *z = 1.0;
        return 0;
    }
    if (isnan(x) || isnan(y)) {
        *z = isnan(x) ? x : y;
        return 0;
    }
    odd = isfinite(y) && fmod(fabs(y), 2.0) == 1.0;
    if (isinf(y)) {
        x = fabs(x);
        *z = x == 1.0 ? 1.0 : (y > 0.0) == (x > 1.0) ? fabs(y) : 0.0;
        return 0;
    }
    if (isinf(x)) {
        *z = y > 0.0 ? (odd ? x : fabs(x)) : (odd ? copysign(0.0, x) : 0.0);
        return 0;
    }
    if (x == 0.0) {
        *z = odd ? x : 0.0;
        return y < 0.0;
    }
    if (x < 0.0) {
        if (y != floor(y))
            return 1;
        x = -x;
        negative = odd;
    }
    if (x == 1.0) {
        *z = negative ? -1.0 : 1.0;
        return 0;
    }
    x = pow(x, y);
    *z = negative ? -x : x;
    return isinf(x);
}

CASCADE_INLINE int cascade_whole(double x, int64_t *z)
{
    if (!(x >= -9223372036854775808.0 && x < 9223372036854775808.0))
        return 1;
    *z = (int64_t)x;
    return 0;
}

CASCADE_INLINE int cascade_round(double x, int64_t *z)
{
    double rounded = round(x);
    if (fabs(x - rounded) == 0.5)
        rounded = 2.0 * round(x / 2.0);
    return cascade_whole(rounded, z);
}

#define CASCADE_EXACT ((int64_t)1 << 53)    /* integers up to here are doubles, too */

CASCADE_INLINE int cascade_inexact(int64_t x) { return x > CASCADE_EXACT || x < -CASCADE_EXACT; }

CASCADE_INLINE int cascade_power_mod(int64_t x, int64_t y, int64_t m, int64_t *z)
{
    uint64_t base, result = 1;
    if (y < 0 || m <= 0)
        return 1;
    base = (uint64_t)cascade_floor_mod_wide(x, m);
    result %= (uint64_t)m;
    for (; y != 0; y >>= 1) {
        if (y & 1)
            result = (uint64_t)((unsigned __int128)result * base % (uint64_t)m);
        base = (uint64_t)((unsigned __int128)base * base % (uint64_t)m);
    }
    *z = (int64_t)result;
    return 0;
}

#include "kernel_math.h"

/* start, stop, step -> next, remaining, step. */
static int cascade_range(cascade_register *state)
{
    int64_t start = state[0].i, stop = state[1].i, step = state[2].i;
    uint64_t remaining = 0;
    if (step == 0)
        return 1;
    if (step > 0 && start < stop)
        remaining = ((uint64_t)stop - (uint64_t)start - 1) / (uint64_t)step + 1;
    else if (step < 0 && start > stop)
        remaining = ((uint64_t)start - (uint64_t)stop - 1) / (0 - (uint64_t)step) + 1;
    if (remaining > INT64_MAX)
        return 1;
    state[1].i = (int64_t)remaining;
    return 0;
}

/* ---- Families --------------------------------------------------------------------------------------------------- */

#define COMPARISONS(X, ...) \
    X(LESS, <, __VA_ARGS__) X(LESS_EQUAL, <=, __VA_ARGS__) X(EQUAL, ==, __VA_ARGS__) X(NOT_EQUAL, !=, __VA_ARGS__)
#define ORDERS(X, ...) X(MORE, >, __VA_ARGS__) X(MORE_EQUAL, >=, __VA_ARGS__)

/* The 64 bits f:e, of any type. */
#define LOAD { I(a) = (int64_t)((uint64_t)(uint32_t)w->f << 32 | (uint32_t)w->e); NEXT; }
OP(LOAD_INT) LOAD
OP(LOAD_FLOAT) LOAD
OP(LOAD_OBJECT) LOAD
OP(MOVE) { r[(uint32_t)w->a] = r[(uint32_t)w->b]; NEXT; }
OP(MOVE2)
{
    cascade_register first = r[(uint32_t)w->b], second = r[(uint32_t)w->d];
    r[(uint32_t)w->a] = first;
    r[(uint32_t)w->c] = second;
    NEXT;
}

/* a = b op c, and with a move of another register: d = e. */
#define BINARY_INT(NAME) \
    OP(NAME) { int64_t t; if (cascade_##NAME(I(b), I(c), &t)) EXIT; I(a) = t; NEXT; } \
    OP(NAME##_MOVE) \
    { int64_t t; if (cascade_##NAME(I(b), I(c), &t)) EXIT; r[(uint32_t)w->d] = r[(uint32_t)w->e]; I(a) = t; NEXT; }
#define BINARY_FLOAT(NAME) \
    OP(NAME) { double t; if (cascade_##NAME(D(b), D(c), &t)) EXIT; D(a) = t; NEXT; } \
    OP(NAME##_MOVE) \
    { double t; if (cascade_##NAME(D(b), D(c), &t)) EXIT; r[(uint32_t)w->d] = r[(uint32_t)w->e]; D(a) = t; NEXT; }

BINARY_INT(ADD_INT) BINARY_INT(SUB_INT) BINARY_INT(MUL_INT) BINARY_INT(FLOORDIV_INT) BINARY_INT(MOD_INT)
BINARY_INT(AND_INT) BINARY_INT(OR_INT) BINARY_INT(XOR_INT) BINARY_INT(LSHIFT_INT) BINARY_INT(RSHIFT_INT)
BINARY_INT(POW_INT)
BINARY_FLOAT(ADD_FLOAT) BINARY_FLOAT(SUB_FLOAT) BINARY_FLOAT(MUL_FLOAT) BINARY_FLOAT(DIVIDE_FLOAT)
BINARY_FLOAT(FLOORDIV_FLOAT) BINARY_FLOAT(MOD_FLOAT) BINARY_FLOAT(POW_FLOAT)

/* a = (b op c) op d */
#define PAIR_INT(FIRST, SECOND) \
    OP(FIRST##_##SECOND##_INT) \
    { int64_t t; if (cascade_##FIRST##_INT(I(b), I(c), &t) || cascade_##SECOND##_INT(t, I(d), &t)) EXIT; I(a) = t; NEXT; }
/* a = d - (b op c) */
#define PAIR_INT_FROM(FIRST) \
    OP(FIRST##_FROM_INT) \
    { int64_t t; if (cascade_##FIRST##_INT(I(b), I(c), &t) || cascade_SUB_INT(I(d), t, &t)) EXIT; I(a) = t; NEXT; }
PAIR_INT(ADD, ADD) PAIR_INT(ADD, SUB) PAIR_INT(ADD, MUL) PAIR_INT(ADD, AND) PAIR_INT_FROM(ADD) PAIR_INT(ADD, FLOORDIV)
PAIR_INT(SUB, ADD) PAIR_INT(SUB, SUB) PAIR_INT(SUB, MUL) PAIR_INT(SUB, AND) PAIR_INT_FROM(SUB) PAIR_INT(SUB, FLOORDIV)
PAIR_INT(MUL, ADD) PAIR_INT(MUL, SUB) PAIR_INT(MUL, MUL) PAIR_INT(MUL, AND) PAIR_INT_FROM(MUL) PAIR_INT(MUL, FLOORDIV)
PAIR_INT(MOD, ADD) PAIR_INT(AND, ADD) PAIR_INT(RSHIFT, AND) PAIR_INT(RSHIFT, XOR) PAIR_INT(LSHIFT, XOR)
OP(ADD_MOD_INT) { int64_t t; if (cascade_sum_mod(I(b), I(c), I(d), &t)) EXIT; I(a) = t; NEXT; }
OP(MUL_MOD_INT) { int64_t t; if (cascade_product_mod(I(b), I(c), I(d), &t)) EXIT; I(a) = t; NEXT; }
/* a = (b op c) mod d, and a move: e = f */
OP(ADD_MOD_INT_MOVE)
{
    int64_t t;
    if (cascade_sum_mod(I(b), I(c), I(d), &t))
        EXIT;
    r[(uint32_t)w->e] = r[(uint32_t)w->f];
    I(a) = t;
    NEXT;
}
/* a = (b * c mod d) + e */
OP(MUL_MOD_ADD_INT)
{
    int64_t t;
    if (cascade_product_mod(I(b), I(c), I(d), &t) || cascade_ADD_INT(t, I(e), &t))
        EXIT;
    I(a) = t;
    NEXT;
}

#define PAIR_FLOAT(FIRST, SECOND) \
    OP(FIRST##_##SECOND##_FLOAT) \
    { double t; cascade_##FIRST##_FLOAT(D(b), D(c), &t); if (cascade_##SECOND##_FLOAT(t, D(d), &t)) EXIT; D(a) = t; NEXT; }
#define PAIR_FLOAT_FROM(FIRST) \
    OP(FIRST##_FROM_FLOAT) { double t; cascade_##FIRST##_FLOAT(D(b), D(c), &t); D(a) = D(d) - t; NEXT; }
#define PAIRS_FLOAT(FIRST) \
    PAIR_FLOAT(FIRST, ADD) PAIR_FLOAT(FIRST, SUB) PAIR_FLOAT(FIRST, MUL) PAIR_FLOAT(FIRST, DIVIDE) PAIR_FLOAT_FROM(FIRST)
PAIRS_FLOAT(ADD) PAIRS_FLOAT(SUB) PAIRS_FLOAT(MUL)
/* a = (b op c) op (d op e) */
#define TREE_FLOAT(FIRST, SECOND, JOIN) \
    OP(FIRST##_##SECOND##_TREE_##JOIN##_FLOAT) { double t, u; cascade_##FIRST##_FLOAT(D(b), D(c), &t); \
        cascade_##SECOND##_FLOAT(D(d), D(e), &u); cascade_##JOIN##_FLOAT(t, u, &t); D(a) = t; NEXT; }
#define TREES_FLOAT(FIRST, SECOND) TREE_FLOAT(FIRST, SECOND, ADD) TREE_FLOAT(FIRST, SECOND, SUB) TREE_FLOAT(FIRST, SECOND, MUL)
TREES_FLOAT(ADD, ADD) TREES_FLOAT(ADD, SUB) TREES_FLOAT(ADD, MUL) TREES_FLOAT(SUB, ADD) TREES_FLOAT(SUB, SUB)
TREES_FLOAT(SUB, MUL) TREES_FLOAT(MUL, ADD) TREES_FLOAT(MUL, SUB) TREES_FLOAT(MUL, MUL)
OP(MUL_MUL_TREE_ADD_ADD_FLOAT) { double t = D(b) * D(c); double u = D(d) * D(e); t = t + u; D(a) = t + D(f); NEXT; }
OP(MUL_MUL_TREE_SUB_ADD_FLOAT) { double t = D(b) * D(c); double u = D(d) * D(e); t = t - u; D(a) = t + D(f); NEXT; }
OP(MUL_MUL_THEN_ADD_FLOAT) { double t = D(b) * D(c); t = t * D(d); D(a) = t + D(e); NEXT; }

/* Comparisons as values and as jumps. */
#define COMPARE(NAME, SIGN, ...) \
    OP(NAME##_INT) { I(a) = I(b) SIGN I(c); NEXT; } \
    OP(NAME##_FLOAT) { I(a) = D(b) SIGN D(c); NEXT; } \
    OP(JUMP_##NAME##_INT) { if (I(a) SIGN I(b)) GO(f); NEXT; } \
    OP(BACK_##NAME##_INT) { if (I(a) SIGN I(b)) BACK(f); NEXT; } \
    OP(STEP_##NAME##_INT) { STEP; if (I(a) SIGN I(b)) BACK(f); NEXT; } \
    OP(JUMP_##NAME##_FLOAT) { if (D(a) SIGN D(b)) GO(f); NEXT; } \
    OP(BACK_##NAME##_FLOAT) { if (D(a) SIGN D(b)) BACK(f); NEXT; }
COMPARISONS(COMPARE)
#define COMPARE_NOT(NAME, SIGN) \
    OP(JUMP_NOT_##NAME##_FLOAT) { if (!(D(a) SIGN D(b))) GO(f); NEXT; } \
    OP(BACK_NOT_##NAME##_FLOAT) { if (!(D(a) SIGN D(b))) BACK(f); NEXT; }
COMPARE_NOT(LESS, <) COMPARE_NOT(LESS_EQUAL, <=)
OP(SAME) { I(a) = I(b) == I(c); NEXT; }
OP(JUMP_SAME) { if (I(a) == I(b)) GO(f); NEXT; }
OP(BACK_SAME) { if (I(a) == I(b)) BACK(f); NEXT; }
OP(JUMP_NOT_SAME) { if (I(a) != I(b)) GO(f); NEXT; }
OP(BACK_NOT_SAME) { if (I(a) != I(b)) BACK(f); NEXT; }

/* if (b op c) sign d: go to f */
#define TEST_INT(NAME, SIGN, OPERATION) \
    OP(OPERATION##_JUMP_##NAME##_INT) \
    { int64_t t; if (cascade_##OPERATION##_INT(I(b), I(c), &t)) EXIT; if (t SIGN I(d)) GO(f); NEXT; } \
    OP(OPERATION##_BACK_##NAME##_INT) \
    { int64_t t; if (cascade_##OPERATION##_INT(I(b), I(c), &t)) EXIT; if (t SIGN I(d)) BACK(f); NEXT; }
COMPARISONS(TEST_INT, ADD) ORDERS(TEST_INT, ADD) COMPARISONS(TEST_INT, SUB) ORDERS(TEST_INT, SUB)
COMPARISONS(TEST_INT, MUL) ORDERS(TEST_INT, MUL) COMPARISONS(TEST_INT, MOD) ORDERS(TEST_INT, MOD)
COMPARISONS(TEST_INT, AND) ORDERS(TEST_INT, AND)

/* a = b op c; if d sign e: go to f. The end of a loop's body and its test. */
#define COUNT(NAME, SIGN, OPERATION) \
    OP(OPERATION##_THEN_BACK_##NAME##_INT) \
    { int64_t t; if (cascade_##OPERATION##_INT(I(b), I(c), &t)) EXIT; I(a) = t; if (I(d) SIGN I(e)) BACK(f); NEXT; }
COMPARISONS(COUNT, ADD) COMPARISONS(COUNT, SUB) COMPARISONS(COUNT, RSHIFT) COMPARISONS(COUNT, FLOORDIV)
#define COUNT_STEP(NAME, SIGN, OPERATION) \
    OP(OPERATION##_THEN_STEP_##NAME##_INT) \
    { int64_t t; if (cascade_##OPERATION##_INT(I(b), I(c), &t)) EXIT; I(a) = t; STEP; if (I(d) SIGN I(e)) BACK(f); NEXT; }
COMPARISONS(COUNT_STEP, ADD) COMPARISONS(COUNT_STEP, SUB)
#define MOVE_COUNT(NAME, SIGN, ...) \
    OP(MOVE_THEN_BACK_##NAME##_INT) { r[(uint32_t)w->a] = r[(uint32_t)w->b]; if (I(c) SIGN I(d)) BACK(f); NEXT; } \
    OP(MOVE_THEN_STEP_##NAME##_INT) { r[(uint32_t)w->a] = r[(uint32_t)w->b]; STEP; if (I(c) SIGN I(d)) BACK(f); NEXT; }
COMPARISONS(MOVE_COUNT)

/* The same for floats, where the opposite of `<` is not `>=`. */
#define TEST_FLOAT(NAME, CONDITION, OPERATION) \
    OP(OPERATION##_JUMP_##NAME##_FLOAT) \
    { double t; cascade_##OPERATION##_FLOAT(D(b), D(c), &t); if (CONDITION) GO(f); NEXT; } \
    OP(OPERATION##_BACK_##NAME##_FLOAT) \
    { double t; cascade_##OPERATION##_FLOAT(D(b), D(c), &t); if (CONDITION) BACK(f); NEXT; }
#define TESTS_FLOAT(OPERATION) \
    TEST_FLOAT(LESS, t < D(d), OPERATION) TEST_FLOAT(LESS_EQUAL, t <= D(d), OPERATION) \
    TEST_FLOAT(MORE, t > D(d), OPERATION) TEST_FLOAT(MORE_EQUAL, t >= D(d), OPERATION) \
    TEST_FLOAT(NOT_LESS, !(t < D(d)), OPERATION) TEST_FLOAT(NOT_LESS_EQUAL, !(t <= D(d)), OPERATION) \
    TEST_FLOAT(NOT_MORE, !(t > D(d)), OPERATION) TEST_FLOAT(NOT_MORE_EQUAL, !(t >= D(d)), OPERATION)
TESTS_FLOAT(ADD) TESTS_FLOAT(SUB) TESTS_FLOAT(MUL)

OP(NEGATE_INT) { int64_t t; if (cascade_SUB_INT(0, I(b), &t)) EXIT; I(a) = t; NEXT; }
OP(ABS_INT) { if (I(b) == INT64_MIN) EXIT; I(a) = I(b) < 0 ? -I(b) : I(b); NEXT; }
OP(INVERT_INT) { I(a) = ~I(b); NEXT; }
OP(POW_MOD_INT) { int64_t t; if (cascade_power_mod(I(b), I(c), I(d), &t)) EXIT; I(a) = t; NEXT; }
OP(DIVIDE_INT)
{
    if (I(c) == 0 || cascade_inexact(I(b)) || cascade_inexact(I(c)))
        EXIT;
    D(a) = (double)I(b) / (double)I(c);
    NEXT;
}
OP(NEGATE_FLOAT) { D(a) = -D(b); NEXT; }
OP(ABS_FLOAT) { D(a) = fabs(D(b)); NEXT; }
OP(TO_FLOAT) { D(a) = (double)I(b); NEXT; }
OP(TO_EXACT_FLOAT) { if (cascade_inexact(I(b))) EXIT; D(a) = (double)I(b); NEXT; }
OP(TRUNCATE) { int64_t t; if (cascade_whole(D(b), &t)) EXIT; I(a) = t; NEXT; }
OP(ROUND) { int64_t t; if (cascade_round(D(b), &t)) EXIT; I(a) = t; NEXT; }
OP(FLOOR) { int64_t t; if (cascade_whole(floor(D(b)), &t)) EXIT; I(a) = t; NEXT; }
OP(CEIL) { int64_t t; if (cascade_whole(ceil(D(b)), &t)) EXIT; I(a) = t; NEXT; }

/* The functions of `math`; see kernel_math.h. A side exit where math_1 of Modules/mathmodule.c raises: a NaN for a number, or an
   infinity for a finite number. */
#define MATH(NAME, FUNCTION) \
    OP(NAME) { double x = D(b), t = FUNCTION(x); \
        if (!isfinite(t) && (isnan(t) ? !isnan(x) : isfinite(x))) EXIT; \
        D(a) = t; NEXT; }
#define MATH_TOTAL(NAME, FUNCTION) OP(NAME) { D(a) = FUNCTION(D(b)); NEXT; }
MATH(SQRT, sqrt) MATH(CBRT, cbrt) MATH(EXP, exp) MATH(EXP2, exp2) MATH(EXPM1, expm1) MATH(LOG, cascade_log)
MATH(LOG2, cascade_log2) MATH(LOG10, cascade_log10) MATH(LOG1P, cascade_log1p) MATH(SIN, sin) MATH(COS, cos) MATH(TAN, tan)
MATH(ASIN, asin) MATH(ACOS, acos) MATH(ATAN, atan) MATH(SINH, sinh) MATH(COSH, cosh) MATH(TANH, tanh) MATH(ASINH, asinh)
MATH(ACOSH, acosh) MATH(ATANH, atanh)
MATH_TOTAL(DEGREES, cascade_degrees) MATH_TOTAL(RADIANS, cascade_radians) MATH_TOTAL(ERF, erf) MATH_TOTAL(ERFC, erfc)
MATH_TOTAL(ULP, cascade_ulp) MATH_TOTAL(FREXP_MANTISSA, cascade_mantissa) MATH_TOTAL(MODF_FRACTION, cascade_fraction)
MATH_TOTAL(MODF_WHOLE, cascade_whole_part)
OP(FREXP_EXPONENT) { I(a) = cascade_exponent(D(b)); NEXT; }
OP(ATAN2) { D(a) = cascade_atan2(D(b), D(c)); NEXT; }
OP(COPYSIGN) { D(a) = copysign(D(b), D(c)); NEXT; }
OP(NEXTAFTER) { D(a) = nextafter(D(b), D(c)); NEXT; }
OP(NEXTAFTER_STEPS) { if (I(d) < 0) EXIT; D(a) = cascade_steps(D(b), D(c), (uint64_t)I(d)); NEXT; }
OP(FMOD) { double t; if (cascade_fmod(D(b), D(c), &t)) EXIT; D(a) = t; NEXT; }
OP(REMAINDER) { double t; if (cascade_remainder(D(b), D(c), &t)) EXIT; D(a) = t; NEXT; }
OP(POWER) { double t; if (cascade_power(D(b), D(c), &t)) EXIT; D(a) = t; NEXT; }
OP(LDEXP) { double t; if (cascade_ldexp(D(b), I(c), &t)) EXIT; D(a) = t; NEXT; }
OP(FMA) { double t; if (cascade_fma(D(b), D(c), D(d), &t)) EXIT; D(a) = t; NEXT; }
OP(ISCLOSE) { if (D(d) < 0.0 || D(e) < 0.0) EXIT; I(a) = cascade_isclose(D(b), D(c), D(d), D(e)); NEXT; }
OP(GCD) { int64_t t; if (cascade_gcd(I(b), I(c), &t)) EXIT; I(a) = t; NEXT; }
OP(LCM) { int64_t t; if (cascade_lcm(I(b), I(c), &t)) EXIT; I(a) = t; NEXT; }
OP(COMB) { int64_t t; if (cascade_comb(I(b), I(c), &t)) EXIT; I(a) = t; NEXT; }
OP(PERM) { int64_t t; if (cascade_perm(I(b), I(c), &t)) EXIT; I(a) = t; NEXT; }
OP(FACTORIAL) { int64_t t; if (cascade_perm(I(b), I(b), &t)) EXIT; I(a) = t; NEXT; }
OP(ISQRT) { if (I(b) < 0) EXIT; I(a) = cascade_isqrt(I(b)); NEXT; }
OP(ISNAN) { I(a) = isnan(D(b)) != 0; NEXT; }
OP(ISINF) { I(a) = isinf(D(b)) != 0; NEXT; }
OP(ISFINITE) { I(a) = isfinite(D(b)) != 0; NEXT; }

OP(JUMP) { GO(f); }
OP(BACK) { BACK(f); }
OP(STEP) { STEP; BACK(f); }
OP(DEFER) { s->deferred += 1; s->origin = w->e; STEP; BACK(f); }
OP(RANGE) { if (cascade_range(&r[(uint32_t)w->a])) EXIT; NEXT; }
#define TAKE(target, state) do { cascade_register *range = &r[(uint32_t)w->state]; I(target) = range[0].i; \
    range[0].i = (int64_t)((uint64_t)range[0].i + (uint64_t)range[2].i); range[1].i -= 1; } while (0)
#define REMAINING(state) r[(uint32_t)w->state + 1].i
OP(NEXT) { if (REMAINING(b) == 0) GO(f); TAKE(a, b); NEXT; }
OP(NEXT_OR_BACK) { if (REMAINING(b) == 0) BACK(f); TAKE(a, b); NEXT; }
OP(NEXT_BACK) { if (REMAINING(b) == 0) NEXT; TAKE(a, b); BACK(f); }
/* a = b op c; then the next of range e into d, and back to f. */
#define ACCUMULATE_INT(NAME) \
    OP(NAME##_INT_NEXT_BACK) \
    { int64_t t; if (cascade_##NAME##_INT(I(b), I(c), &t)) EXIT; I(a) = t; if (REMAINING(e) == 0) NEXT; TAKE(d, e); BACK(f); }
#define ACCUMULATE_FLOAT(NAME) \
    OP(NAME##_FLOAT_NEXT_BACK) \
    { double t; cascade_##NAME##_FLOAT(D(b), D(c), &t); D(a) = t; if (REMAINING(e) == 0) NEXT; TAKE(d, e); BACK(f); }
ACCUMULATE_INT(ADD) ACCUMULATE_INT(SUB) ACCUMULATE_INT(MUL) ACCUMULATE_INT(XOR)
ACCUMULATE_FLOAT(ADD) ACCUMULATE_FLOAT(SUB) ACCUMULATE_FLOAT(MUL)

/* Calls: the arguments are in the window of the called function; d is the number of its registers. */
OP(CALL)
{
    if (s->depth >= s->depth_limit)
        EXIT;
    if (s->depth >= s->depth_room || s->end - r < (int64_t)w->b + w->d)
        STOP(CASCADE_FULL);
    s->calls[s->depth].word = w;
    s->calls[s->depth].window = w->b;
    s->depth += 1;
    r += w->b;
    BACK(f);
}
OP(HELPER_RETURN)
{
    cascade_register value = r[(uint32_t)w->a];
    s->depth -= 1;
    r -= s->calls[s->depth].window;
    w = s->calls[s->depth].word;
    r[(uint32_t)w->a] = value;
    NEXT;
}
OP(CALL_OUT) { STOP(CASCADE_CALLS_OUT); }
OP(CALL_OUT_NUMBER) { STOP(CASCADE_CALLS_OUT); }
OP(EXIT) { EXIT; }

#include "stopwatch.h"
#include "kernel_objects.h"
#include "kernel_special.h"
#include "kernel_calls.h"
#include "kernel_c_calls.h"
#include "kernel_sequences.h"
#include "kernel_text.h"
#include "kernel_mappings.h"
#include "kernel_sets.h"
#include "kernel_attributes.h"
#include "kernel_arrays.h"
#include "kernel_functions.h"
#include "kernel_consumers.h"

#include "kernel_table.h"

#include "kernel_step.h"

#if CASCADE_JUMPS && !defined(__clang__)
#pragma GCC pop_options
#endif

#undef OP
#undef OP_APART
#undef O
#undef SET
#undef INDEX_OR_EXIT
#undef I
#undef D
#undef NEXT
#undef TO
#undef GO
#undef STOP
#undef EXIT
#undef BACK
#undef STEP
#undef CONTINUE
#undef TAKE
#undef REMAINING
#undef ARRAY
#undef BUFFER
#undef ARRAY1
#undef ARRAY2
#undef READ
#undef WRITE
#undef RARE
#undef GO_RARE

#include "machine_code.h"
#endif
