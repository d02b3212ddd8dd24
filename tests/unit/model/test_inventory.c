/* Machines, generations and the inventory that holds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "foundation/error.h"
#include "model/inventory.h"

static Machine *sample(const char *id, const char *name)
{
    g_autofree char *uuid = g_strdup_printf("uuid-%s", id);
    return machine_new(id, name, uuid, 1000);
}

static Machine *clone_of(const char *id, const char *name, const char *base_id)
{
    Machine *machine = sample(id, name);
    machine_take_generation(machine, generation_new(1, CAUSE_CLONE, base_id, 1000));
    machine->actual = machine->desired = 1;
    machine->actual_place = machine->desired_place = PLACE_NOW;
    return machine;
}

/* --- machines --------------------------------------------------------------------------------- */

static void a_copy_can_be_changed_without_touching_the_original(void **state)
{
    (void)state;
    g_autoptr(Machine) machine = clone_of("a", "lab-1", "base");
    g_ptr_array_add(machine->volumes, volume_new("vda", ROLE_SYSTEM, "qcow2", FALSE));
    g_autoptr(Machine) copy = machine_copy(machine);
    assert_ptr_equal(machine_actual(copy), machine_actual(machine)); /* generations are shared */
    assert_ptr_not_equal(machine_volume(copy, "vda"), machine_volume(machine, "vda"));
    machine_drop_generation(copy, 1);
    g_ptr_array_set_size(copy->volumes, 0);
    g_free(copy->name);
    copy->name = g_strdup("other");
    assert_string_equal(machine->name, "lab-1");
    assert_non_null(machine_actual(machine));
    assert_non_null(machine_volume(machine, "vda"));
}

static void generations_stand_in_the_order_of_their_numbers(void **state)
{
    (void)state;
    g_autoptr(Machine) machine = sample("a", "lab-1");
    const guint64 numbers[] = {3, 1, 5, 2, 4};
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
        machine_take_generation(machine, generation_new(numbers[i], CAUSE_CLONE, NULL, 0));
    for (guint i = 0; i < 5; i++)
        assert_int_equal(((const Generation *)g_ptr_array_index(machine->generations, i))->number,
                         i + 1);
}

static void a_dropped_generation_never_gives_its_number_to_another(void **state)
{
    (void)state;
    g_autoptr(Machine) machine = clone_of("a", "lab-1", "base");
    assert_int_equal(machine_next_number(machine), 2);
    machine_take_generation(machine, generation_new(2, CAUSE_REBASE, "base", 0));
    machine_drop_generation(machine, 2);
    assert_int_equal(machine_next_number(machine), 3);
    g_autoptr(Machine) copy = machine_copy(machine);
    assert_int_equal(machine_next_number(copy), 3);
}

static void entries_are_what_is_neither_actual_nor_desired(void **state)
{
    (void)state;
    g_autoptr(Machine) machine = clone_of("a", "lab-1", "base");
    assert_null(machine_newest_entry(machine));
    for (guint64 number = 2; number <= 5; number++)
        machine_take_generation(machine, generation_new(number, CAUSE_REBASE, "base", 0));
    machine->actual = 4;
    machine->desired = 5;
    assert_int_equal(machine_newest_entry(machine)->number, 3);
    assert_true(machine_is_pending(machine));
    machine->actual = 5;
    assert_int_equal(machine_newest_entry(machine)->number, 4);
    assert_false(machine_is_pending(machine));
}

static void a_machine_is_a_clone_by_the_base_of_what_it_runs(void **state)
{
    (void)state;
    g_autoptr(Machine) plain = sample("a", "plain");
    g_autoptr(Machine) clone = clone_of("b", "clone", "base");
    assert_false(machine_is_clone(plain));
    assert_true(machine_is_clone(clone));
    assert_string_equal(machine_base_id(clone), "base");
    machine_take_generation(clone, generation_new(2, CAUSE_REBASE, "new-base", 0));
    clone->desired = 2;
    assert_string_equal(machine_base_id(clone), "base"); /* until it has moved */
    clone->actual_place = PLACE_SEALED;
    assert_true(machine_is_base(clone));
    assert_false(machine_is_clone(clone));
}

static void a_pending_place_is_pending_too(void **state)
{
    (void)state;
    g_autoptr(Machine) machine = clone_of("a", "lab-1", "base");
    assert_false(machine_is_pending(machine));
    machine->desired_place = PLACE_SEALED;
    assert_true(machine_is_pending(machine));
}

