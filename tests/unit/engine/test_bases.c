/* Bases and volumes: roles and outlines through every operation, extra volumes, capacities, levels
 * of bases, removal. */
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

#define MIB ((guint64)1024 * 1024)

static void assert_outline(World *world, const char *name, const char *expected)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        g_string_append_printf(text, "%s%s=%s", i ? "," : "", volume->target,
                               role_name(volume->role));
    }
    assert_string_equal(text->str, expected);
}

static guint64 capacity_of(World *world, const char *name, const char *target)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    return generation_head(machine_actual(machine), target)->capacity_bytes;
}

static void resize(World *world, const char *name, const char *target, guint64 bytes)
{
    Request *request = world_request(VERB_VOLUME_RESIZE, name, NULL);
    request->volume = g_strdup(target);
    request->capacity_bytes = bytes;
    world_do(world, request);
}

static gboolean plan_warns(World *world, Request *request, const char *text)
{
    g_autoptr(Request) owned = request;
    g_autoptr(Plan) plan = engine_plan(world->engine, owned, NULL);
    assert_non_null(plan);
    for (guint i = 0; i < plan->items->len; i++) {
        const PlanItem *item = g_ptr_array_index(plan->items, i);
        for (guint j = 0; j < item->warnings->len; j++)
            if (strstr(g_ptr_array_index(item->warnings, j), text))
                return TRUE;
    }
    return FALSE;
}

/* --- outlines
 * ----------------------------------------------------------------------------------------------------
 */

static void roles_order_and_targets_stay_through_every_operation(void **state)
{
    static const char OUTLINE[] = "vda=system,vdb=temporary,vdd=temporary,vdc=data";
    World *world = *state;
    world_import(world, "w1", OUTLINE);
    world_write(world, "w1", "vdd", "w1-vdd");
    world_do(world, world_request(VERB_PREPARE, "w1", NULL));
    world_clone(world, "w1", "pc");
    assert_outline(world, "pc", OUTLINE);
    step_next_base(world, "w1", "w2", "second");
    assert_outline(world, "w2", OUTLINE);
    step_write_all(world, "pc", "mine");
    world_write(world, "pc", "vdd", "mine");
    world_do(world, world_request(VERB_RESTORE, "pc", NULL));
    world_assert_content(world, "pc", "vdd", "w1-vdd");
    world_write(world, "pc", "vda", "again");
    world_do(world, step_rebase("pc", "w2"));
    assert_outline(world, "pc", OUTLINE);
    step_assert_all(world, "pc", "second", "second", "mine");
    world_do(world, world_request(VERB_UNDO, "pc", NULL));
    assert_outline(world, "pc", OUTLINE);
    step_assert_all(world, "pc", "again", "", "mine");
    world_assert_content(world, "pc", "vdd", "w1-vdd");
}

static void outlines_that_differ_are_refused_up_front_with_both_shown(void **state)
{
    static const char *const ODD[] = {"vda=system,vdb=temporary", "vda=system,vdb=data,vdc=data",
                                      "vdb=temporary,vda=system,vdc=data",
                                      "vda=system,vdb=temporary,vdd=data"};
    World *world = *state;
    world_clone(world, "v1", "lab-2");
    for (gsize i = 0; i < G_N_ELEMENTS(ODD); i++) {
        g_autofree char *name = g_strdup_printf("odd-%zu", i);
        world_import(world, name, ODD[i]);
        world_do(world, world_request(VERB_PREPARE, name, NULL));
        g_autoptr(Job) job = world_run(world, step_rebase_all("v1", name));
        assert_int_equal(job->error_code, UNDERPIN_ERROR_REFUSED);
        assert_int_equal(job->items->len, 0);
        assert_non_null(strstr(job->hint, "v1"));
        assert_non_null(strstr(job->hint, name));
        assert_non_null(strstr(job->hint, "*"));
        world_assert_content(world, "lab-1", "vda", "one-vda");
    }
}

