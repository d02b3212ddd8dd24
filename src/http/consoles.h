/*
 * Consoles: WebSockets on one side, guests' VNC servers on the other, carried by a few threads.
 *
 *     browser ◀─frames─▶ connection that was upgraded ◀─▶ console ◀─▶ VNC server
 *
 * Who does not take what was sent to him stops the other side: a console holds a bounded number of
 * bytes. It ends with either side, and when its user may no longer have it.
 */
#pragma once

#include "http/console_tickets.h"

#define CONSOLE_PROTOCOL "binary"

typedef struct Consoles Consoles;

/* Whether a console may go on; called on the consoles' threads, every recheck_seconds. */
typedef gboolean (*ConsoleCheck)(const ConsoleGrant *grant, gpointer user_data);

typedef struct {
    guint limit;           /* consoles at the same time; default 64 */
    guint threads;         /* default 2 */
    guint recheck_seconds; /* default 5 */
    guint ticket_seconds;  /* life of a ticket; default 30 */
    ConsoleCheck may_stay; /* NULL: always */
    gpointer user_data;
} ConsolesConfig;
void consoles_config_init(ConsolesConfig *config);

Consoles *consoles_new(const ConsolesConfig *config, GError **error);
/* Ends all, present and future; returns when none is left. */
void consoles_close(Consoles *consoles);
/* All consoles must be freed or started. NULL is fine. */
void consoles_free(Consoles *consoles);
ConsoleTickets *consoles_tickets(Consoles *consoles);
/* Unix time at which a ticket that is issued now ends. */
gint64 consoles_ticket_end(const Consoles *consoles);
guint consoles_count(Consoles *consoles);

/* Takes the connected VNC socket `fd` and the grant, also on failure. UNAVAILABLE where there are
 * too many. */
Console *console_new(Consoles *consoles, int fd, ConsoleGrant *grant, GError **error);
/* One that was not started. NULL is fine. */
void console_free(Console *console);
/* Called once when it is over, on any thread; the socket must be left open until then. */
typedef void (*ConsoleDone)(gpointer user_data);
/* Takes the console. `socket` speaks WebSocket from here on; `extra` are bytes that were read from
 * it already. */
void console_start(Console *console, int socket, const void *extra, gsize extra_length,
                   ConsoleDone done, gpointer user_data);
