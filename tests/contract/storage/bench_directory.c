/* The bench of the directory adapter: a store in a temporary directory, qemu-img and qemu-io for
 * the world outside. */
#include "bench.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/directory/directory_storage.h"

typedef struct {
    Bench bench; /* must be first */
    char *scratch, *root, *import;
    GPtrArray *paths;
    GHashTable *locks; /* path -> descriptor */
} DirectoryBench;

static DirectoryBench *directory(Bench *bench)
{
    return (DirectoryBench *)bench;
}

static void run(const char *const *argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) process = g_subprocess_newv(
        argv, G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, &error);
    if (!process || !g_subprocess_wait_check(process, NULL, &error))
        fail_msg("%s: %s", argv[0], error->message);
}

static char *head_path(Bench *bench, const Machine *machine, const char *target)
{
    return storage_head_path(bench->storage, machine->id, machine_volume(machine, target));
}

/* --- the guest
 * ----------------------------------------------------------------------------------------------------
 */

static void fill_raw(const char *path, guint64 offset, guint8 byte, gsize length)
{
    g_autofree char *bytes = g_strnfill(length, (char)byte);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, length, (off_t)offset), length);
    close(fd);
}

static void fill(const char *path, const char *format, guint64 offset, guint8 byte, gsize length)
{
    g_autofree char *command =
        g_strdup_printf("write -P 0x%02x %" G_GUINT64_FORMAT " %zu", byte, offset, length);
    const char *const argv[] = {"qemu-io", "-f", format, "-c", command, path, NULL};
    if (strcmp(format, "raw") == 0)
        fill_raw(path, offset, byte, length);
    else
        run(argv);
}

static void directory_write(Bench *bench, const Machine *machine, const char *target,
                            guint64 offset, guint8 byte, gsize length)
{
    g_autofree char *path = head_path(bench, machine, target);
    fill(path, machine_volume(machine, target)->format, offset, byte, length);
}

static void directory_pull(Bench *bench, const Machine *machine, const char *target)
{
    g_autofree char *path = head_path(bench, machine, target);
    const char *const argv[] = {"qemu-img", "rebase", "-f", "qcow2", "-b", "", path, NULL};
    run(argv);
}

/* As QEMU does it: shared locks on the bytes of what it may do (block/file-posix.c). */
static void directory_set_locked(Bench *bench, const Machine *machine, const char *target,
                                 gboolean locked)
{
    g_autofree char *path = head_path(bench, machine, target);
    if (!locked) {
        g_hash_table_remove(directory(bench)->locks, path);
        return;
    }
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 2};
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    g_hash_table_insert(directory(bench)->locks, g_strdup(path), GINT_TO_POINTER(fd));
}

static void directory_write_nvram(Bench *bench, const Machine *machine, const char *text)
{
    g_autofree char *path = storage_nvram_path(bench->storage, machine->id);
    assert_true(g_file_set_contents(path, text, -1, NULL));
}

static char *directory_read_nvram(Bench *bench, const Machine *machine)
{
    g_autofree char *path = storage_nvram_path(bench->storage, machine->id);
    char *text = NULL;
    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

/* --- outside
 * ------------------------------------------------------------------------------------------------------
 */

static const char *own_path(Bench *bench, const char *name)
{
    char *path = g_build_filename(directory(bench)->import, name, NULL);
    g_ptr_array_add(directory(bench)->paths, path);
    return path;
}

static const char *directory_put_image(Bench *bench, const char *name, const char *format,
                                       guint64 capacity, const char *backing)
{
    const char *path = own_path(bench, name);
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, capacity);
    const char *const alone[] = {"qemu-img", "create", "-q", "-f", format, path, size, NULL};
    const char *const above[] = {"qemu-img", "create", "-q",    "-f", format, "-b",
                                 backing,    "-F",     "qcow2", path, size,   NULL};
    run(backing ? above : alone);
    return path;
}

static void directory_fill_image(Bench *bench, const char *path, guint8 byte, gsize length)
{
    (void)bench;
    fill(path, g_str_has_suffix(path, ".raw") ? "raw" : "qcow2", 0, byte, length);
}

