/* The engine's life and its reading side: open, find, list, status. */
#include "engine/engine.h"

#include <string.h>

#include "engine/engine_private.h"
#include "foundation/near.h"

#define SECONDS_A_DAY (24 * 60 * 60)

void engine_config_init(EngineConfig *config)
{
    *config = (EngineConfig){
        .undo_retention_seconds = 7 * SECONDS_A_DAY,
        .undo_budget_percent = 10,
        .free_floor_bytes = G_GUINT64_CONSTANT(1) << 30,
        .chain_limit = 5,
        .require_hook = TRUE,
    };
}

Engine *engine_new(Storage *storage, Hypervisor *hypervisor, Catalog *catalog, Claims *claims,
                   Clock *clock, const EngineConfig *config)
{
    Engine *engine = g_new0(Engine, 1);
    engine->storage = storage;
    engine->hypervisor = hypervisor;
    engine->catalog = catalog;
    engine->claims = claims;
    engine->clock = clock;
    engine->config = *config;
    g_mutex_init(&engine->commit_lock);
    g_rw_lock_init(&engine->lock);
    g_mutex_init(&engine->gate_lock);
    g_cond_init(&engine->gate_changed);
    engine->inventory = inventory_new();
    engine->power = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    engine->busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    engine->receipts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    engine->brief = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_mutex_init(&engine->looks_lock);
    engine->looks = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    engine->old_marks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    engine->stale_identities = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    engine->bases = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    engine->heard = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    engine->gates = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return engine;
}

void engine_free(Engine *engine)
{
    if (!engine)
        return;
    hypervisor_free(engine->hypervisor);
    storage_free(engine->storage);
    catalog_free(engine->catalog);
    claims_free(engine->claims);
    clock_free(engine->clock);
    inventory_free(engine->inventory);
    g_hash_table_unref(engine->power);
    g_hash_table_unref(engine->busy);
    g_hash_table_unref(engine->receipts);
    g_hash_table_unref(engine->brief);
    g_hash_table_unref(engine->old_marks);
    g_hash_table_unref(engine->stale_identities);
    g_hash_table_unref(engine->looks);
    g_mutex_clear(&engine->looks_lock);
    g_hash_table_unref(engine->bases);
    g_hash_table_unref(engine->gates);
    g_hash_table_unref(engine->heard);
    g_clear_error(&engine->question);
    g_free(engine->hook_problem);
    g_mutex_clear(&engine->commit_lock);
    g_rw_lock_clear(&engine->lock);
    g_mutex_clear(&engine->gate_lock);
    g_cond_clear(&engine->gate_changed);
    g_free(engine);
}

void engine_listen(Engine *engine, EngineListener listener, gpointer user_data)
{
    engine->listener = listener;
    engine->listener_data = user_data;
}

void engine_emit(Engine *engine, EngineEvent event, const char *id, const GError *error)
{
    if (engine->listener)
        engine->listener(event, id, error, engine->listener_data);
}

gint64 engine_now(Engine *engine)
{
    return clock_now(engine->clock);
}

Machine *engine_machine(Engine *engine, const char *id)
{
    g_rw_lock_reader_lock(&engine->lock);
    const Machine *machine = g_hash_table_lookup(engine->inventory->machines, id);
    Machine *reference = machine ? machine_ref(machine) : NULL;
    g_rw_lock_reader_unlock(&engine->lock);
    return reference;
}

Layer *engine_layer(Engine *engine, const char *id)
{
    g_rw_lock_reader_lock(&engine->lock);
    const Layer *layer = g_hash_table_lookup(engine->inventory->layers, id);
    Layer *reference = layer ? layer_ref(layer) : NULL;
    g_rw_lock_reader_unlock(&engine->lock);
    return reference;
}

char *engine_machine_name(Engine *engine, const char *id)
{
    g_autoptr(Machine) machine = engine_machine(engine, id);
    return g_strdup(machine ? machine->name : id);
}

void engine_read(Engine *engine, EngineReader reader, gpointer user_data)
{
    g_rw_lock_reader_lock(&engine->lock);
    reader(engine->inventory, user_data);
    g_rw_lock_reader_unlock(&engine->lock);
}

/* What may have been meant by a mistyped name. */
static char *near_names(const Inventory *inventory, const char *name)
{
    g_autoptr(GPtrArray) machines = inventory_machines_sorted(inventory);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < machines->len; i++)
        g_ptr_array_add(names, ((const Machine *)machines->pdata[i])->name);
    g_ptr_array_add(names, NULL);
    g_autofree char *near = near_words(name, (const char *const *)names->pdata, "");
    return near ? g_strdup_printf("did you mean %s?", near) : g_strdup("see 'underpin list'");
}

Machine *engine_find_machine(Engine *engine, const char *name, GError **error)
{
    g_rw_lock_reader_lock(&engine->lock);
    const Machine *machine = inventory_find(engine->inventory, name);
    Machine *reference = machine ? machine_ref(machine) : NULL;
    g_autofree char *hint = machine ? NULL : near_names(engine->inventory, name);
    g_rw_lock_reader_unlock(&engine->lock);
    if (!reference)
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, hint, "there is no machine '%s'", name);
    return reference;
}

