/*
 * Errors (ENOSPC, EIO) at random durable moments of random operations: each machine is entirely
 * before or entirely after, its data is untouched, and once the cause is gone everything settles.
 * The crash sweep kills at each moment in turn; this walks on from what an error has left.
 */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <string.h>

#include "engine/engine_private.h"
#include "foundation/fault_point.h"
#include "steps.h"

#define MACHINES 3
#define LATEST   40 /* visits of fault points after which an error may still come */

typedef struct {
    World *world;
    GRand *random;
    char names[MACHINES][8];
    char *data[MACHINES];   /* what vdc must hold */
    char *system[MACHINES]; /* what vda held before the operation */
    gboolean runs[MACHINES];
    guint texts;
} Walk;

static guint pick(Walk *walk, guint bound)
{
    return (guint)g_rand_int_range(walk->random, 0, (gint32)bound);
}

static void replace_text(char **text, char *with)
{
    g_free(*text);
    *text = with;
}

/* --- operations
 * --------------------------------------------------------------------------------------------------
 */

static Request *random_request(Walk *walk, const char *name)
{
    static const char *const BASES[] = {"v1", "v2"};
    static const Verb VERBS[] = {VERB_RESTORE, VERB_REBASE, VERB_REBASE,
                                 VERB_UNDO,    VERB_HOLD,   VERB_RELEASE};
    Request *request = world_request(VERBS[pick(walk, G_N_ELEMENTS(VERBS))], name, NULL);
    if (request->verb == VERB_REBASE) {
        request->onto = g_strdup(BASES[pick(walk, G_N_ELEMENTS(BASES))]);
        request->even_held = TRUE;
    }
    return request;
}

static void write_texts(Walk *walk, guint which)
{
    replace_text(&walk->data[which], g_strdup_printf("data %u", ++walk->texts));
    replace_text(&walk->system[which], g_strdup_printf("system %u", walk->texts));
    world_write(walk->world, walk->names[which], "vda", walk->system[which]);
    world_write(walk->world, walk->names[which], "vdb", walk->system[which]);
    world_write(walk->world, walk->names[which], "vdc", walk->data[which]);
}

static void start_or_stop(Walk *walk, guint which)
{
    g_autoptr(Machine) machine = world_machine(walk->world, walk->names[which]);
    if (walk->runs[which]) {
        world_stop(walk->world, walk->names[which]);
        walk->runs[which] = FALSE;
        return;
    }
    if (!world_may_start(walk->world, walk->names[which], NULL)) {
        engine_hook_released(walk->world->engine, machine->id);
        return;
    }
    assert_true(hypervisor_start(walk->world->hypervisor, machine->uuid, NULL));
    engine_hook_started(walk->world->engine, machine->id);
    walk->runs[which] = TRUE;
}

static void tell(const Job *job, const char *name)
{
    if (g_getenv("UNDERPIN_TEST_TRACE"))
        print_message("%s %s: %s\n", verb_name(job->request->verb), name,
                      job_state_name(job->state));
}

static void operate(Walk *walk, guint which)
{
    if (pick(walk, 4) == 0) {
        start_or_stop(walk, which);
        return;
    }
    g_autoptr(Job) job = world_run(walk->world, random_request(walk, walk->names[which]));
    tell(job, walk->names[which]);
}

/* --- what must be true
 * ------------------------------------------------------------------------------------------- */

static void settle_all(Walk *walk)
{
    for (guint i = 0; i < MACHINES; i++) {
        g_autoptr(Machine) machine = world_machine(walk->world, walk->names[i]);
        g_autoptr(GError) error = NULL;
        if (!walk->runs[i] && !engine_settle(walk->world->engine, machine->id, &error))
            fail_msg("'%s' does not settle with the cause gone: %s", machine->name, error->message);
        if (!walk->runs[i])
            engine_hook_released(walk->world->engine, machine->id);
    }
    world_settle_wanted(walk->world);
}

/* A system that was replaced came with its temporary volume. */
static void check_machine(Walk *walk, guint which)
{
    g_autofree char *system = world_read(walk->world, walk->names[which], "vda");
    g_autofree char *temporary = world_read(walk->world, walk->names[which], "vdb");
    world_assert_content(walk->world, walk->names[which], "vdc", walk->data[which]);
    if (!walk->runs[which] && strcmp(system, walk->system[which]) != 0)
        assert_true(g_str_has_suffix(temporary, "-vdb"));
    if (g_str_has_suffix(system, "-vda") && g_str_has_suffix(temporary, "-vdb"))
        assert_int_equal(strncmp(system, temporary, 3), 0);
    replace_text(&walk->system[which], g_steal_pointer(&system));
}

static void step(Walk *walk)
{
    guint which = pick(walk, MACHINES);
    if (pick(walk, 3) == 0)
        write_texts(walk, which);
    fault_point_arm(FAULT_POINT_COUNT, 1 + pick(walk, LATEST), FAULT_ERROR,
                    pick(walk, 2) ? ENOSPC : EIO);
    operate(walk, which);
    fault_point_disarm();
    assert_true(engine_check_unquestioned(walk->world->engine,
                                          NULL)); /* the store's number follows as soon as it can */
    settle_all(walk);
    for (guint i = 0; i < MACHINES; i++)
        check_machine(walk, i);
    /* What could not be thrown away at once is a finding that doctor takes away; nothing worse may
     * be left. */
    g_autoptr(GPtrArray) repaired = engine_repair(walk->world->engine, NULL);
    assert_non_null(repaired);
    world_check_invariants(walk->world);
}

static void walk_begin(Walk *walk, guint seed)
{
    *walk = (Walk){.world = world_new(world_kind()), .random = g_rand_new_with_seed(seed)};
    world_base(walk->world, "v1", "one");
    world_base(walk->world, "v2", "two");
    for (guint i = 0; i < MACHINES; i++) {
        g_snprintf(walk->names[i], sizeof walk->names[i], "lab-%u", i);
        world_clone(walk->world, "v1", walk->names[i]);
        walk->data[i] = g_strdup("one-vdc");
        walk->system[i] = g_strdup("one-vda");
    }
}

static void walk_end(Walk *walk)
{
    for (guint i = 0; i < MACHINES; i++) {
        if (walk->runs[i])
            world_stop(walk->world, walk->names[i]);
        g_free(walk->data[i]);
        g_free(walk->system[i]);
    }
    world_check_invariants(walk->world);
    world_free(walk->world);
    g_rand_free(walk->random);
}

static void errors_anywhere_leave_each_machine_before_or_after(void **state)
{
    const char *given = g_getenv("UNDERPIN_TEST_SEED");
    guint seed = given ? (guint)g_ascii_strtoull(given, NULL, 10) : g_random_int();
    guint steps = world_kind() == WORLD_MEMORY ? 1000 : 60;
    Walk walk;
    (void)state;
    print_message("UNDERPIN_TEST_SEED=%u\n", seed);
    walk_begin(&walk, seed);
    for (guint i = 0; i < steps; i++)
        step(&walk);
    walk_end(&walk);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(errors_anywhere_leave_each_machine_before_or_after),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
