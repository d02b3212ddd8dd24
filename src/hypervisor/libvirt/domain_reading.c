/* Reads facts out of the stored definition; unknown things are passed over, never an error. */
#include "hypervisor/libvirt/domain_reading.h"

#include <string.h>

#include "foundation/error.h"
#include "foundation/ids.h"

/* --- our mark --------------------------------------------------------------------------------- */

static gboolean is_ours(const xmlNode *node)
{
    return node->type == XML_ELEMENT_NODE && node->ns != NULL &&
           g_strcmp0((const char *)node->ns->href, DOMAIN_METADATA_NAMESPACE) == 0 &&
           g_strcmp0((const char *)node->name, DOMAIN_METADATA_ELEMENT) == 0;
}

xmlNode *domain_machine_element(const xmlNode *domain)
{
    const xmlNode *metadata = xml_first(domain, "metadata");
    for (xmlNode *node = metadata == NULL ? NULL : metadata->children; node != NULL;
         node = node->next)
        if (is_ours(node))
            return node;
    return NULL;
}

static char *valid_id(const xmlNode *element)
{
    g_autofree char *id = xml_attribute(element, "id");
    return id != NULL && id_is_valid(id) ? g_steal_pointer(&id) : NULL;
}

char *domain_machine_id(const xmlNode *domain)
{
    return valid_id(domain_machine_element(domain));
}

char *domain_machine_id_of_element(const char *xml)
{
    /* libvirt hands the element out without the prefix: <machine xmlns…> or <underpin:machine …>,
     * by version */
    g_autofree char *wrapped = g_strconcat("<metadata>", xml, "</metadata>", NULL);
    g_autoptr(xmlDoc) document = xml_tree_parse(wrapped, "metadata", NULL);
    if (document == NULL)
        return NULL;
    for (const xmlNode *node = xmlDocGetRootElement(document)->children; node != NULL;
         node = node->next)
        if (node->type == XML_ELEMENT_NODE &&
            strcmp((const char *)node->name, DOMAIN_METADATA_ELEMENT) == 0)
            return valid_id(node);
    return NULL;
}

/* --- disks ------------------------------------------------------------------------------------ */

gboolean domain_disk_is_volume(const xmlNode *disk)
{
    return xml_attribute_is(disk, "device", NULL) || xml_attribute_is(disk, "device", "disk");
}

char *domain_disk_target(const xmlNode *disk)
{
    return xml_attribute(xml_first(disk, "target"), "dev");
}

/* Which attribute of <source> names something in the file system, by type of disk. */
static const char *path_attribute(const char *type)
{
    static const struct {
        const char *type, *attribute;
    } attributes[] = {{"file", "file"}, {"block", "dev"}, {"dir", "dir"}, {"vhostuser", "path"}};
    for (size_t i = 0; i < G_N_ELEMENTS(attributes); i++)
        if (g_strcmp0(type, attributes[i].type) == 0)
            return attributes[i].attribute;
    return NULL;
}

char *domain_disk_path(const xmlNode *disk)
{
    g_autofree char *type = xml_attribute(disk, "type");
    const char *attribute = path_attribute(type != NULL ? type : "file");
    return attribute == NULL ? NULL : xml_attribute(xml_first(disk, "source"), attribute);
}

static char *path_in_pool(const xmlNode *disk, DomainVolumeResolver resolve, gpointer user_data)
{
    const xmlNode *source = xml_first(disk, "source");
    g_autofree char *pool = xml_attribute(source, "pool");
    g_autofree char *volume = xml_attribute(source, "volume");
    return resolve != NULL && pool != NULL && volume != NULL ? resolve(pool, volume, user_data)
                                                             : NULL;
}

static char *attribute_or(const xmlNode *node, const char *name, const char *otherwise)
{
    char *value = xml_attribute(node, name);
    return value != NULL ? value : g_strdup(otherwise);
}

static guint boot_order(const xmlNode *disk)
{
    g_autofree char *order = xml_attribute(xml_first(disk, "boot"), "order");
    guint64 number = 0;
    if (order == NULL || !g_ascii_string_to_unsigned(order, 10, 0, G_MAXUINT, &number, NULL))
        return 0;
    return (guint)number;
}

static DomainDisk *read_disk(const xmlNode *node, DomainVolumeResolver resolve, gpointer user_data)
{
    DomainDisk *disk = domain_disk_new();
    disk->target = attribute_or(xml_first(node, "target"), "dev", "");
    disk->device = attribute_or(node, "device", "disk");
    disk->type = attribute_or(node, "type", "file");
    disk->path = strcmp(disk->type, "volume") == 0 ? path_in_pool(node, resolve, user_data)
                                                   : domain_disk_path(node);
    disk->format = xml_attribute(xml_first(node, "driver"), "type");
    disk->readonly = xml_first(node, "readonly") != NULL;
    disk->shareable = xml_first(node, "shareable") != NULL;
    disk->transient = xml_first(node, "transient") != NULL;
    disk->encrypted = xml_find(node, "encryption") != NULL || xml_find(node, "source/encryption");
    /* an empty <backingStore/> counts: it says that there is nothing below, whatever the image says
     */
    disk->stored_chain = xml_first(node, "backingStore") != NULL;
    disk->boot_order = boot_order(node);
    return disk;
}

static void read_disks(const xmlNode *domain, GPtrArray *disks, DomainVolumeResolver resolve,
                       gpointer user_data)
{
    for (const xmlNode *disk = xml_find(domain, "devices/disk"); disk != NULL;
         disk = xml_next(disk, "disk"))
        g_ptr_array_add(disks, read_disk(disk, resolve, user_data));
}

/* --- the rest --------------------------------------------------------------------------------- */

char *domain_nvram_path(const xmlNode *domain)
{
    const xmlNode *nvram = xml_find(domain, "os/nvram");
    char *path = xml_attribute(xml_first(nvram, "source"), "file");
    return path != NULL ? path : xml_content(nvram);
}

static gboolean has_tpm_state(const xmlNode *domain)
{
    for (const xmlNode *tpm = xml_find(domain, "devices/tpm"); tpm != NULL;
         tpm = xml_next(tpm, "tpm"))
        if (xml_attribute_is(xml_first(tpm, "backend"), "type", "emulator"))
            return TRUE;
    return FALSE;
}

DomainFacts *domain_read(const char *xml, DomainVolumeResolver resolve, gpointer user_data,
                         GError **error)
{
    g_autoptr(xmlDoc) document = xml_tree_parse(xml, "domain", error);
    if (document == NULL)
        return NULL;
    const xmlNode *domain = xmlDocGetRootElement(document);
    g_autofree char *on_poweroff = xml_content(xml_first(domain, "on_poweroff"));
    DomainFacts *facts = domain_facts_new();
    facts->state->uuid = xml_content(xml_first(domain, "uuid"));
    facts->state->name = xml_content(xml_first(domain, "name"));
    facts->state->machine_id = domain_machine_id(domain);
    read_disks(domain, facts->disks, resolve, user_data);
    facts->nvram_path = domain_nvram_path(domain);
    facts->xml = g_strdup(xml);
    facts->poweroff_restarts = g_strcmp0(on_poweroff, "restart") == 0;
    facts->has_tpm_state = has_tpm_state(domain);
    facts->has_shared_memory_dirs = xml_find(domain, "devices/filesystem") != NULL;
    return facts;
}
