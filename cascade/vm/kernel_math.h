/* The functions of `math` as Modules/mathmodule.c defines them: the same function of the C library, with the same special
 * cases before it. Each int function returns 1 where `math` raises, or where the result is no int of 64 bits.
 * tests/kernels/test_math.py compares them bit by bit with `math` itself.
 *
 * Not here, as they have arithmetic of their own that differs between versions of CPython, and between compilers that fuse a
 * product and a sum: gamma, lgamma, hypot. Typed code calls out to the module's.
 */

#ifndef CASCADE_MATH_H
#define CASCADE_MATH_H

#include <limits.h>
#include <string.h>

#define CASCADE_PI 3.14159265358979323846

/* A NaN is returned unchanged; the C library's functions would make a signalling one quiet. */
CASCADE_INLINE double cascade_log(double x) { return isnan(x) ? x : log(x); }
CASCADE_INLINE double cascade_log2(double x) { return isnan(x) ? x : log2(x); }
CASCADE_INLINE double cascade_log10(double x) { return isnan(x) ? x : log10(x); }
CASCADE_INLINE double cascade_log1p(double x) { return x == 0.0 ? x : log1p(x); }
CASCADE_INLINE double cascade_degrees(double x) { return x * (180.0 / CASCADE_PI); }
CASCADE_INLINE double cascade_radians(double x) { return x * (CASCADE_PI / 180.0); }

CASCADE_INLINE double cascade_ulp(double x)
{
    double next;
    if (isnan(x))
        return x;
    x = fabs(x);
    if (isinf(x))
        return x;
    next = nextafter(x, INFINITY);
    return isinf(next) ? x - nextafter(x, -INFINITY) : next - x;
}

/* Not inlined: see CASCADE_INLINE. */
#define CASCADE_CALLED static __attribute__((noinline))

CASCADE_CALLED double cascade_mantissa(double x)
{
    int exponent;
    return isfinite(x) && x != 0.0 ? frexp(x, &exponent) : x;
}

CASCADE_CALLED int cascade_exponent(double x)
{
    int exponent = 0;
    if (isfinite(x) && x != 0.0)
        frexp(x, &exponent);
    return exponent;
}

CASCADE_CALLED double cascade_fraction(double x)
{
    double whole;
    if (isinf(x))
        return copysign(0.0, x);
    return isnan(x) ? x : modf(x, &whole);
}

CASCADE_CALLED double cascade_whole_part(double x)
{
    double whole = x;
    if (isfinite(x))
        modf(x, &whole);
    return whole;
}

CASCADE_INLINE double cascade_atan2(double y, double x)
{
    int forward = copysign(1.0, x) == 1.0;
    if (isnan(x) || isnan(y))
        return Py_NAN;
    if (isinf(y))
        return copysign(isinf(x) ? (forward ? 0.25 * CASCADE_PI : 0.75 * CASCADE_PI) : 0.5 * CASCADE_PI, y);
    if (isinf(x) || y == 0.0)
        return copysign(forward ? 0.0 : CASCADE_PI, y);
    return atan2(y, x);
}

CASCADE_INLINE uint64_t cascade_bits(double x) { uint64_t bits; memcpy(&bits, &x, 8); return bits; }
CASCADE_INLINE double cascade_of_bits(uint64_t bits) { double x; memcpy(&x, &bits, 8); return x; }

/* math.nextafter with steps: floats of one sign are in the order of their bits. */
CASCADE_INLINE double cascade_steps(double x, double y, uint64_t steps)
{
    const uint64_t sign = (uint64_t)1 << 63;
    uint64_t from = cascade_bits(x), to = cascade_bits(y), from_zero = from & ~sign, to_zero = to & ~sign;
    if (steps == 0 || isnan(x))
        return x;
    if (isnan(y))
        return y;
    if (from == to)
        return x;
    if ((from ^ to) & sign) {
        if (from_zero + to_zero <= steps)
            return y;
        return cascade_of_bits(from_zero < steps ? (to & sign) | (steps - from_zero) : from - steps);
    }
    if (from_zero > to_zero)
        return from_zero - to_zero >= steps ? cascade_of_bits(from - steps) : y;
    return to_zero - from_zero >= steps ? cascade_of_bits(from + steps) : y;
}

FLOAT_FUNCTION(fmod)
{
    if (isinf(y) && isfinite(x)) {
        *z = x;
        return 0;
    }
    *z = fmod(x, y);
    return isnan(*z) && !isnan(x) && !isnan(y);
}

