/* `underpin audit`: what was done, by whom, from where, and what came of it. */
#include "cli/call.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/words.h"

enum { ENTRIES_SHOWN = 20 };

static const TableColumn audit_columns[] = {
    {"WHEN", COLUMN_PLAIN},   {"ACCOUNT", COLUMN_PLAIN}, {"FROM", COLUMN_SPARE},
    {"ACTION", COLUMN_PLAIN}, {"MACHINE", COLUMN_PLAIN}, {"RESULT", COLUMN_PLAIN},
    {"JOB", COLUMN_SPARE},    {"DETAIL", COLUMN_TRIM},
};

static void add_entry(Table *table, const json_t *entry)
{
    const char *result = text_of(entry, "result");
    TableRow *row = table_add(table, NULL);
    table_take(table, row, 0, time_to_local_text(text_of(entry, "at")));
    table_set(table, row, 1, text_of(entry, "account"));
    table_set_or_blank(table, row, 2, text_of(entry, "address"));
    table_set(table, row, 3, text_of(entry, "action"));
    table_set_or_blank(table, row, 4, text_of(entry, "machine"));
    table_set_toned(table, row, 5, result, tone_of_word(result));
    table_set_or_blank(table, row, 6, text_of(entry, "job"));
    table_set_or_blank(table, row, 7, text_of(entry, "detail"));
}

static char *path_of(const Call *call)
{
    static const char *const filters[] = {"machine", "account"};
    GString *path = g_string_new(NULL);
    g_string_printf(path, "/api/v1/audit?limit=%u",
                    options_count(call->options, "limit", ENTRIES_SHOWN));
    for (guint i = 0; i < G_N_ELEMENTS(filters); i++) {
        const char *value = call_text(call, filters[i]);
        g_autofree char *escaped = value != NULL ? g_uri_escape_string(value, NULL, FALSE) : NULL;
        if (escaped != NULL)
            g_string_append_printf(path, "&%s=%s", filters[i], escaped);
    }
    return g_string_free(path, FALSE);
}

static int run_audit(Call *call, GError **error)
{
    size_t index;
    const json_t *entry;
    g_autofree char *path = path_of(call);
    g_autoptr(Answer) answer = call_get(call, path, error);
    if (answer == NULL)
        return EXIT_ERROR;
    g_autoptr(Table) table = table_new(call->screen, audit_columns, G_N_ELEMENTS(audit_columns));
    json_array_foreach(list_of(answer->json, "items"), index, entry)
    {
        add_entry(table, entry);
    }
    call_print_table(call, table, "nothing is noted of that");
    return EXIT_OK;
}

static const OptionSpec audit_options[] = {
    {"limit", 'l', OPTION_COUNT, "N", NAMES_NOTHING, "the newest N, 10000 at most (default 20)"},
    {"machine", 'm', OPTION_TEXT, "NAME", NAMES_MACHINES, "only what concerns this machine"},
    {"account", 'a', OPTION_TEXT, "NAME", NAMES_ACCOUNTS, "only what was done in this name"},
    {0},
};

const Command command_audit = {
    .name = "audit",
    .group = GROUP_ACCOUNTS,
    .summary = "what was done, by whom, from where, and what came of it",
    .usage = "[--machine NAME] [--account NAME] [--limit N]",
    .description = "Every request that changes something, and the end of every job, machine by "
                   "machine; logins that failed, too. The newest come first.",
    .examples = "audit --account anna # what she did\n"
                "audit --machine lab-1 --limit 5 # what was done to it lately",
    .also_known_as = "audit log, journal, trail",
    .options = audit_options,
    .run = run_audit,
};
