/* The part of a run that switches nothing: power, backup, repair, reclaim, flatten. */
#include "engine/run_private.h"
#include "foundation/size.h"

#define POLL_MS 200

/* --- power
 * -------------------------------------------------------------------------------------------------
 */

static gboolean is_off(Run *run, const char *machine_id)
{
    g_autoptr(Machine) machine = engine_machine(run->engine, machine_id);
    Power power = POWER_UNKNOWN;
    if (!machine || !hypervisor_power(run->engine->hypervisor, machine->uuid, &power, NULL))
        return machine == NULL;
    engine_set_power(run->engine, machine_id, power);
    return power == POWER_OFF;
}

/* Off, and what its session left is settled: whoever waited may go on with it. */
static gboolean is_settled_off(Run *run, const char *machine_id)
{
    if (!is_off(run, machine_id))
        return FALSE;
    g_autoptr(Machine) machine = engine_machine(run->engine, machine_id);
    if (!machine || (!machine->session && !machine_is_pending(machine)))
        return TRUE;
    run_vacate(run, machine_id);
    return engine_settle(run->engine, machine_id, NULL);
}

typedef gboolean (*PowerCall)(Hypervisor *hypervisor, const char *uuid, GError **error);

static void call_each(Run *run, GPtrArray *machine_ids, PowerCall call)
{
    for (guint i = 0; i < machine_ids->len; i++) {
        g_autoptr(Machine) machine = engine_machine(run->engine, g_ptr_array_index(machine_ids, i));
        g_autoptr(GError) error = NULL;
        if (machine && !is_off(run, machine->id) &&
            !call(run->engine->hypervisor, machine->uuid, &error))
            g_message("'%s': %s", machine->name, error->message);
    }
}

/* A pending machine has stopped when it has moved: it may run again by now. */
static gboolean has_stopped(Run *run, GHashTable *pending, const char *machine_id)
{
    g_autoptr(Machine) machine = engine_machine(run->engine, machine_id);
    if (machine && g_hash_table_contains(pending, machine_id) && !machine_is_pending(machine))
        return TRUE;
    return is_settled_off(run, machine_id);
}

/* Those that have stopped leave the array: they are not waited for, nor forced, again. */
static void drop_stopped(Run *run, GHashTable *pending, GPtrArray *machine_ids)
{
    for (guint i = machine_ids->len; i-- > 0;)
        if (has_stopped(run, pending, g_ptr_array_index(machine_ids, i)))
            g_ptr_array_remove_index(machine_ids, i);
}

static GHashTable *pending_among(Run *run, GPtrArray *machine_ids)
{
    GHashTable *pending = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < machine_ids->len; i++) {
        g_autoptr(Machine) machine = engine_machine(run->engine, g_ptr_array_index(machine_ids, i));
        if (machine && machine_is_pending(machine))
            g_hash_table_add(pending, g_strdup(machine->id));
    }
    return pending;
}

static void wait_until_off(Run *run, GHashTable *pending, GPtrArray *machine_ids, guint seconds)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC;
    drop_stopped(run, pending, machine_ids);
    while (machine_ids->len && g_get_monotonic_time() < deadline &&
           !g_cancellable_is_cancelled(run->cancellable)) {
        g_usleep(POLL_MS * 1000);
        drop_stopped(run, pending, machine_ids);
    }
}

void run_shut_down(Run *run, GPtrArray *machine_ids, guint grace_seconds, gboolean force)
{
    g_autoptr(GHashTable) pending = pending_among(run, machine_ids);
    call_each(run, machine_ids, hypervisor_shutdown);
    wait_until_off(run, pending, machine_ids, grace_seconds);
    if (!force || g_cancellable_is_cancelled(run->cancellable))
        return;
    call_each(run, machine_ids, hypervisor_poweroff);
    wait_until_off(run, pending, machine_ids, grace_seconds);
}

/* Libvirt would name a path and its own logs. */
static gboolean check_head(Run *run, const Machine *machine, const Volume *volume, GError **error)
{
    g_auto(HeadFacts) facts = {0};
    gboolean is_fresh_again = volume->role != ROLE_DATA && machine_is_clone(machine);
    g_autofree char *restore =
        g_strdup_printf("'underpin restore %s' makes a new one", machine->name);
    const char *hint =
        is_fresh_again ? restore : "put it back from a backup; see 'underpin doctor'";
    if (!storage_head_facts(run->engine->storage, machine, 0, volume->target, &facts, error)) {
        if (error)
            error_set_hint(*error, hint);
        return FALSE;
    }
    return facts.exists ||
           error_set(error, UNDERPIN_ERROR_REFUSED, hint,
                     "the image of volume '%s' of '%s' is missing", volume->target, machine->name);
}

static gboolean check_heads(Run *run, const Machine *machine, GError **error)
{
    for (guint i = 0; machine->actual_place == PLACE_NOW && i < machine->volumes->len; i++)
        if (!check_head(run, machine, g_ptr_array_index(machine->volumes, i), error))
            return FALSE;
    return TRUE;
}

/* A start settles first: the hook would do it too, but here the reason of a failure reaches the
 * person whole. */
static gboolean act_start(Run *run, const Machine *machine, GError **error)
{
    g_autoptr(GError) unsettled = NULL;
    run_vacate(run, machine->id);
    if (!engine_settle(run->engine, machine->id, &unsettled))
        g_debug("settling '%s' before its start: %s", machine->name, unsettled->message);
    return check_heads(run, machine, error) && identity_start(run->engine, machine->id, error);
}

static gboolean act_shutdown(Run *run, const Machine *machine, GError **error)
{
    return hypervisor_shutdown(run->engine->hypervisor, machine->uuid, error);
}

