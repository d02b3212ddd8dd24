/*
 * The connection's life: a thread of its own opens it, announces it, sleeps until it is lost, and
 * begins again, with growing pauses while libvirtd is away.
 *
 *     opening ──made──▶ open ──found──▶ in use ──closed──▶ lost ──▶ opening …
 *
 * Opening may block for as long as libvirtd hangs, so it happens neither on a caller's thread nor
 * on the event loop.
 */
#include "hypervisor/libvirt/connection.h"

#include <libvirt/virterror.h>

#include "hypervisor/libvirt/domain_rules.h"
#include "hypervisor/libvirt/event_loop.h"

/*
 * libvirtd reads at most five requests of one client ahead (max_client_requests), and not even a
 * keep-alive beyond them: with more of our threads waiting for a slow domain it would look dead,
 * and be dropped with all its calls.
 */
#define CALLS_AT_ONCE 4u

#define KEEPALIVE_INTERVAL_SECONDS 5
#define KEEPALIVE_COUNT            4u
#define FIRST_PAUSE_MS             100
#define LONGEST_PAUSE_MS           5000
#define FIRST_ATTEMPT_WAIT_MS      5000
#define FREE_WAIT_MS               2000

struct Connection {
    gint references; /* atomic: owner and thread */
    char *uri;       /* constant */
    const ConnectionListener *listener;
    gpointer user_data;
    GDestroyNotify destroy;
    GMutex lock;          /* protects everything below */
    GCond changed;        /* any of the below has changed */
    virConnectPtr handle; /* NULL: not connected */
    guint calls;          /* running on any handle */
    gboolean attempted;   /* the first attempt is over */
    gboolean closed;      /* the current handle's socket is gone */
    gboolean stopping;
    gboolean finished; /* the thread calls nothing any more */
};

static void unref(Connection *self)
{
    if (!g_atomic_int_dec_and_test(&self->references))
        return;
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->changed);
    g_free(self->uri);
    g_free(self);
}

static Connection *ref(Connection *self)
{
    g_atomic_int_inc(&self->references);
    return self;
}

static gint64 in_ms(gint64 milliseconds)
{
    return g_get_monotonic_time() + milliseconds * 1000;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void on_close(virConnectPtr handle, int reason, void *opaque)
{
    Connection *self = opaque;
    (void)reason;
    g_mutex_lock(&self->lock);
    if (self->handle == handle || self->handle == NULL)
        self->closed = TRUE;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
}

/* Drivers without a socket (test:///) have neither; they are never lost either. */
static void watch(Connection *self, virConnectPtr handle)
{
    virConnectSetKeepAlive(handle, KEEPALIVE_INTERVAL_SECONDS, KEEPALIVE_COUNT);
    /* needs no reference: the thread has one, and unregisters before it gives that up */
    virConnectRegisterCloseCallback(handle, on_close, self, NULL);
    virResetLastError();
}

static gboolean publish(Connection *self, virConnectPtr handle)
{
    g_mutex_lock(&self->lock);
    gboolean usable = !self->stopping && !self->closed;
    if (usable)
        self->handle = handle;
    self->attempted = TRUE;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
    return usable;
}

/* FALSE when it is we who leave. */
static gboolean wait_until_lost(Connection *self)
{
    g_mutex_lock(&self->lock);
    while (!self->closed && !self->stopping)
        g_cond_wait(&self->changed, &self->lock);
    self->handle = NULL;
    gboolean lost = !self->stopping;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
    return lost;
}

static void live(Connection *self, virConnectPtr handle)
{
    self->listener->made(handle, self->user_data);
    if (publish(self, handle)) {
        self->listener->found(self->user_data);
        if (wait_until_lost(self))
            self->listener->lost(self->user_data);
    }
    self->listener->ended(handle, self->user_data);
    virConnectUnregisterCloseCallback(handle, on_close);
    virConnectClose(handle);
}

/* FALSE when it is time to end. */
static gboolean pause_for(Connection *self, int milliseconds)
{
    gint64 deadline = in_ms(milliseconds);
    g_mutex_lock(&self->lock);
    self->attempted = TRUE;
    g_cond_broadcast(&self->changed);
    while (!self->stopping && g_cond_wait_until(&self->changed, &self->lock, deadline))
        ;
    gboolean go_on = !self->stopping;
    g_mutex_unlock(&self->lock);
    return go_on;
}

static virConnectPtr open_handle(Connection *self)
{
    g_mutex_lock(&self->lock);
    self->closed = FALSE;
    g_mutex_unlock(&self->lock);
    virConnectPtr handle = virConnectOpen(self->uri);
    if (handle != NULL)
        watch(self, handle);
    return handle;
}

static gboolean is_stopping(Connection *self)
{
    g_mutex_lock(&self->lock);
    gboolean stopping = self->stopping;
    g_mutex_unlock(&self->lock);
    return stopping;
}

static gpointer run(gpointer user_data)
{
    Connection *self = user_data;
    int pause_ms = FIRST_PAUSE_MS;
    do {
        virConnectPtr handle = open_handle(self);
        if (handle != NULL && is_stopping(self)) {
            virConnectUnregisterCloseCallback(handle, on_close);
            virConnectClose(handle);
        } else if (handle != NULL) {
            live(self, handle);
            pause_ms = FIRST_PAUSE_MS;
        } else {
            pause_ms = MIN(pause_ms * 2, LONGEST_PAUSE_MS);
        }
    } while (pause_for(self, pause_ms));
    self->destroy(self->user_data);
    g_mutex_lock(&self->lock);
    self->finished = TRUE;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
    unref(self);
    return NULL;
}

/* --- for callers ------------------------------------------------------------------------------ */

Connection *connection_new(const char *uri, const ConnectionListener *listener, gpointer user_data,
                           GDestroyNotify destroy)
{
    event_loop_start();
    Connection *self = g_new0(Connection, 1);
    self->references = 1;
    self->uri = g_strdup(uri);
    self->listener = listener;
    self->user_data = user_data;
    self->destroy = destroy;
    g_mutex_init(&self->lock);
    g_cond_init(&self->changed);
    g_thread_unref(g_thread_new("libvirt-connect", run, ref(self)));
    return self;
}

void connection_free(Connection *self)
{
    if (self == NULL)
        return;
    gint64 deadline = in_ms(FREE_WAIT_MS);
    g_mutex_lock(&self->lock);
    self->stopping = TRUE;
    g_cond_broadcast(&self->changed);
    while (!self->finished && g_cond_wait_until(&self->changed, &self->lock, deadline))
        ;
    g_mutex_unlock(&self->lock);
    unref(self);
}

virConnectPtr connection_enter(Connection *self, GError **error)
{
    gint64 deadline = in_ms(FIRST_ATTEMPT_WAIT_MS);
    g_mutex_lock(&self->lock);
    while (!self->attempted && g_cond_wait_until(&self->changed, &self->lock, deadline))
        ;
    while (self->handle != NULL && self->calls >= CALLS_AT_ONCE)
        g_cond_wait(&self->changed, &self->lock);
    virConnectPtr handle = self->handle;
    if (handle != NULL) {
        virConnectRef(handle);
        self->calls++;
    }
    g_mutex_unlock(&self->lock);
    if (handle == NULL)
        domain_rules_unavailable(error);
    return handle;
}

void connection_leave(Connection *self, virConnectPtr handle)
{
    virConnectClose(handle);
    g_mutex_lock(&self->lock);
    self->calls--;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
}
