/* Jobs in the catalog: read on demand, written by what has changed. */
#include "catalog/catalog_private.h"

#include "foundation/error.h"

/* --- writing ---------------------------------------------------------------------------------- */

static gboolean write_job_row(SqliteCatalog *catalog, const Job *job, GError **error)
{
    json_t *request = request_to_json(job->request);
    char *text = json_dumps(request, JSON_COMPACT);
    JobRow row = {job->id,
                  text,
                  job->request->idempotency_key,
                  job->requested_by,
                  (int)job->state,
                  job->created_at,
                  job->started_at,
                  job->finished_at,
                  job->done,
                  job->total,
                  job->phase,
                  job->error_code,
                  job->message,
                  job->hint,
                  job->committed};
    OuterValues outer = {NULL, {catalog->next_sequence++}, 1};
    gboolean written = write_row(catalog, TABLE_JOB, &outer, &row, error);
    free(text);
    json_decref(request);
    return written;
}

/* What was written of the job last; empty and new where nothing is known. */
static GPtrArray *written_items(SqliteCatalog *catalog, const char *job_id)
{
    GPtrArray *written = g_hash_table_lookup(catalog->open_jobs, job_id);
    if (written == NULL) {
        written = g_ptr_array_new_with_free_func((GDestroyNotify)job_item_free);
        g_hash_table_replace(catalog->open_jobs, g_strdup(job_id), written);
    }
    return written;
}

static gboolean write_item(SqliteCatalog *catalog, const Job *job, guint slot, GPtrArray *written,
                           GError **error)
{
    const JobItem *item = g_ptr_array_index(job->items, slot);
    OuterValues outer = {job->id, {slot}, 1};
    if (slot < written->len &&
        table_equal(&catalog_tables[TABLE_JOB_ITEM], item, g_ptr_array_index(written, slot)))
        return TRUE;
    if (!write_row(catalog, TABLE_JOB_ITEM, &outer, item, error))
        return FALSE;
    if (slot < written->len) {
        job_item_free(g_ptr_array_index(written, slot));
        g_ptr_array_index(written, slot) = job_item_copy(item);
    } else {
        g_ptr_array_add(written, job_item_copy(item));
    }
    return TRUE;
}

/* Slots beyond the job's items can be there while nothing is known of the job, or when it has
 * shrunk. */
gboolean write_job(SqliteCatalog *catalog, const Job *job, GError **error)
{
    if (!write_job_row(catalog, job, error))
        return FALSE;
    GPtrArray *written = written_items(catalog, job->id);
    guint known = written->len;
    for (guint slot = 0; slot < job->items->len; slot++)
        if (!write_item(catalog, job, slot, written, error))
            return FALSE;
    if (written->len > job->items->len)
        g_ptr_array_set_size(written, (int)job->items->len);
    if (known == 0 || known > job->items->len)
        return run_command(catalog, COMMAND_DELETE_ITEMS, job->id, job->items->len, error);
    return TRUE;
}

void written_job(SqliteCatalog *catalog, const Job *job, gboolean succeeded)
{
    if (!succeeded || job_state_is_final(job->state))
        g_hash_table_remove(catalog->open_jobs, job->id);
}

typedef struct {
    SqliteCatalog *catalog;
    const Job *job;
} PutJob;

static gboolean put_job(gpointer data, GError **error)
{
    const PutJob *put = data;
    return write_job(put->catalog, put->job, error);
}

gboolean sqlite_put_job(Catalog *base, const Job *job, GError **error)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    PutJob put = {catalog, job};
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    gboolean succeeded = database_transaction(&catalog->database, put_job, &put, error);
    written_job(catalog, job, succeeded);
    return succeeded;
}

typedef struct {
    SqliteCatalog *catalog;
    const char *job_id, *machine_id, *receipt;
} PutReceipt;

static gboolean put_receipt(gpointer data, GError **error)
{
    const PutReceipt *put = data;
    sqlite3_stmt *statement = put->catalog->commands[COMMAND_PUT_RECEIPT];
    sqlite3_bind_text(statement, 1, put->receipt, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, put->job_id, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, put->machine_id, -1, SQLITE_STATIC);
    return database_run(&put->catalog->database, statement, error);
}

