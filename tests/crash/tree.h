/* Directory trees of the sweep: exact copies, and what became of the files of data volumes. */
#pragma once

#include <glib.h>

/* `to` becomes an exact copy of `from`: modes, times, links, holes, attributes, and the immutable flag. */
gboolean tree_copy(const char *from, const char *to, GError **error);

/* The files of data volumes below a directory: relative path -> what it is. */
typedef struct {
    guint64 inode, size_bytes;
    gint64 mtime_ns;
} DataFile;
GHashTable *tree_data_files(const char *directory);
