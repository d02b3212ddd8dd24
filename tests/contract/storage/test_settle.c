/* Contract: the switch, putting aside, marks, removing. Each is called twice: settling is repeated
 * after a crash. */
#include "bench.h"

#include <string.h>

/* A clone of a base with content in all its volumes, and a fresh generation staged. */
typedef struct {
    Machine *base, *machine;
} Scene;

static Scene scene_make(Bench *bench)
{
    Scene scene = {.base = base_make(bench, "base", "qcow2")};
    scene.machine = clone_make(bench, scene.base, "m");
    bench->write(bench, scene.machine, "vda", 0, 'a', FILLED);
    bench->write(bench, scene.machine, "vdb", 0, 'b', FILLED);
    bench->write(bench, scene.machine, "vdc", 0, 'c', FILLED);
    machine_want(scene.machine, generation_fresh(scene.machine, scene.base));
    assert_ok(
        storage_stage(bench->storage, scene.machine, machine_desired(scene.machine), NULL, error));
    return scene;
}

static void scene_clear(Scene *scene)
{
    machine_unref(scene->base);
    machine_unref(scene->machine);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scene, scene_clear)

static SwitchResult switch_to(Bench *bench, const Machine *machine, guint64 number)
{
    SwitchResult result = {0};
    assert_ok(storage_switch(bench->storage, machine, number, &result, error));
    return result;
}

static void one_switch_brings_all_volumes(void **state)
{
    Bench *bench = *state;
    g_auto(Scene) scene = scene_make(bench);
    g_auto(HeadFacts) data = facts_now(bench, scene.machine, "vdc");
    g_auto(MachineFacts) facts = {0};
    SwitchResult result = switch_to(bench, scene.machine, 2);
    assert_true(result.switched && result.old_written);
    assert_int_equal(result.old, 1);
    assert_ok(storage_machine_facts(bench->storage, scene.machine->id, &facts, error));
    assert_int_equal(facts.now, 2);
    assert_int_equal(facts.next, 1);
    assert_int_equal(byte_at(bench, scene.machine, "vda", 0), 'S');
    assert_int_equal(byte_at(bench, scene.machine, "vdb", 0), 'T');
    assert_int_equal(byte_at(bench, scene.machine, "vdc", 0), 'c');
    g_auto(HeadFacts) same = facts_now(bench, scene.machine, "vdc");
    assert_int_equal(same.inode, data.inode);
    assert_int_equal(same.mtime_ns, data.mtime_ns);
    assert_int_equal(same.size_bytes, data.size_bytes);
}

static void a_switch_that_has_happened_is_reported_the_same(void **state)
{
    Bench *bench = *state;
    g_auto(Scene) scene = scene_make(bench);
    switch_to(bench, scene.machine, 2);
    bench->reopen(bench);
    SwitchResult again = switch_to(bench, scene.machine, 2);
    assert_false(again.switched);
    assert_int_equal(again.old, 1);
    assert_true(again.old_written);
    assert_int_equal(byte_at(bench, scene.machine, "vda", 0), 'S');
}

static void an_old_generation_that_was_never_written_is_reported(void **state)
{
    Bench *bench = *state;
    g_auto(Scene) scene = scene_make(bench);
    assert_ok(machine_settle(bench, scene.machine, FALSE, error));
    bench->write(bench, scene.machine, "vdc", 0, 'd', FILLED); /* data and temporary do not count */
    bench->write(bench, scene.machine, "vdb", 0, 'd', FILLED);
    machine_want(scene.machine, generation_fresh(scene.machine, scene.base));
    assert_ok(
        storage_stage(bench->storage, scene.machine, machine_desired(scene.machine), NULL, error));
    SwitchResult result = switch_to(bench, scene.machine, 3);
    assert_true(result.switched);
    assert_false(result.old_written);
}

