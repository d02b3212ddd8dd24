/*
 * Background care of layers, one unit of work at a time: content digests, and flattening of chains that are too long.
 *
 * Flattening has the shape of every operation: the standalone copy is staged beside the layer, the commit records the
 * former parent, and settling renames the copy over the layer's path. Its content is the same before and after, so clones
 * need no change; the former parent stays referenced while a machine runs that may have it open (references.c).
 */
#include <string.h>

#include "engine/engine_private.h"

static Layer *find_layer(Engine *engine, const char *layer_id)
{
    g_rw_lock_reader_lock(&engine->lock);
    const Layer *layer = g_hash_table_lookup(engine->inventory->layers, layer_id);
    Layer *reference = layer ? layer_ref(layer) : NULL;
    g_rw_lock_reader_unlock(&engine->lock);
    return reference;
}

/* Changes one layer's record if it is still the one that the work was done for. */
static gboolean commit_layer(Engine *engine, const Layer *seen, const Layer *next, GError **error)
{
    g_autoptr(Layer) current = find_layer(engine, seen->id);
    if (current != seen)
        return TRUE;
    g_autoptr(Changes) changes = changes_new();
    changes_put_layer(changes, next);
    return engine_commit(engine, changes, error);
}

static gboolean digest_layer(Engine *engine, const Layer *layer, GCancellable *cancellable, GError **error)
{
    g_autofree char *digest = storage_layer_digest(engine->storage, layer, cancellable, error);
    if (!digest)
        return FALSE;
    g_autoptr(Layer) next = layer_copy(layer);
    next->digest = g_steal_pointer(&digest);
    return commit_layer(engine, layer, next, error);
}

static gboolean flatten(Engine *engine, const Layer *layer, GCancellable *cancellable, GError **error)
{
    if (!storage_flatten_stage(engine->storage, layer, cancellable, error))
        return FALSE;
    g_autoptr(Layer) next = layer_copy(layer);
    next->former_parent_id = g_steal_pointer(&next->parent_id);
    next->flattened_at = engine_now(engine);
    return storage_flatten_switch(engine->storage, layer, error) && commit_layer(engine, layer, next, error);
}

gboolean engine_flatten_layer(Engine *engine, const char *layer_id, GCancellable *cancellable, GError **error)
{
    g_autoptr(Layer) layer = find_layer(engine, layer_id);
    if (!layer)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin layers'", "there is no layer '%s'", layer_id);
    if (!layer->parent_id)
        return TRUE;
    if (!engine_base_hold(engine, layer->machine_id, error))
        return FALSE;
    gboolean ok = flatten(engine, layer, cancellable, error);
    engine_base_release(engine, layer->machine_id);
    return ok;
}

/* --- choosing ---------------------------------------------------------------------------------------------- */

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

/* The top layer of a chain beyond the limit: flattening it frees everything that sits on it from all below. */
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

/* A layer whose digest cannot be had (exotic compression) is marked so, else it would be tried for ever. */
static gboolean digest_or_mark(Engine *engine, const Layer *layer, GCancellable *cancellable, GError **error)
{
    g_autoptr(GError) problem = NULL;
    if (digest_layer(engine, layer, cancellable, &problem))
        return TRUE;
    if (error_code(problem) != UNDERPIN_ERROR_UNSUPPORTED) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    g_autoptr(Layer) next = layer_copy(layer);
    next->digest = g_strdup("none");
    return commit_layer(engine, layer, next, error);
}

gboolean engine_maintain(Engine *engine, gboolean *more_out, GCancellable *cancellable, GError **error)
{
    *more_out = identity_refresh_one(engine);
    if (*more_out)
        return TRUE;
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
