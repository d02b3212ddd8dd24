/*
 * A layer: an immutable disk image, one sealed volume of a base. All volumes sealed together are a
 * layer set: one directory, layers/SET/sealed/. Immutable once published; shared by reference.
 */
#pragma once

#include "model/role.h"

typedef struct {
    int ref_count; /* private */
    char *id;      /* "SET-TARGET": layer_id_build() */
    char *set_id;
    char *target;
    Role role;
    char *format;
    guint64 capacity_bytes;
    guint64 allocated_bytes;
    char *parent_id;        /* layer that it sits on; NULL: standalone */
    char *former_parent_id; /* the parent before flattening, held while older sessions run */
    gint64 flattened_at;    /* 0 beside a former parent: decided, not yet settled */
    char *machine_id;       /* the base whose volume it is; stays after the base is retired */
    char *machine_name;     /* its name at the time of sealing, for people */
    gint64 sealed_at;
    char *digest; /* "sha256:…" of the guest-visible content; NULL until computed */
} Layer;

Layer *layer_new(const char *set_id, const char *target, Role role, const char *format,
                 guint64 capacity_bytes);
Layer *layer_ref(const Layer *layer);
void layer_unref(Layer *layer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Layer, layer_unref)
Layer *layer_copy(const Layer *layer);

/* "SET-TARGET"; caller frees. */
char *layer_id_build(const char *set_id, const char *target);
/* The two halves of a layer id; FALSE where it is not one. Caller frees both. */
gboolean layer_id_split(const char *layer_id, char **set_id_out, char **target_out);
