/* Kinds of computers, by <type arch= machine=>; an architecture that is not named is the host's. */
#include "hypervisor/libvirt/domain_machine.h"

#include <string.h>
#include <sys/utsname.h>

static char *architecture(const xmlNode *domain)
{
    char *named = xml_attribute(xml_find(domain, "os/type"), "arch");
    struct utsname host;
    if (named != NULL || uname(&host) != 0)
        return named;
    return g_strdup(host.machine);
}

static gboolean is_one_of(const char *text, const char *const *list)
{
    return text != NULL && g_strv_contains(list, text);
}

gboolean domain_machine_has_smbios(const xmlNode *domain)
{
    static const char *const with_tables[] = {"x86_64", "i686", "aarch64", NULL};
    g_autofree char *arch = architecture(domain);
    return is_one_of(arch, with_tables);
}

gboolean domain_machine_has_sleep(const xmlNode *domain)
{
    static const char *const x86[] = {"x86_64", "i686", NULL};
    g_autofree char *arch = architecture(domain);
    g_autofree char *machine = xml_attribute(xml_find(domain, "os/type"), "machine");
    if (!is_one_of(arch, x86))
        return FALSE;
    return machine == NULL || g_str_has_prefix(machine, "pc") || strcmp(machine, "q35") == 0;
}
