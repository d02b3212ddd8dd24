/* The fakes behind fake_world.h. */
#include "fake_world.h"

#include "fake_screens.h"

#include "engine/space.h"
#include "foundation/error.h"
#include "http/lock.h"
#include "http/routes.h"
#include "ports/catalog_adapter.h"
#include "ports/hypervisor_adapter.h"

struct Engine {
    Inventory *inventory; /* does not change while a server runs */
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t changed;
    char *question;
    gboolean status_fails, libvirt_away, hook_untried, has_no_history;
    gboolean gate_shut;
    guint waiting;
    guint reads;
};

struct Jobs {
    pthread_mutex_t lock; /* protects what follows */
    GPtrArray *jobs;      /* newest first */
    JobsListener listener;
    EngineListener engine_listener;
    gpointer user_data;
};

/* --- engine --------------------------------------------------------------------------------- */

void engine_read(Engine *engine, EngineReader reader, gpointer user_data)
{
    {
        LOCK_FOR_SCOPE(&engine->lock);
        engine->reads++;
    }
    reader(engine->inventory, user_data);
}

Machine *engine_find_machine(Engine *engine, const char *name, GError **error)
{
    const Machine *machine = inventory_find(engine->inventory, name);
    if (!machine)
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin list'", "no machine '%s'", name);
    return machine ? machine_ref(machine) : NULL;
}

Power engine_power(Engine *engine, const char *machine_id)
{
    const Machine *machine = g_hash_table_lookup(engine->inventory->machines, machine_id);
    return g_str_equal(machine->name, "lab-1") ? POWER_RUNNING : POWER_OFF;
}

GHashTable *engine_machines_in_power(Engine *engine, Power power)
{
    GHashTable *ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GHashTableIter each;
    gpointer id;
    g_hash_table_iter_init(&each, engine->inventory->machines);
    while (g_hash_table_iter_next(&each, &id, NULL)) {
        if (engine_power(engine, id) == power)
            g_hash_table_add(ids, g_strdup(id));
    }
    return ids;
}

GPtrArray *engine_layer_reasons(Engine *engine, const char *layer_id, GError **error)
{
    (void)engine;
    (void)layer_id;
    (void)error;
    GPtrArray *reasons = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(reasons, g_strdup("base 'demo-v1' is sealed in it"));
    return reasons;
}

gboolean engine_status(Engine *engine, EngineStatus *status_out, GError **error)
{
    LOCK_FOR_SCOPE(&engine->lock);
    if (engine->status_fails)
        return error_set(error, UNDERPIN_ERROR_UNAVAILABLE, "mount it", "the store is not there");
    guint machines = g_hash_table_size(engine->inventory->machines);
    *status_out = (EngineStatus){.libvirt_connected = !engine->libvirt_away,
                                 .hook_in_force = !engine->hook_untried,
                                 .machines = machines,
                                 .bases = 1,
                                 .reclaimable_bytes = 4096,
                                 .store = {.uuid = "4d4f0c4e-0000-4000-8000-000000000001",
                                           .size_bytes = (guint64)1 << 40,
                                           .free_bytes = (guint64)1 << 39,
                                           .exchanges = TRUE}};
    return TRUE;
}

void engine_status_clear(EngineStatus *status)
{
    g_clear_pointer(&status->hook_problem, g_free);
}

GError *engine_question(Engine *engine)
{
    LOCK_FOR_SCOPE(&engine->lock);
    GError *error = NULL;
    if (engine->question)
        error_set(&error, UNDERPIN_ERROR_REFUSED, "answer 'underpin doctor'", "%s",
                  engine->question);
    return error;
}

Plan *engine_plan(Engine *engine, const Request *request, GError **error)
{
    LOCK_FOR_SCOPE(&engine->lock);
    engine->waiting++;
    pthread_cond_broadcast(&engine->changed);
    while (engine->gate_shut)
        pthread_cond_wait(&engine->changed, &engine->lock);
    engine->waiting--;
    if (request->machines->len == 0) {
        error_set(error, UNDERPIN_ERROR_BUG, "a hint of ours", "an assertion of ours");
        return NULL;
    }
    Plan *plan = plan_new(request);
    const char *name = request->machines->pdata[0];
    const Machine *machine = inventory_find(engine->inventory, name);
    PlanItem *item = plan_add(plan, machine ? machine->id : NULL, name);
    PlanVolume *volume = plan_item_add_volume(item, "vda", ROLE_SYSTEM, FATE_REPLACED);
    volume->lost_bytes = 65536;
    plan_item_warn(item, "machine '%s' has no data volume", name);
    return plan;
}

