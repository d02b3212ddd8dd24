/* One console that runs: frames on the one side, VNC's bytes on the other. Private to consoles.c.
 */
#pragma once

#include <poll.h>

#include "http/consoles.h"

typedef struct ConsoleLine ConsoleLine;

/* Takes `screen`, a connected VNC socket; borrows `socket`, which speaks WebSocket and has said
 * `extra` already. Both become non-blocking. */
ConsoleLine *console_line_new(int screen, int socket, const void *extra, gsize extra_length);
void console_line_free(ConsoleLine *line);
/* What is to be waited for: first the socket, then the screen. */
void console_line_watch(const ConsoleLine *line, struct pollfd ends[2]);
/* Moves what can be moved, bounded. FALSE: it is over. */
gboolean console_line_run(ConsoleLine *line, const struct pollfd ends[2]);
/* Begins the end: tells the client why, as a WebSocket does (RFC 6455, section 7.4). */
void console_line_end(ConsoleLine *line, guint16 code, const char *reason);
/* Since when it is ending; 0: it is not. */
gint64 console_line_ending_since(const ConsoleLine *line);
