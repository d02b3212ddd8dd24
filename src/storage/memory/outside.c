/* Images outside the store: import and export. */
#include "storage/memory/store.h"

#include <jansson.h>
#include <string.h>

enum { DEVICE = 1 };

static Image *outside_image(MemoryStore *store, const char *path)
{
    return path ? g_hash_table_lookup(store->tree->outside, path) : NULL;
}

/* --- import
 * ----------------------------------------------------------------------------------------------------
 */

static gboolean finish_head(MemoryStore *store, const HeadDirectory *now, const Head *head,
                            GError **error)
{
    const Image *original = outside_image(store, head->source_path);
    if (head->source != HEAD_ADOPT || !original ||
        g_hash_table_lookup(now->heads, head->target) != original)
        return TRUE;
    if (!fault_point(FAULT_ADOPT_UNLINK, error))
        return FALSE;
    name_unlink(store->tree->outside, head->source_path);
    return TRUE;
}

gboolean memory_adopt_finish(Storage *storage, const Machine *machine, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    MachineDirectory *directory = check_present(store, error)
                                      ? memory_machine_directory_require(store, machine->id, error)
                                      : NULL;
    if (!directory)
        return FALSE;
    const GPtrArray *heads =
        directory->now && directory->now->record ? directory->now->record->heads : NULL;
    for (guint i = 0; heads && i < heads->len; i++)
        if (!finish_head(store, directory->now, g_ptr_array_index(heads, i), error))
            return FALSE;
    persist_machine(store, machine->id);
    persist_names(store);
    return TRUE;
}

static gboolean describe_image(const Image *image, const char *path, ImageFacts *facts_out)
{
    *facts_out = (ImageFacts){
        .canonical_path = g_strdup(path),
        .format = g_strdup(image->format),
        .capacity_bytes = image->capacity_bytes,
        .size_bytes = image_allocated(image),
        .allocated_bytes = image_allocated(image),
        .device = DEVICE,
        .inode = image->inode,
        .link_count = image->links,
        .same_file_system = TRUE,
        .locked = image->locked,
        .backing = g_strdup(image->backing),
    };
    return TRUE;
}

gboolean memory_probe_image(Storage *storage, const char *path, const char *format,
                            ImageFacts *facts_out, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    if (!check_present(store, error))
        return FALSE;
    if (!g_path_is_absolute(path))
        return error_set(error, UNDERPIN_ERROR_REFUSED, "name it with its full path",
                         "'%s' is not absolute", path);
    const Image *image = outside_image(store, path);
    if (!image)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, NULL, "there is no image '%s'", path);
    gboolean is_raw = strcmp(image->format, "raw") == 0;
    if (is_raw && !format)
        return error_set(error, UNDERPIN_ERROR_REFUSED, "say that it is raw, if it is",
                         "'%s' has no header that names its format", path);
    if (format && strcmp(format, image->format) != 0)
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "'%s' is %s, not %s", path,
                         image->format, format);
    return describe_image(image, path, facts_out);
}

/* The image that an absolute path of the store names: machines/ID/now/TARGET.FORMAT. */
static const Image *store_image(MemoryStore *store, const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    if (!g_str_has_prefix(path, MEMORY_ROOT "/machines/") || g_strv_length(parts) != 6 ||
        strcmp(parts[4], "now") != 0)
        return NULL;
    const MachineDirectory *machine = machine_directory(store, parts[3]);
    char *dot = strrchr(parts[5], '.');
    if (!machine || !machine->now || !dot)
        return NULL;
    *dot = '\0';
    return g_hash_table_lookup(machine->now->heads, parts[5]);
}

gboolean memory_is_file(Storage *storage, const char *path, guint64 device, guint64 inode)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    const Image *image = outside_image(store, path);
    if (!image)
        image = store_image(store, path);
    return image && device == DEVICE && image->inode == inode;
}

gboolean memory_find_user_of_image(Storage *storage, const char *path, char **by_out,
                                   GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    GHashTableIter iter;
    gpointer name, image;
    g_autofree char *directory = g_path_get_dirname(path);
    if (!check_present(store, error))
        return FALSE;
    g_hash_table_iter_init(&iter, store->tree->outside);
    while (g_hash_table_iter_next(&iter, &name, &image)) {
        g_autofree char *other = g_path_get_dirname(name);
        if (strcmp(other, directory) != 0 || g_strcmp0(((Image *)image)->backing, path) != 0)
            continue;
        *by_out = g_strdup(name);
        return TRUE;
    }
    *by_out = NULL;
    return TRUE;
}

/* --- export
 * ----------------------------------------------------------------------------------------------------
 */

/* Where the import found a volume; NULL: not said. Borrowed from `origin`. */
static const char *origin_path(const json_t *origin, const char *target)
{
    const json_t *disks = json_object_get(origin, "disks");
    for (size_t i = 0; i < json_array_size(disks); i++) {
        const json_t *disk = json_array_get(disks, i);
        if (g_strcmp0(json_string_value(json_object_get(disk, "target")), target) == 0)
            return json_string_value(json_object_get(disk, "path"));
    }
    return NULL;
}

