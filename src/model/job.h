/* A job: work that outlives a request; has progress, can be watched and cancelled, survives a
 * restart. */
#pragma once

#include "foundation/error.h"
#include "model/request.h"

typedef enum { JOB_QUEUED, JOB_RUNNING, JOB_PENDING, JOB_DONE, JOB_FAILED, JOB_CANCELLED } JobState;
#define JOB_STATE_COUNT (JOB_CANCELLED + 1)
/* "queued", "running", "pending" (waits for running machines to stop), "done", "failed",
 * "cancelled". */
const char *job_state_name(JobState state);
gboolean job_state_from_name(const char *text, JobState *state_out);
gboolean job_state_is_final(JobState state);

typedef enum {
    ITEM_WAITING,
    ITEM_RUNNING,
    ITEM_PENDING,
    ITEM_DONE,
    ITEM_FAILED,
    ITEM_SKIPPED,
    ITEM_CANCELLED
} ItemState;
#define ITEM_STATE_COUNT (ITEM_CANCELLED + 1)
const char *item_state_name(ItemState state);
gboolean item_state_from_name(const char *text, ItemState *state_out);

/* One machine's part of a job. */
typedef struct {
    char *machine_id;
    char *machine_name;
    ItemState state;
    int error_code; /* UnderpinErrorCode; -1: none */
    char *message;  /* why it failed, was skipped, or what it waits for; NULL: nothing to say */
    char *hint;
    char *receipt; /* JSON object: proof that data was kept (engine/receipt.h); NULL until done */
} JobItem;

typedef struct {
    int ref_count; /* private */
    char *id;
    Request *request;
    char *requested_by; /* "root", "uid 1000" … */
    JobState state;
    gint64 created_at, started_at, finished_at; /* 0: not yet */
    GPtrArray *items;                           /* JobItem */
    guint done, total;                          /* progress in steps; total 0: unknown */
    char *phase;                                /* "staging", "committing", "settling" …; NULL */
    int error_code;                             /* of the whole job; -1: none */
    char *message;
    char *hint;
    gboolean
        committed; /* past the point of no return: can no longer be cancelled without an undo */
    gboolean end_recorded; /* no part of the record: it stands in the catalog as it ended */
} Job;

Job *job_new(const char *id, const Request *request, const char *requested_by, gint64 created_at);
Job *job_ref(const Job *job);
void job_unref(Job *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Job, job_unref)
Job *job_copy(const Job *job); /* private deep copy */
JobItem *job_item_new(const char *machine_id, const char *machine_name);
JobItem *job_item_copy(const JobItem *item);
void job_item_free(JobItem *item);
JobItem *job_item(Job *job, const char *machine_id); /* borrowed; NULL */
/* What a pending job waits for: "3 machines to be restarted by their users". NULL where it waits
 * for nobody. Caller frees. */
char *job_waits_for(const Job *job);
void job_item_set_error(JobItem *item,
                        const GError *error); /* state FAILED with code, message, hint */
