/* A volume: one disk slot of a machine. */
#include "model/volume.h"

Volume *volume_new(const char *target, Role role, const char *format, gboolean own)
{
    Volume *volume = g_new0(Volume, 1);
    volume->target = g_strdup(target);
    volume->role = role;
    volume->format = g_strdup(format);
    volume->own = own;
    return volume;
}

Volume *volume_copy(const Volume *volume)
{
    return volume_new(volume->target, volume->role, volume->format, volume->own);
}

void volume_free(Volume *volume)
{
    if (volume == NULL)
        return;
    g_free(volume->target);
    g_free(volume->format);
    g_free(volume);
}

char *volume_file_name(const Volume *volume)
{
    return g_strdup_printf("%s.%s", volume->target, volume->format);
}
