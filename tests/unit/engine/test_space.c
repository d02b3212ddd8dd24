/* What takes the store's room: by machine, as a whole, released when, and for how long it lasts. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "engine/space.h"
#include "steps.h"

#define HOUR 3600
#define DAY  (24 * HOUR)
#define GIB  (G_GUINT64_CONSTANT(1) << 30)

/* --- forecast --------------------------------------------------------------------------------- */

/* Hourly samples: from `start` bytes, with `lost_an_hour` less each time. */
static GArray *falling(guint hours, guint64 start, gint64 lost_an_hour)
{
    GArray *samples = g_array_new(FALSE, FALSE, sizeof(SpaceSample));
    for (guint i = 0; i <= hours; i++) {
        SpaceSample sample = {(gint64)i * HOUR, start - (guint64)(lost_an_hour * i)};
        g_array_append_val(samples, sample);
    }
    return samples;
}

static void a_forecast_needs_a_day_of_samples(void **state)
{
    (void)state;
    Forecast forecast;
    g_autoptr(GArray) none = falling(0, GIB, 0);
    g_autoptr(GArray) short_one = falling(23, GIB, 100);
    g_autoptr(GArray) enough = falling(24, GIB, 100);
    assert_false(forecast_make(none, 0, GIB, &forecast));
    assert_false(forecast_make(short_one, 23 * HOUR, GIB, &forecast));
    assert_true(forecast_make(enough, 24 * HOUR, GIB, &forecast));
    assert_int_equal(forecast.basis_days, 1);
    assert_int_equal(forecast.bytes_per_day, 2400);
}

static void a_forecast_says_when_the_room_is_used_up(void **state)
{
    (void)state;
    Forecast forecast;
    g_autoptr(GArray) samples = falling(10 * 24, 100 * GIB, (gint64)(GIB / 24));
    gint64 now = 10 * DAY;
    assert_true(forecast_make(samples, now, 30 * GIB, &forecast));
    assert_int_equal(forecast.basis_days, 10);
    assert_true(ABS(forecast.full_at - (now + 30 * DAY)) < HOUR);
}

static void one_big_change_does_not_sway_a_forecast(void **state)
{
    (void)state;
    Forecast forecast;
    g_autoptr(GArray) samples = falling(6 * 24, 100 * GIB, 1000);
    for (guint i = 100; i < samples->len; i++)
        g_array_index(samples, SpaceSample, i).free_bytes -= 20 * GIB;
    assert_true(forecast_make(samples, 6 * DAY, GIB, &forecast));
    assert_int_equal(forecast.bytes_per_day, 24000);
}

static void only_the_last_days_count_for_a_forecast(void **state)
{
    (void)state;
    Forecast forecast;
    g_autoptr(GArray) samples = falling(40 * 24, 100 * GIB, 5000);
    for (guint i = 0; i < 26 * 24; i++)
        g_array_index(samples, SpaceSample, i).free_bytes = i * 1000000;
    assert_true(forecast_make(samples, 40 * DAY, GIB, &forecast));
    assert_int_equal(forecast.basis_days, 14);
    assert_int_equal(forecast.bytes_per_day, 24 * 5000);
}

static void a_store_that_empties_is_never_full(void **state)
{
    (void)state;
    Forecast forecast;
    g_autoptr(GArray) emptying = falling(48, GIB, -1000);
    g_autoptr(GArray) slowly = falling(48, GIB, 1);
    assert_true(forecast_make(emptying, 2 * DAY, GIB, &forecast));
    assert_int_equal(forecast.bytes_per_day, -24000);
    assert_int_equal(forecast.full_at, 0);
    assert_true(forecast_make(slowly, 2 * DAY, 100 * GIB, &forecast));
    assert_int_equal(forecast.full_at, 0);
}

/* --- one machine ------------------------------------------------------------------------------ */

static guint64 space_of(const MachineSpace *space, const char *target)
{
    for (guint i = 0; i < space->volumes->len; i++) {
        const VolumeSpace *volume = g_ptr_array_index(space->volumes, i);
        if (g_str_equal(volume->target, target))
            return volume->allocated_bytes;
    }
    fail_msg("no volume %s", target);
    return 0;
}

