/* The test world: see world.h. */
#include "support/world.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <fcntl.h>
#include <ftw.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "catalog/sqlite_catalog.h"
#include "foundation/process.h"
#include "storage/directory/directory_storage.h"
#include "storage/memory/memory_storage.h"

#define TEXT_BYTES 512
#define NOON       1700000000

/* --- life
 * --------------------------------------------------------------------------------------------------
 */

static void hear(EngineEvent event, const char *id, const GError *error, gpointer user_data)
{
    World *world = user_data;
    (void)error;
    if (event == ENGINE_WANTS_SETTLE &&
        !g_ptr_array_find_with_equal_func(world->wanted, id, g_str_equal, NULL))
        g_ptr_array_add(world->wanted, g_strdup(id));
    if (event == ENGINE_MACHINE_SETTLED)
        g_ptr_array_add(world->settled, g_strdup(id));
}

static gboolean open_storage(World *world, GError **error)
{
    if (world->kind == WORLD_MEMORY) {
        world->storage = memory_storage_new();
        return TRUE;
    }
    g_autofree char *root = g_build_filename(world->directory, "store", NULL);
    const char *imports[] = {world->directory, NULL};
    DirectoryStorageConfig config = {.root = root, .import_directories = imports, .create = TRUE};
    world->storage = directory_storage_open(&config, error);
    return world->storage != NULL;
}

static gboolean open_catalog(World *world, GError **error)
{
    g_autofree char *path = g_build_filename(world->directory, "catalog.sqlite", NULL);
    world->catalog = catalog_sqlite_new(world->kind == WORLD_MEMORY ? ":memory:" : path, error);
    return world->catalog != NULL;
}

static gboolean world_open(World *world, GError **error)
{
    g_autofree char *domains = g_build_filename(world->directory, "domains", NULL);
    g_autofree char *claims = g_build_filename(world->directory, "claims", NULL);
    if (!open_storage(world, error) || !open_catalog(world, error))
        return FALSE;
    world->hypervisor = memory_hypervisor_new(world->kind == WORLD_MEMORY ? NULL : domains);
    g_mkdir_with_parents(claims, 0700);
    world->claims =
        world->kind == WORLD_MEMORY ? claims_new_memory() : claims_new_directory(claims);
    world->clock = clock_new_manual(NOON);
    world->engine = engine_new(world->storage, world->hypervisor, world->catalog, world->claims,
                               world->clock, &world->config);
    engine_listen(world->engine, hear, world);
    return engine_open(world->engine, error) && engine_resync(world->engine, error);
}

void world_config_init(EngineConfig *config)
{
    engine_config_init(config);
    config->free_floor_bytes = 0;
}

static World *world_prepare(WorldKind kind, const char *directory)
{
    World *world = g_new0(World, 1);
    world->kind = kind;
    world->directory = g_strdup(directory);
    world->wanted = g_ptr_array_new_with_free_func(g_free);
    world->settled = g_ptr_array_new_with_free_func(g_free);
    world_config_init(&world->config);
    return world;
}

WorldKind world_kind(void)
{
    return g_strcmp0(g_getenv("UNDERPIN_TEST_WORLD"), "directory") == 0 ? WORLD_DIRECTORY
                                                                        : WORLD_MEMORY;
}

World *world_new_with(WorldKind kind, const EngineConfig *config)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *directory = g_dir_make_tmp("underpin-world-XXXXXX", NULL);
    World *world = world_prepare(kind, directory);
    world->config = *config;
    if (!world_open(world, &error))
        fail_msg("opening the world: %s", error->message);
    return world;
}

World *world_new(WorldKind kind)
{
    EngineConfig config;
    world_config_init(&config);
    return world_new_with(kind, &config);
}

World *world_attach(const char *directory, GError **error)
{
    World *world = world_prepare(WORLD_DIRECTORY, directory);
    if (world_open(world, error))
        return world;
    world_detach(world);
    return NULL;
}

static void close_ports(World *world)
{
    if (world->engine) {
        g_clear_pointer(&world->engine, engine_free);
        return;
    }
    g_clear_pointer(&world->storage, storage_free);
    g_clear_pointer(&world->catalog, catalog_free);
}

void world_detach(World *world)
{
    close_ports(world);
    g_ptr_array_unref(world->wanted);
    g_ptr_array_unref(world->settled);
    g_free(world->directory);
    g_free(world);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)walk;
    if (kind == FTW_DP || kind == FTW_F)
        return remove(path);
    return 0;
}

static int unprotect_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)walk;
    int flags = 0;
    int fd = kind == FTW_F || kind == FTW_D ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd >= 0 && ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL)) {
        flags &= ~FS_IMMUTABLE_FL;
        (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
    }
    if (fd >= 0)
        close(fd);
    return 0;
}

void world_unprotect(const char *directory)
{
    (void)nftw(directory, unprotect_one, 16, FTW_PHYS);
}

