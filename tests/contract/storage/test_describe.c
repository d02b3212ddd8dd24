/* Contract: status, names, and the store's account of itself. */
#include "bench.h"

#include <string.h>

static void a_new_store_says_what_it_can(void **state)
{
    Bench *bench = *state;
    StoreStatus status;
    assert_ok(storage_status(bench->storage, &status, error));
    assert_true(uuid_is_valid(status.uuid));
    assert_int_equal(status.generation, 0);
    assert_true(status.stable_names);
    assert_true(status.size_bytes >= status.free_bytes && status.free_bytes > 0);
}

static void the_generation_is_only_raised(void **state)
{
    Bench *bench = *state;
    StoreStatus first, second;
    assert_ok(storage_status(bench->storage, &first, error));
    assert_ok(storage_raise_generation(bench->storage, 5, error));
    assert_ok(storage_raise_generation(bench->storage, 3, error));
    bench->reopen(bench);
    assert_ok(storage_status(bench->storage, &second, error));
    assert_int_equal(second.generation, 5);
    assert_string_equal(second.uuid, first.uuid);
}

static void names_are_absolute_and_say_machine_and_volume(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_make("m", "qcow2");
    g_autofree char *head =
        storage_head_path(bench->storage, machine->id, machine_volume(machine, "vda"));
    g_autofree char *nvram = storage_nvram_path(bench->storage, machine->id);
    g_autofree char *head_end = g_strdup_printf("/machines/%s/now/vda.qcow2", machine->id);
    g_autofree char *nvram_end = g_strdup_printf("/machines/%s/now/nvram.fd", machine->id);
    assert_true(g_path_is_absolute(head) && g_str_has_suffix(head, head_end));
    assert_true(g_path_is_absolute(nvram) && g_str_has_suffix(nvram, nvram_end));
}

static void check_head(const Machine *machine, const char *target, Role role, const char *layer_id)
{
    const Head *head = generation_head(machine_actual(machine), target);
    const Volume *volume = machine_volume(machine, target);
    assert_non_null(head);
    assert_non_null(volume);
    assert_int_equal(head->role, role);
    assert_int_equal(volume->role, role);
    assert_string_equal(volume->format, "qcow2");
    assert_int_equal(head->capacity_bytes, CAPACITY);
    if (layer_id)
        assert_string_equal(head->layer_id, layer_id);
    else
        assert_null(head->layer_id);
}

static void a_machine_is_described_as_it_was_settled(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = clone_make(bench, base, "m");
    g_autofree char *layer_id = layer_id_build(base->set_id, "vda");
    bench->write(bench, machine, "vda", 0, 'x', FILLED);
    machine_want(machine, generation_fresh(machine, base));
    assert_ok(machine_settle(bench, machine, TRUE, error));
    bench->reopen(bench);
    g_autoptr(Machine) found = storage_describe_machine(bench->storage, machine->id, NULL);
    assert_non_null(found);
    assert_string_equal(found->id, machine->id);
    assert_string_equal(found->name, "m");
    assert_string_equal(found->uuid, machine->uuid);
    assert_int_equal(found->actual, 2);
    assert_int_equal(found->desired, 2);
    assert_int_equal(found->actual_place, PLACE_NOW);
    assert_int_equal(found->volumes->len, 3);
    assert_int_equal(found->generations->len, 2);
    assert_string_equal(machine_actual(found)->base_id, base->id);
    assert_true(machine_newest_entry(found)->held_bytes > 0);
    check_head(found, "vda", ROLE_SYSTEM, layer_id);
    assert_int_equal(machine_volume(found, "vdc")->role, ROLE_DATA);
}

/* 'virsh blockpull' leaves the record of what it was put aside with. */
static void a_pulled_head_is_described_as_one_that_sits_on_nothing(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = clone_make(bench, base, "m");
    bench->write(bench, machine, "vda", 0, 'x', FILLED);
    bench->pull(bench, machine, "vda");
    g_autoptr(Machine) before = storage_describe_machine(bench->storage, machine->id, NULL);
    check_head(before, "vda", ROLE_SYSTEM, NULL);
    assert_non_null(generation_head(machine_actual(before), "vdc")->layer_id);
    machine_want(machine, generation_fresh(machine, base));
    assert_ok(machine_settle(bench, machine, TRUE, error));
    bench->reopen(bench);
    g_autoptr(Machine) found = storage_describe_machine(bench->storage, machine->id, NULL);
    assert_null(generation_head(machine_newest_entry(found), "vda")->layer_id);
    assert_non_null(generation_head(machine_actual(found), "vda")->layer_id);
}

