/* Values as people write them in the configuration: sizes, durations, percentages, lists. */
#pragma once

#include <glib.h>

/* "4096", "10 GiB", "1.5 TiB", "64M": bytes. Units are powers of 1024, with or without "iB" and a
 * blank. */
gboolean config_parse_size(const char *text, guint64 *bytes_out, GError **error);
/* "90", "90 s", "15 min", "12 h", "7d", "2 weeks": seconds. */
gboolean config_parse_duration(const char *text, guint64 *seconds_out, GError **error);
/* "10%" or "10 %", 0 to 100. The sign is required: a bare number could be meant as a size. */
gboolean config_parse_percent(const char *text, guint64 *percent_out, GError **error);
gboolean config_parse_number(const char *text, guint64 *number_out, GError **error);
/* "yes", "true", "on" or "no", "false", "off". */
gboolean config_parse_boolean(const char *text, gboolean *value_out, GError **error);
/* An absolute path without "." or ".." or doubled slashes; a slash at the end is dropped. Caller
 * frees. */
char *config_parse_path(const char *text, GError **error);
/* Paths joined by ';', at least one. Caller frees with g_strfreev(). */
char **config_parse_paths(const char *text, GError **error);
