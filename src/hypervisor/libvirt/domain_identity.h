/* Who a domain is: name, UUID, MAC addresses, our id, firmware variables, and what it tells the
 * guest. */
#pragma once

#include "hypervisor/libvirt/xml_tree.h"
#include "ports/hypervisor.h"

/*
 * Name, UUID (also where the definition repeats it), our id in <metadata> (removed where the spec
 * has none), NVRAM path, SMBIOS serial number; for a clone fresh MAC addresses and a fresh
 * generation id too.
 */
void domain_identity_apply(xmlNode *domain, const DomainSpec *spec);