static void a_base_is_described_by_its_layers(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    bench->reopen(bench);
    g_autoptr(Machine) found = storage_describe_machine(bench->storage, base->id, NULL);
    assert_non_null(found);
    assert_int_equal(found->actual_place, PLACE_SEALED);
    assert_string_equal(found->set_id, base->set_id);
    check_head(found, "vda", ROLE_SYSTEM, NULL);
    check_head(found, "vdb", ROLE_TEMPORARY, NULL);
    check_head(found, "vdc", ROLE_DATA, NULL);
}

static void a_machine_without_heads_is_not_described(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_make("m", "qcow2");
    g_autoptr(GError) missing = NULL;
    g_autoptr(GError) staged = NULL;
    assert_null(storage_describe_machine(bench->storage, machine->id, &missing));
    assert_int_equal(error_code(missing), UNDERPIN_ERROR_NOT_FOUND);
    Generation *first = generation_make(machine, CAUSE_IMPORT);
    generation_add(first, "vda", ROLE_SYSTEM, "qcow2", HEAD_BLANK);
    machine_want(machine, first);
    assert_ok(storage_stage(bench->storage, machine, first, NULL, error));
    assert_null(storage_describe_machine(bench->storage, machine->id, &staged));
    assert_int_equal(error_code(staged), UNDERPIN_ERROR_NOT_FOUND);
}

static void a_new_name_is_described(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    g_autoptr(Machine) missing = machine_make("missing", "qcow2");
    g_free(machine->name);
    machine->name = g_strdup("renamed");
    machine->held = TRUE;
    machine->hold_reason = g_strdup("a \\ reason\nof two lines");
    assert_ok(storage_describe(bench->storage, machine, error));
    bench->reopen(bench);
    g_autoptr(Machine) found = storage_describe_machine(bench->storage, machine->id, NULL);
    assert_string_equal(found->name, "renamed");
    assert_true(found->held);
    assert_string_equal(found->hold_reason, machine->hold_reason);
    assert_refused(storage_describe(bench->storage, missing, error), UNDERPIN_ERROR_NOT_FOUND);
}

static const Layer *find_layer(const GPtrArray *layers, const char *target)
{
    for (guint i = 0; i < layers->len; i++)
        if (strcmp(((const Layer *)g_ptr_array_index(layers, i))->target, target) == 0)
            return g_ptr_array_index(layers, i);
    fail_msg("no layer '%s'", target);
    return NULL;
}

static void a_set_is_described_by_its_layers(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) above = clone_make(bench, base, "above");
    machine_seal(bench, above);
    bench->reopen(bench);
    g_autoptr(GPtrArray) layers = storage_describe_set(bench->storage, above->set_id, NULL);
    assert_int_equal(layers->len, 3);
    const Layer *layer = find_layer(layers, "vdb");
    g_autofree char *id = layer_id_build(above->set_id, "vdb");
    g_autofree char *parent = layer_id_build(base->set_id, "vdb");
    assert_string_equal(layer->id, id);
    assert_string_equal(layer->parent_id, parent);
    assert_string_equal(layer->machine_id, above->id);
    assert_string_equal(layer->machine_name, "above");
    assert_int_equal(layer->role, ROLE_TEMPORARY);
    assert_int_equal(layer->capacity_bytes, CAPACITY);
    assert_true(layer->allocated_bytes > 0);
    assert_int_equal(layer->sealed_at, above->prepared_at);
}

/* --- scanning
 * -----------------------------------------------------------------------------------------------------
 */

typedef struct {
    GString *text;
    guint count, stop_after;
} Walk;

