/* The redirect repeats only what is plain in the request: a host and a target without anything
 * that could end a header. */
#include "http/tls_greeting.h"

#include <string.h>

#define HANDSHAKE_RECORD 0x16

Greeting greeting_of(guint8 first_byte)
{
    if (first_byte == HANDSHAKE_RECORD)
        return GREETING_TLS;
    return g_ascii_isupper((char)first_byte) ? GREETING_HTTP : GREETING_UNKNOWN;
}

static char *answer_new(const char *status, const char *location)
{
    g_autofree char *body = g_strdup_printf("This port speaks HTTPS: use %s\n",
                                            location ? location : "https:// in the address.");
    return g_strdup_printf("HTTP/1.1 %s\r\n%s%s%sContent-Type: text/plain; charset=utf-8\r\n"
                           "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                           status, location ? "Location: " : "", location ? location : "",
                           location ? "\r\n" : "", strlen(body), body);
}

/* The value of "Host", or NULL. Caller frees. */
static char *host_of(char *const *lines)
{
    for (guint i = 1; lines[0] && lines[i]; i++) {
        if (g_ascii_strncasecmp(lines[i], "Host:", strlen("Host:")) == 0)
            return g_strstrip(g_strdup(lines[i] + strlen("Host:")));
    }
    return NULL;
}

static gboolean is_plain(const char *text, const char *also)
{
    for (; *text; text++) {
        if (!g_ascii_isalnum(*text) && !strchr(also, *text))
            return FALSE;
    }
    return TRUE;
}

char *greeting_answer(const char *head, gsize length)
{
    g_autofree char *text = g_strndup(head, length);
    if (!strstr(text, "\r\n\r\n"))
        return length < GREETING_LIMIT_BYTES ? NULL : answer_new("400 Bad Request", NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);
    g_auto(GStrv) words = g_strsplit(lines[0], " ", 3);
    g_autofree char *host = host_of(lines);
    if (!host || host[0] == '\0' || !is_plain(host, ".-:[]") || g_strv_length(words) != 3 ||
        words[1][0] != '/' || !is_plain(words[1], "/.-_~%?&=+,;:@!$'()*"))
        return answer_new("400 Bad Request", NULL);
    g_autofree char *location = g_strconcat("https://", host, words[1], NULL);
    return answer_new("308 Permanent Redirect", location);
}
