/* Directory trees of the sweep: exact copies, and what became of the files of data volumes. */
#pragma once

#include <glib.h>

/* `to` becomes an exact copy of `from`: modes, times, links, holes, attributes, and the immutable
 * flag. */
gboolean directory_copy(const char *from, const char *to, GError **error);

/*
 * The files of data volumes below a directory: relative path -> inode, size and modification time.
 * What is staged, and layers, are not among them: they belong to nobody, or to all. New table.
 */
GHashTable *directory_data_files(const char *directory);
/*
 * Holds the directory against an earlier look: each data file is still there as it was, under its
 * name, or with `may_move` under any. NULL: so it is; else a sentence. Caller frees.
 */
char *directory_compare_data(const char *directory, GHashTable *before, gboolean may_move);
