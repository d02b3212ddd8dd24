/* Counters and durations of requests by route, and the text format that Prometheus reads. */
#pragma once

#include "http/router.h"

typedef struct HttpMetrics HttpMetrics;

/* For the routes of this table, which must outlive it. */
HttpMetrics *http_metrics_new(const Route *routes, gsize count);
void http_metrics_free(HttpMetrics *metrics);
/* Counts one answer; `route` NULL: no route took it. Thread-safe, without a lock. */
void http_metrics_note(HttpMetrics *metrics, const Route *route, unsigned status,
                       gint64 duration_us);
/* Appends the request metrics; families of routes that were never asked for are left out. */
void http_metrics_write(HttpMetrics *metrics, GString *text);

typedef enum { METRIC_GAUGE, METRIC_COUNTER } MetricKind;
/* "# HELP", "# TYPE": once a family, before its samples. */
void metric_family(GString *text, const char *name, MetricKind kind, const char *help);
/* name{label="value"} number; `label` NULL: without one. */
void metric_sample(GString *text, const char *name, const char *label, const char *value,
                   guint64 number);
