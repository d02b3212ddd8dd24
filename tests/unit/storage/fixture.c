/* Implements the fixture. */
#include "prelude.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the file system -------------------------------------------------------------------------- */

static char *shell_list(const char *format, va_list arguments)
{
    g_autofree char *command = g_strdup_vprintf(format, arguments);
    const char *const argv[] = {"sh", "-c", command, NULL};
    g_autofree char *output = NULL, *errors = NULL;
    int status = 0;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, &errors,
                      &status, NULL) ||
        !g_spawn_check_wait_status(status, NULL))
        return NULL;
    return g_steal_pointer(&output);
}

char *shell(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *output = shell_list(format, arguments);
    va_end(arguments);
    return output;
}

gboolean shell_ok(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *output = shell_list(format, arguments);
    va_end(arguments);
    return output != NULL;
}

static gboolean mount_loop(const char *type, const char *image, const char *mount, guint mebibytes)
{
    const char *force = strcmp(type, "ext4") == 0 ? "-F" : "-f";
    return shell_ok("truncate -s %uM '%s' && mkfs.%s -q %s '%s' && mount -o loop '%s' '%s'",
                    mebibytes, image, type, force, image, image, mount);
}

Scratch *scratch_mount(const char *type, guint mebibytes)
{
    g_autofree char *directory = g_dir_make_tmp("underpin-store-XXXXXX", NULL);
    if (!directory || geteuid() != 0)
        return NULL;
    Scratch *scratch = g_new0(Scratch, 1);
    scratch->mount = g_build_filename(directory, "mount", NULL);
    g_autofree char *image = g_build_filename(directory, "image", NULL);
    scratch->directory = g_steal_pointer(&directory);
    gboolean ok = mkdir(scratch->mount, 0755) == 0;
    if (ok && strcmp(type, "tmpfs") == 0)
        ok = shell_ok("mount -t tmpfs -o size=%uM tmpfs '%s'", mebibytes, scratch->mount);
    else if (ok)
        ok = mount_loop(type, image, scratch->mount, mebibytes);
    /* So that the path of a store is what the kernel says it is. */
    if (ok)
        return scratch;
    scratch_unmount(scratch);
    return NULL;
}

void scratch_unmount(Scratch *scratch)
{
    if (!scratch)
        return;
    if (umount(scratch->mount) != 0)
        umount2(scratch->mount, MNT_DETACH);
    shell_ok("rm -rf '%s'", scratch->directory);
    g_free(scratch->directory);
    g_free(scratch->mount);
    g_free(scratch);
}

/* --- the store -------------------------------------------------------------------------------- */

void site_open(Site *site)
{
    const char *const imports[] = {site->import, NULL};
    DirectoryStorageConfig config = {.root = site->root,
                                     .import_directories = imports,
                                     .hook_socket = "/run/underpin/hook",
                                     .claims_directory = "/run/underpin/claims",
                                     .create = TRUE};
    assert_ok((site->storage = directory_storage_open(&config, &error)) != NULL);
}

Site *site_new(const Scratch *scratch, const char *name)
{
    Site *site = g_new0(Site, 1);
    site->path = g_build_filename(scratch->mount, name, NULL);
    site->root = g_build_filename(site->path, "store", NULL);
    site->import = g_build_filename(site->path, "import", NULL);
    assert_int_equal(mkdir(site->path, 0755), 0);
    assert_int_equal(mkdir(site->import, 0755), 0);
    site_open(site);
    return site;
}

void site_close(Site *site)
{
    storage_free(site->storage);
    site->storage = NULL;
}

void site_free(Site *site)
{
    site_close(site);
    shell_ok("chattr -R -i '%s'", site->path);
    assert_true(shell_ok("rm -rf '%s'", site->path));
    g_free(site->path);
    g_free(site->root);
    g_free(site->import);
    g_free(site);
}

char *site_path(const Site *site, const char *path)
{
    return g_build_filename(site->root, path, NULL);
}

gboolean site_has(const Site *site, const char *path)
{
    g_autofree char *full = site_path(site, path);
    return access(full, F_OK) == 0;
}

guint64 site_inode(const Site *site, const char *path)
{
    struct stat status;
    g_autofree char *full = site_path(site, path);
    return lstat(full, &status) == 0 ? status.st_ino : 0;
}

void site_write(const Site *site, const char *path, guint64 offset, const char *text)
{
    g_autofree char *full = site_path(site, path);
    int fd = open(full, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, strlen(text), (off_t)offset), strlen(text));
    close(fd);
}

char *site_text(const Site *site, const char *path)
{
    g_autofree char *full = site_path(site, path);
    char *text = NULL;
    return g_file_get_contents(full, &text, NULL, NULL) ? text : NULL;
}

/* --- machines --------------------------------------------------------------------------------- */

