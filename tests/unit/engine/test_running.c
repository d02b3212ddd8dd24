/* Machines that run, sleep, start and stop while things are done to them: the barrier, sessions,
 * saved memory. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "foundation/fault_point.h"
#include "steps.h"
#include "storage/memory/memory_storage.h"

static char *uuid_of(World *world, const char *name)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    return g_strdup(machine->uuid);
}

static char *id_of(World *world, const char *name)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    return g_strdup(machine->id);
}

static void assert_start_refused(World *world, const char *name, const char *memory,
                                 const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Machine) machine = world_machine(world, name);
    assert_false(engine_hook_may_start(world->engine, machine->id, machine->uuid, memory, &error));
    if (!strstr(error->message, text))
        fail_msg("it says '%s', not '%s'", error->message, text);
}

static gboolean was_settled(World *world, const char *name)
{
    g_autofree char *id = id_of(world, name);
    return g_ptr_array_find_with_equal_func(world->settled, id, g_str_equal, NULL);
}

/* --- running clones
 * -------------------------------------------------------------------------------------------- */

static void one_rebase_of_many_states_moves_each_in_its_own_time(void **state)
{
    World *world = *state;
    world_clone(world, "v1", "off");
    world_clone(world, "v1", "held");
    world_do(world, world_request(VERB_HOLD, "held", NULL));
    world_start(world, "lab-1");
    g_autoptr(Job) job = world_run(world, step_rebase_all("v1", "v2"));
    assert_int_equal(job->state, JOB_PENDING);
    step_assert_item(job, "off", ITEM_DONE, NULL);
    step_assert_item(job, "held", ITEM_SKIPPED, "on hold");
    step_assert_item(job, "lab-1", ITEM_PENDING, "runs");
    world_assert_content(world, "off", "vda", "two-vda");
    world_assert_content(world, "held", "vda", "one-vda");
    world_assert_content(world, "lab-1", "vda", "one-vda");
    world_stop(world, "lab-1");
    world_assert_content(world, "lab-1", "vda", "two-vda");
    assert_true(was_settled(world, "lab-1"));
}

static void a_guest_reboot_keeps_the_temporary_volume(void **state)
{
    World *world = *state;
    g_autofree char *uuid = uuid_of(world, "lab-1");
    world_start(world, "lab-1");
    world_write(world, "lab-1", "vdb", "scratch");
    memory_hypervisor_guest_reboots(world->hypervisor, uuid);
    world_settle_wanted(world);
    world_assert_content(world, "lab-1", "vdb", "scratch");
    world_stop(world, "lab-1");
    world_assert_content(world, "lab-1", "vdb", "one-vdb");
}

static void under_the_stop_policy_a_reboot_stays_a_reboot(void **state)
{
    World *world = *state;
    g_autofree char *uuid = uuid_of(world, "lab-1");
    world_start(world, "lab-1");
    Request *request = step_rebase("lab-1", "v2");
    request->running = RUNNING_STOP;
    step_run_to(world, request, JOB_PENDING);
    assert_false(memory_hypervisor_reboot_stops(world->hypervisor, uuid));
    world_stop(world, "lab-1");
    world_assert_content(world, "lab-1", "vda", "two-vda");
}

static void a_graceful_rebase_shuts_down_moves_and_starts_again(void **state)
{
    World *world = *state;
    g_autofree char *uuid = uuid_of(world, "lab-1");
    step_connect_host(world);
    world_do(world, world_request(VERB_START, "lab-1", NULL));
    Request *request = step_rebase("lab-1", "v2");
    request->running = RUNNING_SHUTDOWN;
    request->grace_seconds = 1;
    g_autoptr(Job) job = world_run(world, request);
    assert_int_equal(job->state, JOB_DONE);
    assert_non_null(strstr(((JobItem *)job->items->pdata[0])->receipt, "\"proven\":true"));
    Power power = POWER_UNKNOWN;
    assert_true(hypervisor_power(world->hypervisor, uuid, &power, NULL));
    assert_int_equal(power, POWER_RUNNING);
    world_assert_content(world, "lab-1", "vda", "two-vda");
    memory_hypervisor_guest_stops(world->hypervisor, uuid);
    world_settle_wanted(world);
}

