/* Statements with their values in one call. Private to access. */
#pragma once

#include "database/database.h"

/* A statement that is kept prepared: taking it anew costs more than running it. */
typedef sqlite3_stmt SqlStatement;
/* Ends its use. NULL is fine. */
void sql_finish(SqlStatement *statement);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SqlStatement, sql_finish)

/*
 * The statement of `sql`, with one value bound for each letter of `types`: 't' text (const char *,
 * NULL is NULL), 'n' number (gint64). Texts are borrowed until it is finished, and so long nobody
 * else takes a statement of the same text. NULL on failure.
 */
SqlStatement *sql_prepare(Database *database, GError **error, const char *sql, const char *types,
                          ...);
/* The same, and runs it; for statements that return nothing. */
gboolean sql_run(Database *database, GError **error, const char *sql, const char *types, ...);
/* A copy of a column's text; NULL for NULL. Caller frees. */
char *sql_text(SqlStatement *statement, int column);
