/*
 * Rebuilding a lost or outdated catalog: the store describes itself (machine.ini, generation.ini,
 * layers.ini, the images' headers) and libvirt knows the domains' names. What only the catalog knew
 * (holds, reasons, jobs) is taken from the old catalog where it has the machine. Nothing in the
 * store is written; data volumes are not even opened.
 */
#include <string.h>

#include "engine/engine_private.h"

typedef struct {
    Engine *engine;
    Inventory *old;
    GPtrArray *findings;
    GHashTable *machines; /* id -> Machine, private copies */
    Changes *changes;
    gint64 now;
} Rebuild;

/* What the catalog alone knew. */
static void keep_from_old(const Rebuild *rebuild, Machine *machine)
{
    const Machine *old = g_hash_table_lookup(rebuild->old->machines, machine->id);
    if (!old)
        return;
    machine->held = old->held;
    g_free(machine->hold_reason);
    machine->hold_reason = g_strdup(old->hold_reason);
    machine->created_at = old->created_at;
    g_free(machine->checklist);
    machine->checklist = g_strdup(old->checklist);
    if (!machine->origin)
        machine->origin = g_strdup(old->origin);
}

static void take_domain_name(const Rebuild *rebuild, Machine *machine)
{
    g_autoptr(DomainFacts) facts =
        hypervisor_inspect(rebuild->engine->hypervisor, machine->uuid, NULL);
    if (!facts)
        return;
    g_free(machine->name);
    machine->name = g_strdup(facts->state->name);
}

static void find_machine(Rebuild *rebuild, const char *id)
{
    g_autoptr(GError) error = NULL;
    Machine *machine = storage_describe_machine(rebuild->engine->storage, id, &error);
    if (!machine) {
        finding_add(rebuild->findings, "machine-unreadable", FINDING_WARNING, id,
                    "look at its directory in the store", FALSE,
                    "machine directory %s could not be taken in: %s", id, error->message);
        return;
    }
    keep_from_old(rebuild, machine);
    take_domain_name(rebuild, machine);
    g_hash_table_insert(rebuild->machines, g_strdup(id), machine);
}

/* A base whose directory is gone still owns its layers: it is retired. */
static Machine *base_of(Rebuild *rebuild, const Layer *layer)
{
    Machine *base = g_hash_table_lookup(rebuild->machines, layer->machine_id);
    if (base)
        return base;
    g_autofree char *name = g_strdup_printf("%s@%.6s", layer->machine_name, layer->machine_id);
    g_autofree char *uuid = g_strdup_printf("00000000-0000-4000-8000-%.12s", layer->machine_id);
    base = machine_new(layer->machine_id, name, uuid, layer->sealed_at);
    base->retired = TRUE;
    base->actual_place = base->desired_place = PLACE_SEALED;
    base->set_id = g_strdup(layer->set_id);
    g_hash_table_insert(rebuild->machines, g_strdup(base->id), base);
    return base;
}

static void find_set(Rebuild *rebuild, const char *set_id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) layers = storage_describe_set(rebuild->engine->storage, set_id, &error);
    if (!layers)
        finding_add(rebuild->findings, "set-unreadable", FINDING_WARNING, set_id,
                    "look at its directory in the store", FALSE,
                    "layer set %s could not be taken in: %s", set_id, error->message);
    for (guint i = 0; layers && i < layers->len; i++) {
        const Layer *layer = g_ptr_array_index(layers, i);
        changes_put_layer(rebuild->changes, layer);
        Machine *base = base_of(rebuild, layer);
        g_free(base->set_id);
        base->set_id = g_strdup(set_id);
        base->actual_place = base->desired_place = PLACE_SEALED;
        base->prepared_at = layer->sealed_at;
    }
}

/* "trash/ID/data/vdc.qcow2". Kept until a person decides: when it would have expired is not known
 * any more. */
static void find_kept(Rebuild *rebuild, const char *path, const char *id)
{
    const KeptVolume *old = g_hash_table_lookup(rebuild->old->kept, id);
    g_autofree char *file = g_path_get_basename(path);
    char *dot = strrchr(file, '.');
    if (old || !dot) {
        if (old)
            changes_put_kept(rebuild->changes, old);
        return;
    }
    *dot = '\0';
    g_autoptr(KeptVolume) volume = kept_volume_new(id, path, file, dot + 1);
    volume->machine_name = g_strdup("?");
    volume->machine_id = g_strdup("");
    volume->removed_at = rebuild->now;
    changes_put_kept(rebuild->changes, volume);
}

