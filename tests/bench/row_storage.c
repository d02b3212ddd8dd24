/* Rows about images: how cost depends on the size of data, prepare, restore, space, the first
 * write. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "bench.h"
#include "foundation/error.h"
#include "foundation/process.h"
#include "qcow2/overlay.h"
#include "storage/directory/store.h"

#define MIB (G_GUINT64_CONSTANT(1) << 20)
#define GIB (G_GUINT64_CONSTANT(1) << 30)

static gboolean file_status(const char *path, struct stat *status_out, GError **error)
{
    return stat(path, status_out) == 0 ||
           error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "cannot look at '%s'", path);
}

/* --- data of any size
 * -------------------------------------------------------------------------------------- */

#define DATA_CLONES 10
#define DATA_ROUNDS 15

/* All clusters of the clone's data head are allocated, without writing that many bytes. */
static gboolean fill_data(BenchWorld *world, const char *name, guint64 bytes, GError **error)
{
    g_autofree char *path = bench_head_path(world, name, "vdc");
    g_autofree char *filled = g_strconcat(path, ".filled", NULL);
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, bytes);
    g_autofree char *directory = g_path_get_dirname(path);
    g_autofree char *layer = NULL;
    const char *info[] = {"qemu-img", "info", "-f", "qcow2", path, NULL};
    g_autofree char *text = NULL;
    if (!process_run(info, NULL, &text, error))
        return FALSE;
    const char *begin = strstr(text, "backing file: ");
    if (!begin)
        return error_set(error, UNDERPIN_ERROR_BUG, NULL, "'%s' has no backing file", path);
    begin += strlen("backing file: ");
    layer = g_strndup(begin, strcspn(begin, " \n"));
    const char *create[] = {
        "qemu-img", "create", "-q", "-f",  "qcow2", "-o", "preallocation=falloc,extended_l2=on",
        "-F",       "qcow2",  "-b", layer, filled,  size, NULL};
    return process_run(create, NULL, NULL, error) &&
           (rename(filled, path) == 0 ||
            error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "cannot rename '%s'", filled));
}

typedef struct {
    const char *names[2]; /* of the bases */
    const char *prefix;
    guint64 bytes;
    Samples times;
    guint64 allocated, grown;
} DataCase;

static gboolean sum_allocated(BenchWorld *world, const DataCase *data, guint64 *bytes_out,
                              GError **error)
{
    guint64 bytes = 0;
    for (guint i = 1; i <= DATA_CLONES; i++) {
        g_autofree char *name = g_strdup_printf("%s-%u", data->prefix, i);
        g_autofree char *path = bench_head_path(world, name, "vdc");
        struct stat status;
        if (!path || !file_status(path, &status, error))
            return path != NULL ||
                   error_set(error, UNDERPIN_ERROR_BUG, NULL, "there is no clone '%s'", name);
        bytes += (guint64)status.st_blocks * 512 + (guint64)status.st_size;
    }
    *bytes_out = bytes;
    return TRUE;
}

static gboolean data_begin(BenchWorld *world, DataCase *data, GError **error)
{
    samples_init(&data->times);
    for (guint i = 0; i < G_N_ELEMENTS(data->names); i++) {
        BenchImages images = {.system_bytes = 64 * MIB,
                              .temporary_bytes = 64 * MIB,
                              .data_bytes = data->bytes,
                              .system_content = MIB,
                              .data_content = (i + 1) * MIB};
        if (!bench_base(world, data->names[i], &images, error))
            return FALSE;
    }
    if (!bench_clones(world, data->names[0], data->prefix, DATA_CLONES, NULL, error))
        return FALSE;
    for (guint i = 1; i <= DATA_CLONES; i++) {
        g_autofree char *name = g_strdup_printf("%s-%u", data->prefix, i);
        if (!fill_data(world, name, data->bytes, error))
            return FALSE;
    }
    sync();
    return sum_allocated(world, data, &data->allocated, error);
}

static gboolean data_round(BenchWorld *world, DataCase *data, guint round, GError **error)
{
    JobTimes job = {0};
    if (!bench_touch_clones(world, data->names[round % 2], error) ||
        !bench_rebase_all(world, data->names[round % 2], data->names[(round + 1) % 2], &job, error))
        return FALSE;
    samples_add(&data->times, job.total);
    return TRUE;
}

static gboolean data_end(BenchWorld *world, DataCase *data, GError **error)
{
    guint64 after = 0;
    if (!sum_allocated(world, data, &after, error))
        return FALSE;
    data->grown = after - data->allocated;
    return TRUE;
}

