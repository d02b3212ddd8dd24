/* The verbs: one table that plan, API, command line and page read. */
#include "model/verb.h"

#define USERS          ACCOUNT_USER
#define OPERATORS      ACCOUNT_OPERATOR
#define ADMINISTRATORS ACCOUNT_ADMINISTRATOR
#define NAMELESS       .needs_names = FALSE
#define NAMED          .needs_names = TRUE
#define MANY           .needs_names = TRUE, .many = TRUE
#define REPLACES       .replaces = TRUE
#define DESTROYS       .destroys = TRUE

static const VerbInfo verbs[] = {
    [VERB_IMPORT] = {"import", "Import", "importing", ADMINISTRATORS, NAMED},
    [VERB_PREPARE] = {"prepare", "Prepare", "preparing", ADMINISTRATORS, NAMED},
    [VERB_UNPREPARE] = {"unprepare", "Unprepare", "unpreparing", ADMINISTRATORS, NAMED},
    [VERB_CLONE] = {"clone", "Clone", "cloning", ADMINISTRATORS, MANY},
    [VERB_START] = {"start", "Start", "starting", USERS, MANY},
    [VERB_SHUTDOWN] = {"shutdown", "Shut down", "shutting down", USERS, MANY},
    [VERB_POWEROFF] = {"poweroff", "Power off", "powering off", OPERATORS, MANY},
    [VERB_REBOOT] = {"reboot", "Reboot", "rebooting", OPERATORS, MANY},
    [VERB_RESTORE] = {"restore", "Restore", "restoring", USERS, MANY, REPLACES},
    [VERB_REBASE] = {"rebase", "Rebase", "rebasing", ADMINISTRATORS, MANY, REPLACES},
    [VERB_UNDO] = {"undo", "Undo", "undoing", OPERATORS, MANY, REPLACES},
    [VERB_HOLD] = {"hold", "Hold", "holding", ADMINISTRATORS, MANY},
    [VERB_RELEASE] = {"release", "Release", "releasing", ADMINISTRATORS, MANY},
    [VERB_DETACH] = {"detach", "Detach", "detaching", ADMINISTRATORS, MANY},
    [VERB_REMOVE] = {"remove", "Remove", "removing", ADMINISTRATORS, MANY, DESTROYS},
    [VERB_EXPORT] = {"export", "Export", "exporting", ADMINISTRATORS, NAMED},
    [VERB_VOLUME_ADD] = {"volume-add", "Add volume", "adding a volume to", ADMINISTRATORS, NAMED},
    [VERB_VOLUME_ATTACH] = {"volume-attach", "Attach volume", "attaching a volume to",
                            ADMINISTRATORS, NAMED},
    [VERB_VOLUME_SET_ROLE] = {"volume-set-role", "Set role", "setting the role of", ADMINISTRATORS,
                              NAMED},
    [VERB_VOLUME_RESIZE] = {"volume-resize", "Resize volume", "resizing a volume of",
                            ADMINISTRATORS, NAMED},
    [VERB_BACKUP] = {"backup", "Back up the catalog", "backing up the catalog", ADMINISTRATORS,
                     NAMELESS},
    [VERB_REPAIR] = {"repair", "Repair", "repairing", ADMINISTRATORS, NAMELESS},
    [VERB_RECLAIM] = {"reclaim", "Reclaim", "reclaiming", ADMINISTRATORS, NAMELESS},
    [VERB_FLATTEN] = {"flatten", "Flatten a layer", "flattening a layer", ADMINISTRATORS, NAMELESS},
    [VERB_PURGE] = {"purge", "Delete kept data", "deleting kept data", ADMINISTRATORS, NAMELESS,
                    DESTROYS},
    [VERB_FORGET] = {"forget", "Forget undo", "forgetting the undo of", ADMINISTRATORS, MANY,
                     DESTROYS},
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
