/*
 * From scratch: a definition that starts almost any guest made in the last ten years. VGA and a
 * tablet need no driver, disks and network are virtio, the console is there twice: serial for
 * scripts, VNC on a unix socket for people, which nobody else on the host or the network can reach.
 */
#include "hypervisor/libvirt/domain_scratch.h"

#include "foundation/ids.h"

#define DEFAULT_MEMORY_MIB 2048u
#define DEFAULT_CPUS       2u

static const char skeleton[] = "<domain>\n"
                               "  <name/>\n"
                               "  <uuid/>\n"
                               "  <memory unit='MiB'/>\n"
                               "  <vcpu/>\n"
                               "  <os>\n"
                               "    <type machine='q35'>hvm</type>\n"
                               "    <boot dev='hd'/>\n"
                               "  </os>\n"
                               "  <features>\n"
                               "    <acpi/>\n"
                               "    <apic/>\n"
                               "  </features>\n"
                               "  <clock offset='utc'>\n"
                               "    <timer name='rtc' tickpolicy='catchup'/>\n"
                               "    <timer name='pit' tickpolicy='delay'/>\n"
                               "    <timer name='hpet' present='no'/>\n"
                               "  </clock>\n"
                               "  <on_poweroff>destroy</on_poweroff>\n"
                               "  <on_reboot>restart</on_reboot>\n"
                               "  <on_crash>destroy</on_crash>\n"
                               "  <pm>\n"
                               "    <suspend-to-mem enabled='no'/>\n"
                               "    <suspend-to-disk enabled='no'/>\n"
                               "  </pm>\n"
                               "  <devices>\n"
                               "    <controller type='usb' model='qemu-xhci'/>\n"
                               "    <serial type='pty'/>\n"
                               "    <console type='pty'/>\n"
                               "    <channel type='unix'>\n"
                               "      <target type='virtio' name='org.qemu.guest_agent.0'/>\n"
                               "    </channel>\n"
                               "    <input type='tablet' bus='usb'/>\n"
                               "    <graphics type='vnc'>\n"
                               "      <listen type='socket'/>\n"
                               "    </graphics>\n"
                               "    <video>\n"
                               "      <model type='vga'/>\n"
                               "    </video>\n"
                               "    <memballoon model='virtio'/>\n"
                               "    <rng model='virtio'>\n"
                               "      <backend model='random'>/dev/urandom</backend>\n"
                               "    </rng>\n"
                               "  </devices>\n"
                               "</domain>\n";

static void set_number(xmlNode *node, guint64 number)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, number);
    xml_content_set(node, text);
}

static void add_network(xmlNode *devices, const char *network)
{
    xmlNode *interface = xml_append_new(devices, "interface");
    g_autofree char *address = mac_new();
    xml_attribute_set(interface, "type", "network");
    xml_attribute_set(xml_append_new(interface, "mac"), "address", address);
    xml_attribute_set(xml_append_new(interface, "source"), "network", network);
    xml_attribute_set(xml_append_new(interface, "model"), "type", "virtio");
}

xmlDoc *domain_scratch(const DomainSpec *spec, const DomainHost *host)
{
    g_autoptr(GError) error = NULL;
    xmlDoc *document = xml_tree_parse(skeleton, "domain", &error);
    g_assert_no_error(error);
    xmlNode *domain = xmlDocGetRootElement(document);
    xml_attribute_set(domain, "type", host->type);
    set_number(xml_first(domain, "memory"),
               spec->memory_mib != 0 ? spec->memory_mib : DEFAULT_MEMORY_MIB);
    set_number(xml_first(domain, "vcpu"), spec->cpus != 0 ? spec->cpus : DEFAULT_CPUS);
    if (host->cpu_mode != NULL)
        xml_attribute_set(xml_append_new(domain, "cpu"), "mode", host->cpu_mode);
    if (host->network != NULL)
        add_network(xml_first(domain, "devices"), host->network);
    if (spec->nvram_path != NULL)
        xml_attribute_set(xml_first(domain, "os"), "firmware", "efi");
    return document;
}
