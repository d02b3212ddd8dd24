/* Contract: staging. */
#include "bench.h"

#include <string.h>

static void blank_heads_read_as_zeroes_and_have_their_capacity(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_make("m", "qcow2");
    Generation *first = generation_make(machine, CAUSE_IMPORT);
    generation_add(first, "vda", ROLE_SYSTEM, "qcow2", HEAD_BLANK);
    generation_add(first, "vdb", ROLE_TEMPORARY, "qcow2", HEAD_BLANK);
    generation_add(first, "vdc", ROLE_DATA, "qcow2", HEAD_BLANK);
    machine_want(machine, first);
    assert_ok(machine_settle(bench, machine, FALSE, error));
    g_auto(HeadFacts) facts = facts_now(bench, machine, "vda");
    assert_true(facts.exists && !facts.written && !facts.locked);
    assert_int_equal(facts.capacity_bytes, CAPACITY);
    assert_int_equal(facts.link_count, 1);
    assert_null(facts.backing);
    assert_int_equal(byte_at(bench, machine, "vda", 0), 0);
    guint8 buffer[16];
    assert_int_equal(
        storage_read(bench->storage, machine, "vda", CAPACITY - 4, buffer, sizeof buffer, NULL), 4);
    assert_int_equal(
        storage_read(bench->storage, machine, "vda", CAPACITY, buffer, sizeof buffer, NULL), 0);
}

static void guest_bytes_are_read_back(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    assert_int_equal(byte_at(bench, machine, "vdc", FILLED - 1), 'D');
    assert_int_equal(byte_at(bench, machine, "vdc", FILLED), 0);
    g_auto(HeadFacts) facts = facts_now(bench, machine, "vdc");
    assert_true(facts.written);
}

static void staging_changes_nothing_in_now(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = clone_make(bench, base, "m");
    bench->write(bench, machine, "vdc", 0, 'E', FILLED);
    g_auto(HeadFacts) system = facts_now(bench, machine, "vda");
    g_auto(HeadFacts) data = facts_now(bench, machine, "vdc");
    machine_want(machine, generation_fresh(machine, base));
    assert_ok(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error));
    g_auto(HeadFacts) system_after = facts_now(bench, machine, "vda");
    g_auto(HeadFacts) data_after = facts_now(bench, machine, "vdc");
    assert_int_equal(system_after.inode, system.inode);
    assert_int_equal(data_after.inode, data.inode);
    assert_int_equal(data_after.mtime_ns, data.mtime_ns);
    assert_int_equal(data_after.size_bytes, data.size_bytes);
    assert_int_equal(data_after.link_count, 2);
    g_auto(HeadFacts) staged = {0};
    assert_ok(storage_head_facts(bench->storage, machine, machine->desired, "vdc", &staged, error));
    assert_int_equal(staged.inode, data.inode);
    g_auto(HeadFacts) fresh = {0};
    assert_ok(storage_head_facts(bench->storage, machine, machine->desired, "vda", &fresh, error));
    assert_int_not_equal(fresh.inode, system.inode);
    assert_false(fresh.written);
}

static void fresh_heads_show_their_layers(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = clone_make(bench, base, "m");
    g_auto(HeadFacts) facts = facts_now(bench, machine, "vda");
    assert_non_null(facts.backing);
    assert_false(facts.written);
    assert_int_equal(byte_at(bench, machine, "vda", 0), 'S');
    assert_int_equal(byte_at(bench, machine, "vdb", 0), 'T');
    assert_int_equal(byte_at(bench, machine, "vdc", 0), 'D');
    bench->write(bench, machine, "vda", 0, 's', FILLED / 2);
    assert_int_equal(byte_at(bench, machine, "vda", 0), 's');
    assert_int_equal(byte_at(bench, machine, "vda", FILLED - 1), 'S');
    assert_int_equal(byte_at(bench, base, "vda", 0), 'S');
}

static void a_missing_layer_stages_nothing(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = machine_with_content(bench, "base", "qcow2");
    g_autoptr(Machine) machine = machine_make("m", "qcow2");
    g_auto(MachineFacts) facts = {0};
    base->set_id = id_new(); /* never sealed */
    machine_want(machine, generation_fresh(machine, base));
    assert_refused(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error),
                   UNDERPIN_ERROR_NOT_FOUND);
    assert_ok(storage_machine_facts(bench->storage, machine->id, &facts, error));
    assert_false(facts.exists);
}

