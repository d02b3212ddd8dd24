/*
 * Reclaim: retention decides what is listed, and only what a committed transaction has listed is
 * deleted, after a second look (invariant 5).
 *
 *     undo entries   older than the retention, or, oldest first, beyond the budget or below the
 * free-space floor kept volumes   whose time is over layers         listed by references.c in the
 * transaction that dropped the last reference
 */
#include "engine/engine_private.h"
#include "foundation/ids.h"

/* --- what has expired
 * -------------------------------------------------------------------------------------- */

typedef struct {
    Machine *machine; /* borrowed */
    const Generation *entry;
} Entry;

static gint compare_entries(gconstpointer one, gconstpointer other)
{
    gint64 left = ((const Entry *)one)->entry->replaced_at;
    gint64 right = ((const Entry *)other)->entry->replaced_at;
    return (left > right) - (left < right);
}

/* The entry that a pending undo is about to bring back is not for reclaim. */
static gboolean is_wanted(const Machine *machine, const Generation *entry)
{
    const Generation *desired = machine_desired(machine);
    for (guint i = 0; desired && i < desired->heads->len; i++) {
        const Head *head = g_ptr_array_index(desired->heads, i);
        if (head->source == HEAD_ENTRY && head->source_generation == entry->number)
            return machine->actual != machine->desired;
    }
    return FALSE;
}

gboolean reclaim_may_forget(const Machine *machine, const Generation *generation)
{
    return machine_is_entry(machine, generation) && !is_wanted(machine, generation) &&
           generation->number != machine->session;
}

static GArray *entries_by_age(const Inventory *inventory)
{
    GArray *entries = g_array_new(FALSE, FALSE, sizeof(Entry));
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, inventory->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Machine *machine = value;
        for (guint i = 0; i < machine->generations->len; i++) {
            Entry entry = {machine, g_ptr_array_index(machine->generations, i)};
            if (reclaim_may_forget(machine, entry.entry))
                g_array_append_val(entries, entry);
        }
    }
    g_array_sort(entries, compare_entries);
    return entries;
}

static void list_entry(const Machine *machine, const Generation *entry, Changes *changes,
                       gint64 now)
{
    g_autofree char *id = id_new();
    g_autofree char *path =
        g_strdup_printf("machines/%s/undo-%" G_GUINT64_FORMAT, machine->id, entry->number);
    g_autoptr(ReclaimItem) item = reclaim_item_new(id, RECLAIM_ENTRY, path, now);
    item->machine_id = g_strdup(machine->id);
    item->generation = entry->number;
    item->bytes = entry->held_bytes;
    changes_put_reclaim(changes, item);
}

void reclaim_list_dropped(const Machine *before, const Machine *after, Changes *changes, gint64 now)
{
    for (guint i = 0; i < before->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(before->generations, i);
        if (machine_is_entry(before, generation) && !machine_generation(after, generation->number))
            list_entry(before, generation, changes, now);
    }
}

/* Drops one entry from the machine's record, collecting several drops of one machine in one new
 * record. */
static void drop_entry(const Entry *entry, GHashTable *records)
{
    Machine *record = g_hash_table_lookup(records, entry->machine->id);
    if (!record) {
        record = machine_copy(entry->machine);
        g_hash_table_insert(records, record->id, record);
    }
    machine_drop_generation(record, entry->entry->number);
}

static guint64 sum_held(GArray *entries)
{
    guint64 bytes = 0;
    for (guint i = 0; i < entries->len; i++)
        bytes += g_array_index(entries, Entry, i).entry->held_bytes;
    return bytes;
}

guint64 reclaim_budget_bytes(const Engine *engine, const StoreStatus *store)
{
    return store->size_bytes / 100 * engine->config.undo_budget_percent;
}

static gint64 expiry(const Engine *engine, const Generation *entry)
{
    return entry->replaced_at + engine->config.undo_retention_seconds;
}

