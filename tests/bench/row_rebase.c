/*
 * Rebase of many stopped clones: ours, the script, and the lower bound, in turn in the same run.
 *
 * Before each round every clone's system head is written to, as after a day of work: the replaced
 * system becomes an undo entry, which is the dearer case.
 */
#include "bench.h"
#include "foundation/process.h"
#include "lower_bound.h"

#define SCRIPT_SAMPLE 20

typedef struct {
    Samples total, plan, stage, commit, settle, plan_cpu, commit_cpu, cpu;
} RebaseTimes;

static void times_init(RebaseTimes *times)
{
    samples_init(&times->total);
    samples_init(&times->plan);
    samples_init(&times->stage);
    samples_init(&times->commit);
    samples_init(&times->settle);
    samples_init(&times->plan_cpu);
    samples_init(&times->commit_cpu);
    samples_init(&times->cpu);
}

static void times_clear(RebaseTimes *times)
{
    samples_clear(&times->total);
    samples_clear(&times->plan);
    samples_clear(&times->stage);
    samples_clear(&times->commit);
    samples_clear(&times->settle);
    samples_clear(&times->plan_cpu);
    samples_clear(&times->commit_cpu);
    samples_clear(&times->cpu);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RebaseTimes, times_clear)

static void times_add(RebaseTimes *times, const JobTimes *job)
{
    samples_add(&times->total, job->total);
    samples_add(&times->plan, job->plan);
    samples_add(&times->stage, job->stage);
    samples_add(&times->commit, job->commit);
    samples_add(&times->settle, job->settle);
    samples_add(&times->plan_cpu, job->plan_cpu);
    samples_add(&times->commit_cpu, job->commit_cpu);
    samples_add(&times->cpu, job->cpu);
}

static BenchWorld *two_bases(Bench *bench, const char *name, guint clones, GError **error)
{
    g_autoptr(BenchWorld) world = bench_world_begin(bench, name, error);
    if (!world || !bench_base(world, "base-0", &bench_small_images, error) ||
        !bench_base(world, "base-1", &bench_small_images, error) ||
        !bench_clones(world, "base-0", "lab", clones, NULL, error))
        return NULL;
    return g_steal_pointer(&world);
}

/* One rebase of all clones to the other base. */
static gboolean rebase_round(BenchWorld *world, guint round, RebaseTimes *times, GError **error)
{
    static const char *const bases[] = {"base-0", "base-1"};
    JobTimes job = {0};
    const char *from = bases[round % 2], *onto = bases[(round + 1) % 2];
    bench_finish_background(world);
    if (!bench_touch_clones(world, from, error) ||
        !bench_rebase_all(world, from, onto, &job, error))
        return FALSE;
    times_add(times, &job);
    return TRUE;
}

static gboolean run_script(Bench *bench, const char *verb, const char *directory,
                           double *seconds_out, GError **error)
{
    g_autofree char *script = g_build_filename(bench->source, "tests/bench/script-rebase", NULL);
    g_autofree char *count = g_strdup_printf("%d", SCRIPT_SAMPLE);
    const char *argv[] = {script, verb, directory, count, NULL};
    double begin = seconds_now();
    if (!process_run(argv, NULL, NULL, error))
        return FALSE;
    if (seconds_out)
        *seconds_out = seconds_now() - begin;
    return TRUE;
}

static gboolean lower_bound_round(LowerBound *bound, Samples *times, GError **error)
{
    double begin = seconds_now();
    if (!lower_bound_run(bound, error))
        return FALSE;
    samples_add(times, seconds_now() - begin);
    return TRUE;
}

static gboolean script_round(Bench *bench, const char *directory, Samples *times, GError **error)
{
    double seconds = 0;
    if (!run_script(bench, "run", directory, &seconds, error))
        return FALSE;
    samples_add(times, seconds * bench->clones / SCRIPT_SAMPLE);
    return TRUE;
}

