/* The contract of the catalog port, held by every adapter: SQLite in a file, and in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "catalog/sqlite_catalog.h"
#include "foundation/error.h"
#include "foundation/fault_point.h"
#include "samples.h"

/* One adapter under test. `path` is NULL for one that has no file to open again. */
typedef struct {
    Catalog *catalog;
    char *directory;
    char *path;
} Subject;

static void open_subject(Subject *subject)
{
    g_autoptr(GError) error = NULL;
    subject->catalog =
        catalog_sqlite_new(subject->path == NULL ? ":memory:" : subject->path, &error);
    if (error != NULL)
        fail_msg("%s", error->message);
}

static int setup_memory(void **state)
{
    Subject *subject = g_new0(Subject, 1);
    open_subject(subject);
    *state = subject;
    return 0;
}

static int setup_file(void **state)
{
    Subject *subject = g_new0(Subject, 1);
    subject->directory = g_dir_make_tmp("underpin-catalog-XXXXXX", NULL);
    subject->path = g_build_filename(subject->directory, "catalog.sqlite", NULL);
    open_subject(subject);
    *state = subject;
    return 0;
}

static void empty_directory(const char *path)
{
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    for (const char *name; (name = g_dir_read_name(directory)) != NULL;) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        g_unlink(file);
    }
}

static int teardown(void **state)
{
    Subject *subject = *state;
    fault_point_disarm();
    catalog_free(subject->catalog);
    if (subject->directory != NULL) {
        empty_directory(subject->directory);
        g_rmdir(subject->directory);
    }
    g_free(subject->directory);
    g_free(subject->path);
    g_free(subject);
    return 0;
}

/* What a restart of the daemon would read. */
static void reopen(Subject *subject)
{
    if (subject->path == NULL)
        return;
    catalog_free(subject->catalog);
    open_subject(subject);
}

static Inventory *load(Subject *subject)
{
    g_autoptr(GError) error = NULL;
    Inventory *inventory = catalog_load(subject->catalog, &error);
    if (inventory == NULL)
        fail_msg("%s", error->message);
    return inventory;
}

static void assert_holds(Subject *subject, const Inventory *expected)
{
    g_autoptr(Inventory) loaded = load(subject);
    g_autofree char *found = inventory_to_text(loaded);
    g_autofree char *wanted = inventory_to_text(expected);
    assert_string_equal(found, wanted);
}

static void commit(Subject *subject, Inventory *inventory, const Changes *changes)
{
    g_autoptr(GError) error = NULL;
    guint64 generation = inventory->generation + 1;
    if (!catalog_commit(subject->catalog, inventory, changes, generation, &error))
        fail_msg("%s", error->message);
    inventory_apply(inventory, changes, generation);
}

static void put_job(Subject *subject, const Job *job)
{
    g_autoptr(GError) error = NULL;
    if (!catalog_put_job(subject->catalog, job, &error))
        fail_msg("%s", error->message);
}

static void assert_job(Subject *subject, const Job *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Job) found = catalog_get_job(subject->catalog, expected->id, &error);
    if (found == NULL)
        fail_msg("%s", error->message);
    g_autofree char *found_text = job_to_text(found, TRUE);
    g_autofree char *wanted = job_to_text(expected, TRUE);
    assert_string_equal(found_text, wanted);
}

/* --- inventories ------------------------------------------------------------------------------ */

static void a_new_catalog_is_empty(void **state)
{
    g_autoptr(Inventory) empty = inventory_new();
    assert_holds(*state, empty);
}

static void random_commits_come_back_in_every_field(void **state)
{
    Subject *subject = *state;
    g_autoptr(GRand) rand = sample_rand();
    g_autoptr(Inventory) inventory = inventory_new();
    for (guint round = 0; round < 60; round++) {
        g_autoptr(Changes) changes = sample_changes(rand, inventory);
        commit(subject, inventory, changes);
        if (round % 5 == 0)
            reopen(subject);
        assert_holds(subject, inventory);
    }
    assert_true(g_hash_table_size(inventory->machines) > 0);
}