GPtrArray *engine_list_machines(Engine *engine)
{
    g_rw_lock_reader_lock(&engine->lock);
    GPtrArray *machines = inventory_machines_sorted(engine->inventory);
    g_rw_lock_reader_unlock(&engine->lock);
    return machines;
}

/* Kept by one more, so that none is told from unknown. */
static Power stored_power(const Engine *engine, const char *machine_id)
{
    guint stored = GPOINTER_TO_UINT(g_hash_table_lookup(engine->power, machine_id));
    return stored ? (Power)(stored - 1) : POWER_UNKNOWN;
}

Power engine_power(Engine *engine, const char *machine_id)
{
    g_rw_lock_reader_lock(&engine->lock);
    Power power = stored_power(engine, machine_id);
    g_rw_lock_reader_unlock(&engine->lock);
    return power;
}

GHashTable *engine_machines_in_power(Engine *engine, Power power)
{
    GHashTable *ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GHashTableIter iter;
    gpointer id;
    g_rw_lock_reader_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->inventory->machines);
    while (g_hash_table_iter_next(&iter, &id, NULL))
        if (stored_power(engine, id) == power)
            g_hash_table_add(ids, g_strdup(id));
    g_rw_lock_reader_unlock(&engine->lock);
    return ids;
}

void engine_set_power(Engine *engine, const char *machine_id, Power power)
{
    g_rw_lock_writer_lock(&engine->lock);
    guint stored = GPOINTER_TO_UINT(g_hash_table_lookup(engine->power, machine_id));
    g_hash_table_insert(engine->power, g_strdup(machine_id), GUINT_TO_POINTER(power + 1));
    g_rw_lock_writer_unlock(&engine->lock);
    if (stored != (guint)power + 1)
        engine_emit(engine, ENGINE_MACHINE_CHANGED, machine_id, NULL);
}

GError *engine_question(Engine *engine)
{
    g_rw_lock_reader_lock(&engine->lock);
    GError *copy = engine->question ? g_error_copy(engine->question) : NULL;
    g_rw_lock_reader_unlock(&engine->lock);
    return copy;
}

gboolean engine_check_unquestioned(Engine *engine, GError **error)
{
    g_autoptr(GError) first = engine_question(engine);
    if (!first)
        return TRUE;
    engine_raise_again(engine);
    GError *question = engine_question(engine);
    if (!question)
        return TRUE;
    g_propagate_error(error, question);
    return FALSE;
}

GPtrArray *engine_layer_reasons(Engine *engine, const char *layer_id, GError **error)
{
    g_rw_lock_reader_lock(&engine->lock);
    gboolean known = g_hash_table_contains(engine->inventory->layers, layer_id);
    GPtrArray *reasons = known ? references_explain(engine->inventory, layer_id) : NULL;
    g_rw_lock_reader_unlock(&engine->lock);
    if (!known)
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin layers'",
                  "there is no layer '%s'", layer_id);
    return reasons;
}

/* --- status
 * ------------------------------------------------------------------------------------------------
 */

static void count_machine(const Machine *machine, Power power, EngineStatus *status)
{
    status->machines++;
    status->bases += machine_is_base(machine);
    status->clones += machine_is_clone(machine);
    status->pending += machine_is_pending(machine);
    status->running += power_is_live(power);
    status->held += machine->held;
    status->behind += machine->behind_reason != NULL;
    for (guint i = 0; i < machine->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(machine->generations, i);
        if (!machine_is_entry(machine, generation))
            continue;
        status->entries++;
        status->held_bytes += generation->held_bytes;
    }
}

static void count_inventory(Engine *engine, EngineStatus *status)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, engine->inventory->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Machine *machine = value;
        guint stored = GPOINTER_TO_UINT(g_hash_table_lookup(engine->power, machine->id));
        count_machine(machine, stored ? (Power)(stored - 1) : POWER_UNKNOWN, status);
    }
    g_hash_table_iter_init(&iter, engine->inventory->kept);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        status->kept_bytes += ((KeptVolume *)value)->capacity_bytes;
    g_hash_table_iter_init(&iter, engine->inventory->reclaim);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        status->reclaimable_bytes += ((ReclaimItem *)value)->bytes;
}

gboolean engine_status(Engine *engine, EngineStatus *status_out, GError **error)
{
    EngineStatus status = {0};
    if (!storage_status(engine->storage, &status.store, error))
        return FALSE;
    g_rw_lock_reader_lock(&engine->lock);
    count_inventory(engine, &status);
    status.libvirt_connected = engine->libvirt_connected;
    status.hook_in_force = engine->hook_in_force;
    status.hook_problem = g_strdup(engine->hook_problem);
    g_rw_lock_reader_unlock(&engine->lock);
    *status_out = status;
    return TRUE;
}

void engine_status_clear(EngineStatus *status)
{
    g_clear_pointer(&status->hook_problem, g_free);
}