static void names_are_judged_by_syntax(void **state)
{
    (void)state;
    g_autofree char *longest = g_strnfill(128, 'x');
    g_autofree char *too_long = g_strnfill(129, 'x');
    const char *const good[] = {"a", "lab-1", "demo_v2", "a.b+c@d:e", "0", longest};
    const char *const bad[] = {"",    "-a",   ".",        "..",  ".hidden", "a b",
                               "a/b", "a\nb", "\xc3\xa4", "a'b", too_long};
    for (guint i = 0; i < G_N_ELEMENTS(good); i++)
        assert_true(machine_name_is_valid(good[i], NULL));
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        assert_false(machine_name_is_valid(bad[i], &error));
        assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
        assert_true(g_utf8_validate(error->message, -1, NULL));
        assert_null(strchr(error->message, '\n'));
        assert_non_null(error_hint(error));
    }
    assert_false(machine_name_is_valid(NULL, NULL));
}

static void numbers_in_names_are_compared_by_value(void **state)
{
    (void)state;
    const char *const ordered[] = {"a",
                                   "a1",
                                   "a2",
                                   "a10",
                                   "a10b",
                                   "a11",
                                   "b",
                                   "lab-01",
                                   "lab-1",
                                   "lab-2",
                                   "lab-10",
                                   "lab-99999999999999999999",
                                   "lab-100000000000000000000",
                                   "lab-a"};
    for (guint i = 0; i < G_N_ELEMENTS(ordered); i++)
        for (guint j = 0; j < G_N_ELEMENTS(ordered); j++) {
            int order = machine_name_compare(ordered[i], ordered[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

static void layer_ids_can_be_taken_apart(void **state)
{
    (void)state;
    g_autofree char *id = layer_id_build("0123456789abcdef", "vda");
    g_autofree char *set_id = NULL, *target = NULL;
    assert_true(layer_id_split(id, &set_id, &target));
    assert_string_equal(set_id, "0123456789abcdef");
    assert_string_equal(target, "vda");
    const char *const bad[] = {"", "-", "a", "a-", "-a", "a-b-c"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(layer_id_split(bad[i], &set_id, &target));
    assert_false(layer_id_split(NULL, &set_id, &target));
}

static void a_head_changes_its_layer_also_to_the_one_it_has(void **state)
{
    (void)state;
    g_autoptr(Head) head = head_new("vda", ROLE_SYSTEM, "qcow2", 512, HEAD_FRESH);
    head_set_layer(head, "set-vda", "raw");
    head_set_layer(head, head->layer_id, head->layer_format);
    assert_string_equal(head->layer_id, "set-vda");
    assert_string_equal(head->layer_format, "raw");
    head_set_layer(head, NULL, NULL);
    assert_null(head->layer_id);
}

static void a_failed_item_carries_the_whole_error(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Request) request = request_new(VERB_RESTORE);
    g_autoptr(Job) job = job_new("j", request, "root", 5);
    g_ptr_array_add(job->items, job_item_new("a", "lab-1"));
    error_set(&error, UNDERPIN_ERROR_BUSY, "wait", "'lab-1' is busy");
    job_item_set_error(job_item(job, "a"), error);
    g_autoptr(Job) copy = job_copy(job);
    const JobItem *item = job_item(copy, "a");
    assert_int_equal(item->state, ITEM_FAILED);
    assert_int_equal(item->error_code, UNDERPIN_ERROR_BUSY);
    assert_string_equal(item->message, "'lab-1' is busy");
    assert_string_equal(item->hint, "wait");
    assert_null(job_item(job, "b"));
}

/* --- inventory -------------------------------------------------------------------------------- */

static void put(Inventory *inventory, const Machine *machine)
{
    g_autoptr(Changes) changes = changes_new();
    changes_put_machine(changes, machine);
    inventory_apply(inventory, changes, inventory->generation + 1);
}

static void machines_are_found_by_name_uuid_and_id(void **state)
{
    (void)state;
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Machine) machine = sample("a", "lab-1");
    put(inventory, machine);
    assert_ptr_equal(inventory_find(inventory, "lab-1"), machine);
    assert_ptr_equal(inventory_find(inventory, "uuid-a"), machine);
    assert_ptr_equal(inventory_find(inventory, "a"), machine);
    assert_null(inventory_find(inventory, "lab-2"));
}

static void a_renamed_machine_is_found_by_its_new_name_alone(void **state)
{
    (void)state;
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Machine) machine = sample("a", "old");
    g_autoptr(Machine) renamed = sample("a", "new");
    put(inventory, machine);
    put(inventory, renamed);
    assert_null(inventory_find(inventory, "old"));
    assert_ptr_equal(inventory_find(inventory, "new"), renamed);
    assert_int_equal(g_hash_table_size(inventory->machines), 1);
}

static void putting_the_same_object_again_keeps_it(void **state)
{
    (void)state;
    g_autoptr(Inventory) inventory = inventory_new();
    {
        g_autoptr(Machine) machine = sample("a", "lab-1");
        put(inventory, machine);
    }
    put(inventory, inventory_find(inventory, "a"));
    assert_string_equal(inventory_find(inventory, "lab-1")->id, "a");
}

static void names_can_be_swapped_and_handed_on_in_one_change(void **state)
{
    (void)state;
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Machine) a = sample("a", "one");
    g_autoptr(Machine) b = sample("b", "two");
    put(inventory, a);
    put(inventory, b);
    g_autoptr(Machine) swapped_a = sample("a", "two");
    g_autoptr(Machine) swapped_b = sample("b", "one");
    g_autoptr(Changes) swap = changes_new();
    changes_put_machine(swap, swapped_a);
    changes_put_machine(swap, swapped_b);
    inventory_apply(inventory, swap, 10);
    assert_string_equal(inventory_find(inventory, "two")->id, "a");
    assert_string_equal(inventory_find(inventory, "one")->id, "b");
    g_autoptr(Machine) heir = sample("c", "one");
    g_autoptr(Changes) handover = changes_new();
    changes_put_machine(handover, heir);
    changes_remove_machine(handover, "b");
    inventory_apply(inventory, handover, 11);
    assert_string_equal(inventory_find(inventory, "one")->id, "c");
    assert_null(inventory_find(inventory, "uuid-b"));
    assert_int_equal(inventory->generation, 11);
}

static void clones_are_those_on_a_base_now_or_soon(void **state)
{
    (void)state;
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Machine) first = clone_of("a", "lab-10", "old");
    g_autoptr(Machine) second = clone_of("b", "lab-9", "old");
    g_autoptr(Machine) third = clone_of("c", "lab-8", "other");
    machine_take_generation(second, generation_new(2, CAUSE_REBASE, "new", 0));
    second->desired = 2;
    put(inventory, first);
    put(inventory, second);
    put(inventory, third);
    g_autoptr(GPtrArray) old_clones = inventory_clones(inventory, "old");
    g_autoptr(GPtrArray) new_clones = inventory_clones(inventory, "new");
    assert_int_equal(old_clones->len, 2);
    assert_ptr_equal(g_ptr_array_index(old_clones, 0), second); /* 9 before 10 */
    assert_int_equal(new_clones->len, 1);
    assert_ptr_equal(g_ptr_array_index(new_clones, 0), second);
    g_autoptr(GPtrArray) all = inventory_machines_sorted(inventory);
    assert_ptr_equal(g_ptr_array_index(all, 0), third);
    assert_ptr_equal(g_ptr_array_index(all, 2), first);
}

