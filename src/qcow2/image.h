/* One image of a chain, raw or qcow2, opened for looking up where its guest bytes are. */
#pragma once

#include <gio/gio.h>

#include "qcow2/header.h"
#include "qcow2/table_cache.h"

typedef enum { RUN_DATA, RUN_COMPRESSED, RUN_ZERO, RUN_UNALLOCATED } RunKind;

/* What an image says about guest bytes from some offset on. */
typedef struct {
    RunKind kind;
    guint64 length;         /* greater than 0; a run may end before its kind does */
    guint64 host_offset;    /* DATA: of the first byte; COMPRESSED: of the compressed cluster */
    gsize compressed_bytes; /* COMPRESSED: at most this much */
    guint64 within;         /* COMPRESSED: the run's place in the decompressed cluster */
} Run;

typedef struct {
    int fd; /* our own duplicate */
    char *name;
    gboolean is_raw;
    guint64 capacity; /* whole sectors, as QEMU counts */
    Qcow2Header header;
    TableCache tables;
} Image;

/*
 * Opens the image behind `fd`; `name` is for messages. The L1 table is checked once: each entry
 * sound, and not more of them than the file has clusters. INVALID for an unsound image or an
 * unknown format, UNSUPPORTED for encryption and data files.
 */
gboolean image_init(Image *image, int fd, const char *format, const char *name, GError **error);
void image_clear(Image *image);

/* The run at `offset`, which is below the capacity; never reaches beyond the capacity. Once it is
 * `enough` bytes long it is not looked whether it goes on. */
gboolean image_lookup(Image *image, guint64 offset, guint64 enough, Run *run_out, GError **error);
/* The content of a compressed cluster; `cluster` has room for one. */
gboolean image_decompress(const Image *image, const Run *run, guint8 *cluster, GError **error);
