/* The client's side of a WebSocket, frame by frame, right or wrong as it is told. */
#pragma once

#include <glib.h>

enum { WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

/* The request that opens one at `path`; `extra` are more header lines. Caller frees. */
char *ws_request(const char *path, const char *extra);
/* FALSE where the other side takes no more. */
gboolean ws_send(int fd, int opcode, const void *bytes, gsize length);
/* As ws_send(), but as a client must not: without a mask. */
gboolean ws_send_unmasked(int fd, int opcode, const void *bytes, gsize length);
/* The next frame; its opcode, or -1 at the end of the stream. */
int ws_receive(int fd, GByteArray *payload);
/* Reads frames up to a close; its code, or 0 where the stream just ends. */
guint ws_receive_close(int fd);
