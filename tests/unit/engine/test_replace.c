/* Restore, rebase, undo and cleaning on ports in memory, and on real images: who keeps what, who
 * refuses, and why. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "support/world.h"

static int set_up(void **state)
{
    World *world = world_new(world_kind());
    world_base(world, "v1", "one");
    world_base(world, "v2", "two");
    world_clone(world, "v1", "lab-1");
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    world_check_invariants(*state);
    world_free(*state);
    return 0;
}

static void write_all(World *world, const char *name, const char *text)
{
    world_write(world, name, "vda", text);
    world_write(world, name, "vdb", text);
    world_write(world, name, "vdc", text);
}

static void assert_all(World *world, const char *name, const char *system, const char *temporary,
                       const char *data)
{
    world_assert_content(world, name, "vda", system);
    world_assert_content(world, name, "vdb", temporary);
    world_assert_content(world, name, "vdc", data);
}

static Request *rebase(const char *name, const char *onto)
{
    Request *request = world_request(VERB_REBASE, name, NULL);
    request->onto = g_strdup(onto);
    return request;
}

static void a_fresh_clone_sees_its_base(void **state)
{
    assert_all(*state, "lab-1", "one-vda", "one-vdb", "one-vdc");
}

/* A restart between the last machine's record and the queue's last word finds the job as it ended.
 */
static void the_end_of_a_job_is_recorded_with_its_last_machine(void **state)
{
    World *world = *state;
    world_clone(world, "v1", "lab-2");
    g_autoptr(Job) job = world_run(world, world_request(VERB_RESTORE, "lab-1", "lab-2", NULL));
    assert_true(job->end_recorded);
    g_autoptr(Job) stored = catalog_get_job(world->catalog, job->id, NULL);
    assert_non_null(stored);
    assert_int_equal(stored->state, JOB_DONE);
    assert_int_equal(stored->finished_at, job->finished_at);
    assert_int_equal(stored->done, 2);
    assert_null(stored->phase);
    for (guint i = 0; i < stored->items->len; i++) {
        const JobItem *item = g_ptr_array_index(stored->items, i);
        assert_int_equal(item->state, ITEM_DONE);
        assert_string_equal(item->receipt, ((JobItem *)job->items->pdata[i])->receipt);
    }
}

static void restore_replaces_system_and_temporary_and_keeps_data(void **state)
{
    write_all(*state, "lab-1", "mine");
    world_do(*state, world_request(VERB_RESTORE, "lab-1", NULL));
    assert_all(*state, "lab-1", "one-vda", "one-vdb", "mine");
}

static void rebase_brings_the_new_system_and_keeps_data(void **state)
{
    write_all(*state, "lab-1", "mine");
    world_do(*state, rebase("lab-1", "v2"));
    assert_all(*state, "lab-1", "two-vda", "two-vdb", "mine");
}

static void undo_brings_the_replaced_system_back_and_holds_the_machine(void **state)
{
    write_all(*state, "lab-1", "mine");
    world_do(*state, rebase("lab-1", "v2"));
    world_write(*state, "lab-1", "vdc", "later");
    world_do(*state, world_request(VERB_UNDO, "lab-1", NULL));
    assert_all(*state, "lab-1", "mine", "one-vdb", "later");
    g_autoptr(Machine) machine = world_machine(*state, "lab-1");
    assert_true(machine->held);
}

static void restoring_twice_keeps_the_good_undo(void **state)
{
    write_all(*state, "lab-1", "mine");
    world_do(*state, world_request(VERB_RESTORE, "lab-1", NULL));
    world_do(*state, world_request(VERB_RESTORE, "lab-1", NULL));
    world_do(*state, world_request(VERB_UNDO, "lab-1", NULL));
    assert_all(*state, "lab-1", "mine", "one-vdb", "mine");
}

static void a_stop_cleans_the_temporary_volume_only(void **state)
{
    world_start(*state, "lab-1");
    write_all(*state, "lab-1", "mine");
    world_stop(*state, "lab-1");
    assert_all(*state, "lab-1", "mine", "one-vdb", "mine");
}

static void a_running_clone_moves_when_it_stops(void **state)
{
    world_start(*state, "lab-1");
    write_all(*state, "lab-1", "mine");
    g_autoptr(Job) job = world_run(*state, rebase("lab-1", "v2"));
    assert_int_equal(job->state, JOB_PENDING);
    assert_all(*state, "lab-1", "mine", "mine", "mine");
    world_stop(*state, "lab-1");
    assert_all(*state, "lab-1", "two-vda", "two-vdb", "mine");
}

static void the_reboot_of_a_pending_clone_is_its_move(void **state)
{
    World *world = *state;
    world_start(world, "lab-1");
    g_autoptr(Job) job = world_run(world, rebase("lab-1", "v2"));
    assert_int_equal(job->state, JOB_PENDING);
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    assert_true(memory_hypervisor_reboot_stops(world->hypervisor, machine->uuid));
    memory_hypervisor_guest_reboots(world->hypervisor, machine->uuid);
    engine_domain_event(world->engine, DOMAIN_REBOOT_STOPPED, machine->uuid);
    engine_hook_released(world->engine, machine->id);
    world_settle_wanted(world);
    world_assert_content(world, "lab-1", "vda", "two-vda");
    assert_int_equal(engine_power(world->engine, machine->id), POWER_OFF);
    Power power = POWER_UNKNOWN;
    assert_true(hypervisor_power(world->hypervisor, machine->uuid, &power, NULL));
    assert_int_equal(power, POWER_RUNNING);
    memory_hypervisor_guest_stops(world->hypervisor, machine->uuid);
}

