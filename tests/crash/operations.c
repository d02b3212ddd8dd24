/*
 * The table of operations. Each act() looks at the world before it asks for anything: what an
 * interrupted attempt has done is not asked for twice, as a person or the queue of jobs would go
 * on.
 */
#include "operations.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <glib/gstdio.h>
#include <string.h>

#include "worlds.h"

/* --- asking ---------------------------------------------------------------------------- */

/* Takes the request. TRUE where nothing failed; what must wait for a stop is fine. */
static gboolean ask(World *world, Request *request)
{
    g_autoptr(Job) job = world_run(world, request);
    gboolean ok = job->state == JOB_DONE || job->state == JOB_PENDING;
    if (!ok)
        print_message("%s: %s\n", verb_name(job->request->verb),
                      job->message ? job->message : "an item failed");
    for (guint i = 0; i < job->items->len; i++) {
        const JobItem *item = g_ptr_array_index(job->items, i);
        if (item->message)
            print_message("  %s is %s: %s\n", item->machine_name, item_state_name(item->state),
                          item->message);
    }
    return ok;
}

static gboolean ask_one(World *world, Verb verb, const char *name)
{
    return ask(world, world_request(verb, name, NULL));
}

/* A look at one machine as it is now; FALSE where it is not there. */
typedef gboolean (*Look)(const Machine *machine);

static gboolean is_so(World *world, const char *name, Look look)
{
    g_autoptr(Machine) machine = engine_find_machine(world->engine, name, NULL);
    return machine && look(machine);
}

static gboolean is_there(World *world, const char *name)
{
    g_autoptr(Machine) machine = engine_find_machine(world->engine, name, NULL);
    return machine && machine->actual_place != PLACE_NONE;
}

static gboolean has_cause(const Machine *machine, Cause cause)
{
    return machine_desired(machine)->cause == cause;
}

static gboolean was_restored(const Machine *machine)
{
    return has_cause(machine, CAUSE_RESTORE);
}

static gboolean was_undone(const Machine *machine)
{
    return has_cause(machine, CAUSE_UNDO);
}

static gboolean has_three_volumes(const Machine *machine)
{
    return machine->volumes->len == 3;
}

static gboolean is_grown(const Machine *machine)
{
    return generation_head(machine_actual(machine), "vdc")->capacity_bytes > WORLD_CAPACITY_BYTES;
}

static gboolean is_held(const Machine *machine)
{
    return machine->held;
}

/* --- import ---------------------------------------------------------------------------- */

static gboolean act_import_files(World *world)
{
    return is_there(world, "desk") || ask(world, request_import_files(world, "desk"));
}

static gboolean act_import_convert(World *world)
{
    return is_there(world, "desk") || ask(world, request_import_convert(world, "desk"));
}

static gboolean act_import_domain(World *world)
{
    return is_there(world, "desk") || ask(world, request_import_domain("desk"));
}

/* --- bases and clones ------------------------------------------------------------------ */

static gboolean act_prepare(World *world)
{
    return is_so(world, "desk", machine_is_base) || ask_one(world, VERB_PREPARE, "desk");
}

static gboolean act_unprepare(World *world)
{
    return !is_so(world, "desk", machine_is_base) || ask_one(world, VERB_UNPREPARE, "desk");
}

static gboolean act_clone(World *world)
{
    Request *request = world_request(VERB_CLONE, "desk", NULL);
    static const char *const NAMES[] = {"lab-1", "lab-2"};
    for (gsize i = 0; i < G_N_ELEMENTS(NAMES); i++)
        if (!is_there(world, NAMES[i]))
            request_add_machine(request, NAMES[i]);
    if (request->machines->len > 1)
        return ask(world, request);
    request_free(request);
    return TRUE;
}

/* --- replacing ------------------------------------------------------------------------- */

static gboolean act_restore(World *world)
{
    return is_so(world, "lab-1", was_restored) || ask_one(world, VERB_RESTORE, "lab-1");
}

/* Clones that are on the new base already are skipped by the plan. */
static gboolean act_rebase(World *world)
{
    return ask(world, request_rebase(TRUE));
}

static gboolean act_rebase_hardware(World *world)
{
    Request *request = request_rebase(FALSE);
    request->new_hardware = TRUE;
    return ask(world, request);
}

static gboolean act_rebase_running(World *world)
{
    return ask(world, request_rebase(FALSE));
}

static gboolean act_undo(World *world)
{
    return is_so(world, "lab-1", was_undone) || ask_one(world, VERB_UNDO, "lab-1");
}