static gboolean act_poweroff(Run *run, const Machine *machine, GError **error)
{
    return hypervisor_poweroff(run->engine->hypervisor, machine->uuid, error);
}

static void come_back(Machine *machine, gpointer data)
{
    machine->start_after = TRUE;
}

/* While a move is pending a reboot is a stop (libvirt then sends a plain shutdown): we bring the
 * machine back. */
static gboolean act_reboot(Run *run, const Machine *machine, GError **error)
{
    if (machine_is_pending(machine) &&
        !engine_update(run->engine, machine->id, come_back, NULL, error))
        return FALSE;
    return hypervisor_reboot(run->engine->hypervisor, machine->uuid, error);
}

/* --- the whole installation
 * -------------------------------------------------------------------------------- */

/* The catalog's copy comes last: where it stands, the backup is whole. */
static gboolean act_backup(Run *run, const Machine *machine, GError **error)
{
    const EngineConfig *config = &run->engine->config;
    const char *path = run->job->request->path;
    g_autofree char *beside =
        config->back_up_beside ? config->back_up_beside(path, config->back_up_data, error) : NULL;
    if (config->back_up_beside && !beside)
        return FALSE;
    if (!catalog_backup(run->engine->catalog, path, error)) {
        if (beside)
            config->take_back_beside(path, config->back_up_data);
        return FALSE;
    }
    run->job->message = g_steal_pointer(&beside);
    return TRUE;
}

static gboolean act_reclaim(Run *run, const Machine *machine, GError **error)
{
    guint64 freed = 0;
    if (!engine_reclaim(run->engine, &freed, error))
        return FALSE;
    g_autofree char *size = size_to_text(freed);
    run->job->message = g_strdup_printf("%s freed", size);
    return TRUE;
}

/* What is listed goes, now or by itself. */
void run_free_room(Run *run)
{
    g_autoptr(GError) later = NULL;
    run_phase(run, "deleting");
    if (!act_reclaim(run, NULL, &later))
        run->job->message = g_strdup_printf("it is deleted later: %s", later->message);
}

static gboolean rebuild(Run *run, GError **error)
{
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    if (!engine_rebuild(run->engine, findings, error))
        return FALSE;
    run->job->message =
        findings->len ? g_strdup_printf("rebuilt; %u could not be taken in, see 'underpin doctor'",
                                        findings->len)
                      : g_strdup("rebuilt from the store and libvirt");
    return TRUE;
}

/* With force: the catalog is rebuilt, which answers a store in doubt. */
static gboolean act_repair(Run *run, const Machine *machine, GError **error)
{
    if (run->job->request->force)
        return rebuild(run, error);
    g_autoptr(GPtrArray) repaired = engine_repair(run->engine, error);
    if (repaired)
        run->job->message = g_strdup_printf("%u repaired", repaired->len);
    return repaired != NULL;
}

static gboolean act_flatten(Run *run, const Machine *machine, GError **error)
{
    return engine_flatten_layer(run->engine, run->job->request->layer, run->cancellable, error);
}

typedef gboolean (*Action)(Run *run, const Machine *machine, GError **error);

static const Action ACTIONS[VERB_COUNT] = {
    [VERB_START] = act_start,   [VERB_SHUTDOWN] = act_shutdown, [VERB_POWEROFF] = act_poweroff,
    [VERB_REBOOT] = act_reboot, [VERB_BACKUP] = act_backup,     [VERB_RECLAIM] = act_reclaim,
    [VERB_REPAIR] = act_repair, [VERB_FLATTEN] = act_flatten,
};

/* --- the items
 * --------------------------------------------------------------------------------------------- */

static void act_on(Run *run, Work *work, Action action)
{
    g_autoptr(GError) error = NULL;
    const char *id = work->item->machine_id;
    g_autoptr(Machine) machine = id ? engine_machine(run->engine, id) : NULL;
    work->job_item->state = ITEM_RUNNING;
    run_tell(run, work->job_item);
    if (action(run, machine, &error))
        run_item_state(run, work->job_item, ITEM_DONE, NULL);
    else
        run_item_fail(run, work->job_item, error);
}

/* Asked, not yet off: the person wants to know which did, and goes on with those. */
static void await_stops(Run *run)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < run->works->len; i++) {
        const Work *work = g_ptr_array_index(run->works, i);
        if (work->job_item->state == ITEM_DONE)
            g_ptr_array_add(ids, g_strdup(work->item->machine_id));
    }
    run_phase(run, "waiting for machines to stop");
    g_autoptr(GHashTable) pending = pending_among(run, ids);
    wait_until_off(run, pending, ids, run->job->request->grace_seconds);
    for (guint i = 0; i < run->works->len; i++) {
        Work *work = g_ptr_array_index(run->works, i);
        g_autoptr(GError) error = NULL;
        if (!g_ptr_array_find_with_equal_func(ids, work->item->machine_id, g_str_equal, NULL))
            continue;
        error_set(&error, UNDERPIN_ERROR_BUSY, "try again, or 'underpin poweroff'",
                  "'%s' was asked to shut down and still runs", work->item->name);
        run_item_fail(run, work->job_item, error);
    }
}

void run_actions(Run *run)
{
    Verb verb = run->job->request->verb;
    if (!ACTIONS[verb])
        return;
    run_phase(run, "working");
    for (guint i = 0; i < run->works->len; i++)
        act_on(run, g_ptr_array_index(run->works, i), ACTIONS[verb]);
    if (verb == VERB_SHUTDOWN || verb == VERB_POWEROFF)
        await_stops(run);
}
