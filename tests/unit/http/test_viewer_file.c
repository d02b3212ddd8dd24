/* Files for virt-viewer: where a screen can be reached from. */
#include "cmocka_prelude.h"

#include <string.h>

#include "foundation/error.h"
#include "http/viewer_file.h"

static void screens_are_reached_from_where_they_can_be(void **state)
{
    (void)state;
    static const struct {
        DomainDisplay display;
        gboolean is_local;
        const char *host, *says; /* NULL: refused */
    } cases[] = {
        {{.kind = DISPLAY_SPICE, .socket = (char *)"/run/x.sock"},
         TRUE,
         NULL,
         "type=spice\nunix-path=/run/x.sock\n"},
        {{.kind = DISPLAY_SPICE, .socket = (char *)"/run/x.sock"}, FALSE, "h.example", NULL},
        {{.kind = DISPLAY_VNC, .host = (char *)"127.0.0.1", .port = 5900},
         TRUE,
         NULL,
         "host=127.0.0.1\nport=5900\n"},
        {{.kind = DISPLAY_VNC, .host = (char *)"127.0.0.1", .port = 5900},
         FALSE,
         "h.example",
         NULL},
        {{.kind = DISPLAY_VNC, .host = (char *)"::1", .port = 5900}, FALSE, "h.example", NULL},
        {{.kind = DISPLAY_VNC, .host = (char *)"0.0.0.0", .port = 5900},
         FALSE,
         "h.example",
         "host=h.example\nport=5900\n"},
        {{.kind = DISPLAY_SPICE, .host = (char *)"::", .port = 5900, .tls_port = 5901},
         FALSE,
         "h.example",
         "type=spice\nhost=h.example\nport=5900\ntls-port=5901\n"},
        {{.kind = DISPLAY_SPICE, .host = (char *)"192.0.2.1", .tls_port = 5901},
         FALSE,
         NULL,
         "host=192.0.2.1\ntls-port=5901\n"},
        {{.kind = DISPLAY_VNC, .port = 5900}, FALSE, NULL, NULL},
        {{.kind = DISPLAY_VNC, .host = (char *)"0.0.0.0"}, FALSE, "h.example", NULL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        const ViewerSeat seat = {
            .title = "lab-1", .is_local = cases[i].is_local, .host = cases[i].host};
        g_autofree char *file = viewer_file_new(&cases[i].display, &seat, &error);
        if (!cases[i].says) {
            assert_null(file);
            assert_int_equal(error_code(error), UNDERPIN_ERROR_REFUSED);
            assert_non_null(error_hint(error));
            continue;
        }
        assert_true(g_str_has_prefix(file, "[virt-viewer]\n"));
        if (!strstr(file, cases[i].says))
            fail_msg("'%s' is not in '%s'", cases[i].says, file);
        assert_non_null(strstr(file, "title=lab-1\n"));
        assert_null(strstr(file, "password"));
    }
}

/* remote-viewer 11 ends in "Failed to initiate connection". */
static void what_virt_viewer_does_not_open_is_refused_with_what_does(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    const DomainDisplay display = {.kind = DISPLAY_VNC, .socket = (char *)"/run/x.sock"};
    const ViewerSeat seat = {.title = "lab-1", .is_local = TRUE};
    assert_null(viewer_file_new(&display, &seat, &error));
    assert_int_equal(error_code(error), UNDERPIN_ERROR_REFUSED);
    assert_non_null(strstr(error_hint(error), "--attach lab-1'"));
}

static void no_value_can_add_a_line(void **state)
{
    (void)state;
    const DomainDisplay display = {.kind = DISPLAY_SPICE, .socket = (char *)"/run/x\nhost=evil"};
    const ViewerSeat seat = {.title = "lab-1", .is_local = TRUE};
    g_autofree char *file = viewer_file_new(&display, &seat, NULL);
    assert_null(strstr(file, "\nhost=evil"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(screens_are_reached_from_where_they_can_be),
        cmocka_unit_test(what_virt_viewer_does_not_open_is_refused_with_what_does),
        cmocka_unit_test(no_value_can_add_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
