/* What the host offers to a new domain: acceleration, CPU, network. Asked when needed: it may have
 * changed. */
#include <stdlib.h>
#include <string.h>

#include "hypervisor/libvirt/libvirt_error.h"
#include "hypervisor/libvirt/libvirt_private.h"
#include "hypervisor/libvirt/xml_tree.h"

#define USUAL_NETWORK "default"

static gboolean mode_is_supported(const xmlNode *capabilities, const char *name)
{
    for (const xmlNode *mode = xml_find(capabilities, "cpu/mode"); mode != NULL;
         mode = xml_next(mode, "mode"))
        if (xml_attribute_is(mode, "name", name))
            return xml_attribute_is(mode, "supported", "yes");
    return FALSE;
}

/* In this order: what can still be moved to another host, what is fast, what emulation offers at
 * most. */
static const char *best_cpu(const xmlNode *capabilities, gboolean accelerated)
{
    static const char *const with_kvm[] = {"host-model", "host-passthrough"};
    for (size_t i = 0; accelerated && i < G_N_ELEMENTS(with_kvm); i++)
        if (mode_is_supported(capabilities, with_kvm[i]))
            return with_kvm[i];
    return !accelerated && mode_is_supported(capabilities, "maximum") ? "maximum" : NULL;
}

/* FALSE where the host cannot run such domains. */
static gboolean try_type(virConnectPtr handle, const char *type, DomainHost *host)
{
    char *text = virConnectGetDomainCapabilities(handle, NULL, NULL, NULL, type, 0);
    if (text == NULL)
        return FALSE;
    g_autoptr(xmlDoc) document = xml_tree_parse(text, "domainCapabilities", NULL);
    free(text);
    host->type = type;
    host->cpu_mode = document == NULL
                         ? NULL
                         : best_cpu(xmlDocGetRootElement(document), strcmp(type, "kvm") == 0);
    return TRUE;
}

static void find_network(virConnectPtr handle, DomainHost *host)
{
    g_autoptr(virNetwork) network = virNetworkLookupByName(handle, USUAL_NETWORK);
    host->network = network != NULL ? USUAL_NETWORK : NULL;
}

static gboolean describe(virConnectPtr handle, gpointer argument, GError **error)
{
    DomainHost *host = argument;
    const char *driver = virConnectGetType(handle);
    if (driver == NULL)
        return libvirt_error_take(NULL, error);
    find_network(handle, host);
    if (g_ascii_strcasecmp(driver, "test") == 0)
        host->type = "test";
    else if (!try_type(handle, "kvm", host) && !try_type(handle, "qemu", host))
        return libvirt_error_take(NULL, error);
    virResetLastError();
    return TRUE;
}

gboolean libvirt_host(LibvirtHypervisor *self, DomainHost *host_out, GError **error)
{
    DomainHost host = {0};
    if (!libvirt_call(self, describe, &host, error))
        return FALSE;
    *host_out = host;
    return TRUE;
}
