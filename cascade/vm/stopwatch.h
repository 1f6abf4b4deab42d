/* Stopwatches: how often something happens, and how long all of it takes, where reading the clock each time would cost too much.
 *
 * The first event is timed, and one that follows a long one; of others, one in 64 on average. The distances are random: events that
 * follow a pattern would else be timed at the same place of it each time. What is timed stands for the events since the last one that was.
 * Changed with the GIL only. Included by kernel.h.
 */

typedef struct {
    int64_t count;      /* of events */
    int64_t next;       /* the count at which one is timed */
    int64_t timed;      /* the count at the last one that was */
    double seconds;     /* of the events up to that one, about */
} cascade_stopwatch;

enum { CASCADE_NEAREST = 32, CASCADE_SPREAD = 64 };     /* events between two that are timed: a power of two */

static const double CASCADE_LONG = 10e-6;               /* seconds, beside which reading the clock is nothing */

static double (*cascade_stopwatch_clock)(void);
static double cascade_stopwatch_cost;                   /* of reading the clock, in seconds */
static double cascade_making;                           /* the seconds for which code has been made, which do not count */
static uint32_t cascade_distance = 2463534242u;

/* A time that stands still while code is made. */
static inline double cascade_stopwatch_now(void) { return cascade_stopwatch_clock() - cascade_making; }

static __attribute__((noinline)) int64_t cascade_stopwatch_begin(cascade_stopwatch *watch, double *begun)
{
    int64_t events = watch->count - watch->timed;
    cascade_distance ^= cascade_distance << 13;
    cascade_distance ^= cascade_distance >> 17;
    cascade_distance ^= cascade_distance << 5;
    watch->timed = watch->count;
    watch->next = watch->count + CASCADE_NEAREST + (cascade_distance & (CASCADE_SPREAD - 1));
    *begun = cascade_stopwatch_now();
    return events;
}

/* Counts an event that begins. Returns 0, or, where it is timed, how many events it stands for. */
static inline int64_t cascade_stopwatch_start(cascade_stopwatch *watch, double *begun)
{
    return ++watch->count < watch->next ? 0 : cascade_stopwatch_begin(watch, begun);
}

/* An event that is timed is over. */
static __attribute__((noinline)) void cascade_stopwatch_stop(cascade_stopwatch *watch, int64_t events, double begun)
{
    double seconds = cascade_stopwatch_now() - begun - cascade_stopwatch_cost;
    if (seconds > 0)
        watch->seconds += seconds * (double)events;
    if (seconds > CASCADE_LONG)
        watch->next = watch->count + 1;
}

/* The seconds that all events have taken, about; 0 where there were none. */
static double cascade_stopwatch_total(const cascade_stopwatch *watch)
{
    return watch->timed == 0 ? 0 : watch->seconds * (double)watch->count / (double)watch->timed;
}

/* Replaces the clock, and measures what reading it costs: the least of some. */
static void cascade_stopwatch_use(double (*clock)(void), int costs)
{
    double begun, cost, least = costs ? 1.0 : 0.0;
    int i;
    cascade_stopwatch_clock = clock;
    for (i = 0; i < 32 && costs; i++) {
        begun = clock();
        cost = clock() - begun;
        if (cost < least)
            least = cost;
    }
    cascade_stopwatch_cost = least;
}
