/* `underpin clone BASE`: thin machines on a base, by name or by number. */
#include "cli/operate.h"
#include "cli/verbs.h"

static gboolean check_clone(const Call *call, const Request *request, GError **error)
{
    gboolean is_counted = call_has(call, "count") || call_has(call, "name");
    if (request->machines->len == 1 && !is_counted)
        return call_usage(call, error, "clone needs names for the clones, or --count with --name");
    if (request->machines->len > 1 && is_counted)
        return call_usage(call, error, "name the clones or use --count with --name, not both");
    if (is_counted && !(call_has(call, "count") && call_has(call, "name")))
        return call_usage(call, error,
                          "--count and --name go together: --count 50 --name 'lab-{n}'");
    return TRUE;
}

static int run_clone(Call *call, GError **error)
{
    g_autoptr(Request) request = call_request(call, VERB_CLONE, 0, error);
    if (request == NULL || !check_clone(call, request, error))
        return EXIT_ERROR;
    request->count = options_count(call->options, "count", 0);
    request->name_pattern = g_strdup(call_text(call, "name"));
    return operate(call, request, error);
}

static const OptionSpec clone_options[] = {
    {"count", 'c', OPTION_COUNT, "N", NAMES_NOTHING, "how many"},
    {"name", 'N', OPTION_TEXT, "PATTERN", NAMES_NOTHING, "their names: {n} counts, 'lab-{n}'"},
    {0},
};

const Command command_clone = {
    .name = "clone",
    .group = GROUP_MACHINES,
    .summary = "make clones of a base",
    .usage = "BASE NAME…\nBASE --count N --name PATTERN",
    .description =
        "A clone starts empty on top of the base and takes next to no space. It has its own name, "
        "UUID and MAC addresses. Where one of the names exists already none is made.",
    .examples =
        "clone demo-v1 demo-1 demo-2 demo-3 # three, by name\n"
        "clone demo-v1 --count 50 --name 'lab-{n}' # lab-1 to lab-50\n"
        "clone demo-v1 demo-v2 # the beginning of an update: start it, change it, prepare it",
    .also_known_as = "linked clone, instant clone, deploy, provision, new, create",
    .options = clone_options,
    .names = NAMES_BASES,
    .least_arguments = 1,
    .most_arguments = G_MAXUINT,
    .flags = COMMAND_CHANGES,
    .done = "created",
    .run = run_clone,
};