static void report_data(Bench *bench, const DataCase *little, const DataCase *much)
{
    g_auto(Samples) ratio = {0}, grown = {0};
    samples_init(&ratio);
    samples_init(&grown);
    samples_add(&ratio, samples_median(&much->times) / samples_median(&little->times));
    samples_add(&grown, (double)little->grown);
    samples_add(&grown, (double)much->grown);
    report_add(bench->report, "data-size", "rebase of ten clones with 64 MiB of data each",
               &little->times, UNIT_SECONDS, GOAL_NONE, 0, NULL);
    report_add(bench->report, "data-size", "rebase of ten clones with 4 GiB of data each",
               &much->times, UNIT_SECONDS, GOAL_NONE, 0, NULL);
    report_add(bench->report, "data-size", "4 GiB over 64 MiB, medians of 15 rounds in turn",
               &ratio, UNIT_TIMES, GOAL_AT_MOST, 1.2,
               "the new base's data volume differs from the old one's");
    report_add(bench->report, "data-size", "what data images have grown by, in size and in blocks",
               &grown, UNIT_BYTES, GOAL_AT_MOST, 0, NULL);
}

static gboolean measure_data(Bench *bench, BenchWorld *world, DataCase *little, DataCase *much,
                             GError **error)
{
    if (!data_begin(world, little, error) || !data_begin(world, much, error))
        return FALSE;
    for (guint round = 0; round < DATA_ROUNDS; round++) {
        DataCase *first = round % 2 ? much : little, *second = round % 2 ? little : much;
        if (!data_round(world, first, round, error) || !data_round(world, second, round, error))
            return FALSE;
    }
    if (!data_end(world, little, error) || !data_end(world, much, error))
        return FALSE;
    report_data(bench, little, much);
    return TRUE;
}

gboolean row_data_size(Bench *bench, GError **error)
{
    DataCase little = {.names = {"little-0", "little-1"}, .prefix = "small", .bytes = 64 * MIB};
    DataCase much = {
        .names = {"much-0", "much-1"}, .prefix = "large", .bytes = bench->quick ? GIB : 4 * GIB};
    BenchWorld *world = bench_world_begin(bench, "data", error);
    gboolean ok = world && measure_data(bench, world, &little, &much, error);
    bench_world_done(world);
    samples_clear(&little.times);
    samples_clear(&much.times);
    return ok;
}

/* --- prepare
 * -----------------------------------------------------------------------------------------------
 */

static guint64 store_used(const char *directory)
{
    struct statvfs status;
    if (statvfs(directory, &status) != 0)
        return 0;
    return (guint64)(status.f_blocks - status.f_bfree) * status.f_frsize;
}

static gboolean prepare_round(BenchWorld *world, Samples *times, Samples *grown, GError **error)
{
    JobTimes job = {0};
    Request *prepare = bench_request(VERB_PREPARE, "golden", NULL);
    prepare->yes = TRUE;
    sync();
    guint64 before = store_used(world->directory);
    if (!bench_run(world, prepare, &job, error))
        return FALSE;
    sync();
    guint64 after = store_used(world->directory);
    samples_add(times, job.total);
    samples_add(grown, after > before ? (double)(after - before) : 0);
    return bench_run(world, bench_request(VERB_UNPREPARE, "golden", NULL), NULL, error);
}

static gboolean measure_prepare(Bench *bench, BenchWorld *world, GError **error)
{
    g_auto(Samples) times = {0}, grown = {0};
    samples_init(&times);
    samples_init(&grown);
    BenchImages images = {.system_bytes = 8 * GIB,
                          .temporary_bytes = GIB,
                          .data_bytes = GIB,
                          .allocate = TRUE,
                          .system_content = (bench->quick ? 1 : 4) * GIB,
                          .data_content = MIB};
    if (!bench_import(world, "golden", &images, error))
        return FALSE;
    for (guint round = 0; round < 2 * bench->rounds; round++)
        if (!prepare_round(world, &times, &grown, error))
            return FALSE;
    report_add(bench->report, "prepare", "prepare of a base with 4 GiB allocated and on disk",
               &times, UNIT_SECONDS, GOAL_AT_MOST, 0.05, NULL);
    report_add(bench->report, "prepare", "space taken by it: records, no copy", &grown, UNIT_BYTES,
               GOAL_AT_MOST, 1024 * 1024, NULL);
    return TRUE;
}

