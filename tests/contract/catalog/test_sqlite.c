/* What the SQLite adapter promises about its file: who may open it, kills, damage, versions,
 * backups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/schema.h"
#include "catalog/sqlite_catalog.h"
#include "foundation/error.h"
#include "foundation/fault_point.h"
#include "samples.h"

typedef struct {
    char *directory;
    char *path;
    char *backup;
} Files;

static int setup(void **state)
{
    Files *files = g_new0(Files, 1);
    files->directory = g_dir_make_tmp("underpin-sqlite-XXXXXX", NULL);
    files->path = g_build_filename(files->directory, "catalog.sqlite", NULL);
    files->backup = g_build_filename(files->directory, "backup.sqlite", NULL);
    *state = files;
    return 0;
}

static int teardown(void **state)
{
    Files *files = *state;
    fault_point_disarm();
    g_autoptr(GDir) directory = g_dir_open(files->directory, 0, NULL);
    for (const char *name; (name = g_dir_read_name(directory)) != NULL;) {
        g_autofree char *file = g_build_filename(files->directory, name, NULL);
        g_unlink(file);
    }
    g_rmdir(files->directory);
    g_free(files->directory);
    g_free(files->path);
    g_free(files->backup);
    g_free(files);
    return 0;
}

static Catalog *open_at(const char *path)
{
    g_autoptr(GError) error = NULL;
    Catalog *catalog = catalog_sqlite_new(path, &error);
    if (catalog == NULL)
        fail_msg("%s", error->message);
    return catalog;
}

static char *text_at(const char *path)
{
    g_autoptr(Catalog) catalog = open_at(path);
    g_autoptr(Inventory) inventory = catalog_load(catalog, NULL);
    assert_non_null(inventory);
    return inventory_to_text(inventory);
}

/* Commits random changes to the file; returns what it then holds. */
static char *commit_random(GRand *rand, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Catalog) catalog = open_at(path);
    g_autoptr(Inventory) inventory = catalog_load(catalog, NULL);
    g_autoptr(Changes) changes = sample_changes(rand, inventory);
    guint64 generation = inventory->generation + 1;
    if (!catalog_commit(catalog, inventory, changes, generation, &error))
        fail_msg("%s", error->message);
    inventory_apply(inventory, changes, generation);
    return inventory_to_text(inventory);
}

static gboolean is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Runs a statement behind the adapter's back. */
static void tamper(const char *path, const char *sql)
{
    sqlite3 *handle;
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

static void assert_refused(const char *path, UnderpinErrorCode code, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Catalog) catalog = catalog_sqlite_new(path, &error);
    assert_null(catalog);
    assert_int_equal(error_code(error), code);
    assert_non_null(strstr(error->message, words));
    assert_non_null(strstr(error->message, path));
    assert_non_null(error_hint(error));
}

/* --- the file --------------------------------------------------------------------------------- */

