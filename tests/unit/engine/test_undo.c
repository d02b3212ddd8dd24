/* The undo list: order, redo, retention by age, by budget and by free space, hold, hibernation, and
 * bases that are gone. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "engine/engine_private.h"
#include "steps.h"
#include "storage/memory/memory_storage.h"

#define DAY_SECONDS 86400
#define FLOOR_BYTES 1000000

static guint entries(World *world)
{
    EngineStatus status = {0};
    assert_true(engine_status(world->engine, &status, NULL));
    guint count = status.entries;
    engine_status_clear(&status);
    return count;
}

static void reclaim(World *world)
{
    guint64 freed = 0;
    assert_true(engine_reclaim(world->engine, &freed, NULL));
}

static void undo(World *world, const char *name)
{
    world_do(world, world_request(VERB_UNDO, name, NULL));
}

static void rebase(World *world, const char *name, const char *onto)
{
    Request *request = step_rebase(name, onto);
    request->even_held = TRUE;
    world_do(world, request);
}

/* A to B to C, each written to, so that each replaced system is worth an entry. */
static void move_twice(World *world)
{
    world_base(world, "v3", "three");
    world_write(world, "lab-1", "vda", "on one");
    rebase(world, "lab-1", "v2");
    world_write(world, "lab-1", "vda", "on two");
    rebase(world, "lab-1", "v3");
    world_write(world, "lab-1", "vda", "on three");
}

static void undo_takes_the_newest_entry(void **state)
{
    World *world = *state;
    move_twice(world);
    undo(world, "lab-1");
    step_assert_all(world, "lab-1", "on two", "two-vdb", "one-vdc");
}

static void undo_twice_is_redo(void **state)
{
    World *world = *state;
    move_twice(world);
    world_write(world, "lab-1", "vdc", "mine");
    undo(world, "lab-1");
    undo(world, "lab-1");
    step_assert_all(world, "lab-1", "on three", "three-vdb", "mine");
    undo(world, "lab-1");
    step_assert_all(world, "lab-1", "on two", "two-vdb", "mine");
    assert_int_equal(entries(world), 2);
}

static void undo_of_all_clones_brings_each_its_own_system_back(void **state)
{
    World *world = *state;
    world_clone(world, "v1", "lab-2");
    world_clone(world, "v1", "lab-3");
    world_write(world, "lab-1", "vda", "first");
    world_write(world, "lab-2", "vda", "second");
    world_do(world, step_rebase_all("v1", "v2"));
    Request *request = request_new(VERB_UNDO);
    request->all_of = g_strdup("v2");
    g_autoptr(Job) job = world_run(world, request);
    step_assert_item(job, "lab-1", ITEM_DONE, NULL);
    step_assert_item(job, "lab-2", ITEM_DONE, NULL);
    step_assert_item(job, "lab-3", ITEM_FAILED, "nothing to undo");
    world_assert_content(world, "lab-1", "vda", "first");
    world_assert_content(world, "lab-2", "vda", "second");
    world_assert_content(world, "lab-3", "vda", "two-vda");
}

static void an_undone_machine_is_left_out_of_the_next_rebase_and_says_why(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vda", "mine");
    rebase(world, "lab-1", "v2");
    undo(world, "lab-1");
    g_autoptr(Job) job = world_run(world, step_rebase_all("v1", "v2"));
    step_assert_item(job, "lab-1", ITEM_SKIPPED, "undone");
    world_do(world, world_request(VERB_RELEASE, "lab-1", NULL));
    world_do(world, step_rebase_all("v1", "v2"));
    world_assert_content(world, "lab-1", "vda", "two-vda");
}

