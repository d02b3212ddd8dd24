/* A definition for a machine that comes from disk files alone. */
#pragma once

#include "hypervisor/libvirt/domain_building.h"
#include "hypervisor/libvirt/xml_tree.h"

/* A modern virtual PC without disks, name and UUID: those are applied as to any other template.
 * Caller frees. */
xmlDoc *domain_scratch(const DomainSpec *spec, const DomainHost *host);
