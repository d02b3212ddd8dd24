/* A data volume outside any machine. */
#include "model/kept_volume.h"

KeptVolume *kept_volume_new(const char *id, const char *path, const char *target,
                            const char *format)
{
    KeptVolume *volume = g_new0(KeptVolume, 1);
    volume->ref_count = 1;
    volume->id = g_strdup(id);
    volume->path = g_strdup(path);
    volume->target = g_strdup(target);
    volume->format = g_strdup(format);
    return volume;
}

KeptVolume *kept_volume_ref(const KeptVolume *volume)
{
    KeptVolume *shared = (KeptVolume *)volume;
    g_atomic_int_inc(&shared->ref_count);
    return shared;
}

void kept_volume_unref(KeptVolume *volume)
{
    if (volume == NULL || !g_atomic_int_dec_and_test(&volume->ref_count))
        return;
    g_free(volume->id);
    g_free(volume->path);
    g_free(volume->target);
    g_free(volume->format);
    g_free(volume->layer_id);
    g_free(volume->layer_format);
    g_free(volume->machine_id);
    g_free(volume->machine_name);
    g_free(volume);
}

KeptVolume *kept_volume_copy(const KeptVolume *volume)
{
    KeptVolume *copy = g_memdup2(volume, sizeof *volume);
    copy->ref_count = 1;
    copy->id = g_strdup(volume->id);
    copy->path = g_strdup(volume->path);
    copy->target = g_strdup(volume->target);
    copy->format = g_strdup(volume->format);
    copy->layer_id = g_strdup(volume->layer_id);
    copy->layer_format = g_strdup(volume->layer_format);
    copy->machine_id = g_strdup(volume->machine_id);
    copy->machine_name = g_strdup(volume->machine_name);
    return copy;
}
