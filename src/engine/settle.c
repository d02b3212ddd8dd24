/*
 * Settle: bring a machine's heads on disk in line with the catalog. Idempotent at every step, so it
 * is the recovery procedure too (invariants 3 and 6).
 *
 *     places        steps
 *     none  ─▶ now     rename next ─▶ now, define the domain, give up the imported names
 *     now   ─▶ now     exchange next and now, put the old generation aside
 *     now   ─▶ sealed  rename now ─▶ layers/SET/sealed, protect
 *     sealed ─▶ now    unprotect, rename back
 *     any   ─▶ gone    undefine (or give the domain back), move data to the trash, remove the
 * directory
 *
 * Which of them have happened is read from the store, never remembered. Afterwards settle_record()
 * makes all of a batch durable and writes it down in one transaction.
 */
#include <string.h>

#include "engine/engine_private.h"
#include "foundation/ids.h"

void settled_free(Settled *settled)
{
    if (!settled)
        return;
    machine_unref(settled->before);
    machine_unref(settled->after);
    g_free(settled->receipt);
    json_decref(settled->data_before);
    g_free(settled);
}

/* --- the heads
 * --------------------------------------------------------------------------------------------- */

static gboolean cause_keeps_entry(Cause cause)
{
    return cause == CAUSE_RESTORE || cause == CAUSE_REBASE || cause == CAUSE_UNDO;
}

/* Whether the actual generation, put aside, belongs on the undo list: only if it was replaced, and
 * ever written. The switch has looked; only after a crash its entry may be put aside already. */
static gboolean belongs_on_undo_list(Engine *engine, const Machine *machine,
                                     const SwitchResult *result)
{
    const Generation *actual = machine_actual(machine);
    const Generation *desired = machine_desired(machine);
    if (!actual || !cause_keeps_entry(desired->cause))
        return FALSE;
    if (result->old == actual->number)
        return result->old_written;
    for (guint i = 0; i < actual->heads->len; i++) {
        const Head *head = g_ptr_array_index(actual->heads, i);
        g_auto(HeadFacts) facts = {0};
        if (head->role == ROLE_SYSTEM &&
            storage_head_facts(engine->storage, machine, actual->number, head->target, &facts,
                               NULL) &&
            facts.written)
            return TRUE;
    }
    return FALSE;
}

/* Undo entries sit on the base: a machine that has been detached from it keeps none. */
static void drop_entries(Machine *after)
{
    const Generation *entry;
    while ((entry = machine_newest_entry(after)))
        machine_drop_generation(after, entry->number);
}

/* The record after the switch: what was actual becomes an undo entry or goes; a consumed entry
 * goes. */
static void after_switch(Machine *after, gboolean kept, guint64 held_bytes, gint64 now)
{
    guint64 old = after->actual;
    const Generation *desired = machine_desired(after);
    guint64 consumed = 0;
    for (guint i = 0; desired->cause == CAUSE_UNDO && i < desired->heads->len; i++) {
        const Head *head = g_ptr_array_index(desired->heads, i);
        consumed = MAX(consumed, head->source == HEAD_ENTRY ? head->source_generation : 0);
    }
    after->actual = after->desired;
    after->session = 0;
    after->session_started_at = 0;
    if (kept) {
        Generation *entry = generation_copy(machine_generation(after, old));
        entry->replaced_at = now;
        entry->cause = desired->cause;
        entry->held_bytes = held_bytes;
        machine_drop_generation(after, old);
        machine_take_generation(after, entry);
    } else if (old) {
        machine_drop_generation(after, old);
    }
    if (consumed)
        machine_drop_generation(after, consumed);
    if (!desired->base_id)
        drop_entries(after);
    if (cause_keeps_entry(desired->cause))
        g_clear_pointer(&after->behind_reason, g_free);
}

static gboolean stage_again(Engine *engine, const Machine *machine, GError **error)
{
    const char *ids[] = {machine->id, NULL};
    return storage_abandon(engine->storage, machine->id, error) &&
           storage_stage(engine->storage, machine, machine_desired(machine), NULL, error) &&
           storage_sync(engine->storage, ids, error);
}

/* The switch looks for itself whether what was staged is whole, and still keeps the heads that lie
 * in `now`: a block job may have replaced one while the guest ran. Where it is not, it is staged
 * again. */