static gboolean act_undo_pending(World *world)
{
    return !is_so(world, "lab-1", machine_is_pending) || ask_one(world, VERB_UNDO, "lab-1");
}

static gboolean cancel(World *world)
{
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    return engine_cancel_pending(world->engine, machine->id, NULL);
}

static gboolean act_cancel_pending(World *world)
{
    return !is_so(world, "lab-1", machine_is_pending) || cancel(world);
}

/* --- sessions -------------------------------------------------------------------------- */

static gboolean is_running(World *world, const char *name)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    Power power = POWER_OFF;
    return hypervisor_power(world->hypervisor, machine->uuid, &power, NULL) &&
           power == POWER_RUNNING;
}

static gboolean settle(World *world, const char *name)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    return engine_settle(world->engine, machine->id, NULL);
}

/* Whoever was deferred is asked to move again. */
static gboolean move_again(World *world)
{
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    return !machine->behind_reason || ask(world, request_rebase(FALSE));
}

static gboolean act_stop(World *world)
{
    if (!is_running(world, "lab-1"))
        return move_again(world) && settle(world, "lab-1");
    world_stop(world, "lab-1");
    return settle(world, "lab-1");
}

static gboolean start(World *world)
{
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    if (!world_may_start(world, "lab-1", NULL) ||
        !hypervisor_start(world->hypervisor, machine->uuid, NULL))
        return FALSE;
    return storage_mark(world->storage, machine->id, TRUE, NULL) &&
           (engine_hook_started(world->engine, machine->id), TRUE);
}

/* It came back on its old system: now it goes, stopped, to the new one, and comes back again. */
static gboolean go_round_again(World *world)
{
    world_stop(world, "lab-1");
    return settle(world, "lab-1") && move_again(world) && start(world);
}

static gboolean is_behind(const Machine *machine)
{
    return machine->behind_reason != NULL;
}

static gboolean act_reboot(World *world)
{
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    if (memory_hypervisor_reboot_stops(world->hypervisor, machine->uuid)) {
        memory_hypervisor_guest_reboots(world->hypervisor, machine->uuid);
        engine_domain_event(world->engine, DOMAIN_REBOOT_STOPPED, machine->uuid);
        engine_hook_released(world->engine, machine->id);
        return settle(world, "lab-1");
    }
    if (is_running(world, "lab-1"))
        return !is_so(world, "lab-1", is_behind) || go_round_again(world);
    return settle(world, "lab-1") && move_again(world) &&
           (is_running(world, "lab-1") || start(world));
}

/* The hook settles before it lets the machine start. */
static gboolean act_start(World *world)
{
    if (is_running(world, "lab-1"))
        return !is_so(world, "lab-1", is_behind) || go_round_again(world);
    return start(world);
}

static gboolean give_up_and_stop(World *world)
{
    return cancel(world) && act_stop(world);
}

static gboolean give_up_and_start(World *world)
{
    return cancel(world) && settle(world, "lab-1") && start(world);
}

static gboolean give_up_and_restart(World *world)
{
    return give_up_and_stop(world) && start(world);
}

/* A daemon that has come back has done it at once: then there is nothing to do. */
static gboolean act_stamp(World *world)
{
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    g_auto(MachineFacts) facts = {0};
    engine_domain_event(world->engine, DOMAIN_STARTED, machine->uuid);
    return storage_machine_facts(world->storage, machine->id, &facts, NULL) && facts.stamp_is_sole;
}

/* --- records only ---------------------------------------------------------------------- */

static gboolean act_hold(World *world)
{
    return ask_one(world, VERB_HOLD, "lab-1");
}

static gboolean act_release(World *world)
{
    return !is_so(world, "lab-1", is_held) || ask_one(world, VERB_RELEASE, "lab-1");
}

/* --- one machine's storage ------------------------------------------------------------- */

static gboolean act_detach(World *world)
{
    return !is_so(world, "lab-1", machine_is_clone) || ask_one(world, VERB_DETACH, "lab-1");
}

static gboolean act_volume_add_blank(World *world)
{
    return !is_so(world, "lab-1", has_three_volumes) || ask(world, request_volume_add(NULL));
}

static gboolean act_volume_add_file(World *world)
{
    g_autofree char *path = g_build_filename(world->directory, "more-vdc.qcow2", NULL);
    return !is_so(world, "lab-1", has_three_volumes) || ask(world, request_volume_add(path));
}

static void first_kept(const Inventory *inventory, gpointer user_data)
{
    char **id_out = user_data;
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, inventory->kept);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        g_free(*id_out);
        *id_out = g_strdup(key);
    }
}