static void a_disk_that_the_owner_added_blocks_nothing_and_is_kept(void **state)
{
    World *world = *state;
    world_do(world, step_add_volume("lab-1", "vdd", ROLE_DATA));
    world_do(world, step_add_volume("lab-1", "vde", ROLE_TEMPORARY));
    world_write(world, "lab-1", "vdd", "own data");
    world_write(world, "lab-1", "vde", "own scratch");
    world_do(world, step_rebase("lab-1", "v2"));
    world_assert_content(world, "lab-1", "vda", "two-vda");
    world_assert_content(world, "lab-1", "vdd", "own data");
    world_assert_content(world, "lab-1", "vde", "");
    world_write(world, "lab-1", "vde", "own scratch");
    world_start(world, "lab-1");
    world_stop(world, "lab-1");
    world_assert_content(world, "lab-1", "vdd", "own data");
    world_assert_content(world, "lab-1", "vde", "");
}

static void an_extra_volume_becomes_part_of_the_outline_of_the_base_made_of_it(void **state)
{
    World *world = *state;
    world_do(world, step_add_volume("lab-1", "vdd", ROLE_DATA));
    world_do(world, world_request(VERB_PREPARE, "lab-1", NULL));
    world_clone(world, "v1", "lab-2");
    step_refused(world, step_rebase("lab-2", "lab-1"), UNDERPIN_ERROR_REFUSED, "outlines");
    world_do(world, world_request(VERB_UNPREPARE, "lab-1", NULL));
    g_autoptr(Machine) again = world_machine(world, "lab-1");
    assert_true(machine_volume(again, "vdd")->own);
    assert_false(machine_volume(again, "vdc")->own);
    world_do(world, step_rebase("lab-1", "v2"));
    world_assert_content(world, "lab-1", "vda", "two-vda");
}

static void a_disk_that_was_detached_by_virsh_still_moves_and_doctor_says_so(void **state)
{
    World *world = *state;
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    g_autoptr(DomainFacts) facts = hypervisor_inspect(world->hypervisor, machine->uuid, NULL);
    g_autoptr(GRegex) disk = g_regex_new("<disk(?:(?!</disk>).)*dev=.vdc.(?:(?!</disk>).)*</disk>",
                                         G_REGEX_DOTALL, 0, NULL);
    g_autofree char *xml = g_regex_replace_literal(disk, facts->xml, -1, 0, "", 0, NULL);
    assert_true(strlen(xml) < strlen(facts->xml));
    assert_true(hypervisor_define(world->hypervisor, xml, NULL));
    assert_true(step_finds(world, "volume-detached", "lab-1"));
    world_write(world, "lab-1", "vdc", "mine");
    world_do(world, step_rebase("lab-1", "v2"));
    step_assert_all(world, "lab-1", "two-vda", "two-vdb", "mine");
    assert_true(hypervisor_define(world->hypervisor, facts->xml, NULL));
}

/* --- capacities
 * ----------------------------------------------------------------------------------------------------
 */

static void the_new_bases_capacity_counts_for_the_system_and_the_clones_for_data(void **state)
{
    World *world = *state;
    world_import(world, "big", "vda=system,vdb=temporary,vdc=data");
    resize(world, "big", "vda", 8 * MIB);
    resize(world, "big", "vdb", 6 * MIB);
    resize(world, "big", "vdc", 16 * MIB);
    world_do(world, world_request(VERB_PREPARE, "big", NULL));
    world_write(world, "lab-1", "vda", "before");
    assert_true(
        plan_warns(world, step_rebase("lab-1", "big"), "data volume 'vdc' keeps its capacity"));
    assert_true(plan_warns(world, step_rebase("lab-1", "big"), "system volume 'vda' changes"));
    world_do(world, step_rebase("lab-1", "big"));
    assert_int_equal(capacity_of(world, "lab-1", "vda"), 8 * MIB);
    assert_int_equal(capacity_of(world, "lab-1", "vdb"), 6 * MIB);
    assert_int_equal(capacity_of(world, "lab-1", "vdc"), WORLD_CAPACITY_BYTES);
    Request *back = world_request(VERB_UNDO, "lab-1", NULL);
    world_do(world, back);
    assert_int_equal(capacity_of(world, "lab-1", "vda"), WORLD_CAPACITY_BYTES);
    assert_int_equal(capacity_of(world, "lab-1", "vdb"), WORLD_CAPACITY_BYTES);
    world_assert_content(world, "lab-1", "vda", "before");
}

