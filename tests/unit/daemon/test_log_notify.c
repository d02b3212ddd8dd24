/* Log lines, and what the service manager hears. */
#include "cmocka_prelude.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/notify.h"

static void a_line_has_time_level_and_domain(void **state)
{
    (void)state;
    g_autofree char *line =
        log_format(G_LOG_LEVEL_WARNING, "underpin-http", "hello", 1700000000123456, FALSE);
    assert_string_equal(line, "2023-11-14T22:13:20.123Z warning underpin-http: hello");
    g_autofree char *bare = log_format(G_LOG_LEVEL_INFO, NULL, "x", 0, FALSE);
    assert_string_equal(bare, "1970-01-01T00:00:00.000Z info    x");
}

static void the_journal_gets_the_priority_and_no_time(void **state)
{
    (void)state;
    g_autofree char *warning = log_format(G_LOG_LEVEL_WARNING, "d", "x", 0, TRUE);
    g_autofree char *fatal = log_format(G_LOG_LEVEL_ERROR | G_LOG_FLAG_FATAL, "d", "x", 0, TRUE);
    assert_string_equal(warning, "<4>d: x");
    assert_string_equal(fatal, "<2>d: x");
}

static void a_message_cannot_forge_a_second_line(void **state)
{
    (void)state;
    g_autofree char *line = log_format(G_LOG_LEVEL_INFO, NULL, "a\n<0>b\r\x1b[31mä", 0, TRUE);
    assert_string_equal(line, "<6>a\\n<0>b\\x0d\\x1b[31mä");
}

/* A datagram socket bound at `path` ('@': abstract). */
static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    return fd;
}

static void assert_heard(const char *path)
{
    char heard[64] = "";
    int fd = listen_at(path);
    g_setenv("NOTIFY_SOCKET", path, TRUE);
    assert_true(notify_manager("READY=1"));
    assert_int_equal(recv(fd, heard, sizeof heard, 0), strlen("READY=1"));
    assert_string_equal(heard, "READY=1");
    close(fd);
}

static void the_manager_hears_by_path_and_by_abstract_name(void **state)
{
    (void)state;
    g_autofree char *directory = g_dir_make_tmp("underpin-notify-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(directory, "socket", NULL);
    g_autofree char *abstract = g_strdup_printf("@underpin-test-%d", (int)getpid());
    assert_heard(path);
    assert_heard(abstract);
    g_unlink(path);
    g_rmdir(directory);
}

static void without_a_manager_nothing_happens(void **state)
{
    (void)state;
    g_unsetenv("NOTIFY_SOCKET");
    assert_false(notify_manager("READY=1"));
    g_setenv("NOTIFY_SOCKET", "relative", TRUE);
    assert_false(notify_manager("READY=1"));
    g_setenv("NOTIFY_SOCKET", "/nonexistent/socket", TRUE);
    assert_false(notify_manager("READY=1"));
    g_autofree char *long_path = g_strnfill(300, '/');
    g_setenv("NOTIFY_SOCKET", long_path, TRUE);
    assert_false(notify_manager("READY=1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_and_domain),
        cmocka_unit_test(the_journal_gets_the_priority_and_no_time),
        cmocka_unit_test(a_message_cannot_forge_a_second_line),
        cmocka_unit_test(the_manager_hears_by_path_and_by_abstract_name),
        cmocka_unit_test(without_a_manager_nothing_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