static void a_stubborn_guest_is_moved_by_force_only(void **state)
{
    World *world = *state;
    g_autofree char *uuid = uuid_of(world, "lab-1");
    step_connect_host(world);
    world_do(world, world_request(VERB_START, "lab-1", NULL));
    memory_hypervisor_set_stubborn(world->hypervisor, uuid, TRUE);
    Request *patient = step_rebase("lab-1", "v2");
    patient->running = RUNNING_SHUTDOWN;
    patient->grace_seconds = 1;
    step_run_to(world, patient, JOB_PENDING);
    world_assert_content(world, "lab-1", "vda", "one-vda");
    Request *forced = world_request(VERB_RESTORE, "lab-1", NULL);
    forced->running = RUNNING_FORCE;
    forced->grace_seconds = 1;
    world_do(world, forced);
    world_assert_content(world, "lab-1", "vda", "one-vda");
    memory_hypervisor_guest_stops(world->hypervisor, uuid);
    world_settle_wanted(world);
}

static PlanItem *only_item(const Plan *plan)
{
    assert_int_equal(plan->items->len, 1);
    return g_ptr_array_index(plan->items, 0);
}

static void a_halted_guest_hears_nothing_and_goes_on_by_a_start(void **state)
{
    static const Power halted[] = {POWER_PAUSED, POWER_STALLED};
    World *world = *state;
    g_autofree char *uuid = uuid_of(world, "lab-1");
    step_connect_host(world);
    world_do(world, world_request(VERB_START, "lab-1", NULL));
    for (guint i = 0; i < G_N_ELEMENTS(halted); i++) {
        memory_hypervisor_set_power(world->hypervisor, uuid, halted[i]);
        memory_hypervisor_emit(world->hypervisor, DOMAIN_HALTED, uuid);
        g_autoptr(GHashTable) found = engine_machines_in_power(world->engine, halted[i]);
        assert_int_equal(g_hash_table_size(found), 1);
        g_autoptr(Request) shutdown = world_request(VERB_SHUTDOWN, "lab-1", NULL);
        g_autoptr(Plan) plan = engine_plan(world->engine, shutdown, NULL);
        assert_int_equal(only_item(plan)->decision, DECISION_REFUSE);
        assert_non_null(strstr(only_item(plan)->hint, "underpin start lab-1"));
        assert_int_equal(step_finds(world, "stalled", "lab-1"), halted[i] == POWER_STALLED);
        world_do(world, world_request(VERB_START, "lab-1", NULL));
        Power power = POWER_UNKNOWN;
        assert_true(hypervisor_power(world->hypervisor, uuid, &power, NULL));
        assert_int_equal(power, POWER_RUNNING);
    }
    memory_hypervisor_guest_stops(world->hypervisor, uuid);
    world_settle_wanted(world);
}

static void a_newer_wish_replaces_the_one_that_waits(void **state)
{
    World *world = *state;
    world_base(world, "v3", "three");
    world_start(world, "lab-1");
    step_run_to(world, step_rebase("lab-1", "v2"), JOB_PENDING);
    step_run_to(world, step_rebase("lab-1", "v3"), JOB_PENDING);
    world_stop(world, "lab-1");
    step_assert_all(world, "lab-1", "three-vda", "three-vdb", "one-vdc");
}

static void hold_of_a_machine_that_waits_is_done_at_once(void **state)
{
    World *world = *state;
    world_start(world, "lab-1");
    step_run_to(world, step_rebase("lab-1", "v2"), JOB_PENDING);
    world_do(world, world_request(VERB_HOLD, "lab-1", NULL));
    world_stop(world, "lab-1");
    world_assert_content(world, "lab-1", "vda", "two-vda");
}

