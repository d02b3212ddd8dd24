/* <graphics> elements: the first that speaks VNC, or else the first that speaks SPICE. */
#include "hypervisor/libvirt/domain_display.h"

#include <string.h>

#include "foundation/error.h"
#include "hypervisor/libvirt/xml_tree.h"

/* "-1", and anything else that is no port, is none. */
static guint port_of(const xmlNode *graphics, const char *name)
{
    g_autofree char *text = xml_attribute(graphics, name);
    guint64 port = 0;
    if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT16, &port, NULL))
        return 0;
    return (guint)port;
}

static DomainDisplay *read_graphics(const xmlNode *graphics, DisplayKind kind, guint index)
{
    const xmlNode *listen = xml_first(graphics, "listen");
    DomainDisplay *display = domain_display_new();
    display->kind = kind;
    display->index = index;
    display->port = port_of(graphics, "port");
    display->tls_port = port_of(graphics, "tlsPort");
    if (xml_attribute_is(listen, "type", "socket"))
        display->socket = xml_attribute(listen, "socket");
    if (listen != NULL)
        display->host = xml_attribute(listen, "address");
    return display;
}

static DomainDisplay *find_kind(const xmlNode *domain, const char *type, DisplayKind kind)
{
    guint index = 0;
    for (const xmlNode *graphics = xml_find(domain, "devices/graphics"); graphics != NULL;
         graphics = xml_next(graphics, "graphics"), index++)
        if (xml_attribute_is(graphics, "type", type))
            return read_graphics(graphics, kind, index);
    return NULL;
}

DomainDisplay *domain_display_read(const char *xml, const char *name, Power power, GError **error)
{
    if (power == POWER_OFF || power == POWER_SAVED || power == POWER_UNKNOWN) {
        error_set(error, UNDERPIN_ERROR_REFUSED, "start it first", "'%s' is not running", name);
        return NULL;
    }
    g_autoptr(xmlDoc) document = xml_tree_parse(xml, "domain", error);
    if (document == NULL)
        return NULL;
    const xmlNode *domain = xmlDocGetRootElement(document);
    DomainDisplay *display = find_kind(domain, "vnc", DISPLAY_VNC);
    if (display == NULL)
        display = find_kind(domain, "spice", DISPLAY_SPICE);
    if (display == NULL)
        error_set(error, UNDERPIN_ERROR_REFUSED, DOMAIN_DISPLAY_HINT, "'%s' has no screen", name);
    return display;
}