static void what_is_not_staged_cannot_be_switched_to(void **state)
{
    Bench *bench = *state;
    g_auto(Scene) scene = scene_make(bench);
    SwitchResult result = {0};
    assert_refused(storage_switch(bench->storage, scene.machine, 7, &result, error),
                   UNDERPIN_ERROR_NOT_FOUND);
    assert_ok(storage_abandon(bench->storage, scene.machine->id, error));
    assert_refused(storage_switch(bench->storage, scene.machine, 2, &result, error),
                   UNDERPIN_ERROR_NOT_FOUND);
    assert_int_equal(byte_at(bench, scene.machine, "vda", 0), 'a');
}

static void nothing_that_qemu_has_open_is_switched(void **state)
{
    static const char *const targets[] = {"vda", "vdb", "vdc"};
    Bench *bench = *state;
    g_auto(Scene) scene = scene_make(bench);
    SwitchResult result = {0};
    for (gsize i = 0; i < G_N_ELEMENTS(targets); i++) {
        bench->set_locked(bench, scene.machine, targets[i], TRUE);
        assert_refused(storage_switch(bench->storage, scene.machine, 2, &result, error),
                       UNDERPIN_ERROR_BUSY);
        assert_int_equal(byte_at(bench, scene.machine, "vda", 0), 'a');
        bench->set_locked(bench, scene.machine, targets[i], FALSE);
    }
    assert_true(switch_to(bench, scene.machine, 2).switched);
}

/* Staged before somebody replaced the data head: switching would bring the old data back. */
static void a_kept_head_must_be_the_one_that_lies_there(void **state)
{
    Bench *bench = *state;
    g_auto(Scene) scene = scene_make(bench);
    SwitchResult result = {0};
    bench->lose_head(bench, scene.machine, "vdc");
    assert_refused(storage_switch(bench->storage, scene.machine, 2, &result, error),
                   UNDERPIN_ERROR_NOT_FOUND);
}

static void put_aside_keeps_the_system_and_proven_links_go(void **state)
{
    Bench *bench = *state;
    g_auto(Scene) scene = scene_make(bench);
    g_auto(MachineFacts) facts = {0};
    gboolean kept = FALSE;
    guint64 held_bytes = 0, held_again = 0;
    switch_to(bench, scene.machine, 2);
    assert_ok(storage_put_aside(bench->storage, scene.machine, TRUE, &kept, &held_bytes, error));
    assert_true(kept && held_bytes > 0);
    assert_ok(storage_machine_facts(bench->storage, scene.machine->id, &facts, error));
    assert_true(facts.now == 2 && facts.next == 0 && !facts.next_broken);
    assert_int_equal(facts.entries->len, 1);
    assert_int_equal(g_array_index(facts.entries, guint64, 0), 1);
    g_auto(HeadFacts) data = facts_now(bench, scene.machine, "vdc");
    assert_int_equal(data.link_count, 1);
    assert_int_equal(byte_at(bench, scene.machine, "vdc", 0), 'c');
    g_auto(HeadFacts) old_system = {0}, old_temporary = {0}, old_data = {0};
    assert_ok(storage_head_facts(bench->storage, scene.machine, 1, "vda", &old_system, error));
    assert_ok(storage_head_facts(bench->storage, scene.machine, 1, "vdb", &old_temporary, error));
    assert_ok(storage_head_facts(bench->storage, scene.machine, 1, "vdc", &old_data, error));
    assert_true(old_system.exists && old_system.written && !old_temporary.exists &&
                !old_data.exists);
    bench->reopen(bench);
    assert_ok(storage_put_aside(bench->storage, scene.machine, TRUE, &kept, &held_again, error));
    assert_true(kept);
    assert_int_equal(held_again, held_bytes);
}