static void a_machine_that_never_stops_by_itself_is_warned_of(void **state)
{
    World *world = *state;
    g_autofree char *uuid = uuid_of(world, "lab-1");
    g_autoptr(DomainFacts) facts = hypervisor_inspect(world->hypervisor, uuid, NULL);
    g_auto(GStrv) parts = g_strsplit(facts->xml, "<on_poweroff>destroy", 2);
    assert_int_equal(g_strv_length(parts), 2);
    g_autofree char *xml = g_strconcat(parts[0], "<on_poweroff>restart", parts[1], NULL);
    assert_true(hypervisor_define(world->hypervisor, xml, NULL));
    world_start(world, "lab-1");
    g_autoptr(Request) request = step_rebase("lab-1", "v2");
    g_autoptr(Plan) plan = engine_plan(world->engine, request, NULL);
    const PlanItem *item = g_ptr_array_index(plan->items, 0);
    assert_int_equal(item->decision, DECISION_PENDING);
    gboolean warned = FALSE;
    for (guint i = 0; i < item->warnings->len; i++)
        warned = warned || strstr(g_ptr_array_index(item->warnings, i), "never stops by itself");
    assert_true(warned);
    world_stop(world, "lab-1");
}

/* --- the barrier
 * -----------------------------------------------------------------------------------------------
 */

