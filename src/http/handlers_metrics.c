/* The metrics: what the engine counts, the jobs by state, the event stream, and the requests by
 * route. */
#include "http/handlers.h"

typedef struct {
    const char *name;
    const char *help;
    guint64 number;
} Gauge;

static void write_gauges(GString *text, const Gauge *gauges, gsize count)
{
    for (gsize i = 0; i < count; i++) {
        metric_family(text, gauges[i].name, METRIC_GAUGE, gauges[i].help);
        metric_sample(text, gauges[i].name, NULL, NULL, gauges[i].number);
    }
}

static void write_machines(GString *text, const EngineStatus *status)
{
    const Gauge gauges[] = {
        {"underpin_machines", "Machines, bases included.", status->machines},
        {"underpin_bases", "Machines that are bases.", status->bases},
        {"underpin_clones", "Machines that are clones.", status->clones},
        {"underpin_machines_running", "Machines whose QEMU runs.", status->running},
        {"underpin_machines_pending", "Machines with a change that waits for their stop.",
         status->pending},
        {"underpin_machines_held", "Machines on hold.", status->held},
        {"underpin_machines_behind", "Machines whose update was deferred.", status->behind},
        {"underpin_undo_entries", "Systems kept for undo.", status->entries},
        {"underpin_undo_bytes", "Bytes kept for undo.", status->held_bytes},
        {"underpin_kept_bytes", "Bytes of kept data volumes, the trash included.",
         status->kept_bytes},
        {"underpin_reclaimable_bytes", "Bytes that nothing references any more.",
         status->reclaimable_bytes},
    };
    write_gauges(text, gauges, G_N_ELEMENTS(gauges));
}

static void write_host(GString *text, const EngineStatus *status)
{
    const Gauge gauges[] = {
        {"underpin_libvirt_connected", "1 while libvirt answers.",
         status->libvirt_connected ? 1 : 0},
        {"underpin_hook_in_force", "1 while libvirt's start hook is in force.",
         status->hook_in_force ? 1 : 0},
        {"underpin_layers_protected", "1 where sealed layers cannot be written.",
         status->store.protection != LAYERS_UNPROTECTED ? 1 : 0},
        {"underpin_store_size_bytes", "Size of the store's file system.", status->store.size_bytes},
        {"underpin_store_free_bytes", "Free bytes in the store's file system.",
         status->store.free_bytes},
    };
    write_gauges(text, gauges, G_N_ELEMENTS(gauges));
}

/* An engine that cannot say how it is must not take the other metrics with it. */
static void write_engine(GString *text, Engine *engine)
{
    EngineStatus status = {0};
    g_autoptr(GError) question = engine_question(engine);
    gboolean is_up = engine_status(engine, &status, NULL);
    const Gauge up = {"underpin_up", "1 while the store can be read and is not questioned.",
                      is_up && !question ? 1 : 0};
    write_gauges(text, &up, 1);
    if (!is_up)
        return;
    write_machines(text, &status);
    write_host(text, &status);
    engine_status_clear(&status);
}

static void write_jobs(GString *text, JobTally *tally)
{
    guint64 counts[JOB_STATE_COUNT];
    job_tally_read(tally, counts);
    metric_family(text, "underpin_jobs_open", METRIC_GAUGE,
                  "Jobs that are not finished, by state.");
    for (guint state = 0; state < JOB_STATE_COUNT; state++) {
        if (!job_state_is_final((JobState)state))
            metric_sample(text, "underpin_jobs_open", "state", job_state_name((JobState)state),
                          counts[state]);
    }
    metric_family(text, "underpin_jobs_finished_total", METRIC_COUNTER,
                  "Jobs finished since the daemon started, by state.");
    for (guint state = 0; state < JOB_STATE_COUNT; state++) {
        if (job_state_is_final((JobState)state))
            metric_sample(text, "underpin_jobs_finished_total", "state",
                          job_state_name((JobState)state), counts[state]);
    }
}

HttpResponse *handle_metrics(const Api *api, const HttpRequest *request, GError **error)
{
    (void)request;
    (void)error;
    g_autoptr(GString) text = g_string_new(NULL);
    metric_family(text, "underpin_info", METRIC_GAUGE, "The version that runs.");
    metric_sample(text, "underpin_info", "version", UNDERPIN_VERSION, 1);
    write_engine(text, api->engine);
    write_jobs(text, api->tally);
    metric_family(text, "underpin_event_streams", METRIC_GAUGE, "Open event streams.");
    metric_sample(text, "underpin_event_streams", NULL, NULL, event_stream_readers(api->events));
    http_metrics_write(api->metrics, text);
    return http_response_text(200, "text/plain; version=0.0.4; charset=utf-8",
                              g_string_free(g_steal_pointer(&text), FALSE));
}