static gboolean directory_has_image(Bench *bench, const char *path)
{
    (void)bench;
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static const char *directory_put_nvram(Bench *bench, const char *name, const char *text)
{
    const char *path = own_path(bench, name);
    if (text)
        assert_true(g_file_set_contents(path, text, -1, NULL));
    else
        assert_int_equal(g_unlink(path), 0);
    return path;
}

static char *directory_get_nvram(Bench *bench, const char *path)
{
    char *text = NULL;
    (void)bench;
    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

/* --- accidents
 * ------------------------------------------------------------------------------------------------------
 */

static void directory_lose_head(Bench *bench, const Machine *machine, const char *target)
{
    g_autofree char *path = head_path(bench, machine, target);
    assert_int_equal(g_unlink(path), 0);
}

static void lift_flags(const char *path)
{
    const char *const argv[] = {"chattr", "-R", "-f", "-i", path, NULL};
    g_autoptr(GSubprocess) process = g_subprocess_newv(
        argv, G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL);
    if (process)
        g_subprocess_wait(process, NULL, NULL);
}

static void directory_lose_layer(Bench *bench, const Layer *layer)
{
    g_autofree char *set = g_build_filename(directory(bench)->root, "layers", layer->set_id, NULL);
    g_autofree char *file = g_strconcat(set, "/sealed/", layer->target, ".", layer->format, NULL);
    lift_flags(set);
    assert_int_equal(g_unlink(file), 0);
}

/* --- the bench
 * -------------------------------------------------------------------------------------------------------
 */

static Storage *open_store(const DirectoryBench *bench)
{
    const char *const imports[] = {bench->import, NULL};
    const DirectoryStorageConfig config = {.root = bench->root,
                                           .import_directories = imports,
                                           .hook_socket = "/run/underpin/hook.sock",
                                           .claims_directory = "/run/underpin/claims",
                                           .create = TRUE};
    Storage *storage = NULL;
    assert_ok((storage = directory_storage_open(&config, error)) != NULL);
    return storage;
}

static void directory_reopen(Bench *bench)
{
    storage_free(bench->storage);
    bench->storage = open_store(directory(bench));
}

static void directory_free(Bench *bench)
{
    DirectoryBench *self = directory(bench);
    const char *const argv[] = {"rm", "-rf", self->scratch, NULL};
    g_hash_table_unref(self->locks);
    storage_free(bench->storage);
    lift_flags(self->scratch);
    run(argv);
    g_ptr_array_unref(self->paths);
    g_free(self->scratch);
    g_free(self->root);
    g_free(self->import);
    g_free(self);
}

static void close_lock(gpointer fd)
{
    close(GPOINTER_TO_INT(fd));
}

Bench *bench_directory_new(void)
{
    DirectoryBench *self = g_new0(DirectoryBench, 1);
    self->scratch = g_dir_make_tmp("underpin-contract-XXXXXX", NULL);
    assert_non_null(self->scratch);
    assert_int_equal(g_chmod(self->scratch, 0711), 0);
    self->root = g_build_filename(self->scratch, "store", NULL);
    self->import = g_build_filename(self->scratch, "import", NULL);
    assert_int_equal(g_mkdir(self->import, 0711), 0);
    self->paths = g_ptr_array_new_with_free_func(g_free);
    self->locks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_lock);
    self->bench = (Bench){
        .write = directory_write,
        .pull = directory_pull,
        .set_locked = directory_set_locked,
        .write_nvram = directory_write_nvram,
        .read_nvram = directory_read_nvram,
        .put_image = directory_put_image,
        .fill_image = directory_fill_image,
        .has_image = directory_has_image,
        .put_nvram = directory_put_nvram,
        .get_nvram = directory_get_nvram,
        .lose_head = directory_lose_head,
        .lose_layer = directory_lose_layer,
        .reopen = directory_reopen,
        .free = directory_free,
    };
    self->bench.storage = open_store(self);
    return &self->bench;
}
