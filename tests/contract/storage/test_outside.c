/* Contract: images outside the store: probing, import, export. */
#include "bench.h"

#include <string.h>

/* A machine whose vdc is taken over from `path`, staged and switched but not finished. */
static Machine *adopt(Bench *bench, const char *path, const char *format)
{
    Machine *machine = machine_make("m", format);
    Generation *first = generation_make(machine, CAUSE_IMPORT);
    generation_add(first, "vda", ROLE_SYSTEM, format, HEAD_BLANK);
    generation_add(first, "vdb", ROLE_TEMPORARY, format, HEAD_BLANK);
    generation_add(first, "vdc", ROLE_DATA, format, HEAD_ADOPT)->source_path = g_strdup(path);
    machine->origin = g_strdup_printf("{\"disks\":[{\"target\":\"vdc\",\"path\":\"%s\"}]}", path);
    machine_want(machine, first);
    assert_ok(machine_settle(bench, machine, FALSE, error));
    return machine;
}

static void an_image_is_what_its_header_proves(void **state)
{
    Bench *bench = *state;
    g_auto(ImageFacts) facts = {0};
    const char *path = bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    assert_ok(storage_probe_image(bench->storage, path, NULL, &facts, error));
    assert_string_equal(facts.format, "qcow2");
    assert_string_equal(facts.canonical_path, path);
    assert_int_equal(facts.capacity_bytes, CAPACITY);
    assert_int_equal(facts.link_count, 1);
    assert_true(facts.same_file_system && !facts.locked && !facts.is_block_device);
    assert_null(facts.backing);
    assert_true(storage_is_file(bench->storage, path, facts.device, facts.inode));
    assert_false(storage_is_file(bench->storage, path, facts.device, facts.inode + 1));
    assert_false(storage_is_file(bench->storage, "/no/such/file", facts.device, facts.inode));
}

static void raw_is_stated_and_never_guessed(void **state)
{
    Bench *bench = *state;
    g_auto(ImageFacts) facts = {0};
    const char *path = bench->put_image(bench, "a.raw", "raw", CAPACITY, NULL);
    assert_refused(storage_probe_image(bench->storage, path, NULL, &facts, error),
                   UNDERPIN_ERROR_REFUSED);
    assert_refused(storage_probe_image(bench->storage, path, "qcow2", &facts, error),
                   UNDERPIN_ERROR_INVALID);
    assert_ok(storage_probe_image(bench->storage, path, "raw", &facts, error));
    assert_string_equal(facts.format, "raw");
    assert_int_equal(facts.capacity_bytes, CAPACITY);
}

static void what_is_not_there_or_not_ours_to_read_is_refused(void **state)
{
    Bench *bench = *state;
    g_auto(ImageFacts) facts = {0};
    const char *path = bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    g_autofree char *missing = g_strconcat(path, ".missing", NULL);
    assert_refused(storage_probe_image(bench->storage, missing, NULL, &facts, error),
                   UNDERPIN_ERROR_NOT_FOUND);
    assert_refused(storage_probe_image(bench->storage, "a.qcow2", NULL, &facts, error),
                   UNDERPIN_ERROR_REFUSED);
}

static void an_image_that_another_sits_on_is_found(void **state)
{
    Bench *bench = *state;
    const char *below = bench->put_image(bench, "below.qcow2", "qcow2", CAPACITY, NULL);
    g_autofree char *nobody = NULL;
    g_autofree char *by = NULL;
    g_autofree char *by_top = NULL;
    assert_ok(storage_find_user_of_image(bench->storage, below, &nobody, error));
    assert_null(nobody);
    const char *top = bench->put_image(bench, "top.qcow2", "qcow2", CAPACITY, below);
    assert_ok(storage_find_user_of_image(bench->storage, below, &by, error));
    assert_true(g_str_has_suffix(by, "top.qcow2"));
    assert_ok(storage_find_user_of_image(bench->storage, top, &by_top, error));
    assert_null(by_top);
    g_auto(ImageFacts) facts = {0};
    assert_ok(storage_probe_image(bench->storage, top, NULL, &facts, error));
    assert_string_equal(facts.backing, below);
}

