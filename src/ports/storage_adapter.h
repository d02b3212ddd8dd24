/* For storage adapters only: the vtable behind storage.h. One slot a wrapper, same contracts. */
#pragma once

#include "ports/storage.h"

typedef struct {
    const char *name; /* "directory", "memory" */
    void (*free)(Storage *);
    gboolean (*status)(Storage *, StoreStatus *, GError **);
    gboolean (*raise_generation)(Storage *, guint64, GError **);
    gboolean (*head_facts)(Storage *, const Machine *, guint64, const char *, HeadFacts *,
                           GError **);
    gboolean (*head_status)(Storage *, const Machine *, const char *, HeadFacts *, GError **);
    gboolean (*machine_facts)(Storage *, const char *, MachineFacts *, GError **);
    gssize (*read)(Storage *, const Machine *, const char *, guint64, void *, gsize, GError **);
    gboolean (*read_own)(Storage *, const Machine *, const char *, const ReadRange *, guint,
                         GError **);
    char *(*layer_digest)(Storage *, const Layer *, GCancellable *, GError **);
    char *(*volume_digest)(Storage *, const Machine *, const char *, GCancellable *, GError **);
    gboolean (*layer_facts)(Storage *, const Layer *, HeadFacts *, GError **);
    gboolean (*kept_facts)(Storage *, const KeptVolume *, HeadFacts *, GError **);
    gboolean (*stage)(Storage *, const Machine *, const Generation *, GCancellable *, GError **);
    gboolean (*abandon)(Storage *, const char *, GError **);
    gboolean (*sync)(Storage *, const char *const *, GError **);
    gboolean (*switch_now)(Storage *, const Machine *, guint64, SwitchResult *, GError **);
    gboolean (*put_aside)(Storage *, const Machine *, gboolean, gboolean *, guint64 *, GError **);
    gboolean (*seal)(Storage *, const Machine *, GError **);
    gboolean (*protect)(Storage *, const char *, GError **);
    gboolean (*unseal)(Storage *, const Machine *, GError **);
    gboolean (*remove)(Storage *, const Machine *, GPtrArray *, GError **);
    gboolean (*adopt_finish)(Storage *, const Machine *, GError **);
    gboolean (*export_heads)(Storage *, const Machine *, GCancellable *, GError **);
    gboolean (*export_abandon)(Storage *, const Machine *, GError **);
    gboolean (*export_finish)(Storage *, const Machine *, GError **);
    gboolean (*describe)(Storage *, const Machine *, GError **);
    gboolean (*mark)(Storage *, const char *, gboolean, GError **);
    gboolean (*stamp)(Storage *, const char *, const char *, gboolean, GError **);
    gboolean (*flatten_stage)(Storage *, const Layer *, GCancellable *, GError **);
    gboolean (*flatten_switch)(Storage *, const Layer *, GError **);
    gboolean (*flatten_abandon)(Storage *, const Layer *, GError **);
    gboolean (*reclaim)(Storage *, const ReclaimItem *, guint64 *, GError **);
    gboolean (*survey)(Storage *, StorageSurveyed, gpointer, GError **);
    gboolean (*scan)(Storage *, StorageFound, gpointer, GError **);
    Machine *(*describe_machine)(Storage *, const char *, GError **);
    GPtrArray *(*describe_set)(Storage *, const char *, GError **);
    gboolean (*check_layer)(Storage *, const Layer *, GPtrArray *, GError **);
    char *(*head_path)(Storage *, const char *, const Volume *);
    char *(*nvram_path)(Storage *, const char *);
    gboolean (*probe_image)(Storage *, const char *, const char *, ImageFacts *, GError **);
    gboolean (*is_file)(Storage *, const char *, guint64, guint64);
    gboolean (*find_user_of_image)(Storage *, const char *, char **, GError **);
} StorageOps;

/* An adapter's own struct begins with this. */
struct Storage {
    const StorageOps *ops;
};
