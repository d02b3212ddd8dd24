/* Who is left out, and what the refusal says: names, states, holds, limits, snapshots, images that
 * are gone or in use. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine_private.h"
#include "steps.h"
#include "storage/memory/memory_storage.h"

static void a_mistyped_name_is_answered_with_near_names(void **state)
{
    World *world = *state;
    step_refused(world, world_request(VERB_RESTORE, "lab-11", NULL), UNDERPIN_ERROR_NOT_FOUND,
                 "'lab-1'");
    step_refused(world, world_request(VERB_RESTORE, "zzz", NULL), UNDERPIN_ERROR_NOT_FOUND,
                 "underpin list");
    step_refused(world, step_rebase("lab-1", "v3"), UNDERPIN_ERROR_NOT_FOUND,
                 "did you mean 'v1' or 'v2'?");
    step_refused(world, step_rebase_all("v9", "v2"), UNDERPIN_ERROR_NOT_FOUND, "'v9'");
    step_refused(world, step_rebase("lab-1", "lab-1"), UNDERPIN_ERROR_REFUSED, "not a base");
}

static void one_unknown_name_among_several_stops_all_before_anything_happens(void **state)
{
    World *world = *state;
    Request *request = world_request(VERB_REBASE, "lab-1", "nobody", NULL);
    request->onto = g_strdup("v2");
    step_refused(world, request, UNDERPIN_ERROR_NOT_FOUND, "nobody");
    world_assert_content(world, "lab-1", "vda", "one-vda");
}

static void only_clones_have_a_base_to_start_again_from(void **state)
{
    World *world = *state;
    world_import(world, "plain", "vda=system");
    step_refused(world, world_request(VERB_RESTORE, "plain", NULL), UNDERPIN_ERROR_REFUSED,
                 "not a clone");
    step_refused(world, world_request(VERB_RESTORE, "v1", NULL), UNDERPIN_ERROR_REFUSED,
                 "not a clone");
    step_refused(world, step_rebase("v1", "v2"), UNDERPIN_ERROR_REFUSED, "not a clone");
    step_refused(world, world_request(VERB_START, "v1", NULL), UNDERPIN_ERROR_REFUSED, "read-only");
    step_refused(world, world_request(VERB_DETACH, "v1", NULL), UNDERPIN_ERROR_REFUSED,
                 "read-only");
}

static void a_machine_without_data_is_warned_about(void **state)
{
    World *world = *state;
    world_import(world, "bare", "vda=system");
    g_autoptr(Request) prepare = world_request(VERB_PREPARE, "bare", NULL);
    g_autoptr(Plan) plan = engine_plan(world->engine, prepare, NULL);
    const PlanItem *item = g_ptr_array_index(plan->items, 0);
    assert_int_equal(item->decision, DECISION_NOW);
    assert_non_null(strstr(g_ptr_array_index(item->warnings, 0), "no data volume"));
}

static void the_words_of_a_plan_are_the_same_everywhere(void **state)
{
    World *world = *state;
    step_write_all(world, "lab-1", "mine");
    g_autoptr(Request) request = step_rebase("lab-1", "v2");
    g_autoptr(Plan) plan = engine_plan(world->engine, request, NULL);
    g_autofree char *summary = plan_summary(plan);
    assert_string_equal(summary, "system REPLACED, temporary RESET, data KEPT");
    const PlanItem *item = g_ptr_array_index(plan->items, 0);
    assert_true(item->held_bytes > 0);
    assert_true(item->freed_bytes > 0);
}

/* --- hold, limit, match
 * ------------------------------------------------------------------------------------------ */

static void hold_keeps_every_rebase_off_also_by_name_unless_told(void **state)
{
    World *world = *state;
    Request *hold = world_request(VERB_HOLD, "lab-1", NULL);
    hold->reason = g_strdup("exam week");
    world_do(world, hold);
    g_autoptr(Job) job = world_run(world, step_rebase("lab-1", "v2"));
    step_assert_item(job, "lab-1", ITEM_SKIPPED, "exam week");
    world_do(world, world_request(VERB_RESTORE, "lab-1", NULL));
    Request *even = step_rebase("lab-1", "v2");
    even->even_held = TRUE;
    world_do(world, even);
    world_assert_content(world, "lab-1", "vda", "two-vda");
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    assert_true(machine->held);
}

static void match_and_limit_make_a_first_wave(void **state)
{
    World *world = *state;
    world_do(world, world_request(VERB_CLONE, "v1", "lab-2", "lab-10", "office-1", NULL));
    Request *request = step_rebase_all("v1", "v2");
    request->match = g_strdup("lab-*");
    request->limit = 2;
    g_autoptr(Job) job = world_run(world, request);
    assert_int_equal(job->items->len, 2);
    step_assert_item(job, "lab-1", ITEM_DONE, NULL);
    step_assert_item(job, "lab-2", ITEM_DONE, NULL);
    world_assert_content(world, "lab-10", "vda", "one-vda");
    world_assert_content(world, "office-1", "vda", "one-vda");
    Request *rest = step_rebase_all("v1", "v2");
    rest->limit = 1;
    g_autoptr(Job) next = world_run(world, rest);
    step_assert_item(next, "lab-10", ITEM_DONE, NULL);
}