static void a_head_that_was_never_written_is_not_put_on_the_list(void **state)
{
    World *world = *state;
    rebase(world, "lab-1", "v2");
    assert_int_equal(entries(world), 0);
    step_refused(world, world_request(VERB_UNDO, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "nothing to undo");
}

static void an_entry_goes_when_the_retention_is_over_and_not_before(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vda", "mine");
    rebase(world, "lab-1", "v2");
    clock_advance(world->clock, 7 * DAY_SECONDS - 1);
    reclaim(world);
    assert_int_equal(entries(world), 1);
    clock_advance(world->clock, 1);
    reclaim(world);
    assert_int_equal(entries(world), 0);
    step_refused(world, world_request(VERB_UNDO, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "nothing to undo");
}

static void below_the_free_space_floor_the_oldest_entries_go_first(void **state)
{
    World *world = *state;
    if (world->kind != WORLD_MEMORY)
        skip();
    move_twice(world);
    clock_advance(world->clock, 60);
    memory_storage_set_free(world->storage, FLOOR_BYTES - 1);
    reclaim(world);
    assert_int_equal(entries(world), 1);
    memory_storage_set_free(world->storage, 2 * FLOOR_BYTES);
    undo(world, "lab-1");
    world_assert_content(world, "lab-1", "vda", "on two");
}

static void the_forecast_counts_the_entries_that_will_have_to_make_room(void **state)
{
    World *world = *state;
    if (world->kind != WORLD_MEMORY)
        skip();
    world_write(world, "lab-1", "vda", "first");
    world_do(world, world_request(VERB_RESTORE, "lab-1", NULL));
    clock_advance(world->clock, 60);
    world_write(world, "lab-1", "vda", "second");
    g_autoptr(Request) request = world_request(VERB_RESTORE, "lab-1", NULL);
    g_autoptr(Plan) roomy = engine_plan(world->engine, request, NULL);
    assert_int_equal(roomy->warnings->len, 0);
    EngineStatus status = {0};
    assert_true(engine_status(world->engine, &status, NULL));
    guint64 held = status.held_bytes;
    engine_status_clear(&status);
    g_autoptr(Inventory) catalog = catalog_load(world->catalog, NULL);
    assert_int_equal(reclaim_forecast(world->engine, catalog, &status.store, 0), 0);
    status.store.free_bytes = FLOOR_BYTES + 1000;
    assert_int_equal(reclaim_forecast(world->engine, catalog, &status.store, 2000), 1);
    status.store.size_bytes = 10 * (held + 50) + 100;
    status.store.free_bytes = 10 * FLOOR_BYTES;
    assert_int_equal(reclaim_forecast(world->engine, catalog, &status.store, 0), 0);
    assert_int_equal(reclaim_forecast(world->engine, catalog, &status.store, 1000), 1);
}

static void beyond_the_budget_entries_go_before_their_time(void **state)
{
    World *world = *state;
    EngineConfig config;
    world_free(world);
    world_config_init(&config);
    config.undo_budget_percent = 0;
    world = *state = world_new_with(world_kind(), &config);
    world_base(world, "v1", "one");
    world_clone(world, "v1", "lab-1");
    world_write(world, "lab-1", "vda", "first");
    world_do(world, world_request(VERB_RESTORE, "lab-1", NULL));
    assert_int_equal(entries(world), 1);
    reclaim(world);
    assert_int_equal(entries(world), 0);
}

static void the_entry_of_a_pending_undo_is_not_reclaimed(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vda", "mine");
    rebase(world, "lab-1", "v2");
    world_start(world, "lab-1");
    step_run_to(world, world_request(VERB_UNDO, "lab-1", NULL), JOB_PENDING);
    clock_advance(world->clock, 30 * DAY_SECONDS);
    reclaim(world);
    world_stop(world, "lab-1");
    step_assert_all(world, "lab-1", "mine", "one-vdb", "one-vdc");
}

static void undo_brings_a_machine_back_onto_a_base_that_was_removed(void **state)
{
    World *world = *state;
    guint64 freed = 0;
    world_write(world, "lab-1", "vda", "mine");
    rebase(world, "lab-1", "v2");
    world_do(world, world_request(VERB_REMOVE, "v1", NULL));
    assert_true(engine_reclaim(world->engine, &freed, NULL));
    undo(world, "lab-1");
    step_assert_all(world, "lab-1", "mine", "one-vdb", "one-vdc");
    world_do(world, world_request(VERB_RESTORE, "lab-1", NULL));
    step_assert_all(world, "lab-1", "one-vda", "one-vdb", "one-vdc");
}

static void a_removed_base_goes_with_the_last_entry_that_needs_it(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vda", "mine");
    rebase(world, "lab-1", "v2");
    guint layers = step_count_found(world, FOUND_LAYER);
    world_do(world, world_request(VERB_REMOVE, "v1", NULL));
    reclaim(world);
    clock_advance(world->clock, 8 * DAY_SECONDS);
    reclaim(world);
    assert_int_equal(step_count_found(world, FOUND_LAYER),
                     layers - 2); /* data stays on its own layer */
    world_do(world, world_request(VERB_REMOVE, "lab-1", NULL));
    clock_advance(world->clock, 8 * DAY_SECONDS);
    reclaim(world);
    reclaim(world);
    assert_int_equal(step_count_found(world, FOUND_LAYER), layers - 3);
    assert_int_equal(step_count_found(world, FOUND_KEPT), 0);
}

/* A started clone whose guest has suspended to disk. */
static void hibernate(World *world, const char *name)
{
    world_do(world, world_request(VERB_START, name, NULL));
    world_write(world, name, "vda", "asleep");
    g_autoptr(Machine) machine = world_machine(world, name);
    memory_hypervisor_guest_suspends_to_disk(world->hypervisor, machine->uuid);
    world_settle_wanted(world);
}

static void undo_to_a_hibernated_system_needs_force(void **state)
{
    World *world = *state;
    step_connect_host(world);
    hibernate(world, "lab-1");
    rebase(world, "lab-1", "v2");
    step_refused(world, world_request(VERB_UNDO, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "hibernated");
    world_assert_content(world, "lab-1", "vda", "two-vda");
    Request *forced = world_request(VERB_UNDO, "lab-1", NULL);
    forced->force = TRUE;
    world_do(world, forced);
    world_assert_content(world, "lab-1", "vda", "asleep");
}

static gboolean is_marked(World *world, const char *name)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    return machine_actual(machine)->hibernated;
}

static void a_later_session_that_ends_clean_forgets_the_hibernation(void **state)
{
    World *world = *state;
    step_connect_host(world);
    hibernate(world, "lab-1");
    assert_true(is_marked(world, "lab-1"));
    world_do(world, world_request(VERB_START, "lab-1", NULL));
    assert_true(is_marked(world, "lab-1"));
    world_stop(world, "lab-1");
    assert_false(is_marked(world, "lab-1"));
    rebase(world, "lab-1", "v2");
    undo(world, "lab-1");
    world_assert_content(world, "lab-1", "vda", "asleep");
}

static void the_entry_of_a_move_at_a_clean_end_is_not_hibernated(void **state)
{
    World *world = *state;
    step_connect_host(world);
    hibernate(world, "lab-1");
    world_do(world, world_request(VERB_START, "lab-1", NULL));
    step_run_to(world, step_rebase("lab-1", "v2"), JOB_PENDING);
    world_stop(world, "lab-1");
    world_assert_content(world, "lab-1", "vda", "two-vda");
    undo(world, "lab-1");
    world_assert_content(world, "lab-1", "vda", "asleep");
}

static void a_session_that_was_cut_off_leaves_the_mark(void **state)
{
    World *world = *state;
    step_connect_host(world);
    hibernate(world, "lab-1");
    world_do(world, world_request(VERB_START, "lab-1", NULL));
    world_do(world, world_request(VERB_POWEROFF, "lab-1", NULL));
    world_settle_wanted(world);
    assert_true(is_marked(world, "lab-1"));
}

static void a_session_that_hibernates_again_leaves_the_mark(void **state)
{
    World *world = *state;
    step_connect_host(world);
    hibernate(world, "lab-1");
    hibernate(world, "lab-1");
    assert_true(is_marked(world, "lab-1"));
}

static void a_mark_of_which_nobody_saw_the_age_stays_one_session_longer(void **state)
{
    World *world = *state;
    if (world->kind != WORLD_DIRECTORY)
        skip();
    step_connect_host(world);
    hibernate(world, "lab-1");
    world_do(world, world_request(VERB_START, "lab-1", NULL));
    world_restart(world);
    step_connect_host(world);
    world_stop(world, "lab-1");
    assert_true(is_marked(world, "lab-1"));
    world_do(world, world_request(VERB_START, "lab-1", NULL));
    world_stop(world, "lab-1");
    assert_false(is_marked(world, "lab-1"));
}

static void undo_of_a_cleaned_machine_that_waits_leaves_no_entry_behind(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vda", "mine");
    rebase(world, "lab-1", "v2");
    world_start(world, "lab-1");
    world_write(world, "lab-1", "vdb", "scratch");
    world_stop(world, "lab-1");
    undo(world, "lab-1");
    assert_int_equal(entries(world), 0);
    step_assert_all(world, "lab-1", "mine", "one-vdb", "one-vdc");
}

static void undo_of_a_plain_machine_or_a_base_is_refused(void **state)
{
    World *world = *state;
    world_import(world, "plain", "vda=system");
    step_refused(world, world_request(VERB_UNDO, "plain", NULL), UNDERPIN_ERROR_REFUSED,
                 "not a clone");
    step_refused(world, world_request(VERB_UNDO, "v1", NULL), UNDERPIN_ERROR_REFUSED,
                 "not a clone");
}

static int set_up_with_floor(void **state)
{
    EngineConfig config;
    world_config_init(&config);
    config.free_floor_bytes = FLOOR_BYTES;
    World *world = *state = world_new_with(world_kind(), &config);
    world_base(world, "v1", "one");
    world_base(world, "v2", "two");
    world_clone(world, "v1", "lab-1");
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, step_set_up, step_tear_down)

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        TEST(undo_takes_the_newest_entry),
        TEST(undo_twice_is_redo),
        TEST(undo_of_all_clones_brings_each_its_own_system_back),
        TEST(an_undone_machine_is_left_out_of_the_next_rebase_and_says_why),
        TEST(a_head_that_was_never_written_is_not_put_on_the_list),
        TEST(an_entry_goes_when_the_retention_is_over_and_not_before),
        cmocka_unit_test_setup_teardown(below_the_free_space_floor_the_oldest_entries_go_first,
                                        set_up_with_floor, step_tear_down),
        cmocka_unit_test_setup_teardown(the_forecast_counts_the_entries_that_will_have_to_make_room,
                                        set_up_with_floor, step_tear_down),
        TEST(beyond_the_budget_entries_go_before_their_time),
        TEST(the_entry_of_a_pending_undo_is_not_reclaimed),
        TEST(undo_brings_a_machine_back_onto_a_base_that_was_removed),
        TEST(a_removed_base_goes_with_the_last_entry_that_needs_it),
        TEST(undo_to_a_hibernated_system_needs_force),
        TEST(a_later_session_that_ends_clean_forgets_the_hibernation),
        TEST(the_entry_of_a_move_at_a_clean_end_is_not_hibernated),
        TEST(a_session_that_was_cut_off_leaves_the_mark),
        TEST(a_session_that_hibernates_again_leaves_the_mark),
        TEST(a_mark_of_which_nobody_saw_the_age_stays_one_session_longer),
        TEST(undo_of_a_cleaned_machine_that_waits_leaves_no_entry_behind),
        TEST(undo_of_a_plain_machine_or_a_base_is_refused),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
