/* Rules about other people's domains and about what a definition takes with it. */
#include "hypervisor/libvirt/domain_rules.h"

#include <string.h>

#include "foundation/error.h"
#include "foundation/ids.h"

gboolean domain_rules_unavailable(GError **error)
{
    return error_set(error, UNDERPIN_ERROR_UNAVAILABLE, "start libvirtd: systemctl start libvirtd",
                     "libvirt does not answer");
}

gboolean domain_rules_not_found(const char *uuid_or_name, GError **error)
{
    if (uuid_is_valid(uuid_or_name))
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin doctor'",
                         "libvirt does not know it any more");
    return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "list them: virsh list --all",
                     "libvirt has no domain '%s'", uuid_or_name);
}

gboolean domain_rules_require_ours(const char *name, const char *machine_id, GError **error)
{
    if (machine_id != NULL)
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_REFUSED,
                     "import it first, or use virsh: domains of others are never changed",
                     "domain '%s' does not carry the mark of Underpin", name);
}

/* --- define ----------------------------------------------------------------------------------- */

static gboolean same_disks(const DomainFacts *a, const DomainFacts *b)
{
    if (a->disks->len != b->disks->len)
        return FALSE;
    for (guint i = 0; i < a->disks->len; i++) {
        const DomainDisk *one = a->disks->pdata[i], *other = b->disks->pdata[i];
        if (g_strcmp0(one->target, other->target) != 0 || g_strcmp0(one->path, other->path) != 0)
            return FALSE;
    }
    return TRUE;
}

static gboolean is_complete(const DomainState *wanted, GError **error)
{
    return (wanted->name != NULL && wanted->uuid != NULL) ||
           error_set(error, UNDERPIN_ERROR_INVALID, NULL, "the definition lacks a name or a UUID");
}

static gboolean name_is_free(const DomainState *wanted, const char *namesake, GError **error)
{
    if (namesake == NULL || strcmp(namesake, wanted->uuid) == 0)
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_EXISTS, "choose another name",
                     "libvirt has a domain '%s' already, with UUID %s", wanted->name, namesake);
}

DefineDecision domain_rules_define(const DomainFacts *wanted, const char *namesake,
                                   const DomainFacts *there, GError **error)
{
    if (!is_complete(wanted->state, error) || !name_is_free(wanted->state, namesake, error))
        return DEFINE_REFUSED;
    if (there == NULL)
        return DEFINE_WANTED;
    const char *old_id = there->state->machine_id, *new_id = wanted->state->machine_id;
    if (old_id == NULL && new_id == NULL) {
        if (same_disks(there, wanted))
            return DEFINE_DONE;
        domain_rules_require_ours(there->state->name, NULL, error);
        return DEFINE_REFUSED;
    }
    if (old_id == NULL || new_id == NULL || strcmp(old_id, new_id) == 0)
        return DEFINE_WANTED;
    error_set(error, UNDERPIN_ERROR_REFUSED, "look for a copied domain: virsh list --all",
              "domain '%s' belongs to another machine of Underpin, '%s'", there->state->name,
              old_id);
    return DEFINE_REFUSED;
}

/* --- undefine --------------------------------------------------------------------------------- */

static gboolean refuse_with_command(const char *name, const char *what, const char *command,
                                    GError **error)
{
    g_autofree char *hint = g_strdup_printf("virsh %s %s", command, name);
    return error_set(error, UNDERPIN_ERROR_REFUSED, hint, "domain '%s' %s", name, what);
}

gboolean domain_rules_undefine(const char *name, gboolean is_active, gboolean has_managed_save,
                               gboolean has_snapshots, GError **error)
{
    if (is_active)
        return refuse_with_command(name, "is running", "shutdown", error);
    if (has_managed_save)
        return refuse_with_command(name, "has saved memory", "managedsave-remove", error);
    if (has_snapshots)
        return refuse_with_command(name, "has snapshots", "snapshot-list", error);
    return TRUE;
}
