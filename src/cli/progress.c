/*
 * Implements progress.
 *
 * The states of the machines are kept one by one, so that an event that comes twice, or a job event
 * that overtakes an item's, counts nothing twice. Only while no machine is known do the job's own
 * counts serve; of those that waited by them, each is heard of by its first event.
 */
#include "cli/progress.h"

#include <string.h>

#include "cli/call.h"
#include "cli/words.h"

enum { BAR_LEAST = 10, BAR_GREATEST = 30 };

struct Progress {
    char *title;
    char *phase;
    char *waits_for;
    JobState state;
    guint done, total;       /* steps */
    double estimate_seconds; /* negative: unknown */
    GHashTable *items;       /* machine id -> ItemState */
    guint counts[ITEM_STATE_COUNT];
    guint unheard; /* of the waiting: known by number only */
    ProgressFailure listener;
    gpointer listener_data;
};

Progress *progress_new(const char *title)
{
    Progress *progress = g_new0(Progress, 1);
    progress->title = text_to_printable(title, FALSE);
    progress->items = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    progress->estimate_seconds = -1;
    return progress;
}

void progress_free(Progress *progress)
{
    if (progress == NULL)
        return;
    g_free(progress->title);
    g_free(progress->phase);
    g_free(progress->waits_for);
    g_hash_table_unref(progress->items);
    g_free(progress);
}

void progress_listen(Progress *progress, ProgressFailure listener, gpointer user_data)
{
    progress->listener = listener;
    progress->listener_data = user_data;
}

static void tell_failure(const Progress *progress, const json_t *item)
{
    const char *message = text_of(json_object_get(item, "error"), "message");
    const char *machine = text_of(item, "machine");
    if (progress->listener != NULL && machine != NULL)
        progress->listener(machine, message, progress->listener_data);
}

void progress_take_item(Progress *progress, const json_t *item)
{
    const char *machine = text_of(item, "machine_id");
    gpointer before = NULL;
    ItemState state = ITEM_WAITING;
    if (machine == NULL)
        machine = text_of(item, "machine");
    if (machine == NULL || !item_state_from_name(text_of(item, "state"), &state))
        return;
    gboolean is_known = g_hash_table_lookup_extended(progress->items, machine, NULL, &before);
    if (is_known)
        progress->counts[GPOINTER_TO_UINT(before)]--;
    else if (progress->unheard > 0) {
        progress->unheard--;
        progress->counts[ITEM_WAITING]--;
    }
    progress->counts[state]++;
    g_hash_table_replace(progress->items, g_strdup(machine), GUINT_TO_POINTER(state));
    if (state == ITEM_FAILED && (!is_known || GPOINTER_TO_UINT(before) != ITEM_FAILED))
        tell_failure(progress, item);
}

static void take_counts(Progress *progress, const json_t *counts)
{
    if (counts == NULL || g_hash_table_size(progress->items) > 0)
        return;
    for (guint state = 0; state < ITEM_STATE_COUNT; state++)
        progress->counts[state] = (guint)MIN(number_of(counts, item_state_name(state)), G_MAXINT32);
    progress->unheard = progress->counts[ITEM_WAITING];
}

/* A list of all machines takes the place of numbers alone. */
static void forget_counts(Progress *progress)
{
    if (g_hash_table_size(progress->items) > 0)
        return;
    memset(progress->counts, 0, sizeof(progress->counts));
    progress->unheard = 0;
}

static void take_text(char **place, const char *text)
{
    g_free(*place);
    *place = text != NULL ? text_to_printable(text, FALSE) : NULL;
}

void progress_take_job(Progress *progress, const json_t *job)
{
    size_t index;
    const json_t *item;
    const json_t *estimate = json_object_get(job, "estimate_seconds");
    job_state_from_name(text_of(job, "state"), &progress->state);
    take_text(&progress->phase, text_of(job, "phase"));
    take_text(&progress->waits_for, text_of(job, "waits_for"));
    progress->done = (guint)MIN(number_of(job, "done"), G_MAXINT32);
    progress->total = (guint)MIN(number_of(job, "total"), G_MAXINT32);
    progress->estimate_seconds = json_is_number(estimate) ? json_number_value(estimate) : -1;
    if (json_array_size(list_of(job, "items")) > 0)
        forget_counts(progress);
    json_array_foreach(list_of(job, "items"), index, item)
    {
        progress_take_item(progress, item);
    }
    take_counts(progress, json_object_get(job, "counts"));
}

JobState progress_state(const Progress *progress)
{
    return progress->state;
}

const char *progress_phase(const Progress *progress)
{
    return progress->waits_for != NULL ? job_state_name(JOB_PENDING) : progress->phase;
}