static gboolean exchange_heads(Engine *engine, Settled *settled, GError **error)
{
    const Machine *machine = settled->before;
    Storage *storage = engine->storage;
    g_autoptr(GError) problem = NULL;
    settled->is_switched =
        storage_switch(storage, machine, machine->desired, &settled->result, &problem);
    if (error_code(problem) == UNDERPIN_ERROR_NOT_FOUND)
        settled->is_switched =
            stage_again(engine, machine, error) &&
            storage_switch(storage, machine, machine->desired, &settled->result, error);
    else if (problem)
        g_propagate_error(error, g_steal_pointer(&problem));
    return settled->is_switched;
}

static gboolean switch_heads(Engine *engine, Settled *settled, Machine *after, GError **error)
{
    const Machine *machine = settled->before;
    if (machine->desired == machine->actual)
        return TRUE;
    gboolean kept = FALSE;
    guint64 held_bytes = 0;
    if (!settled->is_switched && !exchange_heads(engine, settled, error))
        return FALSE;
    gboolean keep = belongs_on_undo_list(engine, machine, &settled->result);
    if (!storage_put_aside(engine->storage, machine, keep, &kept, &held_bytes, error))
        return FALSE;
    after_switch(after, kept, held_bytes, engine_now(engine));
    return TRUE;
}

/* --- the domain
 * -------------------------------------------------------------------------------------------- */

static GPtrArray *domain_disks(Engine *engine, const Machine *machine)
{
    GPtrArray *disks = g_ptr_array_new_with_free_func((GDestroyNotify)domain_disk_spec_free);
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        DomainDiskSpec *disk = g_new0(DomainDiskSpec, 1);
        disk->target = g_strdup(volume->target);
        disk->path = storage_head_path(engine->storage, machine->id, volume);
        disk->format = g_strdup(volume->format);
        g_ptr_array_add(disks, disk);
    }
    return disks;
}

static guint64 origin_number(const Machine *machine, const char *field)
{
    json_t *origin = machine->origin ? json_loads(machine->origin, 0, NULL) : NULL;
    guint64 number = (guint64)json_integer_value(json_object_get(origin, field));
    json_decref(origin);
    return number;
}

void define_cache_init(DefineCache *cache)
{
    cache->templates = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    cache->known = NULL;
}

void define_cache_clear(DefineCache *cache)
{
    g_clear_pointer(&cache->templates, g_hash_table_unref);
    g_clear_pointer(&cache->known, g_hash_table_unref);
}

/* NULL where libvirt does not answer. */
static GHashTable *known_domains(Engine *engine)
{
    g_autoptr(GHashTable) names = hypervisor_names(engine->hypervisor, NULL);
    GHashTable *known = names ? g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) : NULL;
    GHashTableIter iter;
    gpointer name, uuid;
    if (!names)
        return NULL;
    g_hash_table_iter_init(&iter, names);
    while (g_hash_table_iter_next(&iter, &name, &uuid)) {
        g_hash_table_add(known, g_strdup(name));
        g_hash_table_add(known, g_strdup(uuid));
    }
    return known;
}

/* A machine in the making whose domain is not there yet, as it is after a crash only. */
static gboolean is_unknown_domain(Engine *engine, const Machine *machine, DefineCache *cache)
{
    if (!cache || machine->actual_place != PLACE_NONE)
        return FALSE;
    if (!cache->known)
        cache->known = known_domains(engine);
    return cache->known && !g_hash_table_contains(cache->known, machine->uuid) &&
           !g_hash_table_contains(cache->known, machine->name);
}

/* A thousand clones of one base read its definition once a batch and not a thousand times. */
static gboolean base_template(Engine *engine, const char *base_id, DefineCache *cache,
                              char **xml_out, GError **error)
{
    GHashTable *templates = cache ? cache->templates : NULL;
    const char *known = base_id && templates ? g_hash_table_lookup(templates, base_id) : NULL;
    g_autoptr(Machine) base = base_id && !known ? engine_machine(engine, base_id) : NULL;
    g_autoptr(DomainFacts) facts =
        base ? hypervisor_inspect(engine->hypervisor, base->uuid, error) : NULL;
    if (base && !facts)
        return FALSE;
    *xml_out = g_strdup(facts ? facts->xml : known);
    if (facts && templates)
        g_hash_table_insert(templates, g_strdup(base_id), g_strdup(facts->xml));
    return TRUE;
}