void world_erase(const char *directory)
{
    world_unprotect(directory);
    (void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void world_free(World *world)
{
    if (!world)
        return;
    g_autofree char *directory = g_strdup(world->directory);
    world_detach(world);
    world_erase(directory);
}

void world_restart(World *world)
{
    g_autoptr(GError) error = NULL;
    close_ports(world);
    if (!world_open(world, &error))
        fail_msg("opening the world again: %s", error->message);
}

/* --- requests
 * ---------------------------------------------------------------------------------------------- */

Request *world_request(Verb verb, const char *name, ...)
{
    Request *request = request_new(verb);
    va_list names;
    va_start(names, name);
    for (; name; name = va_arg(names, const char *))
        request_add_machine(request, name);
    va_end(names);
    return request;
}

Job *world_run(World *world, Request *request)
{
    static guint number = 0;
    g_autofree char *id = g_strdup_printf("%016x", ++number);
    g_autoptr(GError) error = NULL;
    Job *job = job_new(id, request, "test", NOON);
    (void)engine_run(world->engine, job, NULL, NULL, NULL, &error);
    request_free(request);
    return job;
}

static void print_job(const Job *job)
{
    print_error("%s is %s: %s\n", verb_name(job->request->verb), job_state_name(job->state),
                job->message ? job->message : "");
    for (guint i = 0; i < job->items->len; i++) {
        const JobItem *item = g_ptr_array_index(job->items, i);
        print_error("  %s is %s: %s\n", item->machine_name, item_state_name(item->state),
                    item->message ? item->message : "");
    }
}

void world_do(World *world, Request *request)
{
    g_autoptr(Job) job = world_run(world, request);
    gboolean done = job->state == JOB_DONE && job->items->len;
    for (guint i = 0; i < job->items->len; i++)
        done = done && ((JobItem *)g_ptr_array_index(job->items, i))->state == ITEM_DONE;
    if (!done)
        print_job(job);
    assert_true(done);
}

static char *make_image(World *world, const char *name, const char *target)
{
    g_autofree char *file = g_strdup_printf("%s-%s.qcow2", name, target);
    char *path =
        g_build_filename(world->kind == WORLD_MEMORY ? "/images" : world->directory, file, NULL);
    if (world->kind == WORLD_MEMORY) {
        memory_storage_put_image(world->storage, path, "qcow2", WORLD_CAPACITY_BYTES, NULL);
        return path;
    }
    const char *argv[] = {"qemu-img", "create", "-q", "-f", "qcow2", path, "4M", NULL};
    assert_true(process_run(argv, NULL, NULL, NULL));
    return path;
}

void world_import(World *world, const char *name, const char *outline)
{
    Request *request = world_request(VERB_IMPORT, name, NULL);
    g_auto(GStrv) parts = g_strsplit(outline, ",", -1);
    for (guint i = 0; parts[i]; i++) {
        g_auto(GStrv) pair = g_strsplit(parts[i], "=", 2);
        Role role = ROLE_DATA;
        assert_true(role_from_name(pair[1], &role));
        RequestDisk *disk = request_disk_new();
        disk->target = g_strdup(pair[0]);
        disk->role = (int)role;
        disk->format = g_strdup("qcow2");
        disk->path = make_image(world, name, pair[0]);
        g_ptr_array_add(request->disks, disk);
    }
    world_do(world, request);
}

void world_base(World *world, const char *name, const char *text)
{
    static const char *const TARGETS[] = {"vda", "vdb", "vdc"};
    world_import(world, name, "vda=system,vdb=temporary,vdc=data");
    for (guint i = 0; i < G_N_ELEMENTS(TARGETS); i++) {
        g_autofree char *content = g_strdup_printf("%s-%s", text, TARGETS[i]);
        world_write(world, name, TARGETS[i], content);
    }
    world_do(world, world_request(VERB_PREPARE, name, NULL));
}

void world_clone(World *world, const char *base, const char *name)
{
    world_do(world, world_request(VERB_CLONE, base, name, NULL));
}

Machine *world_machine(World *world, const char *name)
{
    g_autoptr(GError) error = NULL;
    Machine *machine = engine_find_machine(world->engine, name, &error);
    if (!machine)
        fail_msg("%s", error->message);
    return machine;
}

gboolean world_has(World *world, const char *name)
{
    g_autoptr(Machine) machine = engine_find_machine(world->engine, name, NULL);
    return machine != NULL;
}

/* --- guests
 * ------------------------------------------------------------------------------------------------
 */

static void write_image(World *world, const Machine *machine, const char *target, const char *text)
{
    g_autofree char *path =
        storage_head_path(world->storage, machine->id, machine_volume(machine, target));
    g_autofree char *source = g_build_filename(world->directory, "guest-bytes", NULL);
    g_autofree char *command = g_strdup_printf("write -q -s %s 0 %d", source, TEXT_BYTES);
    char bytes[TEXT_BYTES] = {0};
    g_strlcpy(bytes, text, sizeof bytes);
    assert_true(g_file_set_contents(source, bytes, sizeof bytes, NULL));
    const char *argv[] = {"qemu-io", "-f", machine_volume(machine, target)->format, "-c", command,
                          path,      NULL};
    g_autoptr(GError) error = NULL;
    if (!process_run(argv, NULL, NULL, &error))
        fail_msg("writing to %s of '%s': %s", target, machine->name, error->message);
}

void world_write(World *world, const char *name, const char *target, const char *text)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    char bytes[TEXT_BYTES] = {0};
    g_strlcpy(bytes, text, sizeof bytes);
    if (world->kind == WORLD_MEMORY)
        assert_true(
            memory_storage_write(world->storage, machine->id, target, 0, bytes, sizeof bytes));
    else
        write_image(world, machine, target, text);
}

void world_pull(World *world, const char *name, const char *target)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    g_autofree char *path =
        storage_head_path(world->storage, machine->id, machine_volume(machine, target));
    const char *argv[] = {"qemu-img", "rebase", "-f", "qcow2", "-b", "", path, NULL};
    g_autoptr(GError) error = NULL;
    if (world->kind == WORLD_MEMORY)
        assert_true(memory_storage_pull(world->storage, machine->id, target));
    else if (!process_run(argv, NULL, NULL, &error))
        fail_msg("pulling %s of '%s': %s", target, name, error->message);
}

