/* Contract: sealing and its way back, flattening, digests, reclaim. */
#include "bench.h"

#include <string.h>

static guint findings_of(Bench *bench, const Layer *layer)
{
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func(g_free);
    assert_ok(storage_check_layer(bench->storage, layer, findings, error));
    return findings->len;
}

static void sealing_makes_heads_into_protected_layers(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    g_auto(HeadFacts) head = facts_now(bench, machine, "vda");
    g_auto(MachineFacts) facts = {0};
    machine_seal(bench, machine);
    bench->reopen(bench);
    assert_ok(storage_seal(bench->storage, machine, error));
    assert_ok(storage_machine_facts(bench->storage, machine->id, &facts, error));
    assert_int_equal(facts.now, 0);
    g_auto(HeadFacts) now = facts_now(bench, machine, "vda");
    assert_false(now.exists);
    g_autoptr(Layer) layer = layer_of(machine, "vda");
    g_auto(HeadFacts) sealed = {0};
    assert_ok(storage_layer_facts(bench->storage, layer, &sealed, error));
    assert_int_equal(sealed.inode, head.inode);
    assert_int_equal(findings_of(bench, layer), 0);
    assert_int_equal(byte_at(bench, machine, "vda", 0), 'S');
    assert_ok(storage_protect(bench->storage, machine->set_id, error));
}

static void a_busy_machine_is_not_sealed(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    machine->set_id = id_new();
    bench->set_locked(bench, machine, "vdc", TRUE);
    assert_refused(storage_seal(bench->storage, machine, error), UNDERPIN_ERROR_BUSY);
    bench->set_locked(bench, machine, "vdc", FALSE);
    machine_want(machine, generation_keep_all(machine));
    assert_ok(storage_stage(bench->storage, machine, machine_desired(machine), NULL, error));
    assert_refused(storage_seal(bench->storage, machine, error), UNDERPIN_ERROR_BUSY);
    assert_refused(storage_protect(bench->storage, machine->set_id, error),
                   UNDERPIN_ERROR_NOT_FOUND);
    assert_int_equal(byte_at(bench, machine, "vdc", 0), 'D');
}

static void unsealing_gives_the_same_heads_back(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    g_auto(HeadFacts) before = facts_now(bench, machine, "vdc");
    machine_seal(bench, machine);
    machine->desired_place = PLACE_NOW;
    for (int i = 0; i < 2; i++) {
        assert_ok(storage_unseal(bench->storage, machine, error));
        bench->reopen(bench);
    }
    g_auto(HeadFacts) after = facts_now(bench, machine, "vdc");
    assert_int_equal(after.inode, before.inode);
    bench->write(bench, machine, "vdc", 0, 'E', FILLED);
    assert_int_equal(byte_at(bench, machine, "vdc", 0), 'E');
    g_autoptr(GError) error = NULL;
    assert_null(storage_describe_set(bench->storage, machine->set_id, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_NOT_FOUND);
}

static void what_has_neither_heads_nor_layers_is_said(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) machine = machine_make("m", "qcow2");
    machine->set_id = id_new();
    assert_refused(storage_seal(bench->storage, machine, error), UNDERPIN_ERROR_NOT_FOUND);
    assert_refused(storage_unseal(bench->storage, machine, error), UNDERPIN_ERROR_NOT_FOUND);
}

static char *digest_of(Bench *bench, const Machine *base, const char *target)
{
    g_autoptr(Layer) layer = layer_of(base, target);
    char *digest = NULL;
    assert_ok((digest = storage_layer_digest(bench->storage, layer, NULL, error)) != NULL);
    assert_true(g_str_has_prefix(digest, "sha256:"));
    return digest;
}

