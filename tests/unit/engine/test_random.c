/*
 * Thousands of random operations against a model of what each guest must see (DESIGN.md, section 2
 * as data).
 *
 * After each step: the run did what the plan said, each volume of each machine holds what the model
 * says, receipts prove that data was kept, and now and then doctor compares catalog, store and
 * host. UNDERPIN_TEST_SEED=N repeats a run, UNDERPIN_TEST_STEPS=N makes it longer.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "model.h"

static World *new_world(Model *model, GRand *random)
{
    World *world = world_new(world_kind());
    step_connect_host(world);
    model_init(model, world, random);
    return world;
}

static guint number_from(const char *variable, guint otherwise)
{
    const char *text = g_getenv(variable);
    return text ? (guint)g_ascii_strtoull(text, NULL, 10) : otherwise;
}

static void run_steps(guint seed, guint steps)
{
    Model model = {0};
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    g_autoptr(World) world = new_world(&model, random);
    for (guint i = 0; i < steps; i++) {
        model_step(&model);
        model_check(&model);
        if (i % 20 == 0)
            world_check_invariants(world);
    }
    model_stop_all(&model);
    world_check_invariants(world);
    model_report(&model);
    model_clear(&model);
}

static void random_operations_do_what_the_model_says(void **state)
{
    (void)state;
    guint seed = number_from("UNDERPIN_TEST_SEED", g_random_int());
    guint steps = number_from("UNDERPIN_TEST_STEPS", world_kind() == WORLD_MEMORY ? 3000 : 120);
    print_message("UNDERPIN_TEST_SEED=%u UNDERPIN_TEST_STEPS=%u\n", seed, steps);
    run_steps(seed, steps);
}

static void seeds_that_once_found_something_find_nothing(void **state)
{
    static const guint SEEDS[] = {1, 2, 3, 4, 5};
    (void)state;
    for (gsize i = 0; i < G_N_ELEMENTS(SEEDS); i++)
        run_steps(SEEDS[i], world_kind() == WORLD_MEMORY ? 600 : 25);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(seeds_that_once_found_something_find_nothing),
        cmocka_unit_test(random_operations_do_what_the_model_says),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