static void no_settle_between_the_hooks_answer_and_the_release(void **state)
{
    World *world = *state;
    g_autofree char *id = id_of(world, "lab-1");
    g_autoptr(GError) error = NULL;
    assert_true(world_may_start(world, "lab-1", NULL));
    step_run_to(world, step_rebase("lab-1", "v2"), JOB_PENDING);
    assert_false(engine_settle(world->engine, id, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BUSY);
    world_assert_content(world, "lab-1", "vda", "one-vda");
    engine_hook_released(world->engine, id);
    world_settle_wanted(world);
    world_assert_content(world, "lab-1", "vda", "two-vda");
}

static void a_claim_made_while_the_daemon_was_down_keeps_settle_off(void **state)
{
    World *world = *state;
    if (world->kind != WORLD_MEMORY)
        skip();
    g_autofree char *id = id_of(world, "lab-1");
    claims_memory_set(world->claims, id, CLAIM_CLAIMED);
    step_run_to(world, step_rebase("lab-1", "v2"), JOB_PENDING);
    world_assert_content(world, "lab-1", "vda", "one-vda");
    claims_memory_set(world->claims, id, CLAIM_NONE);
    assert_true(engine_settle(world->engine, id, NULL));
    world_assert_content(world, "lab-1", "vda", "two-vda");
}

static void a_refused_start_resets_nothing(void **state)
{
    World *world = *state;
    g_autofree char *id = id_of(world, "lab-1");
    world_write(world, "lab-1", "vdb", "scratch");
    assert_true(world_may_start(world, "lab-1", NULL));
    engine_hook_released(world->engine, id);
    world_settle_wanted(world);
    world_assert_content(world, "lab-1", "vdb", "scratch");
}

static void a_start_that_settles_a_wish_ends_its_job(void **state)
{
    World *world = *state;
    g_autofree char *uuid = uuid_of(world, "lab-1");
    g_autofree char *id = id_of(world, "lab-1");
    world_start(world, "lab-1");
    step_run_to(world, step_rebase("lab-1", "v2"), JOB_PENDING);
    memory_hypervisor_guest_stops(world->hypervisor, uuid);
    engine_hook_released(world->engine, id);
    world_start(world, "lab-1");
    assert_true(was_settled(world, "lab-1"));
    world_stop(world, "lab-1");
}

static void a_base_and_a_foreign_copy_do_not_start(void **state)
{
    World *world = *state;
    g_autofree char *id = id_of(world, "lab-1");
    g_autoptr(GError) error = NULL;
    assert_start_refused(world, "v1", NULL, "is a base");
    assert_false(engine_hook_may_start(world->engine, id, "11111111-2222-4333-8444-555555555555",
                                       FALSE, &error));
    assert_non_null(strstr(error->message, "belong to machine 'lab-1'"));
    g_clear_error(&error);
    assert_false(engine_hook_may_start(world->engine, "0000000000000000", "x", NULL, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_NOT_FOUND);
}

static void the_hook_is_answered_without_a_call_to_libvirt(void **state)
{
    World *world = *state;
    world_start(world, "lab-1");
    step_run_to(world, step_rebase("lab-1", "v2"), JOB_PENDING);
    g_autofree char *uuid = uuid_of(world, "lab-1");
    g_autofree char *id = id_of(world, "lab-1");
    memory_hypervisor_guest_stops(world->hypervisor, uuid);
    engine_hook_released(world->engine, id);
    memory_hypervisor_set_answering(world->hypervisor, FALSE);
    assert_true(world_may_start(world, "lab-1", NULL));
    world_assert_content(world, "lab-1", "vda", "two-vda");
    memory_hypervisor_set_answering(world->hypervisor, TRUE);
    engine_hook_released(world->engine, id);
    world_settle_wanted(world);
    assert_true(engine_resync(world->engine, NULL));
}

/* --- what cannot be settled
 * --------------------------------------------------------------------------------------- */

static void what_cannot_be_settled_is_deferred_and_starts_on_its_old_system(void **state)
{
    World *world = *state;
    g_autofree char *uuid = uuid_of(world, "lab-1");
    g_autofree char *id = id_of(world, "lab-1");
    world_start(world, "lab-1");
    step_write_all(world, "lab-1", "mine");
    step_run_to(world, step_rebase("lab-1", "v2"), JOB_PENDING);
    memory_hypervisor_guest_stops(world->hypervisor, uuid);
    engine_hook_released(world->engine, id);
    fault_point_arm(FAULT_SWITCH_EXCHANGE, 1, FAULT_ERROR, EIO);
    world_start(world, "lab-1");
    fault_point_disarm();
    g_autoptr(Machine) behind = world_machine(world, "lab-1");
    assert_non_null(behind->behind_reason);
    assert_false(machine_is_pending(behind));
    step_assert_all(world, "lab-1", "mine", "one-vdb", "mine");
    assert_true(step_finds(world, "behind", "lab-1"));
    world_stop(world, "lab-1");
    world_do(world, step_rebase("lab-1", "v2"));
    g_autoptr(Machine) current = world_machine(world, "lab-1");
    assert_null(current->behind_reason);
    step_assert_all(world, "lab-1", "two-vda", "two-vdb", "mine");
}

static void a_machine_behind_that_is_undone_ends_its_job_too(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vda", "first");
    world_do(world, world_request(VERB_RESTORE, "lab-1", NULL));
    fault_point_arm(FAULT_SWITCH_EXCHANGE, 1, FAULT_ERROR, EIO);
    step_run_to(world, step_rebase("lab-1", "v2"), JOB_FAILED);
    fault_point_disarm();
    world_start(world, "lab-1");
    step_run_to(world, world_request(VERB_UNDO, "lab-1", NULL), JOB_PENDING);
    world_stop(world, "lab-1");
    world_assert_content(world, "lab-1", "vda", "first");
    assert_true(was_settled(world, "lab-1"));
}

static void one_of_fifty_fails_and_is_retried_alone(void **state)
{
    World *world = *state;
    guint clones = world->kind == WORLD_MEMORY ? 50 : 6;
    Request *request = world_request(VERB_CLONE, "v1", NULL);
    request->count = clones;
    request->name_pattern = g_strdup("pool-{n}");
    world_do(world, request);
    world_do(world, world_request(VERB_REMOVE, "lab-1", NULL));
    fault_point_arm(FAULT_STAGE_RECORD, 3, FAULT_ERROR, ENOSPC);
    g_autoptr(Job) job = world_run(world, step_rebase_all("v1", "v2"));
    fault_point_disarm();
    assert_int_equal(job->state, JOB_FAILED);
    guint failed = 0;
    for (guint i = 0; i < job->items->len; i++) {
        const JobItem *item = g_ptr_array_index(job->items, i);
        gboolean done = item->state == ITEM_DONE;
        failed += !done;
        world_assert_content(world, item->machine_name, "vda", done ? "two-vda" : "one-vda");
    }
    assert_int_equal(failed, 1);
    g_autoptr(Job) again = world_run(world, step_rebase_all("v1", "v2"));
    assert_int_equal(again->state, JOB_DONE);
    assert_int_equal(again->items->len, 1);
}

static void a_full_store_leaves_machines_whole_on_their_old_system(void **state)
{
    World *world = *state;
    if (world->kind != WORLD_MEMORY)
        skip();
    step_write_all(world, "lab-1", "mine");
    memory_storage_set_free(world->storage, 100);
    step_refused(world, step_rebase("lab-1", "v2"), UNDERPIN_ERROR_NO_SPACE, "free");
    step_assert_all(world, "lab-1", "mine", "mine", "mine");
    world_start(world, "lab-1");
    memory_storage_set_free(world->storage, (guint64)1 << 40);
    world_stop(world, "lab-1");
    world_do(world, step_rebase("lab-1", "v2"));
    step_assert_all(world, "lab-1", "two-vda", "two-vdb", "mine");
}

/* --- saved memory and sleep
 * ------------------------------------------------------------------------------------- */

static void save(World *world, const char *name, gboolean managed)
{
    g_autofree char *uuid = uuid_of(world, name);
    g_autofree char *id = id_of(world, name);
    memory_hypervisor_save(world->hypervisor, uuid, managed);
    engine_hook_released(world->engine, id);
    engine_domain_event(world->engine, DOMAIN_SAVED, uuid);
    world_settle_wanted(world);
}

static void saved_memory_counts_as_running(void **state)
{
    World *world = *state;
    for (gboolean managed = FALSE; managed <= TRUE; managed++) {
        world_start(world, "lab-1");
        step_write_all(world, "lab-1", "mine");
        save(world, "lab-1", managed);
        step_run_to(world, step_rebase("lab-1", "v2"), JOB_PENDING);
        step_assert_all(world, "lab-1", "mine", "mine", "mine");
        world_do(world, world_request(VERB_UNDO, "lab-1", NULL)); /* gives the wish up */
        world_do(world, world_request(VERB_RELEASE, "lab-1", NULL));
        g_autofree char *uuid = uuid_of(world, "lab-1");
        MemoryDomainFacts nothing = {0};
        memory_hypervisor_set_facts(world->hypervisor, uuid, &nothing);
        assert_true(engine_resync(world->engine, NULL));
        world_settle_wanted(world);
        step_assert_all(world, "lab-1", "mine", "one-vdb", "mine");
        world_do(world, step_rebase("lab-1", "v2"));
        world_do(world, step_rebase("lab-1", "v1"));
    }
}

static void memory_is_resumed_on_its_own_disks_only(void **state)
{
    World *world = *state;
    g_autofree char *uuid = uuid_of(world, "lab-1");
    g_autofree char *id = id_of(world, "lab-1");
    world_start(world, "lab-1");
    save(world, "lab-1", TRUE);
    g_autofree char *stamp = memory_hypervisor_stamp(world->hypervisor, uuid);
    assert_true(engine_hook_may_start(world->engine, id, uuid, stamp, NULL));
    engine_hook_released(world->engine, id);
    MemoryDomainFacts nothing = {0};
    memory_hypervisor_set_facts(world->hypervisor, uuid, &nothing);
    assert_true(engine_resync(world->engine, NULL));
    world_settle_wanted(world);
    assert_start_refused(world, "lab-1", stamp, "managedsave-remove");
}

/* `virsh save` to a file, and what the file carries. */
static char *save_to_file(World *world, const char *name)
{
    g_autofree char *uuid = uuid_of(world, name);
    save(world, name, FALSE);
    return memory_hypervisor_stamp(world->hypervisor, uuid);
}

/* `virsh restore` of a file that carries `stamp`, with the daemon there. */
static void resume(World *world, const char *name, const char *stamp)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Machine) machine = world_machine(world, name);
    if (!engine_hook_may_start(world->engine, machine->id, machine->uuid, stamp, &error))
        fail_msg("resuming '%s': %s", name, error->message);
    assert_true(hypervisor_start(world->hypervisor, machine->uuid, NULL));
    world_note_started(world, machine);
}

