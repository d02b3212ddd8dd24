/*
 * Background care of layers, one unit of work at a time: content digests, and flattening of chains
 * that are too long.
 *
 * Flattening has the shape of every operation: the standalone copy is staged beside the layer, the
 * commit records the former parent, settling renames the copy over the layer's path, and a second
 * commit says when that was. Its content is the same before and after, so clones need no change;
 * the former parent stays referenced until it is settled, and while a machine runs that may have it
 * open (references.c).
 */
#include <string.h>

#include "engine/engine_private.h"

static void set_digest(Layer *layer, gpointer digest)
{
    g_free(layer->digest);
    layer->digest = g_strdup(digest);
}

static gboolean digest_layer(Engine *engine, const Layer *layer, GCancellable *cancellable,
                             GError **error)
{
    g_autofree char *digest = storage_layer_digest(engine->storage, layer, cancellable, error);
    return digest && engine_update_layer(engine, layer->id, set_digest, digest, error);
}

/* --- flattening
 * -------------------------------------------------------------------------------------------- */

static gboolean stands_alone(Engine *engine, const Layer *layer)
{
    g_auto(HeadFacts) facts = {0};
    return storage_layer_facts(engine->storage, layer, &facts, NULL) && facts.exists &&
           !facts.backing;
}

static void set_back(Layer *layer, gpointer data)
{
    (void)data;
    g_free(layer->parent_id);
    layer->parent_id = g_steal_pointer(&layer->former_parent_id);
}

/* Decided, but the copy could not take the layer's name: it sits on its parent as before. */
static gboolean give_flattening_up(Engine *engine, const Layer *decided, GError **error)
{
    return engine_update_layer(engine, decided->id, set_back, NULL, error) &&
           storage_flatten_abandon(engine->storage, decided, error);
}

typedef struct {
    gint64 now;
    guint64 allocated_bytes; /* 0: cannot be had */
} Flattened;

static void set_flattened(Layer *layer, gpointer data)
{
    const Flattened *flattened = data;
    layer->flattened_at = flattened->now;
    if (flattened->allocated_bytes)
        layer->allocated_bytes = flattened->allocated_bytes;
}

static gboolean record_flattening(Engine *engine, const Layer *decided, GError **error)
{
    g_auto(HeadFacts) facts = {0};
    (void)storage_layer_facts(engine->storage, decided, &facts, NULL);
    Flattened flattened = {engine_now(engine), facts.allocated_bytes};
    return engine_update_layer(engine, decided->id, set_flattened, &flattened, error);
}

/* Idempotent. What has taken the layer's name is rolled forward, at the latest by the next start.
 */
static gboolean settle_flattening(Engine *engine, const Layer *decided, GError **error)
{
    g_autoptr(GError) problem = NULL;
    if (!storage_flatten_switch(engine->storage, decided, &problem) &&
        !(stands_alone(engine, decided) &&
          storage_flatten_switch(engine->storage, decided, NULL))) {
        if (!stands_alone(engine, decided))
            (void)give_flattening_up(engine, decided, NULL);
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    return record_flattening(engine, decided, error);
}

static void decide(Layer *layer, gpointer decided_out)
{
    layer->former_parent_id = g_steal_pointer(&layer->parent_id);
    layer->flattened_at = 0;
    *(Layer **)decided_out = layer_ref(layer);
}

/* A layer that has gone meanwhile needs no flattening. */
static gboolean flatten(Engine *engine, const Layer *layer, GCancellable *cancellable,
                        GError **error)
{
    g_autoptr(Layer) decided = NULL;
    if (!storage_flatten_stage(engine->storage, layer, cancellable, error))
        return FALSE;
    gboolean ok = engine_update_layer(engine, layer->id, decide, &decided, error);
    if (ok && decided)
        return settle_flattening(engine, decided, error);
    (void)storage_flatten_abandon(engine->storage, layer, NULL);
    return ok;
}

static gboolean is_unsettled(const Layer *layer)
{
    return layer->former_parent_id && !layer->flattened_at;
}

static void recover_layer(Engine *engine, const Layer *layer)
{
    g_autoptr(GError) error = NULL;
    gboolean ok = is_unsettled(layer) ? settle_flattening(engine, layer, &error)
                                      : storage_flatten_abandon(engine->storage, layer, &error);
    if (!ok)
        g_warning("flattening of layer '%s': %s", layer->id, error->message);
}

void engine_recover_flattening(Engine *engine)
{
    g_autoptr(GPtrArray) layers = g_ptr_array_new_with_free_func((GDestroyNotify)layer_unref);
    GHashTableIter iter;
    gpointer value;
    g_rw_lock_reader_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->inventory->layers);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (((Layer *)value)->parent_id || is_unsettled(value))
            g_ptr_array_add(layers, layer_ref(value));
    g_rw_lock_reader_unlock(&engine->lock);
    for (guint i = 0; i < layers->len; i++)
        recover_layer(engine, g_ptr_array_index(layers, i));
}