static void adopting_keeps_the_file_and_takes_its_name_last(void **state)
{
    Bench *bench = *state;
    g_auto(ImageFacts) image = {0};
    const char *path = bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    bench->fill_image(bench, path, 'I', FILLED);
    assert_ok(storage_probe_image(bench->storage, path, NULL, &image, error));
    g_autoptr(Machine) machine = adopt(bench, path, "qcow2");
    assert_true(bench->has_image(bench, path));
    g_auto(HeadFacts) head = facts_now(bench, machine, "vdc");
    assert_int_equal(head.inode, image.inode);
    assert_int_equal(head.link_count, 2);
    for (int i = 0; i < 2; i++) {
        assert_ok(storage_adopt_finish(bench->storage, machine, error));
        assert_false(bench->has_image(bench, path));
        bench->reopen(bench);
    }
    assert_int_equal(byte_at(bench, machine, "vdc", 0), 'I');
    g_autofree char *now =
        storage_head_path(bench->storage, machine->id, machine_volume(machine, "vdc"));
    assert_true(storage_is_file(bench->storage, now, image.device, image.inode));
}

static void a_name_that_leads_elsewhere_by_now_stays(void **state)
{
    Bench *bench = *state;
    const char *path = bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    g_autoptr(Machine) machine = adopt(bench, path, "qcow2");
    assert_ok(storage_adopt_finish(bench->storage, machine, error));
    bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    assert_ok(storage_adopt_finish(bench->storage, machine, error));
    assert_true(bench->has_image(bench, path));
}

static void abandoning_an_import_leaves_the_image(void **state)
{
    Bench *bench = *state;
    const char *path = bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    g_autoptr(Machine) machine = machine_make("m", "qcow2");
    Generation *first = generation_make(machine, CAUSE_IMPORT);
    g_auto(ImageFacts) facts = {0};
    generation_add(first, "vdc", ROLE_DATA, "qcow2", HEAD_ADOPT)->source_path = g_strdup(path);
    machine_want(machine, first);
    assert_ok(storage_stage(bench->storage, machine, first, NULL, error));
    assert_ok(storage_abandon(bench->storage, machine->id, error));
    assert_ok(storage_probe_image(bench->storage, path, NULL, &facts, error));
    assert_int_equal(facts.link_count, 1);
}

static void only_the_image_that_was_looked_at_is_adopted(void **state)
{
    Bench *bench = *state;
    const char *path = bench->put_image(bench, "a.qcow2", "qcow2", 2 * CAPACITY, NULL);
    g_autoptr(Machine) machine = machine_make("m", "qcow2");
    Generation *first = generation_make(machine, CAUSE_IMPORT);
    generation_add(first, "vdc", ROLE_DATA, "qcow2", HEAD_ADOPT)->source_path = g_strdup(path);
    machine_want(machine, first);
    assert_refused(storage_stage(bench->storage, machine, first, NULL, error),
                   UNDERPIN_ERROR_REFUSED);
    assert_true(bench->has_image(bench, path));
}

static void converting_copies_the_content_and_leaves_the_source(void **state)
{
    Bench *bench = *state;
    const char *below = bench->put_image(bench, "below.qcow2", "qcow2", CAPACITY, NULL);
    bench->fill_image(bench, below, 'B', FILLED);
    const char *top = bench->put_image(bench, "top.qcow2", "qcow2", CAPACITY, below);
    bench->fill_image(bench, top, 'T', FILLED / 2);
    g_autoptr(Machine) machine = machine_make("m", "qcow2");
    Generation *first = generation_make(machine, CAUSE_IMPORT);
    Head *head = generation_add(first, "vdc", ROLE_DATA, "qcow2", HEAD_CONVERT);
    head->source_path = g_strdup(top);
    head->source_format = g_strdup("qcow2");
    machine_want(machine, first);
    assert_ok(machine_settle(bench, machine, FALSE, error));
    assert_ok(storage_adopt_finish(bench->storage, machine, error));
    assert_int_equal(byte_at(bench, machine, "vdc", 0), 'T');
    assert_int_equal(byte_at(bench, machine, "vdc", FILLED / 2), 'B');
    assert_int_equal(byte_at(bench, machine, "vdc", FILLED), 0);
    g_auto(HeadFacts) facts = facts_now(bench, machine, "vdc");
    assert_null(facts.backing);
    assert_true(bench->has_image(bench, top) && bench->has_image(bench, below));
}