static void the_file_and_its_log_belong_to_root_alone(void **state)
{
    Files *files = *state;
    struct stat facts;
    g_autofree char *log = g_strconcat(files->path, "-wal", NULL);
    mode_t old_mask = umask(0);
    g_autoptr(Catalog) catalog = open_at(files->path);
    assert_non_null(catalog);
    umask(old_mask);
    assert_int_equal(stat(files->path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
    assert_int_equal(stat(log, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
}

static void a_file_that_others_could_read_is_closed_to_them(void **state)
{
    Files *files = *state;
    struct stat facts;
    g_free(text_at(files->path));
    assert_int_equal(chmod(files->path, 0644), 0);
    g_free(text_at(files->path));
    assert_int_equal(stat(files->path, &facts), 0);
    assert_int_equal(facts.st_mode & 07777, 0600);
}

static void a_second_opener_is_told_that_the_file_is_in_use(void **state)
{
    Files *files = *state;
    g_autoptr(Catalog) catalog = open_at(files->path);
    assert_non_null(catalog);
    assert_refused(files->path, UNDERPIN_ERROR_BUSY, "in use by another process");
    pid_t child = fork();
    if (child == 0) {
        GError *error = NULL;
        Catalog *other = catalog_sqlite_new(files->path, &error);
        _exit(other == NULL && error_code(error) == UNDERPIN_ERROR_BUSY ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_damaged_file_is_reported_with_the_way_out(void **state)
{
    Files *files = *state;
    g_free(text_at(files->path));
    char garbage[4096];
    memset(garbage, 0x5a, sizeof garbage);
    int fd = open(files->path, O_WRONLY);
    assert_int_equal(pwrite(fd, garbage, sizeof garbage, 0), sizeof garbage);
    close(fd);
    assert_refused(files->path, UNDERPIN_ERROR_BACKEND, "damaged");
}

/* The header is whole: damage shows when pages are read, and never as an empty or partial
 * inventory. */
static void damage_inside_is_an_error_and_never_a_smaller_inventory(void **state)
{
    Files *files = *state;
    g_autoptr(GRand) rand = sample_rand();
    for (guint i = 0; i < 5; i++)
        g_free(commit_random(rand, files->path));
    struct stat facts;
    assert_int_equal(stat(files->path, &facts), 0);
    int fd = open(files->path, O_WRONLY);
    g_autofree char *garbage = g_malloc0((gsize)facts.st_size);
    memset(garbage, 0xa5, (gsize)facts.st_size);
    assert_int_equal(pwrite(fd, garbage, (gsize)facts.st_size - 8192, 8192), facts.st_size - 8192);
    close(fd);
    g_autoptr(GError) error = NULL;
    g_autoptr(Catalog) catalog = catalog_sqlite_new(files->path, &error);
    g_autoptr(Inventory) inventory = catalog == NULL ? NULL : catalog_load(catalog, &error);
    assert_null(inventory);
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BACKEND);
    assert_non_null(strstr(error_hint(error), "doctor --rebuild"));
}

static void an_unknown_value_is_named(void **state)
{
    Files *files = *state;
    g_autoptr(GError) error = NULL;
    {
        g_autoptr(Catalog) catalog = open_at(files->path);
        g_autoptr(Inventory) inventory = inventory_new();
        g_autoptr(Changes) changes = sample_clones(1);
        assert_true(catalog_commit(catalog, inventory, changes, 1, NULL));
    }
    tamper(files->path, "UPDATE volume SET role = 'precious' WHERE slot = 1");
    g_autoptr(Catalog) catalog = open_at(files->path);
    assert_null(catalog_load(catalog, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_BACKEND);
    assert_non_null(strstr(error->message, "role 'precious'"));
}

static void a_database_of_another_program_is_left_alone(void **state)
{
    Files *files = *state;
    tamper(files->path, "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
    assert_refused(files->path, UNDERPIN_ERROR_INVALID, "another program");
}

static void a_directory_that_is_missing_is_not_found(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    assert_null(catalog_sqlite_new("/nonexistent/catalog.sqlite", &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_NOT_FOUND);
}

/* A real full file system: a small one in memory, mounted for this process alone. */
static void a_full_disk_fails_the_commit_and_loses_nothing(void **state)
{
    Files *files = *state;
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", files->directory, "tmpfs", 0, "size=400k") != 0) {
        print_message("cannot mount here: %s\n", g_strerror(errno));
        skip();
    }
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Catalog) catalog = open_at(files->path);
        g_autoptr(Inventory) inventory = inventory_new();
        g_autoptr(Changes) few = sample_clones(2);
        g_autoptr(Changes) many = sample_clones(3000);
        assert_true(catalog_commit(catalog, inventory, few, 1, NULL));
        inventory_apply(inventory, few, 1);
        g_autofree char *before = inventory_to_text(inventory);
        assert_false(catalog_commit(catalog, inventory, many, 2, &error));
        assert_int_equal(error_code(error), UNDERPIN_ERROR_NO_SPACE);
        g_autoptr(Inventory) loaded = catalog_load(catalog, NULL);
        g_autofree char *found = inventory_to_text(loaded);
        assert_string_equal(found, before);
        catalog_free(g_steal_pointer(&catalog));
        g_autofree char *reopened = text_at(files->path);
        assert_string_equal(reopened, before);
    }
    assert_int_equal(umount2(files->directory, MNT_DETACH), 0);
}

/* --- kills ------------------------------------------------------------------------------------ */

/* A child commits what `seed` makes of the file and dies at the point. */
static void killed_commit(const char *path, guint32 seed, FaultPoint point)
{
    pid_t child = fork();
    if (child == 0) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        Catalog *catalog = catalog_sqlite_new(path, NULL);
        Inventory *inventory = catalog_load(catalog, NULL);
        Changes *changes = sample_changes(rand, inventory);
        fault_point_arm(point, 1, FAULT_KILL, 0);
        catalog_commit(catalog, inventory, changes, inventory->generation + 1, NULL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* What the file would hold after the commit of `seed`, computed without the adapter. */
static char *expected_after(const char *path, guint32 seed)
{
    g_autoptr(Catalog) catalog = open_at(path);
    g_autoptr(Inventory) inventory = catalog_load(catalog, NULL);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    g_autoptr(Changes) changes = sample_changes(rand, inventory);
    inventory_apply(inventory, changes, inventory->generation + 1);
    return inventory_to_text(inventory);
}

static void a_kill_leaves_the_catalog_entirely_before_or_after(void **state)
{
    static const struct {
        FaultPoint point;
        gboolean happened;
    } kills[] = {
        {FAULT_CATALOG_BEGIN, FALSE},
        {FAULT_CATALOG_COMMIT, FALSE},
        {FAULT_CATALOG_COMMITTED, TRUE},
    };
    Files *files = *state;
    g_autoptr(GRand) rand = sample_rand();
    g_free(commit_random(rand, files->path));
    for (guint i = 0; i < 24; i++) {
        guint32 seed = g_rand_int(rand);
        g_autofree char *before = text_at(files->path);
        g_autofree char *after = expected_after(files->path, seed);
        killed_commit(files->path, seed, kills[i % 3].point);
        g_autofree char *found = text_at(files->path);
        assert_string_equal(found, kills[i % 3].happened ? after : before);
    }
}

/* --- a disk that cannot sync ------------------------------------------------------------------ */

/* SQLite's default file system with one change: so many syncs of a write-ahead log fail. */
static struct {
    guint failures;
    sqlite3_vfs *real;
    sqlite3_vfs faulty;
    const sqlite3_io_methods *real_methods;
    sqlite3_io_methods methods;
    sqlite3_file *log;
} disk;

static int faulty_sync(sqlite3_file *file, int flags)
{
    if (file != disk.log || disk.failures == 0)
        return disk.real_methods->xSync(file, flags);
    disk.failures--;
    return SQLITE_IOERR_FSYNC;
}

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags,
                       int *flags_out)
{
    (void)vfs;
    int code = disk.real->xOpen(disk.real, name, file, flags, flags_out);
    if (code != SQLITE_OK || (flags & SQLITE_OPEN_WAL) == 0)
        return code;
    disk.log = file;
    disk.real_methods = file->pMethods;
    disk.methods = *file->pMethods;
    disk.methods.xSync = faulty_sync;
    file->pMethods = &disk.methods;
    return code;
}

static void use_faulty_disk(void)
{
    disk.real = sqlite3_vfs_find(NULL);
    disk.faulty = *disk.real;
    disk.faulty.zName = "faulty";
    disk.faulty.xOpen = faulty_open;
    sqlite3_vfs_register(&disk.faulty, 1);
}

/* Gives the catalog a store; the commit after that meets the fault. Ends with the process, as by a
 * kill. */
static void commit_on_faulty_disk(const char *path, guint32 seed, guint failures, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    use_faulty_disk();
    Catalog *catalog = catalog_sqlite_new(path, NULL);
    Inventory *inventory = catalog_load(catalog, NULL);
    Changes *marriage = changes_new();
    marriage->store_uuid = g_strdup("the store");
    guint64 generation = inventory->generation + 1;
    if (!catalog_commit(catalog, inventory, marriage, generation, NULL))
        _exit(1);
    inventory_apply(inventory, marriage, generation);
    Changes *changes = sample_changes(rand, inventory);
    disk.failures = failures;
    gboolean committed = catalog_commit(catalog, inventory, changes, generation + 1, &error);
    gboolean told =
        error_code(error) == UNDERPIN_ERROR_BACKEND && strstr(error->message, words) != NULL;
    disk.failures = 0;
    gboolean stopped =
        failures > 1 && !catalog_commit(catalog, inventory, marriage, generation + 1, NULL);
    _exit(!committed && told && stopped == (failures > 1) ? 0 : 1);
}

/* Commits as above in a child; returns the inventory as it was after the store was given. */
static Inventory *after_faulty_disk(const char *path, guint32 seed, guint failures,
                                    const char *words)
{
    Inventory *inventory;
    {
        g_autoptr(Catalog) catalog = open_at(path);
        inventory = catalog_load(catalog, NULL);
    }
    pid_t child = fork();
    if (child == 0)
        commit_on_faulty_disk(path, seed, failures, words);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    g_free(inventory->store_uuid);
    inventory->store_uuid = g_strdup("the store");
    inventory->generation++;
    return inventory;
}

static void a_commit_whose_sync_failed_is_taken_back(void **state)
{
    Files *files = *state;
    g_autoptr(GRand) rand = sample_rand();
    g_free(commit_random(rand, files->path));
    g_autoptr(Inventory) inventory = after_faulty_disk(files->path, g_rand_int(rand), 1, "");
    g_autofree char *wanted = inventory_to_text(inventory);
    g_autofree char *found = text_at(files->path);
    assert_string_equal(found, wanted);
}

static void an_unknown_outcome_stops_all_writing_and_is_whole_after_a_restart(void **state)
{
    Files *files = *state;
    g_autoptr(GRand) rand = sample_rand();
    g_free(commit_random(rand, files->path));
    guint32 seed = g_rand_int(rand);
    g_autoptr(Inventory) inventory = after_faulty_disk(files->path, seed, 100, "is not known");
    g_autofree char *before = inventory_to_text(inventory);
    g_autoptr(GRand) same = g_rand_new_with_seed(seed);
    g_autoptr(Changes) changes = sample_changes(same, inventory);
    inventory_apply(inventory, changes, inventory->generation + 1);
    g_autofree char *after = inventory_to_text(inventory);
    g_autofree char *found = text_at(files->path);
    assert_true(g_str_equal(found, before) || g_str_equal(found, after));
}

/* --- versions --------------------------------------------------------------------------------- */

static void a_catalog_of_a_newer_version_is_refused_untouched(void **state)
{
    Files *files = *state;
    g_autoptr(GRand) rand = sample_rand();
    g_autofree char *text = commit_random(rand, files->path);
    tamper(files->path, "PRAGMA user_version = 99");
    assert_refused(files->path, UNDERPIN_ERROR_UNSUPPORTED, "of version 99");
    tamper(files->path, "PRAGMA user_version = 2");
    g_autofree char *found = text_at(files->path);
    assert_string_equal(found, text);
}

static void a_catalog_of_the_first_version_is_brought_up_to_date(void **state)
{
    Files *files = *state;
    g_autoptr(GRand) rand = sample_rand();
    g_autofree char *text = commit_random(rand, files->path);
    tamper(files->path, "DROP TABLE space_sample; PRAGMA user_version = 1");
    g_autofree char *found = text_at(files->path);
    assert_string_equal(found, text);
    g_autoptr(Catalog) catalog = open_at(files->path);
    g_autoptr(GArray) samples = catalog_list_samples(catalog, 0, NULL);
    assert_non_null(samples);
}

static const Migration steps[] = {
    {1, "CREATE TABLE colour (name TEXT NOT NULL); INSERT INTO colour (name) VALUES ('red')"},
    {2, "ALTER TABLE colour ADD COLUMN shade TEXT"},
    {3, "UPDATE colour SET shade = 'dark'"},
};
static const Migration broken_steps[] = {
    {1, "CREATE TABLE colour (name TEXT NOT NULL); INSERT INTO colour (name) VALUES ('red')"},
    {2, "ALTER TABLE colour ADD COLUMN shade TEXT"},
    {3, "UPDATE nothing SET shade = 'dark'"},
};

static gint64 number_of(Database *database, const char *sql)
{
    gint64 number = -1;
    assert_true(database_number(database, sql, &number, NULL));
    return number;
}

static void migrations_run_from_every_earlier_version(void **state)
{
    (void)state;
    for (guint from = 1; from <= 3; from++) {
        Database database = {0};
        assert_true(database_open(&database, &schema_kind, ":memory:", NULL));
        assert_true(database_migrate(&database, steps, from, NULL));
        assert_int_equal(number_of(&database, "PRAGMA user_version"), from);
        assert_true(database_migrate(&database, steps, 3, NULL));
        assert_int_equal(number_of(&database, "PRAGMA user_version"), 3);
        assert_int_equal(number_of(&database, "SELECT COUNT(*) FROM colour WHERE shade = 'dark'"),
                         1);
        assert_true(database_migrate(&database, steps, 3, NULL));
        database_close(&database);
    }
}

static void a_failed_migration_leaves_the_old_version(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    Database database = {0};
    assert_true(database_open(&database, &schema_kind, ":memory:", NULL));
    assert_true(database_migrate(&database, broken_steps, 1, NULL));
    assert_false(database_migrate(&database, broken_steps, 3, &error));
    assert_non_null(error);
    assert_int_equal(number_of(&database, "PRAGMA user_version"), 1);
    assert_int_equal(number_of(&database, "SELECT COUNT(*) FROM pragma_table_info('colour')"), 1);
    database_close(&database);
}

/* --- backup ----------------------------------------------------------------------------------- */

static void a_backup_is_a_catalog_with_the_same_content(void **state)
{
    Files *files = *state;
    struct stat facts;
    g_autoptr(GRand) rand = sample_rand();
    g_autofree char *text = commit_random(rand, files->path);
    g_autoptr(Job) job = sample_job(rand);
    g_autofree char *job_text = job_to_text(job, TRUE);
    {
        g_autoptr(GError) error = NULL;
        g_autoptr(Catalog) catalog = open_at(files->path);
        assert_true(catalog_put_job(catalog, job, NULL));
        if (!catalog_backup(catalog, files->backup, &error))
            fail_msg("%s", error->message);
        assert_int_equal(stat(files->backup, &facts), 0);
        assert_int_equal(facts.st_mode & 07777, 0600);
        g_autoptr(Catalog) copy = open_at(files->backup);
        g_autoptr(Job) found = catalog_get_job(copy, job->id, NULL);
        g_autofree char *found_text = job_to_text(found, TRUE);
        assert_string_equal(found_text, job_text);
    }
    g_autofree char *later = commit_random(rand, files->path);
    g_autofree char *copied = text_at(files->backup);
    assert_string_equal(copied, text);
    g_autofree char *unharmed = text_at(files->path);
    assert_string_equal(unharmed, later);
}

static void a_backup_replaces_no_file(void **state)
{
    Files *files = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Catalog) catalog = open_at(files->path);
    assert_true(g_file_set_contents(files->backup, "precious", -1, NULL));
    assert_false(catalog_backup(catalog, files->backup, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_EXISTS);
    g_autofree char *content = NULL;
    assert_true(g_file_get_contents(files->backup, &content, NULL, NULL));
    assert_string_equal(content, "precious");
}

/* Every durable moment of a backup fails once, one after another. */
static void a_backup_that_fails_anywhere_leaves_no_file(void **state)
{
    Files *files = *state;
    g_autofree char *partial = g_strconcat(files->backup, ".partial", NULL);
    g_autoptr(Catalog) catalog = open_at(files->path);
    guint failures = 0;
    for (gboolean done = FALSE; !done; failures += done ? 0 : 1) {
        g_autoptr(GError) error = NULL;
        fault_point_arm(FAULT_POINT_COUNT, failures + 1, FAULT_ERROR, ENOSPC);
        done = catalog_backup(catalog, files->backup, &error);
        fault_point_disarm();
        assert_int_equal(is_there(files->backup), done);
        assert_false(is_there(partial));
        assert_true(done || error_code(error) == UNDERPIN_ERROR_NO_SPACE);
    }
    assert_true(failures >= 3);
}

static void a_killed_backup_leaves_no_half_file_and_the_next_one_works(void **state)
{
    Files *files = *state;
    pid_t child = fork();
    if (child == 0) {
        Catalog *catalog = catalog_sqlite_new(files->path, NULL);
        fault_point_arm(FAULT_CATALOG_BACKUP, 1, FAULT_KILL, 0);
        catalog_backup(catalog, files->backup, NULL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_false(is_there(files->backup));
    g_autoptr(Catalog) catalog = open_at(files->path);
    assert_true(catalog_backup(catalog, files->backup, NULL));
    assert_true(is_there(files->backup));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_file_and_its_log_belong_to_root_alone),
        CASE(a_file_that_others_could_read_is_closed_to_them),
        CASE(a_second_opener_is_told_that_the_file_is_in_use),
        CASE(a_damaged_file_is_reported_with_the_way_out),
        CASE(damage_inside_is_an_error_and_never_a_smaller_inventory),
        CASE(an_unknown_value_is_named),
        CASE(a_database_of_another_program_is_left_alone),
        CASE(a_directory_that_is_missing_is_not_found),
        CASE(a_full_disk_fails_the_commit_and_loses_nothing),
        CASE(a_kill_leaves_the_catalog_entirely_before_or_after),
        CASE(a_commit_whose_sync_failed_is_taken_back),
        CASE(an_unknown_outcome_stops_all_writing_and_is_whole_after_a_restart),
        CASE(a_catalog_of_a_newer_version_is_refused_untouched),
        CASE(a_catalog_of_the_first_version_is_brought_up_to_date),
        CASE(migrations_run_from_every_earlier_version),
        CASE(a_failed_migration_leaves_the_old_version),
        CASE(a_backup_is_a_catalog_with_the_same_content),
        CASE(a_backup_replaces_no_file),
        CASE(a_backup_that_fails_anywhere_leaves_no_file),
        CASE(a_killed_backup_leaves_no_half_file_and_the_next_one_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
