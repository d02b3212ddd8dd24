/* Who needs a layer: roots and what lies below them, on inventories put together by hand. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "engine/engine_private.h"

/* --- inventories
 * ---------------------------------------------------------------------------------------------------
 */

static void put_layer(Inventory *inventory, const char *set, const char *parent,
                      const char *machine)
{
    g_autoptr(Changes) changes = changes_new();
    g_autoptr(Layer) layer = layer_new(set, "vda", ROLE_SYSTEM, "qcow2", 1024);
    layer->parent_id = g_strdup(parent);
    layer->machine_id = g_strdup(machine);
    layer->machine_name = g_strdup(machine);
    changes_put_layer(changes, layer);
    inventory_apply(inventory, changes, inventory->generation);
}

static Generation *generation_on(guint64 number, const char *base, const char *layer, Role role)
{
    Generation *generation = generation_new(number, CAUSE_CLONE, base, 0);
    Head *head = head_new("vda", role, "qcow2", 1024, HEAD_FRESH);
    head_set_layer(head, layer, layer ? "qcow2" : NULL);
    g_ptr_array_add(generation->heads, head);
    return generation;
}

static Machine *machine_on(const char *id, const char *base, const char *layer, Role role)
{
    Machine *machine = machine_new(id, id, id, 0);
    g_ptr_array_add(machine->volumes, volume_new("vda", role, "qcow2", FALSE));
    machine_take_generation(machine, generation_on(1, base, layer, role));
    machine->actual = machine->desired = 1;
    machine->actual_place = machine->desired_place = PLACE_NOW;
    return machine;
}

static void put_machine(Inventory *inventory, Machine *machine)
{
    g_autoptr(Machine) owned = machine;
    g_autoptr(Changes) changes = changes_new();
    changes_put_machine(changes, owned);
    inventory_apply(inventory, changes, inventory->generation);
}

static Machine *base_of(const char *id, const char *set, const char *base, const char *layer,
                        gboolean retired)
{
    Machine *machine = machine_on(id, base, layer, ROLE_SYSTEM);
    machine->actual_place = machine->desired_place = PLACE_SEALED;
    machine->set_id = g_strdup(set);
    machine->retired = retired;
    return machine;
}

static void assert_used(const Inventory *inventory, const char *layer, gboolean expected)
{
    g_autoptr(GHashTable) used = references_collect(inventory);
    assert_int_equal(g_hash_table_contains(used, layer), expected);
}

/* Base "b" with layer "s-vda" on "r-vda" of the retired base "a". */
static Inventory *two_levels(void)
{
    Inventory *inventory = inventory_new();
    put_machine(inventory, base_of("a", "r", NULL, NULL, TRUE));
    put_machine(inventory, base_of("b", "s", "a", "r-vda", FALSE));
    put_layer(inventory, "r", NULL, "a");
    put_layer(inventory, "s", "r-vda", "b");
    return inventory;
}

/* --- who needs what
 * ------------------------------------------------------------------------------------------------
 */

static void a_layer_of_a_living_base_is_needed_and_with_it_all_below(void **state)
{
    g_autoptr(Inventory) inventory = two_levels();
    (void)state;
    assert_used(inventory, "s-vda", TRUE);
    assert_used(inventory, "r-vda", TRUE);
    assert_int_equal(references_chain_length(inventory, "s-vda"), 2);
}

static void a_retired_base_needs_nothing_of_its_own(void **state)
{
    g_autoptr(Inventory) inventory = inventory_new();
    (void)state;
    put_machine(inventory, base_of("a", "r", NULL, NULL, TRUE));
    put_layer(inventory, "r", NULL, "a");
    assert_used(inventory, "r-vda", FALSE);
    put_machine(inventory, machine_on("m", "a", "r-vda", ROLE_SYSTEM));
    assert_used(inventory, "r-vda", TRUE);
}

static void an_undo_entry_needs_system_and_temporary_but_not_data(void **state)
{
    static const struct {
        Role role;
        gboolean needed;
    } CASES[] = {{ROLE_SYSTEM, TRUE}, {ROLE_TEMPORARY, TRUE}, {ROLE_DATA, FALSE}};
    (void)state;
    for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
        g_autoptr(Inventory) inventory = inventory_new();
        Machine *machine = machine_on("m", NULL, "r-vda", CASES[i].role);
        machine_take_generation(machine, generation_on(2, NULL, NULL, CASES[i].role));
        machine->actual = machine->desired = 2;
        put_machine(inventory, base_of("a", "r", NULL, NULL, TRUE));
        put_layer(inventory, "r", NULL, "a");
        put_machine(inventory, machine);
        assert_used(inventory, "r-vda", CASES[i].needed);
    }
}

static void what_a_restore_would_stand_on_is_needed(void **state)
{
    g_autoptr(Inventory) inventory = inventory_new();
    (void)state;
    put_machine(inventory, base_of("a", "r", NULL, NULL, TRUE));
    put_layer(inventory, "r", NULL, "a");
    put_machine(inventory, machine_on("m", "a", NULL,
                                      ROLE_SYSTEM)); /* its head stands alone: it was flattened */
    assert_used(inventory, "r-vda", TRUE);
}