/* After a restart no pointer is shared with what was written: everything is told apart by content.
 */
static void commits_go_on_from_a_loaded_inventory(void **state)
{
    Subject *subject = *state;
    g_autoptr(GRand) rand = sample_rand();
    for (guint round = 0; round < 20; round++) {
        g_autoptr(Inventory) inventory = load(subject);
        g_autoptr(Changes) changes = sample_changes(rand, inventory);
        commit(subject, inventory, changes);
        reopen(subject);
        assert_holds(subject, inventory);
    }
}

static void a_failed_commit_leaves_nothing_behind(void **state)
{
    static const struct {
        FaultPoint point;
        int problem;
        UnderpinErrorCode code;
    } faults[] = {
        {FAULT_CATALOG_BEGIN, ENOSPC, UNDERPIN_ERROR_NO_SPACE},
        {FAULT_CATALOG_BEGIN, EIO, UNDERPIN_ERROR_BACKEND},
        {FAULT_CATALOG_COMMIT, ENOSPC, UNDERPIN_ERROR_NO_SPACE},
        {FAULT_CATALOG_COMMIT, EIO, UNDERPIN_ERROR_BACKEND},
    };
    Subject *subject = *state;
    g_autoptr(GRand) rand = sample_rand();
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Job) job = sample_job(rand);
    for (guint i = 0; i < 20; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Changes) changes = sample_changes(rand, inventory);
        changes_put_job(changes, job);
        fault_point_arm(faults[i % 4].point, 1, FAULT_ERROR, faults[i % 4].problem);
        assert_false(catalog_commit(subject->catalog, inventory, changes, inventory->generation + 1,
                                    &error));
        assert_int_equal(error_code(error), faults[i % 4].code);
        fault_point_disarm();
        assert_holds(subject, inventory);
        assert_null(i == 0 ? catalog_get_job(subject->catalog, job->id, NULL) : NULL);
        sample_job_progress(rand, job);
        commit(subject, inventory, changes);
        assert_holds(subject, inventory);
        assert_job(subject, job);
    }
}

static void a_fault_after_the_commit_is_no_failure(void **state)
{
    Subject *subject = *state;
    g_autoptr(GRand) rand = sample_rand();
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Changes) changes = sample_changes(rand, inventory);
    fault_point_arm(FAULT_CATALOG_COMMITTED, 1, FAULT_ERROR, EIO);
    commit(subject, inventory, changes);
    fault_point_disarm();
    reopen(subject);
    assert_holds(subject, inventory);
}

static void a_stale_inventory_cannot_be_committed_from(void **state)
{
    Subject *subject = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(GRand) rand = sample_rand();
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Inventory) stale = inventory_new();
    g_autoptr(Changes) changes = sample_changes(rand, inventory);
    commit(subject, inventory, changes);
    assert_false(catalog_commit(subject->catalog, stale, changes, 7, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BUG);
    assert_holds(subject, inventory);
}

static void contradicting_records_are_refused_whole(void **state)
{
    Subject *subject = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Changes) changes = changes_new();
    g_autoptr(Machine) one = machine_new("1", "one", "the same uuid", 0);
    g_autoptr(Machine) other = machine_new("2", "other", "the same uuid", 0);
    changes_put_machine(changes, one);
    changes_put_machine(changes, other);
    assert_false(catalog_commit(subject->catalog, inventory, changes, 1, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BUG);
    assert_holds(subject, inventory);
}

static void two_machines_can_swap_names_in_one_commit(void **state)
{
    Subject *subject = *state;
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Changes) first = sample_clones(2);
    commit(subject, inventory, first);
    g_autoptr(Changes) second = changes_new();
    g_autoptr(Machine) one = machine_copy(inventory_find(inventory, "lab-0"));
    g_autoptr(Machine) other = machine_copy(inventory_find(inventory, "lab-1"));
    char *name = one->name;
    one->name = other->name;
    other->name = name;
    changes_put_machine(second, one);
    changes_put_machine(second, other);
    commit(subject, inventory, second);
    assert_string_equal(inventory_find(inventory, "lab-1")->id, one->id);
    assert_holds(subject, inventory);
}

