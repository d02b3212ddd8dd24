/* `underpin purge | forget | reclaim`: room now, that would come back by itself. */
#include "cli/operate.h"
#include "cli/selection.h"
#include "cli/verbs.h"

/* --- purge
 * ------------------------------------------------------------------------------------
 */

static int run_purge(Call *call, GError **error)
{
    g_autoptr(Request) request = call_request(call, VERB_PURGE, 0, error);
    if (request == NULL)
        return EXIT_ERROR;
    request->volume = g_strdup(call_text(call, "volume"));
    request->trash = call_has(call, "trash");
    if ((request->machines->len > 0) + (request->volume != NULL) + request->trash != 1) {
        call_usage(call, error,
                   "purge needs the names of removed machines, or --volume ID, or --trash");
        return EXIT_ERROR;
    }
    return operate(call, request, error);
}

static const OptionSpec purge_options[] = {
    {"volume", 0, OPTION_TEXT, "ID", NAMES_KEPT_VOLUMES,
     "this volume, also one that is kept for good"},
    {"trash", 0, OPTION_FLAG, NULL, NAMES_NOTHING, "all that waits in the trash"},
    {0},
};

const Command command_purge = {
    .name = "purge",
    .group = GROUP_MACHINES,
    .summary = "delete the data of removed machines now",
    .usage = "NAME…\n--volume ID\n--trash",
    .description =
        "data is DELETED, and its room free, before its time in the trash is over. What was kept "
        "for good by 'underpin remove --keep-data' goes by --volume alone.\n"
        "It asks before it begins. Without a terminal it needs --yes: what is deleted does not "
        "come back.",
    .examples = "volume kept # what there is, with its ids\n"
                "purge demo-3 --dry-run # what it would free\n"
                "purge demo-3 # all data in the trash of the machine that was called so\n"
                "purge --volume 0c51a8e2f7b94d10 # one volume\n"
                "purge --trash # the whole trash",
    .also_known_as = "empty trash, empty, wipe, free space",
    .options = purge_options,
    .names = NAMES_REMOVED,
    .most_arguments = G_MAXUINT,
    .flags = COMMAND_CHANGES | COMMAND_ANNOUNCES,
    .done = "purged",
    .run = run_purge,
};

/* --- forget
 * -----------------------------------------------------------------------------------
 */

static int run_forget(Call *call, GError **error)
{
    g_autoptr(Request) request = selection_request(call, VERB_FORGET, error);
    return request == NULL ? EXIT_ERROR : operate(call, request, error);
}

static const OptionSpec forget_options[] = {SELECTION_OPTIONS, {0}};

const Command command_forget = {
    .name = "forget",
    .group = GROUP_UPDATE,
    .summary = "delete the replaced systems that undo holds",
    .usage = SELECTION_USAGE,
    .description =
        "undo DELETED: what restores and rebases of these machines replaced cannot be put back any "
        "more, and its room is free at once. The machines stay as they are: system, temporary and "
        "data KEPT. An undo that still waits keeps what it is about to put back.\n"
        "It asks before it begins. Without a terminal it needs --yes: what is deleted does not "
        "come back.",
    .examples = "storage # what undo holds altogether\n"
                "show demo-1 # what it holds of one machine\n"
                "forget demo-1 # there is no way back then\n"
                "forget --all demo-v2 --dry-run # of all clones of a base",
    .also_known_as = "drop undo, delete undo, delete snapshots",
    .options = forget_options,
    .names = NAMES_CLONES,
    .most_arguments = G_MAXUINT,
    .flags = COMMAND_CHANGES | COMMAND_ANNOUNCES,
    .done = "left without undo",
    .run = run_forget,
};

/* --- reclaim
 * ----------------------------------------------------------------------------------
 */

static int run_reclaim(Call *call, GError **error)
{
    g_autoptr(Request) request = request_new(VERB_RECLAIM);
    return operate(call, request, error);
}

const Command command_reclaim = {
    .name = "reclaim",
    .group = GROUP_SERVICE,
    .summary = "delete now what nothing needs any more",
    .usage = "",
    .description =
        "Deletes what is on the list of what nothing needs: undo and trash whose time is over, "
        "layers without a machine. That happens by itself every few minutes.",
    .examples = "reclaim # do not wait for it\n"
                "storage # what there is to reclaim",
    .also_known_as = "garbage collection, gc, prune, cleanup",
    .flags = COMMAND_CHANGES,
    .done = "reclaimed",
    .run = run_reclaim,
};
