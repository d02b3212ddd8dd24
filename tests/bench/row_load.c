/*
 * The web server under load: 1,000 clients by TLS, of which 100 listen to events while machines
 * change, and reads at 2,000 a second; once alone, once beside hostile clients. Clients and daemon
 * share the machine's processors.
 */
#include <pthread.h>
#include <string.h>

#include "bench.h"
#include "daemon.h"
#include "foundation/error.h"
#include "load_client.h"
#include "load_hostile.h"

#define WEB_PORT      18443
#define CLIENTS       1000
#define LISTENERS     100
#define RATE          2000.0
#define MACHINES      1000
#define CHANGE_US     100000
#define SECONDS       10.0
#define QUICK_SECONDS 3.0
#define WARM_UP       1.0

enum { KIND_MACHINE, KIND_LIST, KIND_SESSION, KIND_JOBS, KIND_COUNT };
G_STATIC_ASSERT(KIND_COUNT <= LOAD_KINDS_MAX);

static const char *const kind_names[] = {
    [KIND_MACHINE] = "a machine",
    [KIND_LIST] = "a list of machines",
    [KIND_SESSION] = "the session",
    [KIND_JOBS] = "the list of jobs",
};

static const LoadTarget targets[] = {
    {"/api/v1/machines/lab-7", KIND_MACHINE},
    {"/api/v1/machines?view=list&limit=50", KIND_LIST},
    {"/api/v1/machines/lab-500", KIND_MACHINE},
    {"/api/v1/session", KIND_SESSION},
    {"/api/v1/machines/lab-42", KIND_MACHINE},
    {"/api/v1/jobs?limit=10", KIND_JOBS},
    {"/api/v1/machines/lab-999", KIND_MACHINE},
    {"/api/v1/machines?view=list&limit=20&match=lab-1*", KIND_LIST},
};

typedef struct {
    Samples rate, median, high, events, lateness;
    Samples by_kind[KIND_COUNT]; /* 99th percentiles */
    guint failed;
} LoadSamples;

static void load_samples_init(LoadSamples *samples)
{
    samples_init(&samples->rate);
    samples_init(&samples->median);
    samples_init(&samples->high);
    samples_init(&samples->events);
    samples_init(&samples->lateness);
    for (guint i = 0; i < KIND_COUNT; i++)
        samples_init(&samples->by_kind[i]);
}

