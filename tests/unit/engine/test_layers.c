/* Layers over a long life: chains bounded by flattening, old bases gone, no file left that nothing
 * needs, and why. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "engine/engine_private.h"
#include "steps.h"

#define DAY_SECONDS 86400

static void maintain(World *world)
{
    gboolean more = TRUE;
    g_autoptr(GError) error = NULL;
    for (guint i = 0; more && i < 200; i++)
        if (!engine_maintain(world->engine, &more, NULL, &error))
            fail_msg("maintaining: %s", error->message);
    assert_false(more);
}

static void reclaim(World *world)
{
    guint64 freed = 0;
    assert_true(engine_reclaim(world->engine, &freed, NULL));
}

static guint longest_chain(World *world)
{
    g_autoptr(Inventory) inventory = catalog_load(world->catalog, NULL);
    guint longest = 0;
    GHashTableIter iter;
    gpointer id;
    g_hash_table_iter_init(&iter, inventory->layers);
    while (g_hash_table_iter_next(&iter, &id, NULL))
        longest = MAX(longest, references_chain_length(inventory, id));
    return longest;
}

static void after_twenty_rebases_chains_are_short_and_nothing_is_left_over(void **state)
{
    World *world = *state;
    guint rounds = world->kind == WORLD_MEMORY ? 20 : 8;
    world_write(world, "lab-1", "vdc", "mine");
    g_autofree char *base = g_strdup("v1");
    for (guint i = 0; i < rounds; i++) {
        g_autofree char *next = g_strdup_printf("release-%u", i);
        step_next_base(world, base, next, next);
        world_write(world, "lab-1", "vda", "used");
        world_do(world, step_rebase_all(base, next));
        world_do(world, world_request(VERB_REMOVE, base, NULL));
        step_assert_all(world, "lab-1", next, next, "mine");
        maintain(world);
        clock_advance(world->clock, DAY_SECONDS);
        reclaim(world);
        assert_true(longest_chain(world) <= world->config.chain_limit);
        world_check_invariants(world);
        g_free(base);
        base = g_steal_pointer(&next);
    }
    clock_advance(world->clock, 8 * DAY_SECONDS);
    reclaim(world);
    reclaim(world);
    /* The clone's data layer, v2's three, and the last base with at most the limit below it. */
    assert_true(step_count_found(world, FOUND_LAYER) <= 1 + 3 + 3 * world->config.chain_limit);
    step_assert_all(world, "lab-1", base, base, "mine");
}

static char *layer_of_head(World *world, const char *name, const char *target)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    return g_strdup(generation_head(machine_actual(machine), target)->layer_id);
}

static void assert_reason(World *world, const char *layer, const char *text)
{
    g_autoptr(GPtrArray) reasons = engine_layer_reasons(world->engine, layer, NULL);
    for (guint i = 0; reasons && i < reasons->len; i++)
        if (strstr(g_ptr_array_index(reasons, i), text))
            return;
    fail_msg("nothing says '%s' of layer %s", text, layer);
}

