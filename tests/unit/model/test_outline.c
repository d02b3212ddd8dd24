/* The storage outline: comparison and table, also against a plain definition on random outlines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "foundation/error.h"
#include "model/outline.h"

typedef struct {
    const char *target;
    Role role;
} Slot;

static Machine *machine_of(const char *name, const Slot *slots, guint count)
{
    Machine *machine = machine_new(name, name, name, 0);
    for (guint i = 0; i < count; i++)
        g_ptr_array_add(machine->volumes,
                        volume_new(slots[i].target, slots[i].role, "qcow2", FALSE));
    return machine;
}

static const Slot usual[] = {{"vda", ROLE_SYSTEM}, {"vdb", ROLE_TEMPORARY}, {"vdc", ROLE_DATA}};

static void equal_outlines_are_equal_whatever_formats_and_own_volumes(void **state)
{
    (void)state;
    g_autoptr(Machine) left = machine_of("demo-v1", usual, 3);
    g_autoptr(Machine) right = machine_new("2", "demo-v2", "u", 0);
    for (guint i = 0; i < 3; i++)
        g_ptr_array_add(right->volumes, volume_new(usual[i].target, usual[i].role, "raw", FALSE));
    g_ptr_array_insert(right->volumes, 1, volume_new("vdz", ROLE_DATA, "raw", TRUE));
    assert_true(outline_check_equal(left, right, NULL));
    g_autofree char *text = outline_to_text(right);
    assert_string_equal(text, "vda system, vdb temporary, vdc data");
}

static void a_difference_is_refused_with_both_outlines_side_by_side(void **state)
{
    (void)state;
    const Slot other[] = {{"vda", ROLE_SYSTEM}, {"vdc", ROLE_TEMPORARY}, {"vdd", ROLE_DATA}};
    g_autoptr(GError) error = NULL;
    g_autoptr(Machine) left = machine_of("demo-v1", usual, 3);
    g_autoptr(Machine) right = machine_of("demo-v2", other, 3);
    assert_false(outline_check_equal(left, right, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_REFUSED);
    assert_non_null(strstr(error->message, "'demo-v1'"));
    assert_non_null(strstr(error->message, "'demo-v2'"));
    g_autofree char *table = outline_table(left, right, NULL);
    assert_non_null(strstr(error_hint(error), table));
    assert_string_equal(table, "  demo-v1          demo-v2\n"
                               "  vda  system      vda  system\n"
                               "* vdb  temporary   -\n"
                               "* vdc  data        vdc  temporary\n"
                               "* -                vdd  data\n");
}

static void one_missing_disk_marks_one_row(void **state)
{
    (void)state;
    g_autoptr(Machine) left = machine_of("old", usual, 3);
    g_autoptr(Machine) right = machine_of("new", usual + 1, 2);
    g_autofree char *table = outline_table(left, right, NULL);
    assert_string_equal(table, "  old              new\n"
                               "* vda  system      -\n"
                               "  vdb  temporary   vdb  temporary\n"
                               "  vdc  data        vdc  data\n");
}

static void a_machine_without_volumes_has_an_empty_outline(void **state)
{
    (void)state;
    gboolean equal = FALSE;
    g_autoptr(Machine) left = machine_of("old", usual, 0);
    g_autoptr(Machine) right = machine_of("new", usual, 0);
    g_autofree char *table = outline_table(left, right, &equal);
    g_autofree char *text = outline_to_text(left);
    assert_string_equal(table, "  old           new\n");
    assert_true(equal);
    assert_string_equal(text, "");
}

static guint random_slots(GRand *rand, Slot *slots)
{
    static const char *const targets[] = {"vda", "vdb", "vdc", "sda"};
    guint count = (guint)g_rand_int_range(rand, 0, 5), start = (guint)g_rand_int_range(rand, 0, 2);
    for (guint i = 0; i < count; i++)
        slots[i] = (Slot){targets[(start + i) % 4], (Role)g_rand_int_range(rand, 0, ROLE_COUNT)};
    return count;
}

/* The definition: same length, same target and role at each place. */
static gboolean plainly_equal(const Slot *left, guint left_count, const Slot *right,
                              guint right_count)
{
    if (left_count != right_count)
        return FALSE;
    for (guint i = 0; i < left_count; i++)
        if (left[i].role != right[i].role || !g_str_equal(left[i].target, right[i].target))
            return FALSE;
    return TRUE;
}

static void the_comparison_agrees_with_its_definition_on_random_outlines(void **state)
{
    (void)state;
    const char *given = g_getenv("UNDERPIN_SEED");
    guint32 seed = given != NULL ? (guint32)strtoul(given, NULL, 10) : g_random_int();
    printf("seed %u\n", seed);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    guint equals = 0;
    for (guint round = 0; round < 20000; round++) {
        Slot left_slots[8], right_slots[8];
        guint left_count = random_slots(rand, left_slots),
              right_count = random_slots(rand, right_slots);
        g_autoptr(Machine) left = machine_of("left", left_slots, left_count);
        g_autoptr(Machine) right = machine_of("right", right_slots, right_count);
        gboolean equal, mirrored;
        g_autofree char *table = outline_table(left, right, &equal);
        g_autofree char *mirror = outline_table(right, left, &mirrored);
        gboolean wanted = plainly_equal(left_slots, left_count, right_slots, right_count);
        assert_int_equal(equal, wanted);
        assert_int_equal(mirrored, wanted);
        assert_int_equal(strchr(table, '*') == NULL, wanted);
        assert_int_equal(strchr(mirror, '*') == NULL, wanted);
        assert_int_equal(outline_check_equal(left, right, NULL), wanted);
        equals += wanted ? 1 : 0;
    }
    assert_true(equals > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_outlines_are_equal_whatever_formats_and_own_volumes),
        cmocka_unit_test(a_difference_is_refused_with_both_outlines_side_by_side),
        cmocka_unit_test(one_missing_disk_marks_one_row),
        cmocka_unit_test(a_machine_without_volumes_has_an_empty_outline),
        cmocka_unit_test(the_comparison_agrees_with_its_definition_on_random_outlines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