guint progress_machines(const Progress *progress)
{
    guint machines = 0;
    for (guint state = 0; state < ITEM_STATE_COUNT; state++)
        machines += progress->counts[state];
    return machines;
}

guint progress_finished(const Progress *progress)
{
    return progress_machines(progress) - progress->counts[ITEM_WAITING] -
           progress->counts[ITEM_RUNNING];
}

/* --- lines -------------------------------------------------------------------------------------
 */

/* Parts of the line behind the bar, what matters least last: they are left out from the end. */
typedef enum { PART_COUNT, PART_FAILED, PART_PENDING, PART_ESTIMATE, PART_PHASE, PARTS } Part;
/* The order in which they stand. */
static const Part part_order[] = {PART_COUNT, PART_PHASE, PART_PENDING, PART_FAILED, PART_ESTIMATE};
G_STATIC_ASSERT(G_N_ELEMENTS(part_order) == PARTS);

static char *count_part(guint count, const char *word)
{
    return count > 0 ? g_strdup_printf("%u %s", count, word) : NULL;
}

static char *estimate_part(const Progress *progress)
{
    g_autofree char *estimate = estimate_to_text(progress->estimate_seconds);
    return estimate != NULL ? g_strdup_printf("%s left", estimate) : NULL;
}

/* What it does now, or waits for. */
static char *phase_part(const Progress *progress)
{
    return progress->waits_for != NULL ? g_strdup_printf("waits for %s", progress->waits_for)
                                       : g_strdup(progress->phase);
}

static void make_parts(const Progress *progress, char **parts)
{
    guint machines = progress_machines(progress);
    parts[PART_COUNT] =
        machines > 0 ? g_strdup_printf("%u/%u", progress_finished(progress), machines) : NULL;
    parts[PART_FAILED] = count_part(progress->counts[ITEM_FAILED], "failed");
    parts[PART_PENDING] = count_part(progress->counts[ITEM_PENDING], "pending");
    parts[PART_ESTIMATE] = estimate_part(progress);
    parts[PART_PHASE] = phase_part(progress);
}

static guint parts_width(char *const *parts)
{
    guint width = 0;
    for (guint part = 0; part < PARTS; part++)
        width += parts[part] != NULL ? 2 + text_width(parts[part]) : 0;
    return width;
}

/* How full the bar is: by steps where the job counts them, else by machines. */
static double fraction_of(const Progress *progress)
{
    guint done = progress->total > 0 ? progress->done : progress_finished(progress);
    guint total = progress->total > 0 ? progress->total : progress_machines(progress);
    return total > 0 ? MIN(1.0, (double)done / total) : 0;
}

static void append_bar(GString *line, double fraction, guint width, gboolean unicode)
{
    guint full = (guint)(fraction * width + 0.5);
    g_string_append(line, "  ");
    for (guint i = 0; i < width; i++) {
        if (unicode)
            g_string_append(line, i < full ? "━" : "╌");
        else
            g_string_append_c(line, i < full ? '#' : '.');
    }
}

char *progress_to_line(const Progress *progress, guint width, gboolean unicode)
{
    char *parts[PARTS] = {NULL};
    guint title_width = text_width(progress->title);
    make_parts(progress, parts);
    for (guint part = PARTS; part-- > PART_FAILED;) {
        if (title_width + parts_width(parts) + 2 + BAR_LEAST > width)
            g_clear_pointer(&parts[part], g_free);
    }
    GString *line = g_string_new(progress->title);
    guint taken = title_width + parts_width(parts) + 2;
    if (taken + BAR_LEAST <= width)
        append_bar(line, fraction_of(progress), MIN(width - taken, BAR_GREATEST), unicode);
    for (guint i = 0; i < PARTS; i++) {
        if (parts[part_order[i]] != NULL)
            g_string_append_printf(line, "  %s", parts[part_order[i]]);
    }
    for (guint part = 0; part < PARTS; part++)
        g_free(parts[part]);
    g_autofree char *whole = g_string_free(line, FALSE);
    return text_to_width(whole, width, unicode);
}

char *progress_to_log(const Progress *progress)
{
    GString *line = g_string_new(progress->title);
    guint machines = progress_machines(progress);
    g_autofree char *phase = phase_part(progress);
    g_string_append_printf(line, ": %s", phase != NULL ? phase : job_state_name(progress->state));
    if (machines > 0)
        g_string_append_printf(line, ", %u of %u", progress_finished(progress), machines);
    if (progress->counts[ITEM_PENDING] > 0)
        g_string_append_printf(line, ", %u pending", progress->counts[ITEM_PENDING]);
    if (progress->counts[ITEM_FAILED] > 0)
        g_string_append_printf(line, ", %u failed", progress->counts[ITEM_FAILED]);
    return g_string_free(line, FALSE);
}