static void a_clone_that_is_there_already_is_left_alone(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vda", "mine");
    g_autoptr(Job) job = world_run(world, step_rebase("lab-1", "v1"));
    step_assert_item(job, "lab-1", ITEM_SKIPPED, "is on 'v1' already");
    world_assert_content(world, "lab-1", "vda", "mine");
}

/* --- what others did
 * -------------------------------------------------------------------------------------------------
 */

static void set_facts(World *world, const char *name, const MemoryDomainFacts *facts)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    memory_hypervisor_set_facts(world->hypervisor, machine->uuid, facts);
}

static void libvirt_snapshots_block_with_the_command_that_helps(void **state)
{
    World *world = *state;
    MemoryDomainFacts snapshot = {.snapshots = 1}, none = {0};
    set_facts(world, "lab-1", &snapshot);
    step_refused(world, step_rebase("lab-1", "v2"), UNDERPIN_ERROR_REFUSED,
                 "virsh snapshot-delete lab-1");
    step_refused(world, world_request(VERB_RESTORE, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "snapshots");
    step_refused(world, world_request(VERB_PREPARE, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "snapshots");
    assert_true(step_finds(world, "snapshot", "lab-1"));
    set_facts(world, "lab-1", &none);
    world_do(world, step_rebase("lab-1", "v2"));
}

static void checkpoints_do_not_block_and_are_told_of(void **state)
{
    World *world = *state;
    MemoryDomainFacts checkpoint = {.checkpoints = 2};
    set_facts(world, "lab-1", &checkpoint);
    g_autoptr(Request) request = step_rebase("lab-1", "v2");
    g_autoptr(Plan) plan = engine_plan(world->engine, request, NULL);
    const PlanItem *item = g_ptr_array_index(plan->items, 0);
    assert_int_equal(item->decision, DECISION_NOW);
    assert_non_null(strstr(g_ptr_array_index(item->warnings, 0), "full backup next"));
    world_do(world, step_rebase("lab-1", "v2"));
}

static void lose_head(World *world, const char *name, const char *target)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    g_autofree char *path =
        storage_head_path(world->storage, machine->id, machine_volume(machine, target));
    if (world->kind == WORLD_MEMORY)
        memory_storage_lose_head(world->storage, machine->id, target);
    else
        assert_int_equal(unlink(path), 0);
}

static void a_missing_image_leaves_that_machine_out_and_names_it(void **state)
{
    World *world = *state;
    world_do(world, world_request(VERB_CLONE, "v1", "lab-2", NULL));
    lose_head(world, "lab-2", "vdc");
    g_autoptr(Job) job = world_run(world, step_rebase_all("v1", "v2"));
    step_assert_item(job, "lab-1", ITEM_DONE, NULL);
    step_assert_item(job, "lab-2", ITEM_FAILED, "'vdc' of 'lab-2' is missing");
    assert_true(step_finds(world, "image-missing", "lab-2"));
    Request *removal = world_request(VERB_REMOVE, "lab-2", NULL);
    removal->now = TRUE;
    world_do(world, removal);
}

static void a_start_without_an_image_names_it_and_what_helps(void **state)
{
    World *world = *state;
    lose_head(world, "lab-1", "vda");
    g_autoptr(Job) job = world_run(world, world_request(VERB_START, "lab-1", NULL));
    step_assert_item(job, "lab-1", ITEM_FAILED, "the image of volume 'vda' of 'lab-1' is missing");
    const JobItem *item = g_ptr_array_index(job->items, 0);
    assert_non_null(strstr(item->hint, "underpin restore lab-1"));
    world_do(world, world_request(VERB_RESTORE, "lab-1", NULL));
    world_do(world, world_request(VERB_START, "lab-1", NULL));
    world_stop(world, "lab-1");
}

static void an_image_that_a_stranger_has_open_is_not_replaced(void **state)
{
    World *world = *state;
    if (world->kind != WORLD_MEMORY)
        skip(); /* the storage contract holds real locks */
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    memory_storage_set_locked(world->storage, machine->id, "vda", TRUE);
    step_refused(world, step_rebase("lab-1", "v2"), UNDERPIN_ERROR_BUSY,
                 "a QEMU that libvirt does not know");
    step_refused(world, world_request(VERB_PREPARE, "lab-1", NULL), UNDERPIN_ERROR_BUSY,
                 "does not know");
    assert_int_equal(engine_power(world->engine, machine->id), POWER_OFF);
    memory_storage_set_locked(world->storage, machine->id, "vda", FALSE);
    world_do(world, step_rebase("lab-1", "v2"));
}

/* --- who has it
 * ------------------------------------------------------------------------------------------------------
 */

static void a_machine_that_a_job_has_is_left_out(void **state)
{
    World *world = *state;
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    assert_true(engine_occupy(world->engine, machine->id, "job 7 (detach)", NULL));
    step_refused(world, step_rebase("lab-1", "v2"), UNDERPIN_ERROR_BUSY, "job 7 (detach)");
    engine_vacate(world->engine, machine->id);
    world_do(world, step_rebase("lab-1", "v2"));
}

static void a_base_that_a_job_uses_stays_a_base(void **state)
{
    World *world = *state;
    g_autoptr(Machine) base = world_machine(world, "v2");
    assert_true(engine_base_hold(world->engine, base->id, NULL));
    step_refused(world, world_request(VERB_REMOVE, "v2", NULL), UNDERPIN_ERROR_BUSY,
                 "base of 1 running job");
    step_refused(world, world_request(VERB_UNPREPARE, "v2", NULL), UNDERPIN_ERROR_BUSY,
                 "base of 1 running job");
    world_do(world, step_rebase("lab-1", "v2"));
    engine_base_release(world->engine, base->id);
    world_do(world, step_rebase("lab-1", "v1"));
    world_do(world, world_request(VERB_UNPREPARE, "v2", NULL));
}

static void nothing_is_rebased_onto_a_base_that_is_being_unprepared(void **state)
{
    World *world = *state;
    g_autoptr(Machine) base = world_machine(world, "v2");
    assert_true(engine_occupy(world->engine, base->id, "job 8 (unprepare)", NULL));
    step_refused(world, step_rebase("lab-1", "v2"), UNDERPIN_ERROR_BUSY, "job 8 (unprepare)");
    step_refused(world, world_request(VERB_CLONE, "v2", "lab-2", NULL), UNDERPIN_ERROR_BUSY,
                 "job 8 (unprepare)");
    engine_vacate(world->engine, base->id);
}

/* --- records that were made from what was read a while ago ------------------------------------ */

static Machine *held_copy(const Machine *seen)
{
    Machine *next = machine_copy(seen);
    next->held = TRUE;
    return next;
}

static void a_record_from_before_a_move_is_not_committed(void **state)
{
    World *world = *state;
    g_autoptr(Machine) seen = world_machine(world, "lab-1");
    g_autoptr(Machine) next = held_copy(seen);
    g_autoptr(GError) error = NULL;
    world_do(world, step_rebase("lab-1", "v2"));
    assert_true(engine_has_moved(world->engine, seen));
    assert_false(engine_commit_one(world->engine, seen, next, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BUSY);
    g_autoptr(Machine) after = world_machine(world, "lab-1");
    assert_false(after->held);
}

static void what_events_wrote_meanwhile_stays_in_the_record(void **state)
{
    World *world = *state;
    g_autoptr(Machine) seen = world_machine(world, "lab-1");
    g_autoptr(Machine) next = held_copy(seen);
    world_start(world, "lab-1");
    engine_domain_event(world->engine, DOMAIN_SUSPENDED_TO_DISK, seen->uuid);
    assert_true(engine_commit_one(world->engine, seen, next, NULL));
    g_autoptr(Machine) after = world_machine(world, "lab-1");
    assert_true(after->held);
    assert_int_equal(after->session, after->actual);
    assert_true(machine_actual(after)->hibernated);
    world_stop(world, "lab-1");
}

static void a_cancelled_job_leaves_no_trace(void **state)
{
    World *world = *state;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(Request) request = step_rebase("lab-1", "v2");
    g_autoptr(Job) job = job_new("00000000000000aa", request, "test", 1700000000);
    g_autoptr(Machine) before = world_machine(world, "lab-1");
    g_cancellable_cancel(cancellable);
    assert_false(engine_run(world->engine, job, NULL, NULL, cancellable, NULL));
    assert_int_equal(job->state, JOB_CANCELLED);
    g_autoptr(Machine) after = world_machine(world, "lab-1");
    assert_ptr_equal(before, after);
    world_do(world, step_rebase("lab-1", "v2"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, step_set_up, step_tear_down)

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        TEST(a_mistyped_name_is_answered_with_near_names),
        TEST(one_unknown_name_among_several_stops_all_before_anything_happens),
        TEST(only_clones_have_a_base_to_start_again_from),
        TEST(a_machine_without_data_is_warned_about),
        TEST(the_words_of_a_plan_are_the_same_everywhere),
        TEST(hold_keeps_every_rebase_off_also_by_name_unless_told),
        TEST(match_and_limit_make_a_first_wave),
        TEST(a_clone_that_is_there_already_is_left_alone),
        TEST(libvirt_snapshots_block_with_the_command_that_helps),
        TEST(checkpoints_do_not_block_and_are_told_of),
        TEST(a_missing_image_leaves_that_machine_out_and_names_it),
        TEST(a_start_without_an_image_names_it_and_what_helps),
        TEST(an_image_that_a_stranger_has_open_is_not_replaced),
        TEST(a_machine_that_a_job_has_is_left_out),
        TEST(a_base_that_a_job_uses_stays_a_base),
        TEST(nothing_is_rebased_onto_a_base_that_is_being_unprepared),
        TEST(a_record_from_before_a_move_is_not_committed),
        TEST(what_events_wrote_meanwhile_stays_in_the_record),
        TEST(a_cancelled_job_leaves_no_trace),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