gboolean sqlite_put_receipt(Catalog *base, const char *job_id, const char *machine_id,
                            const char *receipt, GError **error)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    PutReceipt put = {catalog, job_id, machine_id, receipt};
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    return database_transaction(&catalog->database, put_receipt, &put, error);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void job_row_clear(JobRow *row)
{
    g_free(row->id);
    g_free(row->request);
    g_free(row->idempotency_key);
    g_free(row->requested_by);
    g_free(row->phase);
    g_free(row->message);
    g_free(row->hint);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(JobRow, job_row_clear)

static Request *request_of(const JobRow *row, GError **error)
{
    json_t *json = json_loads(row->request, JSON_REJECT_DUPLICATES, NULL);
    Request *request = request_from_record(json, error);
    json_decref(json);
    if (request != NULL)
        request->idempotency_key = g_strdup(row->idempotency_key);
    return request;
}

/* Takes the row's texts. */
static Job *job_of(JobRow *row, GError **error)
{
    g_autoptr(Request) request = request_of(row, error);
    if (request == NULL)
        return NULL;
    Job *job = job_new(row->id, request, row->requested_by, row->created_at);
    job->state = (JobState)row->state;
    job->started_at = row->started_at;
    job->finished_at = row->finished_at;
    job->done = row->done;
    job->total = row->total;
    job->phase = g_steal_pointer(&row->phase);
    job->error_code = row->error_code;
    job->message = g_steal_pointer(&row->message);
    job->hint = g_steal_pointer(&row->hint);
    job->committed = row->committed;
    return job;
}

/* The job's columns stand first in every query; column 0 is its sequence. */
static Job *read_job(sqlite3_stmt *statement, GError **error)
{
    g_auto(JobRow) row = {0};
    if (!table_read(&catalog_tables[TABLE_JOB], statement, 1, &row, error))
        return NULL;
    return job_of(&row, error);
}

/* Column `first` is the item's job. */
static gboolean read_item(const Table *table, sqlite3_stmt *statement, int first, Job *job,
                          GError **error)
{
    JobItem *item = job_item_new(NULL, NULL);
    g_ptr_array_add(job->items, item);
    return table_read(table, statement, first + (int)table_outer_count(table), item, error);
}

static gboolean read_items(SqliteCatalog *catalog, const Table *table, sqlite3_stmt *statement,
                           Job *job, GError **error)
{
    gboolean row = TRUE;
    sqlite3_bind_text(statement, 1, job->id, -1, SQLITE_STATIC);
    while (row) {
        if (!database_step(&catalog->database, statement, &row, error) ||
            (row && !read_item(table, statement, 0, job, error)))
            return FALSE;
    }
    sqlite3_reset(statement);
    return TRUE;
}

static sqlite3_stmt *prepare_items(SqliteCatalog *catalog, const Table *table, GError **error)
{
    g_autofree char *columns = table_column_list(table, "i");
    g_autofree char *sql =
        g_strdup_printf("SELECT %s FROM job_item i WHERE i.job_id = ? ORDER BY i.slot", columns);
    return database_prepare(&catalog->database, sql, error);
}

/* "SELECT … FROM job j" with the condition and order given. */
static sqlite3_stmt *prepare_jobs(SqliteCatalog *catalog, const char *condition, GError **error)
{
    g_autofree char *columns = table_column_list(&catalog_tables[TABLE_JOB], "j");
    g_autofree char *sql = g_strdup_printf("SELECT %s FROM job j %s", columns, condition);
    return database_prepare(&catalog->database, sql, error);
}

/* All jobs of a bound query, with items as `table` describes them. */
static GPtrArray *read_jobs(SqliteCatalog *catalog, sqlite3_stmt *statement, const Table *table,
                            GError **error)
{
    g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func((GDestroyNotify)job_unref);
    g_autoptr(sqlite3_stmt) items = prepare_items(catalog, table, error);
    gboolean row = items != NULL;
    while (row) {
        if (!database_step(&catalog->database, statement, &row, error))
            return NULL;
        Job *job = row ? read_job(statement, error) : NULL;
        if (job != NULL)
            g_ptr_array_add(jobs, job);
        if (row && (job == NULL || !read_items(catalog, table, items, job, error)))
            return NULL;
    }
    return items == NULL ? NULL : g_steal_pointer(&jobs);
}

/* The one job that a text names, or NULL without an error. */
static Job *find_job(SqliteCatalog *catalog, const char *condition, const char *text,
                     GError **error)
{
    g_autoptr(sqlite3_stmt) statement = prepare_jobs(catalog, condition, error);
    if (statement == NULL)
        return NULL;
    sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    g_autoptr(GPtrArray) jobs =
        read_jobs(catalog, statement, &catalog_tables[TABLE_JOB_ITEM], error);
    return jobs == NULL || jobs->len == 0 ? NULL : job_ref(g_ptr_array_index(jobs, 0));
}

static gboolean no_job(const char *id, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin job list'", "no job '%s'", id);
}

Job *sqlite_get_job(Catalog *base, const char *id, GError **error)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    GError *problem = NULL;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    Job *job = find_job(catalog, "WHERE j.id = ?", id, &problem);
    if (problem != NULL)
        g_propagate_error(error, problem);
    else if (job == NULL)
        no_job(id, error);
    return job;
}

