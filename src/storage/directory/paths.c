/*
 * Directory descriptors and the names below them.
 *
 * Every path of the store is walked by openat() from a descriptor, one component at a time,
 * following no link; every component that comes from outside is an id, a target or a number,
 * checked here before it is used.
 */
#include "storage/directory/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "foundation/ids.h"
#include "model/layer.h"

static const char *const formats[] = {"qcow2", "raw"};

void descriptor_close(Descriptor *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int descriptor_steal(Descriptor *fd)
{
    int stolen = *fd;
    *fd = -1;
    return stolen;
}

gboolean directory_find(int parent_fd, const char *name, int *fd_out, GError **error)
{
    int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        return error_set_errno(error, errno, "cannot open the directory '%s'", name);
    *fd_out = fd;
    return TRUE;
}

gboolean directory_require(int parent_fd, const char *name, int *fd_out, GError **error)
{
    int fd = -1;
    if (!directory_find(parent_fd, name, &fd, error))
        return FALSE;
    if (fd < 0)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                         "there is no directory '%s'", name);
    *fd_out = fd;
    return TRUE;
}

gboolean directory_make(int parent_fd, const char *name, mode_t mode, int *fd_out,
                        gboolean *made_out, GError **error)
{
    g_auto(Descriptor) fd = -1;
    if (!directory_find(parent_fd, name, &fd, error))
        return FALSE;
    gboolean made = fd < 0;
    if (made && mkdirat(parent_fd, name, mode) != 0)
        return error_set_errno(error, errno, "cannot make the directory '%s'", name);
    if (made && !directory_require(parent_fd, name, &fd, error))
        return FALSE;
    /* The mode given to mkdirat() passes the process's umask. */
    if (made && fchmod(fd, mode) != 0)
        return error_set_errno(error, errno, "cannot set the mode of the directory '%s'", name);
    *fd_out = descriptor_steal(&fd);
    if (made_out)
        *made_out = made;
    return TRUE;
}

static void directory_stream_close(DIR *stream)
{
    closedir(stream);
}
typedef DIR DirectoryStream;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DirectoryStream, directory_stream_close)

static int compare_names(gconstpointer one, gconstpointer other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

GPtrArray *directory_list(int fd, GError **error)
{
    g_auto(Descriptor) own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(DirectoryStream) stream = own < 0 ? NULL : fdopendir(own);
    if (!stream) {
        error_set_errno(error, errno, "cannot list a directory of the store");
        return NULL;
    }
    own = -1;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    errno = 0;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL; errno = 0) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            g_ptr_array_add(names, g_strdup(entry->d_name));
    }
    if (errno != 0) {
        error_set_errno(error, errno, "cannot list a directory of the store");
        return NULL;
    }
    g_ptr_array_sort(names, compare_names);
    return g_steal_pointer(&names);
}

gboolean entry_find(int parent_fd, const char *name, struct stat *status_out, gboolean *found_out,
                    GError **error)
{
    struct stat status;
    gboolean found = fstatat(parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (!found && errno != ENOENT)
        return error_set_errno(error, errno, "cannot look at '%s'", name);
    if (found && status_out)
        *status_out = status;
    *found_out = found;
    return TRUE;
}

gboolean entry_unlink(int parent_fd, const char *name, GError **error)
{
    if (unlinkat(parent_fd, name, 0) != 0 && errno != ENOENT)
        return error_set_errno(error, errno, "cannot remove '%s'", name);
    return TRUE;
}

gboolean entry_rmdir(int parent_fd, const char *name, gboolean even_full, GError **error)
{
    if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return TRUE;
    if (even_full && (errno == ENOTEMPTY || errno == EEXIST))
        return TRUE;
    return error_set_errno(error, errno, "cannot remove the directory '%s'", name);
}

gboolean entry_is_same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

gboolean machine_id_check(const char *machine_id, GError **error)
{
    if (machine_id && id_is_valid(machine_id))
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "'%s' is not the id of a machine",
                     machine_id ? machine_id : "");
}

