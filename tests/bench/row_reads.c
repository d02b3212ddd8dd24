/*
 * Reads of a clone after twenty base generations and twenty rebases, beside a clone of the first
 * base: by QEMU's own block layer, without a guest, whose emulation would hide any difference.
 *
 * Each generation is made as people do it: clone the base, write to the clone's system, prepare it,
 * rebase. Background care (flattening) runs in between, as it does in a daemon.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "foundation/error.h"
#include "foundation/process.h"

#define GENERATIONS 20
#define CONTENT_MIB 256

typedef struct {
    const char *what, *size, *step, *count;
} ReadCase;

static const ReadCase cases[] = {
    {"sequential reads of 1 MiB", "1048576", "1048576", "2000"},
    /* The step is prime to the volume's size in blocks: every request lands elsewhere. */
    {"scattered reads of 4 KiB", "4096", "37752832", "20000"},
};

static char *generation_name(guint number)
{
    return g_strdup_printf("base-%u", number);
}

static gboolean next_generation(BenchWorld *world, guint number, GError **error)
{
    g_autofree char *old = generation_name(number - 1), *name = generation_name(number);
    if (!bench_run(world, bench_request(VERB_CLONE, old, name, NULL), NULL, error))
        return FALSE;
    g_autofree char *path = bench_head_path(world, name, "vda");
    g_autofree char *write =
        g_strdup_printf("write -q -P %u %uM 8M", number, number * 12 % (CONTENT_MIB - 8));
    const char *argv[] = {"qemu-io", "-f", "qcow2", "-c", write, path, NULL};
    if (!process_run(argv, NULL, NULL, error))
        return FALSE;
    Request *prepare = bench_request(VERB_PREPARE, name, NULL);
    prepare->yes = TRUE;
    if (!bench_run(world, prepare, NULL, error))
        return FALSE;
    Request *rebase = bench_request(VERB_REBASE, "old", NULL);
    rebase->onto = g_strdup(name);
    return bench_run(world, rebase, NULL, error);
}

/* What is left of background care; the queue must have stopped. */
static gboolean finish_care(BenchWorld *world, GError **error)
{
    gboolean more = TRUE;
    while (more)
        if (!engine_maintain(world->engine, &more, NULL, error))
            return FALSE;
    sync();
    return TRUE;
}

static gboolean read_seconds(const char *path, const ReadCase *read, double *seconds_out,
                             GError **error)
{
    g_autofree char *output = NULL;
    const char *argv[] = {"qemu-img", "bench",     "-f", "qcow2",    "-t", "writeback", "-d", "1",
                          "-c",       read->count, "-s", read->size, "-S", read->step,  path, NULL};
    if (!process_run(argv, NULL, &output, error))
        return FALSE;
    const char *begin = strstr(output, "Run completed in ");
    return (begin && sscanf(begin, "Run completed in %lf", seconds_out) == 1) ||
           error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "qemu-img bench said: %s", output);
}

static gboolean measure_case(Bench *bench, const char *old_path, const char *fresh_path,
                             const ReadCase *read, GError **error)
{
    g_auto(Samples) old = {0}, fresh = {0}, ratio = {0};
    g_autofree char *what =
        g_strdup_printf("%s: 20 rebases and generations over the first base", read->what);
    double seconds = 0;
    samples_init(&old);
    samples_init(&fresh);
    samples_init(&ratio);
    for (guint round = 0; round <= 2 * bench->rounds; round++) {
        if (!read_seconds(old_path, read, &seconds, error))
            return FALSE;
        if (round) /* the first one fills the cache */
            samples_add(&old, seconds);
        if (!read_seconds(fresh_path, read, &seconds, error))
            return FALSE;
        if (round)
            samples_add(&fresh, seconds);
    }
    samples_ratio(&old, &fresh, &ratio);
    report_add(bench->report, "reads", what, &ratio, UNIT_TIMES, GOAL_AT_MOST, 1.1,
               "by qemu-img bench from the page cache, in turn; a disk would hide the difference");
    return TRUE;
}

static gboolean make_generations(BenchWorld *world, GError **error)
{
    BenchImages images = {.system_bytes = CONTENT_MIB << 20,
                          .temporary_bytes = 64 << 20,
                          .data_bytes = 64 << 20,
                          .system_content = CONTENT_MIB << 20};
    if (!bench_base(world, "base-0", &images, error) ||
        !bench_run(world, bench_request(VERB_CLONE, "base-0", "first", "old", NULL), NULL, error))
        return FALSE;
    for (guint number = 1; number <= GENERATIONS; number++)
        if (!next_generation(world, number, error))
            return FALSE;
    jobs_stop(world->jobs);
    return finish_care(world, error);
}

gboolean row_reads(Bench *bench, GError **error)
{
    BenchWorld *world = bench_world_begin(bench, "reads", error);
    gboolean ok = world && make_generations(world, error);
    g_autofree char *old = ok ? bench_head_path(world, "old", "vda") : NULL;
    g_autofree char *first = ok ? bench_head_path(world, "first", "vda") : NULL;
    for (guint i = 0; ok && i < G_N_ELEMENTS(cases); i++)
        ok = measure_case(bench, old, first, &cases[i], error);
    bench_world_done(world);
    return ok;
}