static void of_two_saved_memories_only_the_latest_fits(void **state)
{
    World *world = *state;
    world_start(world, "lab-1");
    g_autofree char *first = save_to_file(world, "lab-1");
    world_start(world, "lab-1"); /* without the memory: that session is over */
    g_autofree char *second = save_to_file(world, "lab-1");
    assert_string_not_equal(first, second);
    assert_start_refused(world, "lab-1", first, "written since");
    assert_start_refused(world, "lab-1", "", "written since");
    resume(world, "lab-1", second);
    g_autofree char *third = save_to_file(world, "lab-1");
    assert_start_refused(world, "lab-1", second, "written since"); /* one session, but older */
    resume(world, "lab-1", third);
    world_stop(world, "lab-1");
    assert_start_refused(world, "lab-1", third, "replaced");
}

/* Starts and saves behind the daemon's back: the hook marks, nobody stamps. */
static void run_unseen(World *world, const char *name, gboolean managed)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    assert_true(hypervisor_start(world->hypervisor, machine->uuid, NULL));
    assert_true(storage_mark(world->storage, machine->id, TRUE, NULL));
    memory_hypervisor_save(world->hypervisor, machine->uuid, managed);
}

static void a_managed_save_of_an_unseen_session_is_known(void **state)
{
    World *world = *state;
    g_autofree char *uuid = uuid_of(world, "lab-1");
    run_unseen(world, "lab-1", TRUE);
    assert_start_refused(world, "lab-1", "", "replaced");
    assert_true(engine_resync(world->engine, NULL));
    g_autofree char *stamp = memory_hypervisor_stamp(world->hypervisor, uuid);
    assert_non_null(stamp);
    resume(world, "lab-1", stamp);
    world_stop(world, "lab-1");
}