/* The XML that a definition starts from: the domain's own; a new clone's is its base's; NULL: from
 * scratch. */
static gboolean domain_template(Engine *engine, const Machine *machine, DefineCache *cache,
                                gboolean is_new, char **xml_out, gboolean *is_own_out,
                                GError **error)
{
    g_autoptr(GError) missing = NULL;
    *is_own_out = FALSE;
    if (is_new)
        return base_template(engine, machine_base_id(machine), cache, xml_out, error);
    g_autoptr(DomainFacts) own = hypervisor_inspect(engine->hypervisor, machine->uuid, &missing);
    *is_own_out = own != NULL;
    if (own) {
        *xml_out = g_strdup(own->xml);
        return TRUE;
    }
    if (error_code(missing) != UNDERPIN_ERROR_NOT_FOUND) {
        g_propagate_error(error, g_steal_pointer(&missing));
        return FALSE;
    }
    return base_template(engine, machine_base_id(machine), cache, xml_out, error);
}

char *settle_instance_id(const Machine *machine)
{
    return g_strdup_printf("%s-%" G_GUINT64_FORMAT, machine->id,
                           machine_desired(machine)->instance);
}

/* A rebase that was asked to define anew takes the new base's hardware (--new-hardware). */
static gboolean wants_new_hardware(const Machine *machine)
{
    return machine->define_after && machine_desired(machine)->cause == CAUSE_REBASE;
}

static gboolean base_hardware(Engine *engine, const Generation *desired, char **xml_out,
                              GError **error)
{
    g_autoptr(Machine) base = engine_machine(engine, desired->base_id);
    g_autoptr(DomainFacts) facts =
        base ? hypervisor_inspect(engine->hypervisor, base->uuid, error) : NULL;
    if (!facts)
        return base == NULL;
    *xml_out = g_strdup(facts->xml);
    return TRUE;
}

/* It is off, and its event needs no question. */
static gboolean define_new(Engine *engine, const Machine *machine, const char *xml, GError **error)
{
    engine_set_power(engine, machine->id, POWER_OFF);
    return hypervisor_define_new(engine->hypervisor, xml, error);
}

static gboolean define_from(Engine *engine, const Machine *machine, DefineCache *cache,
                            GError **error)
{
    g_autofree char *template_xml = NULL;
    gboolean is_own = FALSE;
    gboolean is_new = is_unknown_domain(engine, machine, cache);
    if (!domain_template(engine, machine, cache, is_new, &template_xml, &is_own, error))
        return FALSE;
    const Generation *desired = machine_desired(machine);
    g_autoptr(GPtrArray) disks = domain_disks(engine, machine);
    g_autofree char *nvram =
        desired->nvram == NVRAM_NONE ? NULL : storage_nvram_path(engine->storage, machine->id);
    g_autofree char *instance = settle_instance_id(machine);
    DomainSpec spec = {
        .uuid = machine->uuid,
        .name = machine->name,
        .machine_id = machine->id,
        .template_xml = template_xml,
        .is_clone = !is_own && template_xml,
        .disks = disks,
        .nvram_path = nvram,
        .instance_id = desired->base_id ? instance : NULL,
        .memory_mib = origin_number(machine, "memory_mib"),
        .cpus = (guint)origin_number(machine, "cpus"),
    };
    g_autofree char *hardware = NULL;
    if (wants_new_hardware(machine) && !base_hardware(engine, desired, &hardware, error))
        return FALSE;
    spec.hardware_xml = hardware;
    g_autofree char *xml = hypervisor_build_xml(engine->hypervisor, &spec, error);
    return xml && (is_new ? define_new(engine, machine, xml, error)
                          : hypervisor_define(engine->hypervisor, xml, error));
}

gboolean settle_define(Engine *engine, const Machine *machine, GError **error)
{
    return define_from(engine, machine, NULL, error);
}

/* Defines where the record asks for it. The heads are in place by then: a start in between finds
 * them. */
