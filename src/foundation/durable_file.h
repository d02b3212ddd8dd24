/* Files replaced so that after a power loss they are entirely old or entirely new. */
#pragma once

#include <glib.h>

/*
 * Replaces `name` in the directory open as `directory_fd` by `length` bytes: temporary name, write,
 * fsync, rename, fsync of the directory. Durable on return. The temporary name is always the same,
 * so that what a killed process has left goes with the next attempt: no two threads may replace one
 * name at once. On failure the old file is untouched and the temporary one removed; only when the
 * last step fails, the directory's sync, the new file is in place, but a power loss may still bring
 * the old one back. A failed fsync is never retried.
 */
gboolean durable_file_replace(int directory_fd, const char *name, const void *bytes, gsize length,
                              guint32 mode, GError **error);

/* The temporary name of `name`, for those who clear a directory. Caller frees. */
char *durable_file_temporary(const char *name);

/* fsync of a file or directory by descriptor; `what` names it in the error. */
gboolean durable_file_sync(int fd, const char *what, GError **error);
/* fdatasync: for bytes of a file that were overwritten in place. */
gboolean durable_data_sync(int fd, const char *what, GError **error);
/* Opens the directory `path` below `directory_fd`, syncs and closes it. */
gboolean durable_directory_sync(int directory_fd, const char *path, GError **error);

/* Reads a whole file of at most `limit` bytes, not following a link; NUL-terminated copy, caller
 * frees. NOT_FOUND where there is none, INVALID where it is larger or no regular file. `length_out`
 * may be NULL. */
char *file_read_bounded(int directory_fd, const char *name, gsize limit, gsize *length_out,
                        GError **error);