static void a_rebase_of_a_thousand_machines_is_one_commit(void **state)
{
    Subject *subject = *state;
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Changes) clones = sample_clones(1000);
    commit(subject, inventory, clones);
    g_autoptr(Changes) rebase = sample_rebase(inventory);
    gint64 start = g_get_monotonic_time();
    commit(subject, inventory, rebase);
    print_message("1000 machines, 3000 heads: %.1f ms\n",
                  (double)(g_get_monotonic_time() - start) / 1000);
    reopen(subject);
    assert_holds(subject, inventory);
}

/* --- jobs ------------------------------------------------------------------------------------- */

static void jobs_come_back_in_every_field_after_each_change(void **state)
{
    Subject *subject = *state;
    g_autoptr(GRand) rand = sample_rand();
    for (guint round = 0; round < 10; round++) {
        g_autoptr(Job) job = sample_job(rand);
        job->state = JOB_RUNNING;
        for (guint step = 0; step < 8; step++) {
            put_job(subject, job);
            if (step == 4)
                reopen(subject);
            assert_job(subject, job);
            sample_job_progress(rand, job);
        }
        job->state = JOB_DONE;
        put_job(subject, job);
        assert_job(subject, job);
        sample_job_progress(rand, job);
        put_job(subject, job);
        assert_job(subject, job);
    }
}

static void a_failed_write_of_a_job_is_made_good_by_the_next(void **state)
{
    Subject *subject = *state;
    g_autoptr(GRand) rand = sample_rand();
    g_autoptr(Job) job = sample_job(rand);
    job->state = JOB_RUNNING;
    put_job(subject, job);
    for (guint round = 0; round < 20; round++) {
        g_autoptr(Job) before = job_copy(job);
        sample_job_progress(rand, job);
        fault_point_arm(FAULT_CATALOG_COMMIT, 1, FAULT_ERROR, ENOSPC);
        assert_false(catalog_put_job(subject->catalog, job, NULL));
        fault_point_disarm();
        assert_job(subject, before);
        put_job(subject, job);
        assert_job(subject, job);
    }
}

static void items_that_went_and_came_back_are_there(void **state)
{
    Subject *subject = *state;
    g_autoptr(Request) request = request_new(VERB_RESTORE);
    g_autoptr(Job) job = job_new("j", request, "root", 0);
    for (guint i = 0; i < 3; i++)
        g_ptr_array_add(job->items, job_item_new("a", "lab-1"));
    put_job(subject, job);
    g_ptr_array_set_size(job->items, 1);
    put_job(subject, job);
    assert_job(subject, job);
    g_ptr_array_add(job->items, job_item_new("a", "lab-1"));
    put_job(subject, job);
    assert_job(subject, job);
}

static void a_job_is_committed_with_the_change_it_makes(void **state)
{
    Subject *subject = *state;
    g_autoptr(GRand) rand = sample_rand();
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Changes) changes = sample_changes(rand, inventory);
    g_autoptr(Job) job = sample_job(rand);
    changes_put_job(changes, job);
    commit(subject, inventory, changes);
    reopen(subject);
    assert_job(subject, job);
    assert_holds(subject, inventory);
}

