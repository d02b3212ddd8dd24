/* `underpin prepare | unprepare`: a machine becomes a base, and a machine again. */
#include <string.h>

#include "cli/confirm.h"
#include "cli/operate.h"
#include "cli/verbs.h"
#include "foundation/error.h"

/* What is asked and recorded: whatever stays in the image is in every clone. */
static const struct {
    const char *name; /* of --check */
    const char *key;  /* of the record */
    const char *question;
} checks[] = {
    {"machine-id", "machine_id_empty",
     "Is its machine id empty (/etc/machine-id, Windows: sysprep)?"},
    {"host-keys", "host_keys_removed", "Are its SSH host keys removed?"},
    {"no-domain", "not_joined_to_a_domain", "Has it left every domain and directory?"},
    {"no-keys", "no_disk_keys_or_tpm", "Is it free of disk keys and of TPM secrets?"},
};

static gboolean take_check(json_t *checklist, const char *text, GError **error)
{
    g_auto(GStrv) halves = g_strsplit(text, "=", 2);
    gboolean is_yes = g_strcmp0(halves[1], "yes") == 0;
    for (gsize i = 0; i < G_N_ELEMENTS(checks); i++) {
        if (g_strcmp0(halves[0], checks[i].name) != 0 ||
            (!is_yes && g_strcmp0(halves[1], "no") != 0))
            continue;
        json_object_set_new(checklist, checks[i].key, json_boolean(is_yes));
        return TRUE;
    }
    return error_set(error, UNDERPIN_ERROR_INVALID,
                     "known are machine-id, host-keys, no-domain and no-keys, each =yes or =no",
                     "--check does not understand '%s'", text);
}

static gboolean take_checks(const Call *call, json_t *checklist, GError **error)
{
    const GPtrArray *values = options_list(call->options, "check");
    for (guint i = 0; i < values->len; i++) {
        if (!take_check(checklist, g_ptr_array_index(values, i), error))
            return FALSE;
    }
    return TRUE;
}

static void ask_checks(json_t *checklist)
{
    gboolean is_first = TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS(checks); i++) {
        if (json_object_get(checklist, checks[i].key) != NULL)
            continue;
        if (is_first)
            say_aside("Every clone gets what is in it. The answers are recorded.");
        is_first = FALSE;
        json_object_set_new(checklist, checks[i].key, json_boolean(confirm(checks[i].question)));
    }
}

static int run_prepare(Call *call, GError **error)
{
    g_autoptr(Request) request = call_request(call, VERB_PREPARE, 0, error);
    if (request == NULL)
        return EXIT_ERROR;
    json_t *checklist = json_object();
    if (!take_checks(call, checklist, error)) {
        json_decref(checklist);
        return EXIT_ERROR;
    }
    if (call->screen->can_ask && !call_has(call, "yes") && !call_has(call, "dry-run"))
        ask_checks(checklist);
    request->yes = call_has(call, "yes") || json_object_size(checklist) == G_N_ELEMENTS(checks);
    request->shutdown_first = call_has(call, "shutdown");
    request->grace_seconds = options_seconds(call->options, "grace", request->grace_seconds);
    request->force = call_has(call, "force");
    if (json_object_size(checklist) > 0)
        request->checklist = checklist;
    else
        json_decref(checklist);
    return operate(call, request, error);
}

static int run_unprepare(Call *call, GError **error)
{
    g_autoptr(Request) request = call_request(call, VERB_UNPREPARE, 0, error);
    return request != NULL ? operate(call, request, error) : EXIT_ERROR;
}

static const OptionSpec prepare_options[] = {
    {"check", 'c', OPTION_LIST, "ITEM=yes|no", NAMES_NOTHING,
     "answer a question of the checklist: machine-id, host-keys, no-domain, no-keys; several "
     "times"},
    {"shutdown", 0, OPTION_FLAG, NULL, NAMES_NOTHING, "shut it down first when it runs"},
    {"grace", 'g', OPTION_DURATION, "TIME", NAMES_NOTHING,
     "how long --shutdown waits (default 120s)"},
    {"force", 0, OPTION_FLAG, NULL, NAMES_NOTHING,
     "go past a refusal whose hint names this option"},
    {0},
};

const Command command_prepare = {
    .name = "prepare",
    .group = GROUP_MACHINES,
    .summary = "make a base of a machine: seal its volumes",
    .usage = "NAME [--shutdown]",
    .description =
        "The volumes become layers that nothing can write to, without a copy. A base cannot be "
        "started; "
        "to change it, clone it, change the clone, prepare the clone as the new base, and rebase.\n"
        "On a terminal four questions are asked about what every clone would inherit; the answers "
        "are "
        "recorded. --check answers them in a script, --yes skips them.",
    .examples = "prepare demo-v1 # asks the checklist\n"
                "prepare demo-v2 --shutdown --yes # for a script",
    .also_known_as = "seal, golden image, template, make template, parent image, snapshot parent",
    .options = prepare_options,
    .names = NAMES_MACHINES,
    .least_arguments = 1,
    .most_arguments = 1,
    .flags = COMMAND_CHANGES | COMMAND_ANNOUNCES,
    .done = "prepared as a base",
    .run = run_prepare,
};

const Command command_unprepare = {
    .name = "unprepare",
    .group = GROUP_MACHINES,
    .summary = "make a base a machine again, while nothing depends on it",
    .usage = "NAME",
    .description =
        "Refused while clones exist, or an undo, a data volume or another base needs its layers; "
        "the message names them.",
    .examples = "unprepare demo-v1 # it can be started again",
    .also_known_as = "unseal, convert to machine, template to vm",
    .names = NAMES_BASES,
    .least_arguments = 1,
    .most_arguments = 1,
    .flags = COMMAND_CHANGES | COMMAND_ANNOUNCES,
    .done = "made a machine again",
    .run = run_unprepare,
};