static void a_file_of_an_unseen_session_is_not_known(void **state)
{
    World *world = *state;
    run_unseen(world, "lab-1", FALSE);
    assert_true(engine_resync(world->engine, NULL));
    assert_start_refused(world, "lab-1", "", "is not known");
    world_start(world, "lab-1");
    world_stop(world, "lab-1");
}

static void a_session_that_cannot_be_stamped_is_not_resumed(void **state)
{
    World *world = *state;
    memory_hypervisor_fail_next(world->hypervisor, "stamp", UNDERPIN_ERROR_BACKEND, "no");
    world_start(world, "lab-1");
    g_autofree char *stamp = save_to_file(world, "lab-1");
    assert_null(stamp);
    assert_start_refused(world, "lab-1", "", "is not known");
    world_start(world, "lab-1");
    world_stop(world, "lab-1");
}

static void a_daemon_that_comes_back_stamps_who_runs(void **state)
{
    World *world = *state;
    g_autofree char *uuid = uuid_of(world, "lab-1");
    assert_true(hypervisor_start(world->hypervisor, uuid, NULL));
    assert_true(engine_resync(world->engine, NULL)); /* not even the hook was there */
    g_autofree char *stamp = save_to_file(world, "lab-1");
    assert_non_null(stamp);
    resume(world, "lab-1", stamp);
    world_stop(world, "lab-1");
}

/* --- missed events
 * --------------------------------------------------------------------------------------------------
 */

static void a_session_that_nobody_saw_begin_is_found_and_cleaned(void **state)
{
    World *world = *state;
    g_autofree char *uuid = uuid_of(world, "lab-1");
    memory_hypervisor_set_power(world->hypervisor, uuid, POWER_RUNNING);
    assert_true(engine_resync(world->engine, NULL));
    world_write(world, "lab-1", "vdb", "scratch");
    step_run_to(world, step_rebase("lab-1", "v2"), JOB_PENDING);
    memory_hypervisor_set_power(world->hypervisor, uuid, POWER_OFF);
    assert_true(engine_resync(world->engine, NULL));
    world_settle_wanted(world);
    step_assert_all(world, "lab-1", "two-vda", "two-vdb", "one-vdc");
}

