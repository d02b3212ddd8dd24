/* Identity: what must differ between two machines that were cut from one template. */
#include "hypervisor/libvirt/domain_identity.h"

#include <string.h>

#include "foundation/ids.h"
#include "hypervisor/libvirt/domain_machine.h"
#include "hypervisor/libvirt/domain_reading.h"

/* Serial numbers with this beginning are ours: renewed, while one that a person chose stays. */
#define INSTANCE_PREFIX "ds=nocloud;i="

/* --- name and UUID ---------------------------------------------------------------------------- */

static xmlNode *entry_find(const xmlNode *group, const char *name)
{
    for (xmlNode *entry = xml_first(group, "entry"); entry != NULL;
         entry = xml_next(entry, "entry"))
        if (xml_attribute_is(entry, "name", name))
            return entry;
    return NULL;
}

static xmlNode *smbios_sysinfo(const xmlNode *domain)
{
    for (xmlNode *sysinfo = xml_first(domain, "sysinfo"); sysinfo != NULL;
         sysinfo = xml_next(sysinfo, "sysinfo"))
        if (xml_attribute_is(sysinfo, "type", "smbios"))
            return sysinfo;
    return NULL;
}

static void apply_name_and_uuid(xmlNode *domain, const DomainSpec *spec)
{
    xml_content_set(xml_ensure(domain, "name"), spec->name);
    xml_content_set(xml_ensure(domain, "uuid"), spec->uuid);
    /* libvirt refuses a domain whose SMBIOS UUID is another one */
    xmlNode *repeated = entry_find(xml_first(smbios_sysinfo(domain), "system"), "uuid");
    if (repeated != NULL)
        xml_content_set(repeated, spec->uuid);
}

/* Tells the guest that it is a copy; only where the template wanted it told. */
static void renew_generation_id(xmlNode *domain)
{
    xmlNode *generation = xml_first(domain, "genid");
    g_autofree char *fresh = uuid_new();
    if (generation != NULL)
        xml_content_set(generation, fresh);
}

/* --- network ---------------------------------------------------------------------------------- */

static void renew_addresses(xmlNode *domain)
{
    for (xmlNode *interface = xml_find(domain, "devices/interface"); interface != NULL;
         interface = xml_next(interface, "interface")) {
        g_autofree char *address = mac_new();
        xml_attribute_set(xml_ensure(interface, "mac"), "address", address);
    }
}

/* --- our id ----------------------------------------------------------------------------------- */

static xmlNode *add_machine_element(xmlNode *domain)
{
    xmlNode *element = xml_append_new(xml_ensure(domain, "metadata"), DOMAIN_METADATA_ELEMENT);
    xmlNs *space =
        xmlNewNs(element, BAD_CAST DOMAIN_METADATA_NAMESPACE, BAD_CAST DOMAIN_METADATA_PREFIX);
    xmlSetNs(element, space);
    return element;
}

static void remove_machine_element(xmlNode *domain)
{
    xmlNode *metadata = xml_first(domain, "metadata");
    xml_remove(domain_machine_element(domain));
    if (metadata != NULL && xmlChildElementCount(metadata) == 0)
        xml_remove(metadata);
}

static void apply_machine_id(xmlNode *domain, const char *machine_id)
{
    if (machine_id == NULL) {
        remove_machine_element(domain);
        return;
    }
    xmlNode *element = domain_machine_element(domain);
    if (element == NULL)
        element = add_machine_element(domain);
    xml_attribute_set(element, "id", machine_id);
}

/* --- firmware variables ----------------------------------------------------------------------- */

static void set_nvram_path(xmlNode *domain, const char *path)
{
    xmlNode *nvram = xml_ensure(xml_ensure(domain, "os"), "nvram");
    xml_attribute_set(nvram, "type",
                      NULL); /* the short way to write a file, which every libvirt knows */
    xml_content_set(nvram, path);
}

/* Without a path libvirt names the file after the domain and fills it from the firmware's template.
 */
static void forget_nvram_path(xmlNode *domain)
{
    xmlNode *nvram = xml_find(domain, "os/nvram");
    if (nvram == NULL)
        return;
    if (xml_attribute_is(nvram, "template", NULL)) {
        xml_remove(nvram);
        return;
    }
    xml_attribute_set(nvram, "type", NULL);
    xml_content_set(nvram, "");
}

static void apply_nvram(xmlNode *domain, const DomainSpec *spec)
{
    if (spec->nvram_path != NULL)
        set_nvram_path(domain, spec->nvram_path);
    else if (spec->is_clone)
        forget_nvram_path(domain);
}

/* --- instance id ------------------------------------------------------------------------------ */

/* mode='host' or 'emulate' is somebody's decision; so is a serial number that is not ours. */
static gboolean may_set_serial(const xmlNode *domain)
{
    const xmlNode *mode = xml_find(domain, "os/smbios");
    if (mode != NULL && !xml_attribute_is(mode, "mode", "sysinfo"))
        return FALSE;
    const xmlNode *entry = entry_find(xml_first(smbios_sysinfo(domain), "system"), "serial");
    g_autofree char *serial = xml_content(entry);
    return serial == NULL || g_str_has_prefix(serial, INSTANCE_PREFIX);
}

static xmlNode *ensure_sysinfo(xmlNode *domain)
{
    xmlNode *sysinfo = smbios_sysinfo(domain);
    if (sysinfo == NULL) {
        sysinfo = xml_append_new(domain, "sysinfo");
        xml_attribute_set(sysinfo, "type", "smbios");
    }
    return sysinfo;
}

static void apply_instance_id(xmlNode *domain, const DomainSpec *spec)
{
    if (spec->instance_id == NULL || !domain_machine_has_smbios(domain) || !may_set_serial(domain))
        return;
    xmlNode *system = xml_ensure(ensure_sysinfo(domain), "system");
    xmlNode *entry = entry_find(system, "serial");
    if (entry == NULL) {
        entry = xml_append_new(system, "entry");
        xml_attribute_set(entry, "name", "serial");
    }
    g_autofree char *serial =
        g_strdup_printf(INSTANCE_PREFIX "%s;h=%s", spec->instance_id, spec->name);
    xml_content_set(entry, serial);
    xml_attribute_set(xml_ensure(xml_ensure(domain, "os"), "smbios"), "mode", "sysinfo");
}

void domain_identity_apply(xmlNode *domain, const DomainSpec *spec)
{
    apply_name_and_uuid(domain, spec);
    if (spec->is_clone) {
        renew_generation_id(domain);
        renew_addresses(domain);
    }
    apply_machine_id(domain, spec->machine_id);
    apply_nvram(domain, spec);
    apply_instance_id(domain, spec);
}
