/* Dropping old jobs: a few in one transaction, so that no commit has to wait for long. */
#include "catalog/catalog_private.h"

/* Items go with their job. The undo entry's receipt lies in the job that ran when it was replaced.
 */
#define PRUNE                                                                                      \
    "DELETE FROM job WHERE id IN (SELECT j.id FROM job j WHERE j.state NOT IN %s"                  \
    " AND (j.finished_at < ? OR j.sequence < (SELECT MIN(n.sequence) FROM"                         \
    " (SELECT sequence FROM job ORDER BY sequence DESC LIMIT ?) n))"                               \
    " AND NOT EXISTS (SELECT 1 FROM job_item i JOIN generation g ON g.machine_id = i.machine_id"   \
    " WHERE i.job_id = j.id AND g.replaced_at > 0"                                                 \
    " AND g.replaced_at BETWEEN j.created_at AND j.finished_at)"                                   \
    " ORDER BY j.sequence LIMIT ?)"

typedef struct {
    SqliteCatalog *catalog;
    const JobPruning *pruning;
    guint pruned;
} Prune;

static sqlite3_stmt *prepare_prune(SqliteCatalog *catalog, GError **error)
{
    g_autofree char *states = open_job_states();
    g_autofree char *sql = g_strdup_printf(PRUNE, states);
    return database_prepare(&catalog->database, sql, error);
}

static gboolean prune(gpointer data, GError **error)
{
    Prune *work = data;
    Database *database = &work->catalog->database;
    g_autoptr(sqlite3_stmt) statement = prepare_prune(work->catalog, error);
    if (statement == NULL)
        return FALSE;
    sqlite3_bind_int64(statement, 1, work->pruning->finished_before);
    sqlite3_bind_int64(statement, 2,
                       work->pruning->newest > 0 ? (gint64)work->pruning->newest : -1);
    sqlite3_bind_int64(statement, 3, work->pruning->at_most);
    if (!database_run(database, statement, error))
        return FALSE;
    work->pruned = (guint)sqlite3_changes(database->handle);
    return TRUE;
}

gboolean sqlite_prune_jobs(Catalog *base, const JobPruning *pruning, guint *pruned_out,
                           GError **error)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    Prune work = {catalog, pruning, 0};
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    if (!database_transaction(&catalog->database, prune, &work, error))
        return FALSE;
    *pruned_out = work.pruned;
    return TRUE;
}
