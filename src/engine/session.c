/*
 * Sessions: from the hook's question before a start to the settle after QEMU has let go.
 *
 *     prepare ─▶ engine_hook_may_start ─▶ started ─▶ … guest runs … ─▶ release ─▶ engine_settle
 *
 * A session belongs to the generation that its QEMU opened. Memory saved in it (managed save, virsh
 * save) keeps the session open: the machine counts as running until that memory is resumed or
 * dropped by a plain start. Which memory that is, the session's stamp tells (stamp.c).
 */
#include <string.h>

#include "engine/engine_private.h"

/* A start waits this long for a settle in progress: less than the two seconds that the hook waits
 * for us. */
#define START_WAIT_SECONDS 1.5

/* --- settling one machine
 * ---------------------------------------------------------------------------------- */

/* Whether a session that nobody saw end has ended. Asks libvirt: never to be called for the hook's
 * sake. */
static gboolean check_stopped(Engine *engine, const Machine *machine, GError **error)
{
    g_autoptr(GError) unknown = NULL;
    Power power = POWER_OFF;
    if (!hypervisor_power(engine->hypervisor, machine->uuid, &power, &unknown)) {
        if (error_code(unknown) == UNDERPIN_ERROR_NOT_FOUND)
            return TRUE;
        if (!machine->session)
            return TRUE; /* never started since it was settled: needs no libvirt */
        return error_set(
            error, UNDERPIN_ERROR_BUSY, "it is settled when libvirt answers, or at its next start",
            "whether '%s' has saved memory is not known while libvirt is away", machine->name);
    }
    engine_set_power(engine, machine->id, power);
    if (!power_is_active(power))
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_BUSY, "it is settled when it stops", "'%s' is %s",
                     machine->name, power_name(power));
}

static gboolean check_disk_in_place(Engine *engine, const Machine *machine, const DomainDisk *disk,
                                    GError **error)
{
    const Volume *volume = machine_volume(machine, disk->target);
    g_autofree char *path = volume ? storage_head_path(engine->storage, machine->id, volume) : NULL;
    if (!path || !disk->path || strcmp(path, disk->path) == 0)
        return TRUE;
    g_autofree char *hint = g_strdup_printf(
        "merge it: while it runs by 'virsh blockcommit %s %s --shallow --active --pivot', "
        "when it is off by 'qemu-img commit', then set the path back with 'virsh edit'",
        machine->name, disk->target);
    return error_set(error, UNDERPIN_ERROR_REFUSED, hint, "disk '%s' of '%s' is the overlay '%s'",
                     disk->target, machine->name, disk->path);
}

static gboolean check_disks_in_place(Engine *engine, const Machine *machine,
                                     const DomainFacts *facts, GError **error)
{
    for (guint i = 0; i < facts->disks->len; i++)
        if (!check_disk_in_place(engine, machine, g_ptr_array_index(facts->disks, i), error))
            return FALSE;
    return TRUE;
}

gboolean engine_check_no_overlay(Engine *engine, const Machine *machine, GError **error)
{
    g_autoptr(DomainFacts) facts = hypervisor_definition(engine->hypervisor, machine->uuid, NULL);
    return !facts || check_disks_in_place(engine, machine, facts, error);
}

static gboolean check_no_snapshot(Engine *engine, const Machine *machine, GError **error)
{
    g_autoptr(DomainFacts) facts = hypervisor_inspect(engine->hypervisor, machine->uuid, NULL);
    if (facts && facts->snapshots)
        return error_set(error, UNDERPIN_ERROR_REFUSED,
                         "remove it with 'virsh snapshot-delete', then try again",
                         "'%s' has libvirt snapshot '%s'", machine->name,
                         facts->first_snapshot ? facts->first_snapshot : "?");
    return !facts || check_disks_in_place(engine, machine, facts, error);
}

static gboolean record_single(Engine *engine, Settled *settled, GError **error)
{
    g_autoptr(GPtrArray) batch = g_ptr_array_new();
    g_ptr_array_add(batch, settled);
    return settle_record(engine, batch, TRUE, NULL, error);
}

