/* Request metrics in atomic counters, one row a route; text format 0.0.4 of Prometheus. */
#include "http/http_metrics.h"

#define STATUS_CLASSES 5 /* 1xx … 5xx */

static const struct {
    gint64 limit_us;
    const char *label;
} buckets[] = {
    {1000, "0.001"}, {5000, "0.005"},  {25000, "0.025"}, {100000, "0.1"},
    {500000, "0.5"}, {2500000, "2.5"}, {10000000, "10"},
};

typedef struct {
    guint64 answers[STATUS_CLASSES];
    guint64 within[G_N_ELEMENTS(buckets)]; /* not cumulative; made so when written */
    guint64 count;
    guint64 sum_us;
} Row;

struct HttpMetrics {
    const Route *routes;
    gsize count;
    Row *rows; /* one a route, and one for what no route took */
};

HttpMetrics *http_metrics_new(const Route *routes, gsize count)
{
    HttpMetrics *metrics = g_new0(HttpMetrics, 1);
    metrics->routes = routes;
    metrics->count = count;
    metrics->rows = g_new0(Row, count + 1);
    return metrics;
}

void http_metrics_free(HttpMetrics *metrics)
{
    if (!metrics)
        return;
    g_free(metrics->rows);
    g_free(metrics);
}

static void count_up(guint64 *counter, guint64 by)
{
    __atomic_fetch_add(counter, by, __ATOMIC_RELAXED);
}

static guint64 count_read(const guint64 *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void http_metrics_note(HttpMetrics *metrics, const Route *route, unsigned status,
                       gint64 duration_us)
{
    gsize index = route ? (gsize)(route - metrics->routes) : metrics->count;
    Row *row = &metrics->rows[index];
    count_up(&row->answers[CLAMP(status / 100, 1, STATUS_CLASSES) - 1], 1);
    count_up(&row->count, 1);
    count_up(&row->sum_us, (guint64)MAX(duration_us, 0));
    for (guint i = 0; i < G_N_ELEMENTS(buckets); i++) {
        if (duration_us <= buckets[i].limit_us) {
            count_up(&row->within[i], 1);
            return;
        }
    }
}

static char *row_labels(const HttpMetrics *metrics, gsize index)
{
    if (index == metrics->count)
        return g_strdup("method=\"\",route=\"\"");
    return g_strdup_printf("method=\"%s\",route=\"%s\"", metrics->routes[index].method,
                           metrics->routes[index].pattern);
}

static void write_answers(GString *text, const Row *row, const char *labels)
{
    for (guint i = 0; i < STATUS_CLASSES; i++) {
        guint64 answers = count_read(&row->answers[i]);
        if (answers > 0)
            g_string_append_printf(text,
                                   "underpin_http_requests_total{%s,status=\"%uxx\"} "
                                   "%" G_GUINT64_FORMAT "\n",
                                   labels, i + 1, answers);
    }
}

static void write_durations(GString *text, const Row *row, const char *labels)
{
    static const char name[] = "underpin_http_request_duration_seconds";
    guint64 cumulative = 0, count = count_read(&row->count);
    for (guint i = 0; i < G_N_ELEMENTS(buckets); i++) {
        cumulative += count_read(&row->within[i]);
        g_string_append_printf(text, "%s_bucket{%s,le=\"%s\"} %" G_GUINT64_FORMAT "\n", name,
                               labels, buckets[i].label, cumulative);
    }
    g_string_append_printf(text, "%s_bucket{%s,le=\"+Inf\"} %" G_GUINT64_FORMAT "\n", name, labels,
                           MAX(count, cumulative));
    g_string_append_printf(text, "%s_sum{%s} %.6f\n", name, labels,
                           (double)count_read(&row->sum_us) / G_USEC_PER_SEC);
    g_string_append_printf(text, "%s_count{%s} %" G_GUINT64_FORMAT "\n", name, labels,
                           MAX(count, cumulative));
}

static void write_rows(HttpMetrics *metrics, GString *text,
                       void (*write)(GString *, const Row *, const char *))
{
    for (gsize i = 0; i <= metrics->count; i++) {
        if (count_read(&metrics->rows[i].count) == 0)
            continue;
        g_autofree char *labels = row_labels(metrics, i);
        write(text, &metrics->rows[i], labels);
    }
}

void http_metrics_write(HttpMetrics *metrics, GString *text)
{
    metric_family(text, "underpin_http_requests_total", METRIC_COUNTER,
                  "Answers by route and status.");
    write_rows(metrics, text, write_answers);
    g_string_append(text,
                    "# HELP underpin_http_request_duration_seconds Time to the answer by route.\n"
                    "# TYPE underpin_http_request_duration_seconds histogram\n");
    write_rows(metrics, text, write_durations);
}

void metric_family(GString *text, const char *name, MetricKind kind, const char *help)
{
    g_string_append_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
                           kind == METRIC_COUNTER ? "counter" : "gauge");
}

/* Backslash, quote and newline are all that the format asks to be escaped. */
static void append_label_value(GString *text, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n')
            g_string_append(text, "\\n");
        else if (*value == '"' || *value == '\\')
            g_string_append_printf(text, "\\%c", *value);
        else
            g_string_append_c(text, *value);
    }
}

void metric_sample(GString *text, const char *name, const char *label, const char *value,
                   guint64 number)
{
    g_string_append(text, name);
    if (label) {
        g_string_append_printf(text, "{%s=\"", label);
        append_label_value(text, value);
        g_string_append(text, "\"}");
    }
    g_string_append_printf(text, " %" G_GUINT64_FORMAT "\n", number);
}
