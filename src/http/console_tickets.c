/* Tickets in the order of their issue, which is that of their ends. */
#include "http/console_tickets.h"

#include <string.h>
#include <sys/random.h>

#include "http/lock.h"

#define TICKETS_MAX  1024
#define SECRET_BYTES 32

typedef struct {
    char *secret;
    ConsoleGrant *grant;
    gint64 until_us;
} Ticket;

struct ConsoleTickets {
    gint64 life_us;
    pthread_mutex_t lock; /* protects what follows; a leaf */
    GQueue queue;         /* Ticket, the oldest first */
};

ConsoleGrant *console_grant_new(const char *machine_id, const char *uuid,
                                const HttpRequest *request)
{
    static const char *const credentials[] = {"Authorization", "Cookie"};
    ConsoleGrant *grant = g_new0(ConsoleGrant, 1);
    grant->machine_id = g_strdup(machine_id);
    grant->uuid = g_strdup(uuid);
    grant->request = http_request_new("GET", request->path);
    grant->request->peer = request->peer;
    for (guint i = 0; i < G_N_ELEMENTS(credentials); i++) {
        const char *value = http_request_header(request, credentials[i]);
        if (value)
            http_request_add_header(grant->request, credentials[i], value);
    }
    return grant;
}

void console_grant_free(ConsoleGrant *grant)
{
    if (!grant)
        return;
    g_free(grant->machine_id);
    g_free(grant->uuid);
    http_request_free(grant->request);
    g_free(grant);
}

static void ticket_free(gpointer data)
{
    Ticket *ticket = data;
    g_free(ticket->secret);
    console_grant_free(ticket->grant);
    g_free(ticket);
}

ConsoleTickets *console_tickets_new(guint life_seconds)
{
    ConsoleTickets *tickets = g_new0(ConsoleTickets, 1);
    tickets->life_us = (gint64)life_seconds * G_USEC_PER_SEC;
    pthread_mutex_init(&tickets->lock, NULL);
    g_queue_init(&tickets->queue);
    return tickets;
}

void console_tickets_free(ConsoleTickets *tickets)
{
    if (!tickets)
        return;
    g_queue_clear_full(&tickets->queue, ticket_free);
    pthread_mutex_destroy(&tickets->lock);
    g_free(tickets);
}

/* 256 random bits in the alphabet of addresses. */
static char *secret_new(void)
{
    guint8 bytes[SECRET_BYTES];
    ssize_t length = getrandom(bytes, sizeof bytes, 0);
    g_assert(length == sizeof bytes);
    char *text = g_base64_encode(bytes, sizeof bytes);
    g_strdelimit(text, "+", '-');
    g_strdelimit(text, "/", '_');
    text[strcspn(text, "=")] = '\0';
    return text;
}

static void forget_old(ConsoleTickets *tickets, gint64 now_us)
{
    const Ticket *oldest;
    while ((oldest = g_queue_peek_head(&tickets->queue)) &&
           (oldest->until_us <= now_us || g_queue_get_length(&tickets->queue) > TICKETS_MAX))
        ticket_free(g_queue_pop_head(&tickets->queue));
}

char *console_tickets_issue(ConsoleTickets *tickets, ConsoleGrant *grant)
{
    Ticket *ticket = g_new0(Ticket, 1);
    gint64 now_us = g_get_monotonic_time();
    char *secret = secret_new();
    *ticket = (Ticket){g_strdup(secret), grant, now_us + tickets->life_us};
    LOCK_FOR_SCOPE(&tickets->lock);
    g_queue_push_tail(&tickets->queue, ticket);
    forget_old(tickets, now_us);
    return secret;
}

/* The time that a comparison takes must not tell how much of a guess was right. */
static gboolean is_same(const char *secret, const char *guess)
{
    gsize length = strlen(secret);
    guint difference = strlen(guess) != length;
    for (gsize i = 0; i < length && guess[i]; i++)
        difference |= (guint)(guchar)(secret[i] ^ guess[i]);
    return difference == 0;
}

ConsoleGrant *console_tickets_redeem(ConsoleTickets *tickets, const char *ticket)
{
    LOCK_FOR_SCOPE(&tickets->lock);
    forget_old(tickets, g_get_monotonic_time());
    for (GList *link = tickets->queue.head; link; link = link->next) {
        Ticket *each = link->data;
        if (!is_same(each->secret, ticket))
            continue;
        ConsoleGrant *grant = g_steal_pointer(&each->grant);
        g_queue_delete_link(&tickets->queue, link);
        ticket_free(each);
        return grant;
    }
    return NULL;
}
