/* The verbs: one table that plan, API, CLI help and the page read. */
#pragma once

#include "model/account_role.h"

typedef enum {
    VERB_IMPORT,
    VERB_PREPARE,
    VERB_UNPREPARE,
    VERB_CLONE,
    VERB_START,
    VERB_SHUTDOWN,
    VERB_POWEROFF,
    VERB_REBOOT,
    VERB_RESTORE,
    VERB_REBASE,
    VERB_UNDO,
    VERB_HOLD,
    VERB_RELEASE,
    VERB_DETACH,
    VERB_REMOVE,
    VERB_EXPORT,
    VERB_VOLUME_ADD,
    VERB_VOLUME_ATTACH,
    VERB_VOLUME_SET_ROLE,
    VERB_VOLUME_RESIZE,
    VERB_BACKUP,
    VERB_REPAIR,
    VERB_RECLAIM,
    VERB_FLATTEN,
    VERB_PURGE,
    VERB_FORGET,
} Verb;
#define VERB_COUNT (VERB_FORGET + 1)

typedef struct {
    const char *name;     /* "volume-set-role": in the API */
    const char *title;    /* "Set role" */
    const char *progress; /* "setting the role of" */
    AccountRole role;     /* the least that may ask for it */
    gboolean replaces;    /* announces system REPLACED, temporary RESET, data KEPT */
    gboolean destroys;    /* content is gone afterwards: asks for confirmation */
    gboolean needs_names; /* acts on named machines */
    gboolean many;        /* several machines at once */
} VerbInfo;

const VerbInfo *verb_info(Verb verb);
const char *verb_name(Verb verb);
gboolean verb_from_name(const char *text, Verb *verb_out);
