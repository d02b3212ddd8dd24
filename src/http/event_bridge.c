/*
 * Listeners that turn changes into events. They run on the thread that made the change, so they do
 * nothing where nobody hears (event_stream_is_heard), and render from immutable objects where
 * somebody does.
 */
#include "http/event_bridge.h"

#include "http/audit_trail.h"
#include "http/handlers.h"
#include "model/json.h"

typedef struct {
    const Machine *machine;
    const char *power;
    json_t *json;
} Rendering;

static void read_machine(const Inventory *inventory, gpointer user_data)
{
    Rendering *rendering = user_data;
    const char *base_id = machine_base_id(rendering->machine);
    const Machine *base = base_id ? g_hash_table_lookup(inventory->machines, base_id) : NULL;
    rendering->json =
        machine_to_json(rendering->machine, base ? base->name : NULL, rendering->power);
}

static void publish_removed(const Api *api, const char *id)
{
    event_stream_publish(api->events, "machine-removed", json_pack("{s:s}", "id", id),
                         &(EventAudience){.machine_id = id});
}

/* A machine that has gone between the change and now has an event of its own. */
static void publish_machine(const Api *api, const char *id)
{
    g_autoptr(Machine) machine = engine_find_machine(api->engine, id, NULL);
    if (!machine)
        return;
    Rendering rendering = {.machine = machine,
                           .power = power_name(engine_power(api->engine, machine->id))};
    engine_read(api->engine, read_machine, &rendering);
    event_stream_publish(api->events, "machine", rendering.json,
                         &(EventAudience){.machine_id = machine->id});
}

static void publish_layers(const Api *api, const char *id)
{
    (void)id;
    event_stream_publish(api->events, "layers", json_object(), NULL);
}

static void publish_host(const Api *api, const char *id)
{
    (void)id;
    event_stream_publish(api->events, "host", json_object(), NULL);
}

static void (*const publishers[])(const Api *, const char *) = {
    [ENGINE_MACHINE_CHANGED] = publish_machine, [ENGINE_MACHINE_REMOVED] = publish_removed,
    [ENGINE_MACHINE_SETTLED] = publish_machine, [ENGINE_LAYERS_CHANGED] = publish_layers,
    [ENGINE_HOST_CHANGED] = publish_host,       [ENGINE_WANTS_SETTLE] = NULL,
};

/* Ids are never given twice, so an assignment that stays behind gives nothing away. */
static void forget_assignments(const Api *api, const char *id)
{
    g_autoptr(GError) error = NULL;
    if (!access_problem(api->access) && !access_forget_machine(api->access, id, &error))
        g_warning("the assignments of a removed machine are still there: %s", error->message);
}

static void on_engine_event(EngineEvent event, const char *id, const GError *error,
                            gpointer user_data)
{
    (void)error;
    const Api *api = user_data;
    if (event == ENGINE_MACHINE_REMOVED)
        forget_assignments(api, id);
    if (publishers[event] && event_stream_is_heard(api->events))
        publishers[event](api, id);
}

static void on_jobs_event(JobsEvent event, const Job *job, const JobItem *item, gpointer user_data)
{
    const Api *api = user_data;
    const EventAudience audience = {.machine_id = item ? item->machine_id : NULL,
                                    .requested_by = job->requested_by,
                                    .requested_at = job->created_at};
    if (job_tally_note(api->tally, job))
        audit_job(api, job);
    if (!event_stream_is_heard(api->events))
        return;
    if (event == JOBS_JOB_CHANGED)
        event_stream_publish(api->events, "job", job_to_api_json(api, job, FALSE), &audience);
    else
        event_stream_publish(
            api->events, "item",
            json_pack("{s:s, s:o}", "job", job->id, "item", job_item_to_json(item)), &audience);
}

gboolean event_bridge_connect(const Api *api, GError **error)
{
    g_autoptr(GPtrArray) open = catalog_open_jobs(api->catalog, error);
    if (!open)
        return FALSE;
    for (guint i = 0; i < open->len; i++)
        job_tally_note(api->tally, open->pdata[i]);
    audit_catch_up(api);
    jobs_listen(api->jobs, on_jobs_event, (gpointer)api);
    jobs_listen_engine(api->jobs, on_engine_event, (gpointer)api);
    return TRUE;
}
