/* The world to measure in: see bench_world.h. Times are taken where a listener of the queue hears
 * them. */
#include "bench_world.h"

#include <fcntl.h>
#include <ftw.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "catalog/sqlite_catalog.h"
#include "figures.h"
#include "foundation/process.h"
#include "hypervisor/memory/memory_hypervisor.h"
#include "storage/directory/directory_storage.h"

#define WORKERS 2

/* --- life
 * --------------------------------------------------------------------------------------------------
 */

/* Listeners hear on the worker's own thread. */
static double thread_seconds(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void note_phase(BenchWorld *world, const Job *job)
{
    double *const places[] = {&world->planning_at, &world->staging_at, &world->committing_at,
                              &world->settling_at};
    double *const cpu_places[] = {&world->planning_cpu, &world->staging_cpu, &world->committing_cpu,
                                  &world->settling_cpu};
    static const char *const phases[] = {"planning", "staging", "committing", "settling"};
    if (g_strcmp0(world->phase, job->phase) == 0)
        return;
    g_free(world->phase);
    world->phase = g_strdup(job->phase);
    for (guint i = 0; i < G_N_ELEMENTS(phases); i++)
        if (g_strcmp0(job->phase, phases[i]) == 0) {
            *places[i] = seconds_now();
            *cpu_places[i] = thread_seconds();
        }
}

static void note_end(BenchWorld *world, const char *job_id)
{
    g_free(world->final_id);
    world->final_id = g_strdup(job_id);
    world->ended_at = seconds_now();
    world->ended_cpu = thread_seconds();
    g_cond_broadcast(&world->changed);
}

static void hear_jobs(JobsEvent event, const Job *job, const JobItem *item, gpointer user_data)
{
    BenchWorld *world = user_data;
    if (event != JOBS_JOB_CHANGED)
        return;
    g_mutex_lock(&world->lock);
    note_phase(world, job);
    if (job_state_is_final(job->state))
        note_end(world, job->id);
    g_mutex_unlock(&world->lock);
}

static gboolean open_ports(BenchWorld *world, GError **error)
{
    g_autofree char *root = g_build_filename(world->directory, "store", NULL);
    g_autofree char *path = g_build_filename(world->directory, "catalog.sqlite", NULL);
    const char *imports[] = {world->directory, NULL};
    DirectoryStorageConfig config = {.root = root, .import_directories = imports, .create = TRUE};
    world->storage = directory_storage_open(&config, error);
    world->catalog = world->storage ? catalog_sqlite_new(path, error) : NULL;
    return world->catalog != NULL;
}

static gboolean start(BenchWorld *world, GError **error)
{
    EngineConfig config;
    g_autofree char *claims = g_build_filename(world->directory, "claims", NULL);
    engine_config_init(&config);
    config.undo_budget_percent = 100;
    g_mkdir_with_parents(claims, 0700);
    world->hypervisor = memory_hypervisor_new(NULL);
    world->clock = clock_new_system();
    world->engine = engine_new(world->storage, world->hypervisor, world->catalog,
                               claims_new_directory(claims), world->clock, &config);
    world->jobs = jobs_new(world->engine, world->catalog, world->clock, WORKERS);
    jobs_listen(world->jobs, hear_jobs, world);
    return engine_open(world->engine, error) && engine_resync(world->engine, error) &&
           jobs_start(world->jobs, error);
}

BenchWorld *bench_world_open(const char *directory, GError **error)
{
    g_autoptr(BenchWorld) world = g_new0(BenchWorld, 1);
    world->directory = g_strdup(directory);
    g_mutex_init(&world->lock);
    g_cond_init(&world->changed);
    g_mkdir_with_parents(directory, 0711);
    if (!open_ports(world, error) || !start(world, error))
        return NULL;
    return g_steal_pointer(&world);
}

void bench_world_close(BenchWorld *world)
{
    if (!world)
        return;
    if (world->jobs)
        jobs_stop(world->jobs);
    jobs_free(world->jobs);
    if (world->engine) {
        engine_free(world->engine);
    } else {
        storage_free(world->storage);
        catalog_free(world->catalog);
    }
    g_mutex_clear(&world->lock);
    g_cond_clear(&world->changed);
    g_free(world->phase);
    g_free(world->final_id);
    g_free(world->directory);
    g_free(world);
}

static int unprotect_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    int flags = 0;
    int fd = kind == FTW_F || kind == FTW_D ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd < 0)
        return 0;
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_IMMUTABLE_FL)) {
        flags &= ~FS_IMMUTABLE_FL;
        (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
    }
    close(fd);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)remove(path);
    return 0;
}

