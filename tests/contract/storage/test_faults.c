/*
 * Contract: every step of an operation may fail. For each fault point that an operation visits, in
 * order: that step fails with EIO, the store is opened again, and the operation is called again: it
 * must succeed, end where an undisturbed one ends, and be called once more without effect. Data is
 * looked at in between (invariant 2).
 */
#include "bench.h"

#include <errno.h>
#include <string.h>

/* What a case works on. Filled by its setup; `other` and `kept` where it needs them. */
typedef struct {
    Machine *base, *machine;
    GPtrArray *kept;
    Layer *layer;
    ReclaimItem *item;
    const char *path; /* owned by the bench */
} Scene;

static void scene_clear(Scene *scene)
{
    g_clear_pointer(&scene->base, machine_unref);
    g_clear_pointer(&scene->machine, machine_unref);
    g_clear_pointer(&scene->kept, g_ptr_array_unref);
    g_clear_pointer(&scene->layer, layer_unref);
    g_clear_pointer(&scene->item, reclaim_item_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scene, scene_clear)

typedef struct {
    const char *name;
    void (*setup)(Bench *bench, Scene *scene);
    gboolean (*run)(Bench *bench, Scene *scene, GError **error);
    void (*check)(Bench *bench, Scene *scene); /* after success */
    void (*check_between)(Bench *bench,
                          Scene *scene); /* after the failure; NULL: the machine's data is whole */
} FaultCase;

/* --- scenes
 * ------------------------------------------------------------------------------------------------------
 */

/* Raw where it may be: written without a program, so that hundreds of scenes take seconds. */
static void with_machine(Bench *bench, Scene *scene)
{
    scene->machine = machine_with_content(bench, "m", "raw");
}

static void with_base(Bench *bench, Scene *scene)
{
    scene->base = base_make(bench, "base", "raw");
}

static void with_clone(Bench *bench, Scene *scene)
{
    with_base(bench, scene);
    scene->machine = clone_make(bench, scene->base, "m");
}

static void with_wanted_restore(Bench *bench, Scene *scene)
{
    with_clone(bench, scene);
    machine_want(scene->machine, generation_fresh(scene->machine, scene->base));
}

static void with_staged_restore(Bench *bench, Scene *scene)
{
    with_wanted_restore(bench, scene);
    assert_ok(storage_stage(bench->storage, scene->machine, machine_desired(scene->machine), NULL,
                            error));
}

static void with_wanted_resize(Bench *bench, Scene *scene)
{
    with_machine(bench, scene);
    Generation *resize = generation_keep_all(scene->machine);
    Head *head = (Head *)generation_head(resize, "vdc");
    head->source = HEAD_COPY;
    head->capacity_bytes = 2 * CAPACITY;
    machine_want(scene->machine, resize);
}

static void with_machine_to_seal(Bench *bench, Scene *scene)
{
    with_machine(bench, scene);
    scene->machine->set_id = id_new();
    scene->machine->desired_place = PLACE_SEALED;
}

static void with_base_to_unseal(Bench *bench, Scene *scene)
{
    with_base(bench, scene);
    scene->machine = g_steal_pointer(&scene->base);
    scene->machine->desired_place = PLACE_NOW;
}

static void with_machine_to_remove(Bench *bench, Scene *scene)
{
    with_clone(bench, scene);
    g_autofree char *id = id_new();
    g_autofree char *path = g_strdup_printf("trash/%s/data/vdc.qcow2", id);
    machine_want(scene->machine, generation_fresh(scene->machine, scene->base));
    assert_ok(machine_settle(bench, scene->machine, TRUE, error));
    scene->kept = g_ptr_array_new_with_free_func((GDestroyNotify)kept_volume_unref);
    g_ptr_array_add(scene->kept, kept_volume_new(id, path, "vdc", "qcow2"));
    scene->machine->desired_place = PLACE_GONE;
}

static void with_adopted(Bench *bench, Scene *scene)
{
    scene->path = bench->put_image(bench, "a.raw", "raw", CAPACITY, NULL);
    bench->fill_image(bench, scene->path, 'D', FILLED);
    scene->machine = machine_make("m", "raw");
    Generation *first = generation_make(scene->machine, CAUSE_IMPORT);
    generation_add(first, "vdc", ROLE_DATA, "raw", HEAD_ADOPT)->source_path = g_strdup(scene->path);
    scene->machine->origin =
        g_strdup_printf("{\"disks\":[{\"target\":\"vdc\",\"path\":\"%s\"}]}", scene->path);
    machine_want(scene->machine, first);
    assert_ok(machine_settle(bench, scene->machine, FALSE, error));
}

static void with_imported(Bench *bench, Scene *scene)
{
    with_adopted(bench, scene);
    assert_ok(storage_adopt_finish(bench->storage, scene->machine, error));
}

/* Its UEFI variables have changed since, and the commit of an export has been. */
static void with_changed_variables(Bench *bench, Scene *scene)
{
    with_machine(bench, scene);
    scene->path = bench->put_nvram(bench, "vars.fd", "as imported");
    scene->machine->origin = g_strdup_printf("{\"disks\":[],\"nvram\":\"%s\"}", scene->path);
    scene->machine->desired_place = PLACE_GONE;
    scene->machine->export_out = TRUE;
    bench->write_nvram(bench, scene->machine, "changed");
}

static void with_layer_on_a_layer(Bench *bench, Scene *scene)
{
    with_clone(bench, scene);
    machine_seal(bench, scene->machine);
    scene->layer = layer_of(scene->machine, "vdc");
}

static void with_flattened_layer(Bench *bench, Scene *scene)
{
    with_layer_on_a_layer(bench, scene);
    assert_ok(storage_flatten_stage(bench->storage, scene->layer, NULL, error));
}

static void with_entry_to_reclaim(Bench *bench, Scene *scene)
{
    with_wanted_restore(bench, scene);
    assert_ok(machine_settle(bench, scene->machine, TRUE, error));
    assert_int_equal(entries_of(bench, scene->machine), 1);
    g_autofree char *path = g_strdup_printf("machines/%s/undo-1", scene->machine->id);
    scene->item = reclaim_item_new("0123456789abcdef", RECLAIM_ENTRY, path, 1);
    scene->item->machine_id = g_strdup(scene->machine->id);
    scene->item->generation = 1;
}

static void with_layer_to_reclaim(Bench *bench, Scene *scene)
{
    with_machine(bench, scene);
    scene->base = base_make(bench, "base", "raw");
    g_autofree char *path = g_strdup_printf("layers/%s/sealed/vda.raw", scene->base->set_id);
    scene->item = reclaim_item_new("0123456789abcdef", RECLAIM_LAYER, path, 1);
    scene->item->layer_id = layer_id_build(scene->base->set_id, "vda");
}

/* --- operations
 * ----------------------------------------------------------------------------------------------------
 */

static gboolean run_stage(Bench *bench, Scene *scene, GError **error)
{
    return storage_stage(bench->storage, scene->machine, machine_desired(scene->machine), NULL,
                         error);
}

static gboolean run_abandon(Bench *bench, Scene *scene, GError **error)
{
    return storage_abandon(bench->storage, scene->machine->id, error);
}

static gboolean run_settle_keeping(Bench *bench, Scene *scene, GError **error)
{
    return machine_settle(bench, scene->machine, TRUE, error);
}

static gboolean run_settle(Bench *bench, Scene *scene, GError **error)
{
    return machine_settle(bench, scene->machine, FALSE, error);
}

static gboolean run_seal(Bench *bench, Scene *scene, GError **error)
{
    return storage_seal(bench->storage, scene->machine, error);
}

static gboolean run_unseal(Bench *bench, Scene *scene, GError **error)
{
    return storage_unseal(bench->storage, scene->machine, error);
}

static gboolean run_remove(Bench *bench, Scene *scene, GError **error)
{
    return storage_remove(bench->storage, scene->machine, scene->kept, error);
}

static gboolean run_adopt_finish(Bench *bench, Scene *scene, GError **error)
{
    return storage_adopt_finish(bench->storage, scene->machine, error);
}

static gboolean run_export(Bench *bench, Scene *scene, GError **error)
{
    return storage_export(bench->storage, scene->machine, NULL, error);
}

static gboolean run_export_finish(Bench *bench, Scene *scene, GError **error)
{
    return storage_export_finish(bench->storage, scene->machine, error);
}

static gboolean run_flatten_stage(Bench *bench, Scene *scene, GError **error)
{
    return storage_flatten_stage(bench->storage, scene->layer, NULL, error);
}

static gboolean run_flatten_switch(Bench *bench, Scene *scene, GError **error)
{
    return storage_flatten_switch(bench->storage, scene->layer, error);
}

static gboolean run_reclaim(Bench *bench, Scene *scene, GError **error)
{
    guint64 freed = 0;
    return storage_reclaim(bench->storage, scene->item, &freed, error);
}

static gboolean run_describe(Bench *bench, Scene *scene, GError **error)
{
    return storage_describe(bench->storage, scene->machine, error);
}

static gboolean run_raise_generation(Bench *bench, Scene *scene, GError **error)
{
    (void)scene;
    return storage_raise_generation(bench->storage, 9, error);
}

static gboolean run_unmark(Bench *bench, Scene *scene, GError **error)
{
    return storage_mark(bench->storage, scene->machine->id, FALSE, error);
}

static gboolean run_mark(Bench *bench, Scene *scene, GError **error)
{
    return storage_mark(bench->storage, scene->machine->id, TRUE, error);
}

#define STAMP "00112233445566aa"

static gboolean run_stamp(Bench *bench, Scene *scene, GError **error)
{
    return storage_stamp(bench->storage, scene->machine->id, STAMP, FALSE, error) &&
           storage_stamp(bench->storage, scene->machine->id, STAMP, TRUE, error);
}

/* --- what must be true
 * ---------------------------------------------------------------------------------------------- */

static void check_data(Bench *bench, Scene *scene)
{
    assert_int_equal(byte_at(bench, scene->machine, "vdc", 0), 'D');
    assert_int_equal(byte_at(bench, scene->machine, "vdc", FILLED), 0);
}

/* Heads or layers, whichever there are: the content is that of the machine. */
static void check_all_content(Bench *bench, Scene *scene)
{
    check_data(bench, scene);
    assert_int_equal(byte_at(bench, scene->machine, "vda", 0), 'S');
    assert_int_equal(byte_at(bench, scene->machine, "vdb", 0), 'T');
}

static MachineFacts machine_facts(Bench *bench, const Scene *scene)
{
    MachineFacts facts = {0};
    assert_ok(storage_machine_facts(bench->storage, scene->machine->id, &facts, error));
    return facts;
}

/* A failed staging leaves nothing behind, and nothing of what was there is changed. */
static void check_not_staged(Bench *bench, Scene *scene)
{
    g_auto(MachineFacts) facts = machine_facts(bench, scene);
    assert_int_equal(facts.now, 1);
    assert_int_equal(facts.next, 0);
    assert_int_equal(links_now(bench, scene->machine, "vdc"), 1);
    check_all_content(bench, scene);
}

static void check_staged(Bench *bench, Scene *scene)
{
    g_auto(MachineFacts) facts = machine_facts(bench, scene);
    assert_int_equal(facts.now, 1);
    assert_int_equal(facts.next, 2);
    assert_false(facts.next_broken);
    check_all_content(bench, scene);
}

static void check_abandoned(Bench *bench, Scene *scene)
{
    g_auto(MachineFacts) facts = machine_facts(bench, scene);
    assert_false(facts.next_broken);
    check_not_staged(bench, scene);
}

static void check_settled(Bench *bench, Scene *scene)
{
    g_auto(MachineFacts) facts = machine_facts(bench, scene);
    assert_int_equal(facts.now, 2);
    assert_int_equal(facts.next, 0);
    assert_false(facts.next_broken);
    assert_int_equal(links_now(bench, scene->machine, "vdc"), 1);
    check_all_content(bench, scene);
}

static void check_settled_with_entry(Bench *bench, Scene *scene)
{
    check_settled(bench, scene);
    assert_int_equal(entries_of(bench, scene->machine), 1);
}

static void check_settled_without_entry(Bench *bench, Scene *scene)
{
    check_settled(bench, scene);
    assert_int_equal(entries_of(bench, scene->machine), 0);
}

static void check_resized(Bench *bench, Scene *scene)
{
    check_settled(bench, scene);
    assert_int_equal(capacity_now(bench, scene->machine, "vdc"), 2 * CAPACITY);
}

static void check_sealed(Bench *bench, Scene *scene)
{
    g_autoptr(Layer) layer = layer_of(scene->machine, "vda");
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func(g_free);
    assert_ok(storage_check_layer(bench->storage, layer, findings, error));
    assert_int_equal(findings->len, 0);
    assert_false(exists_now(bench, scene->machine, "vda"));
    check_all_content(bench, scene);
}

static void check_unsealed(Bench *bench, Scene *scene)
{
    assert_true(exists_now(bench, scene->machine, "vda"));
    check_all_content(bench, scene);
}

static gboolean is_kept_path(FoundKind kind, const char *path, const char *id, gpointer user_data)
{
    (void)id;
    *(guint *)user_data += kind == FOUND_KEPT && g_str_has_suffix(path, "/data/vdc.qcow2");
    return TRUE;
}

static guint kept_in_the_trash(Bench *bench)
{
    guint count = 0;
    assert_ok(storage_scan(bench->storage, is_kept_path, &count, error));
    return count;
}

/* The data is where it was, in the trash, or on its way between them: nowhere else, and never
 * twice. */
static void check_removing(Bench *bench, Scene *scene)
{
    guint kept = kept_in_the_trash(bench);
    assert_true(kept <= 1);
    if (exists_now(bench, scene->machine, "vdc") && kept == 0)
        check_data(bench, scene);
}

static void check_removed(Bench *bench, Scene *scene)
{
    g_auto(MachineFacts) facts = machine_facts(bench, scene);
    assert_false(facts.exists);
    assert_int_equal(kept_in_the_trash(bench), 1);
}

static void check_imported(Bench *bench, Scene *scene)
{
    assert_false(bench->has_image(bench, scene->path));
    assert_int_equal(links_now(bench, scene->machine, "vdc"), 1);
    check_data(bench, scene);
}

static void check_exported(Bench *bench, Scene *scene)
{
    g_auto(ImageFacts) facts = {0};
    assert_ok(storage_probe_image(bench->storage, scene->path, "raw", &facts, error));
    assert_int_equal(facts.inode, inode_now(bench, scene->machine, "vdc"));
    check_data(bench, scene);
}

/* Old or new as a whole, and never lost. */
static void check_giving_back(Bench *bench, Scene *scene)
{
    g_autofree char *outside = bench->get_nvram(bench, scene->path);
    g_autofree char *inside = bench->read_nvram(bench, scene->machine);
    if (g_strcmp0(outside, "changed") == 0)
        return;
    assert_string_equal(outside, "as imported");
    assert_string_equal(inside, "changed");
}

static void check_given_back(Bench *bench, Scene *scene)
{
    g_autofree char *outside = bench->get_nvram(bench, scene->path);
    assert_string_equal(outside, "changed");
    assert_null(bench->read_nvram(bench, scene->machine));
}

static gboolean layer_stands_alone(Bench *bench, const Scene *scene)
{
    g_auto(HeadFacts) facts = {0};
    assert_ok(storage_layer_facts(bench->storage, scene->layer, &facts, error));
    return facts.backing == NULL;
}

static void check_layer_unchanged(Bench *bench, Scene *scene)
{
    assert_false(layer_stands_alone(bench, scene));
    check_all_content(bench, scene);
}

static void check_flattened(Bench *bench, Scene *scene)
{
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func(g_free);
    assert_true(layer_stands_alone(bench, scene));
    g_clear_pointer(&scene->layer->parent_id, g_free);
    assert_ok(storage_check_layer(bench->storage, scene->layer, findings, error));
    assert_int_equal(findings->len, 0);
    check_all_content(bench, scene);
}

static void check_layer_reclaimed(Bench *bench, Scene *scene)
{
    g_autoptr(Layer) layer = layer_of(scene->base, "vda");
    g_auto(HeadFacts) facts = {0};
    assert_ok(storage_layer_facts(bench->storage, layer, &facts, error));
    assert_false(facts.exists);
    assert_int_equal(byte_at(bench, scene->base, "vdc", 0), 'D');
    check_all_content(bench, scene);
}

static void check_generation(Bench *bench, Scene *scene)
{
    StoreStatus status;
    assert_ok(storage_status(bench->storage, &status, error));
    assert_int_equal(status.generation, 9);
    check_all_content(bench, scene);
}

static void check_unmarked(Bench *bench, Scene *scene)
{
    g_auto(MachineFacts) facts = machine_facts(bench, scene);
    assert_false(facts.marked);
    check_all_content(bench, scene);
}

static void check_marked(Bench *bench, Scene *scene)
{
    g_auto(MachineFacts) facts = machine_facts(bench, scene);
    assert_int_equal(facts.marked_generation, scene->machine->actual);
    check_all_content(bench, scene);
}

static void check_stamped(Bench *bench, Scene *scene)
{
    g_auto(MachineFacts) facts = machine_facts(bench, scene);
    assert_string_equal(facts.stamp, STAMP);
    assert_true(facts.stamp_is_sole);
    check_all_content(bench, scene);
}

static void with_mark(Bench *bench, Scene *scene)
{
    with_machine(bench, scene);
    assert_ok(storage_mark(bench->storage, scene->machine->id, TRUE, error));
}

/* --- the sweep
 * ------------------------------------------------------------------------------------------------------
 */

static const FaultCase cases[] = {
    {"stage a restore", with_wanted_restore, run_stage, check_staged, check_not_staged},
    {"stage a resize", with_wanted_resize, run_stage, check_staged, check_not_staged},
    {"abandon", with_staged_restore, run_abandon, check_abandoned, NULL},
    {"settle a restore and keep the old system", with_wanted_restore, run_settle_keeping,
     check_settled_with_entry, NULL},
    {"settle a restore and keep nothing", with_wanted_restore, run_settle,
     check_settled_without_entry, NULL},
    {"settle a resize", with_wanted_resize, run_settle, check_resized, NULL},
    {"seal", with_machine_to_seal, run_seal, check_sealed, check_all_content},
    {"unseal", with_base_to_unseal, run_unseal, check_unsealed, check_all_content},
    {"remove and keep the data", with_machine_to_remove, run_remove, check_removed, check_removing},
    {"finish an import", with_adopted, run_adopt_finish, check_imported, check_data},
    {"export", with_imported, run_export, check_exported, check_data},
    {"give the variables back", with_changed_variables, run_export_finish, check_given_back,
     check_giving_back},
    {"stage a flattening", with_layer_on_a_layer, run_flatten_stage, check_layer_unchanged,
     check_layer_unchanged},
    {"settle a flattening", with_flattened_layer, run_flatten_switch, check_flattened,
     check_all_content},
    {"reclaim an undo entry", with_entry_to_reclaim, run_reclaim, check_settled_without_entry,
     check_settled},
    {"reclaim a layer", with_layer_to_reclaim, run_reclaim, check_layer_reclaimed,
     check_all_content},
    {"describe", with_machine, run_describe, check_all_content, check_all_content},
    {"raise the generation", with_machine, run_raise_generation, check_generation,
     check_all_content},
    {"mark", with_machine, run_mark, check_marked, check_all_content},
    {"stamp", with_mark, run_stamp, check_stamped, check_all_content},
    {"remove a mark", with_mark, run_unmark, check_unmarked, check_all_content},
};

static guint visits(void)
{
    guint sum = 0;
    for (FaultPoint point = 0; point < FAULT_POINT_COUNT; point++)
        sum += fault_point_visits(point);
    return sum;
}

/* Runs the case with its nth step failing; FALSE where it has fewer steps. */
static gboolean run_with_fault(const FaultCase *test, guint nth)
{
    Bench *bench = bench_new();
    g_auto(Scene) scene = {0};
    g_autoptr(GError) failure = NULL;
    test->setup(bench, &scene);
    fault_point_count(TRUE);
    fault_point_arm(FAULT_POINT_COUNT, nth, FAULT_ERROR, EIO);
    gboolean succeeded = test->run(bench, &scene, &failure);
    gboolean was_reached = visits() >= nth;
    fault_point_disarm();
    fault_point_count(FALSE);
    assert_int_equal(succeeded, failure == NULL);
    if (!was_reached && !succeeded)
        fail_msg("%s: failed without a fault: %s", test->name, failure->message);
    if (!succeeded && error_code(failure) != UNDERPIN_ERROR_BACKEND)
        fail_msg("%s, step %u: a disk that fails is told as %s: %s", test->name, nth,
                 error_code_name(error_code(failure)), failure->message);
    if (!succeeded) {
        (test->check_between ? test->check_between : check_data)(bench, &scene);
        bench->reopen(bench);
        assert_ok(test->run(bench, &scene, error));
    }
    test->check(bench, &scene);
    assert_ok(test->run(bench, &scene, error));
    test->check(bench, &scene);
    bench->free(bench);
    return was_reached;
}

static void each_operation_survives_a_failure_of_each_step(void **state)
{
    (void)state;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint steps = 0;
        while (run_with_fault(&cases[i], steps + 1))
            steps++;
        print_message("  %s: %u steps\n", cases[i].name, steps);
        if (steps == 0)
            fail_msg("%s visits no fault point", cases[i].name);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_operation_survives_a_failure_of_each_step),
};
BENCH_MAIN(tests)