Machine *machine_sample(const char *id, const char *name, const char *data_format)
{
    g_autofree char *uuid = g_strdup_printf("00000000-0000-4000-8000-%.12s", id + 4);
    Machine *machine = machine_new(id, name, uuid, 1700000000);
    g_ptr_array_add(machine->volumes, volume_new("vda", ROLE_SYSTEM, "qcow2", FALSE));
    g_ptr_array_add(machine->volumes, volume_new("vdb", ROLE_TEMPORARY, "qcow2", FALSE));
    g_ptr_array_add(machine->volumes, volume_new("vdc", ROLE_DATA, data_format, FALSE));
    machine->desired_place = PLACE_NOW;
    return machine;
}

Generation *generation_blank(const Machine *machine, guint64 number)
{
    Generation *generation = generation_new(number, CAUSE_IMPORT, NULL, 1700000001);
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        g_ptr_array_add(generation->heads, head_new(volume->target, volume->role, volume->format,
                                                    CAPACITY, HEAD_BLANK));
    }
    return generation;
}

static Head *fresh_head(const Volume *volume, const char *set_id)
{
    Head *head = head_new(volume->target, volume->role, volume->format, CAPACITY, HEAD_FRESH);
    g_autofree char *layer_id = layer_id_build(set_id, volume->target);
    head_set_layer(head, layer_id, volume->role == ROLE_DATA ? "raw" : "qcow2");
    return head;
}

static Head *kept_head(const Machine *machine, const Volume *volume)
{
    Head *head = head_copy(generation_head(machine_desired(machine), volume->target));
    head->source = HEAD_KEEP;
    return head;
}

static Generation *generation_mixed(const Machine *machine, guint64 number, const char *set_id,
                                    const char *base_id, Cause cause, guint kept_roles)
{
    Generation *generation = generation_new(number, cause, base_id, 1700000002);
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        gboolean keep = (kept_roles & (1u << volume->role)) != 0;
        g_ptr_array_add(generation->heads,
                        keep ? kept_head(machine, volume) : fresh_head(volume, set_id));
    }
    return generation;
}

Generation *generation_on_set(const Machine *machine, guint64 number, const char *set_id,
                              const char *base_id, gboolean keep_data)
{
    return generation_mixed(machine, number, set_id, base_id,
                            keep_data ? CAUSE_REBASE : CAUSE_CLONE,
                            keep_data ? 1u << ROLE_DATA : 0);
}

Generation *generation_clean(const Machine *machine, guint64 number, const char *set_id,
                             const char *base_id)
{
    return generation_mixed(machine, number, set_id, base_id, CAUSE_CLEAN,
                            1u << ROLE_DATA | 1u << ROLE_SYSTEM);
}

void machine_want(Machine *machine, Generation *generation)
{
    machine->desired = generation->number;
    machine_take_generation(machine, generation);
}

void machine_settled(Machine *machine, gboolean kept)
{
    if (!kept && machine->actual != 0 && machine->actual != machine->desired)
        machine_drop_generation(machine, machine->actual);
    machine->actual = machine->desired;
    machine->actual_place = PLACE_NOW;
}

gboolean site_settle(Site *site, Machine *machine, gboolean keep)
{
    const char *ids[] = {machine->id, NULL};
    SwitchResult result = {0};
    gboolean kept = FALSE;
    guint64 bytes = 0;
    assert_ok(storage_stage(site->storage, machine, machine_desired(machine), NULL, &error));
    assert_ok(storage_sync(site->storage, ids, &error));
    assert_ok(storage_switch(site->storage, machine, machine->desired, &result, &error));
    assert_true(result.switched);
    assert_int_equal(result.old, machine->actual);
    assert_ok(storage_put_aside(site->storage, machine, keep, &kept, &bytes, &error));
    assert_ok(storage_sync(site->storage, ids, &error));
    machine_settled(machine, kept);
    return kept;
}

Machine *site_make_base(Site *site, const char *id, const char *name, const char *set_id)
{
    Machine *machine = machine_sample(id, name, "raw");
    machine_want(machine, generation_blank(machine, 1));
    site_settle(site, machine, FALSE);
    g_autofree char *data = g_strdup_printf("machines/%s/now/vdc.raw", id);
    site_write(site, data, 4096, "golden data");
    machine->set_id = g_strdup(set_id);
    machine->desired_place = PLACE_SEALED;
    machine->prepared_at = 1700000003;
    assert_ok(storage_seal(site->storage, machine, &error));
    machine->actual_place = PLACE_SEALED;
    return machine;
}

Machine *site_make_clone(Site *site, const char *id, const char *name, const char *set_id,
                         const char *base_id)
{
    Machine *machine = machine_sample(id, name, "qcow2");
    machine_want(machine, generation_on_set(machine, 1, set_id, base_id, FALSE));
    site_settle(site, machine, FALSE);
    return machine;
}
