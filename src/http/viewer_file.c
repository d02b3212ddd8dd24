/* A password is not put in: virt-viewer asks for it, and libvirt knows it. */
#include "http/viewer_file.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "foundation/error.h"

#define GROUP "virt-viewer"

static const char network_hint[] =
    "use the console of the page; or let the machine's display listen at an address of this host "
    "(listen= of <graphics>, by virsh edit), with a password or TLS";

typedef enum { REACH_NOWHERE, REACH_THIS_HOST, REACH_ANYWHERE, REACH_ADDRESS } Reach;

static Reach reach_of(const char *host)
{
    struct in6_addr six;
    struct in_addr four;
    if (!host)
        return REACH_ANYWHERE;
    if (inet_pton(AF_INET6, host, &six) == 1)
        return IN6_IS_ADDR_UNSPECIFIED(&six) ? REACH_ANYWHERE
               : IN6_IS_ADDR_LOOPBACK(&six)  ? REACH_THIS_HOST
                                             : REACH_ADDRESS;
    if (inet_pton(AF_INET, host, &four) == 1)
        return four.s_addr == INADDR_ANY                    ? REACH_ANYWHERE
               : ntohl(four.s_addr) >> 24 == IN_LOOPBACKNET ? REACH_THIS_HOST
                                                            : REACH_ADDRESS;
    return REACH_ADDRESS;
}

static Reach reach_of_display(const DomainDisplay *display)
{
    if (display->socket)
        return REACH_THIS_HOST;
    if (display->port == 0 && display->tls_port == 0)
        return REACH_NOWHERE;
    return reach_of(display->host);
}

static void put_port(GKeyFile *file, const char *name, guint port)
{
    if (port > 0)
        g_key_file_set_integer(file, GROUP, name, (int)port);
}

static void put_place(GKeyFile *file, const DomainDisplay *display, const char *host)
{
    if (display->socket) {
        g_key_file_set_string(file, GROUP, "unix-path", display->socket);
        return;
    }
    g_key_file_set_string(file, GROUP, "host", host);
    put_port(file, "port", display->port);
    put_port(file, "tls-port", display->tls_port);
}

static gboolean check_reach(Reach reach, const ViewerSeat *seat, GError **error)
{
    gboolean is_reached = reach == REACH_ADDRESS || (reach == REACH_ANYWHERE && seat->host) ||
                          (reach == REACH_THIS_HOST && seat->is_local);
    return is_reached ||
           error_set(error, UNDERPIN_ERROR_REFUSED, network_hint,
                     "the screen of '%s' cannot be reached by virt-viewer from there", seat->title);
}

/* Of the files that name a unix socket virt-viewer opens those for SPICE only. */
static gboolean check_form(const DomainDisplay *display, const ViewerSeat *seat, GError **error)
{
    if (!display->socket || display->kind != DISPLAY_VNC)
        return TRUE;
    g_autofree char *hint = g_strdup_printf(
        "use the console of the page; or, as root on this host, 'virt-viewer --connect "
        "qemu:///system --attach %s'",
        seat->title);
    return error_set(error, UNDERPIN_ERROR_REFUSED, hint,
                     "no file leads virt-viewer to the screen of '%s': VNC on a unix socket",
                     seat->title);
}

char *viewer_file_new(const DomainDisplay *display, const ViewerSeat *seat, GError **error)
{
    Reach reach = reach_of_display(display);
    const char *host = reach == REACH_ANYWHERE ? seat->host : display->host;
    if (!check_reach(reach, seat, error) || !check_form(display, seat, error))
        return NULL;
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_key_file_set_string(file, GROUP, "type", display->kind == DISPLAY_VNC ? "vnc" : "spice");
    put_place(file, display, host);
    g_key_file_set_string(file, GROUP, "title", seat->title);
    g_key_file_set_integer(file, GROUP, "delete-this-file", 1);
    return g_key_file_to_data(file, NULL, NULL);
}
