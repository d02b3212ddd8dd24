/* Where the store's room goes: of one machine, and of the whole. */
#include "engine/space.h"
#include "http/handlers.h"
#include "http/visibility.h"
#include "model/json_put.h"

/* --- one machine ------------------------------------------------------------------------------ */

static json_t *volume_to_json(const VolumeSpace *volume)
{
    json_t *json = json_object();
    json_put_text(json, "target", volume->target);
    json_put_text(json, "role", role_name(volume->role));
    json_put_number(json, "allocated_bytes", volume->allocated_bytes);
    return json;
}

HttpResponse *handle_machine_space(const Api *api, const HttpRequest *request, GError **error)
{
    g_auto(MachineSpace) space = {0};
    g_autoptr(Machine) machine = visible_machine(api, request, request->parameters[0], error);
    if (!machine || !engine_machine_space(api->engine, machine, &space, error))
        return NULL;
    json_t *volumes = json_array();
    for (guint i = 0; i < space.volumes->len; i++)
        json_array_append_new(volumes, volume_to_json(space.volumes->pdata[i]));
    json_t *json = json_object();
    json_object_set_new(json, "volumes", volumes);
    json_put_number(json, "undo_bytes", space.undo_bytes);
    json_put_number(json, "total_bytes", space.total_bytes);
    return http_response_json(200, json);
}

/* --- the whole -------------------------------------------------------------------------------- */

static json_t *undo_to_json(const SpaceReport *report)
{
    json_t *json = json_object();
    json_put_number(json, "bytes", report->undo_bytes);
    json_put_number(json, "budget_bytes", report->undo_budget_bytes);
    json_put_number(json, "budget_percent", report->undo_budget_percent);
    json_put_number(json, "retention_seconds", (guint64)report->undo_retention_seconds);
    json_put_number(json, "entries", report->undo_entries);
    return json;
}

static json_t *pile_to_json(guint64 bytes, guint count)
{
    json_t *json = json_object();
    json_put_number(json, "bytes", bytes);
    json_put_number(json, "count", count);
    return json;
}

static json_t *releases_to_json(const GArray *releases)
{
    static const char *const kinds[] = {[RELEASE_UNDO] = "undo", [RELEASE_TRASH] = "trash"};
    json_t *array = json_array();
    for (guint i = 0; i < releases->len; i++) {
        const Release *release = &g_array_index(releases, Release, i);
        json_t *json = json_object();
        json_put_time(json, "at", release->at);
        json_put_number(json, "bytes", release->bytes);
        json_put_text(json, "what", kinds[release->kind]);
        json_array_append_new(array, json);
    }
    return array;
}

static json_t *samples_to_json(const GArray *samples)
{
    json_t *array = json_array();
    for (guint i = 0; i < samples->len; i++) {
        const SpaceSample *sample = &g_array_index(samples, SpaceSample, i);
        json_t *json = json_object();
        json_put_time(json, "at", sample->at);
        json_put_number(json, "free_bytes", sample->free_bytes);
        json_array_append_new(array, json);
    }
    return array;
}

static json_t *forecast_to_json(const Forecast *forecast)
{
    json_t *json = json_object();
    json_object_set_new(json, "bytes_per_day", json_integer(forecast->bytes_per_day));
    json_put_time(json, "full_at", forecast->full_at);
    json_put_number(json, "basis_days", forecast->basis_days);
    return json;
}

HttpResponse *handle_storage(const Api *api, const HttpRequest *request, GError **error)
{
    (void)request;
    g_auto(SpaceReport) report = {0};
    if (!engine_space_report(api->engine, &report, error))
        return NULL;
    json_t *json = json_object();
    json_put_number(json, "size_bytes", report.store.size_bytes);
    json_put_number(json, "free_bytes", report.store.free_bytes);
    json_put_number(json, "floor_bytes", report.floor_bytes);
    json_put_number(json, "layers_bytes", report.layers_bytes);
    json_object_set_new(json, "undo", undo_to_json(&report));
    json_object_set_new(json, "trash", pile_to_json(report.trash_bytes, report.trash_count));
    json_object_set_new(json, "kept", pile_to_json(report.kept_bytes, report.kept_count));
    json_put_number(json, "reclaimable_bytes", report.reclaimable_bytes);
    json_object_set_new(json, "releases", releases_to_json(report.releases));
    json_object_set_new(json, "samples", samples_to_json(report.samples));
    json_object_set_new(json, "forecast",
                        report.has_forecast ? forecast_to_json(&report.forecast) : json_null());
    return http_response_json(200, json);
}
