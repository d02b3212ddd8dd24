/* What kind of computer a definition describes. */
#pragma once

#include "hypervisor/libvirt/xml_tree.h"

/* x86 or 64-bit ARM: the guest sees SMBIOS tables that libvirt can fill. */
gboolean domain_machine_has_smbios(const xmlNode *domain);
/* A PC or Q35: sleep to disk (S4) can be switched off for it; other machines refuse to start when
 * asked to. */
gboolean domain_machine_has_sleep(const xmlNode *domain);
