/* A catalog that is old, foreign, new or lost; domains that people changed; what doctor says and
 * repairs. On real images. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "foundation/fault_point.h"
#include "steps.h"

static int set_up(void **state)
{
    World *world = world_new(WORLD_DIRECTORY);
    world_base(world, "v1", "one");
    world_base(world, "v2", "two");
    world_clone(world, "v1", "lab-1");
    *state = world;
    return 0;
}

static char *path_in(World *world, const char *name)
{
    return g_build_filename(world->directory, name, NULL);
}

/* A copy of the catalog as it is now. */
static char *keep_catalog(World *world)
{
    char *path = path_in(world, "kept-catalog");
    assert_true(catalog_backup(world->catalog, path, NULL));
    return path;
}

/* The next daemon finds that catalog; NULL: none. */
static void come_back_with(void **state, const char *catalog)
{
    static const char *const FILES[] = {"catalog.sqlite", "catalog.sqlite-wal",
                                        "catalog.sqlite-shm"};
    World *world = *state;
    g_autofree char *directory = g_strdup(world->directory);
    g_autofree char *target = path_in(world, FILES[0]);
    g_autoptr(GError) error = NULL;
    world_detach(world);
    for (gsize i = 0; i < G_N_ELEMENTS(FILES); i++) {
        g_autofree char *path = g_build_filename(directory, FILES[i], NULL);
        g_unlink(path);
    }
    if (catalog)
        assert_int_equal(g_rename(catalog, target), 0);
    *state = world = world_attach(directory, &error);
    if (!world)
        fail_msg("the engine does not open: %s", error->message);
}

static void assert_questioned(World *world, const char *text)
{
    g_autoptr(GError) question = engine_question(world->engine);
    guint64 freed = 0;
    assert_non_null(question);
    if (!strstr(question->message, text))
        fail_msg("the question is '%s', not '%s'", question->message, text);
    assert_non_null(strstr(error_hint(question), "doctor --rebuild"));
    assert_true(step_finds(world, "store-in-doubt", NULL));
    step_refused(world, world_request(VERB_PREPARE, "lab-1", NULL), UNDERPIN_ERROR_REFUSED, text);
    assert_false(engine_reclaim(world->engine, &freed, NULL));
    assert_null(engine_repair(world->engine, NULL));
}

static void rebuild(World *world)
{
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    g_autoptr(GError) error = NULL;
    if (!engine_rebuild(world->engine, findings, &error))
        fail_msg("rebuilding: %s", error->message);
    assert_null(engine_question(world->engine));
    assert_true(engine_resync(world->engine, NULL));
    world_check_invariants(world);
}

/* --- catalogs
 * ---------------------------------------------------------------------------------------------------
 */

static void yesterdays_catalog_stops_everything_until_it_is_answered(void **state)
{
    World *world = *state;
    g_autofree char *old = keep_catalog(world);
    world_write(world, "lab-1", "vda", "mine");
    world_write(world, "lab-1", "vdc", "data");
    world_do(world, step_rebase("lab-1", "v2"));
    world_clone(world, "v2", "lab-2");
    come_back_with(state, old);
    world = *state;
    assert_questioned(world, "older than the store");
    rebuild(world);
    step_assert_all(world, "lab-1", "two-vda", "two-vdb", "data");
    step_assert_all(world, "lab-2", "two-vda", "two-vdb", "two-vdc");
    world_do(world, world_request(VERB_UNDO, "lab-1", NULL));
    step_assert_all(world, "lab-1", "mine", "one-vdb", "data");
}

static void a_new_catalog_beside_a_used_store_is_questioned(void **state)
{
    come_back_with(state, NULL);
    World *world = *state;
    g_autoptr(GError) question = engine_question(world->engine);
    assert_non_null(strstr(question->message, "the catalog is new"));
    rebuild(world);
}

static void another_stores_catalog_is_questioned(void **state)
{
    World *other = world_new(WORLD_DIRECTORY);
    world_base(other, "alien", "alien");
    g_autofree char *catalog = keep_catalog(other);
    come_back_with(state, catalog);
    assert_questioned(*state, "belongs to store");
    world_free(other);
    rebuild(*state);
    assert_false(world_has(*state, "alien"));
    step_assert_all(*state, "lab-1", "one-vda", "one-vdb", "one-vdc");
}

static gint compare_lines(gconstpointer one, gconstpointer other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static char *layers_text(World *world)
{
    g_autoptr(Inventory) inventory = catalog_load(world->catalog, NULL);
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, inventory->layers);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Layer *layer = value;
        g_ptr_array_add(lines, g_strdup_printf("%s on %s of %s", layer->id,
                                               layer->parent_id ? layer->parent_id : "-",
                                               layer->machine_id));
    }
    g_ptr_array_sort(lines, compare_lines);
    g_ptr_array_add(lines, NULL);
    return g_strjoinv("\n", (char **)lines->pdata);
}

