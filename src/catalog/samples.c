/* Samples of the store's free space: one row a sample, old ones dropped as new ones come. */
#include "catalog/catalog_private.h"

typedef struct {
    SqliteCatalog *catalog;
    const SpaceSample *sample;
    gint64 keep_from;
} PutSample;

static gboolean put_sample(gpointer data, GError **error)
{
    const PutSample *put = data;
    sqlite3_stmt *removal = put->catalog->commands[COMMAND_DELETE_SAMPLES];
    sqlite3_bind_int64(removal, 1, put->keep_from);
    sqlite3_bind_int64(removal, 2, put->sample->at);
    return database_run(&put->catalog->database, removal, error) &&
           write_row(put->catalog, TABLE_SAMPLE, NULL, put->sample, error);
}

gboolean sqlite_put_sample(Catalog *base, const SpaceSample *sample, gint64 keep_from,
                           GError **error)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    PutSample put = {catalog, sample, keep_from};
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    return database_transaction(&catalog->database, put_sample, &put, error);
}

GArray *sqlite_list_samples(Catalog *base, gint64 since, GError **error)
{
    static const char sql[] = "SELECT at, free_bytes FROM space_sample WHERE at >= ? ORDER BY at";
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    g_autoptr(GArray) samples = g_array_new(FALSE, FALSE, sizeof(SpaceSample));
    g_autoptr(sqlite3_stmt) statement = database_prepare(&catalog->database, sql, error);
    if (statement == NULL)
        return NULL;
    sqlite3_bind_int64(statement, 1, since);
    for (gboolean row = TRUE; row;) {
        SpaceSample sample = {0};
        if (!database_step(&catalog->database, statement, &row, error) ||
            (row && !table_read(&catalog_tables[TABLE_SAMPLE], statement, 0, &sample, error)))
            return NULL;
        if (row)
            g_array_append_val(samples, sample);
    }
    return g_steal_pointer(&samples);
}
