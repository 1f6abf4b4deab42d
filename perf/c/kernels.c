/* The kernels in C, with the exits of typed code: where a sum or product passes 64 bits, and where fuel is out. Compiled by kernel_peers.py.
 *
 * Each returns 0 and puts its answer into `answer`, or 1 where it would exit. */

#include <stdint.h>

#define OUT(condition) do { if (__builtin_expect(condition, 0)) return 1; } while (0)
#define ADD(a, b, c) OUT(__builtin_add_overflow(a, b, &(c)))
#define SUB(a, b, c) OUT(__builtin_sub_overflow(a, b, &(c)))
#define MUL(a, b, c) OUT(__builtin_mul_overflow(a, b, &(c)))
#define BACK OUT(--fuel <= 0)

/* As Python's, for b other than 0 and -1. */
static inline int64_t mod(int64_t a, int64_t b)
{
    if ((a | b) > 0) {
        if (((a | b) >> 32) == 0)
            return (uint32_t)a % (uint32_t)b;
        return (int64_t)((uint64_t)a % (uint64_t)b);
    }
    int64_t rest = a % b;
    return rest != 0 && (rest ^ b) < 0 ? rest + b : rest;
}

/* The same for a constant above 0, which a compiler multiplies by. */
static inline int64_t mod_by(int64_t a, int64_t b)
{
    if (a >= 0)
        return (int64_t)((uint64_t)a % (uint64_t)b);
    int64_t rest = a % b;
    return rest < 0 ? rest + b : rest;
}

int countdown(int64_t fuel, int64_t n, int64_t *answer)
{
    while (n > 0) {
        SUB(n, 1, n);
        BACK;
    }
    *answer = n;
    return 0;
}

int sum(int64_t fuel, int64_t n, int64_t *answer)
{
    int64_t total = 0, square;
    for (int64_t i = 0; i < n; i++) {
        MUL(i, i, square);
        ADD(total, mod_by(square, 7), total);
        BACK;
    }
    *answer = total;
    return 0;
}

int collatz(int64_t fuel, int64_t limit, int64_t *answer)
{
    int64_t best = 1, longest = 0;
    for (int64_t start = 1; start < limit; start++) {
        int64_t n = start, length = 1;
        while (n != 1) {
            if ((n & 1) == 0)
                n >>= 1;
            else {
                MUL(n, 3, n);
                ADD(n, 1, n);
            }
            ADD(length, 1, length);
            BACK;
        }
        if (length > longest) {
            longest = length;
            best = start;
        }
        BACK;
    }
    *answer = best;
    return 0;
}

int gcd(int64_t fuel, int64_t n, int64_t other, int64_t *answer)
{
    int64_t total = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t a = i, b = other;
        while (b != 0) {
            OUT(b == -1);
            int64_t rest = mod(a, b);
            a = b;
            b = rest;
            BACK;
        }
        ADD(total, a, total);
        BACK;
    }
    *answer = total;
    return 0;
}

int mandelbrot(int64_t fuel, int64_t width, int64_t height, int64_t limit, int64_t *answer)
{
    int64_t total = 0;
    for (int64_t row = 0; row < height; row++) {
        double ci = 2.0 * (double)row / (double)height - 1.0;
        for (int64_t column = 0; column < width; column++) {
            double cr = 3.0 * (double)column / (double)width - 2.0, zr = 0.0, zi = 0.0;
            int64_t count = 0;
            while (count < limit && zr * zr + zi * zi <= 4.0) {
                double next = zr * zr - zi * zi + cr;
                zi = 2.0 * zr * zi + ci;
                zr = next;
                ADD(count, 1, count);
                BACK;
            }
            ADD(total, count, total);
            BACK;
        }
        BACK;
    }
    *answer = total;
    return 0;
}

int logistic(int64_t fuel, double r, double x, int64_t n, double *answer)
{
    for (int64_t i = 0; i < n; i++) {
        x = r * x * (1.0 - x);
        BACK;
    }
    *answer = x;
    return 0;
}

int fibonacci(int64_t fuel, int64_t n, int64_t a, int64_t b, int64_t *answer)
{
    while (n != 0) {
        int64_t next;
        ADD(a, b, next);
        SUB(n, 1, n);
        a = b;
        b = mod_by(next, 1000000007);
        BACK;
    }
    *answer = a;
    return 0;
}

int ping_pong(int64_t fuel, int64_t n, int64_t *answer)
{
    int ping = 1;
    while (n != 0) {
        SUB(n, 1, n);
        ping = !ping;
        BACK;
    }
    *answer = ping ? 0 : 1;
    return 0;
}

int primes(int64_t fuel, int64_t limit, int64_t *answer)
{
    int64_t count = 0;
    for (int64_t n = 2; n < limit; n++) {
        int64_t d = 2, square;
        for (;;) {
            MUL(d, d, square);
            if (square > n) {
                ADD(count, 1, count);
                break;
            }
            if (mod(n, d) == 0)
                break;
            ADD(d, 1, d);
            BACK;
        }
        BACK;
    }
    *answer = count;
    return 0;
}
