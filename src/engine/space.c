/* What takes the room of the store. Reads records where they say it, and files where only they do.
 */
#include "engine/space.h"

#include "engine/engine_private.h"

#define SECONDS_A_DAY (24 * 60 * 60)

/* --- one machine ------------------------------------------------------------------------------ */

static void volume_space_free(gpointer data)
{
    VolumeSpace *volume = data;
    g_free(volume->target);
    g_free(volume);
}

void machine_space_clear(MachineSpace *space)
{
    g_clear_pointer(&space->volumes, g_ptr_array_unref);
    *space = (MachineSpace){0};
}

/* The volume of a base is a layer; a retired base may have lost it. */
static gboolean read_sealed_facts(Engine *engine, const Machine *machine, const char *target,
                                  HeadFacts *facts, GError **error)
{
    g_autofree char *id = layer_id_build(machine->set_id, target);
    g_autoptr(Layer) layer = engine_layer(engine, id);
    return !layer || storage_layer_facts(engine->storage, layer, facts, error);
}

static gboolean add_volume(Engine *engine, const Machine *machine, const Volume *volume,
                           MachineSpace *space, GError **error)
{
    g_auto(HeadFacts) facts = {0};
    gboolean is_sealed = machine->actual_place == PLACE_SEALED && machine->set_id;
    gboolean ok =
        is_sealed ? read_sealed_facts(engine, machine, volume->target, &facts, error)
                  : storage_head_facts(engine->storage, machine, 0, volume->target, &facts, error);
    if (!ok)
        return FALSE;
    VolumeSpace *found = g_new0(VolumeSpace, 1);
    found->target = g_strdup(volume->target);
    found->role = volume->role;
    found->allocated_bytes = facts.allocated_bytes;
    space->total_bytes += facts.allocated_bytes;
    g_ptr_array_add(space->volumes, found);
    return TRUE;
}

static guint64 held_by_entries(const Machine *machine)
{
    guint64 bytes = 0;
    for (guint i = 0; i < machine->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(machine->generations, i);
        if (machine_is_entry(machine, generation))
            bytes += generation->held_bytes;
    }
    return bytes;
}

gboolean engine_machine_space(Engine *engine, const Machine *machine, MachineSpace *space_out,
                              GError **error)
{
    g_auto(MachineSpace) space = {.volumes = g_ptr_array_new_with_free_func(volume_space_free),
                                  .undo_bytes = held_by_entries(machine)};
    space.total_bytes = space.undo_bytes;
    for (guint i = 0; i < machine->volumes->len; i++)
        if (!add_volume(engine, machine, g_ptr_array_index(machine->volumes, i), &space, error))
            return FALSE;
    *space_out = space;
    space = (MachineSpace){0};
    return TRUE;
}

/* --- the whole -------------------------------------------------------------------------------- */

void space_report_clear(SpaceReport *report)
{
    g_clear_pointer(&report->releases, g_array_unref);
    g_clear_pointer(&report->samples, g_array_unref);
    *report = (SpaceReport){0};
}

typedef struct {
    SpaceReport *report;
    gint64 now;
} Report;

/* Those of one kind in one span of 24 hours from now on are one: ten thousand clones have ten
 * thousand entries. */
static void add_release(Report *work, ReleaseKind kind, gint64 at, guint64 bytes)
{
    gint64 day = MAX(at - work->now, 0) / SECONDS_A_DAY;
    GArray *releases = work->report->releases;
    for (guint i = 0; i < releases->len; i++) {
        Release *release = &g_array_index(releases, Release, i);
        if (release->kind == kind && MAX(release->at - work->now, 0) / SECONDS_A_DAY == day) {
            release->at = MAX(release->at, at);
            release->bytes += bytes;
            return;
        }
    }
    Release release = {MAX(at, work->now), bytes, kind};
    g_array_append_val(releases, release);
}

static void add_entry(gint64 expires_at, guint64 bytes, gpointer user_data)
{
    add_release(user_data, RELEASE_UNDO, expires_at, bytes);
}

