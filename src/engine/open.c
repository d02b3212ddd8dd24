/*
 * Opening: load the catalog, prove that it and the store belong together, and settle what a crash
 * left.
 *
 *     catalog says     store says       then
 *     no store         no generation    marry them: both are new
 *     same UUID        same or older    fine; the store is brought up to the catalog's number
 *     same UUID        newer            yesterday's catalog: question
 *     other UUID, or nothing beside a store that has seen commits: question
 *
 * While the question is open nothing is committed, settled or reclaimed (invariant 5).
 */
#include <string.h>

#include "engine/engine_private.h"

static GError *question_new(const char *format, ...) G_GNUC_PRINTF(1, 2);
static GError *question_new(const char *format, ...)
{
    GError *question = NULL;
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    error_set(&question, UNDERPIN_ERROR_REFUSED,
              "nothing is settled or deleted until this is answered: put the right catalog or "
              "store back and restart "
              "underpind, or take the store as the truth with 'underpin doctor --rebuild'",
              "%s", message);
    return question;
}

/* NULL: they belong together. */
static GError *compare_identities(const Inventory *inventory, const StoreStatus *store)
{
    if (!inventory->store_uuid && store->generation == 0)
        return NULL;
    if (!inventory->store_uuid)
        return question_new("the catalog is new, but the store %s has seen %" G_GUINT64_FORMAT
                            " commits",
                            store->uuid, store->generation);
    if (strcmp(inventory->store_uuid, store->uuid) != 0)
        return question_new("the catalog belongs to store %s, but this is store %s",
                            inventory->store_uuid, store->uuid);
    if (inventory->generation < store->generation)
        return question_new("the catalog is older than the store: it has seen %" G_GUINT64_FORMAT
                            " commits, the store %" G_GUINT64_FORMAT,
                            inventory->generation, store->generation);
    return NULL;
}

static gboolean marry(Engine *engine, const StoreStatus *store, GError **error)
{
    if (engine->inventory->store_uuid)
        return storage_raise_generation(engine->storage, engine->inventory->generation, error);
    g_autoptr(Changes) changes = changes_new();
    changes->store_uuid = g_strdup(store->uuid);
    return engine_commit(engine, changes, error);
}

/* --- recovery
 * ---------------------------------------------------------------------------------------------- */

/* Before the commit nothing has happened: what was staged for a machine that wants nothing new
 * goes. */
static void abandon_uncommitted(Engine *engine, const char *machine_id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Machine) machine = engine_machine(engine, machine_id);
    g_auto(MachineFacts) facts = {0};
    if (machine && machine_is_pending(machine))
        return;
    if (!storage_machine_facts(engine->storage, machine_id, &facts, &error)) {
        g_warning("looking at machine %s: %s", machine_id, error->message);
        return;
    }
    if (machine && (facts.next || facts.next_broken) &&
        !storage_abandon(engine->storage, machine_id, &error))
        g_warning("removing what was staged for '%s': %s", machine->name, error->message);
    if (machine && facts.marked)
        engine_emit(engine, ENGINE_WANTS_SETTLE, machine_id, NULL);
}

static void protect_layers(Engine *engine)
{
    g_autoptr(GHashTable) sets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GHashTableIter iter;
    gpointer value;
    g_rw_lock_reader_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->inventory->layers);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        g_hash_table_add(sets, g_strdup(((Layer *)value)->set_id));
    g_rw_lock_reader_unlock(&engine->lock);
    g_hash_table_iter_init(&iter, sets);
    while (g_hash_table_iter_next(&iter, &value, NULL)) {
        g_autoptr(GError) error = NULL;
        if (!storage_protect(engine->storage, value, &error))
            g_warning("protecting layer set %s: %s", (char *)value, error->message);
    }
}

/* An export that did not come to its commit has left links to our heads where the import had found
 * them. */
static void abandon_export(Engine *engine, const Machine *machine)
{
    g_autoptr(GError) error = NULL;
    if (machine->origin && machine->actual_place == PLACE_NOW && !machine_is_clone(machine) &&
        machine->desired_place == PLACE_NOW &&
        !storage_export_abandon(engine->storage, machine, &error))
        g_warning("taking back an export of '%s': %s", machine->name, error->message);
}

/* A machine without a session cannot be running: settling it needs no libvirt. The others wait for
 * engine_resync(). */
static void recover_machine(Engine *engine, const char *machine_id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Machine) machine = engine_machine(engine, machine_id);
    abandon_uncommitted(engine, machine_id);
    if (machine)
        abandon_export(engine, machine);
    if (!machine || !machine_is_pending(machine) || machine->session)
        return;
    if (engine_settle(engine, machine_id, &error))
        return;
    engine_emit(engine, ENGINE_WANTS_SETTLE, machine_id, NULL);
    g_message("'%s' is not settled yet: %s", machine->name, error->message);
}

/* What a look over all machines' directories has found. */
typedef struct {
    Engine *engine;
    GHashTable *leftovers; /* machine id: more lies there than a settled machine has */
    GPtrArray *unknown;    /* char *: ids that the catalog does not know */
} Survey;

