/* Implements the cache with least-recently-used replacement; a scan in order reads each slice once.
 */
#include "qcow2/table_cache.h"

#include "qcow2/format.h"

void table_cache_init(TableCache *cache, int fd, const Qcow2Header *header, gsize slice_bytes)
{
    *cache =
        (TableCache){.fd = fd, .slice_bytes = (gsize)MIN(qcow2_cluster_bytes(header), slice_bytes)};
}

void table_cache_clear(TableCache *cache)
{
    for (guint i = 0; i < TABLE_CACHE_SLICES; i++)
        g_clear_pointer(&cache->slices[i].bytes, g_free);
}

static gboolean holds(const TableCache *cache, guint index, guint64 offset)
{
    return cache->slices[index].bytes != NULL && cache->slices[index].offset == offset;
}

/* The slice that holds `offset`, or else the one to be replaced: unused ones have used_at 0. */
static guint find_slice(const TableCache *cache, guint64 offset)
{
    guint oldest = 0;
    for (guint i = 0; i < TABLE_CACHE_SLICES; i++) {
        if (holds(cache, i, offset))
            return i;
        if (cache->slices[i].used_at < cache->slices[oldest].used_at)
            oldest = i;
    }
    return oldest;
}

static gboolean load_slice(TableCache *cache, guint index, guint64 offset, GError **error)
{
    g_autofree guint8 *bytes = g_steal_pointer(&cache->slices[index].bytes);
    if (bytes == NULL)
        bytes = g_malloc(cache->slice_bytes);
    if (!qcow2_read_padded(cache->fd, offset, bytes, cache->slice_bytes, error))
        return FALSE;
    cache->slices[index].bytes = g_steal_pointer(&bytes);
    cache->slices[index].offset = offset;
    return TRUE;
}

const guint8 *table_cache_get(TableCache *cache, guint64 offset, GError **error)
{
    guint64 within = offset % cache->slice_bytes;
    guint64 start = offset - within;
    if (!holds(cache, cache->latest, start)) {
        guint index = find_slice(cache, start);
        if (!holds(cache, index, start) && !load_slice(cache, index, start, error))
            return NULL;
        cache->slices[index].used_at = ++cache->clock;
        cache->latest = index;
    }
    return cache->slices[cache->latest].bytes + within;
}
