/* The checked wrappers, against an adapter that does as it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "foundation/error.h"
#include "ports/catalog_adapter.h"
#include "ports/hypervisor_adapter.h"
#include "ports/storage_adapter.h"

/* An adapter that counts its calls and answers what the test has set. */
static struct {
    guint calls;
    gboolean answer;
    UnderpinErrorCode code;
    const char *message; /* NULL: fails without a word */
} script;

static gboolean answer(GError **error)
{
    script.calls++;
    if (!script.answer && script.message != NULL)
        error_set(error, script.code, "a hint", "%s", script.message);
    return script.answer;
}

static gboolean fake_stage(Storage *storage, const Machine *machine, const Generation *generation,
                           GCancellable *cancellable, GError **error)
{
    (void)storage, (void)machine, (void)generation, (void)cancellable;
    return answer(error);
}

static gboolean fake_machine_call(Storage *storage, const Machine *machine, GError **error)
{
    (void)storage, (void)machine;
    return answer(error);
}

static gboolean fake_remove(Storage *storage, const Machine *machine, GPtrArray *kept,
                            GError **error)
{
    (void)storage, (void)machine, (void)kept;
    return answer(error);
}

static gboolean fake_reclaim(Storage *storage, const ReclaimItem *item, guint64 *freed_out,
                             GError **error)
{
    (void)storage, (void)item, (void)freed_out;
    return answer(error);
}

static gboolean fake_find_user(Storage *storage, const char *path, char **by_out, GError **error)
{
    (void)storage, (void)path, (void)by_out;
    return answer(error);
}

static const StorageOps storage_ops = {
    .name = "fake",
    .stage = fake_stage,
    .seal = fake_machine_call,
    .remove = fake_remove,
    .reclaim = fake_reclaim,
    .find_user_of_image = fake_find_user,
};
static Storage storage = {&storage_ops};

static gboolean fake_start(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    (void)hypervisor, (void)uuid;
    return answer(error);
}
static const HypervisorOps hypervisor_ops = {.name = "fake", .start = fake_start};
static Hypervisor hypervisor = {&hypervisor_ops};

static Job *fake_job_by_key(Catalog *catalog, const char *key, GError **error)
{
    (void)catalog, (void)key;
    answer(error);
    return NULL;
}
static gboolean fake_commit(Catalog *catalog, const Inventory *before, const Changes *changes,
                            guint64 generation, GError **error)
{
    (void)catalog, (void)before, (void)changes, (void)generation;
    return answer(error);
}
static const CatalogOps catalog_ops = {
    .name = "fake", .commit = fake_commit, .job_by_key = fake_job_by_key};
static Catalog catalog = {&catalog_ops};

static int setup(void **state)
{
    Machine *machine = machine_new("0123456789abcdef", "lab-3", "uuid", 0);
    *state = machine;
    script.calls = 0;
    script.answer = TRUE;
    script.code = UNDERPIN_ERROR_NO_SPACE;
    script.message = "no room";
    return 0;
}

static int teardown(void **state)
{
    machine_unref(*state);
    return 0;
}

static void an_error_names_the_operation_and_the_machine_and_keeps_code_and_hint(void **state)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Generation) generation = generation_new(1, CAUSE_CLONE, NULL, 0);
    script.answer = FALSE;
    assert_false(storage_stage(&storage, *state, generation, NULL, &error));
    assert_string_equal(error->message, "staging 'lab-3': no room");
    assert_int_equal(error_code(error), UNDERPIN_ERROR_NO_SPACE);
    assert_string_equal(error_hint(error), "a hint");
}

static void a_prefix_that_is_there_is_not_put_again(void **state)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Generation) generation = generation_new(1, CAUSE_CLONE, NULL, 0);
    script.answer = FALSE;
    script.message = "staging 'lab-3': no room";
    assert_false(storage_stage(&storage, *state, generation, NULL, &error));
    assert_string_equal(error->message, "staging 'lab-3': no room");
}

static void a_call_without_an_error_to_fill_is_fine(void **state)
{
    g_autoptr(Generation) generation = generation_new(1, CAUSE_CLONE, NULL, 0);
    script.answer = FALSE;
    assert_false(storage_stage(&storage, *state, generation, NULL, NULL));
    script.answer = TRUE;
    assert_true(storage_stage(&storage, *state, generation, NULL, NULL));
    assert_int_equal(script.calls, 2);
}

