/* The catalog in an SQLite file: the object's life, and its table of functions. */
#include "catalog/sqlite_catalog.h"

#include "catalog/catalog_private.h"
#include "catalog/schema.h"
#include "database/backup.h"
#include "foundation/error.h"

#define PUT_META                                                                                   \
    "INSERT INTO meta (name, value) VALUES (?, ?)"                                                 \
    " ON CONFLICT (name) DO UPDATE SET value = excluded.value"

static const char *const command_texts[] = {
    [COMMAND_PUT_META] = PUT_META,
    [COMMAND_DELETE_MACHINE] = "DELETE FROM machine WHERE id = ?",
    [COMMAND_DELETE_VOLUMES] = "DELETE FROM volume WHERE machine_id = ?",
    [COMMAND_DELETE_GENERATION] = "DELETE FROM generation WHERE machine_id = ? AND number = ?",
    [COMMAND_DELETE_HEADS] = "DELETE FROM head WHERE machine_id = ? AND number = ?",
    [COMMAND_DELETE_LAYER] = "DELETE FROM layer WHERE id = ?",
    [COMMAND_DELETE_KEPT] = "DELETE FROM kept_volume WHERE id = ?",
    [COMMAND_DELETE_RECLAIM] = "DELETE FROM reclaim WHERE id = ?",
    [COMMAND_DELETE_ITEMS] = "DELETE FROM job_item WHERE job_id = ? AND slot >= ?",
    [COMMAND_DELETE_SAMPLES] = "DELETE FROM space_sample WHERE at < ? OR at > ?",
    [COMMAND_PUT_RECEIPT] = "UPDATE job_item SET receipt = ? WHERE job_id = ? AND machine_id = ?",
};
G_STATIC_ASSERT(G_N_ELEMENTS(command_texts) == COMMAND_COUNT);

static gboolean prepare_statements(SqliteCatalog *catalog, GError **error)
{
    for (guint i = 0; i < TABLE_COUNT; i++) {
        g_autofree char *sql = table_upsert_sql(&catalog_tables[i]);
        catalog->upserts[i] = database_prepare(&catalog->database, sql, error);
        if (catalog->upserts[i] == NULL)
            return FALSE;
    }
    for (guint i = 0; i < COMMAND_COUNT; i++) {
        catalog->commands[i] = database_prepare(&catalog->database, command_texts[i], error);
        if (catalog->commands[i] == NULL)
            return FALSE;
    }
    return TRUE;
}

static gboolean read_counters(SqliteCatalog *catalog, GError **error)
{
    g_autofree char *generation = database_text(
        &catalog->database, "SELECT value FROM meta WHERE name = 'generation'", error);
    if (generation == NULL)
        return FALSE;
    catalog->generation = g_ascii_strtoull(generation, NULL, 10);
    return database_number(&catalog->database, "SELECT COALESCE(MAX(sequence), 0) + 1 FROM job",
                           &catalog->next_sequence, error);
}

static void sqlite_free(Catalog *base)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    for (guint i = 0; i < TABLE_COUNT; i++)
        sqlite3_finalize(catalog->upserts[i]);
    for (guint i = 0; i < COMMAND_COUNT; i++)
        sqlite3_finalize(catalog->commands[i]);
    database_close(&catalog->database);
    g_hash_table_unref(catalog->open_jobs);
    g_mutex_clear(&catalog->lock);
    g_free(catalog);
}

static gboolean sqlite_backup(Catalog *base, const char *path, GError **error)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    return database_backup(&catalog->database, path, error);
}

static const CatalogOps sqlite_ops = {
    .name = "sqlite",
    .free = sqlite_free,
    .load = sqlite_load,
    .commit = sqlite_commit,
    .list_jobs = sqlite_list_jobs,
    .get_job = sqlite_get_job,
    .open_jobs = sqlite_open_jobs,
    .job_by_key = sqlite_job_by_key,
    .machine_jobs = sqlite_machine_jobs,
    .put_job = sqlite_put_job,
    .put_receipt = sqlite_put_receipt,
    .prune_jobs = sqlite_prune_jobs,
    .put_sample = sqlite_put_sample,
    .list_samples = sqlite_list_samples,
    .backup = sqlite_backup,
    .check = sqlite_check,
};

Catalog *catalog_sqlite_new(const char *path, GError **error)
{
    SqliteCatalog *catalog = g_new0(SqliteCatalog, 1);
    catalog->catalog.ops = &sqlite_ops;
    g_mutex_init(&catalog->lock);
    catalog->open_jobs =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    if (database_open(&catalog->database, &schema_kind, path, error) &&
        database_migrate(&catalog->database, schema_migrations, schema_migration_count, error) &&
        prepare_statements(catalog, error) && read_counters(catalog, error))
        return &catalog->catalog;
    g_prefix_error(error, "opening the catalog: ");
    sqlite_free(&catalog->catalog);
    return NULL;
}

gboolean catalog_sqlite_is_new(Catalog *base, gboolean *is_new_out, GError **error)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    gint64 stores = 0;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    if (!database_number(&catalog->database, "SELECT COUNT(*) FROM meta WHERE name = 'store_uuid'",
                         &stores, error))
        return FALSE;
    *is_new_out = stores == 0;
    return TRUE;
}