static void a_volume_grows_and_never_shrinks(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vdc", "mine");
    resize(world, "lab-1", "vdc", 8 * MIB);
    assert_int_equal(capacity_of(world, "lab-1", "vdc"), 8 * MIB);
    world_assert_content(world, "lab-1", "vdc", "mine");
    Request *smaller = world_request(VERB_VOLUME_RESIZE, "lab-1", NULL);
    smaller->volume = g_strdup("vdc");
    smaller->capacity_bytes = MIB;
    step_refused(world, smaller, UNDERPIN_ERROR_REFUSED, "only grow");
    world_do(world, step_rebase("lab-1", "v2"));
    assert_int_equal(capacity_of(world, "lab-1", "vdc"), 8 * MIB);
    world_assert_content(world, "lab-1", "vdc", "mine");
}

static void a_system_volume_that_grows_is_no_undo_entry(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vda", "mine");
    resize(world, "lab-1", "vda", 8 * MIB);
    world_assert_content(world, "lab-1", "vda", "mine");
    step_refused(world, world_request(VERB_UNDO, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "nothing to undo");
}

static Request *set_role(const char *name, const char *target, Role role)
{
    Request *request = world_request(VERB_VOLUME_SET_ROLE, name, NULL);
    request->volume = g_strdup(target);
    request->role = (int)role;
    return request;
}

static void a_role_changes_while_the_machine_is_neither_base_nor_clone(void **state)
{
    World *world = *state;
    world_import(world, "plain", "vda=system,vdb=data");
    world_write(world, "plain", "vdb", "content");
    world_do(world, set_role("plain", "vdb", ROLE_TEMPORARY));
    assert_outline(world, "plain", "vda=system,vdb=temporary");
    world_assert_content(world, "plain", "vdb", "content");
    step_refused(world, set_role("lab-1", "vdb", ROLE_DATA), UNDERPIN_ERROR_REFUSED,
                 "its roles are its base's");
    step_refused(world, set_role("v1", "vdb", ROLE_DATA), UNDERPIN_ERROR_REFUSED, "is a base");
    step_refused(world, set_role("plain", "vdz", ROLE_DATA), UNDERPIN_ERROR_NOT_FOUND, "vdz");
}

/* --- levels
 * ----------------------------------------------------------------------------------------------------------
 */

static void three_levels_of_bases_work_and_go_from_the_leaves_up(void **state)
{
    World *world = *state;
    guint64 freed = 0;
    guint layers = step_count_found(world, FOUND_LAYER);
    step_next_base(world, "v1", "middle", "middle");
    step_next_base(world, "middle", "top", "top");
    world_clone(world, "top", "leaf");
    step_assert_all(world, "leaf", "top", "top", "one-vdc");
    step_refused(world, world_request(VERB_REMOVE, "top", NULL), UNDERPIN_ERROR_REFUSED, "'leaf'");
    step_refused(world, world_request(VERB_UNPREPARE, "middle", NULL), UNDERPIN_ERROR_REFUSED,
                 "still needed");
    world_write(world, "leaf", "vdc", "mine");
    world_do(world, world_request(VERB_RESTORE, "leaf", NULL));
    step_assert_all(world, "leaf", "top", "top", "mine");
    Request *leaf = world_request(VERB_REMOVE, "leaf", NULL);
    leaf->now = TRUE;
    world_do(world, leaf);
    world_do(world, world_request(VERB_REMOVE, "top", NULL));
    world_do(world, world_request(VERB_REMOVE, "middle", NULL));
    assert_true(engine_reclaim(world->engine, &freed, NULL));
    assert_int_equal(step_count_found(world, FOUND_LAYER), layers);
}

static void the_base_of_a_base_can_be_removed_and_its_layers_stay(void **state)
{
    World *world = *state;
    guint64 freed = 0;
    step_next_base(world, "v1", "next", "next");
    world_write(world, "lab-1", "vdc", "mine");
    world_do(world, step_rebase_all("v1", "next"));
    world_do(world, world_request(VERB_REMOVE, "v1", NULL));
    assert_false(world_has(world, "v1"));
    assert_true(engine_reclaim(world->engine, &freed, NULL));
    step_assert_all(world, "lab-1", "next", "next", "mine");
    world_clone(world, "next", "lab-2");
    step_assert_all(world, "lab-2", "next", "next", "one-vdc");
}

static void unprepare_asks_that_nothing_depends_on_it(void **state)
{
    World *world = *state;
    step_refused(world, world_request(VERB_UNPREPARE, "v1", NULL), UNDERPIN_ERROR_REFUSED,
                 "'lab-1'");
    world_write(world, "lab-1", "vda", "mine");
    world_do(world, step_rebase("lab-1", "v2"));
    step_refused(world, world_request(VERB_UNPREPARE, "v1", NULL), UNDERPIN_ERROR_REFUSED, "undo");
    step_refused(world, world_request(VERB_UNPREPARE, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "not a base");
    Request *removal = world_request(VERB_REMOVE, "lab-1", NULL);
    world_do(world, removal);
    step_refused(world, world_request(VERB_UNPREPARE, "v1", NULL), UNDERPIN_ERROR_REFUSED,
                 "kept data");
    clock_advance(world->clock, 8 * 86400);
    guint64 freed = 0;
    assert_true(engine_reclaim(world->engine, &freed, NULL));
    world_do(world, world_request(VERB_UNPREPARE, "v1", NULL));
    step_assert_all(world, "v1", "one-vda", "one-vdb", "one-vdc");
    world_start(world, "v1");
    world_stop(world, "v1");
}

static void prepare_twice_is_one_base(void **state)
{
    World *world = *state;
    guint layers = step_count_found(world, FOUND_LAYER);
    g_autoptr(Job) job = world_run(world, world_request(VERB_PREPARE, "v1", NULL));
    step_assert_item(job, "v1", ITEM_SKIPPED, "is a base already");
    assert_int_equal(job->state, JOB_DONE);
    assert_int_equal(step_count_found(world, FOUND_LAYER), layers);
}

static void prepare_of_a_running_machine_is_refused_or_shuts_it_down(void **state)
{
    World *world = *state;
    step_connect_host(world);
    world_do(world, world_request(VERB_START, "lab-1", NULL));
    step_refused(world, world_request(VERB_PREPARE, "lab-1", NULL), UNDERPIN_ERROR_BUSY,
                 "shut it down first");
    Request *request = world_request(VERB_PREPARE, "lab-1", NULL);
    request->shutdown_first = TRUE;
    request->grace_seconds = 5;
    world_do(world, request);
    g_autoptr(Machine) base = world_machine(world, "lab-1");
    assert_true(machine_is_base(base));
}

static void a_clone_that_was_rebased_can_be_prepared_and_undone_after_unprepare(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vda", "mine");
    world_do(world, step_rebase("lab-1", "v2"));
    world_do(world, world_request(VERB_PREPARE, "lab-1", NULL));
    world_clone(world, "lab-1", "lab-2");
    step_assert_all(world, "lab-2", "two-vda", "two-vdb", "one-vdc");
    Request *removal = world_request(VERB_REMOVE, "lab-2", NULL);
    removal->now = TRUE;
    world_do(world, removal);
    world_do(world, world_request(VERB_UNPREPARE, "lab-1", NULL));
    world_do(world, world_request(VERB_UNDO, "lab-1", NULL));
    step_assert_all(world, "lab-1", "mine", "one-vdb", "one-vdc");
}

static void detach_keeps_the_content_and_lets_the_base_go(void **state)
{
    World *world = *state;
    guint64 freed = 0;
    step_write_all(world, "lab-1", "mine");
    world_do(world, step_add_volume("lab-1", "vdd", ROLE_DATA));
    world_do(world, world_request(VERB_DETACH, "lab-1", NULL));
    step_assert_all(world, "lab-1", "mine", "mine", "mine");
    step_refused(world, world_request(VERB_RESTORE, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "not a clone");
    world_do(world, world_request(VERB_REMOVE, "v1", NULL));
    assert_true(engine_reclaim(world->engine, &freed, NULL));
    step_assert_all(world, "lab-1", "mine", "mine", "mine");
    world_do(world, world_request(VERB_PREPARE, "lab-1", NULL));
    world_clone(world, "lab-1", "lab-2");
    step_assert_all(world, "lab-2", "mine", "mine", "mine");
}

static void kept_data_is_attached_elsewhere_and_only_once(void **state)
{
    World *world = *state;
    world_clone(world, "v2", "lab-2");
    world_write(world, "lab-1", "vdc", "precious");
    Request *removal = world_request(VERB_REMOVE, "lab-1", NULL);
    removal->keep_data = TRUE;
    world_do(world, removal);
    clock_advance(world->clock, 400 * 86400);
    guint64 freed = 0;
    assert_true(engine_reclaim(world->engine, &freed, NULL));
    g_autoptr(Inventory) catalog = catalog_load(world->catalog, NULL);
    g_autoptr(GList) kept = g_hash_table_get_keys(catalog->kept);
    assert_int_equal(g_list_length(kept), 1);
    Request *attach = world_request(VERB_VOLUME_ATTACH, "lab-2", NULL);
    attach->volume = g_strdup(kept->data);
    world_do(world, attach);
    world_assert_content(world, "lab-2", "vdd", "precious");
    Request *again = world_request(VERB_VOLUME_ATTACH, "lab-2", NULL);
    again->volume = g_strdup(kept->data);
    step_refused(world, again, UNDERPIN_ERROR_NOT_FOUND, "no kept volume");
    assert_true(engine_reclaim(world->engine, &freed, NULL));
    world_do(world, world_request(VERB_RESTORE, "lab-2", NULL));
    world_assert_content(world, "lab-2", "vdd", "precious");
}

static void kept_data_that_another_job_is_attaching_is_refused(void **state)
{
    World *world = *state;
    world_clone(world, "v2", "lab-2");
    world_do(world, world_request(VERB_REMOVE, "lab-1", NULL));
    g_autoptr(Inventory) catalog = catalog_load(world->catalog, NULL);
    g_autoptr(GList) kept = g_hash_table_get_keys(catalog->kept);
    g_autofree char *key = g_strdup_printf("kept:%s", (char *)kept->data);
    assert_true(engine_occupy(world->engine, key, "job 9 (volume-attach)", NULL));
    Request *attach = world_request(VERB_VOLUME_ATTACH, "lab-2", NULL);
    attach->volume = g_strdup(kept->data);
    step_refused(world, attach, UNDERPIN_ERROR_BUSY, "job 9");
    engine_vacate(world->engine, key);
}

static void clones_get_a_pattern_and_a_taken_name_makes_none(void **state)
{
    World *world = *state;
    Request *request = world_request(VERB_CLONE, "v1", NULL);
    request->count = 3;
    request->name_pattern = g_strdup("pool-{n}-a");
    world_do(world, request);
    assert_true(world_has(world, "pool-1-a") && world_has(world, "pool-3-a"));
    step_refused(world, world_request(VERB_CLONE, "v1", "fresh", "pool-2-a", NULL),
                 UNDERPIN_ERROR_EXISTS, "pool-2-a");
    assert_false(world_has(world, "fresh"));
    memory_hypervisor_add(world->hypervisor,
                          "<domain type='qemu'><name>alien</name>"
                          "<uuid>aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee</uuid><memory>1</memory>"
                          "<os><type>hvm</type></os></domain>");
    step_refused(world, world_request(VERB_CLONE, "v1", "fresh", "alien", NULL),
                 UNDERPIN_ERROR_EXISTS, "alien");
    step_refused(world, world_request(VERB_CLONE, "v1", "same", "same", NULL),
                 UNDERPIN_ERROR_INVALID, "same");
    step_refused(world, world_request(VERB_CLONE, "lab-1", "fresh", NULL), UNDERPIN_ERROR_REFUSED,
                 "not a base");
    assert_false(world_has(world, "fresh"));
}

static void each_fresh_system_is_a_new_instance_and_undo_brings_the_old_one_back(void **state)
{
    World *world = *state;
    guint64 instances[4];
    static const char *const ONTO[] = {NULL, "v2", "v1"};
    for (gsize i = 0; i < G_N_ELEMENTS(instances); i++) {
        if (i == 3)
            world_do(world, world_request(VERB_UNDO, "lab-1", NULL));
        else if (ONTO[i])
            world_do(world, step_rebase("lab-1", ONTO[i]));
        g_autoptr(Machine) machine = world_machine(world, "lab-1");
        instances[i] = machine_actual(machine)->instance;
        world_write(world, "lab-1", "vda", "used");
        world_start(world, "lab-1");
        world_write(world, "lab-1", "vdb", "scratch");
        world_stop(world, "lab-1");
        g_autoptr(Machine) cleaned = world_machine(world, "lab-1");
        assert_int_equal(machine_actual(cleaned)->instance, instances[i]);
    }
    assert_true(instances[0] != instances[1] && instances[1] != instances[2]);
    assert_int_equal(instances[3], instances[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, step_set_up, step_tear_down)

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        TEST(roles_order_and_targets_stay_through_every_operation),
        TEST(outlines_that_differ_are_refused_up_front_with_both_shown),
        TEST(a_disk_that_the_owner_added_blocks_nothing_and_is_kept),
        TEST(an_extra_volume_becomes_part_of_the_outline_of_the_base_made_of_it),
        TEST(a_disk_that_was_detached_by_virsh_still_moves_and_doctor_says_so),
        TEST(the_new_bases_capacity_counts_for_the_system_and_the_clones_for_data),
        TEST(a_volume_grows_and_never_shrinks),
        TEST(a_system_volume_that_grows_is_no_undo_entry),
        TEST(a_role_changes_while_the_machine_is_neither_base_nor_clone),
        TEST(three_levels_of_bases_work_and_go_from_the_leaves_up),
        TEST(the_base_of_a_base_can_be_removed_and_its_layers_stay),
        TEST(unprepare_asks_that_nothing_depends_on_it),
        TEST(prepare_twice_is_one_base),
        TEST(prepare_of_a_running_machine_is_refused_or_shuts_it_down),
        TEST(a_clone_that_was_rebased_can_be_prepared_and_undone_after_unprepare),
        TEST(detach_keeps_the_content_and_lets_the_base_go),
        TEST(kept_data_is_attached_elsewhere_and_only_once),
        TEST(kept_data_that_another_job_is_attaching_is_refused),
        TEST(clones_get_a_pattern_and_a_taken_name_makes_none),
        TEST(each_fresh_system_is_a_new_instance_and_undo_brings_the_old_one_back),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
