/* Tickets for consoles: each lets one WebSocket in, once, for a short while. Thread-safe. */
#pragma once

#include "http/message.h"

/* What a ticket is for. */
typedef struct {
    char *machine_id, *uuid;
    HttpRequest *request; /* in whose name: what identify() needs of it, and no more */
} ConsoleGrant;
ConsoleGrant *console_grant_new(const char *machine_id, const char *uuid,
                                const HttpRequest *request);
void console_grant_free(ConsoleGrant *grant);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConsoleGrant, console_grant_free)

typedef struct ConsoleTickets ConsoleTickets;

ConsoleTickets *console_tickets_new(guint life_seconds);
void console_tickets_free(ConsoleTickets *tickets);
/* Takes the grant. A secret for an address; caller frees. Beyond a bound the oldest is forgotten.
 */
char *console_tickets_issue(ConsoleTickets *tickets, ConsoleGrant *grant);
/* What it is for; NULL where it is unknown, over, or was used. Caller frees. */
ConsoleGrant *console_tickets_redeem(ConsoleTickets *tickets, const char *ticket);