static void undo_of_a_pending_rebase_cancels_it(void **state)
{
    world_start(*state, "lab-1");
    write_all(*state, "lab-1", "mine");
    g_autoptr(Job) job = world_run(*state, rebase("lab-1", "v2"));
    assert_int_equal(job->state, JOB_PENDING);
    world_do(*state, world_request(VERB_UNDO, "lab-1", NULL));
    world_stop(*state, "lab-1");
    assert_all(*state, "lab-1", "mine", "one-vdb", "mine");
}

static void a_machine_on_hold_is_left_out(void **state)
{
    world_do(*state, world_request(VERB_HOLD, "lab-1", NULL));
    g_autoptr(Job) job = world_run(*state, rebase("lab-1", "v2"));
    assert_int_equal(((JobItem *)g_ptr_array_index(job->items, 0))->state, ITEM_SKIPPED);
    world_assert_content(*state, "lab-1", "vda", "one-vda");
}

static void a_base_with_another_outline_is_refused_as_a_whole(void **state)
{
    world_import(*state, "odd", "vda=system,vdc=data");
    world_do(*state, world_request(VERB_PREPARE, "odd", NULL));
    g_autoptr(Job) job = world_run(*state, rebase("lab-1", "odd"));
    assert_int_equal(job->state, JOB_FAILED);
    assert_int_equal(job->error_code, UNDERPIN_ERROR_REFUSED);
    world_assert_content(*state, "lab-1", "vda", "one-vda");
}

static void a_start_settles_what_is_pending(void **state)
{
    World *world = *state;
    world_start(world, "lab-1");
    g_autoptr(Job) job = world_run(world, rebase("lab-1", "v2"));
    assert_int_equal(job->state, JOB_PENDING);
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    memory_hypervisor_guest_stops(world->hypervisor, machine->uuid);
    engine_hook_released(world->engine, machine->id);
    world_start(world, "lab-1");
    world_assert_content(world, "lab-1", "vda", "two-vda");
    world_stop(world, "lab-1");
}

static void the_old_base_can_go_when_all_have_left_it(void **state)
{
    World *world = *state;
    guint64 freed = 0;
    write_all(world, "lab-1", "mine");
    world_do(world, rebase("lab-1", "v2"));
    world_do(world, world_request(VERB_REMOVE, "v1", NULL));
    assert_false(world_has(world, "v1"));
    world_do(world, world_request(VERB_UNDO, "lab-1", NULL));
    assert_all(world, "lab-1", "mine", "one-vdb", "mine");
    assert_true(engine_reclaim(world->engine, &freed, NULL));
}

static void remove_keeps_data_in_the_trash(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vdc", "mine");
    world_do(world, world_request(VERB_REMOVE, "lab-1", NULL));
    assert_false(world_has(world, "lab-1"));
    EngineStatus status = {0};
    assert_true(engine_status(world->engine, &status, NULL));
    assert_true(status.kept_bytes > 0);
    engine_status_clear(&status);
}

static void detach_makes_the_clone_stand_alone(void **state)
{
    write_all(*state, "lab-1", "mine");
    world_do(*state, world_request(VERB_DETACH, "lab-1", NULL));
    assert_all(*state, "lab-1", "mine", "mine", "mine");
    world_do(*state, world_request(VERB_REMOVE, "v1", NULL));
    assert_false(world_has(*state, "v1"));
}

static void a_base_with_clones_cannot_be_removed_or_unprepared(void **state)
{
    g_autoptr(Job) removed = world_run(*state, world_request(VERB_REMOVE, "v1", NULL));
    g_autoptr(Job) unprepared = world_run(*state, world_request(VERB_UNPREPARE, "v1", NULL));
    assert_int_equal(removed->state, JOB_FAILED);
    assert_int_equal(unprepared->state, JOB_FAILED);
    world_assert_content(*state, "lab-1", "vda", "one-vda");
}

static void unprepare_gives_the_content_back(void **state)
{
    world_do(*state, world_request(VERB_UNPREPARE, "v2", NULL));
    assert_all(*state, "v2", "two-vda", "two-vdb", "two-vdc");
    world_write(*state, "v2", "vda", "changed");
    world_assert_content(*state, "v2", "vda", "changed");
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test_setup_teardown(a_fresh_clone_sees_its_base, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_of_a_job_is_recorded_with_its_last_machine, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(restore_replaces_system_and_temporary_and_keeps_data,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(rebase_brings_the_new_system_and_keeps_data, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(undo_brings_the_replaced_system_back_and_holds_the_machine,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(restoring_twice_keeps_the_good_undo, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stop_cleans_the_temporary_volume_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_running_clone_moves_when_it_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_reboot_of_a_pending_clone_is_its_move, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(undo_of_a_pending_rebase_cancels_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_machine_on_hold_is_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_base_with_another_outline_is_refused_as_a_whole, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_start_settles_what_is_pending, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_old_base_can_go_when_all_have_left_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(remove_keeps_data_in_the_trash, set_up, tear_down),
        cmocka_unit_test_setup_teardown(detach_makes_the_clone_stand_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_base_with_clones_cannot_be_removed_or_unprepared, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(unprepare_gives_the_content_back, set_up, tear_down),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
