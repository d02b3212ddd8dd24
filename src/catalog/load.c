/* Reading the whole inventory: one ordered pass over each table. */
#include "catalog/catalog_private.h"

#include "foundation/error.h"

/* What the passes build. Nothing in it is published yet, so machines and generations may be
 * changed. */
typedef struct {
    Changes *found;
    GHashTable *machines; /* id -> Machine (borrowed) */
    guint64 generation;
} Loading;

typedef gboolean (*RowReader)(Loading *loading, sqlite3_stmt *row, GError **error);

static gboolean orphan(const char *what, GError **error)
{
    return error_set(
        error, UNDERPIN_ERROR_BACKEND,
        "restore a backup of the catalog, or rebuild it with 'underpin doctor --rebuild'",
        "the catalog holds a %s that belongs to nothing", what);
}

/* Rows come ordered by machine, so the last one is nearly always the right one. */
static Machine *owner_of(Loading *loading, sqlite3_stmt *row)
{
    const char *id = (const char *)sqlite3_column_text(row, 0);
    GPtrArray *machines = loading->found->machines;
    Machine *last = machines->len == 0 ? NULL : g_ptr_array_index(machines, machines->len - 1);
    if (last != NULL && g_strcmp0(last->id, id) == 0)
        return last;
    return id == NULL ? NULL : g_hash_table_lookup(loading->machines, id);
}

static gboolean read_machine(Loading *loading, sqlite3_stmt *row, GError **error)
{
    g_autoptr(Machine) machine = machine_new(NULL, NULL, NULL, 0);
    if (!table_read(&catalog_tables[TABLE_MACHINE], row, 0, machine, error))
        return FALSE;
    g_hash_table_replace(loading->machines, machine->id, machine);
    changes_put_machine(loading->found, machine);
    return TRUE;
}

static gboolean read_volume(Loading *loading, sqlite3_stmt *row, GError **error)
{
    Machine *machine = owner_of(loading, row);
    if (machine == NULL)
        return orphan("volume", error);
    Volume *volume = volume_new(NULL, ROLE_SYSTEM, NULL, FALSE);
    g_ptr_array_add(machine->volumes, volume);
    return table_read(&catalog_tables[TABLE_VOLUME], row, 2, volume, error);
}

static gboolean read_generation(Loading *loading, sqlite3_stmt *row, GError **error)
{
    Machine *machine = owner_of(loading, row);
    if (machine == NULL)
        return orphan("generation", error);
    Generation *generation = generation_new(0, CAUSE_IMPORT, NULL, 0);
    g_ptr_array_add(machine->generations, generation);
    return table_read(&catalog_tables[TABLE_GENERATION], row, 1, generation, error);
}

static gboolean read_head(Loading *loading, sqlite3_stmt *row, GError **error)
{
    Machine *machine = owner_of(loading, row);
    guint64 number = (guint64)sqlite3_column_int64(row, 1);
    Generation *generation =
        machine == NULL ? NULL : (Generation *)machine_generation(machine, number);
    if (generation == NULL)
        return orphan("head", error);
    Head *head = head_new(NULL, ROLE_SYSTEM, NULL, 0, HEAD_FRESH);
    g_ptr_array_add(generation->heads, head);
    return table_read(&catalog_tables[TABLE_HEAD], row, 3, head, error);
}

static gboolean read_layer(Loading *loading, sqlite3_stmt *row, GError **error)
{
    g_autoptr(Layer) layer = layer_new("", "", ROLE_SYSTEM, NULL, 0);
    if (!table_read(&catalog_tables[TABLE_LAYER], row, 0, layer, error))
        return FALSE;
    changes_put_layer(loading->found, layer);
    return TRUE;
}

static gboolean read_kept(Loading *loading, sqlite3_stmt *row, GError **error)
{
    g_autoptr(KeptVolume) volume = kept_volume_new(NULL, NULL, NULL, NULL);
    if (!table_read(&catalog_tables[TABLE_KEPT], row, 0, volume, error))
        return FALSE;
    changes_put_kept(loading->found, volume);
    return TRUE;
}

static gboolean read_reclaim(Loading *loading, sqlite3_stmt *row, GError **error)
{
    g_autoptr(ReclaimItem) item = reclaim_item_new(NULL, RECLAIM_ENTRY, NULL, 0);
    if (!table_read(&catalog_tables[TABLE_RECLAIM], row, 0, item, error))
        return FALSE;
    changes_put_reclaim(loading->found, item);
    return TRUE;
}

static gboolean read_rows(SqliteCatalog *catalog, Loading *loading, TableId table, RowReader reader,
                          GError **error)
{
    const Table *info = &catalog_tables[table];
    g_autofree char *columns = table_column_list(info, "t");
    g_autofree char *sql =
        g_strdup_printf("SELECT %s FROM %s t ORDER BY %s", columns, info->name, info->keys);
    g_autoptr(sqlite3_stmt) statement = database_prepare(&catalog->database, sql, error);
    gboolean row = statement != NULL;
    while (row) {
        if (!database_step(&catalog->database, statement, &row, error) ||
            (row && !reader(loading, statement, error)))
            return FALSE;
    }
    return statement != NULL;
}

static gboolean read_meta(SqliteCatalog *catalog, Loading *loading, GError **error)
{
    static const char sql[] = "SELECT name, value FROM meta";
    g_autoptr(sqlite3_stmt) statement = database_prepare(&catalog->database, sql, error);
    gboolean row = statement != NULL;
    while (row) {
        if (!database_step(&catalog->database, statement, &row, error))
            return FALSE;
        const char *name = row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
        const char *value = row ? (const char *)sqlite3_column_text(statement, 1) : NULL;
        if (g_strcmp0(name, "generation") == 0)
            loading->generation = g_ascii_strtoull(value, NULL, 10);
        if (g_strcmp0(name, "store_uuid") == 0)
            loading->found->store_uuid = g_strdup(value);
    }
    return statement != NULL;
}

/* Parents before their children. */
static const struct {
    TableId table;
    RowReader reader;
} passes[] = {
    {TABLE_MACHINE, read_machine}, {TABLE_VOLUME, read_volume}, {TABLE_GENERATION, read_generation},
    {TABLE_HEAD, read_head},       {TABLE_LAYER, read_layer},   {TABLE_KEPT, read_kept},
    {TABLE_RECLAIM, read_reclaim},
};

Inventory *sqlite_load(Catalog *base, GError **error)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    g_autoptr(Changes) found = changes_new();
    g_autoptr(GHashTable) machines = g_hash_table_new(g_str_hash, g_str_equal);
    Loading loading = {found, machines, 0};
    if (!read_meta(catalog, &loading, error))
        return NULL;
    for (guint i = 0; i < G_N_ELEMENTS(passes); i++)
        if (!read_rows(catalog, &loading, passes[i].table, passes[i].reader, error))
            return NULL;
    Inventory *inventory = inventory_new();
    inventory_apply(inventory, found, loading.generation);
    return inventory;
}
