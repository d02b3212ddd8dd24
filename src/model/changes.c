/* What one transaction changes: lists of references, nothing more. */
#include "model/inventory.h"

Changes *changes_new(void)
{
    Changes *changes = g_new0(Changes, 1);
    changes->machines = g_ptr_array_new_with_free_func((GDestroyNotify)machine_unref);
    changes->machines_removed = g_ptr_array_new_with_free_func(g_free);
    changes->layers = g_ptr_array_new_with_free_func((GDestroyNotify)layer_unref);
    changes->layers_removed = g_ptr_array_new_with_free_func(g_free);
    changes->kept = g_ptr_array_new_with_free_func((GDestroyNotify)kept_volume_unref);
    changes->kept_removed = g_ptr_array_new_with_free_func(g_free);
    changes->reclaim = g_ptr_array_new_with_free_func((GDestroyNotify)reclaim_item_unref);
    changes->reclaim_removed = g_ptr_array_new_with_free_func(g_free);
    changes->jobs = g_ptr_array_new_with_free_func((GDestroyNotify)job_unref);
    return changes;
}

void changes_free(Changes *changes)
{
    if (changes == NULL)
        return;
    g_free(changes->store_uuid);
    g_ptr_array_unref(changes->machines);
    g_ptr_array_unref(changes->machines_removed);
    g_ptr_array_unref(changes->layers);
    g_ptr_array_unref(changes->layers_removed);
    g_ptr_array_unref(changes->kept);
    g_ptr_array_unref(changes->kept_removed);
    g_ptr_array_unref(changes->reclaim);
    g_ptr_array_unref(changes->reclaim_removed);
    g_ptr_array_unref(changes->jobs);
    g_free(changes);
}

gboolean changes_is_empty(const Changes *changes)
{
    const GPtrArray *const lists[] = {
        changes->machines, changes->machines_removed, changes->layers,  changes->layers_removed,
        changes->kept,     changes->kept_removed,     changes->reclaim, changes->reclaim_removed,
        changes->jobs,
    };
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++)
        if (lists[i]->len > 0)
            return FALSE;
    return changes->store_uuid == NULL;
}

void changes_put_machine(Changes *changes, const Machine *machine)
{
    g_ptr_array_add(changes->machines, machine_ref(machine));
}

/* A removal takes back what the same transaction has put before. */
void changes_remove_machine(Changes *changes, const char *id)
{
    for (guint i = changes->machines->len; i-- > 0;)
        if (g_strcmp0(((Machine *)g_ptr_array_index(changes->machines, i))->id, id) == 0)
            g_ptr_array_remove_index(changes->machines, i);
    g_ptr_array_add(changes->machines_removed, g_strdup(id));
}

void changes_put_layer(Changes *changes, const Layer *layer)
{
    g_ptr_array_add(changes->layers, layer_ref(layer));
}

void changes_remove_layer(Changes *changes, const char *id)
{
    g_ptr_array_add(changes->layers_removed, g_strdup(id));
}

void changes_put_kept(Changes *changes, const KeptVolume *volume)
{
    g_ptr_array_add(changes->kept, kept_volume_ref(volume));
}

void changes_remove_kept(Changes *changes, const char *id)
{
    g_ptr_array_add(changes->kept_removed, g_strdup(id));
}

void changes_put_reclaim(Changes *changes, const ReclaimItem *item)
{
    g_ptr_array_add(changes->reclaim, reclaim_item_ref(item));
}

void changes_remove_reclaim(Changes *changes, const char *id)
{
    g_ptr_array_add(changes->reclaim_removed, g_strdup(id));
}

void changes_put_job(Changes *changes, const Job *job)
{
    g_ptr_array_add(changes->jobs, job_ref(job));
}