static void a_machine_that_is_not_there_has_no_facts(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_make("m", "qcow2");
    g_auto(MachineFacts) facts = {0};
    assert_ok(storage_machine_facts(bench->storage, machine->id, &facts, error));
    assert_true(!facts.exists && !facts.now && !facts.next && !facts.next_broken && !facts.marked);
    assert_true(!facts.entries || facts.entries->len == 0);
    g_auto(HeadFacts) head = facts_now(bench, machine, "vda");
    assert_false(head.exists);
    assert_refused(storage_head_facts(bench->storage, machine, 0, "vdz", &head, error),
                   UNDERPIN_ERROR_NOT_FOUND);
}

static void a_heads_status_is_what_its_facts_say_of_the_file(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    g_autoptr(Machine) missing = machine_make("n", "qcow2");
    g_auto(HeadFacts) facts = facts_now(bench, machine, "vdc");
    HeadFacts status = {0};
    assert_ok(storage_head_status(bench->storage, machine, "vdc", &status, error));
    assert_true(status.exists);
    assert_int_equal(status.inode, facts.inode);
    assert_int_equal(status.device, facts.device);
    assert_int_equal(status.size_bytes, facts.size_bytes);
    assert_int_equal(status.allocated_bytes, facts.allocated_bytes);
    assert_int_equal(status.mtime_ns, facts.mtime_ns);
    assert_int_equal(status.link_count, facts.link_count);
    assert_false(status.written);
    assert_ok(storage_head_status(bench->storage, missing, "vdc", &status, error));
    assert_false(status.exists);
    assert_refused(storage_head_status(bench->storage, machine, "vdz", &status, error),
                   UNDERPIN_ERROR_NOT_FOUND);
}

static void abandoning_removes_next_and_nothing_else(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    g_auto(MachineFacts) facts = {0};
    machine_want(machine, generation_keep_all(machine));
    assert_ok(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error));
    assert_ok(storage_abandon(bench->storage, machine->id, error));
    assert_ok(storage_abandon(bench->storage, machine->id, error));
    assert_ok(storage_machine_facts(bench->storage, machine->id, &facts, error));
    assert_int_equal(facts.now, 1);
    assert_int_equal(facts.next, 0);
    assert_false(facts.next_broken);
    g_auto(HeadFacts) data = facts_now(bench, machine, "vdc");
    assert_int_equal(data.link_count, 1);
    assert_int_equal(byte_at(bench, machine, "vdc", 0), 'D');
}

static void abandoning_a_new_machine_leaves_no_trace(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_make("m", "qcow2");
    Generation *first = generation_make(machine, CAUSE_IMPORT);
    g_auto(MachineFacts) facts = {0};
    generation_add(first, "vda", ROLE_SYSTEM, "qcow2", HEAD_BLANK);
    machine_want(machine, first);
    assert_ok(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error));
    assert_ok(storage_abandon(bench->storage, machine->id, error));
    assert_ok(storage_machine_facts(bench->storage, machine->id, &facts, error));
    assert_false(facts.exists);
    assert_ok(storage_abandon(bench->storage, machine->id, error));
}

/* Its heads may be the only ones: they are put aside, not thrown away. */
static void the_old_generation_after_a_switch_is_not_abandoned(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = clone_make(bench, base, "m");
    SwitchResult result = {0};
    g_auto(HeadFacts) old = facts_now(bench, machine, "vda");
    machine_want(machine, generation_fresh(machine, base));
    assert_ok(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error));
    assert_ok(storage_switch(bench->storage, machine, 2, &result, error));
    assert_refused(storage_abandon(bench->storage, machine->id, error), UNDERPIN_ERROR_BUSY);
    assert_refused(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error),
                   UNDERPIN_ERROR_BUSY);
    g_auto(HeadFacts) still = {0};
    assert_ok(storage_head_facts(bench->storage, machine, 1, "vda", &still, error));
    assert_int_equal(still.inode, old.inode);
}

static void staging_again_replaces_what_was_staged(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    g_auto(MachineFacts) facts = {0};
    machine_want(machine, generation_keep_all(machine));
    assert_ok(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error));
    machine_want(machine, generation_keep_all(machine));
    assert_ok(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error));
    assert_ok(storage_machine_facts(bench->storage, machine->id, &facts, error));
    assert_int_equal(facts.next, 3);
    g_auto(HeadFacts) data = facts_now(bench, machine, "vdc");
    assert_int_equal(data.link_count, 2);
}