static void put_aside_without_keep_leaves_only_now(void **state)
{
    Bench *bench = *state;
    g_auto(Scene) scene = scene_make(bench);
    g_auto(MachineFacts) facts = {0};
    gboolean kept = TRUE;
    guint64 held_bytes = 1;
    switch_to(bench, scene.machine, 2);
    for (int i = 0; i < 2; i++) {
        kept = TRUE, held_bytes = 1;
        assert_ok(
            storage_put_aside(bench->storage, scene.machine, FALSE, &kept, &held_bytes, error));
        assert_true(!kept && held_bytes == 0);
    }
    assert_ok(storage_machine_facts(bench->storage, scene.machine->id, &facts, error));
    assert_true(facts.now == 2 && facts.next == 0 && facts.entries->len == 0);
    assert_int_equal(byte_at(bench, scene.machine, "vdc", 0), 'c');
}

static void nothing_is_kept_where_only_links_are_left(void **state)
{
    Bench *bench = *state;
    g_auto(Scene) scene = scene_make(bench);
    assert_ok(machine_settle(bench, scene.machine, FALSE, error));
    machine_want(scene.machine, generation_keep_all(scene.machine));
    assert_ok(machine_settle(bench, scene.machine, TRUE, error));
    assert_int_equal(entries_of(bench, scene.machine), 0);
}

static void what_is_staged_is_not_put_aside(void **state)
{
    Bench *bench = *state;
    g_auto(Scene) scene = scene_make(bench);
    gboolean kept = FALSE;
    guint64 held_bytes = 0;
    assert_refused(
        storage_put_aside(bench->storage, scene.machine, TRUE, &kept, &held_bytes, error),
        UNDERPIN_ERROR_BUG);
    assert_true(switch_to(bench, scene.machine, 2).switched);
}

static void data_replaced_by_name_goes_with_its_generation(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    Generation *resize = generation_keep_all(machine);
    Head *head = (Head *)generation_head(resize, "vdc");
    head->source = HEAD_COPY;
    head->capacity_bytes = 2 * CAPACITY;
    machine_want(machine, resize);
    assert_ok(machine_settle(bench, machine, TRUE, error));
    g_auto(HeadFacts) old = {0};
    assert_ok(storage_head_facts(bench->storage, machine, 1, "vdc", &old, error));
    assert_false(old.exists);
    assert_int_equal(byte_at(bench, machine, "vdc", 0), 'D');
}

/* Whatever the record says: data that nothing replaced by name is no link and no copy, and stays.
 */
static void data_that_nothing_explains_stops_the_put_aside(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    Generation *wrong = generation_keep_all(machine);
    gboolean kept = FALSE;
    guint64 held_bytes = 0;
    ((Head *)generation_head(wrong, "vdc"))->source = HEAD_BLANK;
    machine_want(machine, wrong);
    assert_ok(storage_stage(bench->storage, machine, wrong, NULL, error));
    switch_to(bench, machine, 2);
    assert_refused(storage_put_aside(bench->storage, machine, FALSE, &kept, &held_bytes, error),
                   UNDERPIN_ERROR_BUG);
    g_auto(HeadFacts) old = {0};
    assert_ok(storage_head_facts(bench->storage, machine, 1, "vdc", &old, error));
    assert_true(old.exists && old.written);
}

static gboolean is_marked(Bench *bench, const Machine *machine)
{
    g_auto(MachineFacts) facts = {0};
    assert_ok(storage_machine_facts(bench->storage, machine->id, &facts, error));
    return facts.marked;
}

static void marks_come_and_go(void **state)
{
    Bench *bench = *state;
    g_auto(Scene) scene = scene_make(bench);
    g_autoptr(Machine) missing = machine_make("missing", "qcow2");
    assert_false(is_marked(bench, scene.machine));
    for (int i = 0; i < 2; i++)
        assert_ok(storage_mark(bench->storage, scene.machine->id, TRUE, error));
    bench->reopen(bench);
    assert_true(is_marked(bench, scene.machine));
    for (int i = 0; i < 2; i++)
        assert_ok(storage_mark(bench->storage, scene.machine->id, FALSE, error));
    assert_false(is_marked(bench, scene.machine));
    assert_refused(storage_mark(bench->storage, missing->id, TRUE, error),
                   UNDERPIN_ERROR_NOT_FOUND);
}

