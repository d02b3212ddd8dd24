/* Numbered migrations: all that are missing run in one transaction. */
#include "database/migration.h"

#include "foundation/error.h"

typedef struct {
    Database *database;
    const Migration *migrations;
    guint count;
    gint64 version;
} MigrationRun;

static gboolean migrate(gpointer data, GError **error)
{
    MigrationRun *run = data;
    for (guint i = 0; i < run->count; i++)
        if (run->migrations[i].version > run->version) {
            g_autofree char *mark = g_strdup_printf("PRAGMA user_version = %" G_GINT64_FORMAT,
                                                    run->migrations[i].version);
            if (!database_execute(run->database, run->migrations[i].sql, error) ||
                !database_execute(run->database, mark, error))
                return FALSE;
        }
    g_autofree char *mark =
        g_strdup_printf("PRAGMA application_id = %d", run->database->kind->application_id);
    return database_execute(run->database, mark, error);
}

/* An empty database is ours to fill; one with tables must carry our mark. */
static gboolean check_owner(Database *database, GError **error)
{
    gint64 application, tables;
    if (!database_number(database, "PRAGMA application_id", &application, error) ||
        !database_number(database, "SELECT COUNT(*) FROM sqlite_master", &tables, error))
        return FALSE;
    if (application == database->kind->application_id || (application == 0 && tables == 0))
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_INVALID, "see its path in the configuration",
                     "'%s' is a database of another program", database->path);
}

gboolean database_migrate(Database *database, const Migration *migrations, guint count,
                          GError **error)
{
    MigrationRun run = {database, migrations, count, 0};
    gint64 newest = migrations[count - 1].version;
    if (!check_owner(database, error) ||
        !database_number(database, "PRAGMA user_version", &run.version, error))
        return FALSE;
    if (run.version > newest)
        return error_set(
            error, UNDERPIN_ERROR_UNSUPPORTED,
            "install the newer version again, or restore a backup made before the upgrade",
            "%s '%s' is of version %" G_GINT64_FORMAT
            ", and this program knows versions up to %" G_GINT64_FORMAT,
            database->kind->noun, database->path, run.version, newest);
    return run.version == newest || database_transaction(database, migrate, &run, error);
}
