/* A data volume outside any machine: in the trash until it expires, or kept on request. */
#pragma once

#include "model/role.h"

typedef struct {
    int ref_count; /* private */
    char *id;
    char *path; /* relative to the store: "trash/ID/data/vdc.qcow2" */
    char *target;
    char *format;
    guint64 capacity_bytes;
    char *layer_id;     /* NULL: standalone */
    char *layer_format; /* NULL: standalone */
    char *machine_id;
    char *machine_name; /* whose it was */
    gint64 removed_at;
    gint64 expires_at; /* 0: kept until a person removes it */
} KeptVolume;

KeptVolume *kept_volume_new(const char *id, const char *path, const char *target,
                            const char *format);
KeptVolume *kept_volume_ref(const KeptVolume *volume);
void kept_volume_unref(KeptVolume *volume);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeptVolume, kept_volume_unref)
KeptVolume *kept_volume_copy(const KeptVolume *volume);