static void survey_init(Survey *survey, Engine *engine)
{
    survey->engine = engine;
    survey->leftovers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    survey->unknown = g_ptr_array_new_with_free_func(g_free);
}

static void survey_clear(Survey *survey)
{
    g_hash_table_unref(survey->leftovers);
    g_ptr_array_unref(survey->unknown);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Survey, survey_clear)

static void note_directory(const char *id, gboolean has_leftovers, gpointer user_data)
{
    Survey *survey = user_data;
    g_autoptr(Machine) machine = engine_machine(survey->engine, id);
    if (!machine)
        g_ptr_array_add(survey->unknown, g_strdup(id));
    else if (has_leftovers)
        g_hash_table_add(survey->leftovers, g_strdup(id));
}

/* Of ten thousand machines nearly all were settled when the daemon ended: neither what the catalog
 * says nor what lies there asks for more than that look. */
static gboolean needs_recovery(const Survey *survey, const Machine *machine)
{
    return machine_is_pending(machine) || machine->origin ||
           g_hash_table_contains(survey->leftovers, machine->id);
}

static GPtrArray *machines_to_recover(Engine *engine, const Survey *survey)
{
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer key, machine;
    g_rw_lock_reader_lock(&engine->lock);
    g_hash_table_iter_init(&iter, engine->inventory->machines);
    while (g_hash_table_iter_next(&iter, &key, &machine))
        if (needs_recovery(survey, machine))
            g_ptr_array_add(ids, g_strdup(key));
    g_rw_lock_reader_unlock(&engine->lock);
    return ids;
}

/* A directory that no committed machine owns, holding only what was staged: the trace of a clone or
 * an import that did not come to its commit. Anything with heads in `now` is somebody's content and
 * is left for doctor. */
static void abandon_orphan(Engine *engine, const char *id)
{
    g_auto(MachineFacts) facts = {0};
    if (storage_machine_facts(engine->storage, id, &facts, NULL) && !facts.now &&
        facts.entries->len == 0)
        (void)storage_abandon(engine->storage, id, NULL);
}

gboolean engine_recover(Engine *engine, GError **error)
{
    g_auto(Survey) survey = {0};
    survey_init(&survey, engine);
    if (!storage_survey(engine->storage, note_directory, &survey, error))
        return FALSE;
    g_autoptr(GPtrArray) ids = machines_to_recover(engine, &survey);
    protect_layers(engine);
    engine_recover_flattening(engine);
    for (guint i = 0; i < ids->len; i++)
        recover_machine(engine, g_ptr_array_index(ids, i));
    for (guint i = 0; i < survey.unknown->len; i++)
        abandon_orphan(engine, g_ptr_array_index(survey.unknown, i));
    return TRUE;
}

gboolean engine_open(Engine *engine, GError **error)
{
    StoreStatus store = {0};
    g_autoptr(Inventory) loaded = catalog_load(engine->catalog, error);
    if (!loaded || !storage_status(engine->storage, &store, error))
        return FALSE;
    inventory_free(engine->inventory);
    engine->inventory = g_steal_pointer(&loaded);
    engine->question = compare_identities(engine->inventory, &store);
    if (engine->question) {
        engine_emit(engine, ENGINE_HOST_CHANGED, NULL, engine->question);
        return TRUE;
    }
    return marry(engine, &store, error) && engine_recover(engine, error);
}

/* --- resync
 * ------------------------------------------------------------------------------------------------
 */

static gboolean hook_is_in_force(Engine *engine, GError **error)
{
    const EngineConfig *config = &engine->config;
    g_autoptr(GError) first = NULL;
    if (!config->store_root ||
        hypervisor_probe_hook(engine->hypervisor, config->store_root, &first))
        return TRUE;
    if (!config->mend_hook) {
        g_propagate_error(error, g_steal_pointer(&first));
        return FALSE;
    }
    config->mend_hook(config->mend_data);
    return hypervisor_probe_hook(engine->hypervisor, config->store_root, error);
}

void engine_probe_hook(Engine *engine)
{
    g_autoptr(GError) error = NULL;
    gboolean in_force = hook_is_in_force(engine, &error);
    g_rw_lock_writer_lock(&engine->lock);
    engine->hook_in_force = in_force;
    g_free(engine->hook_problem);
    engine->hook_problem = in_force ? NULL : g_strdup(error->message);
    g_rw_lock_writer_unlock(&engine->lock);
    engine_emit(engine, ENGINE_HOST_CHANGED, NULL, error);
}

static gboolean hook_is_missed(Engine *engine, char **problem_out)
{
    g_rw_lock_reader_lock(&engine->lock);
    gboolean is_missed =
        engine->config.require_hook && !engine->hook_in_force && engine->libvirt_connected;
    *problem_out = is_missed ? g_strdup(engine->hook_problem) : NULL;
    g_rw_lock_reader_unlock(&engine->lock);
    return is_missed;
}

gboolean engine_check_hook(Engine *engine, GError **error)
{
    g_autofree char *before = NULL, *problem = NULL;
    if (!hook_is_missed(engine, &before))
        return TRUE;
    engine_probe_hook(engine);
    return !hook_is_missed(engine, &problem) ||
           error_set(error, UNDERPIN_ERROR_REFUSED,
                     "restart underpind: it installs the hook and has libvirt load it",
                     "the start barrier is not in force: %s", problem);
}