static void free_volume_space(gpointer data)
{
    VolumeSpace *volume = data;
    g_free(volume->target);
    g_free(volume);
}

void machine_space_clear(MachineSpace *space)
{
    g_clear_pointer(&space->volumes, g_ptr_array_unref);
}

gboolean engine_machine_space(Engine *engine, const Machine *machine, MachineSpace *space_out,
                              GError **error)
{
    (void)engine;
    (void)error;
    *space_out = (MachineSpace){.volumes = g_ptr_array_new_with_free_func(free_volume_space),
                                .undo_bytes = 1000};
    space_out->total_bytes = space_out->undo_bytes;
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = machine->volumes->pdata[i];
        VolumeSpace *space = g_new0(VolumeSpace, 1);
        space->target = g_strdup(volume->target);
        space->role = volume->role;
        space->allocated_bytes = 4096;
        space_out->total_bytes += 4096;
        g_ptr_array_add(space_out->volumes, space);
    }
    return TRUE;
}

void space_report_clear(SpaceReport *report)
{
    g_clear_pointer(&report->releases, g_array_unref);
    g_clear_pointer(&report->samples, g_array_unref);
}

gboolean engine_space_report(Engine *engine, SpaceReport *report_out, GError **error)
{
    LOCK_FOR_SCOPE(&engine->lock);
    if (engine->status_fails)
        return error_set(error, UNDERPIN_ERROR_UNAVAILABLE, "mount it", "the store is not there");
    SpaceReport report = {.store = {.size_bytes = (guint64)1 << 40, .free_bytes = 5000},
                          .floor_bytes = 1 << 30,
                          .layers_bytes = 70000,
                          .undo_bytes = 3000,
                          .undo_budget_bytes = (guint64)1 << 37,
                          .undo_budget_percent = 10,
                          .undo_entries = 3,
                          .undo_retention_seconds = 604800,
                          .trash_bytes = 200,
                          .trash_count = 2,
                          .kept_bytes = 100,
                          .kept_count = 1,
                          .reclaimable_bytes = 4096,
                          .has_forecast = !engine->has_no_history,
                          .forecast = {-512, 0, 3}};
    const Release releases[] = {{1700000000, 3000, RELEASE_UNDO}, {1700000100, 200, RELEASE_TRASH}};
    const SpaceSample sample = {1699990000, 6000};
    report.releases = g_array_new(FALSE, FALSE, sizeof(Release));
    report.samples = g_array_new(FALSE, FALSE, sizeof(SpaceSample));
    g_array_append_vals(report.releases, releases, G_N_ELEMENTS(releases));
    g_array_append_val(report.samples, sample);
    *report_out = report;
    return TRUE;
}

void finding_free(Finding *finding)
{
    g_free(finding->id);
    g_free(finding->subject);
    g_free(finding->text);
    g_free(finding->remedy);
    g_free(finding);
}

static void free_finding(gpointer finding)
{
    finding_free(finding);
}

GPtrArray *engine_doctor(Engine *engine, GError **error)
{
    (void)engine;
    (void)error;
    GPtrArray *findings = g_ptr_array_new_with_free_func(free_finding);
    Finding *finding = g_new0(Finding, 1);
    finding->id = g_strdup("orphan-file");
    finding->level = FINDING_WARNING;
    finding->subject = g_strdup("machines/x");
    finding->text = g_strdup("nobody knows this file");
    finding->remedy = g_strdup("look at it");
    g_ptr_array_add(findings, finding);
    return findings;
}

/* --- queue ---------------------------------------------------------------------------------- */

static void unref_job(gpointer job)
{
    job_unref(job);
}

static Job *jobs_find(Jobs *jobs, const char *id, GError **error)
{
    for (guint i = 0; i < jobs->jobs->len; i++) {
        Job *job = jobs->jobs->pdata[i];
        if (g_str_equal(job->id, id))
            return job;
    }
    error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin job list'", "no job '%s'", id);
    return NULL;
}