static gboolean note_found(FoundKind kind, const char *path, const char *id, gpointer user_data)
{
    static const char *const kinds[] = {"machine", "set", "layer", "kept", "orphan"};
    Walk *walk = user_data;
    g_string_append_printf(walk->text, "%s %s %s\n", kinds[kind], path, id ? id : "");
    return ++walk->count != walk->stop_after;
}

static void assert_found(const Walk *walk, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void assert_found(const Walk *walk, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    if (!strstr(walk->text->str, line))
        fail_msg("'%s' is not in:\n%s", line, walk->text->str);
}

static void a_scan_finds_everything_and_stops_when_told(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) removed = machine_with_content(bench, "m", "qcow2");
    g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func((GDestroyNotify)kept_volume_unref);
    g_autofree char *id = id_new();
    g_autofree char *path = g_strdup_printf("trash/%s/data/vdc.qcow2", id);
    g_ptr_array_add(kept, kept_volume_new(id, path, "vdc", "qcow2"));
    removed->desired_place = PLACE_GONE;
    assert_ok(storage_remove(bench->storage, removed, kept, error));
    Walk walk = {g_string_new(NULL), 0, 0};
    assert_ok(storage_scan(bench->storage, note_found, &walk, error));
    assert_int_equal(walk.count, 6);
    assert_found(&walk, "machine machines/%s %s\n", base->id, base->id);
    assert_found(&walk, "set layers/%s %s\n", base->set_id, base->set_id);
    assert_found(&walk, "layer layers/%s/sealed/vda.qcow2 %s-vda\n", base->set_id, base->set_id);
    assert_found(&walk, "layer layers/%s/sealed/vdc.qcow2 %s-vdc\n", base->set_id, base->set_id);
    assert_found(&walk, "kept %s %s\n", path, id);
    walk.count = 0, walk.stop_after = 2;
    assert_ok(storage_scan(bench->storage, note_found, &walk, error));
    assert_int_equal(walk.count, 2);
    g_string_free(walk.text, TRUE);
}

static void note_leftovers(const char *machine_id, gboolean has_leftovers, gpointer user_data)
{
    g_hash_table_insert(user_data, g_strdup(machine_id), GINT_TO_POINTER(has_leftovers));
}

static gboolean has_leftovers(Bench *bench, const char *machine_id)
{
    gpointer found = NULL;
    g_autoptr(GHashTable) all = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    assert_ok(storage_survey(bench->storage, note_leftovers, all, error));
    assert_true(g_hash_table_lookup_extended(all, machine_id, NULL, &found));
    return GPOINTER_TO_INT(found);
}

static void a_survey_tells_who_is_not_settled(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    assert_false(has_leftovers(bench, base->id));
    assert_false(has_leftovers(bench, machine->id));
    assert_ok(storage_mark(bench->storage, machine->id, TRUE, error));
    assert_true(has_leftovers(bench, machine->id));
    assert_ok(storage_mark(bench->storage, machine->id, FALSE, error));
    assert_false(has_leftovers(bench, machine->id));
    g_autoptr(Generation) staged = generation_keep_all(machine);
    machine_want(machine, generation_ref(staged));
    assert_ok(storage_stage(bench->storage, machine, staged, NULL, error));
    assert_true(has_leftovers(bench, machine->id));
    assert_ok(storage_abandon(bench->storage, machine->id, error));
    assert_false(has_leftovers(bench, machine->id));
}

static const struct CMUnitTest tests[] = {
    BENCH_TEST(a_new_store_says_what_it_can),
    BENCH_TEST(the_generation_is_only_raised),
    BENCH_TEST(names_are_absolute_and_say_machine_and_volume),
    BENCH_TEST(a_machine_is_described_as_it_was_settled),
    BENCH_TEST(a_pulled_head_is_described_as_one_that_sits_on_nothing),
    BENCH_TEST(a_base_is_described_by_its_layers),
    BENCH_TEST(a_machine_without_heads_is_not_described),
    BENCH_TEST(a_new_name_is_described),
    BENCH_TEST(a_set_is_described_by_its_layers),
    BENCH_TEST(a_survey_tells_who_is_not_settled),
    BENCH_TEST(a_scan_finds_everything_and_stops_when_told),
};
BENCH_MAIN(tests)