char *world_read(World *world, const char *name, const char *target)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    g_autoptr(GError) error = NULL;
    char bytes[TEXT_BYTES + 1] = {0};
    if (storage_read(world->storage, machine, target, 0, bytes, TEXT_BYTES, &error) < 0)
        fail_msg("reading %s of '%s': %s", target, name, error->message);
    return g_strdup(bytes);
}

void world_assert_content(World *world, const char *name, const char *target, const char *text)
{
    g_autofree char *content = world_read(world, name, target);
    if (strcmp(content, text) != 0)
        fail_msg("%s of '%s' holds '%s', not '%s'", target, name, content, text);
}

gboolean world_may_start(World *world, const char *name, GError **error)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    return engine_hook_may_start(world->engine, machine->id, machine->uuid, NULL, error);
}

void world_start(World *world, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Machine) machine = world_machine(world, name);
    if (!world_may_start(world, name, &error))
        fail_msg("starting '%s': %s", name, error->message);
    assert_true(hypervisor_start(world->hypervisor, machine->uuid, NULL));
    world_note_started(world, machine);
}

/* As the hook does it: the mark first. */
void world_note_started(World *world, const Machine *machine)
{
    assert_true(storage_mark(world->storage, machine->id, TRUE, NULL));
    engine_hook_started(world->engine, machine->id);
    engine_domain_event(world->engine, DOMAIN_STARTED, machine->uuid);
}

void world_stop(World *world, const char *name)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    memory_hypervisor_guest_stops(world->hypervisor, machine->uuid);
    engine_hook_released(world->engine, machine->id);
    engine_domain_event(world->engine, DOMAIN_STOPPED, machine->uuid);
    world_settle_wanted(world);
}

void world_settle_wanted(World *world)
{
    g_autoptr(GPtrArray) wanted = world->wanted;
    world->wanted = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < wanted->len; i++) {
        g_autoptr(GError) error = NULL;
        if (!engine_settle(world->engine, g_ptr_array_index(wanted, i), &error))
            print_message("settling %s: %s\n", (char *)g_ptr_array_index(wanted, i),
                          error->message);
    }
}

/* --- invariants
 * -------------------------------------------------------------------------------------------- */

static gboolean is_harmless(const Finding *finding)
{
    static const char *const HARMLESS[] = {"layers-unprotected", "no-exchange", "pending",
                                           "head-pulled",        "chain-long",  "behind",
                                           "space-low"};
    for (gsize i = 0; i < G_N_ELEMENTS(HARMLESS); i++)
        if (strcmp(HARMLESS[i], finding->id) == 0)
            return TRUE;
    return FALSE;
}

void world_check_invariants(World *world)
{
    world_check_invariants_except(world, NULL);
}

void world_check_invariants_except(World *world, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) findings = engine_doctor(world->engine, &error);
    if (!findings)
        fail_msg("doctor: %s", error->message);
    guint broken = 0;
    for (guint i = 0; i < findings->len; i++) {
        const Finding *finding = g_ptr_array_index(findings, i);
        if (is_harmless(finding) || g_strcmp0(finding->id, expected) == 0)
            continue;
        print_error("%s: %s: %s\n", finding->id, finding->subject, finding->text);
        broken++;
    }
    assert_int_equal(broken, 0);
}