static void export_puts_a_volume_back_where_it_was(void **state)
{
    Bench *bench = *state;
    const char *path = bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    g_autoptr(Machine) machine = adopt(bench, path, "qcow2");
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    g_auto(ImageFacts) facts = {0};
    assert_ok(storage_adopt_finish(bench->storage, machine, error));
    g_auto(HeadFacts) head = facts_now(bench, machine, "vdc");
    for (int i = 0; i < 2; i++) {
        assert_ok(storage_export(bench->storage, machine, NULL, error));
        assert_true(bench->has_image(bench, path));
        bench->reopen(bench);
    }
    machine->desired_place = PLACE_GONE;
    machine->export_out = TRUE;
    assert_ok(storage_remove(bench->storage, machine, none, error));
    assert_ok(storage_probe_image(bench->storage, path, NULL, &facts, error));
    assert_int_equal(facts.inode, head.inode);
    assert_int_equal(facts.link_count, 1);
}

static void assert_variables(Bench *bench, const char *path, const char *expected)
{
    g_autofree char *text = bench->get_nvram(bench, path);
    assert_string_equal(text, expected);
}

/* A machine that was imported with its UEFI variables and has changed them since. */
static Machine *adopt_with_variables(Bench *bench, const char *image, const char *variables)
{
    Machine *machine = machine_make("m", "qcow2");
    Generation *first = generation_make(machine, CAUSE_IMPORT);
    generation_add(first, "vdc", ROLE_DATA, "qcow2", HEAD_ADOPT)->source_path = g_strdup(image);
    first->nvram = NVRAM_ADOPT;
    first->nvram_path = g_strdup(variables);
    machine->origin = g_strdup_printf(
        "{\"disks\":[{\"target\":\"vdc\",\"path\":\"%s\"}],\"nvram\":\"%s\"}", image, variables);
    machine_want(machine, first);
    assert_ok(machine_settle(bench, machine, FALSE, error));
    assert_ok(storage_adopt_finish(bench->storage, machine, error));
    bench->write_nvram(bench, machine, "changed");
    return machine;
}

static void export_gives_changed_variables_back(void **state)
{
    Bench *bench = *state;
    const char *path = bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    const char *variables = bench->put_nvram(bench, "vars.fd", "as imported");
    g_autoptr(Machine) machine = adopt_with_variables(bench, path, variables);
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    assert_ok(storage_export(bench->storage, machine, NULL, error));
    assert_variables(bench, variables, "as imported"); /* it may still be abandoned */
    machine->desired_place = PLACE_GONE;
    machine->export_out = TRUE;
    assert_ok(storage_export_finish(bench->storage, machine, error));
    assert_variables(bench, variables, "changed");
    bench->reopen(bench);
    /* A guest that has started on them since is not taken back. */
    bench->put_nvram(bench, "vars.fd", "newer");
    assert_ok(storage_export_finish(bench->storage, machine, error));
    assert_ok(storage_remove(bench->storage, machine, none, error));
    assert_ok(storage_export_finish(bench->storage, machine, error));
    assert_variables(bench, variables, "newer");
    assert_true(bench->has_image(bench, path));
}

static void variables_that_are_missing_are_made_again(void **state)
{
    Bench *bench = *state;
    const char *path = bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    const char *variables = bench->put_nvram(bench, "vars.fd", "as imported");
    g_autoptr(Machine) machine = adopt_with_variables(bench, path, variables);
    machine->desired_place = PLACE_GONE;
    machine->export_out = TRUE;
    bench->put_nvram(bench, "vars.fd", NULL);
    assert_ok(storage_export_finish(bench->storage, machine, error));
    assert_variables(bench, variables, "changed");
}