static void pages_of_jobs_run_from_the_newest_to_the_oldest(void **state)
{
    Subject *subject = *state;
    g_autoptr(GRand) rand = sample_rand();
    g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func((GDestroyNotify)job_unref);
    for (guint i = 0; i < 25; i++) {
        g_ptr_array_add(made, sample_job(rand));
        put_job(subject, g_ptr_array_index(made, i));
        if (i % 10 == 0)
            reopen(subject);
    }
    put_job(subject, g_ptr_array_index(made, 3)); /* a change does not make a job newer */
    const char *before = NULL;
    g_autofree char *cursor = NULL;
    guint seen = 0;
    for (;;) {
        g_autoptr(GPtrArray) page = catalog_list_jobs(subject->catalog, before, 10, NULL);
        assert_non_null(page);
        assert_true(page->len <= 10);
        for (guint i = 0; i < page->len; i++, seen++) {
            const Job *expected = g_ptr_array_index(made, made->len - 1 - seen);
            g_autofree char *wanted = job_to_text(expected, FALSE);
            g_autofree char *found = job_to_text(g_ptr_array_index(page, i), FALSE);
            assert_string_equal(found, wanted);
        }
        if (page->len == 0)
            break;
        g_free(cursor);
        cursor = g_strdup(((const Job *)g_ptr_array_index(page, page->len - 1))->id);
        before = cursor;
    }
    assert_int_equal(seen, made->len);
}

static void open_jobs_are_those_without_an_end_oldest_first(void **state)
{
    Subject *subject = *state;
    g_autoptr(GRand) rand = sample_rand();
    g_autoptr(GPtrArray) expected = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < 12; i++) {
        g_autoptr(Job) job = sample_job(rand);
        job->state = (JobState)(i % JOB_STATE_COUNT);
        put_job(subject, job);
        if (!job_state_is_final(job->state))
            g_ptr_array_add(expected, job_to_text(job, TRUE));
    }
    reopen(subject);
    g_autoptr(GPtrArray) open = catalog_open_jobs(subject->catalog, NULL);
    assert_int_equal(open->len, expected->len);
    for (guint i = 0; i < open->len; i++) {
        g_autofree char *found = job_to_text(g_ptr_array_index(open, i), TRUE);
        assert_string_equal(found, g_ptr_array_index(expected, i));
    }
}

static void an_idempotency_key_finds_its_job_and_no_other(void **state)
{
    Subject *subject = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(GRand) rand = sample_rand();
    g_autoptr(Job) job = sample_job(rand);
    g_autoptr(Job) other = sample_job(rand);
    g_free(job->request->idempotency_key);
    job->request->idempotency_key = g_strdup("a key");
    g_free(other->request->idempotency_key);
    other->request->idempotency_key = NULL;
    put_job(subject, job);
    put_job(subject, other);
    g_autoptr(Job) found = catalog_job_by_key(subject->catalog, "a key", &error);
    assert_string_equal(found->id, job->id);
    assert_null(catalog_job_by_key(subject->catalog, "another key", &error));
    assert_null(error);
    other->request->idempotency_key = g_strdup("a key");
    assert_false(catalog_put_job(subject->catalog, other, &error));
    assert_job(subject, job);
}

