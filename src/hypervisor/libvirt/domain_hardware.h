/* The hardware of another definition for a machine that keeps its identity and its disks. */
#pragma once

#include "hypervisor/libvirt/xml_tree.h"
#include "ports/hypervisor.h"

/*
 * Gives `domain` CPU, memory, firmware and devices of spec->hardware_xml. MAC addresses (in order),
 * NVRAM path, media in CD drives and every disk that the other definition lacks stay the domain's
 * own. INVALID for unusable XML.
 */
gboolean domain_hardware_take(xmlNode *domain, const DomainSpec *spec, GError **error);
