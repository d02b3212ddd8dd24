/* A plan on the screen: the whole table of a dry run, and the short announcement before a run. */
#pragma once

#include "cli/call.h"

/* What the plan comes to, as far as the command line decides by it. */
typedef struct {
    guint now, pending, skipped, refused;
    gboolean loses; /* content that somebody wrote, or a whole volume, is replaced, reset or put in
                       the trash */
    gboolean destroys; /* something is deleted and nothing brings it back */
    guint64 lost_bytes;
    int exit_status; /* of a run that did all this: what refusals make of it */
} PlanDigest;
PlanDigest plan_digest(const json_t *plan);

/* The table, the remarks, the totals, the summary sentence, to standard output. */
void plan_print(const Call *call, const json_t *plan);
/* "Nothing to do …" or "rebase 4 machines (3 now, 1 when it stops): system REPLACED …" with
 * remarks, to standard error. */
void plan_announce(const Call *call, const json_t *plan);
