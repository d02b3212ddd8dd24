/* Attempts are counted before they are made, so that a hundred at once are a hundred. */
#include "access/login_limit.h"

#define FORGIVEN_SECONDS 60
#define DOUBLINGS_MAX    6

typedef struct {
    char *key;
    guint failures;
    gint64 counted_at;    /* failures are as of this moment */
    gint64 blocked_until; /* 0: not */
} Entry;

struct LoginLimit {
    guint free_attempts, capacity;
    GMutex lock;      /* protects what follows */
    GHashTable *keys; /* key -> link in `recent` */
    GQueue recent;    /* Entry; the one that failed last first */
};

static void entry_free(gpointer data)
{
    Entry *entry = data;
    g_free(entry->key);
    g_free(entry);
}

LoginLimit *login_limit_new(guint free_attempts, guint capacity)
{
    LoginLimit *limit = g_new0(LoginLimit, 1);
    limit->free_attempts = free_attempts;
    limit->capacity = capacity;
    g_mutex_init(&limit->lock);
    g_queue_init(&limit->recent);
    limit->keys = g_hash_table_new(g_str_hash, g_str_equal);
    return limit;
}

void login_limit_free(LoginLimit *limit)
{
    if (!limit)
        return;
    g_hash_table_unref(limit->keys);
    g_queue_clear_full(&limit->recent, entry_free);
    g_mutex_clear(&limit->lock);
    g_free(limit);
}

static void forget_oldest(LoginLimit *limit)
{
    Entry *oldest = g_queue_pop_tail(&limit->recent);
    g_hash_table_remove(limit->keys, oldest->key);
    entry_free(oldest);
}

/* The entry of the key, as the most recent one. */
static Entry *entry_of(LoginLimit *limit, const char *key, gint64 now)
{
    GList *link = g_hash_table_lookup(limit->keys, key);
    if (link) {
        g_queue_unlink(&limit->recent, link);
        g_queue_push_head_link(&limit->recent, link);
        return link->data;
    }
    if (g_hash_table_size(limit->keys) >= limit->capacity)
        forget_oldest(limit);
    Entry *entry = g_new0(Entry, 1);
    entry->key = g_strdup(key);
    entry->counted_at = now;
    g_queue_push_head(&limit->recent, entry);
    g_hash_table_insert(limit->keys, entry->key, limit->recent.head);
    return entry;
}

/* A clock that was set back must not keep anybody out for longer than the longest delay. */
static void forgive(Entry *entry, gint64 now)
{
    if (now < entry->counted_at)
        entry->counted_at = now;
    gint64 forgiven = MIN((now - entry->counted_at) / FORGIVEN_SECONDS, (gint64)entry->failures);
    entry->failures -= (guint)forgiven;
    entry->counted_at =
        entry->failures == 0 ? now : entry->counted_at + forgiven * FORGIVEN_SECONDS;
    entry->blocked_until = MIN(entry->blocked_until, now + LOGIN_LIMIT_DELAY_MAX_SECONDS);
}

guint login_limit_take(LoginLimit *limit, const char *key, gint64 now)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&limit->lock);
    Entry *entry = entry_of(limit, key, now);
    forgive(entry, now);
    if (entry->blocked_until > now)
        return (guint)(entry->blocked_until - now);
    entry->failures++;
    entry->blocked_until = 0;
    if (entry->failures > limit->free_attempts) {
        guint doublings = MIN(entry->failures - limit->free_attempts - 1, DOUBLINGS_MAX);
        entry->blocked_until = now + MIN(1 << doublings, LOGIN_LIMIT_DELAY_MAX_SECONDS);
    }
    return 0;
}

void login_limit_give_back(LoginLimit *limit, const char *key)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&limit->lock);
    GList *link = g_hash_table_lookup(limit->keys, key);
    Entry *entry = link ? link->data : NULL;
    if (!entry || entry->failures == 0)
        return;
    entry->failures--;
    entry->blocked_until = 0;
}

guint login_limit_size(LoginLimit *limit)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&limit->lock);
    return g_hash_table_size(limit->keys);
}