static void an_undo_entry_comes_back_as_it_was(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = clone_make(bench, base, "m");
    bench->write(bench, machine, "vda", 0, 'x', FILLED);
    bench->write(bench, machine, "vdc", 0, 'y', FILLED);
    g_auto(HeadFacts) first = facts_now(bench, machine, "vda");
    machine_want(machine, generation_fresh(machine, base));
    assert_ok(machine_settle(bench, machine, TRUE, error));
    assert_int_equal(byte_at(bench, machine, "vda", 0), 'S');
    bench->write(bench, machine, "vdc", 0, 'z', FILLED);
    Generation *undo = generation_fresh(machine, base);
    Head *head = (Head *)generation_head(undo, "vda");
    head->source = HEAD_ENTRY;
    head->source_generation = 1;
    machine_want(machine, undo);
    assert_ok(machine_settle(bench, machine, TRUE, error));
    assert_int_equal(byte_at(bench, machine, "vda", 0), 'x');
    assert_int_equal(byte_at(bench, machine, "vdb", 0), 'T');
    assert_int_equal(byte_at(bench, machine, "vdc", 0), 'z');
    g_auto(HeadFacts) again = facts_now(bench, machine, "vda");
    assert_int_equal(again.inode, first.inode);
}

static void an_unknown_undo_entry_is_refused(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    Generation *undo = generation_keep_all(machine);
    Head *head = (Head *)generation_head(undo, "vda");
    head->source = HEAD_ENTRY;
    head->source_generation = 77;
    machine_want(machine, undo);
    assert_refused(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error),
                   UNDERPIN_ERROR_NOT_FOUND);
}

/* What the catalog says a head sits on is compared with what it does sit on. */
static void a_kept_head_on_another_layer_is_a_bug(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = clone_make(bench, base, "m");
    Generation *keep = generation_keep_all(machine);
    head_set_layer((Head *)generation_head(keep, "vdc"), NULL, NULL);
    machine_want(machine, keep);
    assert_refused(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error),
                   UNDERPIN_ERROR_BUG);
}

static void resized_copies_leave_the_original(void **state)
{
    static const struct {
        const char *format;
        guint64 capacity;
    } cases[] = {
        {"qcow2", 2 * CAPACITY}, {"qcow2", FILLED}, {"raw", 2 * CAPACITY}, {"raw", FILLED}};
    Bench *bench = *state;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Machine) machine = machine_with_content(bench, "m", cases[i].format);
        g_auto(HeadFacts) before = facts_now(bench, machine, "vdc");
        Generation *resize = generation_keep_all(machine);
        Head *head = (Head *)generation_head(resize, "vdc");
        head->source = HEAD_COPY;
        head->capacity_bytes = cases[i].capacity;
        machine_want(machine, resize);
        assert_ok(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error));
        g_auto(HeadFacts) original = facts_now(bench, machine, "vdc");
        assert_int_equal(original.inode, before.inode);
        assert_int_equal(original.mtime_ns, before.mtime_ns);
        assert_int_equal(original.capacity_bytes, CAPACITY);
        assert_ok(machine_settle(bench, machine, FALSE, error));
        g_auto(HeadFacts) after = facts_now(bench, machine, "vdc");
        assert_int_equal(after.capacity_bytes, cases[i].capacity);
        assert_int_equal(byte_at(bench, machine, "vdc", FILLED - 1), 'D');
        if (cases[i].capacity > CAPACITY)
            assert_int_equal(byte_at(bench, machine, "vdc", CAPACITY), 0);
    }
}

static void flattened_heads_stand_alone_with_the_same_content(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = clone_make(bench, base, "m");
    bench->write(bench, machine, "vda", 0, 's', FILLED / 2);
    Generation *detach = generation_keep_all(machine);
    Head *head = (Head *)generation_head(detach, "vda");
    head->source = HEAD_FLATTEN;
    head_set_layer(head, NULL, NULL);
    machine_want(machine, detach);
    assert_ok(machine_settle(bench, machine, FALSE, error));
    g_auto(HeadFacts) facts = facts_now(bench, machine, "vda");
    assert_null(facts.backing);
    assert_int_equal(byte_at(bench, machine, "vda", 0), 's');
    assert_int_equal(byte_at(bench, machine, "vda", FILLED - 1), 'S');
    assert_int_equal(byte_at(bench, machine, "vda", FILLED), 0);
}

static void copies_need_a_quiet_head_and_links_do_not(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    bench->set_locked(bench, machine, "vdc", TRUE);
    g_auto(HeadFacts) facts = facts_now(bench, machine, "vdc");
    assert_true(facts.locked);
    Generation *resize = generation_keep_all(machine);
    ((Head *)generation_head(resize, "vdc"))->source = HEAD_COPY;
    machine_want(machine, resize);
    assert_refused(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error),
                   UNDERPIN_ERROR_BUSY);
    machine_want(machine, generation_keep_all(machine));
    assert_ok(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error));
    bench->set_locked(bench, machine, "vdc", FALSE);
}

