/*
 * The newest jobs, in memory: a list of them must not wait for the catalog while a commit is
 * flushed to disk.
 *
 * What it holds is the newest end of the catalog's order without a gap. It is not thread-safe: its
 * owner's lock protects it.
 */
#pragma once

#include "model/job.h"

typedef struct RecentJobs RecentJobs;

RecentJobs *recent_jobs_new(void);
void recent_jobs_free(RecentJobs *recent);
/* Takes the place of what was held. `newest_first` holds jobs of the catalog; `is_whole`: all. */
void recent_jobs_load(RecentJobs *recent, const GPtrArray *newest_first, gboolean is_whole);
/* How many jobs it may hold, and is best loaded with. */
guint recent_jobs_limit(void);
/* A new job, the newest; of one that is there already, what it has become. Copied, without
 * receipts. */
void recent_jobs_add(RecentJobs *recent, const Job *job);
void recent_jobs_change(RecentJobs *recent, const Job *job);
/* After finished jobs have been deleted: forgets at least those that ended before this time, and
 * those beyond so many of the newest (0: any number may stay). */
void recent_jobs_cut(RecentJobs *recent, gint64 finished_before, guint newest);
/*
 * Up to `limit` jobs older than `before_id` (NULL: from the newest), newest first: a new array of
 * references. NULL where only the catalog knows.
 */
GPtrArray *recent_jobs_page(const RecentJobs *recent, const char *before_id, guint limit);