static char *machine_text(World *world, const char *name)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "%s %s %s %s\n", machine->id, machine->uuid,
                           place_name(machine->actual_place),
                           machine->set_id ? machine->set_id : "-");
    for (guint i = 0; i < machine->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(machine->generations, i);
        g_string_append_printf(text, "%" G_GUINT64_FORMAT " on %s as %" G_GUINT64_FORMAT "%s\n",
                               generation->number, generation->base_id ? generation->base_id : "-",
                               generation->instance,
                               generation->number == machine->actual ? " actual" : "");
        for (guint j = 0; j < generation->heads->len; j++) {
            const Head *head = g_ptr_array_index(generation->heads, j);
            g_string_append_printf(text, "  %s %s %s %" G_GUINT64_FORMAT "\n", head->target,
                                   role_name(head->role), head->layer_id ? head->layer_id : "-",
                                   head->capacity_bytes);
        }
    }
    return g_string_free(text, FALSE);
}

static void a_lost_catalog_is_rebuilt_as_far_as_the_store_knows(void **state)
{
    static const char *const NAMES[] = {"v1", "v2", "lab-1", "next", "plain"};
    World *world = *state;
    world_import(world, "plain", "vda=system,vdb=data");
    step_next_base(world, "v1", "next", "next");
    world_write(world, "lab-1", "vda", "mine");
    world_write(world, "lab-1", "vdc", "data");
    world_do(world, step_add_volume("lab-1", "vdd", ROLE_DATA));
    world_do(world, step_rebase("lab-1", "next"));
    g_autofree char *layers = layers_text(world);
    g_autoptr(GPtrArray) before = g_ptr_array_new_with_free_func(g_free);
    for (gsize i = 0; i < G_N_ELEMENTS(NAMES); i++)
        g_ptr_array_add(before, machine_text(world, NAMES[i]));
    come_back_with(state, NULL);
    world = *state;
    rebuild(world);
    g_autofree char *rebuilt = layers_text(world);
    assert_string_equal(rebuilt, layers);
    for (gsize i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        g_autofree char *after = machine_text(world, NAMES[i]);
        assert_string_equal(after, g_ptr_array_index(before, i));
    }
    step_assert_all(world, "lab-1", "next", "next", "data");
    world_do(world, world_request(VERB_UNDO, "lab-1", NULL));
    step_assert_all(world, "lab-1", "mine", "one-vdb", "data");
}

static void a_pending_move_does_not_survive_a_lost_catalog_but_the_machine_does(void **state)
{
    World *world = *state;
    world_start(world, "lab-1");
    step_write_all(world, "lab-1", "mine");
    step_run_to(world, step_rebase("lab-1", "v2"), JOB_PENDING);
    come_back_with(state, NULL);
    world = *state;
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func((GDestroyNotify)finding_free);
    assert_true(engine_rebuild(world->engine, findings, NULL));
    step_assert_all(world, "lab-1", "mine", "mine", "mine");
    assert_true(engine_resync(world->engine, NULL));
    world_stop(world, "lab-1");
    step_assert_all(world, "lab-1", "mine", "one-vdb", "mine");
}

/* --- domains that people changed
 * ------------------------------------------------------------------------------------ */

static char *edited(World *world, const char *name, const char *from, const char *to)
{
    g_autoptr(Machine) machine = world_machine(world, name);
    g_autoptr(DomainFacts) facts = hypervisor_inspect(world->hypervisor, machine->uuid, NULL);
    g_auto(GStrv) parts = g_strsplit(facts->xml, from, 2);
    assert_int_equal(g_strv_length(parts), 2);
    return g_strconcat(parts[0], to, parts[1], NULL);
}

static void repair(World *world)
{
    g_autoptr(GPtrArray) repaired = engine_repair(world->engine, NULL);
    assert_non_null(repaired);
    assert_true(repaired->len > 0);
}

static void a_domain_that_was_renamed_gives_its_name_to_the_machine(void **state)
{
    World *world = *state;
    g_autofree char *xml = edited(world, "lab-1", "<name>lab-1</name>", "<name>office</name>");
    assert_true(hypervisor_define(world->hypervisor, xml, NULL));
    assert_true(step_finds(world, "domain-renamed", NULL));
    repair(world);
    assert_true(world_has(world, "office"));
    assert_false(world_has(world, "lab-1"));
    world_do(world, world_request(VERB_RESTORE, "office", NULL));
}

