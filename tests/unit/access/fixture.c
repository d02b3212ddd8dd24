/* See fixture.h. */
#include "cmocka_prelude.h"

#include "fixture.h"

#include <glib/gstdio.h>

#include "foundation/error.h"

static void open_access(Fixture *fixture)
{
    AccessConfig config;
    access_config_init(&config);
    config.path = fixture->path;
    config.password_memory_bytes = (gsize)64 * 1024;
    fixture->access = access_open(&config, fixture->clock);
}

int fixture_set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->directory = g_dir_make_tmp("underpin-access-XXXXXX", NULL);
    fixture->path = g_build_filename(fixture->directory, "access.sqlite", NULL);
    fixture->clock = clock_new_manual(1700000000);
    open_access(fixture);
    *state = fixture;
    return access_problem(fixture->access) ? -1 : 0;
}

int fixture_tear_down(void **state)
{
    Fixture *fixture = *state;
    access_free(fixture->access);
    clock_free(fixture->clock);
    g_autoptr(GDir) files = g_dir_open(fixture->directory, 0, NULL);
    for (const char *name; (name = g_dir_read_name(files));) {
        g_autofree char *path = g_build_filename(fixture->directory, name, NULL);
        g_unlink(path);
    }
    g_rmdir(fixture->directory);
    g_free(fixture->directory);
    g_free(fixture->path);
    g_free(fixture);
    return 0;
}

void fixture_reopen(Fixture *fixture)
{
    access_free(fixture->access);
    open_access(fixture);
}

void fixture_add(Fixture *fixture, const char *name, AccountRole role)
{
    g_autoptr(GError) error = NULL;
    char *token = NULL;
    g_autoptr(Account) account =
        access_add_account(fixture->access, name, role, PASSWORD, NULL, &token, &error);
    if (!account)
        fail_msg("%s: %s", name, error->message);
    assert_null(token);
}

Login *fixture_log_in(Fixture *fixture, const char *name, const char *password, const char *address,
                      int *code_out)
{
    g_autoptr(GError) error = NULL;
    guint retry = 0;
    Login *login = access_log_in(fixture->access, name, password, address, &retry, &error);
    if (code_out)
        *code_out = login ? -1 : (int)error_code(error);
    assert_true(login || (error_code(error) == UNDERPIN_ERROR_BUSY) == (retry > 0));
    return login;
}

gboolean fixture_failed_with(GError **error, int code)
{
    gboolean is_so = *error && (int)error_code(*error) == code && error_hint(*error);
    g_clear_error(error);
    return is_so;
}
