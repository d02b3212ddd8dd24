/* Random secrets by libsodium. */
#include "access/secret.h"

#include <sodium.h>
#include <string.h>

#define SECRET_BYTES 32
#define VARIANT      sodium_base64_VARIANT_URLSAFE_NO_PADDING

char *secret_new(void)
{
    unsigned char bytes[SECRET_BYTES];
    const gsize size = sodium_base64_ENCODED_LEN(sizeof bytes, VARIANT);
    char *text = g_malloc(size);
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(text, size, bytes, sizeof bytes, VARIANT);
    sodium_memzero(bytes, sizeof bytes);
    return text;
}

char *secret_hash(const char *secret)
{
    unsigned char hash[crypto_generichash_BYTES];
    char *text = g_malloc(2 * sizeof hash + 1);
    crypto_generichash(hash, sizeof hash, (const unsigned char *)secret, strlen(secret), NULL, 0);
    return sodium_bin2hex(text, 2 * sizeof hash + 1, hash, sizeof hash);
}

gboolean secret_is_equal(const char *one, const char *other)
{
    if (!one || !other)
        return FALSE;
    g_autofree char *hash = secret_hash(one), *other_hash = secret_hash(other);
    return sodium_memcmp(hash, other_hash, strlen(hash)) == 0;
}