gboolean row_prepare(Bench *bench, GError **error)
{
    BenchWorld *world = bench_world_begin(bench, "prepare", error);
    gboolean ok = world && measure_prepare(bench, world, error);
    bench_world_done(world);
    return ok;
}

/* --- restore
 * -----------------------------------------------------------------------------------------------
 */

static gboolean restore_round(BenchWorld *world, const char *name, Samples *times, Samples *cpu,
                              GError **error)
{
    JobTimes job = {0};
    g_autofree char *path = bench_head_path(world, name, "vda");
    const char *write[] = {"qemu-io", "-f", "qcow2", "-c", "write -q -P 0x77 0 4096", path, NULL};
    if (!process_run(write, NULL, NULL, error))
        return FALSE;
    sync();
    if (!bench_run(world, bench_request(VERB_RESTORE, name, NULL), &job, error))
        return FALSE;
    samples_add(times, job.total);
    samples_add(cpu, job.plan_cpu + job.cpu);
    return TRUE;
}

gboolean row_restore(Bench *bench, GError **error)
{
    g_auto(Samples) times = {0}, cpu = {0};
    samples_init(&times);
    samples_init(&cpu);
    BenchWorld *world = bench_world_begin(bench, "restore", error);
    gboolean ok = world && bench_base(world, "base-0", &bench_small_images, error) &&
                  bench_clones(world, "base-0", "lab", bench->clones, NULL, error);
    for (guint round = 1; ok && round <= 4 * bench->rounds; round++) {
        g_autofree char *name = g_strdup_printf("lab-%u", round);
        ok = restore_round(world, name, &times, &cpu, error);
    }
    g_autofree char *what =
        g_strdup_printf("restore of one stopped clone of %u, request to settled", bench->clones);
    if (ok) {
        report_add(bench->report, "restore", what, &times, UNIT_SECONDS, GOAL_AT_MOST, 0.01,
                   "until the end of the job is stored, too");
        report_add(bench->report, "restore", "  of it processor time", &cpu, UNIT_SECONDS,
                   GOAL_NONE, 0, "the worker's own");
    }
    bench_world_done(world);
    return ok;
}

/* --- images
 * ------------------------------------------------------------------------------------------------
 */

#define BACKING_BYTES (512 * MIB)

/* A base image whose first BACKING_BYTES are written. */
static char *backing_image(Bench *bench, const char *name, guint64 content, GError **error)
{
    g_autofree char *path = g_build_filename(bench->directory, name, NULL);
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, 8 * GIB);
    g_autofree char *write = g_strdup_printf("write -q -P 0x5a 0 %" G_GUINT64_FORMAT, content);
    const char *create[] = {"qemu-img", "create", "-q", "-f", "qcow2", path, size, NULL};
    const char *fill[] = {"qemu-io", "-f", "qcow2", "-c", write, path, NULL};
    if (!process_run(create, NULL, NULL, error) || !process_run(fill, NULL, NULL, error))
        return NULL;
    sync();
    return g_steal_pointer(&path);
}

/* An overlay as ours are, or, with cluster_bits 0, as qemu-img makes them. Caller frees. */
static char *overlay_image(Bench *bench, const char *backing, guint cluster_bits, gboolean extended,
                           GError **error)
{
    g_autofree char *path = g_build_filename(bench->directory, "overlay.qcow2", NULL);
    const char *create[] = {"qemu-img", "create", "-q",    "-f", "qcow2", "-F",
                            "qcow2",    "-b",     backing, path, NULL};
    (void)unlink(path);
    if (!cluster_bits)
        return process_run(create, NULL, NULL, error) ? g_steal_pointer(&path) : NULL;
    OverlaySpec spec = {.capacity_bytes = 8 * GIB,
                        .backing_file = backing,
                        .backing_format = "qcow2",
                        .identity = "0123456789abcdef/vda/1",
                        .cluster_bits = cluster_bits,
                        .no_extended_l2 = !extended};
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    gboolean ok = fd >= 0 && qcow2_overlay_write(fd, &spec, path, error);
    if (fd >= 0)
        close(fd);
    return ok ? g_steal_pointer(&path) : NULL;
}

