/* The storage port in memory: for tests that need many machines, faults and power losses, quickly.
 */
#pragma once

#include "ports/storage.h"

/*
 * An empty store with 1 TiB, exchange and protected layers. It keeps the contracts of the port,
 * fault points included; an image is a sparse map of blocks on an optional layer. Thread-safe.
 */
Storage *memory_storage_new(void);

/* --- the guest's side
 * --------------------------------------------------------------------------------------- */

/* Writes guest bytes into the head that lies in `now`; FALSE where there is none, or beyond its
 * capacity. */
gboolean memory_storage_write(Storage *storage, const char *machine_id, const char *target,
                              guint64 offset, const void *bytes, gsize length);
/* A block job of QEMU makes the head in `now` standalone; FALSE where it cannot. */
gboolean memory_storage_pull(Storage *storage, const char *machine_id, const char *target);
/* A QEMU has the head in `now` open, or no longer. */
void memory_storage_set_locked(Storage *storage, const char *machine_id, const char *target,
                               gboolean locked);
/* The guest's UEFI variables in `now`, as text; FALSE where there is no such directory. */
gboolean memory_storage_write_nvram(Storage *storage, const char *machine_id, const char *text);
/* NULL: none. Caller frees. */
char *memory_storage_read_nvram(Storage *storage, const char *machine_id);

/* --- images outside the store
 * ------------------------------------------------------------------------------- */

/* Makes, or replaces, a file at an absolute path. `backing`: path of the image below it; NULL:
 * none. */
void memory_storage_put_image(Storage *storage, const char *path, const char *format,
                              guint64 capacity_bytes, const char *backing);
/* Guest bytes of such an image. */
gboolean memory_storage_write_image(Storage *storage, const char *path, guint64 offset,
                                    const void *bytes, gsize length);
gssize memory_storage_read_image(Storage *storage, const char *path, guint64 offset, void *buffer,
                                 gsize length);
gboolean memory_storage_has_image(Storage *storage, const char *path);
/* A file of UEFI variables outside the store. */
void memory_storage_put_nvram(Storage *storage, const char *path, const char *text);
/* NULL: none. Caller frees. */
char *memory_storage_get_nvram(Storage *storage, const char *path);

/* --- accidents
 * ---------------------------------------------------------------------------------------------- */

/* What storage_status() says is free; staging refuses what does not fit. */
void memory_storage_set_free(Storage *storage, guint64 free_bytes);
/* Mounted or not: every call says UNAVAILABLE while it is not. */
void memory_storage_set_present(Storage *storage, gboolean present);
/* A head's file in `now`, or a layer's, is gone. */
void memory_storage_lose_head(Storage *storage, const char *machine_id, const char *target);
void memory_storage_lose_layer(Storage *storage, const char *layer_id);
/* A power loss: every name goes back to where it was when it was last durable. What guests have
 * written stays. */
void memory_storage_crash(Storage *storage);
