/*
 * A walk over the whole store: what lies there, and what nothing of ours explains. Nothing is ever
 * deleted here (invariant 5): an orphan is shown to a person.
 */
#include "storage/directory/store.h"

#include <string.h>

#include "foundation/ids.h"
#include "model/layer.h"

/* One walk. */
typedef struct {
    DirectoryStore *store;
    StorageFound found;
    gpointer user_data;
    gboolean stopped;
} Scan;

static gboolean tell(Scan *scan, FoundKind kind, const char *path, const char *id)
{
    scan->stopped = scan->stopped || !scan->found(kind, path, id, scan->user_data);
    return !scan->stopped;
}

static gboolean is_one_of(const char *name, const char *const *names)
{
    return g_strv_contains(names, name);
}

static gboolean is_head(const char *name)
{
    g_autofree char *target = NULL, *format = NULL;
    return head_file_split(name, &target, &format);
}

/* --- machines --------------------------------------------------------------------------------- */

/* Files beside the heads of one generation. */
static gboolean scan_heads(Scan *scan, int machine_fd, const char *directory, const char *path,
                           GError **error)
{
    static const char *const known[] = {NAME_RECORD, NAME_NVRAM, NULL};
    g_auto(Descriptor) fd = -1;
    if (!directory_find(machine_fd, directory, &fd, error))
        return FALSE;
    if (fd < 0)
        return TRUE;
    g_autoptr(GPtrArray) names = directory_list(fd, error);
    g_autoptr(Generation) generation = generation_read(fd, NULL, NULL);
    for (guint i = 0; names && !scan->stopped && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *target = NULL, *format = NULL;
        gboolean explained =
            is_one_of(name, known) || (head_file_split(name, &target, &format) && generation &&
                                       generation_head(generation, target));
        g_autofree char *file = g_strconcat(path, "/", directory, "/", name, NULL);
        if (!explained)
            tell(scan, FOUND_ORPHAN, file, NULL);
    }
    return names != NULL;
}

static gboolean scan_machine_entry(Scan *scan, int machine_fd, const char *name, const char *path,
                                   GError **error)
{
    static const char *const files[] = {NAME_MACHINE, NAME_MACHINE_TEMPORARY, NAME_MARK, NULL};
    static const char *const directories[] = {NAME_NOW, NAME_ASIDE, NULL};
    /* Staging and removal in the middle of their work: what lies there is on its way. */
    static const char *const passing[] = {NAME_NEXT, NAME_REMOVED, NULL};
    guint64 number = 0;
    if (is_one_of(name, directories) || entry_number(name, &number))
        return scan_heads(scan, machine_fd, name, path, error);
    if (is_one_of(name, files) || is_one_of(name, passing))
        return TRUE;
    g_autofree char *file = g_strconcat(path, "/", name, NULL);
    tell(scan, FOUND_ORPHAN, file, NULL);
    return TRUE;
}

static gboolean scan_machine(Scan *scan, int machines_fd, const char *id, const char *path,
                             GError **error)
{
    g_auto(Descriptor) fd = -1;
    if (!directory_find(machines_fd, id, &fd, error))
        return FALSE;
    if (fd < 0 || !tell(scan, FOUND_MACHINE, path, id))
        return TRUE;
    /* The caller may just have removed it: it tells of an empty directory only. */
    g_autoptr(GPtrArray) names = directory_list(fd, error);
    for (guint i = 0; names && !scan->stopped && i < names->len; i++)
        if (!scan_machine_entry(scan, fd, g_ptr_array_index(names, i), path, error))
            return FALSE;
    return names != NULL;
}

/* Anything but a description, heads and undo entries is on its way somewhere. */
static gboolean has_leftovers(int machine_fd, gboolean *found_out, GError **error)
{
    static const char *const settled[] = {NAME_MACHINE, NAME_NOW, NULL};
    guint64 number = 0;
    g_autoptr(GPtrArray) names = directory_list(machine_fd, error);
    *found_out = FALSE;
    for (guint i = 0; names && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        *found_out = *found_out || (!is_one_of(name, settled) && !entry_number(name, &number));
    }
    return names != NULL;
}

gboolean directory_survey(Storage *storage, StorageSurveyed surveyed, gpointer user_data,
                          GError **error)
{
    const DirectoryStore *store = directory_store(storage);
    g_autoptr(GPtrArray) ids = directory_list(store->machines_fd, error);
    for (guint i = 0; ids && i < ids->len; i++) {
        const char *id = g_ptr_array_index(ids, i);
        g_auto(Descriptor) fd = -1;
        gboolean found = FALSE;
        if (!id_is_valid(id))
            continue;
        if (!directory_find(store->machines_fd, id, &fd, error) ||
            (fd >= 0 && !has_leftovers(fd, &found, error)))
            return FALSE;
        if (fd >= 0)
            surveyed(id, found, user_data);
    }
    return ids != NULL;
}

