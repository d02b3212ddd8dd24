/* The catalog port's checked wrappers. */
#include "ports/catalog_adapter.h"
#include "ports/checked.h"

#define CALL(catalog, slot, ...) (catalog)->ops->slot((catalog), __VA_ARGS__)

void catalog_free(Catalog *catalog)
{
    if (catalog != NULL)
        catalog->ops->free(catalog);
}

Inventory *catalog_load(Catalog *catalog, GError **error)
{
    PORT_REQUIRE(catalog != NULL, error, NULL);
    GError *problem = NULL;
    Inventory *inventory = CALL(catalog, load, &problem);
    port_finish(inventory != NULL, &problem, error, "loading the catalog");
    return inventory;
}

gboolean catalog_commit(Catalog *catalog, const Inventory *before, const Changes *changes,
                        guint64 generation, GError **error)
{
    PORT_REQUIRE(catalog != NULL && before != NULL && changes != NULL, error, FALSE);
    PORT_REQUIRE(generation > before->generation, error, FALSE);
    GError *problem = NULL;
    g_debug("catalog %s: commit of generation %" G_GUINT64_FORMAT ", %u machines, %u layers",
            catalog->ops->name, generation, changes->machines->len, changes->layers->len);
    return port_finish(CALL(catalog, commit, before, changes, generation, &problem), &problem,
                       error, "committing to the catalog");
}

GPtrArray *catalog_list_jobs(Catalog *catalog, const char *before_id, guint limit, GError **error)
{
    PORT_REQUIRE(catalog != NULL && limit > 0, error, NULL);
    GError *problem = NULL;
    GPtrArray *jobs = CALL(catalog, list_jobs, before_id, limit, &problem);
    port_finish(jobs != NULL, &problem, error, "listing jobs");
    return jobs;
}

Job *catalog_get_job(Catalog *catalog, const char *id, GError **error)
{
    PORT_REQUIRE(catalog != NULL && id != NULL, error, NULL);
    GError *problem = NULL;
    Job *job = CALL(catalog, get_job, id, &problem);
    port_finish(job != NULL, &problem, error, "reading job '%s'", id);
    return job;
}

GPtrArray *catalog_open_jobs(Catalog *catalog, GError **error)
{
    PORT_REQUIRE(catalog != NULL, error, NULL);
    GError *problem = NULL;
    GPtrArray *jobs = CALL(catalog, open_jobs, &problem);
    port_finish(jobs != NULL, &problem, error, "reading the open jobs");
    return jobs;
}

/* No job of that key is an answer, not a failure. */
Job *catalog_job_by_key(Catalog *catalog, const char *key, GError **error)
{
    PORT_REQUIRE(catalog != NULL && key != NULL, error, NULL);
    GError *problem = NULL;
    Job *job = CALL(catalog, job_by_key, key, &problem);
    port_finish(problem == NULL, &problem, error, "looking up the job of an idempotency key");
    return job;
}

GPtrArray *catalog_machine_jobs(Catalog *catalog, const char *machine_id, guint limit,
                                GError **error)
{
    PORT_REQUIRE(catalog != NULL && machine_id != NULL && limit > 0, error, NULL);
    GError *problem = NULL;
    GPtrArray *jobs = CALL(catalog, machine_jobs, machine_id, limit, &problem);
    port_finish(jobs != NULL, &problem, error, "reading the history of machine '%s'", machine_id);
    return jobs;
}

gboolean catalog_put_job(Catalog *catalog, const Job *job, GError **error)
{
    PORT_REQUIRE(catalog != NULL && job != NULL && job->id != NULL, error, FALSE);
    GError *problem = NULL;
    g_debug("catalog %s: put job '%s', %s", catalog->ops->name, job->id,
            job_state_name(job->state));
    return port_finish(CALL(catalog, put_job, job, &problem), &problem, error, "recording job '%s'",
                       job->id);
}

gboolean catalog_put_receipt(Catalog *catalog, const char *job_id, const char *machine_id,
                             const char *receipt, GError **error)
{
    PORT_REQUIRE(catalog != NULL && job_id != NULL && machine_id != NULL && receipt != NULL, error,
                 FALSE);
    GError *problem = NULL;
    return port_finish(CALL(catalog, put_receipt, job_id, machine_id, receipt, &problem), &problem,
                       error, "recording a receipt of job '%s'", job_id);
}

gboolean catalog_prune_jobs(Catalog *catalog, const JobPruning *pruning, guint *pruned_out,
                            GError **error)
{
    PORT_REQUIRE(catalog != NULL && pruning != NULL && pruned_out != NULL, error, FALSE);
    PORT_REQUIRE(pruning->at_most > 0, error, FALSE);
    GError *problem = NULL;
    return port_finish(CALL(catalog, prune_jobs, pruning, pruned_out, &problem), &problem, error,
                       "dropping old jobs");
}

gboolean catalog_put_sample(Catalog *catalog, const SpaceSample *sample, gint64 keep_from,
                            GError **error)
{
    PORT_REQUIRE(catalog != NULL && sample != NULL && keep_from <= sample->at, error, FALSE);
    GError *problem = NULL;
    return port_finish(CALL(catalog, put_sample, sample, keep_from, &problem), &problem, error,
                       "recording the free space");
}

GArray *catalog_list_samples(Catalog *catalog, gint64 since, GError **error)
{
    PORT_REQUIRE(catalog != NULL, error, NULL);
    GError *problem = NULL;
    GArray *samples = CALL(catalog, list_samples, since, &problem);
    port_finish(samples != NULL, &problem, error, "reading the samples of the free space");
    return samples;
}

gboolean catalog_backup(Catalog *catalog, const char *path, GError **error)
{
    PORT_REQUIRE(catalog != NULL && path != NULL, error, FALSE);
    GError *problem = NULL;
    g_debug("catalog %s: backup to '%s'", catalog->ops->name, path);
    return port_finish(CALL(catalog, backup, path, &problem), &problem, error,
                       "backing up the catalog to '%s'", path);
}

gboolean catalog_check(Catalog *catalog, GPtrArray *findings, GError **error)
{
    PORT_REQUIRE(catalog != NULL && findings != NULL, error, FALSE);
    GError *problem = NULL;
    return port_finish(CALL(catalog, check, findings, &problem), &problem, error,
                       "checking the catalog");
}
