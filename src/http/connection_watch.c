/* A set of connections and a thread that looks at it once a second. */
#include "http/connection_watch.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

#include "foundation/error.h"
#include "http/lock.h"

struct ConnectionWatch {
    guint seconds[CONNECTION_DEBT_COUNT]; /* 0: no bound */
    pthread_t thread;
    gboolean has_thread;
    pthread_mutex_t lock; /* protects what follows, and the connections; a leaf */
    pthread_cond_t ending_changed;
    gboolean ending;
    GHashTable *connections; /* WatchedConnection */
};

static void shut_overdue(ConnectionWatch *watch, gint64 now_us)
{
    GHashTableIter each;
    gpointer key;
    g_hash_table_iter_init(&each, watch->connections);
    while (g_hash_table_iter_next(&each, &key, NULL)) {
        WatchedConnection *connection = key;
        if (now_us <= connection->until_us)
            continue;
        connection->until_us = G_MAXINT64;
        shutdown(connection->fd, SHUT_RDWR);
    }
}

static void *run_watch(void *data)
{
    ConnectionWatch *watch = data;
    LOCK_FOR_SCOPE(&watch->lock);
    while (!watch->ending) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec++;
        if (pthread_cond_timedwait(&watch->ending_changed, &watch->lock, &until) == ETIMEDOUT)
            shut_overdue(watch, g_get_monotonic_time());
    }
    return NULL;
}

ConnectionWatch *connection_watch_new(guint request_seconds, guint answer_seconds, GError **error)
{
    ConnectionWatch *watch = g_new0(ConnectionWatch, 1);
    watch->seconds[CONNECTION_OWES_REQUEST] = request_seconds;
    watch->seconds[CONNECTION_OWES_READING] = answer_seconds;
    watch->connections = g_hash_table_new(NULL, NULL);
    pthread_mutex_init(&watch->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->ending_changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (request_seconds == 0 && answer_seconds == 0)
        return watch;
    int result = pthread_create(&watch->thread, NULL, run_watch, watch);
    watch->has_thread = result == 0;
    if (result == 0)
        return watch;
    error_set_errno(error, result, "starting the thread that watches connections");
    connection_watch_free(watch);
    return NULL;
}

static void end_thread(ConnectionWatch *watch)
{
    {
        LOCK_FOR_SCOPE(&watch->lock);
        watch->ending = TRUE;
        pthread_cond_broadcast(&watch->ending_changed);
    }
    if (watch->has_thread)
        pthread_join(watch->thread, NULL);
}

void connection_watch_free(ConnectionWatch *watch)
{
    if (!watch)
        return;
    end_thread(watch);
    g_assert(g_hash_table_size(watch->connections) == 0);
    pthread_cond_destroy(&watch->ending_changed);
    pthread_mutex_destroy(&watch->lock);
    g_hash_table_unref(watch->connections);
    g_free(watch);
}

static void set_debt(const ConnectionWatch *watch, WatchedConnection *connection,
                     ConnectionDebt debt)
{
    guint seconds = watch->seconds[debt];
    connection->until_us =
        seconds > 0 ? g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC : G_MAXINT64;
}

WatchedConnection *connection_watch_add(ConnectionWatch *watch, int fd, const Peer *peer)
{
    WatchedConnection *connection = g_new0(WatchedConnection, 1);
    connection->peer = *peer;
    connection->fd = fd;
    set_debt(watch, connection, CONNECTION_OWES_REQUEST);
    LOCK_FOR_SCOPE(&watch->lock);
    g_hash_table_add(watch->connections, connection);
    return connection;
}

void connection_watch_remove(ConnectionWatch *watch, WatchedConnection *connection)
{
    {
        LOCK_FOR_SCOPE(&watch->lock);
        g_hash_table_remove(watch->connections, connection);
    }
    g_free(connection);
}

void connection_watch_expect(ConnectionWatch *watch, WatchedConnection *connection,
                             ConnectionDebt debt)
{
    LOCK_FOR_SCOPE(&watch->lock);
    set_debt(watch, connection, debt);
}