void reclaim_each_entry(const Engine *engine, const Inventory *snapshot, ReclaimVisitor visit,
                        gpointer user_data)
{
    g_autoptr(GArray) entries = entries_by_age(snapshot);
    for (guint i = 0; i < entries->len; i++) {
        const Generation *entry = g_array_index(entries, Entry, i).entry;
        visit(expiry(engine, entry), entry->held_bytes, user_data);
    }
}

/* How many of the entries, from the oldest, are to go. */
static guint count_expired(const Engine *engine, GArray *entries, guint64 held,
                           const StoreStatus *store, gint64 now)
{
    guint64 free_bytes = store->free_bytes;
    guint64 budget = reclaim_budget_bytes(engine, store);
    guint count = 0;
    for (; count < entries->len; count++) {
        const Generation *entry = g_array_index(entries, Entry, count).entry;
        gboolean old = expiry(engine, entry) <= now;
        if (!old && held <= budget && free_bytes >= engine->config.free_floor_bytes)
            break;
        held -= MIN(held, entry->held_bytes);
        free_bytes += entry->held_bytes;
    }
    return count;
}

guint reclaim_forecast(Engine *engine, const Inventory *snapshot, const StoreStatus *store,
                       guint64 more_bytes)
{
    gint64 now = engine_now(engine);
    g_autoptr(GArray) entries = entries_by_age(snapshot);
    StoreStatus then = *store;
    then.free_bytes -= MIN(more_bytes, then.free_bytes);
    guint64 held = sum_held(entries);
    return count_expired(engine, entries, held + more_bytes, &then, now) -
           count_expired(engine, entries, held, store, now);
}

static void expire_entries(Engine *engine, const Inventory *snapshot, const StoreStatus *store,
                           Changes *changes)
{
    gint64 now = engine_now(engine);
    g_autoptr(GArray) entries = entries_by_age(snapshot);
    g_autoptr(GHashTable) records =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)machine_unref);
    guint expired = count_expired(engine, entries, sum_held(entries), store, now);
    for (guint i = 0; i < expired; i++) {
        const Entry *entry = &g_array_index(entries, Entry, i);
        list_entry(entry->machine, entry->entry, changes, now);
        drop_entry(entry, records);
    }
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, records);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        changes_put_machine(changes, value);
}

void reclaim_list_kept(const KeptVolume *volume, Changes *changes, gint64 now)
{
    g_autofree char *id = id_new();
    g_autoptr(ReclaimItem) item = reclaim_item_new(id, RECLAIM_KEPT, volume->path, now);
    changes_put_reclaim(changes, item);
    changes_remove_kept(changes, volume->id);
}

const Machine *reclaim_attached_to(const Inventory *inventory, const KeptVolume *volume)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, inventory->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Machine *machine = value;
        const Generation *desired = machine_is_pending(machine) ? machine_desired(machine) : NULL;
        for (guint i = 0; desired && i < desired->heads->len; i++) {
            const Head *head = g_ptr_array_index(desired->heads, i);
            if (head->source == HEAD_ATTACH && g_strcmp0(head->source_path, volume->path) == 0)
                return machine;
        }
    }
    return NULL;
}

static void expire_kept(const Inventory *snapshot, Changes *changes, gint64 now)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, snapshot->kept);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const KeptVolume *volume = value;
        /* While its machine is still on the way out, the file is not there yet. */
        gboolean settled = !g_hash_table_contains(snapshot->machines, volume->machine_id);
        if (settled && volume->expires_at && volume->expires_at <= now &&
            !reclaim_attached_to(snapshot, volume))
            reclaim_list_kept(volume, changes, now);
    }
}

/* Machines that an operation owns are left for the next time: their records are about to change. */
static void drop_busy(Engine *engine, Inventory *snapshot)
{
    g_autoptr(Changes) without = changes_new();
    GHashTableIter iter;
    gpointer key;
    g_rw_lock_reader_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->busy);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        if (g_hash_table_contains(snapshot->machines, key))
            changes_remove_machine(without, key);
    g_rw_lock_reader_unlock(&engine->lock);
    inventory_apply(snapshot, without, snapshot->generation);
}