Job *jobs_submit(Jobs *jobs, const Request *request, const char *requested_by, GError **error)
{
    (void)error;
    LOCK_FOR_SCOPE(&jobs->lock);
    for (guint i = 0; request->idempotency_key && i < jobs->jobs->len; i++) {
        const Job *job = jobs->jobs->pdata[i];
        if (g_strcmp0(job->request->idempotency_key, request->idempotency_key) == 0)
            return job_copy(job);
    }
    g_autofree char *id = g_strdup_printf("%016x", jobs->jobs->len + 1);
    Job *job = job_new(id, request, requested_by, 1700000000);
    g_ptr_array_insert(jobs->jobs, 0, job);
    return job_copy(job);
}

Job *jobs_get(Jobs *jobs, const char *id, GError **error)
{
    LOCK_FOR_SCOPE(&jobs->lock);
    const Job *job = jobs_find(jobs, id, error);
    return job ? job_copy(job) : NULL;
}

GPtrArray *jobs_list(Jobs *jobs, const char *before_id, guint limit, GError **error)
{
    (void)error;
    LOCK_FOR_SCOPE(&jobs->lock);
    GPtrArray *page = g_ptr_array_new_with_free_func(unref_job);
    gboolean begun = !before_id;
    for (guint i = 0; i < jobs->jobs->len && page->len < limit; i++) {
        const Job *job = jobs->jobs->pdata[i];
        if (begun)
            g_ptr_array_add(page, job_copy(job));
        begun = begun || g_str_equal(job->id, before_id);
    }
    return page;
}

gboolean jobs_cancel(Jobs *jobs, const char *id, GError **error)
{
    LOCK_FOR_SCOPE(&jobs->lock);
    Job *job = jobs_find(jobs, id, error);
    if (!job)
        return FALSE;
    if (job_state_is_final(job->state))
        return error_set(error, UNDERPIN_ERROR_REFUSED, "undo it", "job '%s' is finished", id);
    job->state = JOB_CANCELLED;
    return TRUE;
}

double jobs_estimate(Jobs *jobs, const Job *job)
{
    (void)jobs;
    return job->total > 0 ? 2.5 : -1;
}

void jobs_listen(Jobs *jobs, JobsListener listener, gpointer user_data)
{
    jobs->listener = listener;
    jobs->user_data = user_data;
}

void jobs_listen_engine(Jobs *jobs, EngineListener listener, gpointer user_data)
{
    jobs->engine_listener = listener;
    jobs->user_data = user_data;
}

/* --- catalog and hypervisor ----------------------------------------------------------------- */

static Jobs *queue_of_catalog; /* one world at a time */

static GPtrArray *catalog_open(Catalog *catalog, GError **error)
{
    (void)catalog;
    (void)error;
    GPtrArray *open = g_ptr_array_new_with_free_func(unref_job);
    for (guint i = 0; i < queue_of_catalog->jobs->len; i++) {
        const Job *job = queue_of_catalog->jobs->pdata[i];
        if (!job_state_is_final(job->state))
            g_ptr_array_add(open, job_ref(job));
    }
    return open;
}

static Job *catalog_job(Catalog *catalog, const char *id, GError **error)
{
    (void)catalog;
    for (guint i = 0; i < queue_of_catalog->jobs->len; i++) {
        const Job *job = queue_of_catalog->jobs->pdata[i];
        if (g_str_equal(job->id, id))
            return job_ref(job);
    }
    error_set(error, UNDERPIN_ERROR_NOT_FOUND, NULL, "no job '%s'", id);
    return NULL;
}

static GPtrArray *catalog_history(Catalog *catalog, const char *machine_id, guint limit,
                                  GError **error)
{
    (void)catalog;
    (void)error;
    GPtrArray *jobs = g_ptr_array_new_with_free_func(unref_job);
    g_autoptr(Request) request = request_new(VERB_RESTORE);
    Job *job = job_new("00000000000000aa", request, "root", 1700000000);
    job->finished_at = 1700000009;
    JobItem *item = job_item_new(machine_id, "lab-1");
    item->state = ITEM_DONE;
    item->receipt = g_strdup("{\"vdc\":{\"inode\":12}}");
    g_ptr_array_add(job->items, item);
    if (limit > 0)
        g_ptr_array_add(jobs, job);
    return jobs;
}

