/*
 * The steps from a template to a definition. The order matters: clashes are resolved while the tree
 * still has its template's name, identity and disks come last so that nothing of a template or of
 * new hardware shows through.
 */
#include "hypervisor/libvirt/domain_building.h"

#include "foundation/error.h"
#include "foundation/ids.h"
#include "hypervisor/libvirt/domain_clashes.h"
#include "hypervisor/libvirt/domain_disks.h"
#include "hypervisor/libvirt/domain_hardware.h"
#include "hypervisor/libvirt/domain_identity.h"
#include "hypervisor/libvirt/domain_scratch.h"

static gboolean check_spec(const DomainSpec *spec, GError **error)
{
    if (!machine_name_is_valid(spec->name, error))
        return FALSE;
    if (!uuid_is_valid(spec->uuid))
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "'%s' is no UUID", spec->uuid);
    if (spec->machine_id != NULL && !id_is_valid(spec->machine_id))
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL, "'%s' is no id of a machine",
                         spec->machine_id);
    if (spec->nvram_path != NULL && !g_path_is_absolute(spec->nvram_path))
        return error_set(error, UNDERPIN_ERROR_INVALID, NULL,
                         "the path of the UEFI variables is not absolute: '%s'", spec->nvram_path);
    return domain_disks_check(spec, error);
}

static gboolean edit(xmlNode *domain, const DomainSpec *spec, GError **error)
{
    domain_live_parts_remove(domain);
    if (spec->is_clone && !domain_clashes_resolve(domain, spec->name, error))
        return FALSE;
    if (spec->hardware_xml != NULL && !domain_hardware_take(domain, spec, error))
        return FALSE;
    domain_identity_apply(domain, spec);
    return domain_disks_apply(domain, spec, error);
}

char *domain_build(const DomainSpec *spec, const DomainHost *host, GError **error)
{
    if (!check_spec(spec, error))
        return NULL;
    g_autoptr(xmlDoc) document = spec->template_xml != NULL
                                     ? xml_tree_parse(spec->template_xml, "domain", error)
                                     : domain_scratch(spec, host);
    if (document == NULL || !edit(xmlDocGetRootElement(document), spec, error)) {
        g_prefix_error(error, "definition of '%s': ", spec->name);
        return NULL;
    }
    return xml_tree_text(document);
}
