/* Screens: libvirt connects to the guest's VNC server itself and hands the socket over. */
#include <stdlib.h>
#include <unistd.h>

#include "foundation/error.h"
#include "hypervisor/libvirt/domain_display.h"
#include "hypervisor/libvirt/libvirt_error.h"
#include "hypervisor/libvirt/libvirt_private.h"

typedef struct {
    const char *uuid;
    gboolean opens;
    DomainDisplay *display;
    int fd;
} ScreenQuestion;

static DomainDisplay *read_display(virDomainPtr domain, GError **error)
{
    char *xml = virDomainGetXMLDesc(domain, 0);
    if (xml == NULL) {
        libvirt_error_take(domain, error);
        return NULL;
    }
    Power power = virDomainIsActive(domain) == 1 ? POWER_RUNNING : POWER_OFF;
    DomainDisplay *display = domain_display_read(xml, virDomainGetName(domain), power, error);
    free(xml);
    return display;
}

static gboolean open_screen(virDomainPtr domain, ScreenQuestion *question, GError **error)
{
    if (!domain_display_require_vnc(question->display, virDomainGetName(domain), error))
        return FALSE;
    question->fd = virDomainOpenGraphicsFD(domain, question->display->index,
                                           VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH);
    return question->fd >= 0 || libvirt_error_take(domain, error);
}

static gboolean ask_screen(virConnectPtr handle, gpointer argument, GError **error)
{
    ScreenQuestion *question = argument;
    g_autoptr(virDomain) domain = libvirt_find_domain(handle, question->uuid, error);
    if (domain == NULL || !libvirt_require_ours(domain, error))
        return FALSE;
    question->display = read_display(domain, error);
    return question->display != NULL && (!question->opens || open_screen(domain, question, error));
}

DomainDisplay *libvirt_display(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    ScreenQuestion question = {.uuid = uuid, .fd = -1};
    if (libvirt_call((LibvirtHypervisor *)hypervisor, ask_screen, &question, error))
        return question.display;
    domain_display_free(question.display);
    return NULL;
}

int libvirt_open_screen(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    ScreenQuestion question = {.uuid = uuid, .opens = TRUE, .fd = -1};
    gboolean is_open = libvirt_call((LibvirtHypervisor *)hypervisor, ask_screen, &question, error);
    domain_display_free(question.display);
    if (!is_open && question.fd >= 0)
        close(question.fd);
    return is_open ? question.fd : -1;
}
