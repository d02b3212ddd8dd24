/* The clock port: wall time for records, so that tests need not wait. */
#pragma once

#include <glib.h>

typedef struct Clock Clock;
struct Clock {
    gint64 (*now)(Clock *clock); /* seconds since the epoch */
    void (*free)(Clock *clock);
};
gint64 clock_now(Clock *clock);
void clock_free(Clock *clock);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Clock, clock_free)
Clock *clock_new_system(void);
/* A clock that stands still until told. */
Clock *clock_new_manual(gint64 start);
void clock_advance(Clock *manual, gint64 seconds);
