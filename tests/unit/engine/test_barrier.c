/* The start barrier and the occupation of machines, by threads that fight for them. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "engine/engine_private.h"
#include "steps.h"

#define ROUNDS 2000

/* --- gates
 * ------------------------------------------------------------------------------------------------------
 */

typedef struct {
    World *world;
    const char *id;
    gint inside;   /* who has the gate at this moment; atomic */
    gint broken;   /* found somebody else inside */
    gint taken[2]; /* by settles, by starts */
} Fight;

static void enter_and_leave(Fight *fight, gint who)
{
    if (g_atomic_int_add(&fight->inside, 1) != 0)
        g_atomic_int_inc(&fight->broken);
    g_atomic_int_inc(&fight->taken[who]);
    g_thread_yield();
    g_atomic_int_add(&fight->inside, -1);
}

static gpointer settle_often(gpointer data)
{
    Fight *fight = data;
    for (guint i = 0; i < ROUNDS; i++) {
        if (!gate_take(fight->world->engine, fight->id, NULL))
            continue;
        enter_and_leave(fight, 0);
        gate_set(fight->world->engine, fight->id, GATE_OPEN);
    }
    return NULL;
}

static gpointer start_often(gpointer data)
{
    Fight *fight = data;
    for (guint i = 0; i < ROUNDS; i++) {
        if (!gate_take_for_start(fight->world->engine, fight->id,
                                 g_get_monotonic_time() + 10 * G_USEC_PER_SEC, NULL))
            continue;
        enter_and_leave(fight, 1);
        gate_set(fight->world->engine, fight->id, GATE_OPEN);
    }
    return NULL;
}

static void a_gate_lets_one_through_at_a_time(void **state)
{
    Fight fight = {.world = *state, .id = "machine"};
    GThread *threads[4];
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("fight", i % 2 ? start_often : settle_often, &fight);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    assert_int_equal(fight.broken, 0);
    assert_int_equal(fight.taken[1], 2 * ROUNDS); /* a start waits, and gets it */
    assert_int_equal(gate_state(fight.world->engine, "machine"), GATE_OPEN);
}