static gboolean settle_domain(Engine *engine, const Settled *settled, Machine *after,
                              gboolean allow_hypervisor, GError **error)
{
    const Machine *machine = settled->before;
    if (machine->actual_place != PLACE_NONE && !machine->define_after)
        return TRUE;
    if (!allow_hypervisor)
        return error_set(error, UNDERPIN_ERROR_UNAVAILABLE, NULL,
                         "'%s' is being changed, try again", machine->name);
    if (!define_from(engine, machine, settled->cache, error))
        return FALSE;
    after->define_after = FALSE;
    const char *ids[] = {machine->id, NULL};
    if (machine_desired(machine)->cause != CAUSE_IMPORT)
        return TRUE;
    return storage_sync(engine->storage, ids, error) &&
           storage_adopt_finish(engine->storage, machine, error);
}

/* --- the end of a machine
 * ---------------------------------------------------------------------------------- */

static GPtrArray *kept_of(Engine *engine, const char *machine_id)
{
    GPtrArray *kept = g_ptr_array_new_with_free_func((GDestroyNotify)kept_volume_unref);
    GHashTableIter iter;
    gpointer value;
    g_rw_lock_reader_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->inventory->kept);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (g_strcmp0(((KeptVolume *)value)->machine_id, machine_id) == 0)
            g_ptr_array_add(kept, kept_volume_ref(value));
    g_rw_lock_reader_unlock(&engine->lock);
    return kept;
}

static gboolean give_domain_back(Engine *engine, const Machine *machine, GError **error)
{
    json_t *origin = machine->origin ? json_loads(machine->origin, 0, NULL) : NULL;
    g_autofree char *xml = g_strdup(json_string_value(json_object_get(origin, "xml")));
    json_decref(origin);
    return xml ? hypervisor_define(engine->hypervisor, xml, error)
               : hypervisor_undefine(engine->hypervisor, machine->uuid, error);
}

static gboolean settle_gone(Engine *engine, const Machine *machine, gboolean allow_hypervisor,
                            GError **error)
{
    if (!allow_hypervisor)
        return error_set(error, UNDERPIN_ERROR_REFUSED, NULL, "'%s' is being removed",
                         machine->name);
    gboolean domain_ok = machine->export_out
                             ? storage_export_finish(engine->storage, machine, error) &&
                                   give_domain_back(engine, machine, error)
                             : hypervisor_undefine(engine->hypervisor, machine->uuid, error);
    if (!domain_ok)
        return FALSE;
    g_autoptr(GPtrArray) kept = kept_of(engine, machine->id);
    return storage_remove(engine->storage, machine, kept, error);
}

/* --- one machine
 * ------------------------------------------------------------------------------------------- */

/* A layer may have been flattened since it was sealed: as a head again it sits on what its layer
 * sits on now. */
static void reseat_heads(const Inventory *inventory, const Machine *after, Generation *generation)
{
    for (guint i = 0; i < generation->heads->len; i++) {
        Head *head = g_ptr_array_index(generation->heads, i);
        g_autofree char *id = layer_id_build(after->set_id, head->target);
        const Layer *layer = g_hash_table_lookup(inventory->layers, id);
        if (layer && !layer->parent_id)
            head_set_layer(head, NULL, NULL);
    }
}

/* Whether the base still has all that a restore or a fresh temporary volume would need. */
static gboolean is_whole_base(const Inventory *inventory, const Machine *base)
{
    for (guint i = 0; i < base->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(base->volumes, i);
        g_autofree char *id = layer_id_build(base->set_id, volume->target);
        if (volume->role != ROLE_DATA && !g_hash_table_contains(inventory->layers, id))
            return FALSE;
    }
    return TRUE;
}

/* A base that is a machine again is a clone of its own base, where that is still whole: what it has
 * beyond that base's outline is its own. Else it stands alone. */
static void rejoin_base(const Inventory *inventory, Machine *after, Generation *generation)
{
    const Machine *base =
        generation->base_id ? g_hash_table_lookup(inventory->machines, generation->base_id) : NULL;
    if (!base || !is_whole_base(inventory, base)) {
        g_clear_pointer(&generation->base_id, g_free);
        return;
    }
    for (guint i = 0; i < after->volumes->len; i++) {
        Volume *volume = g_ptr_array_index(after->volumes, i);
        volume->own = machine_volume(base, volume->target) == NULL;
    }
}