static void digests_are_of_what_a_guest_reads(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) twin = base_make(bench, "twin", "raw");
    g_autoptr(Machine) above = clone_make(bench, base, "above");
    bench->write(bench, above, "vdb", 0, 'x', FILLED);
    machine_seal(bench, above);
    g_autoptr(Machine) shifted = machine_with_content(bench, "shifted", "raw");
    bench->write(bench, shifted, "vda", 0, 0, FILLED);
    bench->write(bench, shifted, "vda", FILLED, 'S', FILLED);
    machine_seal(bench, shifted);
    g_autofree char *elsewhere = digest_of(bench, shifted, "vda");
    g_autofree char *system = digest_of(bench, base, "vda");
    g_autofree char *same = digest_of(bench, twin, "vda");
    g_autofree char *through_chain = digest_of(bench, above, "vda");
    g_autofree char *other = digest_of(bench, above, "vdb");
    g_autofree char *below_other = digest_of(bench, base, "vdb");
    assert_string_equal(system, same);
    assert_string_equal(system, through_chain);
    assert_string_not_equal(other, below_other);
    assert_string_not_equal(system, elsewhere);
    g_autoptr(Layer) layer = layer_of(base, "vda");
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_cancellable_cancel(cancellable);
    assert_refused(storage_layer_digest(bench->storage, layer, cancellable, error),
                   UNDERPIN_ERROR_CANCELLED);
}

/* --- three levels, and flattening the one in the middle
 * ----------------------------------------------------------- */

typedef struct {
    Machine *bottom, *middle, *top;
    Layer *layer; /* middle's vda */
} Tower;

static Tower tower_make(Bench *bench)
{
    Tower tower = {.bottom = base_make(bench, "bottom", "qcow2")};
    tower.middle = clone_make(bench, tower.bottom, "middle");
    bench->write(bench, tower.middle, "vda", 0, 'm', FILLED / 2);
    machine_seal(bench, tower.middle);
    tower.top = clone_make(bench, tower.middle, "top");
    bench->write(bench, tower.top, "vda", FILLED / 4, 't', FILLED / 4);
    tower.layer = layer_of(tower.middle, "vda");
    return tower;
}

static void tower_clear(Tower *tower)
{
    machine_unref(tower->bottom);
    machine_unref(tower->middle);
    machine_unref(tower->top);
    layer_unref(tower->layer);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Tower, tower_clear)

static void check_tower(Bench *bench, const Tower *tower)
{
    assert_int_equal(byte_at(bench, tower->top, "vda", 0), 'm');
    assert_int_equal(byte_at(bench, tower->top, "vda", FILLED / 4), 't');
    assert_int_equal(byte_at(bench, tower->top, "vda", FILLED / 2), 'S');
    assert_int_equal(byte_at(bench, tower->top, "vda", FILLED), 0);
}

static void what_an_image_holds_itself_is_read_without_its_layers(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) clone = clone_make(bench, base, "clone");
    guint8 below[16], own[16], beyond[16];
    const ReadRange ranges[] = {{0, sizeof below, below},
                                {4 * FILLED, sizeof own, own},
                                {CAPACITY - 8, sizeof beyond, beyond}};
    memset(beyond, 0xee, sizeof beyond);
    bench->write(bench, clone, "vda", 4 * FILLED, 't', FILLED);
    bench->write(bench, clone, "vda", CAPACITY - 512, 'e', 512);
    assert_ok(storage_read_own(bench->storage, clone, "vda", ranges, 3, error));
    assert_int_equal(byte_at(bench, clone, "vda", 0), 'S');
    assert_int_equal(below[0], 0);
    assert_int_equal(own[15], 't');
    assert_int_equal(beyond[7], 'e');
    assert_int_equal(beyond[8], 0);
    assert_refused(storage_read_own(bench->storage, clone, "vdz", ranges, 3, error),
                   UNDERPIN_ERROR_NOT_FOUND);
}

static gboolean stands_alone(Bench *bench, const Layer *layer)
{
    g_auto(HeadFacts) facts = {0};
    assert_ok(storage_layer_facts(bench->storage, layer, &facts, error));
    return facts.backing == NULL;
}