/* A file that cannot be read is doctor's affair. */
static void add_kept(Engine *engine, Report *work, const KeptVolume *volume)
{
    SpaceReport *report = work->report;
    g_auto(HeadFacts) facts = {0};
    (void)storage_kept_facts(engine->storage, volume, &facts, NULL);
    *(volume->expires_at ? &report->trash_bytes : &report->kept_bytes) += facts.allocated_bytes;
    *(volume->expires_at ? &report->trash_count : &report->kept_count) += 1;
    if (volume->expires_at)
        add_release(work, RELEASE_TRASH, volume->expires_at, facts.allocated_bytes);
}

static void read_records(Engine *engine, const Inventory *snapshot, Report *work)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, snapshot->layers);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        work->report->layers_bytes += ((Layer *)value)->allocated_bytes;
    g_hash_table_iter_init(&iter, snapshot->kept);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        add_kept(engine, work, value);
    reclaim_each_entry(engine, snapshot, add_entry, work);
}

static gint compare_releases(gconstpointer one, gconstpointer other)
{
    gint64 left = ((const Release *)one)->at, right = ((const Release *)other)->at;
    return (left > right) - (left < right);
}

static void read_settings(Engine *engine, const EngineStatus *status, SpaceReport *report)
{
    report->store = status->store;
    report->undo_bytes = status->held_bytes;
    report->undo_entries = status->entries;
    report->reclaimable_bytes = status->reclaimable_bytes;
    report->floor_bytes = engine->config.free_floor_bytes;
    report->undo_budget_percent = engine->config.undo_budget_percent;
    report->undo_budget_bytes = reclaim_budget_bytes(engine, &status->store);
    report->undo_retention_seconds = engine->config.undo_retention_seconds;
}

static void make_forecast(SpaceReport *report, gint64 now)
{
    guint64 free_bytes = report->store.free_bytes;
    guint64 room = free_bytes - MIN(free_bytes, report->floor_bytes);
    report->has_forecast = forecast_make(report->samples, now, room, &report->forecast);
}

gboolean engine_space_report(Engine *engine, SpaceReport *report_out, GError **error)
{
    gint64 now = engine_now(engine);
    g_auto(SpaceReport) report = {0};
    EngineStatus status = {0};
    report.samples = catalog_list_samples(engine->catalog, now - SPACE_KEEP_SECONDS, error);
    if (!report.samples || !engine_status(engine, &status, error))
        return FALSE;
    read_settings(engine, &status, &report);
    engine_status_clear(&status);
    report.releases = g_array_new(FALSE, FALSE, sizeof(Release));
    Report work = {&report, now};
    g_autoptr(Inventory) snapshot = engine_snapshot(engine);
    read_records(engine, snapshot, &work);
    g_array_sort(report.releases, compare_releases);
    make_forecast(&report, now);
    *report_out = report;
    report = (SpaceReport){0};
    return TRUE;
}

/* --- samples ---------------------------------------------------------------------------------- */

/* One of the future (a clock that was wrong) says nothing. */
static gboolean has_recent(const GArray *samples, gint64 now)
{
    return samples->len > 0 && g_array_index(samples, SpaceSample, 0).at <= now;
}

gboolean engine_sample_space(Engine *engine, GError **error)
{
    gint64 now = engine_now(engine);
    StoreStatus store = {0};
    if (!engine_check_unquestioned(engine, error))
        return FALSE;
    g_autoptr(GArray) recent =
        catalog_list_samples(engine->catalog, now - SPACE_SAMPLE_SECONDS + 1, error);
    if (!recent || has_recent(recent, now))
        return recent != NULL;
    SpaceSample sample = {now, 0};
    if (!storage_status(engine->storage, &store, error))
        return FALSE;
    sample.free_bytes = store.free_bytes;
    return catalog_put_sample(engine->catalog, &sample, now - SPACE_KEEP_SECONDS, error);
}