static void measure(World *world, const char *name, MachineSpace *space)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Machine) machine = world_machine(world, name);
    machine_space_clear(space);
    if (!engine_machine_space(world->engine, machine, space, &error))
        fail_msg("%s", error->message);
}

static void a_clone_takes_what_its_own_files_take(void **state)
{
    World *world = *state;
    g_auto(MachineSpace) space = {0};
    measure(world, "lab-1", &space);
    guint64 fresh = space_of(&space, "vda");
    assert_int_equal(space.volumes->len, 3);
    assert_int_equal(space.undo_bytes, 0);
    world_write(world, "lab-1", "vda", "mine");
    measure(world, "lab-1", &space);
    assert_true(space_of(&space, "vda") > fresh);
    assert_int_equal(space.total_bytes,
                     space_of(&space, "vda") + space_of(&space, "vdb") + space_of(&space, "vdc"));
}

static void what_undo_holds_counts_for_its_machine(void **state)
{
    World *world = *state;
    g_auto(MachineSpace) space = {0};
    world_write(world, "lab-1", "vda", "mine");
    world_do(world, world_request(VERB_RESTORE, "lab-1", NULL));
    measure(world, "lab-1", &space);
    assert_true(space.undo_bytes > 0);
    assert_int_equal(space.total_bytes, space.undo_bytes + space_of(&space, "vda") +
                                            space_of(&space, "vdb") + space_of(&space, "vdc"));
}

