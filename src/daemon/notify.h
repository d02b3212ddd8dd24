/* What a service manager wants to hear, by the protocol of sd_notify(3), without its library. */
#pragma once

#include <glib.h>

/* Sends `state` ("READY=1", "STOPPING=1", "STATUS=…") to $NOTIFY_SOCKET. FALSE where there is none
 * or it cannot be reached: nothing that a caller could do about it. */
gboolean notify_manager(const char *state);
