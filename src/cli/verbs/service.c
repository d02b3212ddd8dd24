/* `underpin doctor | backup`: the health of the service, and a copy of what it knows. */
#include <stdio.h>

#include "cli/confirm.h"
#include "cli/operate.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "foundation/error.h"

/* --- doctor ------------------------------------------------------------------------------------
 */

static const TableColumn finding_columns[] = {
    {"LEVEL", COLUMN_PLAIN}, {"SUBJECT", COLUMN_PLAIN}, {"FINDING", COLUMN_WRAP}};

/* Several findings about one subject often have the same remedy: it is said once. */
static void print_remedies(const json_t *findings)
{
    size_t index;
    const json_t *finding;
    gboolean can_repair = FALSE;
    g_autoptr(GHashTable) said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    json_array_foreach(findings, index, finding)
    {
        can_repair |= flag_of(finding, "repairable");
        if (text_of(finding, "remedy") == NULL)
            continue;
        char *line =
            g_strdup_printf("  %s: %s", text_of(finding, "subject"), text_of(finding, "remedy"));
        if (g_hash_table_size(said) == 0)
            say("\nWhat to do");
        if (!g_hash_table_contains(said, line))
            say("%s", line);
        g_hash_table_add(said, line);
    }
    if (can_repair)
        say("\n'underpin doctor --repair' does what is safe.");
}

/* Returns whether a finding is an error. */
static gboolean print_findings(const Call *call, const json_t *findings)
{
    size_t index;
    const json_t *finding;
    gboolean has_error = FALSE;
    g_autoptr(Table) table =
        table_new(call->screen, finding_columns, G_N_ELEMENTS(finding_columns));
    json_array_foreach(findings, index, finding)
    {
        const char *level = text_of(finding, "level");
        TableRow *row = table_add(table, NULL);
        table_set_toned(table, row, 0, level, tone_of_word(level));
        table_set(table, row, 1, text_of(finding, "subject"));
        table_set(table, row, 2, text_of(finding, "text"));
        has_error |= g_strcmp0(level, "error") == 0;
    }
    if (call_has(call, "json"))
        return has_error;
    table_print(table);
    print_remedies(findings);
    return has_error;
}

static void print_question(const json_t *question)
{
    const char *hint = text_of(question, "hint");
    say("Everything has stopped: %s", text_of(question, "message"));
    if (hint != NULL)
        say("  %s", hint);
    putchar('\n');
}

static int look(Call *call, GError **error)
{
    g_autoptr(Answer) answer = call_get(call, "/api/v1/doctor", error);
    if (answer == NULL)
        return EXIT_ERROR;
    const json_t *question = json_object_get(answer->json, "question");
    const json_t *findings = list_of(answer->json, "items");
    gboolean is_json = call_has(call, "json");
    if (json_is_object(question) && !is_json)
        print_question(question);
    gboolean has_error = print_findings(call, findings);
    if (json_array_size(findings) == 0 && !json_is_object(question) && !is_json)
        say("Catalog, store and libvirt agree: nothing to report.");
    return has_error || json_is_object(question) ? EXIT_FAILED : EXIT_OK;
}

static int rebuild_without_consent(const Call *call, GError **error)
{
    if (call->screen->can_ask && !call_has(call, "yes")) {
        say_aside("Nothing was changed.");
        return EXIT_FAILED;
    }
    error_set(error, UNDERPIN_ERROR_INVALID, "add --yes",
              "this replaces the catalog, and there is no terminal to ask at");
    return EXIT_ERROR;
}

static int run_doctor(Call *call, GError **error)
{
    gboolean rebuild = call_has(call, "rebuild");
    if (rebuild && call_has(call, "repair")) {
        call_usage(call, error, "--repair and --rebuild exclude each other");
        return EXIT_ERROR;
    }
    if (!rebuild && !call_has(call, "repair"))
        return look(call, error);
    g_autoptr(Request) request = request_new(VERB_REPAIR);
    request->force = rebuild;
    if (rebuild && !call_has(call, "yes") && !call_has(call, "dry-run") &&
        !(call->screen->can_ask &&
          confirm("Take the store as the truth and REPLACE the catalog? Volumes are not touched.")))
        return rebuild_without_consent(call, error);
    return operate(call, request, error);
}

static const OptionSpec doctor_options[] = {
    {"repair", 0, OPTION_FLAG, NULL, NAMES_NOTHING, "repair what is safe to repair"},
    {"rebuild", 0, OPTION_FLAG, NULL, NAMES_NOTHING,
     "take the store as the truth and make the catalog anew from it and libvirt"},
    {0},
};

const Command command_doctor = {
    .name = "doctor",
    .group = GROUP_SERVICE,
    .summary = "compare catalog, store and libvirt, and say what differs",
    .usage = "[--repair | --rebuild]",
    .description = "Each finding comes with its remedy. It exits with 1 where one is an error. "
                   "Where catalog and store "
                   "do not belong together everything stops until --rebuild, or the right catalog "
                   "put back, answers "
                   "which of them is right. Data volumes are not touched by any of this.",
    .examples = "doctor # look\n"
                "doctor --repair # do what is safe\n"
                "doctor --rebuild # the catalog is lost or too old",
    .also_known_as = "check, fsck, verify, health check",
    .options = doctor_options,
    .flags = COMMAND_CHANGES,
    .done = "repaired",
    .run = run_doctor,
};

/* --- backup ------------------------------------------------------------------------------------
 */

static int run_backup(Call *call, GError **error)
{
    g_autoptr(Request) request = request_new(VERB_BACKUP);
    request->path = g_canonicalize_filename(call_argument(call, 0), NULL);
    return operate(call, request, error);
}

const Command command_backup = {
    .name = "backup",
    .group = GROUP_SERVICE,
    .summary = "copy the catalog and the accounts to files",
    .usage = "FILE",
    .description =
        "The daemon writes FILE and FILE.accounts, while it works. Both are new files, for "
        "root alone. Images are not part of it.",
    .examples = "backup /var/backups/underpin.db # a copy that is consistent",
    .also_known_as = "dump, save catalog, save accounts",
    .names = NAMES_FILES,
    .least_arguments = 1,
    .most_arguments = 1,
    .flags = COMMAND_CHANGES,
    .done = "backed up",
    .run = run_backup,
};