static gboolean flatten_owned(Engine *engine, const char *layer_id, GCancellable *cancellable,
                              GError **error)
{
    g_autoptr(Layer) layer = engine_layer(engine, layer_id);
    if (!layer)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin layers'",
                         "there is no layer '%s'", layer_id);
    if (!layer->parent_id && !is_unsettled(layer))
        return TRUE;
    if (!engine_base_hold(engine, layer->machine_id, error))
        return FALSE;
    gboolean ok = is_unsettled(layer) ? settle_flattening(engine, layer, error)
                                      : flatten(engine, layer, cancellable, error);
    engine_base_release(engine, layer->machine_id);
    return ok;
}

/* The layer is owned like a machine, so that no two flatten it and reclaim leaves its file. */
gboolean engine_flatten_layer(Engine *engine, const char *layer_id, GCancellable *cancellable,
                              GError **error)
{
    if (!engine_occupy(engine, layer_id, "it is being flattened", error))
        return FALSE;
    gboolean ok = flatten_owned(engine, layer_id, cancellable, error);
    engine_vacate(engine, layer_id);
    return ok;
}

/* --- choosing
 * ---------------------------------------------------------------------------------------------- */

static Layer *layer_without_digest(Engine *engine)
{
    Layer *found = NULL;
    GHashTableIter iter;
    gpointer value;
    g_rw_lock_reader_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->inventory->layers);
    while (!found && g_hash_table_iter_next(&iter, NULL, &value))
        if (!((Layer *)value)->digest)
            found = layer_ref(value);
    g_rw_lock_reader_unlock(&engine->lock);
    return found;
}

/* The top layer of a chain beyond the limit: flattening it frees everything that sits on it from
 * all below. */
static Layer *layer_too_deep(Engine *engine)
{
    Layer *found = NULL;
    GHashTableIter iter;
    gpointer value;
    g_rw_lock_reader_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->inventory->layers);
    while (!found && g_hash_table_iter_next(&iter, NULL, &value)) {
        const Layer *layer = value;
        if (references_chain_length(engine->inventory, layer->id) > engine->config.chain_limit)
            found = layer_ref(layer);
    }
    g_rw_lock_reader_unlock(&engine->lock);
    return found;
}

/* A layer whose digest cannot be had (exotic compression) is marked so, else it would be tried for
 * ever. */
static gboolean digest_or_mark(Engine *engine, const Layer *layer, GCancellable *cancellable,
                               GError **error)
{
    g_autoptr(GError) problem = NULL;
    if (digest_layer(engine, layer, cancellable, &problem))
        return TRUE;
    if (error_code(problem) != UNDERPIN_ERROR_UNSUPPORTED) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    return engine_update_layer(engine, layer->id, set_digest, (gpointer) "none", error);
}

gboolean engine_maintain(Engine *engine, gboolean *more_out, GCancellable *cancellable,
                         GError **error)
{
    if (!engine_check_unquestioned(engine, error))
        return FALSE;
    g_autoptr(Layer) plain = layer_without_digest(engine);
    g_autoptr(Layer) deep = plain ? NULL : layer_too_deep(engine);
    gboolean ok = plain  ? digest_or_mark(engine, plain, cancellable, error)
                  : deep ? engine_flatten_layer(engine, deep->id, cancellable, error)
                         : TRUE;
    *more_out = ok && (plain || deep);
    return ok;
}
