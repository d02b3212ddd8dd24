/* Watching a job until it is over: by the event stream, by asking again where there is none. */
#pragma once

#include "cli/call.h"

typedef enum {
    WATCH_OVER, /* done, failed or cancelled; or pending, and there is nothing more to wait for */
    WATCH_DETACHED, /* Ctrl-C: the job goes on, and the person was told how to find it */
    WATCH_LOST,     /* the error says why */
} WatchOutcome;

/*
 * Shows the progress of `job` (as the API gave it) on standard error: one line redrawn on a
 * terminal, plain lines else; nothing with --json unless there is a terminal. `to_the_end`: a
 * pending job is waited for too; without it a job that merely waits for running machines is over,
 * except within the grace of --running shutdown and force. A daemon that is restarted is waited
 * for. Sets the job's last state for WATCH_OVER; caller frees.
 */
WatchOutcome job_watch(Call *call, const json_t *job, gboolean to_the_end, Answer **answer_out,
                       GError **error);
