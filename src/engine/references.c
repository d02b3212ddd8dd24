/*
 * Who needs a layer: the roots, and everything below them.
 *
 * Roots are: each layer of a base that is not retired; the heads of every actual and desired
 * generation; the heads of the generation that a running guest opened; the system and temporary
 * heads of undo entries (their data is not theirs: data stays as it is now); what their base would
 * make fresh for them again; kept volumes. A layer needs its parent, and, for as long as a guest
 * runs that may have opened it, the parent it had before it was flattened (invariant 5).
 */
#include "engine/engine_private.h"
#include "foundation/ids.h"

/* The sentence "BEFORE'NAME'AFTER"; only put together when somebody asks. */
typedef struct {
    const char *before, *name, *after;
} Reason;
typedef void (*ReferenceVisitor)(const char *layer_id, const Reason *reason, gpointer user_data);

/* What a restore, or a fresh temporary volume, is made on; mostly what the head sits on anyway. */
static void visit_base_layer(const Machine *base, const Head *head, const Reason *reason,
                             ReferenceVisitor visit, gpointer user_data)
{
    if (!base || !base->set_id || head->role == ROLE_DATA ||
        (head->layer_id && g_str_has_prefix(head->layer_id, base->set_id)))
        return;
    g_autofree char *id = layer_id_build(base->set_id, head->target);
    visit(id, reason, user_data);
}

static void visit_heads(const Inventory *inventory, const Machine *machine,
                        const Generation *generation, gboolean with_data, const char *after,
                        ReferenceVisitor visit, gpointer user_data)
{
    Reason reason = {"machine ", machine->name, after};
    const Machine *base =
        generation->base_id ? g_hash_table_lookup(inventory->machines, generation->base_id) : NULL;
    for (guint i = 0; i < generation->heads->len; i++) {
        const Head *head = g_ptr_array_index(generation->heads, i);
        if (head->layer_id && (with_data || head->role != ROLE_DATA))
            visit(head->layer_id, &reason, user_data);
        visit_base_layer(base, head, &reason, visit, user_data);
    }
}

/* The heads of a base are layers themselves; what lies below those is their own affair (it changes
 * by flattening). */
static void visit_generations(const Inventory *inventory, const Machine *machine,
                              ReferenceVisitor visit, gpointer user_data)
{
    gboolean sealed = machine->actual_place == PLACE_SEALED;
    for (guint i = 0; i < machine->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(machine->generations, i);
        if (sealed && generation->number == machine->actual)
            continue;
        if (generation->number == machine->session)
            visit_heads(inventory, machine, generation, TRUE, " runs on it", visit, user_data);
        else if (generation->number == machine->actual)
            visit_heads(inventory, machine, generation, TRUE, " sits on it", visit, user_data);
        else if (generation->number == machine->desired)
            visit_heads(inventory, machine, generation, TRUE, " is about to move onto it", visit,
                        user_data);
        else
            visit_heads(inventory, machine, generation, FALSE, " needs it for undo", visit,
                        user_data);
    }
}

static void visit_machine(const Inventory *inventory, const Machine *machine,
                          ReferenceVisitor visit, gpointer user_data)
{
    if (!machine->retired)
        visit_generations(inventory, machine, visit, user_data);
}

static gboolean is_live_base(const Inventory *inventory, const char *machine_id)
{
    const Machine *machine =
        machine_id ? g_hash_table_lookup(inventory->machines, machine_id) : NULL;
    return machine && !machine->retired && machine->set_id;
}

static void visit_roots(const Inventory *inventory, ReferenceVisitor visit, gpointer user_data)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, inventory->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        visit_machine(inventory, value, visit, user_data);
    g_hash_table_iter_init(&iter, inventory->kept);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const KeptVolume *volume = value;
        Reason reason = {"kept data of ", volume->machine_name, " sits on it"};
        if (volume->layer_id)
            visit(volume->layer_id, &reason, user_data);
    }
    g_hash_table_iter_init(&iter, inventory->layers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Layer *layer = value;
        Reason reason = {"it belongs to base ", layer->machine_name, ""};
        if (is_live_base(inventory, layer->machine_id))
            visit(layer->id, &reason, user_data);
    }
}

/* When the oldest session that still runs began; G_MAXINT64 where nothing runs. */
static gint64 oldest_session(const Inventory *inventory)
{
    gint64 oldest = G_MAXINT64;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, inventory->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Machine *machine = value;
        if (machine->session)
            oldest = MIN(oldest, machine->session_started_at);
    }
    return oldest;
}

/* As long as the flattening is not settled, and while a guest runs that may have opened the chain
 * before. */
static gboolean needs_former_parent(const Layer *layer, gint64 oldest)
{
    return !layer->flattened_at || oldest <= layer->flattened_at;
}

typedef struct {
    const Inventory *inventory;
    GHashTable *set;
    gint64 oldest_session;
} Collector;

/* Chains are short (config.chain_limit) and cannot loop: a layer is always older than what sits on
 * it. */
static void collect(const char *layer_id, const Reason *reason, gpointer user_data)
{
    Collector *collector = user_data;
    if (!layer_id || g_hash_table_contains(collector->set, layer_id))
        return;
    g_hash_table_add(collector->set, g_strdup(layer_id));
    const Layer *layer = g_hash_table_lookup(collector->inventory->layers, layer_id);
    if (!layer)
        return;
    collect(layer->parent_id, NULL, collector);
    if (layer->former_parent_id && needs_former_parent(layer, collector->oldest_session))
        collect(layer->former_parent_id, NULL, collector);
}

GHashTable *references_collect(const Inventory *inventory)
{
    Collector collector = {inventory, g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                           oldest_session(inventory)};
    visit_roots(inventory, collect, &collector);
    return collector.set;
}

