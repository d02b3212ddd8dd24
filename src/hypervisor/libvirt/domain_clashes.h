/* Things of which a host has one, made automatic where a clone would take its template's. */
#pragma once

#include "hypervisor/libvirt/xml_tree.h"

/*
 * Edits a clone's tree, which still has its template's name: display ports and sockets, paths and
 * ports of serial consoles and channels, tap devices, vsock address, TPM directory; sleep to disk
 * is switched off unless the template says otherwise. INVALID where two clones would share
 * something writable that no other name could be found for.
 */
gboolean domain_clashes_resolve(xmlNode *domain, const char *clone_name, GError **error);
/* Takes out what only a running domain has (ids, aliases, labels, ports), for a template that is
 * such a dump. */
void domain_live_parts_remove(xmlNode *domain);
