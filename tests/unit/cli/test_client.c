/* The client against a socket that may not be used: the error names who may. */
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/client.h"
#include "fake_server.h"
#include "foundation/error.h"

enum { NOBODY = 65534, SOME_GROUP = 1 };

static const char *const routes[] = {"GET /x => job-one.json", NULL};

typedef struct {
    char *directory, *socket;
    FakeServer *server;
} Fixture;

static int set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    fixture->directory = g_dir_make_tmp("underpin-client-XXXXXX", NULL);
    fixture->socket = g_build_filename(fixture->directory, "socket", NULL);
    fixture->server = fake_server_start(fixture->socket, FIXTURE_DIRECTORY, routes, 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;
    g_free(fake_server_stop(fixture->server));
    g_unlink(fixture->socket);
    g_rmdir(fixture->directory);
    g_free(fixture->directory);
    g_free(fixture->socket);
    g_free(fixture);
    return 0;
}

static void socket_of_a_group_names_the_group(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Client) client = client_new(fixture->socket, 1000);
    struct group *group = getgrgid(SOME_GROUP);
    if (geteuid() != 0 || group == NULL)
        skip();
    g_autofree char *name = g_strdup_printf("the group '%s' may", group->gr_name);
    assert_int_equal(chmod(fixture->directory, 0755), 0);
    assert_int_equal(chown(fixture->socket, 0, SOME_GROUP), 0);
    assert_int_equal(chmod(fixture->socket, 0660), 0);
    assert_int_equal(seteuid(NOBODY), 0);
    Answer *answer = client_get(client, "/x", &error);
    assert_int_equal(seteuid(0), 0);
    assert_null(answer);
    assert_true(client_is_unreachable(client));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_UNAVAILABLE);
    assert_true(g_str_has_prefix(error->message, "you may not talk to the daemon at '"));
    assert_true(g_str_has_prefix(error_hint(error), name));
}

static void answer_is_given_whole(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(Client) client = client_new(fixture->socket, 10000);
    g_autoptr(Answer) answer = client_get(client, "/x", NULL);
    assert_non_null(answer);
    assert_int_equal(answer->status, 200);
    assert_non_null(answer->json);
    assert_false(client_is_unreachable(client));
}

static void nobody_there_is_unreachable(void **state G_GNUC_UNUSED)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Client) client = client_new("/nonexistent/socket", 1000);
    assert_null(client_get(client, "/x", &error));
    assert_true(client_is_unreachable(client));
    assert_non_null(error_hint(error));
}

/* A daemon that dies of every request. */
static gpointer hang_up(gpointer socket)
{
    char request[4096];
    for (int i = 0; i < 2; i++) {
        g_autoptr(GSocket) peer = g_socket_accept(socket, NULL, NULL);
        assert_non_null(peer);
        assert_true(g_socket_receive(peer, request, sizeof request, NULL, NULL) > 0);
    }
    g_socket_close(socket, NULL);
    return NULL;
}

static void a_request_whose_fate_is_not_known_says_so(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(fixture->directory, "dying", NULL);
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GSocket) socket =
        g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
    assert_true(g_socket_bind(socket, address, FALSE, NULL) && g_socket_listen(socket, NULL));
    g_autoptr(Client) client = client_new(path, 5000);
    GThread *thread = g_thread_new("dying", hang_up, socket);
    assert_null(client_call(client, "POST", "/x", NULL, "key", &error));
    g_thread_join(thread);
    assert_true(g_str_has_prefix(error->message, "whether the daemon has taken this is not known"));
    assert_non_null(strstr(error_hint(error), "underpin job list"));
    g_unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(socket_of_a_group_names_the_group, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answer_is_given_whole, set_up, tear_down),
        cmocka_unit_test(nobody_there_is_unreachable),
        cmocka_unit_test_setup_teardown(a_request_whose_fate_is_not_known_says_so, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
