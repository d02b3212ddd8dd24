/* `underpin detach | export | remove`: the ways out. */
#include "cli/operate.h"
#include "cli/verbs.h"

static int run_plain(Call *call, Verb verb, GError **error)
{
    g_autoptr(Request) request = call_request(call, verb, 0, error);
    if (request == NULL)
        return EXIT_ERROR;
    request->force = call_has(call, "force");
    return operate(call, request, error);
}

static int run_detach(Call *call, GError **error)
{
    return run_plain(call, VERB_DETACH, error);
}

static int run_export(Call *call, GError **error)
{
    return run_plain(call, VERB_EXPORT, error);
}

static int run_remove(Call *call, GError **error)
{
    g_autoptr(Request) request = call_request(call, VERB_REMOVE, 0, error);
    if (request == NULL)
        return EXIT_ERROR;
    if (call_has(call, "keep-data") && call_has(call, "now")) {
        call_usage(call, error,
                   "--keep-data keeps the data volumes, --now deletes them: choose one");
        return EXIT_ERROR;
    }
    request->keep_data = call_has(call, "keep-data");
    request->now = call_has(call, "now");
    request->force = call_has(call, "force");
    return operate(call, request, error);
}

static const OptionSpec force_options[] = {
    {"force", 0, OPTION_FLAG, NULL, NAMES_NOTHING,
     "go past a refusal whose hint names this option"},
    {0},
};

static const OptionSpec remove_options[] = {
    {"keep-data", 'k', OPTION_FLAG, NULL, NAMES_NOTHING,
     "keep the data volumes for ever: 'underpin volume attach' gives them to another machine"},
    {"now", 0, OPTION_FLAG, NULL, NAMES_NOTHING,
     "delete the data volumes at once, without the trash"},
    {"force", 0, OPTION_FLAG, NULL, NAMES_NOTHING,
     "go past a refusal whose hint names this option"},
    {0},
};

const Command command_detach = {
    .name = "detach",
    .group = GROUP_MACHINES,
    .summary = "make clones independent of their base",
    .usage = "NAME…",
    .description =
        "Copies what the clone shares with its base into its own images: they are CHANGED, their "
        "content stays as it is. That takes time and space. Its undo list ends, for those systems "
        "sit on the base.",
    .examples = "detach demo-1 # no base any more",
    .also_known_as = "flatten, full clone, promote, inflate",
    .options = force_options,
    .names = NAMES_CLONES,
    .least_arguments = 1,
    .most_arguments = G_MAXUINT,
    .flags = COMMAND_CHANGES | COMMAND_ANNOUNCES,
    .done = "detached",
    .run = run_detach,
};

const Command command_export = {
    .name = "export",
    .group = GROUP_MACHINES,
    .summary = "give a machine back to libvirt, where import found it",
    .usage = "NAME",
    .description =
        "The disks go back to the paths they had and the domain names them there. Underpin no "
        "longer knows the machine then; its content is KEPT.",
    .examples = "export w11 # undoes the import",
    .also_known_as = "unmanage, unregister, release to libvirt",
    .options = force_options,
    .names = NAMES_MACHINES,
    .least_arguments = 1,
    .most_arguments = 1,
    .flags = COMMAND_CHANGES | COMMAND_ANNOUNCES,
    .done = "exported",
    .run = run_export,
};

const Command command_remove = {
    .name = "remove",
    .group = GROUP_MACHINES,
    .summary = "remove machines and their content",
    .usage = "NAME… [--keep-data | --now]",
    .description = "system and temporary volumes are DELETED; data volumes go TO THE TRASH, where "
                   "they wait for the "
                   "undo retention, unless --keep-data or --now says otherwise. A base that clones "
                   "need is refused; "
                   "one that only undo needs is retired.\n"
                   "It asks before it begins. Without a terminal it needs --yes: what is deleted "
                   "does not come back.",
    .examples = "remove demo-3 --dry-run # look first\n"
                "remove demo-3 # data waits in the trash\n"
                "remove demo-3 --keep-data # data stays until somebody removes it\n"
                "volume kept # what waits, and until when\n"
                "purge demo-3 # its data is not to wait",
    .also_known_as = "rm, delete, destroy, undefine, unprovision",
    .options = remove_options,
    .names = NAMES_MACHINES,
    .least_arguments = 1,
    .most_arguments = G_MAXUINT,
    .flags = COMMAND_CHANGES | COMMAND_ANNOUNCES,
    .done = "removed",
    .pending = "removed when it stops",
    .run = run_remove,
};