static void become_machine(Engine *engine, Machine *after)
{
    Generation *generation = generation_copy(machine_actual(after));
    g_rw_lock_reader_lock(&engine->lock);
    reseat_heads(engine->inventory, after, generation);
    rejoin_base(engine->inventory, after, generation);
    g_rw_lock_reader_unlock(&engine->lock);
    machine_drop_generation(after, generation->number);
    machine_take_generation(after, generation);
    g_clear_pointer(&after->set_id, g_free);
}

static gboolean settle_places(Engine *engine, Settled *settled, Machine *after,
                              gboolean allow_hypervisor, GError **error)
{
    const Machine *machine = settled->before;
    if (machine->desired_place == PLACE_SEALED && machine->actual_place == PLACE_NOW) {
        if (!storage_seal(engine->storage, machine, error))
            return FALSE;
        after->session = 0;
    }
    if (machine->desired_place == PLACE_NOW && machine->actual_place == PLACE_SEALED) {
        if (!storage_unseal(engine->storage, machine, error))
            return FALSE;
        become_machine(engine, after);
    }
    if (machine->desired_place == PLACE_NOW)
        return switch_heads(engine, settled, after, error) &&
               settle_domain(engine, settled, after, allow_hypervisor, error);
    return TRUE;
}

/* A removed base stays on record as retired while anything needs its layers; references.c drops it
 * with the last one. Its undo entries were in its directory, and went with that. */
static Machine *after_gone(const Machine *machine)
{
    if (!machine->retired)
        return NULL;
    Machine *after = machine_copy(machine);
    drop_entries(after);
    after->actual_place = after->desired_place = PLACE_SEALED;
    return after;
}

/* Nothing but new heads: what else a settle may have to do, it does in its second half. */
static gboolean only_exchanges(const Machine *machine)
{
    return machine->actual_place == PLACE_NOW && machine->desired_place == PLACE_NOW &&
           machine->desired != machine->actual;
}

static Settled *settled_new(Engine *engine, const Machine *machine)
{
    Settled *settled = g_new0(Settled, 1);
    settled->before = machine_ref(machine);
    settled->data_before = receipt_take(engine, machine);
    return settled;
}

Settled *settle_begin(Engine *engine, const Machine *machine, GError **error)
{
    Settled *settled = settled_new(engine, machine);
    if (!only_exchanges(machine) || exchange_heads(engine, settled, error))
        return settled;
    settled_free(settled);
    return NULL;
}

/* The proof that data was kept. */
static void take_receipt(Engine *engine, Settled *settled)
{
    const Machine *machine = settled->before;
    if (machine->desired_place == PLACE_GONE || !machine->actual ||
        machine->desired == machine->actual)
        return;
    json_t *data_after = receipt_take(engine, machine);
    g_free(settled->receipt);
    settled->receipt = receipt_compare(settled->data_before, data_after);
    json_decref(data_after);
}

gboolean settle_finish(Engine *engine, Settled *settled, gboolean allow_hypervisor, GError **error)
{
    const Machine *machine = settled->before;
    g_autoptr(Machine) after = machine_copy(machine);
    gboolean gone = machine->desired_place == PLACE_GONE;
    gboolean ok = gone ? settle_gone(engine, machine, allow_hypervisor, error)
                       : settle_places(engine, settled, after, allow_hypervisor, error);
    if (!ok)
        return FALSE;
    take_receipt(engine, settled);
    after->actual_place = machine->desired_place;
    g_clear_pointer(&settled->after, machine_unref); /* of an earlier try */
    settled->after = gone ? after_gone(machine) : g_steal_pointer(&after);
    return TRUE;
}

Settled *settle_switch(Engine *engine, const Machine *machine, gboolean allow_hypervisor,
                       GError **error)
{
    Settled *settled = settled_new(engine, machine);
    if (settle_finish(engine, settled, allow_hypervisor, error))
        return settled;
    settled_free(settled);
    return NULL;
}

/* --- recording
 * --------------------------------------------------------------------------------------------- */

