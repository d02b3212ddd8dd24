/* One file or directory on the list of what may be deleted. */
#include "model/reclaim_item.h"

#include "model/name_table.h"

static const char *const reclaim_kind_names[] = {
    [RECLAIM_ENTRY] = "entry",
    [RECLAIM_LAYER] = "layer",
    [RECLAIM_KEPT] = "kept",
};
NAME_TABLE_DEFINE(reclaim_kind, ReclaimKind, reclaim_kind_names, RECLAIM_KIND_COUNT)

ReclaimItem *reclaim_item_new(const char *id, ReclaimKind kind, const char *path, gint64 listed_at)
{
    ReclaimItem *item = g_new0(ReclaimItem, 1);
    item->ref_count = 1;
    item->id = g_strdup(id);
    item->kind = kind;
    item->path = g_strdup(path);
    item->listed_at = listed_at;
    return item;
}

ReclaimItem *reclaim_item_ref(const ReclaimItem *item)
{
    ReclaimItem *shared = (ReclaimItem *)item;
    g_atomic_int_inc(&shared->ref_count);
    return shared;
}

void reclaim_item_unref(ReclaimItem *item)
{
    if (item == NULL || !g_atomic_int_dec_and_test(&item->ref_count))
        return;
    g_free(item->id);
    g_free(item->path);
    g_free(item->machine_id);
    g_free(item->layer_id);
    g_free(item);
}
