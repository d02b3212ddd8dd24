/* A writer for GLib's structured log. Control characters are escaped: a message cannot forge a
 * second line. */
#include "daemon/log.h"

#include <string.h>
#include <unistd.h>

static GLogLevelFlags least_important;
static gboolean for_journal;

static const struct {
    GLogLevelFlags level;
    const char *name;
    int priority; /* syslog's */
} levels[] = {
    {G_LOG_LEVEL_ERROR, "fatal", 2},     {G_LOG_LEVEL_CRITICAL, "error", 3},
    {G_LOG_LEVEL_WARNING, "warning", 4}, {G_LOG_LEVEL_MESSAGE, "message", 5},
    {G_LOG_LEVEL_INFO, "info", 6},       {G_LOG_LEVEL_DEBUG, "debug", 7},
};

static gsize level_index(GLogLevelFlags level)
{
    gsize i = 0;
    while (i < G_N_ELEMENTS(levels) - 1 && !(level & levels[i].level))
        i++;
    return i;
}

static void append_escaped(GString *line, const char *message)
{
    for (; *message; message++) {
        if (g_ascii_iscntrl(*message))
            g_string_append_printf(line, *message == '\n' ? "\\n" : "\\x%02x", (guchar)*message);
        else
            g_string_append_c(line, *message);
    }
}

char *log_format(GLogLevelFlags level, const char *domain, const char *message, gint64 time_us,
                 gboolean journal)
{
    GString *line = g_string_new(NULL);
    gsize index = level_index(level);
    if (journal) {
        g_string_append_printf(line, "<%d>", levels[index].priority);
    } else {
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(time_us / G_USEC_PER_SEC);
        g_autofree char *text = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");
        g_string_append_printf(line, "%s.%03dZ %-7s ", text, (int)(time_us % G_USEC_PER_SEC / 1000),
                               levels[index].name);
    }
    if (domain)
        g_string_append_printf(line, "%s: ", domain);
    append_escaped(line, message);
    return g_string_free(line, FALSE);
}

static const char *field(const GLogField *fields, gsize count, const char *name)
{
    for (gsize i = 0; i < count; i++) {
        if (g_str_equal(fields[i].key, name))
            return fields[i].value;
    }
    return NULL;
}

static GLogWriterOutput write_log(GLogLevelFlags level, const GLogField *fields, gsize count,
                                  gpointer data)
{
    (void)data;
    const char *message = field(fields, count, "MESSAGE");
    if (!message || (level & G_LOG_LEVEL_MASK) > least_important)
        return G_LOG_WRITER_HANDLED;
    g_autofree char *text = log_format(level, field(fields, count, "GLIB_DOMAIN"), message,
                                       g_get_real_time(), for_journal);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    ssize_t written =
        write(STDERR_FILENO, line, strlen(line)); /* one call: lines of threads do not mix */
    return written < 0 ? G_LOG_WRITER_UNHANDLED : G_LOG_WRITER_HANDLED;
}

void log_open(GLogLevelFlags level)
{
    least_important = level;
    for_journal = g_getenv("JOURNAL_STREAM") != NULL;
    g_log_set_writer_func(write_log, NULL, NULL);
}
