/* Implements the reading of --disk. */
#include "cli/disk_spec.h"

#include <string.h>

#include "cli/words.h"
#include "foundation/error.h"
#include "foundation/size.h"

static const char *const example = "for example --disk vda,role=system or "
                                   "--disk /srv/w11.qcow2,role=system,target=vda,format=qcow2";

static gboolean take_role(RequestDisk *disk, const char *value, GError **error)
{
    Role role = ROLE_DATA;
    if (!role_from_name(value, &role))
        return error_set(error, UNDERPIN_ERROR_INVALID, "one of system, temporary, data",
                         "there is no role '%s'", value);
    disk->role = (int)role;
    return TRUE;
}

static gboolean take_target(RequestDisk *disk, const char *value, GError **error G_GNUC_UNUSED)
{
    g_free(disk->target);
    disk->target = g_strdup(value);
    return TRUE;
}

static gboolean take_format(RequestDisk *disk, const char *value, GError **error G_GNUC_UNUSED)
{
    g_free(disk->format);
    disk->format = g_strdup(value);
    return TRUE;
}

static gboolean take_size(RequestDisk *disk, const char *value, GError **error)
{
    return size_from_text(value, &disk->capacity_bytes, error);
}

static const struct {
    const char *key;
    gboolean (*take)(RequestDisk *disk, const char *value, GError **error);
} disk_keys[] = {
    {"role", take_role}, {"target", take_target}, {"format", take_format}, {"size", take_size}};

static gboolean take_pair(RequestDisk *disk, const char *pair, GError **error)
{
    const char *equals = strchr(pair, '=');
    gsize length = equals != NULL ? (gsize)(equals - pair) : 0;
    for (gsize i = 0; i < G_N_ELEMENTS(disk_keys); i++) {
        if (equals != NULL && equals[1] != '\0' && strlen(disk_keys[i].key) == length &&
            strncmp(disk_keys[i].key, pair, length) == 0)
            return disk_keys[i].take(disk, equals + 1, error);
    }
    return error_set(
        error, UNDERPIN_ERROR_INVALID, example,
        "--disk does not understand '%s': known are role=, target=, format= and size=", pair);
}

static gboolean is_pair(const char *part)
{
    for (gsize i = 0; i < G_N_ELEMENTS(disk_keys); i++) {
        gsize length = strlen(disk_keys[i].key);
        if (strncmp(part, disk_keys[i].key, length) == 0 && part[length] == '=')
            return TRUE;
    }
    return FALSE;
}

RequestDisk *disk_spec_from_text(const char *text, gboolean by_target, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    RequestDisk *disk = request_disk_new();
    gsize first = parts[0] != NULL && is_pair(parts[0]) ? 0 : 1;
    if (parts[0] != NULL && first == 1 && by_target)
        disk->target = g_strdup(parts[0]);
    else if (parts[0] != NULL && first == 1)
        disk->path = g_canonicalize_filename(parts[0], NULL);
    for (gsize i = first; parts[0] != NULL && parts[i] != NULL; i++) {
        if (!take_pair(disk, parts[i], error)) {
            request_disk_free(disk);
            return NULL;
        }
    }
    gboolean is_whole =
        by_target ? disk->target != NULL : disk->path != NULL || disk->capacity_bytes > 0;
    if (!is_whole) {
        error_set(error, UNDERPIN_ERROR_INVALID, example, "'%s' names no disk", text);
        request_disk_free(disk);
        return NULL;
    }
    return disk;
}

char *disk_spec_to_option(const RequestDisk *disk, Role role)
{
    GString *text = g_string_new("--disk ");
    const char *name = disk->path != NULL ? disk->path : disk->target;
    g_autofree char *quoted =
        strpbrk(name != NULL ? name : "", " \t'\"$&;()<>|*?[]{}\\`!#~") != NULL
            ? g_shell_quote(name)
            : g_strdup(name);
    if (quoted != NULL)
        g_string_append_printf(text, "%s,", quoted);
    g_string_append_printf(text, "role=%s", role_name(role));
    if (disk->path != NULL && disk->target != NULL)
        g_string_append_printf(text, ",target=%s", disk->target);
    if (disk->format != NULL && disk->path != NULL)
        g_string_append_printf(text, ",format=%s", disk->format);
    if (disk->path == NULL && disk->capacity_bytes > 0)
        g_string_append_printf(text, ",size=%" G_GUINT64_FORMAT, disk->capacity_bytes);
    return g_string_free(text, FALSE);
}
