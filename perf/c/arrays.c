/* The loops over arrays of shape_functions.py in C, with the exits of typed code: where fuel is out, an index is not there, an int passes 64 bits,
 * or NumPy might warn, as a result is no normal number. Compiled by array_loops.py; with NO_EXITS they check nothing.
 *
 * Each returns 0, or 1 where it would exit. */

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    char *data;
    int64_t count, stride, second_count, second_stride;
} array;

#ifdef NO_EXITS
#define OUT(condition) ((void)(condition))      /* an overflow wraps around */
#else
#define OUT(condition) do { if (__builtin_expect(condition, 0)) return 1; } while (0)
#endif
#define BACK OUT(--fuel <= 0)
#ifdef NO_LOOPS
#define BEGIN return 0
#else
#define BEGIN do { } while (0)
#endif

static inline uint64_t bits(double x)
{
    uint64_t found;
    memcpy(&found, &x, 8);
    return found << 1;
}
#define FINITE(x) OUT(bits(x) >= 0xFFE0000000000000u)
#define NORMAL(x) OUT(bits(x) - 0x0020000000000002u >= 0xFFBFFFFFFFFFFFFEu && (x) != 0)

#ifdef NO_EXITS
#define INDEX(i, count) do { } while (0)
#else
#define INDEX(i, count) do { \
        if (__builtin_expect((uint64_t)(i) >= (uint64_t)(count), 0)) { \
            (i) += (count); \
            OUT((uint64_t)(i) >= (uint64_t)(count)); \
        } \
    } while (0)
#endif
#define AT(type, a, i) (*(type *)((a).data + (i) * (a).stride))
#define AT2(a, i, j) (*(double *)((a).data + (i) * (a).stride + (j) * (a).second_stride))
#define READ(x, a, i) do { int64_t at = (i); INDEX(at, (a).count); x = AT(double, a, at); } while (0)
#define WRITE(a, i, x) do { int64_t at = (i); INDEX(at, (a).count); AT(double, a, at) = x; } while (0)
#define READ2(x, a, i, j) do { int64_t at = (i), to = (j); INDEX(at, (a).count); INDEX(to, (a).second_count); x = AT2(a, at, to); } while (0)
#define WRITE2(a, i, j, x) do { int64_t at = (i), to = (j); INDEX(at, (a).count); INDEX(to, (a).second_count); AT2(a, at, to) = x; } while (0)

int heat(int64_t fuel, array *of_plate, array *of_new)
{
    BEGIN;
    array plate = *of_plate, new = *of_new;
    for (int64_t y = 1; y < plate.count - 1; y++) {
        for (int64_t x = 1; x < plate.second_count - 1; x++) {
            double sum, more;
            READ2(sum, plate, y - 1, x);
            READ2(more, plate, y + 1, x);
            sum += more;
            FINITE(sum);
            READ2(more, plate, y, x - 1);
            sum += more;
            FINITE(sum);
            READ2(more, plate, y, x + 1);
            sum += more;
            FINITE(sum);
            sum *= 0.25;
            NORMAL(sum);
            WRITE2(new, y, x, sum);
            BACK;
        }
        BACK;
    }
    return 0;
}

int sum_of_squares(int64_t fuel, array *of_values, double *answer)
{
    BEGIN;
    array values = *of_values;
    double total = 0.0;
    for (int64_t i = 0; i < values.count; i++) {
        double one, other;
        READ(one, values, i);
        READ(other, values, i);
        one *= other;
        NORMAL(one);
        total += one;
        FINITE(total);
        BACK;
    }
    *answer = total;
    return 0;
}

int cumulative_maximum(int64_t fuel, array *of_values, array *of_result)
{
    BEGIN;
    array values = *of_values, result = *of_result;
    double best;
    READ(best, values, 0);
    for (int64_t i = 0; i < values.count; i++) {
        double value = AT(double, values, i);
        if (value > best)
            best = value;
        WRITE(result, i, best);
        BACK;
    }
    return 0;
}

int histogram(int64_t fuel, array *of_values, array *of_counts)
{
    BEGIN;
    array values = *of_values, counts = *of_counts;
    for (int64_t i = 0; i < values.count; i++) {
        int64_t from = AT(int64_t, values, i), to = from, count;
        INDEX(from, counts.count);
        count = AT(int64_t, counts, from);
        OUT(__builtin_add_overflow(count, 1, &count));
        INDEX(to, counts.count);
        AT(int64_t, counts, to) = count;
        BACK;
    }
    return 0;
}

int closest_pair(int64_t fuel, array *of_points, int64_t *answer)
{
    BEGIN;
    array points = *of_points;
    double best = INFINITY;
    answer[0] = answer[1] = -1;
    for (int64_t i = 0; i < points.count; i++) {
        for (int64_t j = i + 1; j < points.count; j++) {
            double distance = 0.0;
            for (int64_t axis = 0; axis < points.second_count; axis++) {
                double one, other;
                READ2(one, points, i, axis);
                READ2(other, points, j, axis);
                one -= other;
                FINITE(one);
                one *= one;
                NORMAL(one);
                distance += one;
                FINITE(distance);
                BACK;
            }
            if (distance < best) {
                best = distance;
                answer[0] = i;
                answer[1] = j;
            }
            BACK;
        }
        BACK;
    }
    return 0;
}

int exponential_smoothing(int64_t fuel, array *of_values, double alpha, double *answer)
{
    BEGIN;
    array values = *of_values;
    double smooth;
    READ(smooth, values, 0);
    for (int64_t i = 1; i < values.count; i++) {
        double value, rest = (1 - alpha) * smooth;
        READ(value, values, i);
        value *= alpha;
        NORMAL(value);
        NORMAL(rest);
        smooth = value + rest;
        FINITE(smooth);
        BACK;
    }
    *answer = smooth;
    return 0;
}

int floyd_warshall(int64_t fuel, array *of_distance)
{
    BEGIN;
    array distance = *of_distance;
    int64_t n = distance.count;
    for (int64_t k = 0; k < n; k++) {
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; j < n; j++) {
                double through, known;
                READ2(through, distance, i, k);
                READ2(known, distance, k, j);
                through += known;
                FINITE(through);
                READ2(known, distance, i, j);
                if (through < known)
                    WRITE2(distance, i, j, through);
                BACK;
            }
            BACK;
        }
        BACK;
    }
    return 0;
}

int checksum(int64_t fuel, uint8_t *data, int64_t size, int64_t *answer)
{
    BEGIN;
    int64_t a = 1, b = 0;
    for (int64_t i = 0; i < size; i++) {
        OUT(__builtin_add_overflow(a, data[i], &a));
        a %= 65521;
        OUT(__builtin_add_overflow(b, a, &b));
        b %= 65521;
        BACK;
    }
    *answer = b << 16 | a;
    return 0;
}

int euler(int64_t fuel, array *of_state, int64_t steps)
{
    BEGIN;
    array state = *of_state;
    for (int64_t i = 0; i < steps; i++) {
        double x, v, change;
        READ(x, state, 0);
        READ(v, state, 1);
        change = 0.01 * v;
        NORMAL(change);
        change = x + change;
        FINITE(change);
        WRITE(state, 0, change);
        change = 0.01 * x;
        NORMAL(change);
        change = v - change;
        FINITE(change);
        WRITE(state, 1, change);
        BACK;
    }
    return 0;
}