gboolean bench_keep = FALSE;

void bench_erase(const char *directory)
{
    if (bench_keep)
        return;
    (void)nftw(directory, unprotect_one, 16, FTW_PHYS);
    (void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- jobs
 * --------------------------------------------------------------------------------------------------
 */

Request *bench_request(Verb verb, const char *name, ...)
{
    Request *request = request_new(verb);
    va_list names;
    va_start(names, name);
    for (; name; name = va_arg(names, const char *))
        request_add_machine(request, name);
    va_end(names);
    return request;
}

static gboolean check_done(const Job *job, GError **error)
{
    for (guint i = 0; i < job->items->len; i++) {
        const JobItem *item = g_ptr_array_index(job->items, i);
        if (item->state != ITEM_DONE)
            return error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "%s of '%s' is %s: %s",
                             verb_name(job->request->verb), item->machine_name,
                             item_state_name(item->state), item->message ? item->message : "");
    }
    return job->state == JOB_DONE ||
           error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "%s is %s: %s",
                     verb_name(job->request->verb), job_state_name(job->state),
                     job->message ? job->message : "");
}

gboolean bench_run(BenchWorld *world, Request *request, JobTimes *times_out, GError **error)
{
    g_autoptr(Request) owned = request;
    double begin = seconds_now();
    g_autoptr(Job) submitted = jobs_submit(world->jobs, owned, "bench", error);
    if (!submitted)
        return FALSE;
    g_mutex_lock(&world->lock);
    while (g_strcmp0(world->final_id, submitted->id) != 0)
        g_cond_wait(&world->changed, &world->lock);
    g_mutex_unlock(&world->lock);
    g_autoptr(Job) job = jobs_get(world->jobs, submitted->id, error);
    if (times_out)
        *times_out = (JobTimes){.total = world->ended_at - begin,
                                .plan = world->staging_at - begin,
                                .stage = world->committing_at - world->staging_at,
                                .commit = world->settling_at - world->committing_at,
                                .settle = world->ended_at - world->settling_at,
                                .plan_cpu = world->staging_cpu - world->planning_cpu,
                                .commit_cpu = world->settling_cpu - world->committing_cpu,
                                .cpu = world->ended_cpu - world->staging_cpu};
    return job && check_done(job, error);
}

/* --- machines
 * ---------------------------------------------------------------------------------------------- */

/* An image of `content` bytes whose every cluster is allocated, grown to `bytes`. */
static gboolean allocate_image(const char *path, guint64 content, guint64 bytes, GError **error)
{
    g_autofree char *first = g_strdup_printf("%" G_GUINT64_FORMAT, content);
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, bytes);
    const char *create[] = {"qemu-img", "create", "-q", "-f", "qcow2", "-o", "preallocation=falloc",
                            path,       first,    NULL};
    const char *grow[] = {"qemu-img", "resize", "-q", "-f", "qcow2", path, size, NULL};
    return process_run(create, NULL, NULL, error) && process_run(grow, NULL, NULL, error);
}

static gboolean make_image(BenchWorld *world, const char *name, const char *target, guint64 bytes,
                           guint64 content, gboolean allocate, RequestDisk *disk, GError **error)
{
    g_autofree char *file = g_strdup_printf("%s-%s.qcow2", name, target);
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, bytes);
    g_autofree char *write = g_strdup_printf("write -q -P 0x5a 0 %" G_GUINT64_FORMAT, content);
    disk->path = g_build_filename(world->directory, file, NULL);
    disk->target = g_strdup(target);
    disk->format = g_strdup("qcow2");
    if (allocate)
        return allocate_image(disk->path, content, bytes, error);
    const char *create[] = {"qemu-img", "create", "-q", "-f", "qcow2", disk->path, size, NULL};
    const char *fill[] = {"qemu-io", "-f", "qcow2", "-c", write, disk->path, NULL};
    return process_run(create, NULL, NULL, error) &&
           (content == 0 || process_run(fill, NULL, NULL, error));
}