static void an_unknown_job_is_not_found(void **state)
{
    Subject *subject = *state;
    g_autoptr(GError) error = NULL;
    assert_null(catalog_get_job(subject->catalog, "nothing", &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_NOT_FOUND);
    g_clear_error(&error);
    assert_null(catalog_list_jobs(subject->catalog, "nothing", 10, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_NOT_FOUND);
}

static void the_history_of_a_machine_is_its_items_newest_first(void **state)
{
    Subject *subject = *state;
    g_autoptr(Request) request = request_new(VERB_RESTORE);
    for (guint i = 0; i < 5; i++) {
        g_autofree char *id = g_strdup_printf("job-%u", i);
        g_autoptr(Job) job = job_new(id, request, "root", i);
        g_ptr_array_add(job->items, job_item_new("other", "other"));
        g_ptr_array_add(job->items, job_item_new("mine", "lab-1"));
        ((JobItem *)g_ptr_array_index(job->items, 1))->receipt = g_strdup_printf("{\"n\": %u}", i);
        put_job(subject, job);
    }
    g_autoptr(GPtrArray) history = catalog_machine_jobs(subject->catalog, "mine", 3, NULL);
    assert_int_equal(history->len, 3);
    for (guint i = 0; i < 3; i++) {
        const Job *job = g_ptr_array_index(history, i);
        g_autofree char *id = g_strdup_printf("job-%u", 4 - i);
        g_autofree char *receipt = g_strdup_printf("{\"n\": %u}", 4 - i);
        assert_string_equal(job->id, id);
        assert_int_equal(job->items->len, 1);
        assert_string_equal(((JobItem *)g_ptr_array_index(job->items, 0))->receipt, receipt);
    }
    g_autoptr(GPtrArray) none = catalog_machine_jobs(subject->catalog, "nobody", 3, NULL);
    assert_int_equal(none->len, 0);
}

/* --- check ------------------------------------------------------------------------------------ */

static void check_finds_nothing_in_a_sound_catalog(void **state)
{
    Subject *subject = *state;
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Changes) changes = sample_clones(3);
    g_autoptr(Machine) base = machine_new("00000000000000ba", "base", "base-uuid", 0);
    base->set_id = g_strdup("00000000000000a1");
    base->actual_place = base->desired_place = PLACE_SEALED;
    changes_put_machine(changes, base);
    for (guint i = 0; i < 3; i++) {
        const char *const targets[] = {"vda", "vdb", "vdc"};
        g_autoptr(Layer) layer = layer_new("00000000000000a1", targets[i], (Role)i, "qcow2", 512);
        changes_put_layer(changes, layer);
    }
    /* an entry whose data lay on a layer that is gone since */
    g_autoptr(Machine) clone = machine_copy(g_ptr_array_index(changes->machines, 0));
    g_autoptr(Generation) entry = generation_new(machine_next_number(clone), CAUSE_REBASE, NULL, 0);
    Head *data = head_new("vdc", ROLE_DATA, "qcow2", 512, HEAD_KEEP);
    head_set_layer(data, "00000000000000ff-vdc", "qcow2");
    g_ptr_array_add(entry->heads, data);
    machine_take_generation(clone, generation_ref(entry));
    changes_put_machine(changes, clone);
    commit(subject, inventory, changes);
    assert_true(catalog_check(subject->catalog, findings, NULL));
    assert_int_equal(findings->len, 0);
}

static gboolean mentions(const GPtrArray *findings, const char *text)
{
    for (guint i = 0; i < findings->len; i++)
        if (strstr(g_ptr_array_index(findings, i), text) != NULL)
            return TRUE;
    return FALSE;
}

static void check_names_what_contradicts_itself(void **state)
{
    Subject *subject = *state;
    g_autoptr(GPtrArray) findings = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Changes) changes = sample_clones(1); /* its base and its layers are not recorded */
    g_autoptr(Machine) base = machine_new("b", "empty-base", "b-uuid", 0);
    g_autoptr(Machine) twin = machine_new("c", "empty-base", "c-uuid", 0);
    g_autoptr(ReclaimItem) item =
        reclaim_item_new("r", RECLAIM_LAYER, "layers/a1/sealed/vda.qcow2", 0);
    base->actual_place = PLACE_SEALED;
    base->desired = base->actual = 4;
    item->layer_id = g_strdup("00000000000000a1-vda");
    changes_put_machine(changes, base);
    changes_put_machine(changes, twin);
    changes_put_reclaim(changes, item);
    commit(subject, inventory, changes);
    assert_true(catalog_check(subject->catalog, findings, NULL));
    assert_true(mentions(findings, "the base of machine 'lab-0' is not recorded"));
    assert_true(mentions(findings, "the layer below volume 'lab-0 vda' is not recorded"));
    assert_true(mentions(findings, "base 'empty-base' has no layers"));
    assert_true(
        mentions(findings, "the actual generation of machine 'empty-base' is not recorded"));
    assert_true(mentions(findings, "more than one machine has the name 'empty-base'"));
    assert_true(
        mentions(findings, "'layers/a1/sealed/vda.qcow2' is listed to be deleted, and something"));
}

