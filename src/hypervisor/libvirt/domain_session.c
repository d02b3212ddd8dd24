/* Reads and writes the stamp of a session. */
#include "hypervisor/libvirt/domain_session.h"

#include <string.h>

#include "foundation/ids.h"
#include "hypervisor/libvirt/domain_reading.h"

#define ELEMENT "session"

static xmlNode *find(const xmlNode *domain)
{
    const xmlNode *metadata = xml_first(domain, "metadata");
    for (xmlNode *node = metadata == NULL ? NULL : metadata->children; node != NULL;
         node = node->next)
        if (node->type == XML_ELEMENT_NODE && node->ns != NULL &&
            strcmp((const char *)node->name, ELEMENT) == 0 &&
            g_strcmp0((const char *)node->ns->href, DOMAIN_SESSION_NAMESPACE) == 0)
            return node;
    return NULL;
}

char *domain_session_element(const char *stamp)
{
    return g_strdup_printf("<" ELEMENT " stamp='%s'/>", stamp);
}

char *domain_session_stamp(const xmlNode *domain)
{
    g_autofree char *stamp = xml_attribute(find(domain), "stamp");
    return stamp != NULL && id_is_valid(stamp) ? g_steal_pointer(&stamp) : NULL;
}

static xmlNode *add(xmlNode *domain)
{
    xmlNode *element = xml_append_new(xml_ensure(domain, "metadata"), ELEMENT);
    xmlSetNs(element,
             xmlNewNs(element, BAD_CAST DOMAIN_SESSION_NAMESPACE, BAD_CAST DOMAIN_METADATA_PREFIX));
    return element;
}

void domain_session_set(xmlNode *domain, const char *stamp)
{
    xmlNode *element = find(domain);
    if (stamp == NULL) {
        xml_remove(element);
        return;
    }
    xml_attribute_set(element != NULL ? element : add(domain), "stamp", stamp);
}