gboolean bench_import(BenchWorld *world, const char *name, const BenchImages *images,
                      GError **error)
{
    const struct {
        const char *target;
        Role role;
        guint64 bytes, content;
    } rows[] = {
        {"vda", ROLE_SYSTEM, images->system_bytes, images->system_content},
        {"vdb", ROLE_TEMPORARY, images->temporary_bytes, 0},
        {"vdc", ROLE_DATA, images->data_bytes, images->data_content},
    };
    g_autoptr(Request) request = bench_request(VERB_IMPORT, name, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        RequestDisk *disk = request_disk_new();
        disk->role = (int)rows[i].role;
        g_ptr_array_add(request->disks, disk);
        if (!make_image(world, name, rows[i].target, rows[i].bytes, rows[i].content,
                        images->allocate && rows[i].role == ROLE_SYSTEM, disk, error))
            return FALSE;
    }
    return bench_run(world, g_steal_pointer(&request), NULL, error);
}

gboolean bench_base(BenchWorld *world, const char *name, const BenchImages *images, GError **error)
{
    Request *request = bench_request(VERB_PREPARE, name, NULL);
    request->yes = TRUE;
    if (bench_import(world, name, images, error))
        return bench_run(world, request, NULL, error);
    request_free(request);
    return FALSE;
}

gboolean bench_clones(BenchWorld *world, const char *base, const char *prefix, guint count,
                      JobTimes *times_out, GError **error)
{
    Request *request = bench_request(VERB_CLONE, base, NULL);
    request->count = count;
    request->name_pattern = g_strdup_printf("%s-{n}", prefix);
    return bench_run(world, request, times_out, error);
}

gboolean bench_rebase_all(BenchWorld *world, const char *from, const char *onto,
                          JobTimes *times_out, GError **error)
{
    Request *request = request_new(VERB_REBASE);
    request->all_of = g_strdup(from);
    request->onto = g_strdup(onto);
    return bench_run(world, request, times_out, error);
}

char *bench_head_path(BenchWorld *world, const char *name, const char *target)
{
    g_autoptr(Machine) machine = engine_find_machine(world->engine, name, NULL);
    const Volume *volume = machine ? machine_volume(machine, target) : NULL;
    return volume ? storage_head_path(world->storage, machine->id, volume) : NULL;
}

/* --- use
 * ---------------------------------------------------------------------------------------------------
 */

typedef struct {
    const char *base;
    GPtrArray *names;
} CloneNames;

static void collect_names(const Inventory *inventory, gpointer user_data)
{
    CloneNames *wanted = user_data;
    const Machine *base = inventory_find(inventory, wanted->base);
    g_autoptr(GPtrArray) clones = base ? inventory_clones(inventory, base->id) : g_ptr_array_new();
    for (guint i = 0; i < clones->len; i++)
        g_ptr_array_add(wanted->names, g_strdup(((Machine *)clones->pdata[i])->name));
}

/* One head is written by qemu-io; the others get its very bytes, which differ in nothing but the
 * identity. */
static gboolean written_image(BenchWorld *world, const char *name, char **bytes_out,
                              gsize *length_out, GError **error)
{
    g_autofree char *path = bench_head_path(world, name, "vda");
    const char *write[] = {"qemu-io", "-f", "qcow2", "-c", "write -q -P 0x77 0 4096", path, NULL};
    return process_run(write, NULL, NULL, error) &&
           g_file_get_contents(path, bytes_out, length_out, error);
}

static gboolean is_zero(const char *bytes, gsize length)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

static gboolean overwrite(const char *path, const char *bytes, gsize length, GError **error)
{
    enum { BLOCK = 4096 };
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    gboolean ok = fd >= 0 && ftruncate(fd, (off_t)length) == 0;
    for (gsize at = 0; ok && at < length; at += BLOCK) {
        gsize size = MIN(length - at, (gsize)BLOCK);
        ok = is_zero(bytes + at, size) || pwrite(fd, bytes + at, size, (off_t)at) == (gssize)size;
    }
    if (fd >= 0)
        close(fd);
    return ok || error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "cannot write '%s'", path);
}

gboolean bench_touch_clones(BenchWorld *world, const char *base, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *bytes = NULL;
    gsize length = 0;
    CloneNames wanted = {base, names};
    engine_read(world->engine, collect_names, &wanted);
    if (names->len == 0 || !written_image(world, names->pdata[0], &bytes, &length, error))
        return names->len == 0;
    for (guint i = 1; i < names->len; i++) {
        g_autofree char *path = bench_head_path(world, names->pdata[i], "vda");
        if (!overwrite(path, bytes, length, error))
            return FALSE;
    }
    sync();
    return TRUE;
}

void bench_finish_background(BenchWorld *world)
{
    while (engine_renew_identity(world->engine))
        ;
}
