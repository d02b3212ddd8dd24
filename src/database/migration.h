/* Numbered migrations of a database's tables. One that has been released is never changed. */
#pragma once

#include "database/database.h"

typedef struct {
    gint64 version;
    const char *sql;
} Migration;

/*
 * Brings the database to the last version of the table, which ascends without a gap from 1, in one
 * transaction. UNSUPPORTED where it is of a newer one, INVALID where the file belongs to another
 * program.
 */
gboolean database_migrate(Database *database, const Migration *migrations, guint count,
                          GError **error);