static void catalog_release(Catalog *catalog)
{
    g_free(catalog);
}

static const CatalogOps catalog_ops = {.name = "fake",
                                       .free = catalog_release,
                                       .open_jobs = catalog_open,
                                       .get_job = catalog_job,
                                       .machine_jobs = catalog_history};

static DomainState *domain_state(const char *name, const char *uuid, const char *machine_id)
{
    DomainState *state = g_new0(DomainState, 1);
    state->name = g_strdup(name);
    state->uuid = g_strdup(uuid);
    state->machine_id = g_strdup(machine_id);
    state->power = POWER_OFF;
    state->persistent = TRUE;
    return state;
}

static void release_state(gpointer state)
{
    domain_state_free(state);
}

static GPtrArray *domains_list(Hypervisor *hypervisor, GError **error)
{
    (void)hypervisor;
    (void)error;
    GPtrArray *domains = g_ptr_array_new_with_free_func(release_state);
    g_ptr_array_add(domains, domain_state("web", "11111111-0000-4000-8000-000000000001", NULL));
    g_ptr_array_add(domains, domain_state("gone", "11111111-0000-4000-8000-000000000002", NULL));
    g_ptr_array_add(domains, domain_state("ours", "11111111-0000-4000-8000-000000000003", "aaaa"));
    g_ptr_array_add(domains, domain_state("plain", "00000000-0000-4000-8000-0000000000ff", NULL));
    g_ptr_array_add(domains, domain_state("db", "11111111-0000-4000-8000-000000000004", NULL));
    return domains;
}

static DomainDisk *disk_new(const char *target, const char *device, const char *path,
                            guint boot_order)
{
    DomainDisk *disk = g_new0(DomainDisk, 1);
    disk->target = g_strdup(target);
    disk->device = g_strdup(device);
    disk->type = g_strdup("file");
    disk->path = g_strdup(path);
    disk->format = g_strdup("qcow2");
    disk->boot_order = boot_order;
    return disk;
}

static void release_disk(gpointer data)
{
    DomainDisk *disk = data;
    g_free(disk->target);
    g_free(disk->device);
    g_free(disk->type);
    g_free(disk->path);
    g_free(disk->format);
    g_free(disk);
}

static DomainFacts *domain_inspect(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    (void)hypervisor;
    if (g_str_has_suffix(uuid, "2")) {
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, NULL, "no domain '%s'", uuid);
        return NULL;
    }
    DomainFacts *facts = g_new0(DomainFacts, 1);
    facts->state = domain_state("web", uuid, NULL);
    facts->disks = g_ptr_array_new_with_free_func(release_disk);
    g_ptr_array_add(facts->disks, disk_new("sda", "cdrom", NULL, 1));
    g_ptr_array_add(facts->disks, disk_new("vda", "disk", "/srv/a.qcow2", 0));
    g_ptr_array_add(facts->disks,
                    disk_new("vdb", "disk", "/srv/b.qcow2", g_str_has_suffix(uuid, "4") ? 2 : 0));
    return facts;
}

static void hypervisor_release(Hypervisor *hypervisor)
{
    g_free(hypervisor);
}

static const HypervisorOps hypervisor_ops = {
    .name = "fake",
    .free = hypervisor_release,
    .list = domains_list,
    .inspect = domain_inspect,
    .display = fake_screen_display,
    .open_screen = fake_screen_open,
};

/* --- the world ------------------------------------------------------------------------------ */