Job *sqlite_job_by_key(Catalog *base, const char *key, GError **error)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    return find_job(catalog, "WHERE j.idempotency_key = ?", key, error);
}

/* Where a page ends: the sequence of a job, or beyond every job. */
static gboolean sequence_of(SqliteCatalog *catalog, const char *id, gint64 *sequence_out,
                            GError **error)
{
    gboolean row = FALSE;
    *sequence_out = G_MAXINT64;
    if (id == NULL)
        return TRUE;
    g_autoptr(sqlite3_stmt) statement =
        database_prepare(&catalog->database, "SELECT sequence FROM job WHERE id = ?", error);
    if (statement == NULL)
        return FALSE;
    sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
    if (!database_step(&catalog->database, statement, &row, error))
        return FALSE;
    if (!row)
        return no_job(id, error);
    *sequence_out = sqlite3_column_int64(statement, 0);
    return TRUE;
}

/* A list of a hundred jobs of a thousand machines has a hundred thousand items: their receipts stay
 * out. */
GPtrArray *sqlite_list_jobs(Catalog *base, const char *before_id, guint limit, GError **error)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    gint64 before;
    Table items = catalog_tables[TABLE_JOB_ITEM];
    items.column_count--;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    if (!sequence_of(catalog, before_id, &before, error))
        return NULL;
    g_autoptr(sqlite3_stmt) statement =
        prepare_jobs(catalog, "WHERE j.sequence < ? ORDER BY j.sequence DESC LIMIT ?", error);
    if (statement == NULL)
        return NULL;
    sqlite3_bind_int64(statement, 1, before);
    sqlite3_bind_int64(statement, 2, limit);
    return read_jobs(catalog, statement, &items, error);
}

char *open_job_states(void)
{
    GString *states = g_string_new("(");
    gboolean first = TRUE;
    for (guint state = 0; state < JOB_STATE_COUNT; state++)
        if (!job_state_is_final((JobState)state)) {
            g_string_append_printf(states, "%s'%s'", first ? "" : ", ",
                                   job_state_name((JobState)state));
            first = FALSE;
        }
    g_string_append_c(states, ')');
    return g_string_free(states, FALSE);
}

GPtrArray *sqlite_open_jobs(Catalog *base, GError **error)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    g_autofree char *states = open_job_states();
    g_autofree char *condition = g_strdup_printf("WHERE j.state IN %s ORDER BY j.sequence", states);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    g_autoptr(sqlite3_stmt) statement = prepare_jobs(catalog, condition, error);
    if (statement == NULL)
        return NULL;
    return read_jobs(catalog, statement, &catalog_tables[TABLE_JOB_ITEM], error);
}

static sqlite3_stmt *prepare_history(SqliteCatalog *catalog, GError **error)
{
    g_autofree char *job_columns = table_column_list(&catalog_tables[TABLE_JOB], "j");
    g_autofree char *item_columns = table_column_list(&catalog_tables[TABLE_JOB_ITEM], "i");
    g_autofree char *sql =
        g_strdup_printf("SELECT %s, %s FROM job_item i JOIN job j ON j.id = i.job_id"
                        " WHERE i.machine_id = ? ORDER BY j.sequence DESC, i.slot LIMIT ?",
                        job_columns, item_columns);
    return database_prepare(&catalog->database, sql, error);
}

GPtrArray *sqlite_machine_jobs(Catalog *base, const char *machine_id, guint limit, GError **error)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    const Table *items = &catalog_tables[TABLE_JOB_ITEM];
    const int first_item = 1 + (int)catalog_tables[TABLE_JOB].column_count;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func((GDestroyNotify)job_unref);
    g_autoptr(sqlite3_stmt) statement = prepare_history(catalog, error);
    if (statement == NULL)
        return NULL;
    sqlite3_bind_text(statement, 1, machine_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, limit);
    for (gboolean row = TRUE; row;) {
        if (!database_step(&catalog->database, statement, &row, error))
            return NULL;
        Job *job = row ? read_job(statement, error) : NULL;
        if (job != NULL)
            g_ptr_array_add(jobs, job);
        if (row && (job == NULL || !read_item(items, statement, first_item, job, error)))
            return NULL;
    }
    return g_steal_pointer(&jobs);
}
