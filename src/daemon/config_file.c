/* Reading the configuration's files: the main one, then its drop-ins. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config.h"
#include "foundation/error.h"

#define FILE_LIMIT_BYTES (1024 * 1024)

/* The daemon is root and starts programs that this file names: whoever can write it is root. */
static gboolean check_owner(int fd, const char *path, gsize *size_out, GError **error)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "looking at '%s'", path);
    if (!S_ISREG(status.st_mode) || status.st_size > FILE_LIMIT_BYTES)
        return error_set(error, UNDERPIN_ERROR_INVALID, "put a text file there",
                         "'%s' is no configuration file", path);
    gboolean is_private = (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
                          (status.st_uid == 0 || status.st_uid == geteuid());
    if (!is_private)
        return error_set(error, UNDERPIN_ERROR_DENIED,
                         "let root own it, and nobody else write to it", "others may change '%s'",
                         path);
    *size_out = (gsize)status.st_size;
    return TRUE;
}

static gboolean read_fully(int fd, const char *path, gsize size, char *text, GError **error)
{
    for (gsize done = 0; done < size;) {
        ssize_t length = read(fd, text + done, size - done);
        if (length < 0)
            return error_set_errno(error, errno, "reading '%s'", path);
        if (length == 0)
            break;
        done += (gsize)length;
    }
    return TRUE;
}

/* NULL without an error where there is no such file. */
static char *read_text(const char *path, GError **error)
{
    gsize size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        if (errno != ENOENT)
            error_set_errno(error, errno, "opening '%s'", path);
        return NULL;
    }
    g_autofree char *text = NULL;
    if (check_owner(fd, path, &size, error)) {
        text = g_malloc0(size + 1);
        if (!read_fully(fd, path, size, text, error))
            g_clear_pointer(&text, g_free);
    }
    close(fd);
    return g_steal_pointer(&text);
}

static gboolean take_section(Config *config, GKeyFile *file, const char *section, const char *path,
                             GError **error)
{
    g_auto(GStrv) names = g_key_file_get_keys(file, section, NULL, NULL);
    if (!names[0] && !config_has_section(section))
        return config_set(config, section, "", "", path, error);
    for (guint i = 0; names[i]; i++) {
        g_autofree char *value = g_key_file_get_value(file, section, names[i], NULL);
        if (!config_set(config, section, names[i], g_strstrip(value), path, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean take_text(Config *config, const char *text, const char *path, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) failure = NULL;
    if (text[0] != '\0' &&
        !g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, &failure))
        return error_set(error, UNDERPIN_ERROR_INVALID,
                         "write [section], key = value, and # comments", "%s: %s", path,
                         failure->message);
    g_auto(GStrv) sections = g_key_file_get_groups(file, NULL);
    for (guint i = 0; sections[i]; i++) {
        if (!take_section(config, file, sections[i], path, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean load_one(Config *config, const char *path, gboolean must_exist, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autofree char *text = read_text(path, &failure);
    if (failure) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    if (!text && must_exist)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "none is needed: leave out --config",
                         "there is no configuration file '%s'", path);
    return !text || take_text(config, text, path, error);
}

static int compare_names(gconstpointer one, gconstpointer other)
{
    return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* Sorted paths; none where there is no directory. */
static GPtrArray *list_drop_ins(const char *directory, GError **error)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) failure = NULL;
    g_autoptr(GDir) entries = g_dir_open(directory, 0, &failure);
    if (!entries && !g_error_matches(failure, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        error_set(error, UNDERPIN_ERROR_INVALID, "it must be a directory that root can read",
                  "'%s' cannot be read", directory);
        return NULL;
    }
    const char *name;
    while (entries && (name = g_dir_read_name(entries))) {
        if (g_str_has_suffix(name, ".ini") && name[0] != '.')
            g_ptr_array_add(paths, g_build_filename(directory, name, NULL));
    }
    g_ptr_array_sort(paths, compare_names);
    return g_steal_pointer(&paths);
}

gboolean config_load(Config *config, const char *path, gboolean must_exist, GError **error)
{
    if (!load_one(config, path, must_exist, error))
        return FALSE;
    g_autofree char *directory = g_strconcat(path, ".d", NULL);
    g_autoptr(GPtrArray) drop_ins = list_drop_ins(directory, error);
    if (!drop_ins)
        return FALSE;
    for (guint i = 0; i < drop_ins->len; i++) {
        if (!load_one(config, drop_ins->pdata[i], TRUE, error))
            return FALSE;
    }
    return TRUE;
}
