/* A small cache of slices of an image's L1 and L2 tables: bounded memory, whatever their size. */
#pragma once

#include <glib.h>

#include "qcow2/header.h"

enum { TABLE_CACHE_SLICES = 8 };

typedef struct {
    int fd; /* borrowed */
    gsize slice_bytes;
    guint64 clock;
    guint latest; /* the slice that answered last */
    struct {
        guint8 *bytes; /* NULL: unused */
        guint64 offset, used_at;
    } slices[TABLE_CACHE_SLICES];
} TableCache;

/* What one read fetches: a page for a look at a few places, more for a scan of everything. */
enum { TABLE_CACHE_PAGE_BYTES = 4096, TABLE_CACHE_SCAN_BYTES = 64 * 1024 };
/* `slice_bytes`: one of these; at most a cluster is used. */
void table_cache_init(TableCache *cache, int fd, const Qcow2Header *header, gsize slice_bytes);
void table_cache_clear(TableCache *cache);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TableCache, table_cache_clear)

/* The table entry at `offset` of the file (16 bytes are readable where that is a multiple of 16);
 * valid until the next call. NULL on failure. */
const guint8 *table_cache_get(TableCache *cache, guint64 offset, GError **error);