static void export_never_replaces_what_lies_there(void **state)
{
    Bench *bench = *state;
    const char *path = bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    g_autoptr(Machine) machine = adopt(bench, path, "qcow2");
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    g_auto(ImageFacts) before = {0}, after = {0};
    assert_ok(storage_adopt_finish(bench->storage, machine, error));
    bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    assert_ok(storage_probe_image(bench->storage, path, NULL, &before, error));
    assert_refused(storage_export(bench->storage, machine, NULL, error), UNDERPIN_ERROR_EXISTS);
    assert_ok(storage_probe_image(bench->storage, path, NULL, &after, error));
    assert_int_equal(after.inode, before.inode);
    machine->desired_place = PLACE_GONE;
    machine->export_out = TRUE;
    g_autoptr(GError) error = NULL;
    assert_false(storage_remove(bench->storage, machine, none, &error));
    assert_true(exists_now(bench, machine, "vdc"));
}

static void an_export_can_be_taken_back(void **state)
{
    Bench *bench = *state;
    const char *path = bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    g_autoptr(Machine) machine = adopt(bench, path, "qcow2");
    assert_ok(storage_adopt_finish(bench->storage, machine, error));
    assert_ok(storage_export(bench->storage, machine, NULL, error));
    for (int i = 0; i < 2; i++) {
        assert_ok(storage_export_abandon(bench->storage, machine, error));
        assert_false(bench->has_image(bench, path));
        assert_true(exists_now(bench, machine, "vdc"));
        bench->reopen(bench);
    }
}

static void taking_an_export_back_spares_what_others_put_there(void **state)
{
    Bench *bench = *state;
    const char *path = bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    g_autoptr(Machine) machine = adopt(bench, path, "qcow2");
    assert_ok(storage_adopt_finish(bench->storage, machine, error));
    bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    assert_ok(storage_export_abandon(bench->storage, machine, error));
    assert_true(bench->has_image(bench, path));
}

static void only_imported_standalone_quiet_machines_are_exported(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = clone_make(bench, base, "m");
    assert_refused(storage_export(bench->storage, machine, NULL, error), UNDERPIN_ERROR_REFUSED);
    machine->origin = g_strdup("{\"disks\":[{\"target\":\"vdc\",\"path\":\"/import/c.qcow2\"}]}");
    assert_refused(storage_export(bench->storage, machine, NULL, error), UNDERPIN_ERROR_REFUSED);
    const char *path = bench->put_image(bench, "a.qcow2", "qcow2", CAPACITY, NULL);
    g_autoptr(Machine) running = adopt(bench, path, "qcow2");
    assert_ok(storage_adopt_finish(bench->storage, running, error));
    bench->set_locked(bench, running, "vdc", TRUE);
    assert_refused(storage_export(bench->storage, running, NULL, error), UNDERPIN_ERROR_BUSY);
    bench->set_locked(bench, running, "vdc", FALSE);
    assert_false(bench->has_image(bench, path));
}

static const struct CMUnitTest tests[] = {
    BENCH_TEST(an_image_is_what_its_header_proves),
    BENCH_TEST(raw_is_stated_and_never_guessed),
    BENCH_TEST(what_is_not_there_or_not_ours_to_read_is_refused),
    BENCH_TEST(an_image_that_another_sits_on_is_found),
    BENCH_TEST(adopting_keeps_the_file_and_takes_its_name_last),
    BENCH_TEST(a_name_that_leads_elsewhere_by_now_stays),
    BENCH_TEST(abandoning_an_import_leaves_the_image),
    BENCH_TEST(only_the_image_that_was_looked_at_is_adopted),
    BENCH_TEST(converting_copies_the_content_and_leaves_the_source),
    BENCH_TEST(export_puts_a_volume_back_where_it_was),
    BENCH_TEST(export_gives_changed_variables_back),
    BENCH_TEST(variables_that_are_missing_are_made_again),
    BENCH_TEST(an_export_can_be_taken_back),
    BENCH_TEST(taking_an_export_back_spares_what_others_put_there),
    BENCH_TEST(export_never_replaces_what_lies_there),
    BENCH_TEST(only_imported_standalone_quiet_machines_are_exported),
};
BENCH_MAIN(tests)
