/* A thread a connection carries bytes between the TLS session and one end of a socket pair. */
#include "secure_client.h"

#include "cmocka_prelude.h"

#include <gnutls/gnutls.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "raw_client.h"

typedef struct {
    pthread_t thread;
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
    int tcp, pair;
    gboolean has_sent_all;
} SecureClient;

/* Of the test's own thread. */
static GPtrArray *clients;

static void client_close(SecureClient *client)
{
    gnutls_deinit(client->session);
    gnutls_certificate_free_credentials(client->credentials);
    close(client->tcp);
    close(client->pair);
}

static gboolean carry_up(SecureClient *client)
{
    char buffer[8192];
    ssize_t length = recv(client->pair, buffer, sizeof buffer, 0);
    if (length > 0)
        return gnutls_record_send(client->session, buffer, (gsize)length) == length;
    client->has_sent_all = TRUE;
    gnutls_bye(client->session, GNUTLS_SHUT_WR);
    shutdown(client->tcp, SHUT_WR);
    return TRUE;
}

static gboolean carry_down(SecureClient *client)
{
    char buffer[8192];
    gssize length;
    do {
        length = gnutls_record_recv(client->session, buffer, sizeof buffer);
        for (gssize sent = 0, part; sent < length; sent += part) {
            part = send(client->pair, buffer + sent, (gsize)(length - sent), MSG_NOSIGNAL);
            if (part <= 0)
                return FALSE;
        }
    } while (length > 0 && gnutls_record_check_pending(client->session) > 0);
    return length > 0 || length == GNUTLS_E_AGAIN || length == GNUTLS_E_INTERRUPTED;
}

static void *run_client(void *data)
{
    SecureClient *client = data;
    for (gboolean goes_on = TRUE; goes_on;) {
        struct pollfd ends[] = {
            {.fd = client->tcp, .events = POLLIN},
            {.fd = client->pair, .events = (short)(client->has_sent_all ? 0 : POLLIN)}};
        poll(ends, 2, -1);
        if (ends[0].revents)
            goes_on = carry_down(client);
        if (goes_on && (ends[1].revents & POLLIN))
            goes_on = carry_up(client);
        if (ends[1].revents & POLLHUP)
            goes_on = FALSE;
    }
    client_close(client);
    return NULL;
}

static gboolean shake_hands(SecureClient *client, const char *priorities)
{
    gnutls_certificate_allocate_credentials(&client->credentials);
    gnutls_init(&client->session, GNUTLS_CLIENT);
    gnutls_priority_set_direct(client->session, priorities ? priorities : "NORMAL", NULL);
    gnutls_credentials_set(client->session, GNUTLS_CRD_CERTIFICATE, client->credentials);
    gnutls_transport_set_int(client->session, client->tcp);
    gnutls_handshake_set_timeout(client->session, 60000);
    int code;
    do
        code = gnutls_handshake(client->session);
    while (code < 0 && !gnutls_error_is_fatal(code));
    return code >= 0;
}

int secure_connect(guint16 port, guint8 from, const char *priorities)
{
    int pair[2];
    SecureClient *client = g_new0(SecureClient, 1);
    client->tcp = raw_connect_tcp(port, from);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    client->pair = pair[1];
    if (!shake_hands(client, priorities)) {
        client_close(client);
        g_free(client);
        close(pair[0]);
        return -1;
    }
    assert_int_equal(pthread_create(&client->thread, NULL, run_client, client), 0);
    if (!clients)
        clients = g_ptr_array_new();
    g_ptr_array_add(clients, client);
    return pair[0];
}

void secure_join(void)
{
    for (guint i = 0; clients && i < clients->len; i++) {
        SecureClient *client = clients->pdata[i];
        pthread_join(client->thread, NULL);
        g_free(client);
    }
    g_clear_pointer(&clients, g_ptr_array_unref);
}
