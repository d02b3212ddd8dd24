/* What the files of jobs/ share. */
#pragma once

#include "jobs/jobs.h"
#include "jobs/recent.h"

/* An open job: the published snapshot that readers copy, kept up by the worker that runs it. */
typedef struct {
    Job *published;    /* guarded by Jobs.lock */
    GHashTable *items; /* machine id -> JobItem of `published`, borrowed; guarded by Jobs.lock */
    GCancellable *cancellable;
    gint64 run_started_us; /* monotonic; 0: not running */
} OpenJob;

/*
 * lock guards the table of open jobs and their published snapshots, the recent ones, the set of
 * wanted settles and the flags; nothing slow and nothing of the engine is called while it is held.
 */
struct Jobs {
    Engine *engine;
    Catalog *catalog;
    Clock *clock;
    guint worker_count;
    gint64 history_seconds;
    guint history_most;
    gint64 next_pruning; /* of the care thread: by the clock port */
    GMutex submit_lock;  /* over the record of a new job, so that `recent` has the catalog's order;
                            taken before lock */
    GMutex lock;
    RecentJobs *recent;
    GHashTable *open;     /* job id -> OpenJob */
    GHashTable *wanted;   /* machine id: a settle is queued */
    GHashTable *settling; /* machine id: a settle runs -> whether it was wanted again meanwhile */
    GHashTable
        *retry; /* machine id: a settle failed, and is tried again with the next round of care */
    gboolean stopping;
    gboolean care_wanted, maintenance_wanted;
    GCond care_wake;
    GCancellable *care_cancellable;
    GThreadPool *workers;  /* OpenJob ids */
    GThreadPool *settlers; /* machine ids */
    GQueue digests; /* DigestWish: receipts that are still to have digests; guarded by lock */
    GThread *care, *maintenance;
    GThread *events;
    GAsyncQueue *event_queue;
    JobsListener listener;
    gpointer listener_data;
    EngineListener engine_listener;
    gpointer engine_listener_data;
};

/* A machine has moved after its job's run, and the job asks for digests. */
typedef struct {
    char *job_id, *machine_id;
} DigestWish;
void digest_wish_free(DigestWish *wish);

OpenJob *open_job_new(const Job *job);
void open_job_free(OpenJob *open);
/* Under the lock: takes over what the worker's copy says now. `item` NULL: everything. */
void open_job_publish(OpenJob *open, const Job *job, const JobItem *item);
void jobs_tell(Jobs *jobs, JobsEvent event, const Job *job, const JobItem *item);

/* jobs_run.c: a worker's work. Takes the id. */
void jobs_run_one(gpointer job_id, gpointer jobs);
/* An open job whose last pending machine has moved (or was deferred) is concluded. `error` NULL: it
 * moved. */
void jobs_machine_settled(Jobs *jobs, const char *machine_id, const GError *error);
/* Its pending machines go back to their actual heads. */
gboolean jobs_cancel_pending(Jobs *jobs, const Job *job, GError **error);
/* Takes up an open job after a restart. */
void jobs_resume(Jobs *jobs, const Job *job);

/* Has the receipt's digests read in the background. */
void jobs_want_digest(Jobs *jobs, const char *job_id, const char *machine_id);

/* jobs_care.c: settles, reclaim, maintenance, events. */
void jobs_care_start(Jobs *jobs);
void jobs_care_stop(Jobs *jobs);
void jobs_settle_one(gpointer machine_id, gpointer jobs);
