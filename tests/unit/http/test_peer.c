/* Who is at the other end, and what he may. */
#include "cmocka_prelude.h"

#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "foundation/error.h"
#include "http/peer.h"

static void the_kernel_says_who_connects(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    Peer peer = peer_from_socket(ends[0]);
    assert_true(peer.is_unix && peer.is_known);
    assert_int_equal(peer.uid, geteuid());
    assert_int_equal(peer.gid, getegid());
    assert_int_equal(peer.pid, getpid());
    close(ends[0]);
    close(ends[1]);
}

static void a_descriptor_without_credentials_is_nobody(void **state)
{
    (void)state;
    Peer peer = peer_from_socket(-1);
    assert_false(peer.is_known);
    assert_false(peer_check_administrator(&peer, "root", NULL));
}

static void root_may_whatever_the_group(void **state)
{
    (void)state;
    Peer root = {.is_unix = TRUE, .is_known = TRUE, .uid = 0, .gid = 0};
    assert_true(peer_check_administrator(&root, "no-such-group", NULL));
    assert_true(peer_check_administrator(&root, NULL, NULL));
}

static void others_are_told_the_remedy(void **state)
{
    (void)state;
    Peer stranger = {.is_unix = TRUE, .is_known = TRUE, .uid = 4000000000u, .gid = 4000000000u};
    g_autoptr(GError) error = NULL;
    assert_false(peer_check_administrator(&stranger, "root", &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_DENIED);
    assert_non_null(strstr(error_hint(error), "group 'root'"));
    assert_non_null(strstr(error->message, "uid 4000000000"));
    assert_false(peer_check_administrator(&stranger, "no-such-group", NULL));
    assert_false(peer_check_administrator(&stranger, "", NULL));
    assert_false(peer_check_administrator(&stranger, NULL, NULL));
}

static void an_unknown_peer_with_the_uid_of_root_is_not_root(void **state)
{
    (void)state;
    Peer peer = {.is_unix = TRUE, .is_known = FALSE, .uid = 0, .gid = 0};
    assert_false(peer_check_administrator(&peer, "root", NULL));
}

static void the_peers_own_group_counts(void **state)
{
    (void)state;
    const struct group *group = getgrnam("daemon");
    assert_non_null(group);
    Peer member = {.is_unix = TRUE, .is_known = TRUE, .uid = 4000000000u, .gid = group->gr_gid};
    assert_true(peer_check_administrator(&member, "daemon", NULL));
    assert_false(peer_check_administrator(&member, "root", NULL));
}

/* Some user who is in some group by the group database only. */
static gboolean find_member(char **group_out, struct passwd *user_out)
{
    const struct group *group;
    setgrent();
    while ((group = getgrent())) {
        for (char **name = group->gr_mem; *name; name++) {
            const struct passwd *user = getpwnam(*name);
            if (!user || user->pw_uid == 0 || user->pw_gid == group->gr_gid)
                continue;
            *group_out = g_strdup(group->gr_name);
            *user_out = *user;
            return TRUE;
        }
    }
    return FALSE;
}

static void membership_by_the_user_database_counts(void **state)
{
    (void)state;
    g_autofree char *group = NULL;
    struct passwd user = {0};
    gboolean found = find_member(&group, &user);
    endgrent();
    if (!found)
        skip();
    Peer member = {.is_unix = TRUE, .is_known = TRUE, .uid = user.pw_uid, .gid = user.pw_gid};
    assert_true(peer_check_administrator(&member, group, NULL));
    assert_false(peer_check_administrator(&member, "root", NULL));
}

static void peers_are_described_for_the_record(void **state)
{
    (void)state;
    Peer root = {.is_unix = TRUE, .is_known = TRUE, .uid = 0},
         daemon = {.is_unix = TRUE, .is_known = TRUE, .uid = 1};
    Peer stranger = {.is_unix = TRUE, .is_known = TRUE, .uid = 4000000000u},
         unknown = {.is_unix = TRUE, .is_known = FALSE};
    g_autofree char *one = peer_describe(&root), *two = peer_describe(&daemon);
    g_autofree char *three = peer_describe(&stranger), *four = peer_describe(&unknown);
    assert_string_equal(one, "root");
    assert_string_equal(two, "daemon");
    assert_string_equal(three, "uid 4000000000");
    assert_string_equal(four, "unknown");
}

static Peer peer_of(const char *address, gboolean is_secure)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *found = NULL;
    assert_int_equal(getaddrinfo(address, NULL, &hints, &found), 0);
    Peer peer = peer_from_address(found->ai_addr, found->ai_addrlen, is_secure);
    freeaddrinfo(found);
    return peer;
}

static void a_peer_by_tcp_has_an_address_and_no_credentials(void **state)
{
    (void)state;
    Peer four = peer_of("192.0.2.7", TRUE), six = peer_of("2001:db8::1", FALSE);
    Peer wrapped = peer_of("::ffff:192.0.2.9", FALSE);
    assert_string_equal(four.address, "192.0.2.7");
    assert_string_equal(six.address, "2001:db8::1");
    assert_string_equal(wrapped.address, "192.0.2.9");
    assert_true(four.is_secure && !six.is_secure);
    assert_false(four.is_unix || four.is_known);
    assert_false(peer_check_administrator(&four, "root", NULL));
    g_autofree char *described = peer_describe(&four);
    assert_string_equal(described, "192.0.2.7");
}

static void credentials_count_by_the_unix_socket_alone(void **state)
{
    (void)state;
    Peer disguised = {.is_unix = FALSE, .is_known = TRUE, .uid = 0};
    assert_false(peer_check_administrator(&disguised, "root", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kernel_says_who_connects),
        cmocka_unit_test(a_descriptor_without_credentials_is_nobody),
        cmocka_unit_test(root_may_whatever_the_group),
        cmocka_unit_test(others_are_told_the_remedy),
        cmocka_unit_test(an_unknown_peer_with_the_uid_of_root_is_not_root),
        cmocka_unit_test(the_peers_own_group_counts),
        cmocka_unit_test(membership_by_the_user_database_counts),
        cmocka_unit_test(peers_are_described_for_the_record),
        cmocka_unit_test(a_peer_by_tcp_has_an_address_and_no_credentials),
        cmocka_unit_test(credentials_count_by_the_unix_socket_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