static gboolean act_attach(World *world)
{
    if (!is_so(world, "lab-1", has_three_volumes))
        return TRUE;
    Request *request = world_request(VERB_VOLUME_ATTACH, "lab-1", NULL);
    engine_read(world->engine, first_kept, &request->volume);
    return ask(world, request);
}

static gboolean has_temporary_vdc(const Machine *machine)
{
    return machine_volume(machine, "vdc")->role == ROLE_TEMPORARY;
}

static gboolean act_set_role(World *world)
{
    Request *request = world_request(VERB_VOLUME_SET_ROLE, "desk", NULL);
    request->volume = g_strdup("vdc");
    request->role = ROLE_TEMPORARY;
    if (!is_so(world, "desk", has_temporary_vdc))
        return ask(world, request);
    request_free(request);
    return TRUE;
}

static gboolean act_resize(World *world)
{
    Request *request = world_request(VERB_VOLUME_RESIZE, "lab-1", NULL);
    request->volume = g_strdup("vdc");
    request->capacity_bytes = 2 * WORLD_CAPACITY_BYTES;
    if (!is_so(world, "lab-1", is_grown))
        return ask(world, request);
    request_free(request);
    return TRUE;
}

/* --- the end of a machine -------------------------------------------------------------- */

static gboolean act_remove(World *world)
{
    return !world_has(world, "lab-1") || ask_one(world, VERB_REMOVE, "lab-1");
}

static gboolean act_remove_keep(World *world)
{
    Request *request = world_request(VERB_REMOVE, "lab-1", NULL);
    request->keep_data = TRUE;
    if (world_has(world, "lab-1"))
        return ask(world, request);
    request_free(request);
    return TRUE;
}

static gboolean act_remove_now(World *world)
{
    Request *request = world_request(VERB_REMOVE, "lab-1", NULL);
    request->now = TRUE;
    if (world_has(world, "lab-1"))
        return ask(world, request);
    request_free(request);
    return TRUE;
}

static gboolean act_remove_base(World *world)
{
    return !world_has(world, "v1") || ask_one(world, VERB_REMOVE, "v1");
}

static gboolean act_export(World *world)
{
    return !world_has(world, "desk") || ask_one(world, VERB_EXPORT, "desk");
}

static gboolean act_forget(World *world)
{
    return ask_one(world, VERB_FORGET, "lab-1");
}

static gboolean act_purge(World *world)
{
    Request *request = request_new(VERB_PURGE);
    request->trash = TRUE;
    return ask(world, request);
}

/* --- the whole installation ------------------------------------------------------------ */

static gboolean act_reclaim(World *world)
{
    guint64 freed = 0;
    clock_advance(world->clock, 2 * world->config.undo_retention_seconds);
    return engine_reclaim(world->engine, &freed, NULL);
}

/* Without the record of v1's last clone nothing needs its layers. */
static gboolean act_remove_base_and_reclaim(World *world)
{
    guint64 freed = 0;
    return act_remove_base(world) && engine_reclaim(world->engine, &freed, NULL);
}

static gboolean act_remove_below_flattened(World *world)
{
    guint64 freed = 0;
    return (!world_has(world, "base-1") || ask_one(world, VERB_REMOVE, "base-1")) &&
           engine_reclaim(world->engine, &freed, NULL);
}

static gboolean act_flatten(World *world)
{
    g_autoptr(Machine) base = world_machine(world, "base-3");
    Request *request = request_new(VERB_FLATTEN);
    request->layer = layer_id_build(base->set_id, "vda");
    return ask(world, request);
}

/* The digest of a layer, or the flattening of one that is too deep: the worlds leave one thing to
 * do. */
static gboolean act_maintain(World *world)
{
    gboolean more = FALSE;
    return engine_maintain(world->engine, &more, NULL, NULL);
}

static gboolean act_backup(World *world)
{
    g_autofree char *path = g_build_filename(world->directory, "backup.sqlite", NULL);
    if (g_access(path, F_OK) == 0)
        return TRUE;
    Request *request = request_new(VERB_BACKUP);
    request->path = g_steal_pointer(&path);
    return ask(world, request);
}

static gboolean act_rebuild(World *world)
{
    g_autoptr(GError) question = engine_question(world->engine);
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    g_autoptr(GError) error = NULL;
    if (!question || engine_rebuild(world->engine, findings, &error))
        return TRUE;
    print_message("rebuild: %s\n", error->message);
    return FALSE;
}

/* Somebody renamed the domain with virsh. */
static gboolean act_repair(World *world)
{
    g_autoptr(GPtrArray) repaired = engine_repair(world->engine, NULL);
    return repaired && world_has(world, "library");
}

