/* A job's result on the screen. */
#pragma once

#include "cli/call.h"

/*
 * Prints what became of each machine (all of up to twenty, else those that are not simply done),
 * the remedies, and one line that sums up; `summary` ("system REPLACED, …", may be NULL) ends it
 * where something was done. Returns the exit status that the job deserves.
 */
int job_print_result(const Call *call, const json_t *job, const char *summary);
/* The exit status that the job deserves. */
int job_exit_status(const json_t *job);
/* Everything that is known of a job: `job show`. */
void job_print(const Call *call, const json_t *job);