static Machine *machine_with(const char *id, const char *name, guint number, const char *base_id)
{
    g_autofree char *uuid = g_strdup_printf("00000000-0000-4000-8000-%012x", number);
    Machine *machine = machine_new(id, name, uuid, 1700000000);
    Generation *generation =
        generation_new(1, base_id ? CAUSE_CLONE : CAUSE_IMPORT, base_id, 1700000000);
    static const char *const targets[] = {"vda", "vdb", "vdc"};
    for (guint i = 0; i < G_N_ELEMENTS(targets); i++) {
        g_ptr_array_add(machine->volumes, volume_new(targets[i], (Role)i, "qcow2", FALSE));
        Head *head = head_new(targets[i], (Role)i, "qcow2", (guint64)1 << 30, HEAD_FRESH);
        g_autofree char *layer = layer_id_build("set0000000000001", targets[i]);
        head_set_layer(head, base_id ? layer : NULL, base_id ? "qcow2" : NULL);
        g_ptr_array_add(generation->heads, head);
    }
    machine_take_generation(machine, generation);
    machine->actual = machine->desired = 1;
    machine->actual_place = machine->desired_place = PLACE_NOW;
    return machine;
}

static void put_machine(Changes *changes, Machine *machine)
{
    changes_put_machine(changes, machine);
    machine_unref(machine);
}

static void put_base(Changes *changes)
{
    Machine *base = machine_with("b000000000000001", "demo-v1", 0xb1, NULL);
    base->actual_place = base->desired_place = PLACE_SEALED;
    base->set_id = g_strdup("set0000000000001");
    base->prepared_at = 1700000100;
    put_machine(changes, base);
    static const char *const targets[] = {"vda", "vdb", "vdc"};
    for (guint i = 0; i < G_N_ELEMENTS(targets); i++) {
        g_autoptr(Layer) layer =
            layer_new("set0000000000001", targets[i], (Role)i, "qcow2", (guint64)1 << 30);
        layer->machine_id = g_strdup("b000000000000001");
        layer->machine_name = g_strdup("demo-v1");
        layer->sealed_at = 1700000100;
        changes_put_layer(changes, layer);
    }
}

static Inventory *inventory_with(guint clones)
{
    Inventory *inventory = inventory_new();
    g_autoptr(Changes) changes = changes_new();
    put_base(changes);
    put_machine(changes, machine_with("a000000000000001", "plain", 0xff, NULL));
    for (guint i = 1; i <= clones; i++) {
        g_autofree char *id = g_strdup_printf("c%015x", i);
        g_autofree char *name = g_strdup_printf("lab-%u", i);
        Machine *clone = machine_with(id, name, 0x10000 + i, "b000000000000001");
        clone->held = i == 2;
        if (i == 3)
            machine_take_generation(
                clone, generation_new(2, CAUSE_REBASE, "b000000000000001", 1700000200));
        clone->desired = i == 3 ? 2 : 1;
        put_machine(changes, clone);
    }
    g_autoptr(KeptVolume) kept =
        kept_volume_new("d000000000000001", "trash/d/data/vdc.qcow2", "vdc", "qcow2");
    changes_put_kept(changes, kept);
    inventory_apply(inventory, changes, 7);
    return inventory;
}

static Engine *fake_engine_new(Inventory *inventory)
{
    Engine *engine = g_new0(Engine, 1);
    engine->inventory = inventory;
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->changed, NULL);
    return engine;
}

static void queue_add(Jobs *jobs, const char *id, JobState state)
{
    g_autoptr(Request) request = request_new(VERB_RESTORE);
    request_add_machine(request, "lab-1");
    Job *job = job_new(id, request, "root", 1700000000);
    job->state = state;
    job->total = 4;
    g_ptr_array_add(job->items, job_item_new("c000000000000001", "lab-1"));
    g_ptr_array_insert(jobs->jobs, 0, job);
}

static Jobs *fake_jobs_new(void)
{
    Jobs *jobs = g_new0(Jobs, 1);
    pthread_mutex_init(&jobs->lock, NULL);
    jobs->jobs = g_ptr_array_new_with_free_func(unref_job);
    queue_add(jobs, "0000000000000001", JOB_DONE);
    queue_add(jobs, "0000000000000002", JOB_RUNNING);
    return jobs;
}