gboolean row_space(Bench *bench, GError **error)
{
    g_auto(Samples) ratio = {0}, ours = {0}, theirs = {0};
    samples_init(&ratio);
    samples_init(&ours);
    samples_init(&theirs);
    g_autofree char *backing = backing_image(bench, "backing.qcow2", MIB, error);
    for (guint i = 0; backing && i < 2; i++) {
        struct stat status;
        g_autofree char *path =
            overlay_image(bench, backing, i ? 0 : 16, QEMU_STREAMS_SUBCLUSTERS, error);
        if (!path)
            return FALSE;
        sync();
        if (!file_status(path, &status, error))
            return FALSE;
        samples_add(i ? &theirs : &ours, (double)status.st_blocks * 512);
    }
    if (!backing)
        return FALSE;
    samples_ratio(&ours, &theirs, &ratio);
    report_add(bench->report, "space", "a fresh head of 8 GiB", &ours, UNIT_BYTES, GOAL_NONE, 0,
               NULL);
    report_add(bench->report, "space", "qemu-img's default overlay", &theirs, UNIT_BYTES, GOAL_NONE,
               0, NULL);
    report_add(bench->report, "space", "ours over qemu-img's", &ratio, UNIT_TIMES, GOAL_AT_MOST, 1,
               NULL);
    return TRUE;
}

/* --- first writes
 * ------------------------------------------------------------------------------------------ */

#define FIRST_WRITES 1500

/* Seconds for one first write of 4 KiB in each of many clusters, by QEMU's own bench. */
static gboolean first_writes(const char *path, double *seconds_out, GError **error)
{
    g_autofree char *count = g_strdup_printf("%d", FIRST_WRITES);
    g_autofree char *output = NULL;
    const char *argv[] = {"qemu-img",  "bench", "-w",     "-f", "qcow2", "-t",
                          "writeback", "-c",    count,    "-d", "1",     "-s",
                          "4096",      "-S",    "262144", path, NULL};
    double seconds = 0;
    if (!process_run(argv, NULL, &output, error))
        return FALSE;
    const char *begin = strstr(output, "Run completed in ");
    if (!begin || sscanf(begin, "Run completed in %lf", &seconds) != 1)
        return error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "qemu-img bench said: %s", output);
    *seconds_out = seconds / FIRST_WRITES;
    return TRUE;
}

static const struct {
    const char *what;
    guint cluster_bits;
    gboolean extended;
} write_cases[] = {
    {"first 4 KiB write to a cluster: qemu-img's default overlay", 0, FALSE},
    {"first 4 KiB write: ours, 64 KiB clusters", 16, QEMU_STREAMS_SUBCLUSTERS},
    {"first 4 KiB write: 64 KiB clusters, extended L2", 16, TRUE},
    {"first 4 KiB write: 128 KiB clusters, extended L2", 17, TRUE},
    {"first 4 KiB write: 256 KiB clusters, extended L2", 18, TRUE},
};

/* Every other round backwards: who comes second finds the disk as the first has left it. */
static gboolean write_round(Bench *bench, const char *backing, guint round, Samples *samples,
                            GError **error)
{
    for (guint turn = 0; turn < G_N_ELEMENTS(write_cases); turn++) {
        guint i = round % 2 ? (guint)G_N_ELEMENTS(write_cases) - 1 - turn : turn;
        double seconds = 0;
        g_autofree char *path = overlay_image(bench, backing, write_cases[i].cluster_bits,
                                              write_cases[i].extended, error);
        if (!path || !first_writes(path, &seconds, error))
            return FALSE;
        samples_add(&samples[i], seconds);
        sync();
    }
    return TRUE;
}

static void report_writes(Bench *bench, const Samples *samples)
{
    g_auto(Samples) ratio = {0};
    samples_init(&ratio);
    for (guint i = 0; i < G_N_ELEMENTS(write_cases); i++)
        report_add(bench->report, "first-write", write_cases[i].what, &samples[i], UNIT_SECONDS,
                   GOAL_NONE, 0, NULL);
    samples_ratio(&samples[1], &samples[0], &ratio);
    report_add(bench->report, "first-write", "ours over qemu-img's", &ratio, UNIT_TIMES,
               GOAL_AT_MOST, 1,
               "1,500 writes, each to another cluster, onto a base that is written there");
}

gboolean row_first_write(Bench *bench, GError **error)
{
    Samples samples[G_N_ELEMENTS(write_cases)];
    for (guint i = 0; i < G_N_ELEMENTS(write_cases); i++)
        samples_init(&samples[i]);
    g_autofree char *backing = backing_image(bench, "backing.qcow2", BACKING_BYTES, error);
    gboolean ok = backing != NULL;
    for (guint round = 0; ok && round < 3 * bench->rounds; round++)
        ok = write_round(bench, backing, round, samples, error);
    if (ok)
        report_writes(bench, samples);
    for (guint i = 0; i < G_N_ELEMENTS(write_cases); i++)
        samples_clear(&samples[i]);
    return ok;
}