static const char STAMP[] = "00112233445566aa";
static const char OTHER_STAMP[] = "ffffffffffffffff";

static void assert_stamp(Bench *bench, const Machine *machine, const char *stamp, gboolean sole)
{
    g_auto(MachineFacts) facts = {0};
    assert_ok(storage_machine_facts(bench->storage, machine->id, &facts, error));
    assert_int_equal(facts.marked_generation, machine->actual);
    assert_int_equal(g_strcmp0(facts.stamp, stamp), 0);
    assert_int_equal(facts.stamp_is_sole, sole);
}

static void a_stamp_is_confirmed_only_where_it_was_announced(void **state)
{
    Bench *bench = *state;
    g_auto(Scene) scene = scene_make(bench);
    const Machine *machine = scene.machine;
    Storage *storage = bench->storage;
    assert_refused(storage_stamp(storage, machine->id, STAMP, FALSE, error),
                   UNDERPIN_ERROR_NOT_FOUND);
    assert_ok(storage_mark(storage, machine->id, TRUE, error));
    assert_stamp(bench, machine, NULL, FALSE);
    assert_refused(storage_stamp(storage, machine->id, STAMP, TRUE, error), UNDERPIN_ERROR_BUSY);
    for (int i = 0; i < 2; i++)
        assert_ok(storage_stamp(storage, machine->id, STAMP, FALSE, error));
    assert_stamp(bench, machine, STAMP, FALSE);
    assert_refused(storage_stamp(storage, machine->id, OTHER_STAMP, TRUE, error),
                   UNDERPIN_ERROR_BUSY);
    for (int i = 0; i < 2; i++)
        assert_ok(storage_stamp(storage, machine->id, STAMP, TRUE, error));
    assert_stamp(bench, machine, STAMP, TRUE);
    assert_ok(storage_mark(storage, machine->id, TRUE, error)); /* another session */
    assert_stamp(bench, machine, NULL, FALSE);
    assert_refused(storage_stamp(storage, machine->id, STAMP, TRUE, error), UNDERPIN_ERROR_BUSY);
}

static void put_aside_removes_the_mark(void **state)
{
    Bench *bench = *state;
    g_auto(Scene) scene = scene_make(bench);
    assert_ok(storage_mark(bench->storage, scene.machine->id, TRUE, error));
    assert_ok(machine_settle(bench, scene.machine, TRUE, error));
    assert_false(is_marked(bench, scene.machine));
}

/* --- removing
 * --------------------------------------------------------------------------------------------------
 */

static GPtrArray *kept_volumes(const char *target)
{
    GPtrArray *kept = g_ptr_array_new_with_free_func((GDestroyNotify)kept_volume_unref);
    g_autofree char *id = id_new();
    g_autofree char *path = g_strdup_printf("trash/%s/data/%s.qcow2", id, target);
    if (target)
        g_ptr_array_add(kept, kept_volume_new(id, path, target, "qcow2"));
    return kept;
}

static void removed_data_waits_in_the_trash_and_comes_back(void **state)
{
    Bench *bench = *state;
    g_auto(Scene) scene = scene_make(bench);
    g_autoptr(GPtrArray) kept = kept_volumes("vdc");
    g_auto(MachineFacts) facts = {0};
    assert_ok(machine_settle(bench, scene.machine, TRUE, error));
    g_auto(HeadFacts) data = facts_now(bench, scene.machine, "vdc");
    scene.machine->desired_place = PLACE_GONE;
    for (int i = 0; i < 2; i++) {
        assert_ok(storage_remove(bench->storage, scene.machine, kept, error));
        bench->reopen(bench);
    }
    assert_ok(storage_machine_facts(bench->storage, scene.machine->id, &facts, error));
    assert_false(facts.exists);

    g_autoptr(Machine) other = machine_with_content(bench, "other", "qcow2");
    const KeptVolume *volume = g_ptr_array_index(kept, 0);
    Generation *attach = generation_keep_all(other);
    Head *head = generation_add(attach, "vdd", ROLE_DATA, "qcow2", HEAD_ATTACH);
    const Head *original = generation_head(machine_actual(scene.machine), "vdc");
    head_set_layer(head, original->layer_id, original->layer_format);
    head->source_path = g_strdup(volume->path);
    g_ptr_array_add(other->volumes, volume_new("vdd", ROLE_DATA, "qcow2", TRUE));
    machine_want(other, attach);
    assert_ok(machine_settle(bench, other, FALSE, error));
    assert_int_equal(byte_at(bench, other, "vdd", 0), 'c');
    g_auto(HeadFacts) back = facts_now(bench, other, "vdd");
    assert_int_equal(back.inode, data.inode);
}