static void layer_measure(Engine *engine, Layer *layer)
{
    g_auto(HeadFacts) facts = {0};
    if (!storage_layer_facts(engine->storage, layer, &facts, NULL))
        return;
    layer->allocated_bytes = facts.allocated_bytes;
    layer->capacity_bytes = facts.capacity_bytes;
}

/* A base's sealed heads become layers in the catalog when they are layers on disk. */
static void record_layers(Engine *engine, const Settled *settled, Changes *changes)
{
    const Machine *before = settled->before;
    if (!settled->after || before->actual_place != PLACE_NOW ||
        settled->after->actual_place != PLACE_SEALED)
        return;
    const Generation *sealed = machine_actual(settled->after);
    for (guint i = 0; i < sealed->heads->len; i++) {
        const Head *head = g_ptr_array_index(sealed->heads, i);
        g_autoptr(Layer) layer =
            layer_new(before->set_id, head->target, head->role, head->format, head->capacity_bytes);
        layer->parent_id = g_strdup(head->layer_id);
        layer->machine_id = g_strdup(before->id);
        layer->machine_name = g_strdup(before->name);
        layer->sealed_at = engine_now(engine);
        layer_measure(engine, layer);
        changes_put_layer(changes, layer);
    }
}

static void forget_layers(const Settled *settled, Changes *changes)
{
    const Machine *before = settled->before;
    if (!settled->after || before->actual_place != PLACE_SEALED ||
        settled->after->actual_place != PLACE_NOW)
        return;
    const Generation *generation = machine_actual(before);
    for (guint i = 0; i < generation->heads->len; i++) {
        const Head *head = g_ptr_array_index(generation->heads, i);
        g_autofree char *id = layer_id_build(before->set_id, head->target);
        changes_remove_layer(changes, id);
    }
}

/* A kept volume that became a head of a machine is kept no longer: its other name may go. */
static void release_attached(Engine *engine, const Settled *settled, Changes *changes, gint64 now)
{
    const Generation *actual = settled->after ? machine_actual(settled->after) : NULL;
    for (guint i = 0; actual && settled->before->actual != actual->number && i < actual->heads->len;
         i++) {
        const Head *head = g_ptr_array_index(actual->heads, i);
        if (head->source != HEAD_ATTACH)
            continue;
        g_autoptr(Inventory) snapshot = engine_snapshot(engine);
        GHashTableIter iter;
        gpointer value;
        g_hash_table_iter_init(&iter, snapshot->kept);
        while (g_hash_table_iter_next(&iter, NULL, &value))
            if (g_strcmp0(((KeptVolume *)value)->path, head->source_path) == 0)
                reclaim_list_kept(value, changes, now);
    }
}

static void record_one(Engine *engine, const Settled *settled, Changes *changes, gint64 now)
{
    if (settled->after)
        changes_put_machine(changes, settled->after);
    else
        changes_remove_machine(changes, settled->before->id);
    record_layers(engine, settled, changes);
    forget_layers(settled, changes);
    if (settled->after)
        reclaim_list_dropped(settled->before, settled->after, changes, now);
    release_attached(engine, settled, changes, now);
}

static gboolean machine_mentions(const Machine *machine, const char *layer_id)
{
    for (guint i = 0; i < machine->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(machine->generations, i);
        for (guint j = 0; j < generation->heads->len; j++)
            if (g_strcmp0(((Head *)g_ptr_array_index(generation->heads, j))->layer_id, layer_id) ==
                0)
                return TRUE;
    }
    return FALSE;
}

/* Whether the machine stopped needing some layer: only then is counting all references worth it. */
static gboolean releases_layer(const Settled *settled)
{
    gboolean is_new = settled->before->actual_place == PLACE_NONE;
    if (!settled->after || settled->after->retired ||
        (!is_new && settled->before->actual_place != settled->after->actual_place))
        return TRUE;
    for (guint i = 0; i < settled->before->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(settled->before->generations, i);
        for (guint j = 0; j < generation->heads->len; j++) {
            const Head *head = g_ptr_array_index(generation->heads, j);
            if (head->layer_id && !machine_mentions(settled->after, head->layer_id))
                return TRUE;
        }
    }
    return FALSE;
}

