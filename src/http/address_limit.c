/* Counts by address. */
#include "http/address_limit.h"

#include <netinet/in.h>
#include <string.h>

#include "http/lock.h"

struct AddressLimit {
    guint limit;
    pthread_mutex_t lock; /* protects what follows; a leaf */
    GHashTable *counts;   /* gint64 key -> count */
};

AddressLimit *address_limit_new(guint limit)
{
    AddressLimit *self = g_new0(AddressLimit, 1);
    self->limit = limit;
    self->counts = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    pthread_mutex_init(&self->lock, NULL);
    return self;
}

void address_limit_free(AddressLimit *limit)
{
    if (!limit)
        return;
    pthread_mutex_destroy(&limit->lock);
    g_hash_table_unref(limit->counts);
    g_free(limit);
}

/* The first half of an IPv6 address, or the whole of an IPv4 address, also of a wrapped one. Both
 * fit: no routed IPv6 prefix begins with zeros. */
static gint64 key_of(const struct sockaddr *address)
{
    gint64 key = 0;
    const void *raw = address;
    const struct sockaddr_in6 *six = raw;
    const struct sockaddr_in *four = raw;
    if (address->sa_family == AF_INET)
        memcpy(&key, &four->sin_addr, sizeof four->sin_addr);
    else if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        memcpy(&key, &six->sin6_addr.s6_addr[12], 4);
    else if (address->sa_family == AF_INET6)
        memcpy(&key, &six->sin6_addr, sizeof key);
    return key;
}

static void put_count(AddressLimit *limit, gint64 key, guint count)
{
    if (count > 0)
        g_hash_table_replace(limit->counts, g_memdup2(&key, sizeof key), GUINT_TO_POINTER(count));
    else
        g_hash_table_remove(limit->counts, &key);
}

gboolean address_limit_enter(AddressLimit *limit, const struct sockaddr *address)
{
    gint64 key = key_of(address);
    LOCK_FOR_SCOPE(&limit->lock);
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(limit->counts, &key));
    if (count >= limit->limit)
        return FALSE;
    put_count(limit, key, count + 1);
    return TRUE;
}

void address_limit_leave(AddressLimit *limit, const struct sockaddr *address)
{
    gint64 key = key_of(address);
    LOCK_FOR_SCOPE(&limit->lock);
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(limit->counts, &key));
    g_assert(count > 0);
    put_count(limit, key, count - 1);
}
