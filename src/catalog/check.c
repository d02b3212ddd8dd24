/* Checking the catalog: SQLite's own check, and what must hold between our records. */
#include "catalog/catalog_private.h"

/* Each query names what breaks a rule; the sentence is the text before it, the name, and the text
 * behind. */
static const struct {
    const char *sql;
    const char *before;
    const char *behind;
} rules[] = {
    {"SELECT name FROM machine GROUP BY name HAVING COUNT(*) > 1",
     "more than one machine has the name '", "'"},
    {"SELECT m.name FROM machine m WHERE m.actual <> 0 AND NOT EXISTS (SELECT 1 FROM generation g"
     " WHERE g.machine_id = m.id AND g.number = m.actual)",
     "the actual generation of machine '", "' is not recorded"},
    {"SELECT m.name FROM machine m WHERE m.desired <> 0 AND NOT EXISTS (SELECT 1 FROM generation g"
     " WHERE g.machine_id = m.id AND g.number = m.desired)",
     "the desired generation of machine '", "' is not recorded"},
    {"SELECT m.name FROM machine m WHERE EXISTS (SELECT 1 FROM generation g"
     " WHERE g.machine_id = m.id AND g.number > m.last_number)",
     "machine '", "' has a generation beyond the last number it has counted"},
    {"SELECT m.name FROM machine m WHERE m.actual_place = 'sealed' AND NOT EXISTS (SELECT 1 FROM "
     "layer l"
     " WHERE l.set_id = m.set_id)",
     "base '", "' has no layers"},
    {"SELECT DISTINCT m.name FROM machine m JOIN generation g ON g.machine_id = m.id"
     " AND (g.number = m.actual OR g.number = m.desired) WHERE g.base_id IS NOT NULL"
     " AND NOT EXISTS (SELECT 1 FROM machine b WHERE b.id = g.base_id)",
     "the base of machine '", "' is not recorded"},
    /* an undo entry keeps no data: what lay below it then may be gone */
    {"SELECT DISTINCT m.name || ' ' || h.target FROM head h JOIN machine m ON m.id = h.machine_id"
     " WHERE h.layer_id IS NOT NULL AND (h.role <> 'data' OR h.number = m.actual OR h.number = "
     "m.desired) AND NOT EXISTS (SELECT 1 FROM layer l WHERE l.id = h.layer_id)",
     "the layer below volume '", "' is not recorded"},
    {"SELECT l.id FROM layer l WHERE l.parent_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM layer p"
     " WHERE p.id = l.parent_id)",
     "the parent of layer '", "' is not recorded"},
    {"SELECT k.id FROM kept_volume k WHERE k.layer_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "
     "layer l"
     " WHERE l.id = k.layer_id)",
     "the layer below kept volume '", "' is not recorded"},
    {"SELECT r.path FROM reclaim r WHERE r.layer_id IS NOT NULL AND (EXISTS (SELECT 1 FROM head h"
     " WHERE h.layer_id = r.layer_id) OR EXISTS (SELECT 1 FROM layer l WHERE l.parent_id = "
     "r.layer_id)"
     " OR EXISTS (SELECT 1 FROM kept_volume k WHERE k.layer_id = r.layer_id))",
     "'", "' is listed to be deleted, and something still needs it"},
    {"SELECT r.path FROM reclaim r WHERE r.kind = 'entry' AND EXISTS (SELECT 1 FROM generation g"
     " WHERE g.machine_id = r.machine_id AND g.number = r.generation)",
     "'", "' is listed to be deleted, and is still an undo entry"},
};

/* Every row's column `column` as a finding, unless it is `fine`. */
static gboolean collect(Database *database, const char *sql, int column, const char *fine,
                        const char *before, const char *behind, GPtrArray *findings, GError **error)
{
    g_autoptr(sqlite3_stmt) statement = database_prepare(database, sql, error);
    gboolean row = statement != NULL;
    while (row) {
        if (!database_step(database, statement, &row, error))
            return FALSE;
        const char *text = row ? (const char *)sqlite3_column_text(statement, column) : NULL;
        if (row && g_strcmp0(text, fine) != 0)
            g_ptr_array_add(findings, g_strconcat(before, text == NULL ? "" : text, behind, NULL));
    }
    return statement != NULL;
}

gboolean sqlite_check(Catalog *base, GPtrArray *findings, GError **error)
{
    SqliteCatalog *catalog = (SqliteCatalog *)base;
    Database *database = &catalog->database;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&catalog->lock);
    if (!collect(database, "PRAGMA integrity_check", 0, "ok", "the catalog's file is damaged: ", "",
                 findings, error) ||
        !collect(database, "PRAGMA foreign_key_check", 0, "",
                 "a record belongs to nothing, in table '", "'", findings, error))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(rules); i++)
        if (!collect(database, rules[i].sql, 0, NULL, rules[i].before, rules[i].behind, findings,
                     error))
            return FALSE;
    return TRUE;
}
