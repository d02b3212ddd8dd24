/* Request metrics and the text format. */
#include "cmocka_prelude.h"

#include <string.h>

#include "http/http_metrics.h"

static const Route routes[] = {
    {"GET", "/a", NULL, .waits = WAITS_FOR_NOTHING},
    {"POST", "/b/{x}", NULL, .waits = WAITS_FOR_NOTHING},
};

static void answers_are_counted_by_route_and_status(void **state)
{
    (void)state;
    HttpMetrics *metrics = http_metrics_new(routes, G_N_ELEMENTS(routes));
    http_metrics_note(metrics, &routes[1], 202, 500);
    http_metrics_note(metrics, &routes[1], 200, 4000);
    http_metrics_note(metrics, &routes[1], 404, 20000000);
    http_metrics_note(metrics, NULL, 404, 1);
    g_autoptr(GString) text = g_string_new(NULL);
    http_metrics_write(metrics, text);
    static const char *const lines[] = {
        "underpin_http_requests_total{method=\"POST\",route=\"/b/{x}\",status=\"2xx\"} 2\n",
        "underpin_http_requests_total{method=\"POST\",route=\"/b/{x}\",status=\"4xx\"} 1\n",
        "underpin_http_requests_total{method=\"\",route=\"\",status=\"4xx\"} 1\n",
        "_seconds_bucket{method=\"POST\",route=\"/b/{x}\",le=\"0.001\"} 1\n",
        "_seconds_bucket{method=\"POST\",route=\"/b/{x}\",le=\"0.005\"} 2\n",
        "_seconds_bucket{method=\"POST\",route=\"/b/{x}\",le=\"10\"} 2\n",
        "_seconds_bucket{method=\"POST\",route=\"/b/{x}\",le=\"+Inf\"} 3\n",
        "_seconds_sum{method=\"POST\",route=\"/b/{x}\"} 20.004500\n",
        "_seconds_count{method=\"POST\",route=\"/b/{x}\"} 3\n",
    };
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        if (!strstr(text->str, lines[i]))
            fail_msg("%s is not in\n%s", lines[i], text->str);
    }
    assert_null(strstr(text->str, "route=\"/a\""));
    http_metrics_free(metrics);
}

static void labels_are_escaped(void **state)
{
    (void)state;
    g_autoptr(GString) text = g_string_new(NULL);
    metric_family(text, "x_total", METRIC_COUNTER, "Help.");
    metric_sample(text, "x_total", "name", "a\"b\\c\nd", 3);
    metric_sample(text, "x_total", NULL, NULL, 18446744073709551615u);
    assert_string_equal(text->str, "# HELP x_total Help.\n# TYPE x_total counter\n"
                                   "x_total{name=\"a\\\"b\\\\c\\nd\"} 3\n"
                                   "x_total 18446744073709551615\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_counted_by_route_and_status),
        cmocka_unit_test(labels_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
