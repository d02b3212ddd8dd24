/* The stamp of a session, where memory that is saved carries it. */
#include <stdlib.h>

#include "foundation/error.h"
#include "hypervisor/libvirt/domain_reading.h"
#include "hypervisor/libvirt/domain_session.h"
#include "hypervisor/libvirt/libvirt_error.h"
#include "hypervisor/libvirt/libvirt_private.h"

typedef struct {
    const char *uuid, *carried, *stamp;
} Stamping;

static gboolean stamp_running(const Stamping *stamping, virDomainPtr domain, GError **error)
{
    g_autofree char *element = domain_session_element(stamping->stamp);
    return virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, element,
                                DOMAIN_METADATA_PREFIX, DOMAIN_SESSION_NAMESPACE,
                                VIR_DOMAIN_AFFECT_LIVE) == 0 ||
           libvirt_error_take(domain, error);
}

/* The definition within the saved memory with the new stamp; NULL where it is not the one that is
 * meant. Caller frees. */
static char *saved_with_stamp(const Stamping *stamping, virDomainPtr domain, GError **error)
{
    char *saved = virDomainManagedSaveGetXMLDesc(domain, VIR_DOMAIN_SAVE_IMAGE_XML_SECURE);
    if (saved == NULL) {
        libvirt_error_take(domain, error);
        return NULL;
    }
    g_autoptr(xmlDoc) document = xml_tree_parse(saved, "domain", error);
    free(saved);
    if (document == NULL)
        return NULL;
    xmlNode *root = xmlDocGetRootElement(document);
    g_autofree char *carried = domain_session_stamp(root);
    if (g_strcmp0(carried, stamping->carried) != 0) {
        error_set(error, UNDERPIN_ERROR_REFUSED, NULL,
                  "the saved memory is that of an earlier session");
        return NULL;
    }
    domain_session_set(root, stamping->stamp);
    return xml_tree_text(document);
}

static gboolean stamp_saved(const Stamping *stamping, virDomainPtr domain, GError **error)
{
    if (virDomainHasManagedSaveImage(domain, 0) != 1)
        return error_set(error, UNDERPIN_ERROR_REFUSED, NULL,
                         "it neither runs nor has a managed save");
    g_autofree char *xml = saved_with_stamp(stamping, domain, error);
    return xml != NULL && (virDomainManagedSaveDefineXML(domain, xml, 0) == 0 ||
                           libvirt_error_take(domain, error));
}

static gboolean stamp(virConnectPtr handle, gpointer argument, GError **error)
{
    const Stamping *stamping = argument;
    g_autoptr(virDomain) domain = libvirt_find_domain(handle, stamping->uuid, error);
    if (domain == NULL || !libvirt_require_ours(domain, error))
        return FALSE;
    return virDomainIsActive(domain) == 1 ? stamp_running(stamping, domain, error)
                                          : stamp_saved(stamping, domain, error);
}

gboolean libvirt_stamp(Hypervisor *hypervisor, const char *uuid, const char *carried,
                       const char *stamp_text, GError **error)
{
    Stamping stamping = {uuid, carried, stamp_text};
    return libvirt_call((LibvirtHypervisor *)hypervisor, stamp, &stamping, error);
}
