/* `underpin job list | show | watch | cancel`: work that outlives a command. */
#include "model/job.h"
#include "cli/job_screen.h"
#include "cli/operate.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/words.h"

enum { JOBS_SHOWN = 20 };

static const TableColumn job_columns[] = {
    {"JOB", COLUMN_PLAIN},
    {"VERB", COLUMN_PLAIN},
    {"STATE", COLUMN_PLAIN},
    {"DONE", COLUMN_RIGHT},
    {"FAILED", COLUMN_RIGHT},
    {"PENDING", COLUMN_RIGHT},
    {"ASKED", COLUMN_RIGHT | COLUMN_SPARE},
    {"BY", COLUMN_SPARE},
};

static char *count_cell(const json_t *counts, const char *key)
{
    guint64 count = number_of(counts, key);
    return count > 0 ? g_strdup_printf("%" G_GUINT64_FORMAT, count) : g_strdup("-");
}

static char *done_cell(const json_t *counts)
{
    guint64 all = 0;
    for (guint state = 0; state < ITEM_STATE_COUNT; state++)
        all += number_of(counts, item_state_name(state));
    if (all == 0)
        return g_strdup("-");
    return g_strdup_printf("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT, number_of(counts, "done"),
                           all);
}

static void add_job(Table *table, const Call *call, const json_t *job)
{
    const json_t *counts = json_object_get(job, "counts");
    const char *state = text_of(job, "state");
    TableRow *row = table_add(table, NULL);
    table_set(table, row, 0, text_of(job, "id"));
    table_set(table, row, 1, text_of(job, "verb"));
    table_set_toned(table, row, 2, state, tone_of_word(state));
    table_take(table, row, 3, done_cell(counts));
    table_take(table, row, 4, count_cell(counts, "failed"));
    table_take(table, row, 5, count_cell(counts, "pending"));
    table_take(table, row, 6,
               time_to_relative_text(text_of(job, "created_at"), call->clock->now_seconds()));
    table_set(table, row, 7, text_of(job, "requested_by"));
}

static gboolean is_open(const json_t *job)
{
    JobState state = JOB_QUEUED;
    return !job_state_from_name(text_of(job, "state"), &state) || !job_state_is_final(state);
}

static int run_list(Call *call, GError **error)
{
    size_t index;
    const json_t *job;
    g_autofree char *path =
        g_strdup_printf("/api/v1/jobs?limit=%u", options_count(call->options, "limit", JOBS_SHOWN));
    g_autoptr(Answer) answer = call_get(call, path, error);
    if (answer == NULL)
        return EXIT_ERROR;
    g_autoptr(Table) table = table_new(call->screen, job_columns, G_N_ELEMENTS(job_columns));
    json_array_foreach(list_of(answer->json, "items"), index, job)
    {
        if (!call_has(call, "open") || is_open(job))
            add_job(table, call, job);
    }
    call_print_table(call, table, "no jobs%s", call_has(call, "open") ? " are open" : " yet");
    return EXIT_OK;
}

static int run_show(Call *call, GError **error)
{
    g_autofree char *path = call_path("jobs", call_argument(call, 0), "");
    g_autoptr(Answer) answer = call_get(call, path, error);
    if (answer == NULL)
        return EXIT_ERROR;
    if (!call_has(call, "json"))
        job_print(call, answer->json);
    return EXIT_OK;
}

static int run_watch(Call *call, GError **error)
{
    g_autofree char *path = call_path("jobs", call_argument(call, 0), "");
    g_autoptr(Answer) answer = client_get(call->client, path, error);
    if (answer == NULL)
        return EXIT_ERROR;
    return operate_watch(call, answer->json, TRUE, NULL, error);
}

static int run_cancel(Call *call, GError **error)
{
    g_autofree char *path = call_path("jobs", call_argument(call, 0), "/cancel");
    g_autoptr(Answer) answer = call_send(call, "POST", path, NULL, error);
    if (answer == NULL)
        return EXIT_ERROR;
    if (!call_has(call, "json"))
        say("%s is being cancelled; machines that have moved already stay moved",
            call_argument(call, 0));
    return EXIT_OK;
}

static const OptionSpec list_options[] = {
    {"limit", 'l', OPTION_COUNT, "N", NAMES_NOTHING, "the newest N (default 20)"},
    {"open", 0, OPTION_FLAG, NULL, NAMES_NOTHING, "only those that are not over"},
    {0},
};

#define JOB_ROW .group = GROUP_SERVICE, .names = NAMES_JOBS

const Command command_job_list = {
    .name = "job list",
    .summary = "list jobs, newest first",
    .usage = "[--open] [--limit N]",
    .examples = "job list --open # what is going on",
    .also_known_as = "tasks, queue",
    .options = list_options,
    .run = run_list,
    .group = GROUP_SERVICE,
};

const Command command_job_show = {
    .name = "job show",
    .summary = "show a job with what became of each machine",
    .usage = "JOB",
    .examples = "job show 9c41d2f0a7e85b36 # who asked, how far it is, what failed and why",
    .least_arguments = 1,
    .most_arguments = 1,
    .run = run_show,
    JOB_ROW,
};

const Command command_job_watch = {
    .name = "job watch",
    .summary = "watch a job until it is over",
    .usage = "JOB",
    .description =
        "Also waits for machines that move when they stop. Ctrl-C ends the watching, never the "
        "job.",
    .examples = "job watch 9c41d2f0a7e85b36 # live progress",
    .also_known_as = "follow, wait, attach",
    .least_arguments = 1,
    .most_arguments = 1,
    .run = run_watch,
    JOB_ROW,
};

const Command command_job_cancel = {
    .name = "job cancel",
    .summary = "cancel what a job has not done yet",
    .usage = "JOB",
    .description =
        "Before anything is decided it is abandoned without a trace. Afterwards machines that have "
        "not moved yet stay on their old system; for those that have moved there is undo.",
    .examples = "job cancel 9c41d2f0a7e85b36 # machines that still wait stay as they are",
    .also_known_as = "abort, stop task",
    .least_arguments = 1,
    .most_arguments = 1,
    .run = run_cancel,
    JOB_ROW,
};
