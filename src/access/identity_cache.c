/* A table of bounded size: see identity_cache.h. */
#include "access/identity_cache.h"

typedef struct {
    Identity *identity;
    gint64 until;
} Known;

struct IdentityCache {
    guint limit;
    GMutex lock;       /* protects what follows */
    GHashTable *known; /* hash -> Known */
};

static void known_free(gpointer data)
{
    Known *known = data;
    identity_unref(known->identity);
    g_free(known);
}

IdentityCache *identity_cache_new(guint limit)
{
    IdentityCache *cache = g_new0(IdentityCache, 1);
    cache->limit = limit;
    g_mutex_init(&cache->lock);
    cache->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, known_free);
    return cache;
}

void identity_cache_free(IdentityCache *cache)
{
    if (!cache)
        return;
    g_hash_table_unref(cache->known);
    g_mutex_clear(&cache->lock);
    g_free(cache);
}

Identity *identity_cache_find(IdentityCache *cache, const char *hash, gint64 now)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->lock);
    const Known *known = g_hash_table_lookup(cache->known, hash);
    return known && now < known->until ? identity_ref(known->identity) : NULL;
}

void identity_cache_put(IdentityCache *cache, const char *hash, const Identity *identity,
                        gint64 until)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->lock);
    Known *known = g_new0(Known, 1);
    known->identity = identity_ref(identity);
    known->until = until;
    if (g_hash_table_size(cache->known) >= cache->limit)
        g_hash_table_remove_all(cache->known);
    g_hash_table_replace(cache->known, g_strdup(hash), known);
}

void identity_cache_forget(IdentityCache *cache)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&cache->lock);
    g_hash_table_remove_all(cache->known);
}
