/* The daemon's log: one line an event on standard error. */
#pragma once

#include <glib.h>

/*
 * Writes what is at least as important as `level`. Under systemd's journal ($JOURNAL_STREAM) a line
 * begins with the priority (sd-daemon(3)), else with the time in UTC and the level. To be called
 * once, before any thread is made.
 */
void log_open(GLogLevelFlags level);

/* One line, without its end: exposed for the tests. `time_us` since the epoch. Caller frees. */
char *log_format(GLogLevelFlags level, const char *domain, const char *message, gint64 time_us,
                 gboolean for_journal);
