/*
 * Commits: one transaction writes what differs between the inventory before and the changes.
 *
 * Machines share their unchanged generations by reference, so most of a machine is recognised as
 * unchanged by comparing pointers. What the differences are taken from must be what the file holds:
 * a commit against any other inventory is refused by its generation number.
 */
#include "catalog/catalog_private.h"

#include "foundation/error.h"

typedef struct {
    SqliteCatalog *catalog;
    const Inventory *before;
    const Changes *changes;
    guint64 generation;
} Commit;

gboolean write_row(SqliteCatalog *catalog, TableId table, const OuterValues *outer,
                   gconstpointer object, GError **error)
{
    sqlite3_stmt *statement = catalog->upserts[table];
    int parameter = 1;
    if (outer != NULL && outer->text != NULL)
        sqlite3_bind_text(statement, parameter++, outer->text, -1, SQLITE_STATIC);
    for (guint i = 0; outer != NULL && i < outer->number_count; i++)
        sqlite3_bind_int64(statement, parameter++, outer->numbers[i]);
    table_bind(&catalog_tables[table], statement, parameter, object);
    return database_run(&catalog->database, statement, error);
}

gboolean run_command(SqliteCatalog *catalog, CommandId command, const char *id, gint64 number,
                     GError **error)
{
    sqlite3_stmt *statement = catalog->commands[command];
    sqlite3_bind_text(statement, 1, id, -1, SQLITE_STATIC);
    if (sqlite3_bind_parameter_count(statement) > 1)
        sqlite3_bind_int64(statement, 2, number);
    return database_run(&catalog->database, statement, error);
}

static gboolean put_meta(SqliteCatalog *catalog, const char *name, const char *value,
                         GError **error)
{
    sqlite3_stmt *statement = catalog->commands[COMMAND_PUT_META];
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, value, -1, SQLITE_STATIC);
    return database_run(&catalog->database, statement, error);
}

/* --- plain records ---------------------------------------------------------------------------- */

/* The id is the first column of every table of whole objects. */
static char *id_of(TableId table, gpointer object)
{
    return G_STRUCT_MEMBER(char *, object, catalog_tables[table].columns[0].offset);
}

/* id -> object: of several puts of one id the last one counts. */
static GHashTable *last_puts(TableId table, const GPtrArray *objects)
{
    GHashTable *last = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < objects->len; i++) {
        gpointer object = g_ptr_array_index(objects, i);
        g_hash_table_replace(last, id_of(table, object), object);
    }
    return last;
}

static GHashTable *set_of(const GPtrArray *ids)
{
    GHashTable *set = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < ids->len; i++)
        g_hash_table_add(set, g_ptr_array_index(ids, i));
    return set;
}

/* Writes one object; `old` is what the file holds under its id, or NULL. */
typedef gboolean (*ObjectWriter)(SqliteCatalog *catalog, TableId table, gconstpointer object,
                                 gconstpointer old, GError **error);

static gboolean write_plain(SqliteCatalog *catalog, TableId table, gconstpointer object,
                            gconstpointer old, GError **error)
{
    if (old != NULL && table_equal(&catalog_tables[table], object, old))
        return TRUE;
    return write_row(catalog, table, NULL, object, error);
}

/* Removals first, so that what is removed and put again in one transaction is written whole. */
static gboolean write_objects(SqliteCatalog *catalog, TableId table, CommandId removal,
                              ObjectWriter writer, const GPtrArray *objects,
                              const GPtrArray *removed, GHashTable *before, GError **error)
{
    g_autoptr(GHashTable) last = last_puts(table, objects);
    g_autoptr(GHashTable) gone = set_of(removed);
    for (guint i = 0; i < removed->len; i++)
        if (!run_command(catalog, removal, g_ptr_array_index(removed, i), 0, error))
            return FALSE;
    for (guint i = 0; i < objects->len; i++) {
        gpointer object = g_ptr_array_index(objects, i);
        const char *id = id_of(table, object);
        gpointer old = g_hash_table_contains(gone, id) ? NULL : g_hash_table_lookup(before, id);
        if (g_hash_table_lookup(last, id) != object || old == object)
            continue;
        if (!writer(catalog, table, object, old, error))
            return FALSE;
    }
    return TRUE;
}

/* --- machines --------------------------------------------------------------------------------- */

static gboolean elements_equal(TableId table, const GPtrArray *one, const GPtrArray *other)
{
    if (one->len != other->len)
        return FALSE;
    for (guint i = 0; i < one->len; i++)
        if (!table_equal(&catalog_tables[table], g_ptr_array_index(one, i),
                         g_ptr_array_index(other, i)))
            return FALSE;
    return TRUE;
}

static gboolean write_volumes(SqliteCatalog *catalog, const Machine *machine, const Machine *old,
                              GError **error)
{
    if (old != NULL && elements_equal(TABLE_VOLUME, machine->volumes, old->volumes))
        return TRUE;
    if (old != NULL && !run_command(catalog, COMMAND_DELETE_VOLUMES, machine->id, 0, error))
        return FALSE;
    for (guint i = 0; i < machine->volumes->len; i++) {
        OuterValues outer = {machine->id, {i}, 1};
        if (!write_row(catalog, TABLE_VOLUME, &outer, g_ptr_array_index(machine->volumes, i),
                       error))
            return FALSE;
    }
    return TRUE;
}