static void a_settle_finds_a_claimed_gate_closed_and_says_why(void **state)
{
    World *world = *state;
    g_autoptr(GError) error = NULL;
    gate_set(world->engine, "machine", GATE_CLAIMED);
    assert_false(gate_take(world->engine, "machine", &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BUSY);
    gate_set(world->engine, "machine", GATE_OPEN);
    assert_true(gate_take(world->engine, "machine", NULL));
    gate_set(world->engine, "machine", GATE_OPEN);
}

static void a_start_gives_up_at_its_deadline(void **state)
{
    World *world = *state;
    g_autoptr(GError) error = NULL;
    assert_true(gate_take(world->engine, "machine", NULL));
    assert_false(gate_take_for_start(world->engine, "machine", g_get_monotonic_time(), &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BUSY);
    assert_int_equal(gate_state(world->engine, "machine"), GATE_SETTLING);
    gate_set(world->engine, "machine", GATE_OPEN);
}

static void a_claim_file_alone_keeps_settle_off(void **state)
{
    World *world = *state;
    claims_memory_set(world->claims, "machine", CLAIM_CLAIMED);
    assert_false(gate_take(world->engine, "machine", NULL));
    assert_int_equal(gate_state(world->engine, "machine"), GATE_OPEN);
    claims_memory_set(world->claims, "machine", CLAIM_REFUSED);
    assert_true(gate_take(world->engine, "machine", NULL));
    gate_set(world->engine, "machine", GATE_OPEN);
}

/* libvirt was asked while the machine ran, or did not, and answers when that is over. */
static void what_the_hook_has_said_since_counts_more_than_libvirts_answer(void **state)
{
    Engine *engine = ((World *)*state)->engine;
    gate_hear_start(engine, "machine");
    guint64 while_it_ran = gate_moment(engine);
    gate_hear_release(engine, "machine");
    assert_false(gate_claim_since(engine, "machine", while_it_ran));
    assert_int_equal(gate_state(engine, "machine"), GATE_OPEN);
    guint64 while_it_was_off = gate_moment(engine);
    assert_true(gate_take_for_start(engine, "machine", G_MAXINT64, NULL));
    gate_set(engine, "machine", GATE_CLAIMED);
    assert_false(gate_unclaim_since(engine, "machine", while_it_was_off));
    assert_int_equal(gate_state(engine, "machine"), GATE_CLAIMED);
    assert_true(gate_claim_since(engine, "another", while_it_was_off));
    assert_true(gate_unclaim_since(engine, "machine", gate_moment(engine)));
    assert_int_equal(gate_state(engine, "machine"), GATE_OPEN);
}

/* --- occupation
 * ----------------------------------------------------------------------------------------------------
 */

static gpointer occupy_often(gpointer data)
{
    Fight *fight = data;
    for (guint i = 0; i < ROUNDS; i++) {
        gint64 deadline = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
        gboolean brief = i % 2;
        gboolean ok =
            brief ? engine_occupy_briefly(fight->world->engine, fight->id, "a moment", NULL)
                  : engine_occupy_waiting(fight->world->engine, fight->id, "a job", deadline, NULL);
        if (!ok)
            continue;
        enter_and_leave(fight, brief);
        engine_vacate(fight->world->engine, fight->id);
    }
    return NULL;
}

static void a_machine_has_one_owner_at_a_time(void **state)
{
    Fight fight = {.world = *state, .id = "machine"};
    GThread *threads[4];
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("fight", occupy_often, &fight);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    assert_int_equal(fight.broken, 0);
    assert_true(fight.taken[0] + fight.taken[1] > 0);
    assert_null(engine_occupant(fight.world->engine, "machine"));
}

static void a_job_waits_for_a_brief_owner_and_not_for_another_job(void **state)
{
    World *world = *state;
    g_autoptr(GError) error = NULL;
    assert_true(engine_occupy(world->engine, "machine", "job 1", NULL));
    assert_false(engine_occupy_waiting(world->engine, "machine", "job 2", G_MAXINT64, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BUSY);
    engine_vacate(world->engine, "machine");
    assert_true(engine_occupy_briefly(world->engine, "machine", "a settle", NULL));
    assert_null(engine_occupant(world->engine, "machine")); /* nobody is refused because of it */
    assert_false(
        engine_occupy_waiting(world->engine, "machine", "job 2", g_get_monotonic_time(), NULL));
    engine_vacate(world->engine, "machine");
}

static void a_base_in_use_is_nobodys_and_may_be_used_by_several(void **state)
{
    World *world = *state;
    assert_true(engine_base_hold(world->engine, "base", NULL));
    assert_true(engine_base_hold(world->engine, "base", NULL));
    assert_false(engine_occupy(world->engine, "base", "removal", NULL));
    g_autofree char *owner = engine_occupant(world->engine, "base");
    assert_string_equal(owner, "base of 2 running jobs");
    engine_base_release(world->engine, "base");
    assert_false(engine_occupy(world->engine, "base", "removal", NULL));
    engine_base_release(world->engine, "base");
    assert_true(engine_occupy(world->engine, "base", "removal", NULL));
    assert_false(engine_base_hold(world->engine, "base", NULL));
    engine_vacate(world->engine, "base");
}

/* --- all at once
 * ------------------------------------------------------------------------------------------------------
 */

typedef struct {
    World *world;
    char *id, *uuid;
    gint stop;
} Storm;

/* libvirt: starts and stops the machine as fast as the hook allows. */
static gpointer start_and_stop(gpointer data)
{
    Storm *storm = data;
    while (!g_atomic_int_get(&storm->stop)) {
        if (!engine_hook_may_start(storm->world->engine, storm->id, storm->uuid, NULL, NULL))
            continue;
        memory_hypervisor_set_power(storm->world->hypervisor, storm->uuid, POWER_RUNNING);
        engine_hook_started(storm->world->engine, storm->id);
        memory_hypervisor_set_power(storm->world->hypervisor, storm->uuid, POWER_OFF);
        engine_hook_released(storm->world->engine, storm->id);
        (void)engine_settle(storm->world->engine, storm->id, NULL);
    }
    return NULL;
}

static gpointer reclaim_often(gpointer data)
{
    Storm *storm = data;
    while (!g_atomic_int_get(&storm->stop)) {
        guint64 freed = 0;
        (void)engine_reclaim(storm->world->engine, &freed, NULL);
        (void)engine_resync(storm->world->engine, NULL);
    }
    return NULL;
}

static void ignore_events(EngineEvent event, const char *id, const GError *error,
                          gpointer user_data)
{
    (void)event;
    (void)id;
    (void)error;
    (void)user_data;
}

static void starts_in_the_middle_of_everything_lose_nothing(void **state)
{
    World *world = *state;
    world_base(world, "v1", "one");
    world_base(world, "v2", "two");
    world_clone(world, "v1", "lab-1");
    world_write(world, "lab-1", "vdc", "mine");
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    Storm storm = {.world = world, .id = machine->id, .uuid = machine->uuid};
    engine_listen(world->engine, ignore_events, NULL);
    GThread *threads[] = {g_thread_new("host", start_and_stop, &storm),
                          g_thread_new("care", reclaim_often, &storm)};
    for (guint i = 0; i < 150; i++) {
        Request *request = step_rebase("lab-1", i % 2 ? "v1" : "v2");
        request->running = RUNNING_STOP;
        g_autoptr(Job) job = world_run(world, request);
        assert_int_not_equal(job->state, JOB_RUNNING);
    }
    g_atomic_int_set(&storm.stop, 1);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    assert_true(engine_settle(world->engine, machine->id, NULL));
    g_autoptr(Machine) after = world_machine(world, "lab-1");
    assert_false(machine_is_pending(after));
    g_autofree char *system = world_read(world, "lab-1", "vda");
    g_autoptr(Machine) base = engine_find_machine(world->engine, machine_base_id(after), NULL);
    assert_string_equal(system, g_str_equal(base->name, "v1") ? "one-vda" : "two-vda");
    world_assert_content(world, "lab-1", "vdc", "mine");
}

static int set_up(void **state)
{
    *state = world_new(WORLD_MEMORY);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, step_tear_down)

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        TEST(a_gate_lets_one_through_at_a_time),
        TEST(a_settle_finds_a_claimed_gate_closed_and_says_why),
        TEST(a_start_gives_up_at_its_deadline),
        TEST(a_claim_file_alone_keeps_settle_off),
        TEST(what_the_hook_has_said_since_counts_more_than_libvirts_answer),
        TEST(a_machine_has_one_owner_at_a_time),
        TEST(a_job_waits_for_a_brief_owner_and_not_for_another_job),
        TEST(a_base_in_use_is_nobodys_and_may_be_used_by_several),
        TEST(starts_in_the_middle_of_everything_lose_nothing),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
