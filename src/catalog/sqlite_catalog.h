/* The catalog in an SQLite file: the adapter's only public face. */
#pragma once

#include "ports/catalog.h"

/*
 * Opens the catalog at `path`, making it (mode 0600) where there is none, and migrates an older
 * one. ":memory:" is a catalog that lives as long as the object. The file is held exclusively until
 * catalog_free().
 *
 * BUSY where another process (or object) has it open; INVALID where the file is no catalog;
 * UNSUPPORTED where a newer version has written it, or where it lies on a network file system;
 * BACKEND where it is damaged.
 */
Catalog *catalog_sqlite_new(const char *path, GError **error);
/* Whether no store has been named to it yet. Needs no load: it costs nothing however much is in the
 * catalog. */
gboolean catalog_sqlite_is_new(Catalog *catalog, gboolean *is_new_out, GError **error);