static void an_adapter_that_fails_without_a_word_is_called_a_bug(void **state)
{
    g_autoptr(GError) error = NULL;
    (void)state;
    script.answer = FALSE;
    script.message = NULL;
    assert_false(hypervisor_start(&hypervisor, "uuid", &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BUG);
    assert_string_equal(error->message, "starting its domain: it failed without a reason");
}

/* A broken precondition is logged as critical, and does not reach the adapter. */
static void assert_stopped(const GError *error)
{
    g_test_assert_expected_messages();
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BUG);
    assert_int_equal(script.calls, 0);
}

static void expect_critical(const char *pattern)
{
    g_test_expect_message("underpin-ports", G_LOG_LEVEL_CRITICAL, pattern);
}

static void an_unsafe_machine_id_never_reaches_the_store(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Machine) machine = machine_new("../../etc", "lab-3", "uuid", 0);
    g_autoptr(Generation) generation = generation_new(1, CAUSE_CLONE, NULL, 0);
    expect_critical("*storage_stage*");
    assert_false(storage_stage(&storage, machine, generation, NULL, &error));
    assert_stopped(error);
}

static void a_machine_that_is_to_stay_cannot_be_removed(void **state)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) kept = g_ptr_array_new();
    Machine *machine = *state;
    machine->desired_place = PLACE_NOW;
    expect_critical("*storage_remove*");
    assert_false(storage_remove(&storage, machine, kept, &error));
    assert_stopped(error);
    machine->desired_place = PLACE_GONE;
    assert_true(storage_remove(&storage, machine, kept, NULL));
}

static void a_path_out_of_the_store_is_not_reclaimed(void **state)
{
    (void)state;
    const char *const bad[] = {"/etc/passwd", "machines/../../etc"};
    guint64 freed;
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(ReclaimItem) item = reclaim_item_new("r", RECLAIM_ENTRY, bad[i], 0);
        expect_critical("*storage_reclaim*");
        assert_false(storage_reclaim(&storage, item, &freed, &error));
        assert_stopped(error);
    }
}

static void a_base_is_not_sealed_without_a_set(void **state)
{
    g_autoptr(GError) error = NULL;
    expect_critical("*storage_seal*");
    assert_false(storage_seal(&storage, *state, &error));
    assert_stopped(error);
}

static void a_commit_must_raise_the_generation(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Changes) changes = changes_new();
    inventory->generation = 5;
    expect_critical("*catalog_commit*");
    assert_false(catalog_commit(&catalog, inventory, changes, 5, &error));
    assert_stopped(error);
    assert_true(catalog_commit(&catalog, inventory, changes, 6, NULL));
}

static void no_job_of_a_key_is_an_answer_and_no_failure(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    assert_null(catalog_job_by_key(&catalog, "key", &error));
    assert_null(error);
    script.answer = FALSE;
    assert_null(catalog_job_by_key(&catalog, "key", &error));
    assert_string_equal(error->message, "looking up the job of an idempotency key: no room");
}

static void an_image_without_users_is_an_answer(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    char *by = NULL;
    assert_true(storage_find_user_of_image(&storage, "/v/a", &by, &error));
    script.answer = FALSE;
    assert_false(storage_find_user_of_image(&storage, "/v/a", &by, &error));
    assert_string_equal(error->message, "looking for images that use '/v/a': no room");
}

static void powers_have_names_and_unknown_counts_as_active(void **state)
{
    (void)state;
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < POWER_COUNT; i++) {
        assert_true(g_hash_table_add(seen, (char *)power_name((Power)i)));
        assert_int_equal(power_is_active((Power)i), i != POWER_OFF);
    }
    assert_string_equal(power_name(POWER_SAVED), "saved");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_error_names_the_operation_and_the_machine_and_keeps_code_and_hint),
        CASE(a_prefix_that_is_there_is_not_put_again),
        CASE(a_call_without_an_error_to_fill_is_fine),
        CASE(an_adapter_that_fails_without_a_word_is_called_a_bug),
        CASE(an_unsafe_machine_id_never_reaches_the_store),
        CASE(a_machine_that_is_to_stay_cannot_be_removed),
        CASE(a_path_out_of_the_store_is_not_reclaimed),
        CASE(a_base_is_not_sealed_without_a_set),
        CASE(a_commit_must_raise_the_generation),
        CASE(no_job_of_a_key_is_an_answer_and_no_failure),
        CASE(an_image_without_users_is_an_answer),
        CASE(powers_have_names_and_unknown_counts_as_active),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