static void libvirt_away_stops_nothing_that_needs_no_libvirt(void **state)
{
    World *world = *state;
    step_connect_host(world);
    memory_hypervisor_set_answering(world->hypervisor, FALSE);
    world_do(world, step_rebase("lab-1", "v2"));
    world_assert_content(world, "lab-1", "vda", "two-vda");
    world_do(world, world_request(VERB_HOLD, "lab-1", NULL));
    step_refused(world, world_request(VERB_REMOVE, "lab-1", NULL), UNDERPIN_ERROR_UNAVAILABLE, "");
    step_refused(world, world_request(VERB_START, "lab-1", NULL), UNDERPIN_ERROR_UNAVAILABLE, "");
    step_refused(world, world_request(VERB_CLONE, "v1", "lab-9", NULL), UNDERPIN_ERROR_UNAVAILABLE,
                 "");
    assert_true(step_finds(world, "libvirt-away", NULL));
    memory_hypervisor_set_answering(world->hypervisor, TRUE);
    world_do(world, world_request(VERB_REMOVE, "lab-1", NULL));
}

static void a_daemon_that_comes_back_settles_what_stopped_meanwhile(void **state)
{
    World *world = *state;
    if (world->kind != WORLD_DIRECTORY)
        skip();
    g_autofree char *uuid = uuid_of(world, "lab-1");
    world_start(world, "lab-1");
    world_write(world, "lab-1", "vdb", "scratch");
    step_run_to(world, step_rebase("lab-1", "v2"), JOB_PENDING);
    world_restart(world);
    world_assert_content(world, "lab-1", "vda", "one-vda");
    memory_hypervisor_set_power(world->hypervisor, uuid, POWER_OFF);
    world_restart(world);
    world_settle_wanted(world);
    step_assert_all(world, "lab-1", "two-vda", "two-vdb", "one-vdc");
}

