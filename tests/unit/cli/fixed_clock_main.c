/* `underpin` with a clock that stands still, so that what it prints can be compared. */
#include "cli/cli.h"

/* 2026-03-01 12:00 UTC. */
static gint64 fixed_now(void)
{
    return G_GINT64_CONSTANT(1772366400);
}

/* A tenth of a second passes at each look: no redraw is ever left out. */
static gint64 stepping(void)
{
    static gint64 now = 0;
    return now += G_USEC_PER_SEC / 10;
}

int main(int argc G_GNUC_UNUSED, char **argv)
{
    static const CliClock clock = {fixed_now, stepping, 1};
    return cli_run((const char *const *)argv, &clock);
}