static gboolean sync_settled(Engine *engine, GPtrArray *settled, GError **error)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new();
    for (guint i = 0; i < settled->len; i++) {
        const Settled *one = g_ptr_array_index(settled, i);
        if (one->after)
            g_ptr_array_add(ids, one->after->id);
    }
    g_ptr_array_add(ids, NULL);
    return ids->len == 1 || storage_sync(engine->storage, (const char *const *)ids->pdata, error);
}

static void note_identity(Engine *engine, const Settled *settled)
{
    const Generation *before = machine_actual(settled->before);
    const Generation *after = settled->after ? machine_actual(settled->after) : NULL;
    if (before && after && before->instance != after->instance)
        identity_note_stale(engine, settled->after->id);
}

static void see_all(GHashTable *seen, const Inventory *snapshot)
{
    GHashTableIter iter;
    gpointer id, machine;
    g_hash_table_iter_init(&iter, snapshot->machines);
    while (g_hash_table_iter_next(&iter, &id, &machine))
        g_hash_table_insert(seen, id, machine);
}

/* One look and its commit; BUSY where something else has moved a machine in between. */
static gboolean record_once(Engine *engine, GPtrArray *settled, gboolean list_unused,
                            const Job *ended, GError **error)
{
    gint64 now = engine_now(engine);
    gboolean releases = FALSE;
    g_autoptr(Changes) changes = changes_new();
    g_autoptr(Inventory) snapshot = NULL;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < settled->len; i++) {
        const Settled *one = g_ptr_array_index(settled, i);
        record_one(engine, one, changes, now);
        releases = releases || (list_unused && releases_layer(one));
    }
    if (ended)
        changes_put_job(changes, ended);
    if (releases) {
        snapshot = engine_snapshot(engine);
        see_all(seen, snapshot);
        g_autoptr(Inventory) after = inventory_copy(snapshot);
        inventory_apply(after, changes, after->generation);
        references_list_unused(after, changes, now);
    }
    for (guint i = 0; i < settled->len; i++) {
        Machine *before = ((Settled *)g_ptr_array_index(settled, i))->before;
        g_hash_table_replace(seen, before->id, before);
    }
    return engine_commit_seen(engine, changes, seen, error);
}

#define RECORD_ATTEMPTS 5

gboolean settle_record(Engine *engine, GPtrArray *settled, gboolean list_unused, const Job *ended,
                       GError **error)
{
    g_autoptr(GError) problem = NULL;
    gboolean ok = sync_settled(engine, settled, &problem);
    for (guint attempt = 0; !problem && attempt < RECORD_ATTEMPTS; attempt++) {
        ok = record_once(engine, settled, list_unused, ended, &problem);
        if (error_code(problem) == UNDERPIN_ERROR_BUSY && attempt + 1 < RECORD_ATTEMPTS)
            g_clear_error(&problem);
        if (ok)
            break;
    }
    if (!ok) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    for (guint i = 0; i < settled->len; i++)
        note_identity(engine, g_ptr_array_index(settled, i));
    return TRUE;
}

/* What is switched is rolled forward: the old heads may be half put aside already (invariant 3). */
static gboolean can_go_back(Engine *engine, const Machine *machine)
{
    g_auto(MachineFacts) facts = {0};
    return machine->actual_place == PLACE_NOW && machine->desired_place == PLACE_NOW &&
           machine->actual && storage_machine_facts(engine->storage, machine->id, &facts, NULL) &&
           facts.now != machine->desired;
}

/* An undo that does not happen holds nothing. */
static void release_undone(Machine *after)
{
    if (machine_desired(after)->cause != CAUSE_UNDO ||
        g_strcmp0(after->hold_reason, HOLD_UNDONE) != 0)
        return;
    after->held = FALSE;
    g_clear_pointer(&after->hold_reason, g_free);
}

/* Whether the volume is one that the clone's owner has added: its base has none of that target. */
static gboolean is_own_volume(Engine *engine, const Machine *machine, const char *target)
{
    const char *base_id = machine_actual(machine)->base_id;
    g_autoptr(Machine) base = base_id ? engine_machine(engine, base_id) : NULL;
    return base && !machine_volume(base, target);
}