static void flattening_changes_nothing_that_a_guest_sees(void **state)
{
    Bench *bench = *state;
    g_auto(Tower) tower = tower_make(bench);
    check_tower(bench, &tower);
    g_autofree char *before = digest_of(bench, tower.middle, "vda");
    tower.layer->digest = g_strdup(before);
    assert_ok(storage_flatten_stage(bench->storage, tower.layer, NULL, error));
    assert_false(stands_alone(bench, tower.layer));
    bench->reopen(bench);
    for (int i = 0; i < 2; i++) {
        assert_ok(storage_flatten_switch(bench->storage, tower.layer, error));
        assert_true(stands_alone(bench, tower.layer));
    }
    check_tower(bench, &tower);
    g_autofree char *after = digest_of(bench, tower.middle, "vda");
    assert_string_equal(after, before);
    g_clear_pointer(&tower.layer->parent_id, g_free);
    assert_int_equal(findings_of(bench, tower.layer), 0);
    g_autoptr(Layer) below = layer_of(tower.bottom, "vda");
    bench->lose_layer(bench, below);
    check_tower(bench, &tower);
}

static void an_abandoned_flattening_leaves_the_layer(void **state)
{
    Bench *bench = *state;
    g_auto(Tower) tower = tower_make(bench);
    assert_ok(storage_flatten_stage(bench->storage, tower.layer, NULL, error));
    for (int i = 0; i < 2; i++)
        assert_ok(storage_flatten_abandon(bench->storage, tower.layer, error));
    assert_refused(storage_flatten_switch(bench->storage, tower.layer, error),
                   UNDERPIN_ERROR_NOT_FOUND);
    assert_false(stands_alone(bench, tower.layer));
    check_tower(bench, &tower);
}

static void a_cancelled_flattening_leaves_nothing(void **state)
{
    Bench *bench = *state;
    g_auto(Tower) tower = tower_make(bench);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_cancellable_cancel(cancellable);
    assert_refused(storage_flatten_stage(bench->storage, tower.layer, cancellable, error),
                   UNDERPIN_ERROR_CANCELLED);
    assert_refused(storage_flatten_switch(bench->storage, tower.layer, error),
                   UNDERPIN_ERROR_NOT_FOUND);
}

static void a_missing_layer_is_named(void **state)
{
    Bench *bench = *state;
    g_auto(Tower) tower = tower_make(bench);
    g_auto(HeadFacts) facts = {0};
    guint8 byte = 0;
    bench->lose_layer(bench, tower.layer);
    assert_ok(storage_layer_facts(bench->storage, tower.layer, &facts, error));
    assert_false(facts.exists);
    assert_int_equal(findings_of(bench, tower.layer), 1);
    assert_refused(storage_read(bench->storage, tower.top, "vda", 0, &byte, 1, error) == 1,
                   UNDERPIN_ERROR_NOT_FOUND);
}

static void a_layer_is_held_against_its_record(void **state)
{
    Bench *bench = *state;
    g_auto(Tower) tower = tower_make(bench);
    assert_int_equal(findings_of(bench, tower.layer), 0);
    tower.layer->capacity_bytes *= 2;
    assert_int_equal(findings_of(bench, tower.layer), 1);
    g_free(tower.layer->parent_id);
    tower.layer->parent_id = layer_id_build(tower.bottom->set_id, "vdb");
    assert_int_equal(findings_of(bench, tower.layer), 2);
}

/* --- reclaim
 * -----------------------------------------------------------------------------------------------------
 */

static gboolean reclaim(Bench *bench, const ReclaimItem *item, guint64 *freed, GError **error)
{
    *freed = 1;
    return storage_reclaim(bench->storage, item, freed, error);
}

static ReclaimItem *layer_item(const Layer *layer)
{
    g_autofree char *id = id_new();
    g_autofree char *path =
        g_strdup_printf("layers/%s/sealed/%s.%s", layer->set_id, layer->target, layer->format);
    ReclaimItem *item = reclaim_item_new(id, RECLAIM_LAYER, path, 1);
    item->layer_id = g_strdup(layer->id);
    return item;
}

