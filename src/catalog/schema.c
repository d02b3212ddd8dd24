/*
 * The tables of the catalog, as numbered migrations.
 *
 * A migration that has been released is never changed. The SQL is what SQLite and PostgreSQL both
 * take. Enum values are stored by name. Foreign keys express ownership (a head belongs to its
 * generation) and nothing else: a catalog rebuilt from a damaged store must be able to say that a
 * layer is missing, and the check does say so.
 */
#include "catalog/schema.h"

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

const DatabaseKind schema_kind = {
    .noun = "the catalog",
    .damaged_remedy =
        "restore a backup of the catalog, or rebuild it with 'underpin doctor --rebuild'",
    .application_id = 0x556e6470, /* "Undp" */
    .visits_fault_points = TRUE,
};