gboolean target_is_valid(const char *target)
{
    gsize length = target ? strlen(target) : 0;
    if (length == 0 || length >= sizeof((LayerName *)NULL)->target || target[0] == '-')
        return FALSE;
    return strspn(target, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
           length;
}

gboolean format_is_known(const char *format)
{
    for (gsize i = 0; format && i < G_N_ELEMENTS(formats); i++)
        if (strcmp(format, formats[i]) == 0)
            return TRUE;
    return FALSE;
}

char *head_file_name(const char *target, const char *format, GError **error)
{
    if (target_is_valid(target) && format_is_known(format))
        return g_strconcat(target, ".", format, NULL);
    error_set(error, UNDERPIN_ERROR_INVALID, "volumes are qcow2 or raw, targets like 'vda'",
              "'%s.%s' cannot be a volume's file", target ? target : "", format ? format : "");
    return NULL;
}

gboolean head_file_split(const char *file, char **target_out, char **format_out)
{
    const char *dot = strrchr(file, '.');
    if (!dot || !format_is_known(dot + 1))
        return FALSE;
    g_autofree char *target = g_strndup(file, (gsize)(dot - file));
    if (!target_is_valid(target))
        return FALSE;
    *target_out = g_steal_pointer(&target);
    *format_out = g_strdup(dot + 1);
    return TRUE;
}

char *entry_name(guint64 number)
{
    return g_strdup_printf("undo-%" G_GUINT64_FORMAT, number);
}

gboolean entry_number(const char *name, guint64 *number_out)
{
    return g_str_has_prefix(name, "undo-") && name[5] != '0' &&
           g_ascii_string_to_unsigned(name + 5, 10, 1, G_MAXINT64, number_out, NULL);
}

gboolean kept_path_split(const char *path, char **kept_id_out, char **file_out)
{
    g_auto(GStrv) parts = g_strsplit(path ? path : "", "/", 5);
    g_autofree char *target = NULL, *format = NULL;
    if (g_strv_length(parts) != 4 || strcmp(parts[0], "trash") != 0 || !id_is_valid(parts[1]) ||
        strcmp(parts[2], NAME_DATA) != 0 || !head_file_split(parts[3], &target, &format))
        return FALSE;
    *kept_id_out = g_strdup(parts[1]);
    *file_out = g_strdup(parts[3]);
    return TRUE;
}

gboolean layer_name_from_path(const char *path, LayerName *name_out)
{
    g_auto(GStrv) parts = g_strsplit(path ? path : "", "/", 5);
    g_autofree char *target = NULL, *format = NULL;
    if (g_strv_length(parts) != 4 || strcmp(parts[0], "layers") != 0 || !id_is_valid(parts[1]) ||
        strcmp(parts[2], NAME_SEALED) != 0 || !head_file_split(parts[3], &target, &format))
        return FALSE;
    g_strlcpy(name_out->set_id, parts[1], sizeof name_out->set_id);
    g_strlcpy(name_out->target, target, sizeof name_out->target);
    g_strlcpy(name_out->format, format, sizeof name_out->format);
    return TRUE;
}

gboolean machine_directory_find(DirectoryStore *store, const char *machine_id, int *fd_out,
                                GError **error)
{
    return machine_id_check(machine_id, error) &&
           directory_find(store->machines_fd, machine_id, fd_out, error);
}

gboolean machine_directory_require(DirectoryStore *store, const char *machine_id, int *fd_out,
                                   GError **error)
{
    int fd = -1;
    if (!machine_directory_find(store, machine_id, &fd, error))
        return FALSE;
    if (fd < 0)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                         "the store has no directory of machine '%s'", machine_id);
    *fd_out = fd;
    return TRUE;
}

gboolean layer_name_from_id(const char *layer_id, const char *format, LayerName *name_out,
                            GError **error)
{
    g_autofree char *set_id = NULL, *target = NULL;
    if (layer_id && layer_id_split(layer_id, &set_id, &target) && id_is_valid(set_id) &&
        target_is_valid(target) && format_is_known(format)) {
        g_strlcpy(name_out->set_id, set_id, sizeof name_out->set_id);
        g_strlcpy(name_out->target, target, sizeof name_out->target);
        g_strlcpy(name_out->format, format, sizeof name_out->format);
        return TRUE;
    }
    return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "'%s' (%s) is not a layer",
                     layer_id ? layer_id : "", format ? format : "no format");
}

/* What follows `prefix` in `text`, or NULL. */
static const char *after_prefix(const char *text, const char *prefix)
{
    return g_str_has_prefix(text, prefix) ? text + strlen(prefix) : NULL;
}

gboolean layer_name_from_backing(const DirectoryStore *store, const char *backing,
                                 LayerName *name_out)
{
    g_autofree char *absolute = g_strconcat(store->root, "/layers/", NULL);
    const char *rest = after_prefix(backing, "../../../layers/");
    if (!rest)
        rest = after_prefix(backing, absolute);
    if (!rest)
        return FALSE;
    g_autofree char *path = g_strconcat("layers/", rest, NULL);
    return layer_name_from_path(path, name_out);
}

char *layer_name_backing(const LayerName *name)
{
    g_autofree char *path = layer_name_path(name);
    return g_strconcat("../../../", path, NULL);
}

char *layer_name_file(const LayerName *name)
{
    return g_strconcat(name->target, ".", name->format, NULL);
}

char *layer_name_path(const LayerName *name)
{
    return g_strconcat("layers/", name->set_id, "/" NAME_SEALED "/", name->target, ".",
                       name->format, NULL);
}

char *layer_name_id(const LayerName *name)
{
    return layer_id_build(name->set_id, name->target);
}

gboolean sealed_directory_require(DirectoryStore *store, const char *set_id, int *fd_out,
                                  GError **error)
{
    g_auto(Descriptor) set_fd = -1;
    int fd = -1;
    if (!set_id || !id_is_valid(set_id))
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "'%s' is not the id of a layer set",
                         set_id ? set_id : "");
    if (!directory_find(store->layers_fd, set_id, &set_fd, error) ||
        (set_fd >= 0 && !directory_find(set_fd, NAME_SEALED, &fd, error)))
        return FALSE;
    if (fd < 0)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                         "the store has no layers '%s'", set_id);
    *fd_out = fd;
    return TRUE;
}
