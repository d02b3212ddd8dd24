/* Writing fresh qcow2 images: a few hundred bytes of metadata, agreed upon by qemu-img check. */
#pragma once

#include <glib.h>

typedef struct {
    guint64 capacity_bytes;
    const char *backing_file;   /* as it is to stand in the header (relative); NULL: standalone */
    const char *backing_format; /* "qcow2" or "raw"; required with backing_file */
    const char *identity;       /* our header extension; NULL: none */
    guint32 cluster_bits;       /* 0: the default, 16 */
    gboolean no_extended_l2;    /* default: extended L2 (sub-clusters; QEMU 5.2 or newer) */
} OverlaySpec;

/* Writes an empty image into the empty file `fd`. Not durable: the caller syncs. `name` is for
 * messages. INVALID for a capacity that is not a positive multiple of 512 or too large for the
 * format, and for names that do not fit; EXISTS where `fd` is not an empty file: nothing is ever
 * overwritten. */
gboolean qcow2_overlay_write(int fd, const OverlaySpec *spec, const char *name, GError **error);
/* The header extension's magic, "UPIN": QEMU keeps extensions it does not know. */
#define QCOW2_IDENTITY_MAGIC 0x5550494eu
/* The longest identity in bytes. */
#define QCOW2_IDENTITY_MAX_BYTES 4096
