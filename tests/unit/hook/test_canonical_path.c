/* Canonical paths: like realpath where everything exists, and defined where it does not. */
#include "hook/canonical_path.h"
#include "scratch.h"

#include <stdlib.h>
#include <string.h>

static void make_link(const char *root, const char *name, const char *target)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    assert_int_equal(symlink(target, path), 0);
}

static void make_tree(const char *root)
{
    scratch_write(root, "store/machines/a/now/vda", "");
    make_link(root, "short", "store/machines");
    make_link(root, "store/up", "../short/a");
    make_link(root, "dangling", "store/machines/a/now/missing");
    make_link(root, "loop", "loop");
    g_autofree char *absolute = g_build_filename(root, "store", NULL);
    make_link(root, "absolute", absolute);
}

static void agrees_with_realpath_on_what_exists(void **state)
{
    static const char *const names[] = {
        "store/machines/a/now/vda", "short/a/now/vda",
        "store/up/now/vda",         "absolute/up/now/vda",
        "store//machines/./a/now",  "short/../x/..",
        "store/up/now/../../a/now", "",
    };
    make_tree(*state);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        char ours[PATH_MAX], theirs[PATH_MAX];
        g_autofree char *path = g_strconcat(*state, "/", names[i], NULL);
        if (!realpath(path, theirs))
            continue; /* the table holds one that does not exist: see the other test */
        assert_true(canonical_path(path, ours));
        assert_string_equal(ours, theirs);
    }
    char root[PATH_MAX];
    assert_true(canonical_path("//.//..", root));
    assert_string_equal(root, "/");
}

static void resolves_what_does_not_exist(void **state)
{
    static const struct {
        const char *name, *resolved;
    } cases[] = {
        {"short/b/now/vda", "store/machines/b/now/vda"},
        {"dangling", "store/machines/a/now/missing"},
        {"nothing/../store/x", "store/x"},
        {"store/up/next/./vda", "store/machines/a/next/vda"},
        {"short/../x/..", "store"}, /* ".." after a link goes up from where the link leads */
    };
    char real_root[PATH_MAX];
    make_tree(*state);
    assert_non_null(realpath(*state, real_root));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char ours[PATH_MAX];
        g_autofree char *path = g_build_filename(*state, cases[i].name, NULL);
        g_autofree char *expected = g_build_filename(real_root, cases[i].resolved, NULL);
        assert_true(canonical_path(path, ours));
        assert_string_equal(ours, expected);
    }
}

static void refuses_what_nobody_can_open(void **state)
{
    char ours[PATH_MAX];
    make_tree(*state);
    g_autofree char *loop = g_build_filename(*state, "loop", NULL);
    g_autofree char *is_long = g_strnfill(PATH_MAX, '/');
    g_autofree char *many = g_strnfill(PATH_MAX - 1, 'a');
    many[0] = '/';
    assert_false(canonical_path(loop, ours));
    assert_false(canonical_path("relative/path", ours));
    assert_false(canonical_path("", ours));
    assert_false(canonical_path(is_long, ours));
    assert_true(canonical_path(many, ours));
    assert_string_equal(ours, many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(agrees_with_realpath_on_what_exists, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(resolves_what_does_not_exist, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(refuses_what_nobody_can_open, scratch_setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
