/* The one way of everything that changes: plan, announce, ask, submit, watch, tell. */
#pragma once

#include "cli/call.h"

/*
 * Does what the request says, in the manner of --dry-run, --yes, --no-wait and --json.
 *
 * Verbs that announce get their plan first. Where it replaces, resets or deletes content a person
 * at a terminal is asked; --yes skips that. Without a terminal and without --yes it goes ahead
 * where undo or the trash can bring the content back, and refuses with INVALID (exit 2) where
 * something is deleted for good.
 */
int operate(Call *call, const Request *request, GError **error);
/* Watches a job that was submitted and prints its result. */
int operate_watch(Call *call, const json_t *job, gboolean to_the_end, const char *summary,
                  GError **error);
