/* One file or directory that a committed transaction has put on the list of what may be deleted. */
#pragma once

#include <glib.h>

typedef enum {
    RECLAIM_ENTRY, /* undo entry of a machine: machines/MACHINE/undo-N */
    RECLAIM_LAYER, /* one layer: layers/SET/sealed/FILE */
    RECLAIM_KEPT,  /* a kept volume whose time is over */
} ReclaimKind;
#define RECLAIM_KIND_COUNT (RECLAIM_KEPT + 1)
const char *reclaim_kind_name(ReclaimKind kind);
gboolean reclaim_kind_from_name(const char *text, ReclaimKind *kind_out);

typedef struct {
    int ref_count; /* private */
    char *id;
    ReclaimKind kind;
    char *path;         /* relative to the store */
    char *machine_id;   /* RECLAIM_ENTRY */
    guint64 generation; /* RECLAIM_ENTRY */
    char *layer_id;     /* RECLAIM_LAYER */
    guint64 bytes;
    gint64 listed_at;
} ReclaimItem;

ReclaimItem *reclaim_item_new(const char *id, ReclaimKind kind, const char *path, gint64 listed_at);
ReclaimItem *reclaim_item_ref(const ReclaimItem *item);
void reclaim_item_unref(ReclaimItem *item);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReclaimItem, reclaim_item_unref)