static void without_the_hook_nothing_is_switched(void **state)
{
    World *world = *state;
    world_free(world);
    EngineConfig config;
    world_config_init(&config);
    config.store_root = "/store";
    world = *state = world_new_with(world_kind(), &config);
    world_base(world, "v1", "one");
    world_clone(world, "v1", "lab-1");
    memory_hypervisor_set_hook(world->hypervisor, FALSE);
    assert_true(engine_resync(world->engine, NULL));
    step_refused(world, world_request(VERB_RESTORE, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "barrier");
    assert_true(step_finds(world, "hook-not-in-force", NULL));
    memory_hypervisor_set_hook(world->hypervisor, TRUE);
    assert_false(step_finds(world, "hook-not-in-force", NULL));
    world_do(world, world_request(VERB_RESTORE, "lab-1", NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, step_set_up, step_tear_down)

/* --- block pulls ------------------------------------------------------------------------------ */

static void assert_stands_alone(World *world, const char *name, const char *target)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    const Head *head = generation_head(machine_actual(machine), target);
    assert_null(head->layer_id);
    assert_false(step_finds(world, "backing-differs", NULL));
}

static void start_and_pull(World *world, const char *target)
{
    world_start(world, "lab-1");
    world_pull(world, "lab-1", target);
}

static void a_pulled_head_is_taken_over_at_the_end_of_its_session(void **state)
{
    World *world = *state;
    start_and_pull(world, "vda");
    assert_true(step_finds(world, "head-pulled", "lab-1"));
    world_write(world, "lab-1", "vdb", "scratch");
    world_write(world, "lab-1", "vdc", "mine");
    world_stop(world, "lab-1");
    world_settle_wanted(world);
    assert_stands_alone(world, "lab-1", "vda");
    step_assert_all(world, "lab-1", "one-vda", "one-vdb", "mine");
    world_start(world, "lab-1");
    world_stop(world, "lab-1");
    world_settle_wanted(world);
    /* It is still a clone of its base. */
    world_do(world, step_rebase("lab-1", "v2"));
    step_assert_all(world, "lab-1", "two-vda", "two-vdb", "mine");
    world_do(world, world_request(VERB_UNDO, "lab-1", NULL));
    step_assert_all(world, "lab-1", "one-vda", "one-vdb", "mine");
    assert_stands_alone(world, "lab-1", "vda");
}

static void a_pull_alone_is_settled_too(void **state)
{
    World *world = *state;
    start_and_pull(world, "vdc");
    world_stop(world, "lab-1");
    world_settle_wanted(world);
    assert_stands_alone(world, "lab-1", "vdc");
    world_assert_content(world, "lab-1", "vdc", "one-vdc");
    world_start(world, "lab-1");
    world_stop(world, "lab-1");
    world_settle_wanted(world);
}

static void a_pull_under_a_pending_move_does_not_stop_it(void **state)
{
    World *world = *state;
    world_start(world, "lab-1");
    step_run_to(world, step_rebase("lab-1", "v2"), JOB_PENDING);
    world_pull(world, "lab-1", "vda");
    world_pull(world, "lab-1", "vdc");
    world_write(world, "lab-1", "vdc", "mine");
    world_stop(world, "lab-1");
    world_settle_wanted(world);
    step_assert_all(world, "lab-1", "two-vda", "two-vdb", "mine");
    assert_stands_alone(world, "lab-1", "vdc");
    world_do(world, world_request(VERB_UNDO, "lab-1", NULL));
    step_assert_all(world, "lab-1", "one-vda", "one-vdb", "mine");
    assert_stands_alone(world, "lab-1", "vda");
}

static void a_move_that_is_asked_for_after_a_pull_is_staged(void **state)
{
    World *world = *state;
    start_and_pull(world, "vdc");
    world_write(world, "lab-1", "vdc", "mine");
    step_run_to(world, step_rebase("lab-1", "v2"), JOB_PENDING);
    world_stop(world, "lab-1");
    world_settle_wanted(world);
    step_assert_all(world, "lab-1", "two-vda", "two-vdb", "mine");
    assert_stands_alone(world, "lab-1", "vdc");
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        TEST(one_rebase_of_many_states_moves_each_in_its_own_time),
        TEST(a_guest_reboot_keeps_the_temporary_volume),
        TEST(under_the_stop_policy_a_reboot_stays_a_reboot),
        TEST(a_graceful_rebase_shuts_down_moves_and_starts_again),
        TEST(a_stubborn_guest_is_moved_by_force_only),
        TEST(a_halted_guest_hears_nothing_and_goes_on_by_a_start),
        TEST(a_newer_wish_replaces_the_one_that_waits),
        TEST(hold_of_a_machine_that_waits_is_done_at_once),
        TEST(a_machine_that_never_stops_by_itself_is_warned_of),
        TEST(no_settle_between_the_hooks_answer_and_the_release),
        TEST(a_claim_made_while_the_daemon_was_down_keeps_settle_off),
        TEST(a_refused_start_resets_nothing),
        TEST(a_start_that_settles_a_wish_ends_its_job),
        TEST(a_base_and_a_foreign_copy_do_not_start),
        TEST(the_hook_is_answered_without_a_call_to_libvirt),
        TEST(what_cannot_be_settled_is_deferred_and_starts_on_its_old_system),
        TEST(a_machine_behind_that_is_undone_ends_its_job_too),
        TEST(one_of_fifty_fails_and_is_retried_alone),
        TEST(a_full_store_leaves_machines_whole_on_their_old_system),
        TEST(saved_memory_counts_as_running),
        TEST(memory_is_resumed_on_its_own_disks_only),
        TEST(of_two_saved_memories_only_the_latest_fits),
        TEST(a_managed_save_of_an_unseen_session_is_known),
        TEST(a_file_of_an_unseen_session_is_not_known),
        TEST(a_session_that_cannot_be_stamped_is_not_resumed),
        TEST(a_daemon_that_comes_back_stamps_who_runs),
        TEST(a_session_that_nobody_saw_begin_is_found_and_cleaned),
        TEST(libvirt_away_stops_nothing_that_needs_no_libvirt),
        TEST(a_daemon_that_comes_back_settles_what_stopped_meanwhile),
        TEST(without_the_hook_nothing_is_switched),
        TEST(a_pulled_head_is_taken_over_at_the_end_of_its_session),
        TEST(a_pull_alone_is_settled_too),
        TEST(a_pull_under_a_pending_move_does_not_stop_it),
        TEST(a_move_that_is_asked_for_after_a_pull_is_staged),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