static void a_copy_shares_objects_and_goes_its_own_way(void **state)
{
    (void)state;
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Machine) ten = sample("a", "lab-10");
    g_autoptr(Machine) two = sample("b", "lab-2");
    put(inventory, ten);
    put(inventory, two);
    g_autoptr(Inventory) copy = inventory_copy(inventory);
    g_autoptr(Machine) three = sample("c", "lab-3");
    put(copy, three);
    g_autoptr(GPtrArray) sorted = inventory_machines_sorted(copy);
    assert_int_equal(copy->generation, inventory->generation + 1);
    assert_int_equal(sorted->len, 3);
    assert_ptr_equal(sorted->pdata[0], two);
    assert_ptr_equal(sorted->pdata[1], three);
    assert_ptr_equal(sorted->pdata[2], ten);
    assert_ptr_equal(inventory_find(copy, "uuid-a"), ten);
    assert_null(inventory_find(inventory, "lab-3"));
}

static void only_changes_without_anything_are_empty(void **state)
{
    (void)state;
    g_autoptr(Changes) changes = changes_new();
    assert_true(changes_is_empty(changes));
    changes_remove_reclaim(changes, "r");
    assert_false(changes_is_empty(changes));
    g_autoptr(Changes) marriage = changes_new();
    marriage->store_uuid = g_strdup("uuid");
    assert_false(changes_is_empty(marriage));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_can_be_changed_without_touching_the_original),
        cmocka_unit_test(generations_stand_in_the_order_of_their_numbers),
        cmocka_unit_test(a_dropped_generation_never_gives_its_number_to_another),
        cmocka_unit_test(entries_are_what_is_neither_actual_nor_desired),
        cmocka_unit_test(a_machine_is_a_clone_by_the_base_of_what_it_runs),
        cmocka_unit_test(a_pending_place_is_pending_too),
        cmocka_unit_test(names_are_judged_by_syntax),
        cmocka_unit_test(numbers_in_names_are_compared_by_value),
        cmocka_unit_test(layer_ids_can_be_taken_apart),
        cmocka_unit_test(a_head_changes_its_layer_also_to_the_one_it_has),
        cmocka_unit_test(a_failed_item_carries_the_whole_error),
        cmocka_unit_test(machines_are_found_by_name_uuid_and_id),
        cmocka_unit_test(a_renamed_machine_is_found_by_its_new_name_alone),
        cmocka_unit_test(putting_the_same_object_again_keeps_it),
        cmocka_unit_test(names_can_be_swapped_and_handed_on_in_one_change),
        cmocka_unit_test(clones_are_those_on_a_base_now_or_soon),
        cmocka_unit_test(a_copy_shares_objects_and_goes_its_own_way),
        cmocka_unit_test(only_changes_without_anything_are_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
