/* The storage port on a local file system: one directory holds the store. */
#pragma once

#include "ports/storage.h"

typedef struct {
    const char *root;                      /* absolute; a link in it is resolved once, at open */
    const char *const *import_directories; /* NULL: libvirt's for images and for UEFI variables */
    const char *hook_socket;               /* for the hook program, by store.ini; NULL: left out */
    const char *claims_directory;          /* likewise */
    /* Protect layers by a read-only mount where the file system has no immutable flag. The mount
     * stays when the store is closed. */
    gboolean mount_layers;
    gboolean create; /* make a new store where the directory is missing or empty */
} DirectoryStorageConfig;

/*
 * Opens the store and takes its one-daemon lock, held until storage_free(). Everything that was
 * written before is durable when it returns. Everything in `config` is copied.
 *
 * UNAVAILABLE where no store lies there although one should: `create` is FALSE, or a store has been
 * made at this very path before (a record beside the directory says so: it is not mounted). REFUSED
 * for a directory that holds something else, or that others may write to. BUSY while another daemon
 * has it open.
 */
Storage *directory_storage_open(const DirectoryStorageConfig *config, GError **error);

/* The canonical path of the store. Borrowed. */
const char *directory_storage_root(Storage *storage);