static gboolean export_head(MemoryStore *store, const char *target, Image *image, const char *path,
                            GError **error)
{
    Image *there = outside_image(store, path);
    if (!path)
        return TRUE; /* made here: it has no place to go back to */
    if (image->layer_id)
        return error_set(error, UNDERPIN_ERROR_REFUSED, "detach the machine first",
                         "volume '%s' sits on a layer", target);
    if (there)
        return there == image ||
               error_set(error, UNDERPIN_ERROR_EXISTS, "move it away and try again",
                         "another file lies at '%s'", path);
    if (!fault_point(FAULT_EXPORT_LINK, error))
        return FALSE;
    name_link(store->tree->outside, path, image);
    return TRUE;
}

static gboolean export_all(MemoryStore *store, const HeadDirectory *now, const json_t *origin,
                           GCancellable *cancellable, GError **error)
{
    GHashTableIter iter;
    gpointer target, image;
    g_hash_table_iter_init(&iter, now->heads);
    while (g_hash_table_iter_next(&iter, &target, &image))
        if (g_cancellable_set_error_if_cancelled(cancellable, error) ||
            !export_head(store, target, image, origin_path(origin, target), error))
            return FALSE;
    persist_names(store);
    return TRUE;
}

gboolean memory_export_is_complete(MemoryStore *store, const Machine *machine, const char *target,
                                   const Image *image)
{
    json_t *origin = machine->origin ? json_loads(machine->origin, 0, NULL) : NULL;
    gboolean is_complete = outside_image(store, origin_path(origin, target)) == image;
    json_decref(origin);
    return is_complete;
}

static gboolean check_quiet(const HeadDirectory *now, GError **error)
{
    GHashTableIter iter;
    gpointer target, image;
    g_hash_table_iter_init(&iter, now->heads);
    while (g_hash_table_iter_next(&iter, &target, &image))
        if (((Image *)image)->locked)
            return error_set(error, UNDERPIN_ERROR_BUSY, "stop the guest that has it open",
                             "volume '%s' is open in a QEMU", (char *)target);
    return TRUE;
}

gboolean memory_export(Storage *storage, const Machine *machine, GCancellable *cancellable,
                       GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    MachineDirectory *directory = check_present(store, error)
                                      ? memory_machine_directory_require(store, machine->id, error)
                                      : NULL;
    if (!directory)
        return FALSE;
    if (!directory->now)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, NULL, "machine '%s' has no heads",
                         machine->name);
    json_t *origin = machine->origin ? json_loads(machine->origin, 0, NULL) : NULL;
    if (!origin)
        return error_set(error, UNDERPIN_ERROR_REFUSED, "only imported machines can be exported",
                         "machine '%s' was not imported", machine->name);
    gboolean ok = check_quiet(directory->now, error) &&
                  export_all(store, directory->now, origin, cancellable, error);
    json_decref(origin);
    return ok;
}

static gboolean take_back(MemoryStore *store, const char *path, const Image *image, GError **error)
{
    if (!path || outside_image(store, path) != image)
        return TRUE;
    if (!fault_point(FAULT_STAGE_ABANDON, error))
        return FALSE;
    name_unlink(store->tree->outside, path);
    return TRUE;
}

gboolean memory_export_abandon(Storage *storage, const Machine *machine, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    MachineDirectory *directory = check_present(store, error)
                                      ? memory_machine_directory_require(store, machine->id, error)
                                      : NULL;
    if (!directory)
        return FALSE;
    GHashTableIter iter;
    gpointer target, image;
    gboolean ok = TRUE;
    json_t *origin = machine->origin ? json_loads(machine->origin, 0, NULL) : NULL;
    if (directory->now)
        g_hash_table_iter_init(&iter, directory->now->heads);
    while (directory->now && ok && g_hash_table_iter_next(&iter, &target, &image))
        ok = take_back(store, origin_path(origin, target), image, error);
    persist_names(store);
    json_decref(origin);
    return ok;
}

/* The text in `now` goes last: where it is gone it has been given back. */
static gboolean give_variables_back(MemoryStore *store, MachineDirectory *directory,
                                    const char *path, GError **error)
{
    if (!path || !directory || !directory->now || !directory->now->nvram)
        return TRUE;
    if (!fault_point(FAULT_EXPORT_LINK, error))
        return FALSE;
    g_hash_table_insert(store->tree->outside_nvram, g_strdup(path),
                        g_strdup(directory->now->nvram));
    persist_names(store);
    if (!fault_point(FAULT_EXPORT_LINK, error))
        return FALSE;
    g_clear_pointer(&directory->now->nvram, g_free);
    return TRUE;
}

gboolean memory_export_finish(Storage *storage, const Machine *machine, GError **error)
{
    MemoryStore *store = memory_store(storage);
    STORE_LOCKED(store);
    if (!check_present(store, error))
        return FALSE;
    json_t *origin = machine->origin ? json_loads(machine->origin, 0, NULL) : NULL;
    const char *path = json_string_value(json_object_get(origin, "nvram"));
    gboolean ok = give_variables_back(store, machine_directory(store, machine->id), path, error);
    persist_machine(store, machine->id);
    json_decref(origin);
    return ok;
}
