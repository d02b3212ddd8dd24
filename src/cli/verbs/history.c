/* `underpin history NAME`: which jobs touched a machine, when, and with what result. */
#include "cli/call.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/words.h"

static const TableColumn history_columns[] = {
    {"WHEN", COLUMN_PLAIN},  {"AGE", COLUMN_RIGHT | COLUMN_SPARE},
    {"VERB", COLUMN_PLAIN},  {"RESULT", COLUMN_PLAIN},
    {"BY", COLUMN_SPARE},    {"JOB", COLUMN_SPARE},
    {"DETAIL", COLUMN_WRAP},
};

static void add_entry(Table *table, const Call *call, const json_t *entry)
{
    TableRow *row = table_add(table, NULL);
    const char *when = text_of(entry, "finished_at");
    const char *state = text_of(entry, "state");
    table_take(table, row, 0, time_to_local_text(when));
    table_take(table, row, 1, time_to_relative_text(when, call->clock->now_seconds()));
    table_set(table, row, 2, text_of(entry, "verb"));
    table_set_toned(table, row, 3, state, tone_of_word(state));
    table_set(table, row, 4, text_of(entry, "requested_by"));
    table_set(table, row, 5, text_of(entry, "job"));
    table_set_or_blank(table, row, 6, text_of(entry, "message"));
}

static int run_history(Call *call, GError **error)
{
    size_t index;
    const json_t *entry;
    g_autofree char *path = call_path("machines", call_argument(call, 0), "/history");
    json_t *entries = call_get_list(call, path, error);
    if (entries == NULL)
        return EXIT_ERROR;
    g_autoptr(Table) table =
        table_new(call->screen, history_columns, G_N_ELEMENTS(history_columns));
    json_array_foreach(entries, index, entry)
    {
        add_entry(table, call, entry);
    }
    call_print_table(call, table, "nothing has happened to '%s' yet", call_argument(call, 0));
    json_decref(entries);
    return EXIT_OK;
}

const Command command_history = {
    .name = "history",
    .group = GROUP_LOOK,
    .summary = "what was done to a machine, and by whom",
    .usage = "NAME",
    .description =
        "With --json each entry carries its receipt: the proof that data volumes were kept.",
    .examples = "history demo-1 # newest first",
    .also_known_as = "log, events",
    .names = NAMES_MACHINES,
    .least_arguments = 1,
    .most_arguments = 1,
    .run = run_history,
};