static void layers_go_one_by_one_and_their_set_with_the_last(void **state)
{
    static const char *const targets[] = {"vda", "vdb", "vdc"};
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    for (gsize i = 0; i < G_N_ELEMENTS(targets); i++) {
        g_autoptr(Layer) layer = layer_of(base, targets[i]);
        g_autoptr(ReclaimItem) item = layer_item(layer);
        g_autoptr(GPtrArray) layers = storage_describe_set(bench->storage, base->set_id, NULL);
        guint64 freed = 0;
        assert_int_equal(layers->len, G_N_ELEMENTS(targets) - i);
        assert_ok(reclaim(bench, item, &freed, error));
        assert_true(freed > 0);
        assert_ok(reclaim(bench, item, &freed, error));
        assert_int_equal(freed, 0);
    }
    g_autoptr(GError) error = NULL;
    assert_null(storage_describe_set(bench->storage, base->set_id, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_NOT_FOUND);
}

static ReclaimItem *entry_item(const Machine *machine, guint64 number)
{
    g_autofree char *id = id_new();
    g_autofree char *path =
        g_strdup_printf("machines/%s/undo-%" G_GUINT64_FORMAT, machine->id, number);
    ReclaimItem *item = reclaim_item_new(id, RECLAIM_ENTRY, path, 1);
    item->machine_id = g_strdup(machine->id);
    item->generation = number;
    return item;
}

static void an_undo_entry_is_reclaimed(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = clone_make(bench, base, "m");
    guint64 freed = 0;
    bench->write(bench, machine, "vda", 0, 'x', FILLED);
    machine_want(machine, generation_fresh(machine, base));
    assert_ok(machine_settle(bench, machine, TRUE, error));
    assert_int_equal(entries_of(bench, machine), 1);
    g_autoptr(ReclaimItem) item = entry_item(machine, 1);
    assert_ok(reclaim(bench, item, &freed, error));
    assert_true(freed > 0);
    assert_int_equal(entries_of(bench, machine), 0);
    assert_ok(reclaim(bench, item, &freed, error));
    assert_int_equal(freed, 0);
    assert_int_equal(byte_at(bench, machine, "vdc", 0), 'D');
}

/* Removes a machine with content; the kept volume of its data. */
static KeptVolume *keep_data(Bench *bench)
{
    g_autoptr(Machine) machine = machine_with_content(bench, "m", "qcow2");
    g_autoptr(GPtrArray) kept = g_ptr_array_new();
    g_autofree char *id = id_new();
    g_autofree char *path = g_strdup_printf("trash/%s/data/vdc.qcow2", id);
    KeptVolume *volume = kept_volume_new(id, path, "vdc", "qcow2");
    g_ptr_array_add(kept, volume);
    machine->desired_place = PLACE_GONE;
    assert_ok(storage_remove(bench->storage, machine, kept, error));
    return volume;
}

static void a_kept_volume_says_what_it_occupies(void **state)
{
    Bench *bench = *state;
    g_autoptr(KeptVolume) volume = keep_data(bench);
    g_autofree char *id = id_new();
    g_autofree char *path = g_strdup_printf("trash/%s/data/vdc.qcow2", id);
    g_autoptr(KeptVolume) missing = kept_volume_new(id, path, "vdc", "qcow2");
    g_auto(HeadFacts) facts = {0};
    assert_ok(storage_kept_facts(bench->storage, volume, &facts, error));
    assert_true(facts.exists);
    assert_int_equal(facts.capacity_bytes, CAPACITY);
    assert_true(facts.allocated_bytes >= FILLED && facts.allocated_bytes < CAPACITY);
    assert_ok(storage_kept_facts(bench->storage, missing, &facts, error));
    assert_false(facts.exists);
    assert_int_equal(facts.allocated_bytes, 0);
}

static void a_kept_volume_is_reclaimed(void **state)
{
    Bench *bench = *state;
    g_autoptr(KeptVolume) volume = keep_data(bench);
    g_autofree char *id = id_new();
    g_autoptr(ReclaimItem) item = reclaim_item_new(id, RECLAIM_KEPT, volume->path, 1);
    guint64 freed = 0;
    assert_ok(reclaim(bench, item, &freed, error));
    assert_true(freed > 0);
    assert_ok(reclaim(bench, item, &freed, error));
    assert_int_equal(freed, 0);
}

static void an_attached_volume_survives_the_trash(void **state)
{
    Bench *bench = *state;
    g_autoptr(KeptVolume) volume = keep_data(bench);
    g_autoptr(Machine) machine = machine_with_content(bench, "other", "qcow2");
    g_autofree char *id = id_new();
    g_autoptr(ReclaimItem) item = reclaim_item_new(id, RECLAIM_KEPT, volume->path, 1);
    Generation *attach = generation_keep_all(machine);
    guint64 freed = 1;
    generation_add(attach, "vdd", ROLE_DATA, "qcow2", HEAD_ATTACH)->source_path =
        g_strdup(volume->path);
    g_ptr_array_add(machine->volumes, volume_new("vdd", ROLE_DATA, "qcow2", TRUE));
    machine_want(machine, attach);
    assert_ok(machine_settle(bench, machine, FALSE, error));
    assert_ok(reclaim(bench, item, &freed, error));
    assert_int_equal(freed, 0);
    assert_int_equal(byte_at(bench, machine, "vdd", 0), 'D');
}

static void only_what_fits_its_kind_is_reclaimed(void **state)
{
    Bench *bench = *state;
    g_autoptr(Machine) base = base_make(bench, "base", "qcow2");
    g_autoptr(Machine) machine = clone_make(bench, base, "m");
    g_autofree char *now = g_strdup_printf("machines/%s/now", machine->id);
    g_autofree char *head = g_strdup_printf("machines/%s/now/vdc.qcow2", machine->id);
    g_autofree char *set = g_strdup_printf("layers/%s", base->set_id);
    g_autofree char *layer = g_strdup_printf("layers/%s/sealed/vda.qcow2", base->set_id);
    const struct {
        ReclaimKind kind;
        const char *path;
    } cases[] = {
        {RECLAIM_ENTRY, now},      {RECLAIM_ENTRY, head},   {RECLAIM_ENTRY, "store.ini"},
        {RECLAIM_LAYER, set},      {RECLAIM_LAYER, head},   {RECLAIM_KEPT, head},
        {RECLAIM_KEPT, layer},     {RECLAIM_KEPT, "trash"}, {RECLAIM_ENTRY, layer},
        {RECLAIM_LAYER, "layers"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *id = id_new();
        g_autoptr(ReclaimItem) item = reclaim_item_new(id, cases[i].kind, cases[i].path, 1);
        guint64 freed = 0;
        item->machine_id = g_strdup(machine->id);
        item->generation = 1;
        assert_refused(reclaim(bench, item, &freed, error), UNDERPIN_ERROR_BUG);
    }
    assert_int_equal(byte_at(bench, machine, "vda", 0), 'S');
    assert_int_equal(byte_at(bench, machine, "vdc", 0), 'D');
}

static const struct CMUnitTest tests[] = {
    BENCH_TEST(sealing_makes_heads_into_protected_layers),
    BENCH_TEST(a_busy_machine_is_not_sealed),
    BENCH_TEST(unsealing_gives_the_same_heads_back),
    BENCH_TEST(what_has_neither_heads_nor_layers_is_said),
    BENCH_TEST(digests_are_of_what_a_guest_reads),
    BENCH_TEST(what_an_image_holds_itself_is_read_without_its_layers),
    BENCH_TEST(flattening_changes_nothing_that_a_guest_sees),
    BENCH_TEST(an_abandoned_flattening_leaves_the_layer),
    BENCH_TEST(a_cancelled_flattening_leaves_nothing),
    BENCH_TEST(a_missing_layer_is_named),
    BENCH_TEST(a_layer_is_held_against_its_record),
    BENCH_TEST(layers_go_one_by_one_and_their_set_with_the_last),
    BENCH_TEST(an_undo_entry_is_reclaimed),
    BENCH_TEST(a_kept_volume_says_what_it_occupies),
    BENCH_TEST(a_kept_volume_is_reclaimed),
    BENCH_TEST(an_attached_volume_survives_the_trash),
    BENCH_TEST(only_what_fits_its_kind_is_reclaimed),
};
BENCH_MAIN(tests)
