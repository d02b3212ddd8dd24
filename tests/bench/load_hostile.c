/* See load_hostile.h. A thread a kind; what fails is what the server does to them, and begun anew.
 */
#include "load_hostile.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELD    200 /* connections that each of those holds who hold any */
#define STEP_US 50000

typedef struct {
    int fd;
    gnutls_session_t session; /* NULL: none (yet) */
} Victim;

typedef struct Kind Kind;

struct LoadHostile {
    guint16 port;
    gint stopping; /* atomic, as the counts are */
    gint connections, logins;
    gnutls_certificate_credentials_t credentials;
    pthread_t threads[8];
    Kind *kinds;
    guint count;
};

struct Kind {
    LoadHostile *hostile;
    guint8 address; /* 127.9.9.ADDRESS */
    void (*act)(Kind *kind);
};

static gboolean is_stopping(const Kind *kind)
{
    return g_atomic_int_get(&kind->hostile->stopping);
}

static int dial(Kind *kind)
{
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f090900u + kind->address)};
    struct sockaddr_in there = {.sin_family = AF_INET,
                                .sin_port = htons(kind->hostile->port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval patience = {.tv_sec = 2};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (bind(fd, (struct sockaddr *)&here, sizeof here) == 0 &&
        connect(fd, (struct sockaddr *)&there, sizeof there) == 0) {
        g_atomic_int_inc(&kind->hostile->connections);
        return fd;
    }
    close(fd);
    return -1;
}

static void hang_up(Victim *victim)
{
    if (victim->session)
        gnutls_deinit(victim->session);
    if (victim->fd >= 0)
        close(victim->fd);
    *victim = (Victim){.fd = -1};
}

/* A connection with TLS; FALSE where the server does not want it. */
static gboolean dial_tls(Kind *kind, Victim *victim)
{
    victim->fd = dial(kind);
    if (victim->fd < 0)
        return FALSE;
    gnutls_init(&victim->session, GNUTLS_CLIENT);
    gnutls_set_default_priority(victim->session);
    gnutls_credentials_set(victim->session, GNUTLS_CRD_CERTIFICATE, kind->hostile->credentials);
    gnutls_transport_set_int(victim->session, victim->fd);
    if (gnutls_handshake(victim->session) >= 0)
        return TRUE;
    hang_up(victim);
    return FALSE;
}

static gboolean say(Victim *victim, const char *text)
{
    return gnutls_record_send(victim->session, text, strlen(text)) > 0;
}

/* --- kinds --------------------------------------------------------------------------------------
 */

static void begin_handshakes(Kind *kind)
{
    static const char hello[] = {0x16, 0x03, 0x01, 0x02};
    Victim victims[HELD];
    for (guint i = 0; i < HELD; i++)
        victims[i] = (Victim){.fd = -1};
    for (guint turn = 0; !is_stopping(kind); turn++) {
        Victim *victim = &victims[turn % HELD];
        if (victim->fd < 0)
            victim->fd = dial(kind);
        if (victim->fd >= 0 &&
            send(victim->fd, &hello[turn / HELD % sizeof hello], 1, MSG_NOSIGNAL) < 0)
            hang_up(victim);
        if (turn % HELD == 0)
            g_usleep(STEP_US);
    }
    for (guint i = 0; i < HELD; i++)
        hang_up(&victims[i]);
}

/* Says `head` once a connection, then `text` byte by byte. */
static void drip(Kind *kind, const char *head, const char *text)
{
    Victim victims[HELD];
    for (guint i = 0; i < HELD; i++)
        victims[i] = (Victim){.fd = -1};
    for (guint turn = 0; !is_stopping(kind); turn++) {
        Victim *victim = &victims[turn % HELD];
        char byte[2] = {text[turn / HELD % strlen(text)]};
        if (victim->fd < 0 && dial_tls(kind, victim) && !say(victim, head))
            hang_up(victim);
        if (victim->fd >= 0 && !say(victim, byte))
            hang_up(victim);
        if (turn % HELD == 0)
            g_usleep(STEP_US);
    }
    for (guint i = 0; i < HELD; i++)
        hang_up(&victims[i]);
}

static void drip_headers(Kind *kind)
{
    drip(kind, "GET /healthz HTTP/1.1\r\n", "X: y\r\n");
}

static void drip_bodies(Kind *kind)
{
    drip(kind,
         "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
         "Content-Length: 1000000\r\n\r\n",
         " ");
}

static void read_nothing(Kind *kind)
{
    Victim victims[16];
    for (guint i = 0; i < G_N_ELEMENTS(victims); i++)
        victims[i] = (Victim){.fd = -1};
    for (guint turn = 0; !is_stopping(kind); turn++) {
        Victim *victim = &victims[turn % G_N_ELEMENTS(victims)];
        if (victim->fd < 0 && dial_tls(kind, victim))
            fcntl(victim->fd, F_SETFL, O_NONBLOCK);
        gssize sent = victim->fd < 0 ? 0
                                     : gnutls_record_send(victim->session,
                                                          "GET /api/v1/openapi.json HTTP/1.1\r\n"
                                                          "Host: localhost\r\n\r\n",
                                                          54);
        if (sent < 0 && sent != GNUTLS_E_AGAIN)
            hang_up(victim);
        g_usleep(STEP_US / 10);
    }
    for (guint i = 0; i < G_N_ELEMENTS(victims); i++)
        hang_up(&victims[i]);
}

static void come_and_go(Kind *kind)
{
    while (!is_stopping(kind)) {
        int fd = dial(kind);
        if (fd >= 0)
            close(fd);
        g_usleep(STEP_US / 50);
    }
}

static void send_much(Kind *kind)
{
    g_autofree char *block = g_strnfill(16384, 'x');
    while (!is_stopping(kind)) {
        Victim victim = {.fd = -1};
        if (dial_tls(kind, &victim) &&
            say(&victim, "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\n"
                         "Content-Type: application/json\r\nContent-Length: 10000000\r\n\r\n")) {
            for (guint i = 0; i < 600 && !is_stopping(kind) && say(&victim, block); i++)
                continue;
        }
        hang_up(&victim);
        g_usleep(STEP_US);
    }
}

static void log_in_badly(Kind *kind)
{
    static const char body[] = "{\"name\":\"administrator\",\"password\":\"guessed-again\"}";
    g_autofree char *request = g_strdup_printf(
        "POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        strlen(body), body);
    char answer[4096];
    while (!is_stopping(kind)) {
        Victim victim = {.fd = -1};
        gboolean goes_on = dial_tls(kind, &victim);
        while (goes_on && !is_stopping(kind)) {
            gssize got = GNUTLS_E_AGAIN;
            goes_on = say(&victim, request);
            while (goes_on && (got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED))
                got = gnutls_record_recv(victim.session, answer, sizeof answer);
            goes_on = got > 0;
            g_atomic_int_add(&kind->hostile->logins, goes_on ? 1 : 0);
            g_usleep(STEP_US / 10);
        }
        hang_up(&victim);
    }
}

/* --- life ---------------------------------------------------------------------------------------
 */

static void *run_kind(void *data)
{
    Kind *kind = data;
    kind->act(kind);
    return NULL;
}

LoadHostile *load_hostile_start(guint16 port)
{
    static void (*const acts[])(Kind *) = {begin_handshakes, drip_headers, drip_bodies,
                                           read_nothing,     come_and_go,  send_much,
                                           log_in_badly};
    LoadHostile *hostile = g_new0(LoadHostile, 1);
    hostile->port = port;
    hostile->kinds = g_new0(Kind, G_N_ELEMENTS(acts));
    gnutls_certificate_allocate_credentials(&hostile->credentials);
    for (; hostile->count < G_N_ELEMENTS(acts); hostile->count++) {
        Kind *kind = &hostile->kinds[hostile->count];
        *kind = (Kind){hostile, (guint8)(hostile->count + 1), acts[hostile->count]};
        if (pthread_create(&hostile->threads[hostile->count], NULL, run_kind, kind) != 0)
            break;
    }
    return hostile;
}

char *load_hostile_stop(LoadHostile *hostile)
{
    g_atomic_int_set(&hostile->stopping, TRUE);
    for (guint i = 0; i < hostile->count; i++)
        pthread_join(hostile->threads[i], NULL);
    char *text = g_strdup_printf("they made %d connections and %d bad logins",
                                 g_atomic_int_get(&hostile->connections),
                                 g_atomic_int_get(&hostile->logins));
    gnutls_certificate_free_credentials(hostile->credentials);
    g_free(hostile->kinds);
    g_free(hostile);
    return text;
}
