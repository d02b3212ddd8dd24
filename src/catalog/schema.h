/* The tables of the catalog, as numbered migrations. Private to the catalog. */
#pragma once

#include "catalog/database.h"

typedef struct {
    gint64 version;
    const char *sql;
} Migration;

/* The migrations of this program, ascending without a gap from 1. */
extern const Migration schema_migrations[];
extern const guint schema_migration_count;

/*
 * Brings the catalog to the last version of the table, in one transaction. UNSUPPORTED where it is
 * of a newer one, INVALID where the file belongs to another program.
 */
gboolean schema_migrate(Database *database, const Migration *migrations, guint count,
                        GError **error);
