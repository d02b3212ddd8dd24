/* Connections by client address. */
#include "cmocka_prelude.h"

#include "http/address_limit.h"
#include "http/tcp_listener.h"

static gboolean enter(AddressLimit *limit, const char *text)
{
    ListenAddress address;
    assert_true(listen_address_parse(text, &address, NULL));
    return address_limit_enter(limit, (const struct sockaddr *)&address.address);
}

static void leave(AddressLimit *limit, const char *text)
{
    ListenAddress address;
    assert_true(listen_address_parse(text, &address, NULL));
    address_limit_leave(limit, (const struct sockaddr *)&address.address);
}

static void each_address_has_its_own_share(void **state)
{
    (void)state;
    AddressLimit *limit = address_limit_new(2);
    assert_true(enter(limit, "192.0.2.1:1"));
    assert_true(enter(limit, "192.0.2.1:2"));
    assert_false(enter(limit, "192.0.2.1:3"));
    assert_true(enter(limit, "192.0.2.2:1"));
    leave(limit, "192.0.2.1:1");
    assert_true(enter(limit, "192.0.2.1:4"));
    assert_false(enter(limit, "192.0.2.1:5"));
    address_limit_free(limit);
}

static void an_ipv4_address_is_the_same_when_wrapped(void **state)
{
    (void)state;
    AddressLimit *limit = address_limit_new(1);
    assert_true(enter(limit, "192.0.2.1:1"));
    assert_false(enter(limit, "[::ffff:192.0.2.1]:1"));
    assert_true(enter(limit, "[::ffff:192.0.2.2]:1"));
    address_limit_free(limit);
}

static void an_ipv6_client_is_its_network(void **state)
{
    (void)state;
    AddressLimit *limit = address_limit_new(1);
    assert_true(enter(limit, "[2001:db8::1]:1"));
    assert_false(enter(limit, "[2001:db8::2:3]:1"));
    assert_true(enter(limit, "[2001:db8:0:1::1]:1"));
    address_limit_free(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_address_has_its_own_share),
        cmocka_unit_test(an_ipv4_address_is_the_same_when_wrapped),
        cmocka_unit_test(an_ipv6_client_is_its_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
