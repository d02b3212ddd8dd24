/* The opening handshake of a WebSocket (RFC 6455, section 4.2). */
#pragma once

#include "http/message.h"

/* Whether the request asks for version 13 and offers `protocol`. INVALID else, with what is
 * missing. */
gboolean websocket_check(const HttpRequest *request, const char *protocol, GError **error);
/* The answer 101 to a request that was checked. */
HttpResponse *websocket_accept(const HttpRequest *request, const char *protocol);
