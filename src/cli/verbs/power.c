/* `underpin start | shutdown | poweroff | reboot`: the power of machines, several at once. */
#include "cli/operate.h"
#include "cli/selection.h"
#include "cli/verbs.h"

static int run_power(Call *call, Verb verb, GError **error)
{
    g_autoptr(Request) request = selection_request(call, verb, error);
    if (request == NULL)
        return EXIT_ERROR;
    if (verb == VERB_SHUTDOWN)
        request->grace_seconds = options_seconds(call->options, "grace", request->grace_seconds);
    return operate(call, request, error);
}

static int run_start(Call *call, GError **error)
{
    return run_power(call, VERB_START, error);
}

static int run_shutdown(Call *call, GError **error)
{
    return run_power(call, VERB_SHUTDOWN, error);
}

static int run_poweroff(Call *call, GError **error)
{
    return run_power(call, VERB_POWEROFF, error);
}

static int run_reboot(Call *call, GError **error)
{
    return run_power(call, VERB_REBOOT, error);
}

static const OptionSpec power_options[] = {SELECTION_OPTIONS, {0}};

static const OptionSpec shutdown_options[] = {
    SELECTION_OPTIONS,
    {"grace", 'g', OPTION_DURATION, "TIME", NAMES_NOTHING,
     "how long to wait for the guests, such as 120s or 5m (default 120s)"},
    {0},
};

#define POWER_ROW                                                                                  \
    .group = GROUP_LIFE, .usage = SELECTION_USAGE, .names = NAMES_MACHINES,                        \
    .most_arguments = G_MAXUINT, .flags = COMMAND_CHANGES

const Command command_start = {
    .name = "start",
    .summary = "start machines",
    .description =
        "A machine that is pending is moved first. One that is paused, or has stalled as a disk "
        "could not be written, goes on where it was. A base cannot be started.",
    .examples = "start demo-1 demo-2 # two of them\n"
                "start --all demo-v1 --match 'lab-*' # some clones of a base",
    .also_known_as = "boot, run, power on, virsh start",
    .options = power_options,
    .done = "started",
    .run = run_start,
    POWER_ROW,
};

const Command command_shutdown = {
    .name = "shutdown",
    .summary = "ask the guests to shut down",
    .description =
        "When a machine has stopped its temporary volumes are fresh again: temporary RESET, "
        "system and data KEPT. A machine that is pending moves then.",
    .examples = "shutdown demo-1 # the guest decides when\n"
                "shutdown --all demo-v1 --grace 5m # all clones of a base",
    .also_known_as = "stop, halt, virsh shutdown",
    .options = shutdown_options,
    .done = "shut down",
    .run = run_shutdown,
    POWER_ROW,
};

const Command command_poweroff = {
    .name = "poweroff",
    .summary = "switch machines off at once",
    .description =
        "As pulling the plug: what the guest has not written yet is lost. Temporary volumes are "
        "fresh afterwards: temporary RESET, system and data KEPT.",
    .examples = "poweroff demo-1 # for a guest that does not answer",
    .also_known_as = "kill, force off, virsh destroy",
    .options = power_options,
    .done = "switched off",
    .run = run_poweroff,
    POWER_ROW,
};

const Command command_reboot = {
    .name = "reboot",
    .summary = "reboot machines",
    .description =
        "A reboot keeps all volumes, also temporary ones; for a machine that is pending it is the "
        "moment of the move.",
    .examples = "reboot demo-1 # the guest's own reboot\n"
                "reboot --all demo-v1 # also moves the clones that are pending",
    .also_known_as = "restart, reset, virsh reboot",
    .options = power_options,
    .done = "rebooted",
    .run = run_reboot,
    POWER_ROW,
};
