/* Secrets that only their owner knows: made at random, kept as hashes. */
#pragma once

#include <glib.h>

/* 256 random bits as 43 characters that a URL, a header and a cookie take. Caller frees. */
char *secret_new(void);
/* What is kept of a secret: 64 hexadecimal digits. For random secrets only: it is quick. Caller
 * frees. */
char *secret_hash(const char *secret);
/* Compares in a time that does not tell where they differ. NULL is equal to nothing. */
gboolean secret_is_equal(const char *one, const char *other);
