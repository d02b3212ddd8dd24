/* Displays out of the definition of a running domain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "foundation/error.h"
#include "hypervisor/libvirt/domain_display.h"

#define DOMAIN(devices) "<domain><devices>" devices "</devices></domain>"
#define SPICE                                                                                      \
    "<graphics type='spice' port='5900' tlsPort='5901' autoport='yes' listen='0.0.0.0'>"           \
    "<listen type='address' address='0.0.0.0'/></graphics>"
#define VNC_PORT                                                                                   \
    "<graphics type='vnc' port='5902' autoport='yes' listen='127.0.0.1'>"                          \
    "<listen type='address' address='127.0.0.1'/></graphics>"
#define VNC_SOCKET                                                                                 \
    "<graphics type='vnc' socket='/run/x.sock'>"                                                   \
    "<listen type='socket' socket='/run/x.sock'/></graphics>"

static void displays_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *xml;
        DisplayKind kind;
        guint index, port, tls_port;
        const char *socket, *host;
    } cases[] = {
        {DOMAIN(VNC_SOCKET), DISPLAY_VNC, 0, 0, 0, "/run/x.sock", NULL},
        {DOMAIN(VNC_PORT), DISPLAY_VNC, 0, 5902, 0, NULL, "127.0.0.1"},
        {DOMAIN(SPICE), DISPLAY_SPICE, 0, 5900, 5901, NULL, "0.0.0.0"},
        {DOMAIN(SPICE VNC_SOCKET), DISPLAY_VNC, 1, 0, 0, "/run/x.sock", NULL},
        {DOMAIN("<graphics type='sdl'/>" SPICE), DISPLAY_SPICE, 1, 5900, 5901, NULL, "0.0.0.0"},
        {DOMAIN("<graphics type='vnc' port='-1'/>"), DISPLAY_VNC, 0, 0, 0, NULL, NULL},
        {DOMAIN("<graphics type='vnc' port='99999999999'/>"), DISPLAY_VNC, 0, 0, 0, NULL, NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(DomainDisplay) display =
            domain_display_read(cases[i].xml, "x", POWER_RUNNING, NULL);
        assert_non_null(display);
        assert_int_equal(display->kind, cases[i].kind);
        assert_int_equal(display->index, cases[i].index);
        assert_int_equal(display->port, cases[i].port);
        assert_int_equal(display->tls_port, cases[i].tls_port);
        assert_true(g_strcmp0(display->socket, cases[i].socket) == 0);
        assert_true(g_strcmp0(display->host, cases[i].host) == 0);
    }
}

static void what_has_no_screen_is_refused_with_the_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *xml;
        Power power;
        const char *says;
    } cases[] = {
        {DOMAIN(VNC_SOCKET), POWER_OFF, "not running"},
        {DOMAIN(VNC_SOCKET), POWER_SAVED, "not running"},
        {DOMAIN(""), POWER_RUNNING, "no screen"},
        {DOMAIN("<graphics type='sdl'/>"), POWER_PAUSED, "no screen"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        assert_null(domain_display_read(cases[i].xml, "lab-1", cases[i].power, &error));
        assert_int_equal(error_code(error), UNDERPIN_ERROR_REFUSED);
        assert_non_null(strstr(error->message, cases[i].says));
        assert_non_null(error_hint(error));
    }
}

static void only_vnc_can_be_shown_by_the_console(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    const DomainDisplay vnc = {.kind = DISPLAY_VNC}, spice = {.kind = DISPLAY_SPICE};
    assert_true(domain_display_require_vnc(&vnc, "lab-1", NULL));
    assert_false(domain_display_require_vnc(&spice, "lab-1", &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_REFUSED);
    assert_non_null(strstr(error_hint(error), "virt-viewer"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(displays_are_read),
        cmocka_unit_test(what_has_no_screen_is_refused_with_the_remedy),
        cmocka_unit_test(only_vnc_can_be_shown_by_the_console),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