FLOAT_FUNCTION(remainder)
{
    if (isfinite(x) && isfinite(y)) {
        double distance, rest;
        if (y == 0.0)
            return 1;
        rest = fmod(fabs(x), fabs(y));
        distance = fabs(y) - rest;
        if (rest > distance)
            rest = -distance;
        else if (rest == distance)      /* half way: to the even multiple */
            rest = rest - 2.0 * fmod(0.5 * (fabs(x) - rest), fabs(y));
        *z = copysign(1.0, x) * rest;
        return 0;
    }
    *z = isnan(x) ? x : isnan(y) ? y : x;
    return isinf(x) && !isnan(y);
}

/* math.pow, which is not float.__pow__. */
FLOAT_FUNCTION(power)
{
    if (isfinite(x) && isfinite(y)) {
        *z = pow(x, y);
        return !isfinite(*z);
    }
    if (isnan(x))
        *z = y == 0.0 ? 1.0 : x;
    else if (isnan(y))
        *z = x == 1.0 ? 1.0 : y;
    else if (isinf(x)) {
        int odd = isfinite(y) && fmod(fabs(y), 2.0) == 1.0;
        *z = y > 0.0 ? (odd ? x : fabs(x)) : y == 0.0 ? 1.0 : odd ? copysign(0.0, x) : 0.0;
    }
    else if (fabs(x) == 1.0)
        *z = 1.0;
    else
        *z = (y > 0.0) == (fabs(x) > 1.0) ? fabs(y) : 0.0;
    return x == 0.0 && y < 0.0;
}

CASCADE_INLINE int cascade_ldexp(double x, int64_t exponent, double *z)
{
    if (x == 0.0 || !isfinite(x)) {
        *z = x;
        return 0;
    }
    if (exponent > INT_MAX)
        return 1;
    *z = exponent < INT_MIN ? copysign(0.0, x) : ldexp(x, (int)exponent);
    return isinf(*z);
}

CASCADE_INLINE int cascade_fma(double x, double y, double w, double *z)
{
    *z = fma(x, y, w);
    if (isnan(*z))
        return !isnan(x) && !isnan(y) && !isnan(w);
    return isinf(*z) && isfinite(x) && isfinite(y) && isfinite(w);
}

CASCADE_INLINE int cascade_isclose(double x, double y, double relative, double absolute)
{
    double difference;
    if (x == y)
        return 1;
    if (isinf(x) || isinf(y))
        return 0;
    difference = fabs(y - x);
    return difference <= fabs(relative * y) || difference <= fabs(relative * x) || difference <= absolute;
}

CASCADE_INLINE uint64_t cascade_magnitude(int64_t x) { return x < 0 ? 0 - (uint64_t)x : (uint64_t)x; }

/* Stein's algorithm: shifts and differences. */
CASCADE_INLINE uint64_t cascade_common(uint64_t x, uint64_t y)
{
    int shift;
    if (x == 0 || y == 0)
        return x | y;
    shift = __builtin_ctzll(x | y);
    x >>= __builtin_ctzll(x);
    do {
        y >>= __builtin_ctzll(y);
        if (x > y) {
            uint64_t swapped = x;
            x = y;
            y = swapped;
        }
        y -= x;
    } while (y != 0);
    return x << shift;
}

INT_FUNCTION(gcd)
{
    uint64_t found = cascade_common(cascade_magnitude(x), cascade_magnitude(y));
    *z = (int64_t)found;
    return found > INT64_MAX;
}

INT_FUNCTION(lcm)
{
    uint64_t found;
    *z = 0;
    if (x == 0 || y == 0)
        return 0;
    found = cascade_magnitude(x) / cascade_common(cascade_magnitude(x), cascade_magnitude(y));
    if (__builtin_mul_overflow(found, cascade_magnitude(y), &found))
        return 1;
    *z = (int64_t)found;
    return found > INT64_MAX;
}

INT_FUNCTION(comb)
{
    __int128 found = 1;
    int64_t i;
    if (x < 0 || y < 0)
        return 1;
    *z = 0;
    if (y > x)
        return 0;
    if (y > x - y)
        y = x - y;
    for (i = 0; i < y; i++) {       /* it grows with each step, so it is soon at its end */
        found = found * (x - i) / (i + 1);
        if (found > INT64_MAX)
            return 1;
    }
    *z = (int64_t)found;
    return 0;
}

INT_FUNCTION(perm)
{
    int64_t found = 1, i;
    if (x < 0 || y < 0)
        return 1;
    *z = 0;
    if (y > x)
        return 0;
    for (i = 0; i < y; i++)
        if (__builtin_mul_overflow(found, x - i, &found))
            return 1;
    *z = found;
    return 0;
}

CASCADE_INLINE int64_t cascade_isqrt(int64_t x)
{
    uint64_t root = (uint64_t)sqrt((double)x);
    while (root * root > (uint64_t)x)
        root -= 1;
    while ((root + 1) * (root + 1) <= (uint64_t)x)
        root += 1;
    return (int64_t)root;
}
#endif
