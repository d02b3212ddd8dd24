/* Figures and the report: see figures.h. */
#include "figures.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "foundation/error.h"

/* --- samples
 * -----------------------------------------------------------------------------------------------
 */

void samples_init(Samples *samples)
{
    samples->values = g_array_new(FALSE, FALSE, sizeof(double));
}

void samples_clear(Samples *samples)
{
    g_clear_pointer(&samples->values, g_array_unref);
}

void samples_add(Samples *samples, double value)
{
    g_array_append_val(samples->values, value);
}

static gint compare_values(gconstpointer one, gconstpointer other)
{
    double left = *(const double *)one, right = *(const double *)other;
    return (left > right) - (left < right);
}

static double samples_at(const Samples *samples, double position)
{
    g_autoptr(GArray) sorted = g_array_copy(samples->values);
    if (sorted->len == 0)
        return NAN;
    g_array_sort(sorted, compare_values);
    double index = position * (sorted->len - 1);
    double below = g_array_index(sorted, double, (guint)floor(index));
    double above = g_array_index(sorted, double, (guint)ceil(index));
    return (below + above) / 2;
}

double samples_median(const Samples *samples)
{
    return samples_at(samples, 0.5);
}

double samples_min(const Samples *samples)
{
    return samples_at(samples, 0);
}

double samples_max(const Samples *samples)
{
    return samples_at(samples, 1);
}

double samples_percentile(const Samples *samples, double percent)
{
    return samples_at(samples, percent / 100);
}

void samples_ratio(const Samples *above, const Samples *below, Samples *ratio_out)
{
    for (guint i = 0; i < MIN(above->values->len, below->values->len); i++)
        samples_add(ratio_out, g_array_index(above->values, double, i) /
                                   g_array_index(below->values, double, i));
}

double seconds_now(void)
{
    return (double)g_get_monotonic_time() / G_USEC_PER_SEC;
}

/* --- the report
 * -------------------------------------------------------------------------------------------- */

typedef struct {
    char *row, *what, *note, *problem;
    double median, low, high, goal;
    guint runs;
    Unit unit;
    GoalKind kind;
} Figure;

struct Report {
    GPtrArray *figures; /* Figure */
};

static void figure_free(Figure *figure)
{
    g_free(figure->row);
    g_free(figure->what);
    g_free(figure->note);
    g_free(figure->problem);
    g_free(figure);
}

Report *report_new(void)
{
    Report *report = g_new0(Report, 1);
    report->figures = g_ptr_array_new_with_free_func((GDestroyNotify)figure_free);
    return report;
}

void report_free(Report *report)
{
    if (!report)
        return;
    g_ptr_array_unref(report->figures);
    g_free(report);
}

static char *seconds_text(double seconds)
{
    return seconds < 0.001 ? g_strdup_printf("%.0f µs", seconds * 1e6)
           : seconds < 1   ? g_strdup_printf("%.*f ms", seconds < 0.01 ? 2 : 1, seconds * 1e3)
                           : g_strdup_printf("%.2f s", seconds);
}

static char *value_text(double value, Unit unit)
{
    if (isnan(value))
        return g_strdup("-");
    if (unit == UNIT_SECONDS)
        return value < 0 ? g_strdup_printf("%.2f ms", value * 1e3) : seconds_text(value);
    if (unit == UNIT_TIMES)
        return g_strdup_printf("%.2f ×", value);
    if (unit == UNIT_PER_SECOND)
        return g_strdup_printf("%.0f /s", value);
    return value < 1024 * 1024 ? g_strdup_printf("%.0f KiB", value / 1024)
                               : g_strdup_printf("%.1f MiB", value / (1024 * 1024));
}

static const char *figure_verdict(const Figure *figure)
{
    if (figure->problem)
        return "not measured";
    if (figure->kind == GOAL_NONE)
        return "";
    gboolean met = figure->kind == GOAL_AT_MOST ? figure->median <= figure->goal
                                                : figure->median >= figure->goal;
    return met ? "met" : "NOT MET";
}

static char *goal_text(const Figure *figure)
{
    if (figure->problem || figure->kind == GOAL_NONE)
        return g_strdup("");
    g_autofree char *value = value_text(figure->goal, figure->unit);
    return g_strdup_printf("%s %s", figure->kind == GOAL_AT_MOST ? "≤" : "≥", value);
}

