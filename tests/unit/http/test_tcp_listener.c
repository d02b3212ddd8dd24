/* Addresses to listen at. */
#include "cmocka_prelude.h"

#include <string.h>
#include <unistd.h>

#include "foundation/error.h"
#include "http/tcp_listener.h"

static void addresses_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        guint16 port;
        gboolean is_loopback;
    } good[] = {{"[::]:8443", 8443, FALSE},
                {"0.0.0.0:1", 1, FALSE},
                {"127.0.0.1:65535", 65535, TRUE},
                {"127.9.9.9:80", 80, TRUE},
                {"[::1]:0", 0, TRUE},
                {"192.0.2.1:443", 443, FALSE},
                {"[2001:db8::1]:8443", 8443, FALSE}};
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        ListenAddress address;
        assert_true(listen_address_parse(good[i].text, &address, NULL));
        assert_int_equal(listen_address_port(&address), good[i].port);
        assert_int_equal(listen_address_is_loopback(&address), good[i].is_loopback);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",          "8443",     ":8443",         "localhost:8443",
                                      "::1:8443",  "[::1]",    "127.0.0.1:",    "127.0.0.1:65536",
                                      "[::1]:-1",  "[]:80",    "127.0.0.1:80 ", "127.1:80",
                                      "[::1:8443", "::]:8443", "[127.0.0.1:80"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        ListenAddress address;
        g_autoptr(GError) error = NULL;
        if (listen_address_parse(bad[i], &address, &error))
            fail_msg("'%s' is taken for an address", bad[i]);
        assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
        assert_non_null(error_hint(error));
    }
}

static void why_an_address_cannot_be_had_is_said(void **state)
{
    (void)state;
    ListenAddress address;
    g_autoptr(GError) busy = NULL, away = NULL;
    assert_true(listen_address_parse("127.0.0.1:0", &address, NULL));
    int first = tcp_listener_open(&address, NULL);
    assert_true(first >= 0);
    g_autofree char *taken = g_strdup_printf("127.0.0.1:%u", tcp_listener_port(first));
    assert_true(listen_address_parse(taken, &address, NULL));
    assert_int_equal(tcp_listener_open(&address, &busy), -1);
    assert_int_equal(error_code(busy), UNDERPIN_ERROR_BUSY);
    assert_true(listen_address_parse("192.0.2.77:8443", &address, NULL));
    assert_int_equal(tcp_listener_open(&address, &away), -1);
    assert_int_equal(error_code(away), UNDERPIN_ERROR_UNAVAILABLE);
    close(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(why_an_address_cannot_be_had_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