static void a_cancelled_copy_leaves_nothing(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "raw");
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_auto(MachineFacts) facts = {0};
    Generation *resize = generation_keep_all(machine);
    ((Head *)generation_head(resize, "vdc"))->source = HEAD_COPY;
    machine_want(machine, resize);
    g_cancellable_cancel(cancellable);
    assert_refused(
        storage_stage(bench->storage, machine, machine_desired(machine), cancellable, error),
        UNDERPIN_ERROR_CANCELLED);
    assert_ok(storage_machine_facts(bench->storage, machine->id, &facts, error));
    assert_true(facts.next == 0 && !facts.next_broken);
}

static void uefi_variables_follow_their_source(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_make("m", "qcow2");
    Generation *first = generation_make(machine, CAUSE_IMPORT);
    generation_add(first, "vda", ROLE_SYSTEM, "qcow2", HEAD_BLANK);
    first->nvram = NVRAM_ADOPT;
    first->nvram_path = g_strdup(bench->put_nvram(bench, "vars.fd", "adopted"));
    machine_want(machine, first);
    assert_ok(machine_settle(bench, machine, FALSE, error));
    g_autofree char *adopted = bench->read_nvram(bench, machine);
    assert_string_equal(adopted, "adopted");

    bench->write_nvram(bench, machine, "one");
    Generation *keep = generation_keep_all(machine);
    ((Head *)generation_head(keep, "vda"))->source = HEAD_BLANK;
    keep->nvram = NVRAM_KEEP;
    machine_want(machine, keep);
    assert_ok(storage_stage(bench->storage, machine, keep, NULL, error));
    bench->write_nvram(bench, machine, "two"); /* a guest that ran between staging and switch */
    assert_ok(machine_settle(bench, machine, TRUE, error));
    g_autofree char *kept = bench->read_nvram(bench, machine);
    assert_string_equal(kept, "two");

    bench->write_nvram(bench, machine, "three");
    Generation *undo = generation_keep_all(machine);
    undo->nvram = NVRAM_ENTRY;
    undo->nvram_generation = 1;
    machine_want(machine, undo);
    assert_ok(machine_settle(bench, machine, FALSE, error));
    g_autofree char *undone = bench->read_nvram(bench, machine);
    assert_string_equal(undone, "two");

    Generation *none = generation_keep_all(machine);
    machine_want(machine, none);
    assert_ok(machine_settle(bench, machine, FALSE, error));
    assert_null(bench->read_nvram(bench, machine));
}

static void uefi_variables_of_a_base_reach_its_clones(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = machine_make("base", "qcow2");
    Generation *first = generation_make(base, CAUSE_IMPORT);
    generation_add(first, "vda", ROLE_SYSTEM, "qcow2", HEAD_BLANK);
    first->nvram = NVRAM_ADOPT;
    first->nvram_path = g_strdup(bench->put_nvram(bench, "vars.fd", "of the base"));
    machine_want(base, first);
    g_ptr_array_set_size(base->volumes, 1);
    assert_ok(machine_settle(bench, base, FALSE, error));
    machine_seal(bench, base);
    g_autoptr(Machine) machine = machine_make("m", "qcow2");
    Generation *fresh = generation_fresh(machine, base);
    fresh->nvram = NVRAM_BASE;
    fresh->nvram_path = g_strdup(base->set_id);
    machine_want(machine, fresh);
    assert_ok(machine_settle(bench, machine, FALSE, error));
    g_autofree char *text = bench->read_nvram(bench, machine);
    assert_string_equal(text, "of the base");
}

/* As 'virsh blockpull' leaves it: kept from then on as a head that sits on nothing. */
static void a_head_that_was_pulled_off_its_layer_is_kept_as_standalone(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = clone_make(bench, base, "m");
    bench->write(bench, machine, "vdc", 0, 'x', FILLED / 2);
    guint64 inode = inode_now(bench, machine, "vdc");
    bench->pull(bench, machine, "vdc");
    g_auto(HeadFacts) facts = facts_now(bench, machine, "vdc");
    assert_null(facts.backing);
    assert_true(facts.is_ours);
    Generation *keep = generation_keep_all(machine);
    machine_want(machine, keep);
    assert_refused(storage_stage(bench->storage, machine, keep, NULL, error), UNDERPIN_ERROR_BUG);
    head_set_layer((Head *)generation_head(keep, "vdc"), NULL, NULL);
    assert_ok(machine_settle(bench, machine, FALSE, error));
    assert_int_equal(inode_now(bench, machine, "vdc"), inode);
    assert_int_equal(byte_at(bench, machine, "vdc", 0), 'x');
    assert_int_equal(byte_at(bench, machine, "vdc", FILLED - 1), 'D');
}