static void print_line(const char *row, const char *what, const char *median, const char *range,
                       const char *goal, const char *verdict)
{
    static const glong widths[] = {18, 62, 11, 23, 11};
    const char *const cells[] = {row, what, median, range, goal};
    for (guint i = 0; i < G_N_ELEMENTS(cells); i++) {
        glong missing = widths[i] - g_utf8_strlen(cells[i], -1);
        gboolean right = i == 2 || i == 4;
        printf("%*s%s%*s  ", right ? (int)MAX(missing, 0) : 0, "", cells[i],
               right ? 0 : (int)MAX(missing, 0), "");
    }
    printf("%s\n", verdict);
    fflush(stdout);
}

static void figure_print(const Figure *figure)
{
    g_autofree char *median = value_text(figure->median, figure->unit);
    g_autofree char *low = value_text(figure->low, figure->unit);
    g_autofree char *high = value_text(figure->high, figure->unit);
    g_autofree char *goal = goal_text(figure);
    g_autofree char *range =
        figure->runs > 1 ? g_strdup_printf("%s … %s", low, high) : g_strdup("");
    print_line(figure->row, figure->problem ? figure->problem : figure->what,
               figure->problem ? "" : median, range, goal, figure_verdict(figure));
}

void report_add(Report *report, const char *row, const char *what, const Samples *samples,
                Unit unit, GoalKind kind, double goal, const char *note)
{
    Figure *figure = g_new0(Figure, 1);
    figure->row = g_strdup(row);
    figure->what = g_strdup(what);
    figure->note = g_strdup(note);
    figure->unit = unit;
    figure->kind = kind;
    figure->goal = goal;
    figure->runs = samples->values->len;
    figure->median = samples_median(samples);
    figure->low = samples_min(samples);
    figure->high = samples_max(samples);
    g_ptr_array_add(report->figures, figure);
    figure_print(figure);
}

void report_add_failure(Report *report, const char *row, const char *problem)
{
    Figure *figure = g_new0(Figure, 1);
    figure->row = g_strdup(row);
    figure->what = g_strdup(row);
    figure->problem = g_strdup(problem);
    g_ptr_array_add(report->figures, figure);
    figure_print(figure);
}

void report_print(const Report *report)
{
    printf("\n");
    print_line("ROW", "WHAT", "MEDIAN", "MIN … MAX", "GOAL", "VERDICT");
    for (guint i = 0; i < report->figures->len; i++)
        figure_print(g_ptr_array_index(report->figures, i));
    printf("\n");
    for (guint i = 0; i < report->figures->len; i++) {
        const Figure *figure = g_ptr_array_index(report->figures, i);
        if (figure->note)
            printf("%s, %s: %s.\n", figure->row, figure->what, figure->note);
    }
}

/* --- JSON
 * --------------------------------------------------------------------------------------------------
 */

static json_t *figure_to_json(const Figure *figure)
{
    static const char *const units[] = {"seconds", "bytes", "times", "per second"};
    static const char *const kinds[] = {"at most", "at least", NULL};
    json_t *json = json_pack("{s:s, s:s, s:s?, s:s?}", "row", figure->row, "what", figure->what,
                             "problem", figure->problem, "note", figure->note);
    if (figure->problem)
        return json;
    json_object_set_new(json, "unit", json_string(units[figure->unit]));
    json_object_set_new(json, "runs", json_integer(figure->runs));
    json_object_set_new(json, "median", json_real(figure->median));
    json_object_set_new(json, "min", json_real(figure->low));
    json_object_set_new(json, "max", json_real(figure->high));
    if (figure->kind == GOAL_NONE)
        return json;
    json_object_set_new(
        json, "goal", json_pack("{s:s, s:f}", "kind", kinds[figure->kind], "value", figure->goal));
    json_object_set_new(json, "met", json_boolean(g_str_equal(figure_verdict(figure), "met")));
    return json;
}

gboolean report_write_json(const Report *report, const char *path, gboolean quick, GError **error)
{
    struct utsname name = {0};
    uname(&name);
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *when = g_date_time_format_iso8601(now);
    json_t *figures = json_array();
    for (guint i = 0; i < report->figures->len; i++)
        json_array_append_new(figures, figure_to_json(g_ptr_array_index(report->figures, i)));
    json_t *root = json_pack("{s:s, s:s, s:s, s:i, s:b, s:o}", "version", UNDERPIN_VERSION, "when",
                             when, "kernel", name.release, "processors",
                             (int)g_get_num_processors(), "quick", quick, "figures", figures);
    gboolean ok = json_dump_file(root, path, JSON_INDENT(2)) == 0;
    json_decref(root);
    return ok || error_set(error, UNDERPIN_ERROR_BACKEND, "choose another file with --json",
                           "cannot write '%s'", path);
}
