/* What the adapters of the hypervisor port refuse by themselves, in the same words on every host.
 */
#pragma once

#include "ports/hypervisor.h"

/* Each sets the error that its name says, and returns FALSE. */
gboolean domain_rules_unavailable(GError **error);
gboolean domain_rules_not_found(const char *uuid_or_name, GError **error);

/* REFUSED unless the domain carries our mark. */
gboolean domain_rules_require_ours(const char *name, const char *machine_id, GError **error);

typedef enum {
    DEFINE_REFUSED,
    DEFINE_WANTED,
    DEFINE_DONE, /* it is so already: leave it alone */
} DefineDecision;
/*
 * `namesake` is the UUID of the domain that has the wanted name, `there` the one with the wanted
 * UUID; each NULL if there is none. Define may make a foreign domain ours (import) and ours a
 * foreign one (export). An export that a crash interrupted after its define comes here twice: the
 * same disks without our mark are its work, DONE. Anything else would change a stranger's domain.
 */
DefineDecision domain_rules_define(const DomainFacts *wanted, const char *namesake,
                                   const DomainFacts *there, GError **error);

/* Of a domain of ours; what would be lost with it is never lost silently. */
gboolean domain_rules_undefine(const char *name, gboolean is_active, gboolean has_managed_save,
                               gboolean has_snapshots, GError **error);
