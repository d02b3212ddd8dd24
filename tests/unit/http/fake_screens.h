/* Screens of the fake host: who opens one leaves the guest's end here. */
#pragma once

#include "ports/hypervisor.h"

/* lab-2 is off, lab-3 has SPICE alone, all others have VNC on a unix socket. */
DomainDisplay *fake_screen_display(Hypervisor *hypervisor, const char *uuid, GError **error);
int fake_screen_open(Hypervisor *hypervisor, const char *uuid, GError **error);
/* The guest's end of the screen that was opened first and not taken yet; waits for one. The caller
 * closes it. */
int fake_screen_take(void);
