/* Implements the clocks with those of the host. */
#include "cli/clock.h"

static gint64 host_now_seconds(void)
{
    return g_get_real_time() / G_USEC_PER_SEC;
}

const CliClock *clock_of_host(void)
{
    static const CliClock host = {host_now_seconds, g_get_monotonic_time, 1000};
    return &host;
}
