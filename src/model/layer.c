/* A layer: an immutable disk image, one sealed volume of a base. */
#include "model/layer.h"

#include <string.h>

Layer *layer_new(const char *set_id, const char *target, Role role, const char *format,
                 guint64 capacity_bytes)
{
    Layer *layer = g_new0(Layer, 1);
    layer->ref_count = 1;
    layer->id = layer_id_build(set_id, target);
    layer->set_id = g_strdup(set_id);
    layer->target = g_strdup(target);
    layer->role = role;
    layer->format = g_strdup(format);
    layer->capacity_bytes = capacity_bytes;
    return layer;
}

Layer *layer_ref(const Layer *layer)
{
    Layer *shared = (Layer *)layer;
    g_atomic_int_inc(&shared->ref_count);
    return shared;
}

void layer_unref(Layer *layer)
{
    if (layer == NULL || !g_atomic_int_dec_and_test(&layer->ref_count))
        return;
    g_free(layer->id);
    g_free(layer->set_id);
    g_free(layer->target);
    g_free(layer->format);
    g_free(layer->parent_id);
    g_free(layer->former_parent_id);
    g_free(layer->machine_id);
    g_free(layer->machine_name);
    g_free(layer->digest);
    g_free(layer);
}

Layer *layer_copy(const Layer *layer)
{
    Layer *copy = g_memdup2(layer, sizeof *layer);
    copy->ref_count = 1;
    copy->id = g_strdup(layer->id);
    copy->set_id = g_strdup(layer->set_id);
    copy->target = g_strdup(layer->target);
    copy->format = g_strdup(layer->format);
    copy->parent_id = g_strdup(layer->parent_id);
    copy->former_parent_id = g_strdup(layer->former_parent_id);
    copy->machine_id = g_strdup(layer->machine_id);
    copy->machine_name = g_strdup(layer->machine_name);
    copy->digest = g_strdup(layer->digest);
    return copy;
}

char *layer_id_build(const char *set_id, const char *target)
{
    return g_strdup_printf("%s-%s", set_id, target);
}

gboolean layer_id_split(const char *layer_id, char **set_id_out, char **target_out)
{
    const char *dash = layer_id == NULL ? NULL : strchr(layer_id, '-');
    if (dash == NULL || dash == layer_id || dash[1] == '\0' || strchr(dash + 1, '-') != NULL)
        return FALSE;
    *set_id_out = g_strndup(layer_id, (gsize)(dash - layer_id));
    *target_out = g_strdup(dash + 1);
    return TRUE;
}
