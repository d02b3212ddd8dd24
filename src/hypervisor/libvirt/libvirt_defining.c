/* Definitions: the rules decide, libvirt does. */
#include <stdlib.h>

#include "foundation/error.h"
#include "foundation/fault_point.h"
#include "hypervisor/libvirt/domain_reading.h"
#include "hypervisor/libvirt/domain_rules.h"
#include "hypervisor/libvirt/libvirt_error.h"
#include "hypervisor/libvirt/libvirt_private.h"

/* --- define ----------------------------------------------------------------------------------- */

/* The UUID of the domain of that name; NULL: none. Caller frees. */
static char *find_namesake(virConnectPtr handle, const char *name)
{
    char uuid[VIR_UUID_STRING_BUFLEN];
    g_autoptr(virDomain) domain = virDomainLookupByName(handle, name);
    virResetLastError();
    return domain != NULL && virDomainGetUUIDString(domain, uuid) == 0 ? g_strdup(uuid) : NULL;
}

/* TRUE with *facts_out NULL where there is no such domain. */
static gboolean read_stored(virConnectPtr handle, const char *uuid, DomainFacts **facts_out,
                            GError **error)
{
    g_autoptr(virDomain) domain = virDomainLookupByUUIDString(handle, uuid);
    if (domain == NULL)
        return libvirt_error_is(VIR_ERR_NO_DOMAIN) || libvirt_error_take(NULL, error);
    char *xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_INACTIVE);
    if (xml == NULL)
        return libvirt_error_take(domain, error);
    *facts_out = domain_read(xml, NULL, NULL, error);
    free(xml);
    return *facts_out != NULL;
}

static DefineDecision decide(virConnectPtr handle, const DomainFacts *wanted, GError **error)
{
    const DomainState *state = wanted->state;
    g_autofree char *namesake = state->name == NULL ? NULL : find_namesake(handle, state->name);
    g_autoptr(DomainFacts) there = NULL;
    if (state->uuid != NULL && !read_stored(handle, state->uuid, &there, error))
        return DEFINE_REFUSED;
    return domain_rules_define(wanted, namesake, there, error);
}

static gboolean define(virConnectPtr handle, gpointer argument, GError **error)
{
    const DomainFacts *wanted = argument;
    DefineDecision decision = decide(handle, wanted, error);
    if (decision != DEFINE_WANTED)
        return decision == DEFINE_DONE;
    if (!fault_point(FAULT_DOMAIN_DEFINE, error))
        return FALSE;
    g_autoptr(virDomain) domain = virDomainDefineXMLFlags(handle, wanted->xml, 0);
    return domain != NULL || libvirt_error_take(NULL, error);
}

gboolean libvirt_define(Hypervisor *hypervisor, const char *xml, GError **error)
{
    g_autoptr(DomainFacts) wanted = domain_read(xml, NULL, NULL, error);
    return wanted != NULL && libvirt_call((LibvirtHypervisor *)hypervisor, define, wanted, error);
}

static gboolean define_unseen(virConnectPtr handle, gpointer argument, GError **error)
{
    if (!fault_point(FAULT_DOMAIN_DEFINE, error))
        return FALSE;
    g_autoptr(virDomain) domain = virDomainDefineXMLFlags(handle, argument, 0);
    return domain != NULL || libvirt_error_take(NULL, error);
}

/* libvirt itself refuses a name that another domain has: only then is it worth looking for the
 * reason. */
gboolean libvirt_define_new(Hypervisor *hypervisor, const char *xml, GError **error)
{
    g_autoptr(GError) refused = NULL;
    if (libvirt_call((LibvirtHypervisor *)hypervisor, define_unseen, (gpointer)xml, &refused))
        return TRUE;
    if (!g_error_matches(refused, UNDERPIN_ERROR, UNDERPIN_ERROR_BACKEND))
        return g_propagate_error(error, g_steal_pointer(&refused)), FALSE;
    return libvirt_define(hypervisor, xml, error);
}

/* --- undefine --------------------------------------------------------------------------------- */

static gboolean may_undefine(virDomainPtr domain, GError **error)
{
    return libvirt_require_ours(domain, error) &&
           domain_rules_undefine(virDomainGetName(domain), virDomainIsActive(domain) == 1,
                                 virDomainHasManagedSaveImage(domain, 0) == 1,
                                 virDomainSnapshotNum(domain, 0) > 0, error);
}

static gboolean undefine_domain(virDomainPtr domain)
{
    const unsigned flags =
        VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA;
    if (virDomainUndefineFlags(domain, flags) == 0 || libvirt_error_is(VIR_ERR_NO_DOMAIN))
        return TRUE;
    /* drivers without NVRAM do not know the flag */
    return libvirt_error_is(VIR_ERR_INVALID_ARG) && virDomainUndefine(domain) == 0;
}

static gboolean undefine(virConnectPtr handle, gpointer argument, GError **error)
{
    g_autoptr(GError) failure = NULL;
    g_autoptr(virDomain) domain = libvirt_find_domain(handle, argument, &failure);
    if (g_error_matches(failure, UNDERPIN_ERROR, UNDERPIN_ERROR_NOT_FOUND))
        return TRUE;
    if (domain == NULL) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return FALSE;
    }
    if (!may_undefine(domain, error) || !fault_point(FAULT_DOMAIN_UNDEFINE, error))
        return FALSE;
    return undefine_domain(domain) || libvirt_error_take(domain, error);
}

gboolean libvirt_undefine(Hypervisor *hypervisor, const char *uuid, GError **error)
{
    return libvirt_call((LibvirtHypervisor *)hypervisor, undefine, (gpointer)uuid, error);
}
