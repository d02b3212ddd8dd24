/* Room now: data of removed machines purged, and what undo holds forgotten. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "engine/engine_private.h"
#include "steps.h"

static void remove_machine(World *world, const char *name, gboolean keep_data)
{
    Request *request = world_request(VERB_REMOVE, name, NULL);
    request->keep_data = keep_data;
    world_do(world, request);
}

static Request *purge_trash(void)
{
    Request *request = request_new(VERB_PURGE);
    request->trash = TRUE;
    return request;
}

static void find_one(const Inventory *inventory, gpointer user_data)
{
    GHashTableIter iter;
    gpointer id;
    g_hash_table_iter_init(&iter, inventory->kept);
    if (g_hash_table_iter_next(&iter, &id, NULL))
        *(char **)user_data = g_strdup(id);
}

static Request *purge_volume(World *world)
{
    Request *request = request_new(VERB_PURGE);
    engine_read(world->engine, find_one, &request->volume);
    return request;
}

static void assert_plan_frees(World *world, Request *request, const char *summary)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Request) asked = request;
    g_autoptr(Plan) plan = engine_plan(world->engine, asked, &error);
    if (!plan)
        fail_msg("%s", error->message);
    g_autofree char *text = plan_summary(plan);
    assert_string_equal(text, summary);
    assert_true(((PlanItem *)g_ptr_array_index(plan->items, 0))->freed_bytes > 0);
}

/* --- purge
 * ---------------------------------------------------------------------------------------------- */

static void the_data_of_a_removed_machine_goes_at_once(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vdc", "mine");
    remove_machine(world, "lab-1", FALSE);
    assert_int_equal(step_count_found(world, FOUND_KEPT), 1);
    assert_plan_frees(world, world_request(VERB_PURGE, "lab-1", NULL), "data DELETED");
    assert_int_equal(step_count_found(world, FOUND_KEPT), 1);
    g_autoptr(Job) job = world_run(world, world_request(VERB_PURGE, "lab-1", NULL));
    step_assert_item(job, "lab-1", ITEM_DONE, NULL);
    assert_int_equal(job->state, JOB_DONE);
    assert_non_null(strstr(job->message, "freed"));
    assert_int_equal(step_count_found(world, FOUND_KEPT), 0);
    step_refused(world, world_request(VERB_PURGE, "lab-1", NULL), UNDERPIN_ERROR_NOT_FOUND,
                 "no data of a removed machine 'lab-1'");
}

static void a_name_that_was_removed_twice_is_purged_twice(void **state)
{
    World *world = *state;
    remove_machine(world, "lab-1", FALSE);
    world_clone(world, "v1", "lab-1");
    remove_machine(world, "lab-1", FALSE);
    world_clone(world, "v1", "lab-1");
    world_write(world, "lab-1", "vdc", "alive");
    g_autoptr(Job) job = world_run(world, world_request(VERB_PURGE, "lab-1", NULL));
    assert_int_equal(job->state, JOB_DONE);
    assert_int_equal(job->items->len, 2);
    assert_int_equal(step_count_found(world, FOUND_KEPT), 0);
    world_assert_content(world, "lab-1", "vdc", "alive");
}

static void the_whole_trash_goes_and_what_is_kept_for_good_stays(void **state)
{
    World *world = *state;
    world_clone(world, "v1", "lab-2");
    world_clone(world, "v1", "lab-3");
    remove_machine(world, "lab-1", FALSE);
    remove_machine(world, "lab-2", FALSE);
    remove_machine(world, "lab-3", TRUE);
    world_do(world, purge_trash());
    assert_int_equal(step_count_found(world, FOUND_KEPT), 1);
    step_refused(world, world_request(VERB_PURGE, "lab-3", NULL), UNDERPIN_ERROR_REFUSED,
                 "kept for good");
    world_do(world, purge_volume(world));
    assert_int_equal(step_count_found(world, FOUND_KEPT), 0);
    g_autoptr(Job) nothing = world_run(world, purge_trash());
    assert_int_equal(nothing->state, JOB_DONE);
    assert_int_equal(nothing->items->len, 0);
}

static void a_layer_goes_with_the_last_data_on_it(void **state)
{
    World *world = *state;
    remove_machine(world, "lab-1", FALSE);
    world_do(world, world_request(VERB_REMOVE, "v1", NULL));
    guint layers = step_count_found(world, FOUND_LAYER);
    world_do(world, purge_trash());
    assert_true(step_count_found(world, FOUND_LAYER) < layers);
}