static void an_image_from_outside_is_not_ours(void **state)
{
    Bench *bench = *state;
    const char *path = bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    g_autoptr(Machine) machine = machine_make("m", "qcow2");
    Generation *first = generation_make(machine, CAUSE_IMPORT);
    generation_add(first, "vdc", ROLE_DATA, "qcow2", HEAD_ADOPT)->source_path = g_strdup(path);
    machine_want(machine, first);
    assert_ok(machine_settle(bench, machine, FALSE, error));
    g_auto(HeadFacts) facts = facts_now(bench, machine, "vdc");
    assert_true(facts.exists && !facts.is_ours);
}

static char *digest_now(Bench *bench, const Machine *machine, const char *target)
{
    g_autoptr(GError) error = NULL;
    char *digest = storage_volume_digest(bench->storage, machine, target, NULL, &error);
    if (!digest)
        fail_msg("%s", error->message);
    return digest;
}

static void the_digest_of_a_volume_is_of_what_its_guest_sees(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = clone_make(bench, base, "m");
    g_autoptr(Layer) layer = layer_of(base, "vdc");
    g_autoptr(GCancellable) cancelled = g_cancellable_new();
    g_autofree char *of_layer = storage_layer_digest(bench->storage, layer, NULL, NULL);
    g_autofree char *fresh = digest_now(bench, machine, "vdc");
    assert_string_equal(fresh, of_layer);
    bench->write(bench, machine, "vdc", FILLED / 2, 'x', FILLED);
    g_auto(HeadFacts) before = facts_now(bench, machine, "vdc");
    g_autofree char *written = digest_now(bench, machine, "vdc");
    g_auto(HeadFacts) after = facts_now(bench, machine, "vdc");
    assert_string_not_equal(written, fresh);
    assert_int_equal(before.mtime_ns, after.mtime_ns);
    assert_int_equal(before.inode, after.inode);
    /* The same bytes again, now in the head itself. */
    bench->write(bench, machine, "vdc", FILLED / 2, 'D', FILLED / 2);
    bench->write(bench, machine, "vdc", FILLED, 0, FILLED / 2);
    g_autofree char *as_before = digest_now(bench, machine, "vdc");
    assert_string_equal(as_before, fresh);
    g_cancellable_cancel(cancelled);
    assert_null(storage_volume_digest(bench->storage, machine, "vdc", cancelled, NULL));
    assert_null(storage_volume_digest(bench->storage, machine, "vdz", NULL, NULL));
}

static const struct CMUnitTest tests[] = {
    BENCH_TEST(the_digest_of_a_volume_is_of_what_its_guest_sees),
    BENCH_TEST(a_head_that_was_pulled_off_its_layer_is_kept_as_standalone),
    BENCH_TEST(an_image_from_outside_is_not_ours),
    BENCH_TEST(blank_heads_read_as_zeroes_and_have_their_capacity),
    BENCH_TEST(guest_bytes_are_read_back),
    BENCH_TEST(staging_changes_nothing_in_now),
    BENCH_TEST(fresh_heads_show_their_layers),
    BENCH_TEST(a_missing_layer_stages_nothing),
    BENCH_TEST(a_machine_that_is_not_there_has_no_facts),
    BENCH_TEST(a_heads_status_is_what_its_facts_say_of_the_file),
    BENCH_TEST(abandoning_removes_next_and_nothing_else),
    BENCH_TEST(abandoning_a_new_machine_leaves_no_trace),
    BENCH_TEST(the_old_generation_after_a_switch_is_not_abandoned),
    BENCH_TEST(staging_again_replaces_what_was_staged),
    BENCH_TEST(an_undo_entry_comes_back_as_it_was),
    BENCH_TEST(an_unknown_undo_entry_is_refused),
    BENCH_TEST(a_kept_head_on_another_layer_is_a_bug),
    BENCH_TEST(resized_copies_leave_the_original),
    BENCH_TEST(flattened_heads_stand_alone_with_the_same_content),
    BENCH_TEST(copies_need_a_quiet_head_and_links_do_not),
    BENCH_TEST(a_cancelled_copy_leaves_nothing),
    BENCH_TEST(uefi_variables_follow_their_source),
    BENCH_TEST(uefi_variables_of_a_base_reach_its_clones),
};
BENCH_MAIN(tests)