static void a_receipt_can_be_replaced_alone(void **state)
{
    Subject *subject = *state;
    g_autoptr(Request) request = request_new(VERB_RESTORE);
    g_autoptr(Job) job = job_new("j", request, "root", 0);
    job->state = JOB_DONE;
    g_ptr_array_add(job->items, job_item_new("a", "lab-1"));
    g_ptr_array_add(job->items, job_item_new("b", "lab-2"));
    put_job(subject, job);
    assert_true(catalog_put_receipt(subject->catalog, "j", "b", "{\"proven\":true}", NULL));
    assert_true(catalog_put_receipt(subject->catalog, "nothing", "b", "{}", NULL));
    reopen(subject);
    g_free(job_item(job, "b")->receipt);
    job_item(job, "b")->receipt = g_strdup("{\"proven\":true}");
    assert_job(subject, job);
}

/* --- dropping old jobs ------------------------------------------------------------------------ */

/* A job of machine "m" that ran from `from` to `to`. */
static void put_job_of_m(Subject *subject, const char *id, JobState state, gint64 from, gint64 to)
{
    g_autoptr(Request) request = request_new(VERB_RESTORE);
    g_autoptr(Job) job = job_new(id, request, "root", from);
    job->state = state;
    job->finished_at = to;
    g_ptr_array_add(job->items, job_item_new("m", "lab-1"));
    put_job(subject, job);
}

static guint prune(Subject *subject, gint64 finished_before, guint newest, guint at_most)
{
    guint pruned = 0;
    g_autoptr(GError) error = NULL;
    JobPruning pruning = {finished_before, newest, at_most};
    if (!catalog_prune_jobs(subject->catalog, &pruning, &pruned, &error))
        fail_msg("%s", error->message);
    return pruned;
}

/* Ids of all jobs, newest first. */
static char *jobs_text(Subject *subject)
{
    g_autoptr(GPtrArray) jobs = catalog_list_jobs(subject->catalog, NULL, 100, NULL);
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < jobs->len; i++)
        g_string_append_printf(text, "%s ", ((const Job *)g_ptr_array_index(jobs, i))->id);
    return g_string_free(text, FALSE);
}

static void assert_jobs(Subject *subject, const char *expected)
{
    g_autofree char *found = jobs_text(subject);
    assert_string_equal(found, expected);
}

static void old_jobs_go_with_their_items(void **state)
{
    Subject *subject = *state;
    put_job_of_m(subject, "a", JOB_DONE, 100, 200);
    put_job_of_m(subject, "b", JOB_FAILED, 300, 400);
    put_job_of_m(subject, "c", JOB_CANCELLED, 500, 600);
    assert_int_equal(prune(subject, 401, 0, 10), 2);
    reopen(subject);
    assert_jobs(subject, "c ");
    g_autoptr(GPtrArray) history = catalog_machine_jobs(subject->catalog, "m", 10, NULL);
    assert_int_equal(history->len, 1);
    assert_int_equal(prune(subject, 401, 0, 10), 0);
}

static void open_jobs_stay_however_old_they_are(void **state)
{
    Subject *subject = *state;
    put_job_of_m(subject, "a", JOB_PENDING, 1, 0);
    put_job_of_m(subject, "b", JOB_RUNNING, 1, 0);
    put_job_of_m(subject, "c", JOB_QUEUED, 1, 0);
    put_job_of_m(subject, "d", JOB_DONE, 1, 2);
    assert_int_equal(prune(subject, 1000, 1, 10), 1);
    assert_jobs(subject, "c b a ");
}

static void only_so_many_of_the_newest_jobs_stay(void **state)
{
    Subject *subject = *state;
    static const char *const ids[] = {"a", "b", "c", "d", "e"};
    for (gsize i = 0; i < G_N_ELEMENTS(ids); i++)
        put_job_of_m(subject, ids[i], JOB_DONE, 100, 200);
    assert_int_equal(prune(subject, 0, 5, 10), 0);
    assert_int_equal(prune(subject, 0, 3, 1), 1); /* one at a time, the oldest first */
    assert_jobs(subject, "e d c b ");
    assert_int_equal(prune(subject, 0, 3, 10), 1);
    assert_jobs(subject, "e d c ");
}

