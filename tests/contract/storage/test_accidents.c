/* What only the memory adapter can play: a power loss, a full store, one that is not mounted. */
#include "bench.h"

#include "storage/memory/memory_storage.h"

static MachineFacts facts_of(Bench *bench, const Machine *machine)
{
    MachineFacts facts = {0};
    assert_ok(storage_machine_facts(bench->storage, machine->id, &facts, error));
    return facts;
}

/* A settled machine that wants to keep all its heads in a new generation. */
static Machine *machine_with_wish(Bench *bench)
{
    Machine *machine = machine_with_content(bench, "m", "qcow2");
    machine_want(machine, generation_keep_all(machine));
    return machine;
}

static void what_was_not_synced_is_lost_with_the_power(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_wish(bench);
    assert_ok(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error));
    assert_int_equal(links_now(bench, machine, "vdc"), 2);
    memory_storage_crash(bench->storage);
    g_auto(MachineFacts) facts = facts_of(bench, machine);
    assert_true(facts.now == 1 && facts.next == 0);
    assert_int_equal(links_now(bench, machine, "vdc"), 1);
    assert_int_equal(byte_at(bench, machine, "vdc", 0), 'D');
}

static void what_was_synced_is_there_after_a_power_loss(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_wish(bench);
    const char *const ids[] = {machine->id, NULL};
    assert_ok(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error));
    assert_ok(storage_sync(bench->storage, ids, error));
    memory_storage_crash(bench->storage);
    g_auto(MachineFacts) facts = facts_of(bench, machine);
    assert_true(facts.now == 1 && facts.next == 2);
    assert_int_equal(links_now(bench, machine, "vdc"), 2);
}

static void an_unsynced_switch_is_undone_and_can_be_repeated(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_wish(bench);
    SwitchResult result = {0};
    assert_ok(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error));
    assert_ok(storage_sync(bench->storage, NULL, error));
    assert_ok(storage_switch(bench->storage, machine, 2, &result, error));
    memory_storage_crash(bench->storage);
    g_auto(MachineFacts) facts = facts_of(bench, machine);
    assert_true(facts.now == 1 && facts.next == 2);
    assert_ok(machine_settle(bench, machine, FALSE, error));
    memory_storage_crash(bench->storage);
    g_auto(MachineFacts) settled = facts_of(bench, machine);
    assert_true(settled.now == 2 && settled.next == 0);
    assert_int_equal(byte_at(bench, machine, "vdc", 0), 'D');
}

static void sealing_and_removing_survive_a_power_loss(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    machine->desired_place = PLACE_GONE;
    machine->discard = TRUE;
    assert_ok(storage_remove(bench->storage, machine, none, error));
    memory_storage_crash(bench->storage);
    g_auto(MachineFacts) gone = facts_of(bench, machine);
    assert_false(gone.exists);
    assert_false(exists_now(bench, base, "vda"));
    assert_int_equal(byte_at(bench, base, "vda", 0), 'S');
}

static void a_full_store_stages_nothing(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    Generation *resize = generation_keep_all(machine);
    ((Head *)generation_head(resize, "vdc"))->source = HEAD_COPY;
    machine_want(machine, resize);
    memory_storage_set_free(bench->storage, FILLED);
    assert_refused(storage_stage(bench->storage, machine, resize, NULL, error),
                   UNDERPIN_ERROR_NO_SPACE);
    g_auto(MachineFacts) facts = facts_of(bench, machine);
    assert_true(facts.next == 0 && !facts.next_broken);
    memory_storage_set_free(bench->storage, CAPACITY);
    assert_ok(machine_settle(bench, machine, FALSE, error));
}

static void a_store_that_is_not_mounted_says_so(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_wish(bench);
    StoreStatus status;
    memory_storage_set_present(bench->storage, FALSE);
    assert_refused(storage_status(bench->storage, &status, error), UNDERPIN_ERROR_UNAVAILABLE);
    assert_refused(machine_settle(bench, machine, FALSE, error), UNDERPIN_ERROR_UNAVAILABLE);
    assert_refused(storage_mark(bench->storage, machine->id, TRUE, error),
                   UNDERPIN_ERROR_UNAVAILABLE);
    memory_storage_set_present(bench->storage, TRUE);
    assert_ok(machine_settle(bench, machine, FALSE, error));
}

static const struct CMUnitTest tests[] = {
    BENCH_TEST(what_was_not_synced_is_lost_with_the_power),
    BENCH_TEST(what_was_synced_is_there_after_a_power_loss),
    BENCH_TEST(an_unsynced_switch_is_undone_and_can_be_repeated),
    BENCH_TEST(sealing_and_removing_survive_a_power_loss),
    BENCH_TEST(a_full_store_stages_nothing),
    BENCH_TEST(a_store_that_is_not_mounted_says_so),
};
BENCH_MAIN(tests)