static void data_is_deleted_only_where_the_record_says_so(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    g_auto(MachineFacts) facts = {0};
    machine->desired_place = PLACE_GONE;
    assert_refused(storage_remove(bench->storage, machine, none, error), UNDERPIN_ERROR_BUG);
    assert_int_equal(byte_at(bench, machine, "vdc", 0), 'D');
    machine->discard = TRUE;
    assert_ok(storage_remove(bench->storage, machine, none, error));
    assert_ok(storage_machine_facts(bench->storage, machine->id, &facts, error));
    assert_false(facts.exists);
}

static void a_running_machine_is_not_removed(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    machine->desired_place = PLACE_GONE;
    machine->discard = TRUE;
    bench->set_locked(bench, machine, "vda", TRUE);
    assert_refused(storage_remove(bench->storage, machine, none, error), UNDERPIN_ERROR_BUSY);
    bench->set_locked(bench, machine, "vda", FALSE);
    assert_int_equal(byte_at(bench, machine, "vda", 0), 'S');
}

static void removing_an_unfinished_machine_takes_everything(void **state)
{
    Bench *bench = *state;
    g_auto(Scene) staged = scene_make(bench);
    g_auto(Scene) switched = scene_make(bench);
    Machine *const machines[] = {staged.machine, switched.machine};
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    switch_to(bench, switched.machine, 2);
    for (gsize i = 0; i < G_N_ELEMENTS(machines); i++) {
        g_auto(MachineFacts) facts = {0};
        machines[i]->desired_place = PLACE_GONE;
        machines[i]->discard = TRUE;
        assert_ok(storage_remove(bench->storage, machines[i], none, error));
        assert_ok(storage_machine_facts(bench->storage, machines[i]->id, &facts, error));
        assert_false(facts.exists);
    }
}

static const struct CMUnitTest tests[] = {
    BENCH_TEST(one_switch_brings_all_volumes),
    BENCH_TEST(a_switch_that_has_happened_is_reported_the_same),
    BENCH_TEST(an_old_generation_that_was_never_written_is_reported),
    BENCH_TEST(what_is_not_staged_cannot_be_switched_to),
    BENCH_TEST(nothing_that_qemu_has_open_is_switched),
    BENCH_TEST(a_kept_head_must_be_the_one_that_lies_there),
    BENCH_TEST(put_aside_keeps_the_system_and_proven_links_go),
    BENCH_TEST(put_aside_without_keep_leaves_only_now),
    BENCH_TEST(nothing_is_kept_where_only_links_are_left),
    BENCH_TEST(what_is_staged_is_not_put_aside),
    BENCH_TEST(data_replaced_by_name_goes_with_its_generation),
    BENCH_TEST(data_that_nothing_explains_stops_the_put_aside),
    BENCH_TEST(marks_come_and_go),
    BENCH_TEST(a_stamp_is_confirmed_only_where_it_was_announced),
    BENCH_TEST(put_aside_removes_the_mark),
    BENCH_TEST(removed_data_waits_in_the_trash_and_comes_back),
    BENCH_TEST(data_is_deleted_only_where_the_record_says_so),
    BENCH_TEST(a_running_machine_is_not_removed),
    BENCH_TEST(removing_an_unfinished_machine_takes_everything),
};
BENCH_MAIN(tests)