static void load_samples_clear(LoadSamples *samples)
{
    samples_clear(&samples->rate);
    samples_clear(&samples->median);
    samples_clear(&samples->high);
    samples_clear(&samples->events);
    samples_clear(&samples->lateness);
    for (guint i = 0; i < KIND_COUNT; i++)
        samples_clear(&samples->by_kind[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LoadSamples, load_samples_clear)

/* --- what happens meanwhile ---------------------------------------------------------------------
 */

typedef struct {
    const Daemon *daemon;
    pthread_t thread;
    gint stopping; /* atomic */
} Mover;

/* One machine after the other is held and released: a commit and events each time. */
static void *run_changes(void *data)
{
    Mover *mover = data;
    for (guint turn = 0; !g_atomic_int_get(&mover->stopping); turn++) {
        g_autofree char *body =
            g_strdup_printf("{\"verb\":\"%s\",\"machines\":[\"lab-%u\"]}",
                            turn % 2 ? "release" : "hold", turn / 2 % MACHINES + 1);
        g_free(daemon_post(mover->daemon, "/api/v1/jobs", body));
        g_usleep(CHANGE_US);
    }
    return NULL;
}

/* --- measuring ----------------------------------------------------------------------------------
 */

static gboolean measure_once(LoadClient *client, double seconds, LoadSamples *samples,
                             GError **error)
{
    g_auto(LoadResult) result = {0};
    load_result_init(&result);
    if (!load_client_run(client, RATE, seconds, &result, error))
        return FALSE;
    samples_add(&samples->rate, result.rate);
    samples_add(&samples->median, samples_median(&result.latency));
    samples_add(&samples->high, samples_percentile(&result.latency, 99));
    samples_add(&samples->events, (double)result.event_bytes / seconds);
    samples_add(&samples->lateness, samples_percentile(&result.lateness, 99));
    for (guint i = 0; i < KIND_COUNT; i++)
        samples_add(&samples->by_kind[i], samples_percentile(&result.by_kind[i], 99));
    samples->failed += result.failed;
    return TRUE;
}

static gboolean measure(const Bench *bench, LoadClient *client, LoadSamples *samples,
                        GError **error)
{
    g_auto(LoadSamples) warm_up = {0};
    load_samples_init(&warm_up);
    if (!measure_once(client, WARM_UP, &warm_up, error))
        return FALSE;
    for (guint round = 0; round < bench->rounds; round++)
        if (!measure_once(client, bench->quick ? QUICK_SECONDS : SECONDS, samples, error))
            return FALSE;
    return samples->failed == 0 ||
           error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "%u requests failed", samples->failed);
}

/* Where the 99th percentile comes from, and how much of it is the measuring client's own. */
static void report_parts(const Bench *bench, const char *beside, const LoadSamples *samples)
{
    for (guint i = 0; i < KIND_COUNT; i++) {
        g_autofree char *what = g_strdup_printf("… %s%s", kind_names[i], beside);
        report_add(bench->report, "load", what, &samples->by_kind[i], UNIT_SECONDS, GOAL_NONE, 0,
                   NULL);
    }
    g_autofree char *late = g_strdup_printf("… of it the clients' own delay%s", beside);
    report_add(bench->report, "load", late, &samples->lateness, UNIT_SECONDS, GOAL_NONE, 0,
               "99th percentile of a request's begin after the moment at which it was due");
}

static void report_load(const Bench *bench, const char *beside, const LoadSamples *samples,
                        const char *note)
{
    g_autofree char *rate = g_strdup_printf("reads answered, of 2,000 asked%s", beside);
    g_autofree char *median = g_strdup_printf("a read, median%s", beside);
    g_autofree char *high = g_strdup_printf("a read, 99th percentile%s", beside);
    g_autofree char *events = g_strdup_printf("events to 100 listeners, a second%s", beside);
    report_add(bench->report, "load", rate, &samples->rate, UNIT_PER_SECOND, GOAL_AT_LEAST,
               RATE * 0.99, note);
    report_add(bench->report, "load", median, &samples->median, UNIT_SECONDS, GOAL_NONE, 0, NULL);
    report_add(bench->report, "load", high, &samples->high, UNIT_SECONDS, GOAL_AT_MOST, 0.02,
               "from the moment at which it was due; clients and daemon share the processors");
    report_parts(bench, beside, samples);
    report_add(bench->report, "load", events, &samples->events, UNIT_BYTES, GOAL_NONE, 0, NULL);
}

static gboolean measure_alone(const Bench *bench, LoadClient *client, GError **error)
{
    g_auto(LoadSamples) samples = {0};
    load_samples_init(&samples);
    if (!measure(bench, client, &samples, error))
        return FALSE;
    report_load(bench, "", &samples, "1,000 clients by TLS, 100 of them listen to events");
    return TRUE;
}

static gboolean measure_beside_hostile(const Bench *bench, LoadClient *client, GError **error)
{
    g_auto(LoadSamples) samples = {0};
    load_samples_init(&samples);
    LoadHostile *hostile = load_hostile_start(WEB_PORT);
    gboolean ok = measure(bench, client, &samples, error);
    g_autofree char *note = load_hostile_stop(hostile);
    if (ok)
        report_load(bench, ", beside hostile clients", &samples, note);
    return ok;
}

/* --- the world ----------------------------------------------------------------------------------
 */

/* "Bearer TOKEN" of a new operator. Caller frees. */
static char *make_token(const Daemon *daemon, GError **error)
{
    static const char *const begin_text = "\"token\":\"";
    g_free(daemon_post(daemon, "/api/v1/accounts",
                       "{\"name\":\"bench\",\"role\":\"operator\",\"password\":\"correct horse "
                       "battery\"}"));
    g_autofree char *answer =
        daemon_post(daemon, "/api/v1/tokens", "{\"name\":\"load\",\"account\":\"bench\"}");
    const char *begin = answer ? strstr(answer, begin_text) : NULL;
    if (!begin) {
        error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "there is no token for the clients: %s",
                  answer ? answer : "no answer");
        return NULL;
    }
    begin += strlen(begin_text);
    g_autofree char *token = g_strndup(begin, strcspn(begin, "\""));
    return g_strconcat("Bearer ", token, NULL);
}

static gboolean measure_daemon(const Bench *bench, const Daemon *daemon, GError **error)
{
    g_autofree char *authorization = make_token(daemon, error);
    const LoadPlan plan = {.port = WEB_PORT,
                           .clients = CLIENTS - LISTENERS,
                           .listeners = LISTENERS,
                           .authorization = authorization,
                           .targets = targets,
                           .target_count = G_N_ELEMENTS(targets)};
    LoadClient *client = authorization ? load_client_new(&plan, error) : NULL;
    if (!client)
        return FALSE;
    Mover mover = {.daemon = daemon};
    pthread_create(&mover.thread, NULL, run_changes, &mover);
    gboolean ok =
        measure_alone(bench, client, error) && measure_beside_hostile(bench, client, error);
    g_atomic_int_set(&mover.stopping, TRUE);
    pthread_join(mover.thread, NULL);
    load_client_free(client);
    return ok;
}

gboolean row_load(Bench *bench, GError **error)
{
    g_auto(Daemon) daemon = {.web_port = WEB_PORT};
    BenchWorld *world = bench_world_begin(bench, "load", error);
    gboolean ok = world && bench_base(world, "base-0", &bench_small_images, error) &&
                  bench_clones(world, "base-0", "lab", MACHINES, NULL, error);
    g_autofree char *directory = world ? g_strdup(world->directory) : NULL;
    bench_world_close(world);
    ok = ok && daemon_start(&daemon, bench, directory, "test:///default", FALSE, NULL, error) &&
         measure_daemon(bench, &daemon, error);
    daemon_stop(&daemon);
    if (directory)
        bench_erase(directory);
    return ok;
}
