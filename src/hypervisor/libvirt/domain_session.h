/* The stamp of a session in a domain's metadata: an element of its own beside that with our id. */
#pragma once

#include "hypervisor/libvirt/xml_tree.h"

/* Known to the hook as well (hook/domain_scan.c). */
#define DOMAIN_SESSION_NAMESPACE "https://underpin.org/domain/1/session"

/* The element as virDomainSetMetadata() wants it. Caller frees. */
char *domain_session_element(const char *stamp);
/* The stamp in a <domain>; NULL: none. Caller frees. */
char *domain_session_stamp(const xmlNode *domain);
/* Puts it there in place of any other; NULL removes it. */
void domain_session_set(xmlNode *domain, const char *stamp);
