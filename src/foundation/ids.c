/* Makes and checks identifiers, all of them from the kernel's random numbers. */
#include "foundation/ids.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

enum { ID_BYTES = 8, ID_DIGITS = 16, UUID_BYTES = 16, UUID_CHARACTERS = 36, MAC_RANDOM_BYTES = 3 };

/* Requests of at most 256 bytes are neither short nor interrupted once the pool is ready. */
static void random_bytes(guint8 *bytes, gsize length)
{
    while (getrandom(bytes, length, 0) != (gssize)length) {
        if (errno != EINTR)
            g_error("the kernel gives no random numbers: %s", g_strerror(errno));
    }
}

static gboolean is_lower_hexadecimal(char c)
{
    return g_ascii_isdigit(c) || (c >= 'a' && c <= 'f');
}

char *id_new(void)
{
    guint8 bytes[ID_BYTES];
    random_bytes(bytes, sizeof bytes);
    GString *text = g_string_sized_new(ID_DIGITS);
    for (gsize i = 0; i < sizeof bytes; i++)
        g_string_append_printf(text, "%02x", bytes[i]);
    return g_string_free(text, FALSE);
}

gboolean id_is_valid(const char *text)
{
    if (text == NULL || strnlen(text, ID_DIGITS + 1) != ID_DIGITS)
        return FALSE;
    for (gsize i = 0; i < ID_DIGITS; i++) {
        if (!is_lower_hexadecimal(text[i]))
            return FALSE;
    }
    return TRUE;
}

char *uuid_new(void)
{
    guint8 b[UUID_BYTES];
    random_bytes(b, sizeof b);
    b[6] = (guint8)((b[6] & 0x0f) | 0x40); /* version 4 */
    b[8] = (guint8)((b[8] & 0x3f) | 0x80); /* the variant of RFC 9562 */
    return g_strdup_printf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                           b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11],
                           b[12], b[13], b[14], b[15]);
}

/* libvirt's UUIDs are of any version, so the version is not looked at. */
gboolean uuid_is_valid(const char *text)
{
    static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    G_STATIC_ASSERT(sizeof pattern == UUID_CHARACTERS + 1);
    if (text == NULL || strnlen(text, UUID_CHARACTERS + 1) != UUID_CHARACTERS)
        return FALSE;
    for (gsize i = 0; i < UUID_CHARACTERS; i++) {
        gboolean fits = pattern[i] == '-' ? text[i] == '-' : is_lower_hexadecimal(text[i]);
        if (!fits)
            return FALSE;
    }
    return TRUE;
}

char *mac_new(void)
{
    guint8 b[MAC_RANDOM_BYTES];
    random_bytes(b, sizeof b);
    return g_strdup_printf("52:54:00:%02x:%02x:%02x", b[0], b[1], b[2]);
}
