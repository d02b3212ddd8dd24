/* The verbs: one table that plan, API, command line and page read. */
#include "model/verb.h"

#define NAMELESS .needs_names = FALSE
#define NAMED    .needs_names = TRUE
#define MANY     .needs_names = TRUE, .many = TRUE
#define REPLACES .replaces = TRUE
#define DESTROYS .destroys = TRUE

static const VerbInfo verbs[] = {
    [VERB_IMPORT] = {"import", "Import", "importing", NAMED},
    [VERB_PREPARE] = {"prepare", "Prepare", "preparing", NAMED},
    [VERB_UNPREPARE] = {"unprepare", "Unprepare", "unpreparing", NAMED},
    [VERB_CLONE] = {"clone", "Clone", "cloning", MANY},
    [VERB_START] = {"start", "Start", "starting", MANY},
    [VERB_SHUTDOWN] = {"shutdown", "Shut down", "shutting down", MANY},
    [VERB_POWEROFF] = {"poweroff", "Power off", "powering off", MANY},
    [VERB_REBOOT] = {"reboot", "Reboot", "rebooting", MANY},
    [VERB_RESTORE] = {"restore", "Restore", "restoring", MANY, REPLACES},
    [VERB_REBASE] = {"rebase", "Rebase", "rebasing", MANY, REPLACES},
    [VERB_UNDO] = {"undo", "Undo", "undoing", MANY, REPLACES},
    [VERB_HOLD] = {"hold", "Hold", "holding", MANY},
    [VERB_RELEASE] = {"release", "Release", "releasing", MANY},
    [VERB_DETACH] = {"detach", "Detach", "detaching", MANY},
    [VERB_REMOVE] = {"remove", "Remove", "removing", MANY, DESTROYS},
    [VERB_EXPORT] = {"export", "Export", "exporting", NAMED},
    [VERB_VOLUME_ADD] = {"volume-add", "Add volume", "adding a volume to", NAMED},
    [VERB_VOLUME_ATTACH] = {"volume-attach", "Attach volume", "attaching a volume to", NAMED},
    [VERB_VOLUME_SET_ROLE] = {"volume-set-role", "Set role", "setting the role of", NAMED},
    [VERB_VOLUME_RESIZE] = {"volume-resize", "Resize volume", "resizing a volume of", NAMED},
    [VERB_BACKUP] = {"backup", "Back up the catalog", "backing up the catalog", NAMELESS},
    [VERB_REPAIR] = {"repair", "Repair", "repairing", NAMELESS},
    [VERB_RECLAIM] = {"reclaim", "Reclaim", "reclaiming", NAMELESS},
    [VERB_FLATTEN] = {"flatten", "Flatten a layer", "flattening a layer", NAMELESS},
};
G_STATIC_ASSERT(G_N_ELEMENTS(verbs) == VERB_COUNT);

const VerbInfo *verb_info(Verb verb)
{
    g_return_val_if_fail((guint)verb < VERB_COUNT, &verbs[VERB_REPAIR]);
    return &verbs[verb];
}

const char *verb_name(Verb verb)
{
    return verb_info(verb)->name;
}

gboolean verb_from_name(const char *text, Verb *verb_out)
{
    for (guint i = 0; i < VERB_COUNT; i++)
        if (g_strcmp0(verbs[i].name, text) == 0) {
            *verb_out = (Verb)i;
            return TRUE;
        }
    return FALSE;
}
