/* The disks of a definition brought in line with the volumes of a machine. */
#pragma once

#include "hypervisor/libvirt/xml_tree.h"
#include "ports/hypervisor.h"

/* INVALID unless targets are sound and different, paths absolute and formats ours. */
gboolean domain_disks_check(const DomainSpec *spec, GError **error);
/*
 * Points every volume of the spec to its path and format, without any stored chain; adds those that
 * the definition lacks, and takes out those that the spec lacks. CD-ROMs, floppies and LUNs stay as
 * they are; INVALID where one of them has a target that a volume shall have.
 */
gboolean domain_disks_apply(xmlNode *domain, const DomainSpec *spec, GError **error);
/* The volume disk with that target, or NULL. */
xmlNode *domain_disks_find(const xmlNode *domain, const char *target);
/* Whether a volume of the spec has that target. */
gboolean domain_disks_wanted(const DomainSpec *spec, const char *target);
