/*
 * New hardware: the elements that describe the computer are replaced, all others (metadata,
 * lifecycle actions, SMBIOS texts, other people's namespaces) stay. Disks are matched by target,
 * network cards by their order.
 */
#include "hypervisor/libvirt/domain_hardware.h"

#include "foundation/ids.h"
#include "hypervisor/libvirt/domain_clashes.h"
#include "hypervisor/libvirt/domain_disks.h"
#include "hypervisor/libvirt/domain_reading.h"

/* --- network cards ---------------------------------------------------------------------------- */

static GPtrArray *own_addresses(const xmlNode *domain)
{
    GPtrArray *addresses = g_ptr_array_new_with_free_func(g_free);
    for (const xmlNode *interface = xml_find(domain, "devices/interface"); interface != NULL;
         interface = xml_next(interface, "interface")) {
        char *address = xml_attribute(xml_first(interface, "mac"), "address");
        g_ptr_array_add(addresses, address != NULL ? address : mac_new());
    }
    return addresses;
}

static void keep_addresses(xmlNode *hardware, const xmlNode *domain)
{
    g_autoptr(GPtrArray) own = own_addresses(domain);
    guint i = 0;
    for (xmlNode *interface = xml_find(hardware, "devices/interface"); interface != NULL;
         interface = xml_next(interface, "interface"), i++) {
        g_autofree char *fresh = mac_new();
        const char *address = i < own->len ? own->pdata[i] : fresh;
        xml_attribute_set(xml_ensure(interface, "mac"), "address", address);
    }
}

/* --- disks ------------------------------------------------------------------------------------ */

/* Any device in the slot, not only volumes. */
static xmlNode *disk_at(const xmlNode *domain, const char *target)
{
    for (xmlNode *disk = xml_find(domain, "devices/disk"); disk != NULL;
         disk = xml_next(disk, "disk")) {
        g_autofree char *found = domain_disk_target(disk);
        if (g_strcmp0(found, target) == 0)
            return disk;
    }
    return NULL;
}

static void drop_foreign_volumes(xmlNode *hardware, const DomainSpec *spec)
{
    for (xmlNode *disk = xml_find(hardware, "devices/disk"), *next; disk != NULL; disk = next) {
        next = xml_next(disk, "disk");
        g_autofree char *target = domain_disk_target(disk);
        if (domain_disk_is_volume(disk) && !domain_disks_wanted(spec, target))
            xml_remove(disk);
    }
}

/* The drive is the new hardware's, what lies in it the machine's own. */
static void keep_medium(xmlNode *drive, const xmlNode *own)
{
    g_autofree char *type = xml_attribute(own, "type");
    const xmlNode *medium = xml_first(own, "source");
    xml_remove_all(drive, "source");
    xml_attribute_set(drive, "type", type);
    if (medium != NULL)
        xml_append_copy(drive, medium);
}

/* Addresses, boot order and I/O threads are numbers in a plan that the new hardware has made anew.
 */
static void bring_disk(xmlNode *hardware, const xmlNode *own)
{
    xmlNode *disk = xml_append_copy(xml_ensure(hardware, "devices"), own);
    xml_remove_all(disk, "address");
    xml_remove_all(disk, "boot");
    xmlNode *driver = xml_first(disk, "driver");
    if (driver != NULL)
        xml_attribute_set(driver, "iothread", NULL);
}

static void keep_disks(xmlNode *hardware, const xmlNode *domain)
{
    for (const xmlNode *own = xml_find(domain, "devices/disk"); own != NULL;
         own = xml_next(own, "disk")) {
        g_autofree char *target = domain_disk_target(own);
        xmlNode *there = disk_at(hardware, target);
        if (there == NULL)
            bring_disk(hardware, own);
        else if (!domain_disk_is_volume(there) && !domain_disk_is_volume(own))
            keep_medium(there, own);
    }
}

/* --- firmware --------------------------------------------------------------------------------- */

/* Path of the variables and SMBIOS mode go with the machine; firmware and boot order with the
 * hardware. */
static void keep_firmware_state(xmlNode *hardware, const xmlNode *domain)
{
    xmlNode *os = xml_ensure(hardware, "os");
    g_autofree char *path = domain_nvram_path(domain);
    xmlNode *nvram = xml_first(os, "nvram");
    if (nvram != NULL) {
        xml_attribute_set(nvram, "type", NULL);
        xml_content_set(nvram, path != NULL ? path : "");
    }
    xml_remove_all(os, "smbios");
    const xmlNode *smbios = xml_find(domain, "os/smbios");
    if (smbios != NULL)
        xml_append_copy(os, smbios);
}

/* --- the exchange ----------------------------------------------------------------------------- */

static void exchange(xmlNode *domain, const xmlNode *hardware, const char *name)
{
    xmlNode *own = xml_first(domain, name);
    const xmlNode *other = xml_first(hardware, name);
    if (own != NULL && other != NULL)
        xml_replace_by_copy(own, other);
    else if (own != NULL)
        xml_remove(own);
    else if (other != NULL)
        xml_append_copy(domain, other);
}

static void exchange_all(xmlNode *domain, const xmlNode *hardware)
{
    static const char *const parts[] = {
        "memory",         "currentMemory", "maxMemory",   "memoryBacking",
        "vcpu",           "vcpus",         "cpu",         "cputune",
        "numatune",       "iothreads",     "iothreadids", "defaultiothread",
        "features",       "clock",         "os",          "devices",
        "launchSecurity",
    };
    g_autofree char *type = xml_attribute(hardware, "type");
    xml_attribute_set(domain, "type", type);
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
        exchange(domain, hardware, parts[i]);
}

gboolean domain_hardware_take(xmlNode *domain, const DomainSpec *spec, GError **error)
{
    g_autoptr(xmlDoc) document = xml_tree_parse(spec->hardware_xml, "domain", error);
    if (document == NULL)
        return FALSE;
    xmlNode *hardware = xmlDocGetRootElement(document);
    domain_live_parts_remove(hardware);
    if (!domain_clashes_resolve(hardware, spec->name, error))
        return FALSE;
    keep_addresses(hardware, domain);
    drop_foreign_volumes(hardware, spec);
    keep_disks(hardware, domain);
    keep_firmware_state(hardware, domain);
    exchange_all(domain, hardware);
    return TRUE;
}
