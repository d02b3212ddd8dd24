/*
 * The catalog port: the one place that says what has happened. Checked wrappers; vtable in
 * catalog_adapter.h. Thread-safe; commits are serialised.
 */
#pragma once

#include "model/inventory.h"
#include "model/space_sample.h"

typedef struct Catalog Catalog;
void catalog_free(Catalog *catalog);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Catalog, catalog_free)

/* Everything, as a new inventory. */
Inventory *catalog_load(Catalog *catalog, GError **error);
/*
 * One transaction: all of `changes` and the generation number, or nothing. Durable on return TRUE.
 * `before` is the inventory that the changes apply to (the adapter may write only what differs); it
 * is not changed.
 */
gboolean catalog_commit(Catalog *catalog, const Inventory *before, const Changes *changes,
                        guint64 generation, GError **error);
/* Jobs are read on demand. Newest first; `before_id` NULL: from the newest; NOT_FOUND
 * where `before_id` is no job. New array of references, with items but without their receipts. */
GPtrArray *catalog_list_jobs(Catalog *catalog, const char *before_id, guint limit, GError **error);
/* NOT_FOUND where there is none. New reference, with items. */
Job *catalog_get_job(Catalog *catalog, const char *id, GError **error);
/* Jobs that are not final: to be resumed. Oldest first. */
GPtrArray *catalog_open_jobs(Catalog *catalog, GError **error);
/* The job of this idempotency key, or NULL without error. */
Job *catalog_job_by_key(Catalog *catalog, const char *key, GError **error);
/* What happened to a machine, newest first: its items of finished and open jobs, each as a Job with
 * that one item. */
GPtrArray *catalog_machine_jobs(Catalog *catalog, const char *machine_id, guint limit,
                                GError **error);
/* Puts one job (with items) outside any inventory change. Durable. */
gboolean catalog_put_job(Catalog *catalog, const Job *job, GError **error);
/* Replaces the receipt of one machine's item of a job that is recorded; none of either is fine.
 * Durable. */
gboolean catalog_put_receipt(Catalog *catalog, const char *job_id, const char *machine_id,
                             const char *receipt, GError **error);
/* Which finished jobs may go. */
typedef struct {
    gint64 finished_before; /* those that ended earlier, and */
    guint newest;           /* those beyond so many of the newest jobs, open ones counted; 0: any */
    guint at_most;          /* how many in one transaction, oldest first */
} JobPruning;
/*
 * Deletes finished jobs with their items. What stays: open jobs, and those whose receipts belong to
 * an undo entry that is still there (one of the job's machines has an entry that was replaced while
 * the job ran). *pruned_out: how many went; fewer than `at_most`: no more for now. Durable.
 */
gboolean catalog_prune_jobs(Catalog *catalog, const JobPruning *pruning, guint *pruned_out,
                            GError **error);
/* Puts a sample of the store's free space; those before `keep_from`, and those after it (a clock
 * that was wrong), go with the same transaction. Durable. */
gboolean catalog_put_sample(Catalog *catalog, const SpaceSample *sample, gint64 keep_from,
                            GError **error);
/* The samples of `since` and later, oldest first. New array of SpaceSample. */
GArray *catalog_list_samples(Catalog *catalog, gint64 since, GError **error);
/* A consistent copy into a new file `path`, mode 0600, durable; EXISTS where there is one. */
gboolean catalog_backup(Catalog *catalog, const char *path, GError **error);
/* PRAGMA integrity_check and our own invariants; findings are newly allocated sentences. */
gboolean catalog_check(Catalog *catalog, GPtrArray *findings, GError **error);
