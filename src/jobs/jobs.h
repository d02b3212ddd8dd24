/* The job queue: workers, progress, one job a request, resume at start-up. Owns the only threads
 * besides http/. */
#pragma once

#include "engine/engine.h"

typedef struct Jobs Jobs;

typedef enum { JOBS_JOB_CHANGED, JOBS_ITEM_CHANGED } JobsEvent;
/* Called on a worker; `item` NULL for JOBS_JOB_CHANGED. Borrowed for the call. */
typedef void (*JobsListener)(JobsEvent event, const Job *job, const JobItem *item,
                             gpointer user_data);

/* Borrows engine and catalog, which must outlive it. `workers` at least 1. Listens to the engine.
 */
Jobs *jobs_new(Engine *engine, Catalog *catalog, Clock *clock, guint workers);
void jobs_listen(Jobs *jobs, JobsListener listener, gpointer user_data);
/* Second listener seam: engine events are handed on after the queue has had its look. */
void jobs_listen_engine(Jobs *jobs, EngineListener listener, gpointer user_data);
/* How long finished jobs are kept, and how many at most: 90 days and 10,000 unless said otherwise
 * before the start. Those that undo needs stay longer. */
void jobs_set_history(Jobs *jobs, gint64 retention_seconds, guint most);
/* Starts the workers; takes up the open jobs of the catalog; settles and reclaims in the
 * background. */
gboolean jobs_start(Jobs *jobs, GError **error);
/* Lets running work reach a safe point, stops the workers. */
void jobs_stop(Jobs *jobs);
void jobs_free(Jobs *jobs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Jobs, jobs_free)

/*
 * Queues a request. The same idempotency key, or an open job with the same request, gives that job.
 * Durable: the job survives a restart. New reference (a snapshot).
 */
Job *jobs_submit(Jobs *jobs, const Request *request, const char *requested_by, GError **error);
/* Snapshot of a job, open or finished. New reference. */
Job *jobs_get(Jobs *jobs, const char *id, GError **error);
GPtrArray *jobs_list(Jobs *jobs, const char *before_id, guint limit, GError **error);
/* Cancels what has not been committed; a pending job's machines go back to their actual heads.
 * REFUSED when final. */
gboolean jobs_cancel(Jobs *jobs, const char *id, GError **error);
/* Seconds left by the pace so far; negative: unknown, as while it waits for machines to stop. */
double jobs_estimate(Jobs *jobs, const Job *job);
/* Events for workers, from the daemon's wiring. */
void jobs_domain_event(Jobs *jobs, HypervisorEvent event, const char *uuid);
/* Wakes the worker that settles this machine. */
void jobs_want_settle(Jobs *jobs, const char *machine_id);