static void a_job_stays_while_undo_needs_its_receipt(void **state)
{
    Subject *subject = *state;
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Changes) changes = changes_new();
    g_autoptr(Changes) later = changes_new();
    g_autoptr(Machine) machine = machine_new("m", "lab-1", "uuid", 0);
    Generation *entry = generation_new(1, CAUSE_CLONE, NULL, 0);
    entry->replaced_at = 350;
    machine_take_generation(machine, entry);
    changes_put_machine(changes, machine);
    commit(subject, inventory, changes);
    put_job_of_m(subject, "a", JOB_DONE, 100, 200);
    put_job_of_m(subject, "b", JOB_DONE, 300, 400);
    assert_int_equal(prune(subject, 1000, 1, 10), 1);
    assert_jobs(subject, "b ");
    g_autoptr(Machine) without = machine_copy(machine);
    machine_drop_generation(without, 1);
    changes_put_machine(later, without);
    commit(subject, inventory, later);
    assert_int_equal(prune(subject, 1000, 1, 10), 1);
}

static void a_pruning_that_fails_drops_nothing(void **state)
{
    Subject *subject = *state;
    guint pruned = 0;
    JobPruning pruning = {1000, 0, 10};
    put_job_of_m(subject, "a", JOB_DONE, 100, 200);
    fault_point_arm(FAULT_CATALOG_COMMIT, 1, FAULT_ERROR, ENOSPC);
    assert_false(catalog_prune_jobs(subject->catalog, &pruning, &pruned, NULL));
    fault_point_disarm();
    assert_jobs(subject, "a ");
}

/* --- samples of the free space ---------------------------------------------------------------- */

static gboolean put_sample(Subject *subject, gint64 at, guint64 free_bytes, gint64 keep_from)
{
    SpaceSample sample = {at, free_bytes};
    return catalog_put_sample(subject->catalog, &sample, keep_from, NULL);
}

/* "at:bytes …" */
static char *samples_text(Subject *subject, gint64 since)
{
    g_autoptr(GArray) samples = catalog_list_samples(subject->catalog, since, NULL);
    GString *text = g_string_new(NULL);
    assert_non_null(samples);
    for (guint i = 0; i < samples->len; i++) {
        const SpaceSample *sample = &g_array_index(samples, SpaceSample, i);
        g_string_append_printf(text, "%" G_GINT64_FORMAT ":%" G_GUINT64_FORMAT " ", sample->at,
                               sample->free_bytes);
    }
    return g_string_free(text, FALSE);
}

static void samples_come_back_in_their_order(void **state)
{
    Subject *subject = *state;
    assert_true(put_sample(subject, 100, 7, 0));
    assert_true(put_sample(subject, 300, G_MAXUINT64, 0));
    assert_true(put_sample(subject, 300, 9, 0)); /* of one moment the last one counts */
    reopen(subject);
    g_autofree char *all = samples_text(subject, 0);
    g_autofree char *late = samples_text(subject, 101);
    assert_string_equal(all, "100:7 300:9 ");
    assert_string_equal(late, "300:9 ");
}

static void old_samples_and_those_of_a_wrong_clock_go(void **state)
{
    Subject *subject = *state;
    assert_true(put_sample(subject, 100, 1, 0));
    assert_true(put_sample(subject, 200, 2, 0));
    assert_true(put_sample(subject, 900, 9, 0));
    assert_true(put_sample(subject, 300, 3, 200));
    g_autofree char *text = samples_text(subject, 0);
    assert_string_equal(text, "200:2 300:3 ");
}

static void a_sample_that_cannot_be_written_drops_nothing(void **state)
{
    Subject *subject = *state;
    assert_true(put_sample(subject, 100, 1, 0));
    fault_point_arm(FAULT_CATALOG_COMMIT, 1, FAULT_ERROR, ENOSPC);
    assert_false(put_sample(subject, 200, 2, 150));
    fault_point_disarm();
    g_autofree char *text = samples_text(subject, 0);
    assert_string_equal(text, "100:1 ");
}