/* The machine is stopped and its gate is ours. */
static gboolean settle_stopped(Engine *engine, const Machine *machine, gboolean allow_hypervisor,
                               GError **error)
{
    g_auto(MachineFacts) facts = {0};
    if (!storage_machine_facts(engine->storage, machine->id, &facts, error))
        return FALSE;
    gboolean session_over = machine->session || facts.marked;
    g_autoptr(Machine) current = session_over && machine->actual_place == PLACE_NOW
                                     ? settle_end_session(engine, machine, error)
                                     : machine_ref(machine);
    if (!current)
        return FALSE;
    if (!machine_is_pending(current)) {
        if (facts.next ||
            facts.next_broken) /* a wish that was given up may have left what was staged for it */
            (void)storage_abandon(engine->storage, machine->id, NULL);
        return TRUE;
    }
    Settled *settled = settle_switch(engine, current, allow_hypervisor, error);
    gboolean ok = settled && record_single(engine, settled, error);
    if (ok && settled->receipt)
        receipt_leave(engine, machine->id, g_steal_pointer(&settled->receipt));
    settled_free(settled);
    return ok;
}

/* Rolls back what cannot be settled (invariant 3), then cleans what its session left. */
static gboolean settle_or_defer(Engine *engine, const Machine *machine, gboolean allow_hypervisor,
                                GError **error)
{
    g_autoptr(GError) problem = NULL;
    gboolean was_pending = machine_is_pending(machine);
    if (settle_stopped(engine, machine, allow_hypervisor, &problem)) {
        if (was_pending)
            engine_emit(engine, ENGINE_MACHINE_SETTLED, machine->id, NULL);
        return TRUE;
    }
    g_autoptr(Machine) current = engine_machine(engine, machine->id);
    gboolean later = error_code(problem) == UNDERPIN_ERROR_BUSY ||
                     error_code(problem) == UNDERPIN_ERROR_UNAVAILABLE;
    if (later || !current || !machine_is_pending(current) ||
        machine_desired(current)->cause == CAUSE_CLEAN) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    if (!settle_defer(engine, current, problem, error))
        return FALSE;
    g_autoptr(Machine) deferred = engine_machine(engine, machine->id);
    return settle_stopped(engine, deferred, allow_hypervisor, error);
}

static void clear_start_after(Machine *machine, gpointer data)
{
    machine->start_after = FALSE;
}

static gboolean start_again(Engine *engine, const char *machine_id, GError **error)
{
    g_autoptr(Machine) machine = engine_machine(engine, machine_id);
    if (!machine || !machine->start_after || machine_is_pending(machine))
        return TRUE;
    return engine_update(engine, machine_id, clear_start_after, NULL, error) &&
           identity_start(engine, machine_id, error);
}

/* The gate is taken only after libvirt was asked: a start that waits at the gate keeps libvirt
 * waiting for the domain. */
static gboolean settle_at_gate(Engine *engine, const Machine *asked, GError **error)
{
    if (!gate_take(engine, asked->id, error))
        return FALSE;
    g_autoptr(Machine) machine = engine_machine(engine, asked->id);
    gboolean unchanged = machine && machine->session == asked->session;
    gboolean ok = unchanged ? settle_or_defer(engine, machine, TRUE, error)
                            : error_set(error, UNDERPIN_ERROR_BUSY, "it is settled when it stops",
                                        "'%s' was started meanwhile", asked->name);
    gate_set(engine, asked->id, GATE_OPEN);
    return ok;
}

static gboolean settle_occupied(Engine *engine, const char *machine_id, GError **error)
{
    g_autoptr(Machine) machine = engine_machine(engine, machine_id);
    if (!machine)
        return TRUE;
    if (!check_stopped(engine, machine, error))
        return FALSE;
    hibernation_session_ended(engine, machine);
    return (!machine->session || check_no_snapshot(engine, machine, error)) &&
           settle_at_gate(engine, machine, error) && start_again(engine, machine_id, error);
}

gboolean engine_settle(Engine *engine, const char *machine_id, GError **error)
{
    if (!engine_check_unquestioned(engine, error) ||
        !engine_occupy_briefly(engine, machine_id, "it is being settled", error))
        return FALSE;
    gboolean ok = settle_occupied(engine, machine_id, error);
    engine_vacate(engine, machine_id);
    return ok;
}

