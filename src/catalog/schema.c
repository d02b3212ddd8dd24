/*
 * The tables of the catalog, as numbered migrations.
 *
 * A migration that has been released is never changed. The SQL is what SQLite and PostgreSQL both
 * take. Enum values are stored by name. Foreign keys express ownership (a head belongs to its
 * generation) and nothing else: a catalog rebuilt from a damaged store must be able to say that a
 * layer is missing, and the check does say so.
 */
#include "catalog/schema.h"

#include "foundation/error.h"

#define APPLICATION_ID 0x556e6470 /* "Undp" */

static const char version_1[] =
    "CREATE TABLE meta ("
    " name TEXT PRIMARY KEY NOT NULL,"
    " value TEXT NOT NULL);"

    "CREATE TABLE machine ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " name TEXT NOT NULL,"
    " uuid TEXT NOT NULL UNIQUE,"
    " actual BIGINT NOT NULL,"
    " desired BIGINT NOT NULL,"
    " last_number BIGINT NOT NULL,"
    " actual_place TEXT NOT NULL,"
    " desired_place TEXT NOT NULL,"
    " set_id TEXT,"
    " retired INTEGER NOT NULL,"
    " held INTEGER NOT NULL,"
    " hold_reason TEXT,"
    " behind_reason TEXT,"
    " start_after INTEGER NOT NULL,"
    " define_after INTEGER NOT NULL,"
    " discard_data INTEGER NOT NULL,"
    " keep_data INTEGER NOT NULL,"
    " export_out INTEGER NOT NULL,"
    " session_generation BIGINT NOT NULL,"
    " session_started_at BIGINT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " prepared_at BIGINT NOT NULL,"
    " checklist TEXT,"
    " origin TEXT);"

    "CREATE TABLE volume ("
    " machine_id TEXT NOT NULL REFERENCES machine (id) ON DELETE CASCADE,"
    " slot BIGINT NOT NULL,"
    " target TEXT NOT NULL,"
    " role TEXT NOT NULL,"
    " format TEXT NOT NULL,"
    " own INTEGER NOT NULL,"
    " PRIMARY KEY (machine_id, slot));"

    "CREATE TABLE generation ("
    " machine_id TEXT NOT NULL REFERENCES machine (id) ON DELETE CASCADE,"
    " number BIGINT NOT NULL,"
    " cause TEXT NOT NULL,"
    " base_id TEXT,"
    " nvram TEXT NOT NULL,"
    " instance BIGINT NOT NULL,"
    " nvram_generation BIGINT NOT NULL,"
    " nvram_path TEXT,"
    " created_at BIGINT NOT NULL,"
    " replaced_at BIGINT NOT NULL,"
    " held_bytes BIGINT NOT NULL,"
    " hibernated INTEGER NOT NULL,"
    " job_id TEXT,"
    " PRIMARY KEY (machine_id, number));"

    "CREATE TABLE head ("
    " machine_id TEXT NOT NULL,"
    " number BIGINT NOT NULL,"
    " slot BIGINT NOT NULL,"
    " target TEXT NOT NULL,"
    " role TEXT NOT NULL,"
    " format TEXT NOT NULL,"
    " layer_id TEXT,"
    " layer_format TEXT,"
    " capacity_bytes BIGINT NOT NULL,"
    " source TEXT NOT NULL,"
    " source_generation BIGINT NOT NULL,"
    " source_path TEXT,"
    " source_format TEXT,"
    " PRIMARY KEY (machine_id, number, slot),"
    " FOREIGN KEY (machine_id, number) REFERENCES generation (machine_id, number)"
    " ON DELETE CASCADE);"

    "CREATE TABLE layer ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " set_id TEXT NOT NULL,"
    " target TEXT NOT NULL,"
    " role TEXT NOT NULL,"
    " format TEXT NOT NULL,"
    " capacity_bytes BIGINT NOT NULL,"
    " allocated_bytes BIGINT NOT NULL,"
    " parent_id TEXT,"
    " former_parent_id TEXT,"
    " flattened_at BIGINT NOT NULL,"
    " machine_id TEXT,"
    " machine_name TEXT,"
    " sealed_at BIGINT NOT NULL,"
    " digest TEXT);"

    "CREATE TABLE kept_volume ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " path TEXT NOT NULL,"
    " target TEXT NOT NULL,"
    " format TEXT NOT NULL,"
    " capacity_bytes BIGINT NOT NULL,"
    " layer_id TEXT,"
    " layer_format TEXT,"
    " machine_id TEXT,"
    " machine_name TEXT,"
    " removed_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL);"

    "CREATE TABLE reclaim ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " kind TEXT NOT NULL,"
    " path TEXT NOT NULL,"
    " machine_id TEXT,"
    " generation BIGINT NOT NULL,"
    " layer_id TEXT,"
    " bytes BIGINT NOT NULL,"
    " listed_at BIGINT NOT NULL);"

    "CREATE TABLE job ("
    " sequence BIGINT NOT NULL UNIQUE,"
    " id TEXT PRIMARY KEY NOT NULL,"
    " request TEXT NOT NULL,"
    " idempotency_key TEXT UNIQUE,"
    " requested_by TEXT,"
    " state TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " started_at BIGINT NOT NULL,"
    " finished_at BIGINT NOT NULL,"
    " steps_done BIGINT NOT NULL,"
    " steps_total BIGINT NOT NULL,"
    " phase TEXT,"
    " error_code TEXT,"
    " message TEXT,"
    " hint TEXT,"
    " is_committed INTEGER NOT NULL);"
    "CREATE INDEX job_by_state ON job (state);"

    "CREATE TABLE job_item ("
    " job_id TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,"
    " slot BIGINT NOT NULL,"
    " machine_id TEXT,"
    " machine_name TEXT,"
    " state TEXT NOT NULL,"
    " error_code TEXT,"
    " message TEXT,"
    " hint TEXT,"
    " receipt TEXT,"
    " PRIMARY KEY (job_id, slot));"
    "CREATE INDEX job_item_by_machine ON job_item (machine_id);"

    "INSERT INTO meta (name, value) VALUES ('generation', '0');";

static const char version_2[] = "CREATE TABLE space_sample ("
                                " at BIGINT PRIMARY KEY NOT NULL,"
                                " free_bytes BIGINT NOT NULL);";

const Migration schema_migrations[] = {
    {1, version_1},
    {2, version_2},
};
const guint schema_migration_count = G_N_ELEMENTS(schema_migrations);

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
    return database_execute(run->database, "PRAGMA application_id = " G_STRINGIFY(APPLICATION_ID),
                            error);
}

/* An empty database is ours to fill; one with tables must carry our mark. */
static gboolean check_owner(Database *database, GError **error)
{
    gint64 application, tables;
    if (!database_number(database, "PRAGMA application_id", &application, error) ||
        !database_number(database, "SELECT COUNT(*) FROM sqlite_master", &tables, error))
        return FALSE;
    if (application == APPLICATION_ID || (application == 0 && tables == 0))
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_INVALID,
                     "see the path of the catalog in the configuration",
                     "'%s' is a database of another program", database->path);
}

gboolean schema_migrate(Database *database, const Migration *migrations, guint count,
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
            "the catalog '%s' is of version %" G_GINT64_FORMAT
            ", and this program knows versions up to %" G_GINT64_FORMAT,
            database->path, run.version, newest);
    return run.version == newest || database_transaction(database, migrate, &run, error);
}