FakeWorld *fake_world_new(guint clones)
{
    FakeWorld *world = g_new0(FakeWorld, 1);
    gsize count;
    const Route *routes = routes_all(&count);
    EventStreamConfig config;
    event_stream_config_init(&config);
    config.heartbeat_seconds = 0;
    config.reader_limit = 8;
    ConsolesConfig consoles;
    consoles_config_init(&consoles);
    world->inventory = inventory_with(clones);
    Catalog *catalog = g_new0(Catalog, 1);
    catalog->ops = &catalog_ops;
    Hypervisor *hypervisor = g_new0(Hypervisor, 1);
    hypervisor->ops = &hypervisor_ops;
    world->clock = clock_new_manual(1700000000);
    AccessConfig access;
    access_config_init(&access);
    access.path = ":memory:";
    access.password_memory_bytes = (gsize)64 * 1024;
    world->api = (Api){.engine = fake_engine_new(world->inventory),
                       .jobs = fake_jobs_new(),
                       .access = access_open(&access, world->clock),
                       .catalog = catalog,
                       .hypervisor = hypervisor,
                       .events = event_stream_new(&config),
                       .consoles = consoles_new(&consoles, NULL),
                       .metrics = http_metrics_new(routes, count),
                       .tally = job_tally_new(),
                       .store_path = "/srv/store"};
    queue_of_catalog = world->api.jobs;
    return world;
}

void fake_world_free(FakeWorld *world)
{
    consoles_free(world->api.consoles);
    event_stream_free(world->api.events);
    http_metrics_free(world->api.metrics);
    job_tally_free(world->api.tally);
    catalog_free(world->api.catalog);
    hypervisor_free(world->api.hypervisor);
    g_ptr_array_unref(world->api.jobs->jobs);
    pthread_mutex_destroy(&world->api.jobs->lock);
    g_free(world->api.jobs);
    pthread_cond_destroy(&world->api.engine->changed);
    pthread_mutex_destroy(&world->api.engine->lock);
    g_free(world->api.engine->question);
    g_free(world->api.engine);
    inventory_free(world->inventory);
    access_free(world->api.access);
    clock_free(world->clock);
    g_free(world);
}

void fake_world_set_question(FakeWorld *world, const char *message)
{
    LOCK_FOR_SCOPE(&world->api.engine->lock);
    g_free(world->api.engine->question);
    world->api.engine->question = g_strdup(message);
}

void fake_world_set_status_fails(FakeWorld *world, gboolean fails)
{
    LOCK_FOR_SCOPE(&world->api.engine->lock);
    world->api.engine->status_fails = fails;
}

void fake_world_set_libvirt_away(FakeWorld *world, gboolean away)
{
    LOCK_FOR_SCOPE(&world->api.engine->lock);
    world->api.engine->libvirt_away = away;
}

void fake_world_set_hook_untried(FakeWorld *world, gboolean untried)
{
    LOCK_FOR_SCOPE(&world->api.engine->lock);
    world->api.engine->hook_untried = untried;
}

void fake_world_set_no_history(FakeWorld *world, gboolean has_no_history)
{
    LOCK_FOR_SCOPE(&world->api.engine->lock);
    world->api.engine->has_no_history = has_no_history;
}

void fake_world_shut_gate(FakeWorld *world)
{
    LOCK_FOR_SCOPE(&world->api.engine->lock);
    world->api.engine->gate_shut = TRUE;
}

void fake_world_await(FakeWorld *world, guint count)
{
    Engine *engine = world->api.engine;
    LOCK_FOR_SCOPE(&engine->lock);
    while (engine->waiting < count)
        pthread_cond_wait(&engine->changed, &engine->lock);
}

void fake_world_open_gate(FakeWorld *world)
{
    LOCK_FOR_SCOPE(&world->api.engine->lock);
    world->api.engine->gate_shut = FALSE;
    pthread_cond_broadcast(&world->api.engine->changed);
}

void fake_world_emit_engine(FakeWorld *world, EngineEvent event, const char *id)
{
    Jobs *jobs = world->api.jobs;
    jobs->engine_listener(event, id, NULL, jobs->user_data);
}

void fake_world_emit_job(FakeWorld *world, JobsEvent event, const Job *job, const JobItem *item)
{
    Jobs *jobs = world->api.jobs;
    jobs->listener(event, job, item, jobs->user_data);
}

Job *fake_world_job(FakeWorld *world, guint index)
{
    return world->api.jobs->jobs->pdata[index];
}

guint fake_world_reads(FakeWorld *world)
{
    LOCK_FOR_SCOPE(&world->api.engine->lock);
    return world->api.engine->reads;
}
