/* `underpin rebase | restore | undo`: the system is replaced, temporary reset, data kept. */
#include "cli/operate.h"
#include "cli/selection.h"
#include "cli/verbs.h"

static int run_policy(Call *call, Verb verb, GError **error)
{
    g_autoptr(Request) request = selection_request(call, verb, error);
    if (request == NULL)
        return EXIT_ERROR;
    selection_take_policy(call, request);
    return operate(call, request, error);
}

static int run_restore(Call *call, GError **error)
{
    return run_policy(call, VERB_RESTORE, error);
}

static int run_undo(Call *call, GError **error)
{
    return run_policy(call, VERB_UNDO, error);
}

static int run_rebase(Call *call, GError **error)
{
    const char *onto = call_text(call, "onto");
    g_autoptr(Request) request = selection_request(call, VERB_REBASE, error);
    if (request == NULL)
        return EXIT_ERROR;
    if (onto == NULL) {
        call_usage(call, error, "rebase needs --onto BASE: the base to move to");
        return EXIT_ERROR;
    }
    request->onto = g_strdup(onto);
    request->even_held = call_has(call, "even-held");
    request->new_hardware = call_has(call, "new-hardware");
    selection_take_policy(call, request);
    return operate(call, request, error);
}

static const OptionSpec rebase_options[] = {
    {"onto", 'o', OPTION_TEXT, "BASE", NAMES_BASES, "the base to move to"},
    SELECTION_OPTIONS,
    POLICY_OPTIONS,
    {"even-held", 0, OPTION_FLAG, NULL, NAMES_NOTHING, "also machines on hold"},
    {"new-hardware", 0, OPTION_FLAG, NULL, NAMES_NOTHING,
     "take CPU, memory and devices from the new base too"},
    FORCE_OPTION,
    {0},
};

static const OptionSpec policy_options[] = {SELECTION_OPTIONS, POLICY_OPTIONS, FORCE_OPTION, {0}};

#define REPLACE_ROW                                                                                \
    .group = GROUP_UPDATE, .names = NAMES_CLONES, .most_arguments = G_MAXUINT,                     \
    .flags = COMMAND_CHANGES | COMMAND_ANNOUNCES

#define ASKS                                                                                       \
    "\nOn a terminal it asks before it begins; --yes skips that. In a script it begins at once, "  \
    "for undo brings the replaced system back."

const Command command_rebase = {
    .name = "rebase",
    .summary = "move clones onto another base: new system, same data",
    .usage = "NAME… --onto BASE\n--all OLDBASE --onto BASE [--match PATTERN] [--limit N]",
    .description = "system REPLACED, temporary RESET, data KEPT. The new base must have the same "
                   "volumes and roles as "
                   "the old one; all that can fail is done before anything is decided, and a "
                   "machine that cannot be "
                   "moved is left whole on its old system.\n"
                   "A clone that runs is not disturbed: it moves when it stops or reboots, unless "
                   "--running says "
                   "otherwise. Undo puts the old system back." ASKS,
    .examples = "rebase --all demo-v1 --onto demo-v2 --dry-run # look first\n"
                "rebase --all demo-v1 --onto demo-v2 # all clones of the old base\n"
                "rebase --all demo-v1 --onto demo-v2 --limit 5 # a first wave of five\n"
                "rebase --all demo-v1 --onto demo-v2 --running shutdown --grace 5m # do not wait\n"
                "rebase demo-1 --onto demo-v2 # one clone",
    .also_known_as = "recompose, push image, update pool, change base image, roll out",
    .options = rebase_options,
    .done = "rebased",
    .pending = "moves when it stops",
    .run = run_rebase,
    REPLACE_ROW,
};

const Command command_restore = {
    .name = "restore",
    .summary = "give clones a fresh system from their own base",
    .usage = SELECTION_USAGE,
    .description = "system REPLACED, temporary RESET, data KEPT. The replaced system can be put "
                   "back with undo." ASKS,
    .examples = "restore demo-1 # as new, with its data\n"
                "restore --all demo-v1 --match 'lab-*' # a class room\n"
                "list --clones --match 'lab-*' --names | underpin restore - # names from a pipe",
    .also_known_as = "refresh, revert, reset to base, reimage, rebuild",
    .options = policy_options,
    .done = "restored",
    .pending = "restored when it stops",
    .run = run_restore,
    REPLACE_ROW,
};

const Command command_undo = {
    .name = "undo",
    .summary = "put back the system that the last restore or rebase replaced",
    .usage = SELECTION_USAGE,
    .description =
        "system REPLACED by the one before, temporary RESET, data KEPT as it is now. Undo can "
        "itself be "
        "undone. Undo of a rebase that still waits cancels it. The machine is on hold afterwards, "
        "so that "
        "the next rebase does not take it back by surprise: 'underpin release' ends that." ASKS,
    .examples = "undo demo-1 # back to the system before\n"
                "undo --all demo-v2 # all clones that are on demo-v2 now\n"
                "show demo-1 # lists what undo can put back",
    .also_known_as = "rollback, revert update, downgrade",
    .options = policy_options,
    .done = "undone",
    .pending = "undone when it stops",
    .run = run_undo,
    REPLACE_ROW,
};
