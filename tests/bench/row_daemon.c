/* The daemon with ten thousand machines: start, memory, lists. Its host is libvirt's test driver:
 * none has a domain. */
#include "bench.h"
#include "daemon.h"
#include "foundation/error.h"

#define ASKED 20

typedef struct {
    Samples start, memory, page, rows, all;
} DaemonSamples;

static void samples_begin(DaemonSamples *samples)
{
    samples_init(&samples->start);
    samples_init(&samples->memory);
    samples_init(&samples->page);
    samples_init(&samples->rows);
    samples_init(&samples->all);
}

static void samples_end(DaemonSamples *samples)
{
    samples_clear(&samples->start);
    samples_clear(&samples->memory);
    samples_clear(&samples->page);
    samples_clear(&samples->rows);
    samples_clear(&samples->all);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DaemonSamples, samples_end)

static gboolean ask_for(const Daemon *daemon, const char *path, Samples *times, GError **error)
{
    double begin = seconds_now();
    g_autofree char *answer = daemon_get(daemon, path);
    samples_add(times, seconds_now() - begin);
    return answer ||
           error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "underpind does not answer '%s'", path);
}

static gboolean ask_lists(const Bench *bench, const Daemon *daemon, DaemonSamples *samples,
                          GError **error)
{
    for (guint i = 0; i < ASKED; i++)
        if (!ask_for(daemon, "/api/v1/machines?limit=100", &samples->page, error))
            return FALSE;
    g_autofree char *rows = g_strdup_printf("/api/v1/machines?view=list&limit=%u", bench->many);
    if (!ask_for(daemon, rows, &samples->rows, error))
        return FALSE;
    double begin = seconds_now();
    if (!daemon_cli(daemon, NULL, error, "list", NULL))
        return FALSE;
    samples_add(&samples->all, seconds_now() - begin);
    samples_add(&samples->memory, (double)daemon_memory(daemon));
    return TRUE;
}

static gboolean daemon_round(Bench *bench, const char *directory, DaemonSamples *samples,
                             GError **error)
{
    g_auto(Daemon) daemon = {0};
    double seconds = 0;
    if (!daemon_start(&daemon, bench, directory, "test:///default", FALSE, &seconds, error))
        return FALSE;
    samples_add(&samples->start, seconds);
    return ask_lists(bench, &daemon, samples, error);
}

static void report_daemon(Bench *bench, const DaemonSamples *samples)
{
    const struct {
        const char *before, *after; /* the number of machines */
        const Samples *samples;
        Unit unit;
        GoalKind kind;
        double goal;
        const char *note;
    } figures[] = {
        {"start with ", " machines, until it answers", &samples->start, UNIT_SECONDS, GOAL_AT_MOST,
         1, "the host is libvirt's test driver without domains"},
        {"resident memory with ", " machines, after the lists below", &samples->memory, UNIT_BYTES,
         GOAL_AT_MOST, 64 * 1024 * 1024, NULL},
        {"a page of 100 of ", " machines", &samples->page, UNIT_SECONDS, GOAL_AT_MOST, 0.02, NULL},
        {"all ", " as rows, as the page asks for them", &samples->rows, UNIT_SECONDS, GOAL_NONE, 0,
         NULL},
        {"all ", " by the command line", &samples->all, UNIT_SECONDS, GOAL_AT_MOST, 0.3,
         "output to a pipe"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(figures); i++) {
        g_autofree char *what =
            g_strdup_printf("%s%u%s", figures[i].before, bench->many, figures[i].after);
        report_add(bench->report, "daemon", what, figures[i].samples, figures[i].unit,
                   figures[i].kind, figures[i].goal, figures[i].note);
    }
}

static gboolean make_machines(BenchWorld *world, guint count, GError **error)
{
    return bench_base(world, "base-0", &bench_small_images, error) &&
           bench_clones(world, "base-0", "lab", count, NULL, error);
}

gboolean row_daemon(Bench *bench, GError **error)
{
    g_auto(DaemonSamples) samples = {0};
    samples_begin(&samples);
    BenchWorld *world = bench_world_begin(bench, "daemon", error);
    gboolean ok = world && make_machines(world, bench->many, error);
    g_autofree char *directory = world ? g_strdup(world->directory) : NULL;
    bench_world_close(world);
    for (guint round = 0; ok && round < bench->rounds; round++)
        ok = daemon_round(bench, directory, &samples, error);
    if (ok)
        report_daemon(bench, &samples);
    if (directory)
        bench_erase(directory);
    return ok;
}
