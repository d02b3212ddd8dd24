/*
 * Opening a store, its lock, its generation number, and the table that makes it a storage port.
 *
 * A store that is not mounted looks like an empty directory. So a store leaves a record beside
 * itself, in the directory above: ".NAME.underpin-store" with its UUID. Where that is there and the
 * store is not, none is made.
 */
#include "storage/directory/directory_storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "foundation/durable_file.h"
#include "foundation/ids.h"
#include "storage/directory/store.h"

static const char *const default_import_directories[] = {
    "/var/lib/libvirt/images",
    "/var/lib/libvirt/qemu/nvram", /* UEFI variables */
    NULL,
};

static const StorageOps operations;

/* --- the record beside the store -------------------------------------------------------------- */

static char *beside_path(const char *root)
{
    g_autofree char *parent = g_path_get_dirname(root);
    g_autofree char *name = g_path_get_basename(root);
    g_autofree char *file = g_strdup_printf(".%s.underpin-store", name);
    return g_build_filename(parent, file, NULL);
}

/* A file system above that cannot be written to is no reason to have no store: the catalog knows
 * its UUID too. */
static void beside_write(const DirectoryStore *store)
{
    g_autofree char *path = beside_path(store->root);
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *text = g_strconcat(store->uuid, "\n", NULL);
    g_autofree char *old = NULL;
    g_auto(Descriptor) fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    old = file_read_bounded(fd, name, 64, NULL, NULL);
    if (g_strcmp0(old, text) != 0)
        durable_file_replace(fd, name, text, strlen(text), MODE_RECORD, NULL);
}

static gboolean refuse_missing(const DirectoryStore *store, const char *why, const char *hint,
                               GError **error)
{
    return error_set(error, UNDERPIN_ERROR_UNAVAILABLE, hint, "there is no store at '%s': %s",
                     store->root, why);
}

static gboolean check_may_create(const DirectoryStore *store, gboolean create, GError **error)
{
    g_autofree char *beside = beside_path(store->root);
    g_autofree char *hint = g_strdup_printf(
        "mount its file system; if the store is gone for good, remove '%s'", beside);
    if (access(beside, F_OK) == 0)
        return refuse_missing(store, "one was made here, but it is not mounted", hint, error);
    return create ||
           refuse_missing(store, "the directory is empty or missing",
                          "mount its file system, or set 'directory' in the configuration", error);
}

/* --- opening ---------------------------------------------------------------------------------- */

static gboolean check_owner(const DirectoryStore *store, GError **error)
{
    struct stat status;
    if (fstat(store->root_fd, &status) != 0)
        return error_set_errno(error, errno, "cannot look at the store '%s'", store->root);
    if (status.st_uid == geteuid() && (status.st_mode & 0022) == 0)
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_REFUSED, "chown it to root, and chmod 0711",
                     "others may write to the store '%s'", store->root);
}