static void layers_explain_what_keeps_each_alive(void **state)
{
    World *world = *state;
    g_autofree char *system = layer_of_head(world, "lab-1", "vda");
    g_autofree char *data = layer_of_head(world, "lab-1", "vdc");
    assert_reason(world, system, "machine 'lab-1' sits on it");
    assert_reason(world, system, "it belongs to base 'v1'");
    world_write(world, "lab-1", "vda", "mine");
    world_do(world, step_rebase("lab-1", "v2"));
    assert_reason(world, system, "machine 'lab-1' needs it for undo");
    assert_reason(world, data, "machine 'lab-1' sits on it");
    world_do(world, world_request(VERB_REMOVE, "lab-1", NULL));
    assert_reason(world, data, "kept data of 'lab-1' sits on it");
    step_next_base(world, "v1", "next", "next");
    assert_reason(world, system, "of 'next' sits on it");
    g_autoptr(GError) error = NULL;
    assert_null(engine_layer_reasons(world->engine, "no-layer", &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_NOT_FOUND);
}

static Request *flatten(const char *layer)
{
    Request *request = request_new(VERB_FLATTEN);
    request->layer = g_strdup(layer);
    return request;
}

static void flattening_changes_nothing_that_a_guest_sees(void **state)
{
    World *world = *state;
    step_next_base(world, "v1", "next", "next");
    world_clone(world, "next", "lab-2");
    world_write(world, "lab-2", "vdc", "mine");
    for (char target = 'a'; target <= 'c'; target++) {
        const char name[] = {'v', 'd', target, '\0'};
        g_autofree char *layer = layer_of_head(world, "lab-2", name);
        world_do(world, flatten(layer));
    }
    step_assert_all(world, "lab-2", "next", "next", "mine");
    world_write(world, "lab-2", "vda", "used");
    world_do(world, world_request(VERB_RESTORE, "lab-2", NULL));
    step_assert_all(world, "lab-2", "next", "next", "mine");
    assert_int_equal(longest_chain(world), 1);
}

static void what_a_running_guest_has_open_below_a_flattened_layer_stays(void **state)
{
    World *world = *state;
    g_autofree char *below = layer_of_head(world, "lab-1", "vda");
    step_next_base(world, "v1", "next", "next");
    world_do(world, step_rebase("lab-1", "next"));
    world_start(world, "lab-1");
    clock_advance(world->clock, 60);
    g_autofree char *layer = layer_of_head(world, "lab-1", "vda");
    world_do(world, flatten(layer));
    world_do(world, world_request(VERB_REMOVE, "v1", NULL));
    reclaim(world);
    assert_reason(world, below, "may still have it open");
    world_stop(world, "lab-1");
    reclaim(world);
    assert_null(engine_layer_reasons(world->engine, below, NULL));
    step_assert_all(world, "lab-1", "next", "next", "one-vdc");
}

static void digests_are_of_guest_visible_content(void **state)
{
    World *world = *state;
    step_next_base(world, "v1", "next", "next");
    maintain(world);
    g_autoptr(Inventory) before = catalog_load(world->catalog, NULL);
    world_clone(world, "next", "lab-2");
    g_autofree char *layer = layer_of_head(world, "lab-2", "vda");
    const Layer *chained = g_hash_table_lookup(before->layers, layer);
    assert_true(g_str_has_prefix(chained->digest, "sha256:"));
    world_do(world, flatten(layer));
    g_autofree char *digest = storage_layer_digest(world->storage, chained, NULL, NULL);
    assert_string_equal(digest, chained->digest);
}

static void receipts_prove_that_data_was_kept(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vdc", "mine");
    Request *requests[] = {world_request(VERB_RESTORE, "lab-1", NULL), step_rebase("lab-1", "v2")};
    for (gsize i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autoptr(Job) job = world_run(world, requests[i]);
        const JobItem *item = g_ptr_array_index(job->items, 0);
        assert_non_null(strstr(item->receipt, "\"proven\":true"));
        assert_non_null(strstr(item->receipt, "\"target\":\"vdc\""));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, step_set_up, step_tear_down)

static void a_layer_that_is_being_flattened_is_reclaimed_later(void **state)
{
    World *world = *state;
    g_autoptr(Machine) base = world_machine(world, "v2");
    g_autofree char *layer = layer_id_build(base->set_id, "vda");
    guint before = step_count_found(world, FOUND_LAYER);
    world_do(world, world_request(VERB_REMOVE, "v2", NULL));
    assert_true(engine_occupy(world->engine, layer, "it is being flattened", NULL));
    assert_false(engine_flatten_layer(world->engine, layer, NULL, NULL));
    reclaim(world);
    assert_int_equal(step_count_found(world, FOUND_LAYER), before - 2);
    engine_vacate(world->engine, layer);
    reclaim(world);
    assert_int_equal(step_count_found(world, FOUND_LAYER), before - 3);
}

/* --- digests in receipts ---------------------------------------------------------------------- */

static Request *with_digest(Request *request)
{
    request->digest = TRUE;
    return request;
}

static json_t *receipt_of(Job *job, const char *name, World *world)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    json_t *receipt = json_loads(job_item(job, machine->id)->receipt, 0, NULL);
    assert_non_null(receipt);
    return receipt;
}

/* Of real images by reading the volume ourselves; the store in memory has a digest of its own kind.
 */
static char *digest_by_reading(World *world, const char *name, const char *target)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    if (world->kind == WORLD_MEMORY)
        return storage_volume_digest(world->storage, machine, target, NULL, NULL);
    g_autofree guint8 *bytes = g_malloc0(WORLD_CAPACITY_BYTES);
    assert_int_equal(
        storage_read(world->storage, machine, target, 0, bytes, WORLD_CAPACITY_BYTES, NULL),
        WORLD_CAPACITY_BYTES);
    g_autofree char *hex =
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes, WORLD_CAPACITY_BYTES);
    return g_strconcat("sha256:", hex, NULL);
}

