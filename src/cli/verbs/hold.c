/* `underpin hold | release`: pin machines so that no rebase touches them, and let them go. */
#include "cli/operate.h"
#include "cli/selection.h"
#include "cli/verbs.h"

static int run_hold(Call *call, GError **error)
{
    g_autoptr(Request) request = selection_request(call, VERB_HOLD, error);
    if (request == NULL)
        return EXIT_ERROR;
    request->reason = g_strdup(call_text(call, "reason"));
    return operate(call, request, error);
}

static int run_release(Call *call, GError **error)
{
    g_autoptr(Request) request = selection_request(call, VERB_RELEASE, error);
    return request != NULL ? operate(call, request, error) : EXIT_ERROR;
}

static const OptionSpec hold_options[] = {
    {"reason", 'R', OPTION_TEXT, "TEXT", NAMES_NOTHING, "why; lists and plans show it"},
    SELECTION_OPTIONS,
    {0},
};

static const OptionSpec release_options[] = {SELECTION_OPTIONS, {0}};

const Command command_hold = {
    .name = "hold",
    .group = GROUP_UPDATE,
    .summary = "pin machines: no rebase touches them",
    .usage = "NAME… [--reason TEXT]\n--all BASE [--match PATTERN] [--reason TEXT]",
    .description =
        "Hold blocks rebase in every form, also by name unless --even-held is given, and nothing "
        "else.",
    .examples = "hold demo-2 --reason 'payroll week' # plans list it with the reason",
    .also_known_as = "pin, freeze, lock, exclude",
    .options = hold_options,
    .names = NAMES_MACHINES,
    .most_arguments = G_MAXUINT,
    .flags = COMMAND_CHANGES,
    .done = "put on hold",
    .run = run_hold,
};

const Command command_release = {
    .name = "release",
    .group = GROUP_UPDATE,
    .summary = "end the hold of machines",
    .usage = SELECTION_USAGE,
    .examples = "release demo-2 # the next rebase takes it again",
    .also_known_as = "unpin, unhold, thaw, unlock",
    .options = release_options,
    .names = NAMES_MACHINES,
    .most_arguments = G_MAXUINT,
    .flags = COMMAND_CHANGES,
    .done = "released",
    .run = run_release,
};
