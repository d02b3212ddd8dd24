/* What a client says of content codings (RFC 9110, section 12.5.3). */
#pragma once

#include <glib.h>

/* Whether the value of Accept-Encoding names `coding` with a weight above zero. NULL: no header. */
gboolean accept_encoding_has(const char *value, const char *coding);
