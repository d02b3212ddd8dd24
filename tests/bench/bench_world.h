/* A world to measure in: the real store and catalog in a directory, the engine and its queue, a
 * host in memory. */
#pragma once

#include "engine/engine.h"
#include "jobs/jobs.h"

typedef struct {
    char *directory;
    Storage *storage; /* these belong to the engine */
    Catalog *catalog;
    Hypervisor *hypervisor;
    Engine *engine;
    Jobs *jobs;
    Clock *clock;
    /* Of the job that runs: when it entered each phase. */
    GMutex lock;
    GCond changed;
    char *phase;
    char *final_id; /* the job whose end was heard last */
    double planning_at, staging_at, committing_at, settling_at, ended_at;
    double planning_cpu, staging_cpu, committing_cpu, settling_cpu,
        ended_cpu; /* the worker's processor time at the same moments */
} BenchWorld;

/* Opens (and makes where there is nothing yet) the store DIRECTORY/store and the catalog
 * DIRECTORY/catalog.sqlite. */
BenchWorld *bench_world_open(const char *directory, GError **error);
void bench_world_close(BenchWorld *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BenchWorld, bench_world_close)

/* How long the parts of a job took, as the queue's listeners saw it. */
typedef struct {
    double total, plan, stage, commit, settle;
    /* Of the worker's thread; `cpu` is from staging to the end: what would be left on a machine
     * that nobody shares. */
    double plan_cpu, commit_cpu, cpu;
} JobTimes;

/* Submits the request (taken) to the queue and waits for its end. FALSE unless every item is done.
 */
gboolean bench_run(BenchWorld *world, Request *request, JobTimes *times_out, GError **error);
/* The same with machines by name; the names end with NULL. */
Request *bench_request(Verb verb, const char *name, ...) G_GNUC_NULL_TERMINATED;

/* What one machine is imported from: capacities in bytes, and how many bytes of content they begin
 * with. */
typedef struct {
    guint64 system_bytes, temporary_bytes, data_bytes;
    guint64 system_content, data_content;
    gboolean allocate; /* the system's content is allocated, not written */
} BenchImages;
/* Imports NAME with volumes vda (system), vdb (temporary) and vdc (data). */
gboolean bench_import(BenchWorld *world, const char *name, const BenchImages *images,
                      GError **error);
/* The same, and prepares it as a base. */
gboolean bench_base(BenchWorld *world, const char *name, const BenchImages *images, GError **error);
gboolean bench_clones(BenchWorld *world, const char *base, const char *prefix, guint count,
                      JobTimes *times_out, GError **error);
gboolean bench_rebase_all(BenchWorld *world, const char *from, const char *onto,
                          JobTimes *times_out, GError **error);
/* Every clone's system head becomes a written one, as after a day of work: the first cluster is the
 * guest's own. */
gboolean bench_touch_clones(BenchWorld *world, const char *base, GError **error);
/* Does what the last job has left for the background: new identities in the definitions. */
void bench_finish_background(BenchWorld *world);
/* "…/store/machines/ID/now/vda.qcow2". Caller frees. */
char *bench_head_path(BenchWorld *world, const char *name, const char *target);
/* Set: bench_erase() does nothing. */
extern gboolean bench_keep;
/* Removes a tree, immutable files and all. */
void bench_erase(const char *directory);
