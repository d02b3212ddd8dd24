/* Where a domain's screen is shown, out of its definition. Pure. */
#pragma once

#include "ports/hypervisor.h"

/*
 * `xml` is the definition of the run, which alone has the ports. VNC where there are several
 * displays. REFUSED with the remedy where `power` says that nothing runs, or there is no display;
 * `name` is for the message.
 */
DomainDisplay *domain_display_read(const char *xml, const char *name, Power power, GError **error);