/* A start has happened when the world is there. */
static gboolean act_nothing(World *world)
{
    return TRUE;
}

/* --- the table ------------------------------------------------------------------------- */

const Operation OPERATIONS[] = {
    {"first-start", NULL, act_nothing, DATA_STAYS, .changes_nothing = TRUE, .at_start = TRUE},
    {"start-unprotected", build_unprotected, act_nothing, DATA_STAYS, .changes_nothing = TRUE,
     .at_start = TRUE},
    {"import-files", build_images, act_import_files, DATA_MOVES, .full = TRUE},
    {"import-convert", build_foreign_images, act_import_convert, DATA_STAYS},
    {"import-domain", build_domain, act_import_domain, DATA_MOVES},
    {"prepare", build_desk, act_prepare, DATA_MOVES, .full = TRUE},
    {"unprepare", build_desk_base, act_unprepare, DATA_MOVES},
    {"clone-two", build_desk_base, act_clone, DATA_STAYS},
    {"restore", build_clones, act_restore, DATA_STAYS},
    {"rebase-two", build_clones, act_rebase, DATA_STAYS, .full = TRUE},
    {"rebase-new-hardware", build_clones, act_rebase_hardware, DATA_STAYS},
    {"rebase-running", build_running, act_rebase_running, DATA_STAYS},
    {"settle-at-stop", build_pending, act_stop, DATA_STAYS, .give_up = give_up_and_stop},
    {"settle-at-reboot", build_pending, act_reboot, DATA_STAYS, .give_up = give_up_and_restart,
     .unheard = act_stop},
    {"settle-at-start", build_stopped_unsettled, act_start, DATA_STAYS,
     .give_up = give_up_and_start},
    {"undo", build_rebased, act_undo, DATA_STAYS},
    {"undo-pending", build_pending, act_undo_pending, DATA_STAYS},
    {"cancel-pending", build_pending, act_cancel_pending, DATA_STAYS},
    {"stamp", build_unstamped, act_stamp, DATA_STAYS, .changes_nothing = TRUE, .at_start = TRUE},
    {"session-end", build_running, act_stop, DATA_STAYS},
    {"session-end-pulled", build_pulled, act_stop, DATA_STAYS},
    {"settle-pulled", build_pending_pulled, act_stop, DATA_STAYS, .give_up = give_up_and_stop},
    {"session-end-marked", build_marked, act_stop, DATA_STAYS, .changes_nothing = TRUE},
    {"hold", build_clones, act_hold, DATA_STAYS},
    {"release", build_undone, act_release, DATA_STAYS},
    {"detach", build_rebased, act_detach, DATA_REPLACED},
    {"volume-add-blank", build_clones, act_volume_add_blank, DATA_STAYS},
    {"volume-add-file", build_clones, act_volume_add_file, DATA_MOVES},
    {"volume-attach", build_kept, act_attach, DATA_MOVES},
    {"volume-set-role", build_desk, act_set_role, DATA_STAYS},
    {"volume-resize", build_clones, act_resize, DATA_REPLACED},
    {"remove", build_rebased, act_remove, DATA_MOVES, .full = TRUE},
    {"remove-keep-data", build_clones, act_remove_keep, DATA_MOVES},
    {"remove-now", build_clones, act_remove_now, DATA_REPLACED},
    {"remove-base-in-use", build_left_base, act_remove_base, DATA_STAYS},
    {"remove-base-and-reclaim", build_unused_base, act_remove_base_and_reclaim, DATA_REPLACED},
    {"export", build_desk, act_export, DATA_MOVES},
    {"forget", build_rebased, act_forget, DATA_STAYS},
    {"purge", build_kept, act_purge, DATA_REPLACED},
    {"reclaim-expired", build_expiring, act_reclaim, DATA_REPLACED},
    {"remove-below-flattened", build_flattened, act_remove_below_flattened, DATA_STAYS},
    {"flatten", build_chain, act_flatten, DATA_STAYS},
    {"digest", build_single_base, act_maintain, DATA_STAYS},
    {"flatten-deep", build_deep_chain, act_maintain, DATA_STAYS},
    {"backup", build_clones, act_backup, DATA_STAYS},
    {"rebuild", build_lost_catalog, act_rebuild, DATA_STAYS, .unsound = TRUE},
    {"repair-renamed", build_renamed, act_repair, DATA_STAYS, .unsound = TRUE},
};
const guint OPERATION_COUNT = G_N_ELEMENTS(OPERATIONS);
