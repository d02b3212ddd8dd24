/* Figures: samples of one quantity, what they are held against, and the table and JSON that come of
 * them. */
#pragma once

#include <glib.h>

typedef struct {
    GArray *values; /* double */
} Samples;

void samples_init(Samples *samples);
void samples_clear(Samples *samples);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Samples, samples_clear)
void samples_add(Samples *samples, double value);
double samples_median(const Samples *samples);
double samples_min(const Samples *samples);
double samples_max(const Samples *samples);
/* 0 to 100. */
double samples_percentile(const Samples *samples, double percent);
/* One sample a pair, in the order in which they were taken: `above` over `below`. */
void samples_ratio(const Samples *above, const Samples *below, Samples *ratio_out);

/* Units that a figure is shown in; JSON holds the plain number and the unit's name. */
typedef enum { UNIT_SECONDS, UNIT_BYTES, UNIT_TIMES, UNIT_PER_SECOND } Unit;

typedef enum {
    GOAL_AT_MOST,
    GOAL_AT_LEAST,
    GOAL_NONE, /* a figure to compare with */
} GoalKind;

typedef struct Report Report;
Report *report_new(void);
void report_free(Report *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Report, report_free)
/* Adds a figure and prints its line at once. `note` may be NULL. Everything is copied. */
void report_add(Report *report, const char *row, const char *what, const Samples *samples,
                Unit unit, GoalKind kind, double goal, const char *note);
/* The same for a row that could not be measured, and why. */
void report_add_failure(Report *report, const char *row, const char *problem);
/* The table: a line a figure, with goal and verdict. */
void report_print(const Report *report);
gboolean report_write_json(const Report *report, const char *path, gboolean quick, GError **error);

/* Monotonic, in seconds. */
double seconds_now(void);