static void a_stored_chain_is_found_and_taken_out(void **state)
{
    World *world = *state;
    g_autofree char *xml = edited(
        world, "lab-1", "<target dev=\"vda\"",
        "<backingStore type='file'><format type='qcow2'/><source file='/old'/><backingStore/>"
        "</backingStore><target dev=\"vda\"");
    assert_true(hypervisor_define(world->hypervisor, xml, NULL));
    assert_true(step_finds(world, "stored-chain", "lab-1"));
    repair(world);
    assert_false(step_finds(world, "stored-chain", "lab-1"));
}

static void a_domain_that_was_removed_is_reported_and_the_machine_can_go(void **state)
{
    World *world = *state;
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    memory_hypervisor_drop(world->hypervisor, machine->uuid);
    assert_true(step_finds(world, "domain-missing", "lab-1"));
    g_autoptr(GPtrArray) repaired = engine_repair(world->engine, NULL);
    assert_int_equal(repaired->len, 0);
    world_do(world, world_request(VERB_REMOVE, "lab-1", NULL));
}

static void replace_all(char **xml, const char *from, const char *to)
{
    g_auto(GStrv) parts = g_strsplit(*xml, from, -1);
    assert_true(g_strv_length(parts) > 1);
    g_free(*xml);
    *xml = g_strjoinv(to, parts);
}

static void a_stranger_on_our_images_is_reported(void **state)
{
    World *world = *state;
    EngineConfig config;
    world_free(world);
    world_config_init(&config);
    config.store_root = "/";
    world = *state = world_new_with(WORLD_DIRECTORY, &config);
    world_base(world, "v1", "one");
    world_clone(world, "v1", "lab-1");
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    g_autoptr(DomainFacts) facts = hypervisor_inspect(world->hypervisor, machine->uuid, NULL);
    g_autofree char *xml = g_strdup(facts->xml);
    replace_all(&xml, machine->uuid, "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");
    replace_all(&xml, "<name>lab-1</name>", "<name>copy</name>");
    memory_hypervisor_add(world->hypervisor, xml);
    assert_true(step_finds(world, "foreign-domain", "copy"));
    assert_false(step_finds(world, "unknown-machine", "copy"));
    memory_hypervisor_drop(world->hypervisor, "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");
    replace_all(&xml, machine->id, "00000000000000aa");
    memory_hypervisor_add(world->hypervisor, xml);
    assert_true(step_finds(world, "unknown-machine", "copy"));
    memory_hypervisor_drop(world->hypervisor, "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee");
}

static void a_file_that_nobody_knows_is_shown_and_never_deleted(void **state)
{
    World *world = *state;
    guint64 freed = 0;
    g_autofree char *path =
        g_build_filename(world->directory, "store", "trash", "00000000000000ff", "data", NULL);
    g_autofree char *file = g_build_filename(path, "vdc.qcow2", NULL);
    assert_int_equal(g_mkdir_with_parents(path, 0700), 0);
    assert_true(g_file_set_contents(file, "somebody's", -1, NULL));
    assert_true(step_finds(world, "unknown-file", NULL));
    g_autoptr(GPtrArray) repaired = engine_repair(world->engine, NULL);
    assert_int_equal(repaired->len, 0);
    assert_true(engine_reclaim(world->engine, &freed, NULL));
    assert_true(g_file_test(file, G_FILE_TEST_EXISTS));
    g_unlink(file);
    g_rmdir(path);
    g_autofree char *parent = g_path_get_dirname(path);
    g_rmdir(parent);
}

static void a_description_that_is_gone_is_written_anew(void **state)
{
    World *world = *state;
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    g_autofree char *path =
        g_build_filename(world->directory, "store", "machines", machine->id, "machine.ini", NULL);
    assert_int_equal(g_unlink(path), 0);
    assert_true(step_finds(world, "description-missing", "lab-1"));
    g_autoptr(GPtrArray) repaired = engine_repair(world->engine, NULL);
    assert_int_equal(repaired->len, 1);
    assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    world_check_invariants(world);
}

/* What is wrong is the image, not the request. */
static void a_damaged_image_is_a_refusal_with_its_remedy(void **state)
{
    World *world = *state;
    g_autoptr(Machine) machine = world_machine(world, "lab-1");
    g_autofree char *path =
        storage_head_path(world->storage, machine->id, machine_volume(machine, "vdc"));
    g_autofree char *bytes = NULL;
    gsize length = 0;
    assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    bytes[0] = 'X';
    assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
    step_refused(world, world_request(VERB_RESTORE, "lab-1", NULL), UNDERPIN_ERROR_REFUSED,
                 "is not a sound qcow2 image");
    assert_true(step_finds(world, "image-damaged", "lab-1"));
    bytes[0] = 'Q';
    assert_true(g_file_set_contents(path, bytes, (gssize)length, NULL));
}