static void give_wish_up(Machine *machine, gpointer data)
{
    if (machine->desired != machine->actual && machine->actual_place == PLACE_NOW &&
        machine->desired_place == PLACE_NOW) {
        machine_drop_generation(machine, machine->desired);
        machine->desired = machine->actual;
        machine->start_after = FALSE;
        machine->define_after = FALSE;
    }
}

void engine_after_wish(Engine *engine, const Machine *machine)
{
    g_autoptr(GError) cancelled = NULL;
    error_set(&cancelled, UNDERPIN_ERROR_CANCELLED, NULL,
              "the move was given up before it happened");
    if (!storage_abandon(engine->storage, machine->id, NULL))
        engine_emit(engine, ENGINE_WANTS_SETTLE, machine->id, NULL);
    (void)hypervisor_set_reboot_stops(engine->hypervisor, machine->uuid, FALSE, NULL);
    engine_emit(engine, ENGINE_MACHINE_SETTLED, machine->id, cancelled);
}

gboolean engine_cancel_pending(Engine *engine, const char *machine_id, GError **error)
{
    if (!engine_occupy_briefly(engine, machine_id, "its move is being given up", error))
        return FALSE;
    gboolean ok = engine_update(engine, machine_id, give_wish_up, NULL, error);
    g_autoptr(Machine) machine = engine_machine(engine, machine_id);
    if (ok && machine)
        engine_after_wish(engine, machine);
    engine_vacate(engine, machine_id);
    return ok;
}

/* --- the hook's side
 * --------------------------------------------------------------------------------------- */

static gboolean check_startable(const Machine *machine, const char *uuid, GError **error)
{
    if (g_ascii_strcasecmp(machine->uuid, uuid) != 0)
        return error_set(error, UNDERPIN_ERROR_REFUSED, NULL, "these disks belong to machine '%s'",
                         machine->name);
    if (machine->actual_place == PLACE_SEALED || machine->desired_place == PLACE_SEALED)
        return error_set(error, UNDERPIN_ERROR_REFUSED, NULL,
                         "'%s' is a base (prepared): clone it instead", machine->name);
    if (machine->desired_place == PLACE_GONE)
        return error_set(error, UNDERPIN_ERROR_REFUSED, NULL, "'%s' is being removed",
                         machine->name);
    return TRUE;
}

/* Memory belongs to the heads that it was saved with, as they were then. */
static gboolean check_resume(Engine *engine, const Machine *machine, const char *memory,
                             GError **error)
{
    if (machine->session && machine->session == machine->actual)
        return stamp_check(engine, machine, memory, error);
    return error_set(
        error, UNDERPIN_ERROR_REFUSED, NULL,
        "the saved memory of '%s' belongs to disks that were replaced: drop it with 'virsh "
        "managedsave-remove %s', then start",
        machine->name, machine->name);
}

/* With the question unanswered nothing is switched; a settled machine may still run. */
static gboolean prepare_start(Engine *engine, const Machine *machine, const char *memory,
                              GError **error)
{
    if (memory)
        return check_resume(engine, machine, memory, error);
    if (engine_check_unquestioned(engine, NULL))
        return settle_or_defer(engine, machine, FALSE, error);
    if (!machine_is_pending(machine) && !machine->session)
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_REFUSED, NULL,
                     "'%s' is not settled and the store is in doubt: see "
                     "'underpin doctor'",
                     machine->name);
}

gboolean engine_hook_may_start(Engine *engine, const char *machine_id, const char *uuid,
                               const char *memory, GError **error)
{
    g_autoptr(Machine) machine = engine_machine(engine, machine_id);
    if (!machine)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, NULL,
                         "machine %s is not in the catalog: see 'underpin "
                         "doctor'",
                         machine_id);
    if (!check_startable(machine, uuid, error))
        return FALSE;
    gint64 deadline = g_get_monotonic_time() + (gint64)(START_WAIT_SECONDS * G_USEC_PER_SEC);
    if (!gate_take_for_start(engine, machine_id, deadline, error))
        return FALSE;
    g_autoptr(Machine) current = engine_machine(engine, machine_id);
    gboolean ok = current && check_startable(current, uuid, error) &&
                  prepare_start(engine, current, memory, error);
    gate_set(engine, machine_id, ok ? GATE_CLAIMED : GATE_OPEN);
    return ok;
}