/* The outline of the actual heads: a change of volumes that does not happen has changed none. */
static void take_volumes_back(Engine *engine, Machine *after)
{
    const Generation *actual = machine_actual(after);
    g_ptr_array_set_size(after->volumes, 0);
    for (guint i = 0; i < actual->heads->len; i++) {
        const Head *head = g_ptr_array_index(actual->heads, i);
        g_ptr_array_add(after->volumes, volume_new(head->target, head->role, head->format,
                                                   is_own_volume(engine, after, head->target)));
    }
}

gboolean settle_defer(Engine *engine, const Machine *machine, const GError *reason, GError **error)
{
    g_autoptr(Machine) after = machine_copy(machine);
    if (!can_go_back(engine, machine))
        return error_set(error, error_code(reason), error_hint(reason), "%s", reason->message);
    release_undone(after);
    gboolean is_change = machine_desired(after)->cause == CAUSE_CHANGE;
    if (is_change)
        take_volumes_back(engine, after);
    if (after->desired != after->actual)
        machine_drop_generation(after, after->desired);
    after->desired = after->actual;
    after->define_after = FALSE;
    if (!is_change) { /* behind is who has not got an update; a change is simply asked for again */
        g_free(after->behind_reason);
        after->behind_reason = g_strdup(reason->message);
    }
    if (!engine_commit_one(engine, machine, after, error))
        return FALSE;
    g_autoptr(GError) ignored = NULL;
    if (!storage_abandon(engine->storage, machine->id, &ignored))
        g_debug("abandoning what was staged for '%s': %s", machine->name, ignored->message);
    engine_emit(engine, ENGINE_MACHINE_SETTLED, machine->id, reason);
    return TRUE;
}

/* --- the end of a session
 * ---------------------------------------------------------------------------------- */

static gboolean temporary_was_written(Engine *engine, const Machine *machine)
{
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        g_auto(HeadFacts) facts = {0};
        if (volume->role != ROLE_TEMPORARY)
            continue;
        if (!storage_head_facts(engine->storage, machine, 0, volume->target, &facts, NULL) ||
            !facts.exists || facts.written)
            return TRUE;
    }
    return FALSE;
}

static Generation *cleaning(Engine *engine, const Machine *machine)
{
    g_rw_lock_reader_lock(&engine->lock);
    Generation *clean = generation_plan_clean(machine, engine->inventory, engine_now(engine));
    g_rw_lock_reader_unlock(&engine->lock);
    return clean;
}

/* What the session leaves to be done; NULL: nothing. Heads that were pulled off their layers are
 * told by a generation of their own, so that catalog and store change with one switch. */
static Generation *after_session(Engine *engine, const Machine *machine, GHashTable *pulled)
{
    gboolean has_pulled = g_hash_table_size(pulled) > 0;
    Generation *clean =
        has_pulled || temporary_was_written(engine, machine) ? cleaning(engine, machine) : NULL;
    if (!clean && has_pulled)
        clean = generation_plan_keep(machine, CAUSE_CLEAN, engine_now(engine));
    if (clean)
        pulled_take_off(clean, pulled);
    return clean;
}

/* A pending machine needs no cleaning: its desired generation brings fresh temporary heads, and its
 * session ends with the switch. */
Machine *settle_end_session(Engine *engine, const Machine *machine, GError **error)
{
    g_autoptr(GHashTable) pulled = pulled_heads(engine, machine);
    if (machine_is_pending(machine))
        return pulled_concerns(engine, machine, pulled)
                   ? pulled_correct_wish(engine, machine, pulled, error)
                   : machine_ref(machine);
    g_autoptr(Generation) clean = after_session(engine, machine, pulled);
    g_autoptr(Machine) after = machine_copy(machine);
    const char *ids[] = {machine->id, NULL};
    after->session = 0;
    after->session_started_at = 0;
    if (clean) {
        after->desired = clean->number;
        machine_take_generation(after, generation_ref(clean));
        if (!storage_stage(engine->storage, machine, clean, NULL, error) ||
            !storage_sync(engine->storage, ids, error))
            return NULL;
    }
    if (!engine_commit_one(engine, machine, after, error))
        return NULL;
    if (!machine_is_pending(after) && !storage_mark(engine->storage, machine->id, FALSE, error))
        return NULL;
    return g_steal_pointer(&after);
}
