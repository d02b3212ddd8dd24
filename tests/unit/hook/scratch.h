/* A directory for one test, gone with it; and small files in it. Shared by the hook's tests. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>

static inline int scratch_unlink(const char *path, const struct stat *status, int type,
                                 struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static inline int scratch_setup(void **state)
{
    *state = g_dir_make_tmp("underpin-hook-XXXXXX", NULL);
    return *state ? 0 : -1;
}

static inline int scratch_teardown(void **state)
{
    nftw(*state, scratch_unlink, 16, FTW_DEPTH | FTW_PHYS);
    g_free(*state);
    return 0;
}

/* Writes `text` to ROOT/NAME, making its directories. */
static inline void scratch_write(const char *root, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    g_autofree char *directory = g_path_get_dirname(path);
    assert_int_equal(g_mkdir_with_parents(directory, 0755), 0);
    assert_true(g_file_set_contents(path, text, -1, NULL));
    assert_int_equal(g_chmod(path, 0644), 0);
}

/* The file's text; NULL where there is none. Caller frees. */
static inline char *scratch_read(const char *root, const char *name)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    char *text = NULL;
    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

static inline void scratch_assert_text(const char *root, const char *name, const char *expected)
{
    g_autofree char *text = scratch_read(root, name);
    if (!expected) {
        assert_null(text);
        return;
    }
    assert_non_null(text);
    assert_string_equal(text, expected);
}