/* --- what nothing needs
 * ------------------------------------------------------------------------------------ */

static void list_layer(const Layer *layer, Changes *changes, gint64 now)
{
    g_autofree char *id = id_new();
    g_autofree char *path =
        g_strdup_printf("layers/%s/sealed/%s.%s", layer->set_id, layer->target, layer->format);
    g_autoptr(ReclaimItem) item = reclaim_item_new(id, RECLAIM_LAYER, path, now);
    item->layer_id = g_strdup(layer->id);
    item->bytes = layer->allocated_bytes;
    changes_put_reclaim(changes, item);
    changes_remove_layer(changes, layer->id);
}

/* A retired base's record goes with its last layer. */
static gboolean is_empty_retired(const Machine *machine, GHashTable *alive)
{
    return machine->retired && !machine_is_pending(machine) &&
           !g_hash_table_contains(alive, machine->id);
}

/* The base that `base_id` descends from, as far as bases are on record after the change. */
static const char *nearest_base(const Inventory *after, GHashTable *alive, const char *base_id)
{
    const Machine *base = base_id ? g_hash_table_lookup(after->machines, base_id) : NULL;
    guint bound = g_hash_table_size(after->machines);
    while (base && is_empty_retired(base, alive) && bound--) {
        const Generation *sealed = machine_actual(base);
        base = sealed && sealed->base_id ? g_hash_table_lookup(after->machines, sealed->base_id)
                                         : NULL;
    }
    return base ? base->id : NULL;
}

/* A sealed head is a layer: it sits on what its layer sits on, which flattening changes. NULL:
 * nothing to correct. */
static Generation *corrected_generation(const Inventory *after, GHashTable *used, GHashTable *alive,
                                        const Machine *base)
{
    const Generation *sealed = machine_actual(base);
    g_autoptr(Generation) corrected = generation_copy(sealed);
    const char *descends_from = nearest_base(after, alive, sealed->base_id);
    gboolean differs = g_strcmp0(descends_from, sealed->base_id) != 0;
    g_free(corrected->base_id);
    corrected->base_id = g_strdup(descends_from);
    for (guint i = 0; i < corrected->heads->len; i++) {
        Head *head = g_ptr_array_index(corrected->heads, i);
        if (!head->layer_id || g_hash_table_contains(used, head->layer_id))
            continue;
        head_set_layer(head, NULL, NULL);
        differs = TRUE;
    }
    return differs ? g_steal_pointer(&corrected) : NULL;
}

/* Records of bases follow the layers and bases that go, so that no record names what is not there.
 */
static void correct_base(const Inventory *after, GHashTable *used, GHashTable *alive,
                         const Machine *base, Changes *changes)
{
    Generation *corrected = corrected_generation(after, used, alive, base);
    if (!corrected)
        return;
    g_autoptr(Machine) next = machine_copy(base);
    machine_drop_generation(next, corrected->number);
    machine_take_generation(next, corrected);
    changes_put_machine(changes, next);
}

static void tidy_bases(const Inventory *after, GHashTable *used, GHashTable *alive,
                       Changes *changes)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, after->machines);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Machine *machine = value;
        if (is_empty_retired(machine, alive))
            changes_remove_machine(changes, machine->id);
        else if (machine->actual_place == PLACE_SEALED && machine_actual(machine))
            correct_base(after, used, alive, machine, changes);
    }
}

void references_list_unused(const Inventory *after, Changes *changes, gint64 now)
{
    g_autoptr(GHashTable) used = references_collect(after);
    g_autoptr(GHashTable) alive = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, after->layers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Layer *layer = value;
        if (g_hash_table_contains(used, layer->id))
            g_hash_table_add(alive, g_strdup(layer->machine_id ? layer->machine_id : ""));
        else
            list_layer(layer, changes, now);
    }
    tidy_bases(after, used, alive, changes);
}

/* --- explaining
 * -------------------------------------------------------------------------------------------- */

typedef struct {
    const Inventory *inventory;
    const char *layer_id;
    GPtrArray *reasons;
} Explainer;

static void explain_root(const char *layer_id, const Reason *reason, gpointer user_data)
{
    Explainer *explainer = user_data;
    if (g_strcmp0(layer_id, explainer->layer_id) == 0)
        g_ptr_array_add(explainer->reasons,
                        g_strdup_printf("%s'%s'%s", reason->before, reason->name, reason->after));
}

static void explain_children(Explainer *explainer)
{
    gint64 oldest = oldest_session(explainer->inventory);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, explainer->inventory->layers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Layer *layer = value;
        if (g_strcmp0(layer->parent_id, explainer->layer_id) == 0)
            g_ptr_array_add(explainer->reasons, g_strdup_printf("layer '%s' of '%s' sits on it",
                                                                layer->id, layer->machine_name));
        if (g_strcmp0(layer->former_parent_id, explainer->layer_id) == 0 &&
            needs_former_parent(layer, oldest))
            g_ptr_array_add(
                explainer->reasons,
                g_strdup_printf("a running machine may still have it open below layer '%s'",
                                layer->id));
    }
}

GPtrArray *references_explain(const Inventory *inventory, const char *layer_id)
{
    Explainer explainer = {inventory, layer_id, g_ptr_array_new_with_free_func(g_free)};
    visit_roots(inventory, explain_root, &explainer);
    explain_children(&explainer);
    return explainer.reasons;
}

guint references_chain_length(const Inventory *inventory, const char *layer_id)
{
    guint length = 0;
    guint bound = g_hash_table_size(inventory->layers) + 1;
    while (layer_id && length < bound) {
        const Layer *layer = g_hash_table_lookup(inventory->layers, layer_id);
        length++;
        layer_id = layer ? layer->parent_id : NULL;
    }
    return length;
}
