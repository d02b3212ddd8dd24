/* See ws_client.h. Masks are zero: they are for proxies, not for those who can read. */
#include "ws_client.h"

#include <sys/socket.h>

#include "raw_client.h"

char *ws_request(const char *path, const char *extra)
{
    return g_strdup_printf("GET %s HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                           "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                           "Sec-WebSocket-Protocol: binary\r\n%s\r\n",
                           path, extra);
}

static gboolean send_frame(int fd, int opcode, gboolean masked, const void *bytes, gsize length)
{
    guint8 head[14] = {(guint8)(0x80 | opcode)};
    gsize size = 2;
    if (length < 126) {
        head[1] = (guint8)length;
    } else if (length < 65536) {
        head[1] = 126;
        head[size++] = (guint8)(length >> 8);
        head[size++] = (guint8)length;
    } else {
        head[1] = 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            head[size++] = (guint8)((guint64)length >> shift);
    }
    if (masked) {
        head[1] |= 0x80;
        size += 4;
    }
    return raw_try_send(fd, (const char *)head, size) && raw_try_send(fd, bytes, length);
}

gboolean ws_send(int fd, int opcode, const void *bytes, gsize length)
{
    return send_frame(fd, opcode, TRUE, bytes, length);
}

gboolean ws_send_unmasked(int fd, int opcode, const void *bytes, gsize length)
{
    return send_frame(fd, opcode, FALSE, bytes, length);
}

static gboolean receive_all(int fd, guint8 *bytes, gsize length)
{
    while (length > 0) {
        ssize_t got = recv(fd, bytes, length, 0);
        if (got <= 0)
            return FALSE;
        bytes += got;
        length -= (gsize)got;
    }
    return TRUE;
}

int ws_receive(int fd, GByteArray *payload)
{
    guint8 head[2], size[8];
    if (!receive_all(fd, head, sizeof head))
        return -1;
    guint64 length = head[1] & 0x7f;
    gsize more = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (more > 0) {
        length = 0;
        if (!receive_all(fd, size, more))
            return -1;
        for (gsize i = 0; i < more; i++)
            length = length << 8 | size[i];
    }
    g_byte_array_set_size(payload, (guint)length);
    return receive_all(fd, payload->data, length) ? head[0] & 0x0f : -1;
}

guint ws_receive_close(int fd)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    int opcode;
    do
        opcode = ws_receive(fd, payload);
    while (opcode >= 0 && opcode != WS_CLOSE);
    return opcode == WS_CLOSE && payload->len >= 2 ? (guint)payload->data[0] << 8 | payload->data[1]
                                                   : 0;
}