static const char *digest_in(const json_t *receipt, const char *key)
{
    const json_t *row = json_array_get(json_object_get(receipt, "data_kept"), 0);
    return json_string_value(json_object_get(row, key));
}

static void receipts_have_digests_of_the_content_where_asked(void **state)
{
    World *world = *state;
    world_write(world, "lab-1", "vdc", "mine");
    g_autofree char *expected = digest_by_reading(world, "lab-1", "vdc");
    Request *requests[] = {world_request(VERB_RESTORE, "lab-1", NULL), step_rebase("lab-1", "v2"),
                           world_request(VERB_UNDO, "lab-1", NULL)};
    for (gsize i = 0; i < G_N_ELEMENTS(requests); i++) {
        world_write(world, "lab-1", "vda", "used");
        g_autoptr(Job) job = world_run(world, with_digest(requests[i]));
        json_t *receipt = receipt_of(job, "lab-1", world);
        assert_string_equal(digest_in(receipt, "digest_before"), expected);
        assert_string_equal(digest_in(receipt, "digest_after"), expected);
        assert_true(json_is_true(json_object_get(receipt, "proven")));
        json_decref(receipt);
    }
    g_autoptr(Job) plain = world_run(world, world_request(VERB_RESTORE, "lab-1", NULL));
    json_t *receipt = receipt_of(plain, "lab-1", world);
    assert_null(digest_in(receipt, "digest_before"));
    json_decref(receipt);
}

static json_t *rows_with(const char *digest, json_int_t mtime_ns)
{
    return json_pack("[{s:s, s:i, s:i, s:I, s:s}]", "target", "vdc", "inode", 1, "size_bytes", 2,
                     "mtime_ns", mtime_ns, "digest", digest);
}

static void digests_that_differ_prove_nothing(void **state)
{
    (void)state;
    const char *text = "{\"data_kept\":[{\"target\":\"vdc\",\"inode\":1,\"size_bytes\":2,"
                       "\"mtime_ns\":3}],\"proven\":true}";
    json_t *before = rows_with("sha256:aa", 3);
    json_t *after = rows_with("sha256:bb", 3);
    json_t *written_since = rows_with("sha256:bb", 4);
    g_autofree char *differ = receipt_add_digests(text, before, after);
    g_autofree char *equal = receipt_add_digests(text, before, before);
    g_autofree char *other = receipt_add_digests(text, before, written_since);
    assert_non_null(strstr(differ, "\"proven\":false"));
    assert_non_null(strstr(equal, "\"proven\":true"));
    assert_non_null(strstr(other, "\"proven\":true"));
    assert_null(strstr(other, "digest_after"));
    json_decref(before);
    json_decref(after);
    json_decref(written_since);
}

static void a_plan_says_what_digests_cost(void **state)
{
    World *world = *state;
    g_autoptr(Request) request = with_digest(world_request(VERB_RESTORE, "lab-1", NULL));
    g_autoptr(Plan) plan = engine_plan(world->engine, request, NULL);
    assert_int_equal(plan->warnings->len, 1);
    assert_non_null(strstr(g_ptr_array_index(plan->warnings, 0), "1 data volume is read"));
    assert_non_null(strstr(g_ptr_array_index(plan->warnings, 0), "up to 4 "));
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        TEST(after_twenty_rebases_chains_are_short_and_nothing_is_left_over),
        TEST(layers_explain_what_keeps_each_alive),
        TEST(flattening_changes_nothing_that_a_guest_sees),
        TEST(what_a_running_guest_has_open_below_a_flattened_layer_stays),
        TEST(a_layer_that_is_being_flattened_is_reclaimed_later),
        TEST(digests_are_of_guest_visible_content),
        TEST(receipts_prove_that_data_was_kept),
        TEST(receipts_have_digests_of_the_content_where_asked),
        TEST(digests_that_differ_prove_nothing),
        TEST(a_plan_says_what_digests_cost),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
