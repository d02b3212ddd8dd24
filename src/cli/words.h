/* Durations and times as people write and read them. */
#pragma once

#include <glib.h>

/* "under 1 s", "12 s", "2 min 5 s", "1 h 5 min", "3 d 4 h". Caller frees. */
char *duration_to_text(gint64 seconds);
/* "under 1 s", "about 12 s"; NULL where it is unknown (negative or absurd). Caller frees. */
char *estimate_to_text(double seconds);
/* "120", "120s", "2m", "2min", "1h30m", "2d" in seconds; INVALID for anything else and for more
 * than a year. */
gboolean duration_from_text(const char *text, guint *seconds_out, GError **error);

/* RFC 3339 to seconds since the epoch; FALSE where `text` is NULL or no such time. */
gboolean time_from_text(const char *text, gint64 *seconds_out);
/* "just now", "5 min ago", "2 h ago", "in 6 d"; the local date beyond 60 days; "-" for NULL. Caller
 * frees. */
char *time_to_relative_text(const char *rfc3339, gint64 now_seconds);
/* "2026-07-30 10:12" in local time; "-" for NULL. Caller frees. */
char *time_to_local_text(const char *rfc3339);
/* "2026-07-30 10:12 (2 h ago)"; "-" for NULL. Caller frees. */
char *time_to_full_text(const char *rfc3339, gint64 now_seconds);

/* "1 machine", "3 machines". Caller frees. */
char *count_to_text(guint64 count, const char *singular, const char *plural);

/*
 * A copy that cannot move the cursor, colour or reorder the terminal: control and direction
 * characters become '?', broken UTF-8 the replacement character; with `keep_lines` line feeds and
 * tabs stay. Caller frees.
 */
char *text_to_printable(const char *text, gboolean keep_lines);
/* Cuts to `width` columns, ending with '…' (or '.' without `unicode`) where something is missing.
 * Caller frees. */
char *text_to_width(const char *text, guint width, gboolean unicode);
/* Columns that the text takes on a terminal. */
guint text_width(const char *text);
