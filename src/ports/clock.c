/* The clock port: the system's clock, and one that stands still for tests. */
#include "ports/clock.h"

gint64 clock_now(Clock *clock)
{
    g_return_val_if_fail(clock != NULL, 0);
    return clock->now(clock);
}

void clock_free(Clock *clock)
{
    if (clock != NULL)
        clock->free(clock);
}

static gint64 system_now(Clock *clock)
{
    (void)clock;
    return g_get_real_time() / G_USEC_PER_SEC;
}

static void system_free(Clock *clock)
{
    g_free(clock);
}

Clock *clock_new_system(void)
{
    Clock *clock = g_new0(Clock, 1);
    clock->now = system_now;
    clock->free = system_free;
    return clock;
}

/* Workers read the time while a test moves it. */
typedef struct {
    Clock clock;
    GMutex lock;
    gint64 seconds; /* under lock */
} ManualClock;

static gint64 manual_now(Clock *clock)
{
    ManualClock *manual = (ManualClock *)clock;
    g_mutex_lock(&manual->lock);
    gint64 seconds = manual->seconds;
    g_mutex_unlock(&manual->lock);
    return seconds;
}

static void manual_free(Clock *clock)
{
    ManualClock *manual = (ManualClock *)clock;
    g_mutex_clear(&manual->lock);
    g_free(manual);
}

Clock *clock_new_manual(gint64 start)
{
    ManualClock *manual = g_new0(ManualClock, 1);
    manual->clock.now = manual_now;
    manual->clock.free = manual_free;
    manual->seconds = start;
    g_mutex_init(&manual->lock);
    return &manual->clock;
}

void clock_advance(Clock *clock, gint64 seconds)
{
    g_return_if_fail(clock != NULL && clock->now == manual_now);
    ManualClock *manual = (ManualClock *)clock;
    g_mutex_lock(&manual->lock);
    manual->seconds += seconds;
    g_mutex_unlock(&manual->lock);
}
