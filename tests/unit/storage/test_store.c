/* Opening a store: made, found again, refused; its lock, its number, its own description. */
#include "prelude.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "foundation/ids.h"

static Scratch *scratch;
static Site *site;

static int make_site(void **state)
{
    (void)state;
    site = site_new(scratch, "site");
    return 0;
}

static int drop_site(void **state)
{
    (void)state;
    site_free(site);
    return 0;
}

static Storage *open_at(const char *root, gboolean create, GError **error)
{
    DirectoryStorageConfig config = {.root = root, .create = create};
    return directory_storage_open(&config, error);
}

static void a_store_keeps_its_uuid_and_number(void **state)
{
    (void)state;
    StoreStatus first = {0}, second = {0};
    assert_ok(storage_raise_generation(site->storage, 5, &error));
    assert_ok(storage_raise_generation(site->storage, 3, &error));
    assert_ok(storage_status(site->storage, &first, &error));
    assert_true(uuid_is_valid(first.uuid));
    assert_true(first.stable_names && first.exchanges && first.size_bytes > first.free_bytes);
    site_close(site);
    site_open(site);
    assert_ok(storage_status(site->storage, &second, &error));
    assert_string_equal(first.uuid, second.uuid);
    assert_int_equal(second.generation, 5);
}

static void overwrite_number(gint64 at, const char *bytes, gsize length)
{
    g_autofree char *path = g_build_filename(site->root, "generation", NULL);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, length, at), (gssize)length);
    close(fd);
}

static guint64 number_after_reopening(void)
{
    StoreStatus status = {0};
    site_close(site);
    site_open(site);
    assert_ok(storage_status(site->storage, &status, &error));
    return status.generation;
}

/* The slots are written by turns: 7 lies in the second, 8 in the first. */
static void a_torn_number_is_the_number_before(void **state)
{
    (void)state;
    for (guint64 number = 1; number <= 8; number++)
        assert_ok(storage_raise_generation(site->storage, number, &error));
    assert_int_equal(number_after_reopening(), 8);
    overwrite_number(18, "99", 2);
    assert_int_equal(number_after_reopening(), 7);
    assert_ok(storage_raise_generation(site->storage, 9, &error));
    assert_int_equal(number_after_reopening(), 9);
}

static void a_number_that_is_none_is_refused(void **state)
{
    (void)state;
    g_autofree char *root = g_strdup(site->root);
    overwrite_number(0, "zero", 4);
    site_close(site);
    assert_fails(UNDERPIN_ERROR_INVALID, open_at(root, FALSE, &error));
    overwrite_number(0, "                   0", 20);
    site_open(site);
}

/* Somebody put a backup of the file in its place: that one is raised. */
static void a_number_that_was_replaced_is_made_anew(void **state)
{
    (void)state;
    g_autofree char *path = g_build_filename(site->root, "generation", NULL);
    assert_ok(storage_raise_generation(site->storage, 4, &error));
    assert_int_equal(unlink(path), 0);
    assert_ok(storage_raise_generation(site->storage, 5, &error));
    assert_ok(storage_raise_generation(site->storage, 6, &error));
    assert_int_equal(number_after_reopening(), 6);
}

static void a_store_of_version_0_1_has_its_number_as_a_line(void **state)
{
    (void)state;
    g_autofree char *path = g_build_filename(site->root, "generation", NULL);
    assert_true(g_file_set_contents(path, "41\n", -1, NULL));
    assert_int_equal(number_after_reopening(), 41);
    assert_ok(storage_raise_generation(site->storage, 42, &error));
    assert_int_equal(number_after_reopening(), 42);
}

static void the_hook_finds_what_it_needs_in_store_ini(void **state)
{
    (void)state;
    g_autofree char *text = site_text(site, "store.ini");
    assert_non_null(strstr(text, "\nhook-socket=/run/underpin/hook\n"));
    assert_non_null(strstr(text, "\nclaims=/run/underpin/claims\n"));
    g_autoptr(Machine) base = site_make_base(site, BASE_ID, "golden", BASE_SET);
    g_autofree char *machine = site_text(site, "machines/" BASE_ID "/machine.ini");
    g_autofree char *line = g_strdup_printf("\nuuid=%s\n", base->uuid);
    assert_non_null(strstr(machine, line));
}

static void a_second_daemon_finds_the_store_busy(void **state)
{
    (void)state;
    assert_fails(UNDERPIN_ERROR_BUSY, open_at(site->root, TRUE, &error));
    site_close(site);
    Storage *storage = NULL;
    assert_ok((storage = open_at(site->root, FALSE, &error)) != NULL);
    storage_free(storage);
}

static void a_missing_store_is_unavailable_unless_it_is_to_be_made(void **state)
{
    (void)state;
    g_autofree char *root = g_build_filename(site->path, "other", NULL);
    assert_fails(UNDERPIN_ERROR_UNAVAILABLE, open_at(root, FALSE, &error));
    assert_false(g_file_test(root, G_FILE_TEST_EXISTS));
    assert_int_equal(mkdir(root, 0755), 0);
    assert_fails(UNDERPIN_ERROR_UNAVAILABLE, open_at(root, FALSE, &error));
    assert_fails(UNDERPIN_ERROR_INVALID, open_at("relative", TRUE, &error));
}