static void a_base_takes_what_its_layers_take(void **state)
{
    World *world = *state;
    g_auto(MachineSpace) space = {0};
    measure(world, "v1", &space);
    assert_true(space_of(&space, "vda") > 0);
    assert_true(space_of(&space, "vdc") > 0);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void look(World *world, SpaceReport *report)
{
    g_autoptr(GError) error = NULL;
    space_report_clear(report);
    if (!engine_space_report(world->engine, report, &error))
        fail_msg("%s", error->message);
}

static Request *removal(const char *name, gboolean keep_data)
{
    Request *request = world_request(VERB_REMOVE, name, NULL);
    request->keep_data = keep_data;
    return request;
}

static void a_report_tells_trash_from_what_is_kept_for_good(void **state)
{
    World *world = *state;
    g_auto(SpaceReport) report = {0};
    world_clone(world, "v1", "lab-2");
    world_write(world, "lab-1", "vdc", "mine");
    world_write(world, "lab-2", "vdc", "mine");
    world_do(world, removal("lab-1", FALSE));
    world_do(world, removal("lab-2", TRUE));
    look(world, &report);
    assert_int_equal(report.trash_count, 1);
    assert_int_equal(report.kept_count, 1);
    assert_true(report.trash_bytes > 0 && report.trash_bytes < WORLD_CAPACITY_BYTES);
    assert_true(report.kept_bytes > 0 && report.kept_bytes < WORLD_CAPACITY_BYTES);
    assert_int_equal(report.releases->len, 1);
    const Release *release = &g_array_index(report.releases, Release, 0);
    assert_int_equal(release->kind, RELEASE_TRASH);
    assert_int_equal(release->bytes, report.trash_bytes);
    assert_int_equal(release->at, clock_now(world->clock) + 7 * DAY);
}

static void replace_system(World *world, const char *name)
{
    world_write(world, name, "vda", "mine");
    world_do(world, world_request(VERB_RESTORE, name, NULL));
}

static void a_report_says_what_undo_releases_on_which_day(void **state)
{
    World *world = *state;
    g_auto(SpaceReport) report = {0};
    world_clone(world, "v1", "lab-2");
    replace_system(world, "lab-1");
    clock_advance(world->clock, HOUR);
    replace_system(world, "lab-2");
    clock_advance(world->clock, 2 * DAY - 2 * HOUR);
    replace_system(world, "lab-1");
    look(world, &report);
    assert_int_equal(report.undo_entries, 3);
    assert_int_equal(report.undo_retention_seconds, 7 * DAY);
    assert_int_equal(report.undo_budget_percent, 10);
    assert_int_equal(report.undo_budget_bytes, report.store.size_bytes / 100 * 10);
    assert_int_equal(report.releases->len, 2);
    const Release *first = &g_array_index(report.releases, Release, 0);
    const Release *second = &g_array_index(report.releases, Release, 1);
    assert_int_equal(first->kind, RELEASE_UNDO);
    assert_int_equal(first->at, clock_now(world->clock) + 5 * DAY + 2 * HOUR);
    assert_int_equal(second->at, clock_now(world->clock) + 7 * DAY);
    assert_int_equal(first->bytes + second->bytes, report.undo_bytes);
    assert_true(first->bytes > second->bytes);
}

static void a_report_counts_layers_and_what_nobody_needs(void **state)
{
    World *world = *state;
    g_auto(SpaceReport) report = {0};
    look(world, &report);
    guint64 before = report.layers_bytes;
    assert_true(before > 0);
    world_do(world, world_request(VERB_REMOVE, "v2", NULL));
    look(world, &report);
    assert_true(report.layers_bytes < before);
    assert_int_equal(report.layers_bytes + report.reclaimable_bytes, before);
}

/* --- samples ---------------------------------------------------------------------------------- */

static void sample(World *world)
{
    g_autoptr(GError) error = NULL;
    if (!engine_sample_space(world->engine, &error))
        fail_msg("%s", error->message);
}

static guint count_samples(World *world)
{
    g_autoptr(GArray) samples = catalog_list_samples(world->catalog, 0, NULL);
    return samples->len;
}

static void the_free_space_is_noted_once_an_hour(void **state)
{
    World *world = *state;
    sample(world);
    sample(world);
    assert_int_equal(count_samples(world), 1);
    clock_advance(world->clock, HOUR - 1);
    sample(world);
    assert_int_equal(count_samples(world), 1);
    clock_advance(world->clock, 1);
    sample(world);
    assert_int_equal(count_samples(world), 2);
}

static void samples_end_after_ninety_days(void **state)
{
    World *world = *state;
    g_auto(SpaceReport) report = {0};
    sample(world);
    clock_advance(world->clock, 90 * DAY);
    sample(world);
    assert_int_equal(count_samples(world), 2);
    clock_advance(world->clock, HOUR);
    sample(world);
    assert_int_equal(count_samples(world), 2);
    look(world, &report);
    assert_int_equal(report.samples->len, 2);
}

static void a_clock_that_was_ahead_does_not_stop_the_samples(void **state)
{
    World *world = *state;
    clock_advance(world->clock, 3 * DAY);
    sample(world);
    clock_advance(world->clock, -3 * DAY);
    sample(world);
    g_autoptr(GArray) samples = catalog_list_samples(world->catalog, 0, NULL);
    assert_int_equal(samples->len, 1);
    assert_int_equal(g_array_index(samples, SpaceSample, 0).at, clock_now(world->clock));
}

static void a_report_forecasts_as_soon_as_there_is_history(void **state)
{
    World *world = *state;
    g_auto(SpaceReport) report = {0};
    for (guint hour = 0; hour < 24; hour++) {
        sample(world);
        clock_advance(world->clock, HOUR);
    }
    look(world, &report);
    assert_false(report.has_forecast);
    sample(world);
    look(world, &report);
    assert_true(report.has_forecast);
    assert_int_equal(report.forecast.basis_days, 1);
    assert_int_equal(report.samples->len, 25);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, step_set_up, step_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forecast_needs_a_day_of_samples),
        cmocka_unit_test(a_forecast_says_when_the_room_is_used_up),
        cmocka_unit_test(one_big_change_does_not_sway_a_forecast),
        cmocka_unit_test(only_the_last_days_count_for_a_forecast),
        cmocka_unit_test(a_store_that_empties_is_never_full),
        CASE(a_clone_takes_what_its_own_files_take),
        CASE(what_undo_holds_counts_for_its_machine),
        CASE(a_base_takes_what_its_layers_take),
        CASE(a_report_tells_trash_from_what_is_kept_for_good),
        CASE(a_report_says_what_undo_releases_on_which_day),
        CASE(a_report_counts_layers_and_what_nobody_needs),
        CASE(the_free_space_is_noted_once_an_hour),
        CASE(samples_end_after_ninety_days),
        CASE(a_clock_that_was_ahead_does_not_stop_the_samples),
        CASE(a_report_forecasts_as_soon_as_there_is_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