static gboolean open_root(DirectoryStore *store, gboolean create, GError **error)
{
    char *canonical = realpath(store->root, NULL);
    if (!canonical && errno == ENOENT) {
        if (!check_may_create(store, create, error))
            return FALSE;
        if (g_mkdir_with_parents(store->root, MODE_DIRECTORY) != 0)
            return error_set_errno(error, errno, "cannot make the directory '%s'", store->root);
        canonical = realpath(store->root, NULL);
    }
    if (!canonical)
        return error_set_errno(error, errno, "cannot find the store '%s'", store->root);
    g_free(store->root);
    store->root = g_strdup(canonical);
    free(canonical);
    store->root_fd = open(store->root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return store->root_fd >= 0 ||
           error_set_errno(error, errno, "cannot open the store '%s'", store->root);
}

/* A store in the making has nothing but what make_store() puts there before store.ini. */
static gboolean check_is_empty(const DirectoryStore *store, GError **error)
{
    static const char *const making[] = {"lost+found", "lock",      "machines", "layers",
                                         "trash",      NAME_NUMBER, NULL};
    g_autofree char *temporary = durable_file_temporary(NAME_NUMBER);
    g_autoptr(GPtrArray) names = directory_list(store->root_fd, error);
    for (guint i = 0; names && i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        if (!g_strv_contains(making, name) && strcmp(name, temporary) != 0 &&
            !g_str_has_prefix(name, ".store.ini") && !g_str_has_prefix(name, "store.ini"))
            return error_set(error, UNDERPIN_ERROR_REFUSED, "give the store a directory of its own",
                             "'%s' holds something else ('%s')", store->root, name);
    }
    return names != NULL;
}

static gboolean open_lock(DirectoryStore *store, GError **error)
{
    store->lock_fd =
        openat(store->root_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, MODE_RECORD);
    if (store->lock_fd < 0)
        return error_set_errno(error, errno, "cannot open the lock of the store '%s'", store->root);
    return store_lock(store->lock_fd, store->root, error);
}

static gboolean open_directories(DirectoryStore *store, GError **error)
{
    int fds[3] = {-1, -1, -1};
    if (store->mounts_layers && !layers_mount_lift(store, error))
        return FALSE;
    static const char *const names[] = {"machines", "layers", "trash"};
    static const mode_t modes[] = {MODE_DIRECTORY, MODE_DIRECTORY, 0700};
    gboolean ok = TRUE;
    for (gsize i = 0; ok && i < G_N_ELEMENTS(names); i++)
        ok = directory_make(store->root_fd, names[i], modes[i], &fds[i], NULL, error);
    store->machines_fd = fds[0];
    store->layers_fd = fds[1];
    store->trash_fd = fds[2];
    return ok;
}

/* store.ini is written last: with it there is a store. */
static gboolean make_store(DirectoryStore *store, const DirectoryStorageConfig *config,
                           GError **error)
{
    g_autofree char *uuid = uuid_new();
    if (!check_may_create(store, config->create, error) || !check_is_empty(store, error) ||
        !open_lock(store, error))
        return FALSE;
    if (fchmod(store->root_fd, MODE_DIRECTORY) != 0)
        return error_set_errno(error, errno, "cannot set the mode of '%s'", store->root);
    if (!open_directories(store, error) || !number_make(store->root_fd, 0, error) ||
        !store_write(store->root_fd, uuid, config->hook_socket, config->claims_directory, error))
        return FALSE;
    g_strlcpy(store->uuid, uuid, sizeof store->uuid);
    return TRUE;
}

static gboolean load_store(DirectoryStore *store, const DirectoryStorageConfig *config,
                           GError **error)
{
    if (!open_lock(store, error))
        return FALSE;
    g_autofree char *uuid = store_read_uuid(store->root_fd, error);
    if (!uuid)
        return FALSE;
    g_strlcpy(store->uuid, uuid, sizeof store->uuid);
    return open_directories(store, error) &&
           store_write(store->root_fd, uuid, config->hook_socket, config->claims_directory, error);
}

static void learn_abilities(DirectoryStore *store)
{
    store->exchanges = exchange_probe(store->root_fd);
    store->has_flag = immutable_probe(store->root_fd);
    store->mounts_layers = store->mounts_layers && !store->has_flag;
    store->has_labels = access("/sys/fs/selinux/enforce", F_OK) == 0;
}

static gboolean open_store(DirectoryStore *store, const DirectoryStorageConfig *config,
                           GError **error)
{
    struct stat status;
    gboolean exists = FALSE;
    g_autoptr(GError) unmounted = NULL;
    if (!open_root(store, config->create, error) ||
        !entry_find(store->root_fd, "store.ini", NULL, &exists, error) ||
        !check_owner(store, error) ||
        !(exists ? load_store(store, config, error) : make_store(store, config, error)) ||
        !number_open(store->root_fd, &store->number_fd, &store->generation, error))
        return FALSE;
    if (fstat(store->root_fd, &status) != 0 || syncfs(store->root_fd) != 0)
        return error_set_errno(error, errno, "cannot sync the store '%s'", store->root);
    store->device = status.st_dev;
    store->inode = status.st_ino;
    learn_abilities(store);
    if (!layers_mount_ensure(store, &unmounted))
        g_warning("layers are not protected: %s", unmounted->message);
    beside_write(store);
    return TRUE;
}

Storage *directory_storage_open(const DirectoryStorageConfig *config, GError **error)
{
    const char *const *imports =
        config->import_directories ? config->import_directories : default_import_directories;
    if (!config->root || config->root[0] != '/') {
        error_set(error, UNDERPIN_ERROR_INVALID, "give the whole path",
                  "the store's path '%s' is not absolute", config->root ? config->root : "");
        return NULL;
    }
    DirectoryStore *store = g_new0(DirectoryStore, 1);
    store->base.ops = &operations;
    store->root = g_strdup(config->root);
    store->import_directories = g_strdupv((char **)imports);
    store->mounts_layers = config->mount_layers;
    store->root_fd = store->machines_fd = store->layers_fd = store->trash_fd = store->lock_fd =
        store->number_fd = -1;
    store->unsynced = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_mutex_init(&store->mutex);
    if (open_store(store, config, error))
        return &store->base;
    storage_free(&store->base);
    return NULL;
}

const char *directory_storage_root(Storage *storage)
{
    return directory_store(storage)->root;
}

static void directory_free(Storage *storage)
{
    DirectoryStore *store = directory_store(storage);
    int *const fds[] = {&store->machines_fd, &store->layers_fd, &store->trash_fd,
                        &store->lock_fd,     &store->number_fd, &store->root_fd};
    for (gsize i = 0; i < G_N_ELEMENTS(fds); i++)
        descriptor_close(fds[i]);
    g_hash_table_destroy(store->unsynced);
    g_mutex_clear(&store->mutex);
    g_strfreev(store->import_directories);
    g_free(store->root);
    g_free(store);
}

/* --- status ----------------------------------------------------------------------------------- */

/* The open descriptors would keep a lazily unmounted store alive: its path must still lead to it.
 */
static gboolean check_still_there(const DirectoryStore *store, GError **error)
{
    struct stat status;
    if (stat(store->root, &status) == 0 && status.st_dev == store->device &&
        status.st_ino == store->inode)
        return TRUE;
    return refuse_missing(store, "it is not mounted any more",
                          "mount its file system and restart underpind", error);
}

static LayerProtection protection_of(const DirectoryStore *store)
{
    if (store->has_flag)
        return LAYERS_IMMUTABLE;
    return store->mounts_layers && layers_mount_is_in_force(store) ? LAYERS_MOUNTED_READ_ONLY
                                                                   : LAYERS_UNPROTECTED;
}

static gboolean directory_status(Storage *storage, StoreStatus *status_out, GError **error)
{
    DirectoryStore *store = directory_store(storage);
    struct statvfs space;
    if (!check_still_there(store, error))
        return FALSE;
    if (fstatvfs(store->root_fd, &space) != 0)
        return error_set_errno(error, errno, "cannot look at the store '%s'", store->root);
    StoreStatus status = {.exchanges = store->exchanges,
                          .protection = protection_of(store),
                          .stable_names = TRUE,
                          .size_bytes = (guint64)space.f_blocks * space.f_frsize,
                          .free_bytes = (guint64)space.f_bavail * space.f_frsize};
    g_strlcpy(status.uuid, store->uuid, sizeof status.uuid);
    g_mutex_lock(&store->mutex);
    status.generation = store->generation;
    g_mutex_unlock(&store->mutex);
    *status_out = status;
    return TRUE;
}

/* Commits are serialised by the engine: there is one writer. */
static gboolean directory_raise_generation(Storage *storage, guint64 generation, GError **error)
{
    DirectoryStore *store = directory_store(storage);
    g_mutex_lock(&store->mutex);
    guint64 current = store->generation;
    g_mutex_unlock(&store->mutex);
    if (generation <= current)
        return check_still_there(store, error);
    if (!check_still_there(store, error) || !fault_point(FAULT_STORE_GENERATION, error) ||
        !number_raise(store->root_fd, &store->number_fd, generation, error))
        return FALSE;
    g_mutex_lock(&store->mutex);
    store->generation = MAX(store->generation, generation);
    g_mutex_unlock(&store->mutex);
    return TRUE;
}

/* --- names ------------------------------------------------------------------------------------ */

static char *directory_head_path(Storage *storage, const char *machine_id, const Volume *volume)
{
    g_autofree char *file = volume_file_name(volume);
    return g_strconcat(directory_store(storage)->root, "/machines/", machine_id, "/" NAME_NOW "/",
                       file, NULL);
}

static char *directory_nvram_path(Storage *storage, const char *machine_id)
{
    return g_strconcat(directory_store(storage)->root, "/machines/", machine_id,
                       "/" NAME_NOW "/" NAME_NVRAM, NULL);
}

static const StorageOps operations = {
    .name = "directory",
    .free = directory_free,
    .status = directory_status,
    .raise_generation = directory_raise_generation,
    .head_facts = directory_head_facts,
    .head_status = directory_head_status,
    .machine_facts = directory_machine_facts,
    .read = directory_read,
    .volume_digest = directory_volume_digest,
    .read_own = directory_read_own,
    .layer_digest = directory_layer_digest,
    .layer_facts = directory_layer_facts,
    .kept_facts = directory_kept_facts,
    .stage = directory_stage,
    .abandon = directory_abandon,
    .sync = directory_sync,
    .switch_now = directory_switch,
    .put_aside = directory_put_aside,
    .seal = directory_seal,
    .protect = directory_protect,
    .unseal = directory_unseal,
    .remove = directory_remove,
    .adopt_finish = directory_adopt_finish,
    .export_heads = directory_export,
    .export_abandon = directory_export_abandon,
    .export_finish = directory_export_finish,
    .describe = directory_describe,
    .mark = directory_mark,
    .stamp = directory_stamp,
    .flatten_stage = directory_flatten_stage,
    .flatten_switch = directory_flatten_switch,
    .flatten_abandon = directory_flatten_abandon,
    .reclaim = directory_reclaim,
    .survey = directory_survey,
    .scan = directory_scan,
    .describe_machine = directory_describe_machine,
    .describe_set = directory_describe_set,
    .check_layer = directory_check_layer,
    .head_path = directory_head_path,
    .nvram_path = directory_nvram_path,
    .probe_image = directory_probe_image,
    .is_file = directory_is_file,
    .find_user_of_image = directory_find_user_of_image,
};