static void a_machine_is_no_trash(void **state)
{
    World *world = *state;
    step_refused(world, world_request(VERB_PURGE, "lab-1", NULL), UNDERPIN_ERROR_NOT_FOUND,
                 "underpin forget");
    Request *unknown = request_new(VERB_PURGE);
    unknown->volume = g_strdup("0123456789abcdef");
    step_refused(world, unknown, UNDERPIN_ERROR_NOT_FOUND, "0123456789abcdef");
}

static void what_is_being_attached_is_not_purged(void **state)
{
    World *world = *state;
    world_clone(world, "v1", "lab-2");
    remove_machine(world, "lab-1", FALSE);
    g_autoptr(Request) one = purge_volume(world);
    g_autofree char *key = g_strdup_printf("kept:%s", one->volume);
    assert_true(engine_occupy(world->engine, key, "job 1 (volume-attach)", NULL));
    step_refused(world, request_copy(one), UNDERPIN_ERROR_BUSY, "volume-attach");
    engine_vacate(world->engine, key);
    Request *attach = world_request(VERB_VOLUME_ATTACH, "lab-2", NULL);
    attach->volume = g_strdup(one->volume);
    world_do(world, attach);
    step_refused(world, request_copy(one), UNDERPIN_ERROR_NOT_FOUND, "no kept volume");
}

/* --- forget
 * --------------------------------------------------------------------------------------------- */

static void rebase(World *world, const char *onto)
{
    Request *request = step_rebase("lab-1", onto);
    request->even_held = TRUE;
    world_do(world, request);
}

static guint entries(World *world)
{
    EngineStatus status = {0};
    assert_true(engine_status(world->engine, &status, NULL));
    guint count = status.entries;
    engine_status_clear(&status);
    return count;
}

static void what_undo_holds_goes_at_once_and_the_machine_stays(void **state)
{
    World *world = *state;
    step_write_all(world, "lab-1", "mine");
    rebase(world, "v2");
    world_write(world, "lab-1", "vda", "newer");
    assert_plan_frees(world, world_request(VERB_FORGET, "lab-1", NULL),
                      "system KEPT, temporary KEPT, data KEPT, undo DELETED");
    assert_int_equal(entries(world), 1);
    world_do(world, world_request(VERB_FORGET, "lab-1", NULL));
    assert_int_equal(entries(world), 0);
    step_assert_all(world, "lab-1", "newer", "two-vdb", "mine");
    step_refused(world, world_request(VERB_UNDO, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "nothing to undo");
    g_autoptr(Job) again = world_run(world, world_request(VERB_FORGET, "lab-1", NULL));
    step_assert_item(again, "lab-1", ITEM_SKIPPED, "holds nothing");
}

static void a_machine_that_runs_can_be_left_without_undo(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vda", "mine");
    rebase(world, "v2");
    world_start(world, "lab-1");
    world_do(world, world_request(VERB_FORGET, "lab-1", NULL));
    assert_int_equal(entries(world), 0);
    world_stop(world, "lab-1");
    world_assert_content(world, "lab-1", "vda", "two-vda");
}

static void what_an_undo_is_about_to_bring_back_stays(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vda", "first");
    rebase(world, "v2");
    world_write(world, "lab-1", "vda", "second");
    rebase(world, "v1");
    world_start(world, "lab-1");
    step_run_to(world, world_request(VERB_UNDO, "lab-1", NULL), JOB_PENDING);
    world_do(world, world_request(VERB_FORGET, "lab-1", NULL));
    world_stop(world, "lab-1");
    world_assert_content(world, "lab-1", "vda", "second");
}

static void all_clones_of_a_base_can_be_left_without_undo(void **state)
{
    World *world = *state;
    world_clone(world, "v1", "lab-2");
    world_write(world, "lab-1", "vda", "mine");
    world_write(world, "lab-2", "vda", "mine");
    world_do(world, step_rebase_all("v1", "v2"));
    Request *request = request_new(VERB_FORGET);
    request->all_of = g_strdup("v2");
    world_do(world, request);
    assert_int_equal(entries(world), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, step_set_up, step_tear_down)

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        TEST(the_data_of_a_removed_machine_goes_at_once),
        TEST(a_name_that_was_removed_twice_is_purged_twice),
        TEST(the_whole_trash_goes_and_what_is_kept_for_good_stays),
        TEST(a_layer_goes_with_the_last_data_on_it),
        TEST(a_machine_is_no_trash),
        TEST(what_is_being_attached_is_not_purged),
        TEST(what_undo_holds_goes_at_once_and_the_machine_stays),
        TEST(a_machine_that_runs_can_be_left_without_undo),
        TEST(what_an_undo_is_about_to_bring_back_stays),
        TEST(all_clones_of_a_base_can_be_left_without_undo),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
