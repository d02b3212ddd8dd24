/* Statements with their values in one call. Private to access. */
#pragma once

#include "database/database.h"

/*
 * Prepares `sql` and binds one value for each letter of `types`: 't' text (const char *, NULL is
 * NULL), 'n' number (gint64). Texts are borrowed until the statement is finalized. NULL on failure.
 */
sqlite3_stmt *sql_prepare(Database *database, GError **error, const char *sql, const char *types,
                          ...);
/* The same, and runs it; for statements that return nothing. */
gboolean sql_run(Database *database, GError **error, const char *sql, const char *types, ...);
/* A copy of a column's text; NULL for NULL. Caller frees. */
char *sql_text(sqlite3_stmt *statement, int column);