typedef enum { PASS_MACHINES, PASS_SETS } Pass;
typedef struct {
    Rebuild *rebuild;
    Pass pass;
} Scan;

static gboolean hear_found(FoundKind kind, const char *path, const char *id, gpointer user_data)
{
    Scan *scan = user_data;
    if (scan->pass == PASS_MACHINES && kind == FOUND_MACHINE)
        find_machine(scan->rebuild, id);
    if (scan->pass == PASS_SETS && kind == FOUND_SET)
        find_set(scan->rebuild, id);
    if (scan->pass == PASS_SETS && kind == FOUND_KEPT)
        find_kept(scan->rebuild, path, id);
    return TRUE;
}

static gboolean scan_store(Rebuild *rebuild, GError **error)
{
    Scan machines = {rebuild, PASS_MACHINES};
    Scan sets = {rebuild, PASS_SETS};
    return storage_scan(rebuild->engine->storage, hear_found, &machines, error) &&
           storage_scan(rebuild->engine->storage, hear_found, &sets, error);
}

/* Names are unique: two machines that claim one keep it apart by their id. */
static void put_machines(Rebuild *rebuild)
{
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, rebuild->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Machine *machine = value;
        if (!g_hash_table_add(names, g_strdup(machine->name))) {
            g_autofree char *name = g_strdup_printf("%s@%.6s", machine->name, machine->id);
            g_free(machine->name);
            machine->name = g_steal_pointer(&name);
        }
        changes_put_machine(rebuild->changes, machine);
    }
}

static gboolean is_put(GPtrArray *put, const char *id, const char *(*id_of)(gconstpointer))
{
    for (guint i = 0; i < put->len; i++)
        if (g_strcmp0(id_of(g_ptr_array_index(put, i)), id) == 0)
            return TRUE;
    return FALSE;
}

static const char *layer_id_of(gconstpointer layer)
{
    return ((const Layer *)layer)->id;
}

static const char *kept_id_of(gconstpointer volume)
{
    return ((const KeptVolume *)volume)->id;
}

static void forget_old(Rebuild *rebuild)
{
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, rebuild->old->machines);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        if (!g_hash_table_contains(rebuild->machines, key))
            changes_remove_machine(rebuild->changes, key);
    g_hash_table_iter_init(&iter, rebuild->old->layers);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        if (!is_put(rebuild->changes->layers, key, layer_id_of))
            changes_remove_layer(rebuild->changes, key);
    g_hash_table_iter_init(&iter, rebuild->old->kept);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        if (!is_put(rebuild->changes->kept, key, kept_id_of))
            changes_remove_kept(rebuild->changes, key);
}

/* One transaction: a crash leaves the question open, or answered. */
static gboolean commit_rebuilt(Rebuild *rebuild, const StoreStatus *store, GError **error)
{
    put_machines(rebuild);
    forget_old(rebuild);
    rebuild->changes->store_uuid = g_strdup(store->uuid);
    return engine_commit_rebuilt(rebuild->engine, rebuild->changes, store->generation, error);
}

gboolean engine_rebuild(Engine *engine, GPtrArray *findings, GError **error)
{
    StoreStatus store = {0};
    if (!storage_status(engine->storage, &store, error))
        return FALSE;
    Rebuild rebuild = {
        .engine = engine,
        .old = engine_snapshot(engine),
        .findings = findings,
        .machines =
            g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)machine_unref),
        .changes = changes_new(),
        .now = engine_now(engine),
    };
    gboolean ok = scan_store(&rebuild, error) && commit_rebuilt(&rebuild, &store, error);
    g_clear_pointer(&rebuild.changes, changes_free);
    g_hash_table_unref(rebuild.machines);
    inventory_free(rebuild.old);
    if (!ok)
        return FALSE;
    engine_emit(engine, ENGINE_HOST_CHANGED, NULL, NULL);
    if (!engine_recover(engine, error))
        return FALSE;
    g_autoptr(GError) away = NULL;
    if (!engine_resync(engine, &away))
        g_message("power states are not known yet: %s", away->message);
    return TRUE;
}
