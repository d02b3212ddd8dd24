/* A job's progress as events tell it, and the lines that show it. No I/O. */
#pragma once

#include <jansson.h>

#include "model/job.h"

typedef struct Progress Progress;

Progress *progress_new(const char *title);
void progress_free(Progress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Progress, progress_free)

/* Called once for each machine that is seen to fail. */
typedef void (*ProgressFailure)(const char *machine, const char *message, gpointer user_data);
void progress_listen(Progress *progress, ProgressFailure listener, gpointer user_data);

/* Takes a job in the API's form, with or without its items. */
void progress_take_job(Progress *progress, const json_t *job);
/* Takes one item in the API's form. */
void progress_take_item(Progress *progress, const json_t *item);

JobState progress_state(const Progress *progress);
/* "settling"; "pending" while it waits for machines to stop. Borrowed; NULL: none yet. */
const char *progress_phase(const Progress *progress);
/* Machines whose part is over, for better or worse, and all machines of the job. */
guint progress_finished(const Progress *progress);
guint progress_machines(const Progress *progress);

/*
 * "rebase  ━━━━━────  26/50  settling  1 pending  1 failed  about 3 s left" in at most `width`
 * columns: what matters least goes first. Caller frees.
 */
char *progress_to_line(const Progress *progress, guint width, gboolean unicode);
/* "rebase: settling, 26 of 50, 1 failed" for a log. Caller frees. */
char *progress_to_log(const Progress *progress);