/* What is made beside the catalog's copy, before that. */
static char *copy_beside(const char *path, gpointer fails, GError **error)
{
    g_autofree char *beside = g_strconcat(path, ".beside", NULL);
    if (GPOINTER_TO_INT(fails)) {
        error_set(error, UNDERPIN_ERROR_NO_SPACE, "free space", "the rest has no room");
        return NULL;
    }
    assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    assert_true(g_file_set_contents(beside, "the rest", -1, NULL));
    return g_strdup("the rest is beside it");
}

static void take_back(const char *path, gpointer fails)
{
    g_autofree char *beside = g_strconcat(path, ".beside", NULL);
    (void)fails;
    assert_int_equal(g_unlink(beside), 0);
}

static World *world_with_more(gboolean fails)
{
    EngineConfig config;
    world_config_init(&config);
    config.back_up_beside = copy_beside;
    config.take_back_beside = take_back;
    config.back_up_data = GINT_TO_POINTER(fails);
    return world_new_with(WORLD_DIRECTORY, &config);
}

static Job *back_up(World *world)
{
    Request *request = request_new(VERB_BACKUP);
    request->path = path_in(world, "copy");
    return world_run(world, request);
}

static void assert_files(World *world, gboolean copy, gboolean beside)
{
    g_autofree char *path = path_in(world, "copy"), *more = path_in(world, "copy.beside");
    assert_int_equal(g_file_test(path, G_FILE_TEST_EXISTS), copy);
    assert_int_equal(g_file_test(more, G_FILE_TEST_EXISTS), beside);
}

static void a_backup_tells_of_what_is_copied_beside_it(void **state)
{
    g_autoptr(World) world = world_with_more(FALSE);
    g_autoptr(Job) done = back_up(world);
    assert_int_equal(done->state, JOB_DONE);
    assert_string_equal(done->message, "the rest is beside it");
    assert_files(world, TRUE, TRUE);
}

static void a_backup_of_which_a_part_fails_is_none(void **state)
{
    g_autoptr(World) without = world_with_more(TRUE);
    g_autoptr(Job) failed = back_up(without);
    const JobItem *item = failed->items->pdata[0];
    assert_int_equal(failed->state, JOB_FAILED);
    assert_int_equal(item->error_code, UNDERPIN_ERROR_NO_SPACE);
    assert_files(without, FALSE, FALSE);
    g_autoptr(World) world = world_with_more(FALSE);
    fault_point_arm(FAULT_CATALOG_BACKUP, 1, FAULT_ERROR, ENOSPC);
    g_autoptr(Job) no_room = back_up(world);
    fault_point_disarm();
    assert_int_equal(no_room->state, JOB_FAILED);
    assert_files(world, FALSE, FALSE);
}

/* What is left is not taken for a backup: the catalog's copy is missing. */
static void a_kill_between_two_copies_leaves_none_of_the_catalog(void **state)
{
    g_autoptr(World) world = world_with_more(FALSE);
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        fault_point_arm(FAULT_CATALOG_BACKUP, 1, FAULT_KILL, 0);
        job_unref(back_up(world));
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_files(world, FALSE, TRUE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, step_tear_down)

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        TEST(yesterdays_catalog_stops_everything_until_it_is_answered),
        TEST(a_new_catalog_beside_a_used_store_is_questioned),
        TEST(another_stores_catalog_is_questioned),
        TEST(a_lost_catalog_is_rebuilt_as_far_as_the_store_knows),
        TEST(a_pending_move_does_not_survive_a_lost_catalog_but_the_machine_does),
        TEST(a_domain_that_was_renamed_gives_its_name_to_the_machine),
        TEST(a_stored_chain_is_found_and_taken_out),
        TEST(a_domain_that_was_removed_is_reported_and_the_machine_can_go),
        TEST(a_stranger_on_our_images_is_reported),
        TEST(a_file_that_nobody_knows_is_shown_and_never_deleted),
        TEST(a_description_that_is_gone_is_written_anew),
        TEST(a_damaged_image_is_a_refusal_with_its_remedy),
        cmocka_unit_test(a_backup_tells_of_what_is_copied_beside_it),
        cmocka_unit_test(a_backup_of_which_a_part_fails_is_none),
        cmocka_unit_test(a_kill_between_two_copies_leaves_none_of_the_catalog),
    };
    return cmocka_run_group_tests(TESTS, NULL, NULL);
}