/* What the parts of the job took. */
static void report_parts(Bench *bench, const char *row, const RebaseTimes *times)
{
    const struct {
        const char *what;
        const Samples *samples;
        const char *note;
    } parts[] = {
        {"request until settled and durable", &times->total,
         "engine and queue on the real store and catalog; the domains are in memory, no step asks "
         "libvirt"},
        {"  of it planning", &times->plan, NULL},
        {"  of planning processor time", &times->plan_cpu, "the worker's own"},
        {"  of it staging", &times->stage, NULL},
        {"  of it the commit", &times->commit, NULL},
        {"  of it settling", &times->settle, NULL},
        {"  of staging to settling processor time", &times->cpu, "the worker's own"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++)
        report_add(bench->report, row, parts[i].what, parts[i].samples, UNIT_SECONDS, GOAL_NONE, 0,
                   parts[i].note);
}

static void report_rebase(Bench *bench, const RebaseTimes *ours, const Samples *script,
                          const Samples *bound)
{
    g_auto(Samples) to_script = {0}, to_bound = {0};
    g_autofree char *what =
        g_strdup_printf("rebase of %u stopped clones: commit, once staged", bench->clones);
    samples_init(&to_script);
    samples_init(&to_bound);
    samples_ratio(script, &ours->total, &to_script);
    samples_ratio(&ours->total, bound, &to_bound);
    report_add(bench->report, "rebase", what, &ours->commit, UNIT_SECONDS, GOAL_AT_MOST, 0.05,
               NULL);
    report_add(bench->report, "rebase", "  of it processor time", &ours->commit_cpu, UNIT_SECONDS,
               GOAL_NONE, 0, NULL);
    report_parts(bench, "rebase", ours);
    report_add(bench->report, "rebase", "qemu-img and virsh script", script, UNIT_SECONDS,
               GOAL_NONE, 0, "measured on 20 clones, in turn with ours, scaled");
    report_add(bench->report, "rebase", "lower bound: the same bytes written, synced, renamed",
               bound, UNIT_SECONDS, GOAL_NONE, 0, NULL);
    report_add(bench->report, "rebase", "script over ours", &to_script, UNIT_TIMES, GOAL_AT_LEAST,
               50, NULL);
    report_add(bench->report, "rebase", "ours over the lower bound", &to_bound, UNIT_TIMES,
               GOAL_AT_MOST, 2, NULL);
}

static gboolean measure_rebase(Bench *bench, BenchWorld *world, LowerBound *bound,
                               const char *script_directory, GError **error)
{
    g_auto(RebaseTimes) ours = {0};
    g_auto(Samples) script = {0}, lower = {0};
    times_init(&ours);
    samples_init(&script);
    samples_init(&lower);
    for (guint round = 0; round < bench->rounds; round++)
        if (!rebase_round(world, round, &ours, error) || !lower_bound_round(bound, &lower, error) ||
            !script_round(bench, script_directory, &script, error))
            return FALSE;
    report_rebase(bench, &ours, &script, &lower);
    return TRUE;
}

gboolean row_rebase(Bench *bench, GError **error)
{
    g_autofree char *bound_directory = g_build_filename(bench->directory, "bound", NULL);
    g_autofree char *script_directory = g_build_filename(bench->directory, "script", NULL);
    g_mkdir_with_parents(script_directory, 0711);
    BenchWorld *world = two_bases(bench, "rebase", bench->clones, error);
    g_autoptr(LowerBound) bound =
        world ? lower_bound_new(bound_directory, bench->clones, error) : NULL;
    gboolean ok = bound && run_script(bench, "prepare", script_directory, NULL, error) &&
                  measure_rebase(bench, world, bound, script_directory, error) &&
                  run_script(bench, "remove", script_directory, NULL, error);
    bench_world_done(world);
    bench_erase(bound_directory);
    bench_erase(script_directory);
    return ok;
}

/* --- ten times as many
 * ------------------------------------------------------------------------------------- */

/* One number of clones: ours and the lower bound, in turn. */
typedef struct {
    BenchWorld *world;
    LowerBound *bound;
    char *bound_directory;
    RebaseTimes ours;
    Samples lower;
} Size;

static gboolean size_begin(Bench *bench, Size *size, const char *name, guint clones, GError **error)
{
    g_autofree char *bound = g_strconcat(name, "-bound", NULL);
    size->bound_directory = g_build_filename(bench->directory, bound, NULL);
    times_init(&size->ours);
    samples_init(&size->lower);
    size->world = two_bases(bench, name, clones, error);
    size->bound = size->world ? lower_bound_new(size->bound_directory, clones, error) : NULL;
    return size->bound != NULL;
}

static void size_end(Size *size)
{
    bench_world_done(size->world);
    g_clear_pointer(&size->bound, lower_bound_free);
    if (size->bound_directory)
        bench_erase(size->bound_directory);
    g_clear_pointer(&size->bound_directory, g_free);
    times_clear(&size->ours);
    samples_clear(&size->lower);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Size, size_end)

static gboolean size_round(Size *size, guint round, GError **error)
{
    return rebase_round(size->world, round, &size->ours, error) &&
           lower_bound_round(size->bound, &size->lower, error);
}

static void report_sizes(Bench *bench, const Size *few, const Size *many)
{
    g_auto(Samples) ratio = {0}, bounds = {0};
    g_autofree char *what =
        g_strdup_printf("rebase of %u clones over that of %u", bench->many, bench->clones);
    samples_init(&ratio);
    samples_init(&bounds);
    samples_ratio(&many->ours.total, &few->ours.total, &ratio);
    samples_ratio(&many->lower, &few->lower, &bounds);
    report_parts(bench, "rebase-many", &many->ours);
    report_add(bench->report, "rebase-many", "lower bound: the same bytes written, synced, renamed",
               &many->lower, UNIT_SECONDS, GOAL_NONE, 0, NULL);
    report_add(bench->report, "rebase-many", what, &ratio, UNIT_TIMES, GOAL_AT_MOST, 11, NULL);
    report_add(bench->report, "rebase-many", "  of their lower bounds the same", &bounds,
               UNIT_TIMES, GOAL_NONE, 0, "what file system and disk make of ten times as much");
}

gboolean row_rebase_many(Bench *bench, GError **error)
{
    g_auto(Size) few = {0}, many = {0};
    gboolean ok = size_begin(bench, &few, "few", bench->clones, error) &&
                  size_begin(bench, &many, "many", bench->many, error);
    for (guint round = 0; ok && round < bench->rounds; round++)
        ok = size_round(&few, round, error) && size_round(&many, round, error);
    if (ok)
        report_sizes(bench, &few, &many);
    return ok;
}
