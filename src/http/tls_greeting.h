/* What a client gets that speaks plain HTTP where TLS is expected: the way, instead of garbage. */
#pragma once

#include <glib.h>

#define GREETING_LIMIT_BYTES ((gsize)8192)

typedef enum { GREETING_TLS, GREETING_HTTP, GREETING_UNKNOWN } Greeting;
/* By the first byte that a client sends. */
Greeting greeting_of(guint8 first_byte);

/*
 * The whole answer to a request of which `length` bytes have come: 308 to the same address by https
 * where Host names one, else 400 that says so. NULL while the head is not complete and may still
 * become so.
 */
char *greeting_answer(const char *head, gsize length);