/* One look and its commit; BUSY where a machine was moved in between. */
static gboolean list_expired_once(Engine *engine, const StoreStatus *store, GError **error)
{
    g_autoptr(Changes) changes = changes_new();
    g_autoptr(Inventory) seen = engine_snapshot(engine);
    g_autoptr(Inventory) idle = inventory_copy(seen);
    g_autoptr(Inventory) after = inventory_copy(seen);
    gint64 now = engine_now(engine);
    drop_busy(engine, idle);
    expire_entries(engine, idle, store, changes);
    expire_kept(seen, changes, now);
    inventory_apply(after, changes, after->generation);
    references_list_unused(after, changes, now);
    return changes_is_empty(changes) || engine_commit_seen(engine, changes, seen->machines, error);
}

#define LIST_ATTEMPTS 5

static gboolean list_expired(Engine *engine, GError **error)
{
    StoreStatus store = {0};
    g_autoptr(GError) busy = NULL;
    gboolean ok = FALSE;
    if (!storage_status(engine->storage, &store, error))
        return FALSE;
    for (guint attempt = 0; !ok && attempt < LIST_ATTEMPTS; attempt++) {
        g_clear_error(&busy);
        ok = list_expired_once(engine, &store, &busy);
        if (!ok && error_code(busy) != UNDERPIN_ERROR_BUSY)
            break;
    }
    if (!ok)
        g_propagate_error(error, g_steal_pointer(&busy));
    return ok;
}

/* --- deleting
 * ---------------------------------------------------------------------------------------------- */

/* The second look: nothing that the catalog knows now may need it. */
static gboolean is_needed(const Inventory *inventory, GHashTable *used, const ReclaimItem *item)
{
    const Machine *machine =
        item->machine_id ? g_hash_table_lookup(inventory->machines, item->machine_id) : NULL;
    if (item->kind == RECLAIM_ENTRY)
        return machine && machine_generation(machine, item->generation);
    if (item->kind == RECLAIM_LAYER)
        return g_hash_table_contains(inventory->layers, item->layer_id) ||
               g_hash_table_contains(used, item->layer_id);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, inventory->kept);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (g_strcmp0(((KeptVolume *)value)->path, item->path) == 0)
            return TRUE;
    return FALSE;
}

/* Its copy is about to take the file's name: that is for the next time. */
static gboolean is_being_flattened(Engine *engine, const ReclaimItem *item)
{
    g_autofree char *owner =
        item->kind == RECLAIM_LAYER ? engine_occupant(engine, item->layer_id) : NULL;
    return owner != NULL;
}

static GPtrArray *listed_items(Engine *engine)
{
    GPtrArray *items = g_ptr_array_new_with_free_func((GDestroyNotify)reclaim_item_unref);
    GHashTableIter iter;
    gpointer value;
    g_rw_lock_reader_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->inventory->reclaim);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_ptr_array_add(items, reclaim_item_ref(value));
    g_rw_lock_reader_unlock(&engine->lock);
    return items;
}

gboolean engine_reclaim(Engine *engine, guint64 *freed_out, GError **error)
{
    guint64 total = 0;
    if (!engine_check_unquestioned(engine, error) || !list_expired(engine, error))
        return FALSE;
    g_autoptr(GPtrArray) items = listed_items(engine);
    g_autoptr(Inventory) snapshot = engine_snapshot(engine);
    g_autoptr(GHashTable) used = references_collect(snapshot);
    g_autoptr(Changes) done = changes_new();
    for (guint i = 0; i < items->len; i++) {
        const ReclaimItem *item = g_ptr_array_index(items, i);
        g_autoptr(GError) problem = NULL;
        guint64 freed = 0;
        if (is_being_flattened(engine, item))
            continue;
        if (is_needed(snapshot, used, item))
            g_warning("'%s' is listed for reclaim but still needed: it stays", item->path);
        else if (!storage_reclaim(engine->storage, item, &freed, &problem))
            g_warning("reclaiming '%s': %s", item->path, problem->message);
        else
            changes_remove_reclaim(done, item->id);
        total += freed;
    }
    *freed_out = total;
    return changes_is_empty(done) || engine_commit(engine, done, error);
}