#define CASES(setup)                                                                               \
    cmocka_unit_test_setup_teardown(a_new_catalog_is_empty, setup, teardown),                      \
        cmocka_unit_test_setup_teardown(random_commits_come_back_in_every_field, setup, teardown), \
        cmocka_unit_test_setup_teardown(commits_go_on_from_a_loaded_inventory, setup, teardown),   \
        cmocka_unit_test_setup_teardown(a_failed_commit_leaves_nothing_behind, setup, teardown),   \
        cmocka_unit_test_setup_teardown(a_fault_after_the_commit_is_no_failure, setup, teardown),  \
        cmocka_unit_test_setup_teardown(a_stale_inventory_cannot_be_committed_from, setup,         \
                                        teardown),                                                 \
        cmocka_unit_test_setup_teardown(contradicting_records_are_refused_whole, setup, teardown), \
        cmocka_unit_test_setup_teardown(two_machines_can_swap_names_in_one_commit, setup,          \
                                        teardown),                                                 \
        cmocka_unit_test_setup_teardown(a_rebase_of_a_thousand_machines_is_one_commit, setup,      \
                                        teardown),                                                 \
        cmocka_unit_test_setup_teardown(jobs_come_back_in_every_field_after_each_change, setup,    \
                                        teardown),                                                 \
        cmocka_unit_test_setup_teardown(a_failed_write_of_a_job_is_made_good_by_the_next, setup,   \
                                        teardown),                                                 \
        cmocka_unit_test_setup_teardown(a_job_is_committed_with_the_change_it_makes, setup,        \
                                        teardown),                                                 \
        cmocka_unit_test_setup_teardown(items_that_went_and_came_back_are_there, setup, teardown), \
        cmocka_unit_test_setup_teardown(pages_of_jobs_run_from_the_newest_to_the_oldest, setup,    \
                                        teardown),                                                 \
        cmocka_unit_test_setup_teardown(open_jobs_are_those_without_an_end_oldest_first, setup,    \
                                        teardown),                                                 \
        cmocka_unit_test_setup_teardown(an_idempotency_key_finds_its_job_and_no_other, setup,      \
                                        teardown),                                                 \
        cmocka_unit_test_setup_teardown(an_unknown_job_is_not_found, setup, teardown),             \
        cmocka_unit_test_setup_teardown(the_history_of_a_machine_is_its_items_newest_first, setup, \
                                        teardown),                                                 \
        cmocka_unit_test_setup_teardown(a_receipt_can_be_replaced_alone, setup, teardown),         \
        cmocka_unit_test_setup_teardown(old_jobs_go_with_their_items, setup, teardown),            \
        cmocka_unit_test_setup_teardown(open_jobs_stay_however_old_they_are, setup, teardown),     \
        cmocka_unit_test_setup_teardown(only_so_many_of_the_newest_jobs_stay, setup, teardown),    \
        cmocka_unit_test_setup_teardown(a_job_stays_while_undo_needs_its_receipt, setup,           \
                                        teardown),                                                 \
        cmocka_unit_test_setup_teardown(a_pruning_that_fails_drops_nothing, setup, teardown),      \
        cmocka_unit_test_setup_teardown(samples_come_back_in_their_order, setup, teardown),        \
        cmocka_unit_test_setup_teardown(old_samples_and_those_of_a_wrong_clock_go, setup,          \
                                        teardown),                                                 \
        cmocka_unit_test_setup_teardown(a_sample_that_cannot_be_written_drops_nothing, setup,      \
                                        teardown),                                                 \
        cmocka_unit_test_setup_teardown(check_finds_nothing_in_a_sound_catalog, setup, teardown),  \
        cmocka_unit_test_setup_teardown(check_names_what_contradicts_itself, setup, teardown)

int main(void)
{
    const struct CMUnitTest memory[] = {CASES(setup_memory)};
    const struct CMUnitTest file[] = {CASES(setup_file)};
    return cmocka_run_group_tests_name("catalog in memory", memory, NULL, NULL) +
           cmocka_run_group_tests_name("catalog in a file", file, NULL, NULL);
}
