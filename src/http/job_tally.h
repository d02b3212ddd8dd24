/* How many jobs are open, by state, and how many have ended since the start: for the metrics. */
#pragma once

#include "model/job.h"

typedef struct JobTally JobTally;

JobTally *job_tally_new(void);
void job_tally_free(JobTally *tally);
/* Notes what a job is now. Thread-safe. TRUE where it has ended with this. */
gboolean job_tally_note(JobTally *tally, const Job *job);
/* Open jobs by state, and jobs that were seen to end; final states count what ended. */
void job_tally_read(JobTally *tally, guint64 counts_out[JOB_STATE_COUNT]);