static void a_pending_generation_and_kept_data_are_roots(void **state)
{
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Changes) changes = changes_new();
    g_autoptr(KeptVolume) kept = kept_volume_new("k", "trash/k/data/vda.qcow2", "vda", "qcow2");
    Machine *machine = machine_on("m", NULL, NULL, ROLE_SYSTEM);
    (void)state;
    machine_take_generation(machine, generation_on(2, NULL, "r-vda", ROLE_SYSTEM));
    machine->desired = 2;
    put_machine(inventory, base_of("a", "r", NULL, NULL, TRUE));
    put_machine(inventory, base_of("b", "s", NULL, NULL, TRUE));
    put_layer(inventory, "r", NULL, "a");
    put_layer(inventory, "s", NULL, "b");
    assert_used(inventory, "r-vda", FALSE);
    put_machine(inventory, machine);
    assert_used(inventory, "r-vda", TRUE);
    kept->layer_id = g_strdup("s-vda");
    kept->machine_name = g_strdup("gone");
    changes_put_kept(changes, kept);
    inventory_apply(inventory, changes, 1);
    assert_used(inventory, "s-vda", TRUE);
}

static void a_session_keeps_what_lay_below_before_it_was_flattened(void **state)
{
    (void)state;
    for (gint64 began = 99; began <= 101; began++) {
        g_autoptr(Inventory) inventory = two_levels();
        g_autoptr(Changes) changes = changes_new();
        g_autoptr(Layer) flat = layer_copy(g_hash_table_lookup(inventory->layers, "s-vda"));
        Machine *machine = machine_on("m", "b", "s-vda", ROLE_SYSTEM);
        flat->former_parent_id = g_steal_pointer(&flat->parent_id);
        flat->flattened_at = 100;
        machine->session = 1;
        machine->session_started_at = began;
        changes_put_layer(changes, flat);
        inventory_apply(inventory, changes, 1);
        assert_used(inventory, "r-vda", FALSE);
        put_machine(inventory, machine);
        assert_used(inventory, "r-vda", began <= 100);
    }
}

/* --- what nothing needs
 * -------------------------------------------------------------------------------------------- */

static void what_nothing_needs_is_listed_and_its_base_goes_with_it(void **state)
{
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Changes) changes = changes_new();
    (void)state;
    put_machine(inventory, base_of("a", "r", NULL, NULL, TRUE));
    put_layer(inventory, "r", NULL, "a");
    references_list_unused(inventory, changes, 5);
    assert_int_equal(changes->reclaim->len, 1);
    const ReclaimItem *item = g_ptr_array_index(changes->reclaim, 0);
    assert_string_equal(item->path, "layers/r/sealed/vda.qcow2");
    assert_string_equal(g_ptr_array_index(changes->layers_removed, 0), "r-vda");
    assert_string_equal(g_ptr_array_index(changes->machines_removed, 0), "a");
}

static void a_base_forgets_the_layers_and_the_base_that_went(void **state)
{
    g_autoptr(Inventory) inventory = two_levels();
    g_autoptr(Changes) flattened = changes_new();
    g_autoptr(Changes) changes = changes_new();
    g_autoptr(Layer) flat = layer_copy(g_hash_table_lookup(inventory->layers, "s-vda"));
    (void)state;
    g_clear_pointer(&flat->parent_id, g_free);
    changes_put_layer(flattened, flat);
    inventory_apply(inventory, flattened, 1);
    references_list_unused(inventory, changes, 5);
    inventory_apply(inventory, changes, 2);
    const Machine *base = g_hash_table_lookup(inventory->machines, "b");
    assert_null(g_hash_table_lookup(inventory->machines, "a"));
    assert_null(g_hash_table_lookup(inventory->layers, "r-vda"));
    assert_null(machine_actual(base)->base_id);
    assert_null(generation_head(machine_actual(base), "vda")->layer_id);
}

static void a_chain_that_bites_its_tail_ends_nothing(void **state)
{
    g_autoptr(Inventory) inventory = inventory_new();
    (void)state;
    put_machine(inventory, base_of("a", "r", NULL, NULL, FALSE));
    put_layer(inventory, "r", "s-vda", "a");
    put_layer(inventory, "s", "r-vda", "a");
    assert_used(inventory, "s-vda", TRUE);
    assert_true(references_chain_length(inventory, "r-vda") <= 3);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(a_layer_of_a_living_base_is_needed_and_with_it_all_below),
        cmocka_unit_test(a_retired_base_needs_nothing_of_its_own),
        cmocka_unit_test(an_undo_entry_needs_system_and_temporary_but_not_data),
        cmocka_unit_test(what_a_restore_would_stand_on_is_needed),
        cmocka_unit_test(a_pending_generation_and_kept_data_are_roots),
        cmocka_unit_test(a_session_keeps_what_lay_below_before_it_was_flattened),
        cmocka_unit_test(what_nothing_needs_is_listed_and_its_base_goes_with_it),
        cmocka_unit_test(a_base_forgets_the_layers_and_the_base_that_went),
        cmocka_unit_test(a_chain_that_bites_its_tail_ends_nothing),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
