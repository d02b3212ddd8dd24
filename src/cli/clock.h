/* Time as the command line sees it; tests give their own, so that screens can be compared. */
#pragma once

#include <glib.h>

typedef struct {
    gint64 (*now_seconds)(void);  /* since the epoch */
    gint64 (*monotonic_us)(void); /* for pacing and deadlines */
    int retry_ms;                 /* how long to wait before the daemon is asked once more */
} CliClock;

/* The clocks of the host. */
const CliClock *clock_of_host(void);