static void begin_missed_session(Machine *machine, gpointer data)
{
    machine->session = machine->actual;
    machine->session_started_at = *(gint64 *)data;
}

static void note_session(Engine *engine, const Machine *machine)
{
    g_autoptr(GError) error = NULL;
    gint64 now = engine_now(engine);
    if (!machine->session && machine->actual_place == PLACE_NOW &&
        !engine_update(engine, machine->id, begin_missed_session, &now, &error))
        g_warning("recording the session of '%s': %s", machine->name, error->message);
    stamp_session(engine, machine->id);
}

/* The hook writes the mark; it was not there for this start. */
static void ensure_mark(Engine *engine, const Machine *machine)
{
    g_autoptr(GError) error = NULL;
    g_auto(MachineFacts) facts = {0};
    if (storage_machine_facts(engine->storage, machine->id, &facts, NULL) && facts.now &&
        !facts.marked && !storage_mark(engine->storage, machine->id, TRUE, &error))
        g_warning("marking that '%s' runs: %s", machine->name, error->message);
}

/* Running, but the start was not seen (the daemon was down): the heads in `now` cannot have been
 * switched since. Where it has stopped meanwhile, what was noted is to be settled. */
static void note_running(Engine *engine, const Machine *machine, guint64 moment)
{
    if (!gate_claim_since(engine, machine->id, moment))
        return;
    ensure_mark(engine, machine);
    note_session(engine, machine);
    if (!gate_is_silent_since(engine, machine->id, moment))
        engine_emit(engine, ENGINE_WANTS_SETTLE, machine->id, NULL);
}

/* Saved before we saw that it ran: by the mark its session is open, of the heads that it names. */
static void note_saved(Engine *engine, const Machine *machine)
{
    g_auto(MachineFacts) facts = {0};
    if (storage_machine_facts(engine->storage, machine->id, &facts, NULL) &&
        facts.marked_generation && facts.marked_generation == machine->actual)
        note_session(engine, machine);
}

/* Stopped as libvirt says: a claim that is left is stale, unless QEMU still holds the images. */
static void note_stopped(Engine *engine, const Machine *machine, guint64 moment)
{
    if (machine->actual_place != PLACE_NOW)
        return;
    gboolean is_stale = claims_state(engine->claims, machine->id) == CLAIM_STARTED;
    if (!gate_unclaim_since(engine, machine->id, moment))
        return;
    if (is_stale)
        claims_drop(engine->claims, machine->id);
    if (machine->session || machine_is_pending(machine) || machine->start_after)
        engine_emit(engine, ENGINE_WANTS_SETTLE, machine->id, NULL);
}

/* `moment`: when the state was asked for. What the hook has said since is newer, and events of
 * libvirt follow it. */
static void resync_machine(Engine *engine, const Machine *machine, const DomainState *state,
                           guint64 moment)
{
    Power power = state ? state->power : POWER_OFF;
    if (!gate_is_silent_since(engine, machine->id, moment))
        return;
    engine_set_power(engine, machine->id, power);
    if (power_is_live(power))
        note_running(engine, machine, moment);
    else if (power == POWER_SAVED)
        note_saved(engine, machine);
    else if (power == POWER_OFF)
        note_stopped(engine, machine, moment);
}

/* An autostart that the hook refused while we were down is never retried by libvirt: so we do. */
static void start_refused(Engine *engine, const Machine *machine, const DomainState *state)
{
    g_autoptr(GError) error = NULL;
    if (!state || !state->autostart || state->power != POWER_OFF ||
        machine->actual_place != PLACE_NOW ||
        claims_state(engine->claims, machine->id) != CLAIM_REFUSED)
        return;
    claims_drop(engine->claims, machine->id);
    if (!hypervisor_start(engine->hypervisor, machine->uuid, &error))
        g_warning("starting '%s', whose autostart was refused: %s", machine->name, error->message);
}

gboolean engine_resync(Engine *engine, GError **error)
{
    guint64 moment = gate_moment(engine);
    g_autoptr(GPtrArray) domains = hypervisor_list(engine->hypervisor, error);
    if (!domains)
        return FALSE;
    g_rw_lock_writer_lock(&engine->lock);
    engine->libvirt_connected = TRUE;
    g_rw_lock_writer_unlock(&engine->lock);
    engine_probe_hook(engine);
    g_autoptr(GHashTable) by_uuid = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < domains->len; i++) {
        DomainState *state = g_ptr_array_index(domains, i);
        g_hash_table_insert(by_uuid, state->uuid, state);
    }
    g_autoptr(GPtrArray) machines = engine_list_machines(engine);
    for (guint i = 0; i < machines->len; i++) {
        const Machine *machine = g_ptr_array_index(machines, i);
        const DomainState *state = g_hash_table_lookup(by_uuid, machine->uuid);
        resync_machine(engine, machine, state, moment);
        start_refused(engine, machine, state);
    }
    return TRUE;
}