static void a_store_that_is_not_mounted_is_not_made_anew(void **state)
{
    (void)state;
    StoreStatus status = {0};
    g_autofree char *away = g_strconcat(site->root, "-away", NULL);
    assert_int_equal(rename(site->root, away), 0);
    assert_fails(UNDERPIN_ERROR_UNAVAILABLE, storage_status(site->storage, &status, &error));
    assert_fails(UNDERPIN_ERROR_UNAVAILABLE, storage_raise_generation(site->storage, 9, &error));
    assert_int_equal(mkdir(site->root, 0755), 0);
    site_close(site);
    assert_fails(UNDERPIN_ERROR_UNAVAILABLE, open_at(site->root, TRUE, &error));
    assert_int_equal(rmdir(site->root), 0);
    assert_fails(UNDERPIN_ERROR_UNAVAILABLE, open_at(site->root, TRUE, &error));
    assert_int_equal(rename(away, site->root), 0);
    site_open(site);
}

static void a_directory_that_holds_something_else_is_refused(void **state)
{
    (void)state;
    g_autofree char *root = g_build_filename(site->path, "home", NULL);
    assert_true(shell_ok("mkdir '%s' && touch '%s/letter.txt'", root, root));
    assert_fails(UNDERPIN_ERROR_REFUSED, open_at(root, TRUE, &error));
    assert_true(shell_ok("test \"$(ls -A '%s')\" = letter.txt", root));
}

static void a_store_that_others_may_write_to_is_refused(void **state)
{
    (void)state;
    site_close(site);
    assert_int_equal(chmod(site->root, 0777), 0);
    assert_fails(UNDERPIN_ERROR_REFUSED, open_at(site->root, TRUE, &error));
    assert_int_equal(chmod(site->root, 0711), 0);
    site_open(site);
}

static void qemu_s_user_passes_through_and_lists_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        mode_t mode;
    } rows[] = {
        {".", 0711},
        {"machines", 0711},
        {"layers", 0711},
        {"trash", 0700},
        {"generation", 0600},
        {"machines/" CLONE_ID, 0711},
        {"machines/" CLONE_ID "/now", 0711},
        {"machines/" CLONE_ID "/machine.ini", 0600},
        {"machines/" CLONE_ID "/now/vda.qcow2", 0600},
        {"machines/" CLONE_ID "/now/generation.ini", 0600},
        {"layers/" BASE_SET "/sealed", 0711},
        {"layers/" BASE_SET "/sealed/vda.qcow2", 0444},
        {"layers/" BASE_SET "/sealed/generation.ini", 0600},
    };
    g_autoptr(Machine) base = site_make_base(site, BASE_ID, "golden", BASE_SET);
    g_autoptr(Machine) clone = site_make_clone(site, CLONE_ID, "lab-1", BASE_SET, BASE_ID);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct stat status;
        g_autofree char *path = site_path(site, rows[i].path);
        assert_int_equal(stat(path, &status), 0);
        if ((status.st_mode & 07777) != rows[i].mode)
            fail_msg("%s has mode %o", rows[i].path, status.st_mode & 07777);
    }
}

static void a_bad_id_or_target_never_becomes_a_path(void **state)
{
    (void)state;
    g_autoptr(Machine) machine = machine_sample(CLONE_ID, "lab-1", "raw");
    Generation *generation = generation_blank(machine, 1);
    Head *head = g_ptr_array_index(generation->heads, 0);
    g_free(head->target);
    head->target = g_strdup("../../vda");
    machine_want(machine, generation);
    assert_fails(UNDERPIN_ERROR_INVALID,
                 storage_stage(site->storage, machine, generation, NULL, &error));
    assert_false(site_has(site, "machines/" CLONE_ID));
}

#define IN_SITE(test) cmocka_unit_test_setup_teardown(test, make_site, drop_site)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        IN_SITE(a_store_keeps_its_uuid_and_number),
        IN_SITE(a_torn_number_is_the_number_before),
        IN_SITE(a_number_that_is_none_is_refused),
        IN_SITE(a_number_that_was_replaced_is_made_anew),
        IN_SITE(a_store_of_version_0_1_has_its_number_as_a_line),
        IN_SITE(the_hook_finds_what_it_needs_in_store_ini),
        IN_SITE(a_second_daemon_finds_the_store_busy),
        IN_SITE(a_missing_store_is_unavailable_unless_it_is_to_be_made),
        IN_SITE(a_store_that_is_not_mounted_is_not_made_anew),
        IN_SITE(a_directory_that_holds_something_else_is_refused),
        IN_SITE(a_store_that_others_may_write_to_is_refused),
        IN_SITE(qemu_s_user_passes_through_and_lists_nothing),
        IN_SITE(a_bad_id_or_target_never_becomes_a_path),
    };
    const char *type = argc > 1 ? argv[1] : "ext4";
    scratch = scratch_mount(type, strcmp(type, "xfs") == 0 ? 320 : 160);
    if (!scratch)
        return 77; /* skipped: not root, or no such file system here */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_unmount(scratch);
    return failed;
}