static void begin_session(Machine *machine, gpointer data)
{
    machine->session = machine->actual;
    machine->session_started_at = *(gint64 *)data;
}

void engine_hook_started(Engine *engine, const char *machine_id)
{
    gint64 now = engine_now(engine);
    gate_hear_start(engine, machine_id);
    engine_update_or_warn(engine, machine_id, begin_session, &now);
    hibernation_session_begun(engine, machine_id);
    engine_set_power(engine, machine_id, POWER_RUNNING);
}

void engine_hook_released(Engine *engine, const char *machine_id)
{
    gate_hear_release(engine, machine_id);
    engine_emit(engine, ENGINE_WANTS_SETTLE, machine_id, NULL);
}

/* --- events from libvirt
 * ----------------------------------------------------------------------------------- */

static char *machine_id_by_uuid(Engine *engine, const char *uuid)
{
    g_rw_lock_reader_lock(&engine->lock);
    const Machine *machine =
        uuid ? g_hash_table_lookup(engine->inventory->machines_by_uuid, uuid) : NULL;
    char *id = machine ? g_strdup(machine->id) : NULL;
    g_rw_lock_reader_unlock(&engine->lock);
    return id;
}

/* The user's own reboot, which we had turned into a stop: it is the moment of the move, and the
 * machine comes back. */
static void note_reboot(Machine *machine, gpointer data)
{
    machine->start_after = TRUE;
}

/* Each QEMU starts with the stored reboot action again: a machine resumed from saved memory may
 * still be pending. */
static void keep_reboot_stopping(Engine *engine, const char *machine_id)
{
    g_autoptr(Machine) machine = engine_machine(engine, machine_id);
    if (machine && machine_is_pending(machine))
        (void)hypervisor_set_reboot_stops(engine->hypervisor, machine->uuid, TRUE, NULL);
}

static void refresh_power(Engine *engine, const char *machine_id)
{
    g_autoptr(Machine) machine = engine_machine(engine, machine_id);
    Power power = POWER_UNKNOWN;
    if (machine && hypervisor_power(engine->hypervisor, machine->uuid, &power, NULL))
        engine_set_power(engine, machine_id, power);
}

static void note_host(Engine *engine, gboolean connected)
{
    g_rw_lock_writer_lock(&engine->lock);
    engine->libvirt_connected = connected;
    if (!connected)
        g_hash_table_remove_all(engine->power);
    g_rw_lock_writer_unlock(&engine->lock);
    engine_emit(engine, ENGINE_HOST_CHANGED, NULL, NULL);
}

void engine_domain_event(Engine *engine, HypervisorEvent event, const char *uuid)
{
    if (event == HYPERVISOR_LOST || event == HYPERVISOR_FOUND) {
        g_autoptr(GError) error = NULL;
        note_host(engine, event == HYPERVISOR_FOUND);
        if (event == HYPERVISOR_FOUND && !engine_resync(engine, &error))
            g_warning("bringing the machines in line with libvirt: %s", error->message);
        return;
    }
    g_autofree char *machine_id = machine_id_by_uuid(engine, uuid);
    if (!machine_id)
        return;
    if (event == DOMAIN_REBOOT_STOPPED)
        engine_update_or_warn(engine, machine_id, note_reboot, NULL);
    if (event == DOMAIN_STARTED)
        keep_reboot_stopping(engine, machine_id);
    if (event == DOMAIN_STARTED || event == DOMAIN_SAVED)
        stamp_session(engine, machine_id);
    if (event == DOMAIN_SUSPENDED_TO_DISK)
        hibernation_seen(engine, machine_id);
    /* a definition changes the power of none whose power is known */
    if (event != DOMAIN_DEFINED || engine_power(engine, machine_id) == POWER_UNKNOWN)
        refresh_power(engine, machine_id);
    if (event == DOMAIN_STOPPED || event == DOMAIN_REBOOT_STOPPED)
        engine_emit(engine, ENGINE_WANTS_SETTLE, machine_id, NULL);
}