/* --- layers ----------------------------------------------------------------------------------- */

static gboolean scan_sealed(Scan *scan, int set_fd, const char *set_id, const char *path,
                            GError **error)
{
    static const char *const known[] = {NAME_RECORD, NAME_NVRAM, NULL};
    g_auto(Descriptor) fd = -1;
    if (!directory_find(set_fd, NAME_SEALED, &fd, error))
        return FALSE;
    g_autoptr(GPtrArray) names = fd < 0 ? g_ptr_array_new() : directory_list(fd, error);
    for (guint i = 0; names && !scan->stopped && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *target = NULL, *format = NULL;
        g_autofree char *file = g_strconcat(path, "/" NAME_SEALED "/", name, NULL);
        gboolean is_layer = head_file_split(name, &target, &format);
        g_autofree char *id = is_layer ? layer_id_build(set_id, target) : NULL;
        if (is_layer || !is_one_of(name, known))
            tell(scan, is_layer ? FOUND_LAYER : FOUND_ORPHAN, file, id);
    }
    return names != NULL;
}

static gboolean scan_set(Scan *scan, int layers_fd, const char *id, const char *path,
                         GError **error)
{
    static const char *const known[] = {NAME_SEALED, NAME_LAYERS, NULL};
    g_auto(Descriptor) fd = -1;
    if (!directory_find(layers_fd, id, &fd, error))
        return FALSE;
    if (fd < 0 || !tell(scan, FOUND_SET, path, id))
        return TRUE;
    g_autoptr(GPtrArray) names = directory_list(fd, error);
    for (guint i = 0; names && !scan->stopped && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *file = g_strconcat(path, "/", name, NULL);
        if (!is_one_of(name, known) && !g_str_has_prefix(name, "flat-"))
            tell(scan, FOUND_ORPHAN, file, NULL);
    }
    return names && (scan->stopped || scan_sealed(scan, fd, id, path, error));
}

/* --- trash ------------------------------------------------------------------------------------ */

static gboolean scan_kept(Scan *scan, int trash_fd, const char *id, const char *path,
                          GError **error)
{
    g_auto(Descriptor) kept_fd = -1;
    g_auto(Descriptor) fd = -1;
    if (!directory_find(trash_fd, id, &kept_fd, error) ||
        (kept_fd >= 0 && !directory_find(kept_fd, NAME_DATA, &fd, error)))
        return FALSE;
    g_autoptr(GPtrArray) names = fd < 0 ? g_ptr_array_new() : directory_list(fd, error);
    for (guint i = 0; names && !scan->stopped && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *file = g_strconcat(path, "/" NAME_DATA "/", name, NULL);
        tell(scan, is_head(name) ? FOUND_KEPT : FOUND_ORPHAN, file, is_head(name) ? id : NULL);
    }
    return names != NULL;
}

/* --- the store -------------------------------------------------------------------------------- */

typedef gboolean (*ScanEntry)(Scan *scan, int parent_fd, const char *id, const char *path,
                              GError **error);

/* Each entry of a directory whose names must all be ids. */
static gboolean scan_ids(Scan *scan, const char *directory, int fd, ScanEntry entry, GError **error)
{
    g_autoptr(GPtrArray) names = directory_list(fd, error);
    for (guint i = 0; names && !scan->stopped && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        g_autofree char *path = g_strconcat(directory, "/", name, NULL);
        if (!id_is_valid(name))
            tell(scan, FOUND_ORPHAN, path, NULL);
        else if (!entry(scan, fd, name, path, error))
            return FALSE;
    }
    return names != NULL;
}

static gboolean scan_root(Scan *scan, GError **error)
{
    static const char *const known[] = {"store.ini",  NAME_NUMBER,       "lock",
                                        "machines",   "layers",          "trash",
                                        "lost+found", ".generation.new", NULL};
    g_autoptr(GPtrArray) names = directory_list(scan->store->root_fd, error);
    for (guint i = 0; names && !scan->stopped && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        if (!is_one_of(name, known))
            tell(scan, FOUND_ORPHAN, name, NULL);
    }
    return names != NULL;
}

gboolean directory_scan(Storage *storage, StorageFound found, gpointer user_data, GError **error)
{
    DirectoryStore *store = directory_store(storage);
    Scan scan = {store, found, user_data, FALSE};
    return scan_ids(&scan, "machines", store->machines_fd, scan_machine, error) &&
           scan_ids(&scan, "layers", store->layers_fd, scan_set, error) &&
           scan_ids(&scan, "trash", store->trash_fd, scan_kept, error) && scan_root(&scan, error);
}
