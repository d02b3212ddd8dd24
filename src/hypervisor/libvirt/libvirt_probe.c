/*
 * The proof that our start hook is in force. A file that lies in the hooks' directory proves
 * nothing: libvirtd may not have looked since, or ignores it. So a start is tried that only our
 * hook can refuse with words that nobody could know before: the path of its one disk carries a
 * fresh nonce, which the hook puts into its answer.
 *
 * The disk does not exist. Without the hook libvirt itself refuses the start, with other words.
 */
#include <string.h>

#include "foundation/error.h"
#include "foundation/ids.h"
#include "hypervisor/libvirt/libvirt_error.h"
#include "hypervisor/libvirt/libvirt_private.h"
#include "hypervisor/libvirt/xml_tree.h"

static const char template[] = "<domain type='qemu'>\n"
                               "  <name/>\n"
                               "  <uuid/>\n"
                               "  <memory unit='MiB'>16</memory>\n"
                               "  <os><type>hvm</type></os>\n"
                               "  <devices>\n"
                               "    <disk type='file' device='disk'>\n"
                               "      <driver name='qemu' type='raw'/>\n"
                               "      <source/>\n"
                               "      <target dev='vda' bus='virtio'/>\n"
                               "    </disk>\n"
                               "  </devices>\n"
                               "</domain>\n";

static char *probe_xml(const char *store_root, const char *nonce)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(xmlDoc) document = xml_tree_parse(template, "domain", &failure);
    g_assert_no_error(failure);
    xmlNode *domain = xmlDocGetRootElement(document);
    g_autofree char *name = g_strconcat("underpin-probe-", nonce, NULL);
    g_autofree char *uuid = uuid_new();
    g_autofree char *file = g_strconcat(nonce, ".raw", NULL);
    g_autofree char *path = g_build_filename(store_root, "machines", "probe", "now", file, NULL);
    xml_content_set(xml_first(domain, "name"), name);
    xml_content_set(xml_first(domain, "uuid"), uuid);
    xml_attribute_set(xml_find(domain, "devices/disk/source"), "file", path);
    return xml_tree_text(document);
}

typedef struct {
    const char *xml;
    const char *expected;
} Probe;

static gboolean not_in_force(const char *reason, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_REFUSED,
                     "install the hook as an executable regular file in /etc/libvirt/hooks/qemu.d, "
                     "then reload libvirtd: systemctl reload libvirtd, or kill -HUP its process",
                     "the start hook of Underpin is not in force: %s", reason);
}

static gboolean probe(virConnectPtr handle, gpointer argument, GError **error)
{
    const Probe *self = argument;
    g_autoptr(virDomain) domain = virDomainCreateXML(
        handle, self->xml, VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY);
    if (domain != NULL) {
        virDomainDestroy(domain);
        return not_in_force("a start that it must refuse went through", error);
    }
    const virError *failure = virGetLastError();
    const char *answer = failure != NULL && failure->message != NULL ? failure->message : "";
    if (strstr(answer, self->expected) != NULL)
        return TRUE;
    if (!libvirt_error_is(VIR_ERR_HOOK_SCRIPT_FAILED))
        return not_in_force("libvirt did not ask it before a start", error);
    g_autofree char *words = libvirt_error_clean(answer, TRUE);
    g_autofree char *reason = g_strdup_printf("another answer came instead: %s", words);
    return not_in_force(reason, error);
}

gboolean libvirt_probe_hook(Hypervisor *hypervisor, const char *store_root, GError **error)
{
    g_autofree char *nonce = id_new();
    g_autofree char *xml = probe_xml(store_root, nonce);
    g_autofree char *expected = g_strconcat("underpin: hook in force ", nonce, NULL);
    Probe self = {.xml = xml, .expected = expected};
    return libvirt_call((LibvirtHypervisor *)hypervisor, probe, &self, error);
}