static gboolean write_heads(SqliteCatalog *catalog, const char *machine_id,
                            const Generation *generation, const Generation *old, GError **error)
{
    gint64 number = (gint64)generation->number;
    if (old != NULL && elements_equal(TABLE_HEAD, generation->heads, old->heads))
        return TRUE;
    if (old != NULL && !run_command(catalog, COMMAND_DELETE_HEADS, machine_id, number, error))
        return FALSE;
    for (guint i = 0; i < generation->heads->len; i++) {
        OuterValues outer = {machine_id, {number, i}, 2};
        if (!write_row(catalog, TABLE_HEAD, &outer, g_ptr_array_index(generation->heads, i), error))
            return FALSE;
    }
    return TRUE;
}

static gboolean write_generation(SqliteCatalog *catalog, const char *machine_id,
                                 const Generation *generation, const Generation *old,
                                 GError **error)
{
    OuterValues outer = {machine_id, {0}, 0};
    if (old == generation)
        return TRUE;
    if (old == NULL || !table_equal(&catalog_tables[TABLE_GENERATION], generation, old))
        if (!write_row(catalog, TABLE_GENERATION, &outer, generation, error))
            return FALSE;
    return write_heads(catalog, machine_id, generation, old, error);
}

static gboolean drop_generations(SqliteCatalog *catalog, const Machine *machine, const Machine *old,
                                 GError **error)
{
    for (guint i = 0; i < old->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(old->generations, i);
        if (machine_generation(machine, generation->number) == NULL &&
            !run_command(catalog, COMMAND_DELETE_GENERATION, machine->id,
                         (gint64)generation->number, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean write_machine(SqliteCatalog *catalog, TableId table, gconstpointer object,
                              gconstpointer old_object, GError **error)
{
    const Machine *machine = object;
    const Machine *old = old_object;
    if (!write_plain(catalog, table, machine, old, error) ||
        !write_volumes(catalog, machine, old, error) ||
        (old != NULL && !drop_generations(catalog, machine, old, error)))
        return FALSE;
    for (guint i = 0; i < machine->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(machine->generations, i);
        const Generation *was = old == NULL ? NULL : machine_generation(old, generation->number);
        if (!write_generation(catalog, machine->id, generation, was, error))
            return FALSE;
    }
    return TRUE;
}

/* --- the whole -------------------------------------------------------------------------------- */

static gboolean write_meta(const Commit *commit, GError **error)
{
    g_autofree char *number = g_strdup_printf("%" G_GUINT64_FORMAT, commit->generation);
    if (commit->changes->store_uuid != NULL &&
        !put_meta(commit->catalog, "store_uuid", commit->changes->store_uuid, error))
        return FALSE;
    return put_meta(commit->catalog, "generation", number, error);
}

static gboolean write_changes(gpointer data, GError **error)
{
    const Commit *commit = data;
    SqliteCatalog *catalog = commit->catalog;
    const Changes *changes = commit->changes;
    const Inventory *before = commit->before;
    if (!write_objects(catalog, TABLE_LAYER, COMMAND_DELETE_LAYER, write_plain, changes->layers,
                       changes->layers_removed, before->layers, error) ||
        !write_objects(catalog, TABLE_MACHINE, COMMAND_DELETE_MACHINE, write_machine,
                       changes->machines, changes->machines_removed, before->machines, error) ||
        !write_objects(catalog, TABLE_KEPT, COMMAND_DELETE_KEPT, write_plain, changes->kept,
                       changes->kept_removed, before->kept, error) ||
        !write_objects(catalog, TABLE_RECLAIM, COMMAND_DELETE_RECLAIM, write_plain,
                       changes->reclaim, changes->reclaim_removed, before->reclaim, error))
        return FALSE;
    for (guint i = 0; i < changes->jobs->len; i++)
        if (!write_job(catalog, g_ptr_array_index(changes->jobs, i), error))
            return FALSE;
    return write_meta(commit, error);
}

gboolean sqlite_commit(Catalog *base, const Inventory *before, const Changes *changes,
                       guint64 generation, GError **error)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    Commit commit = {catalog, before, changes, generation};
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    if (before->generation != catalog->generation)
        return error_set(error, UNDERPIN_ERROR_BUG,
                         "restart underpind: it then reads the catalog anew",
                         "the inventory is of generation %" G_GUINT64_FORMAT
                         " and the catalog of %" G_GUINT64_FORMAT,
                         before->generation, catalog->generation);
    gboolean succeeded = database_transaction(&catalog->database, write_changes, &commit, error);
    if (succeeded)
        catalog->generation = generation;
    for (guint i = 0; i < changes->jobs->len; i++)
        written_job(catalog, g_ptr_array_index(changes->jobs, i), succeeded);
    return succeeded;
}
