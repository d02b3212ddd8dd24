/* Binding by a string of types. */
#include "access/sql.h"

static void bind(sqlite3_stmt *statement, const char *types, va_list values)
{
    for (int i = 0; types[i]; i++) {
        if (types[i] == 't')
            sqlite3_bind_text(statement, i + 1, va_arg(values, const char *), -1, SQLITE_STATIC);
        else
            sqlite3_bind_int64(statement, i + 1, va_arg(values, gint64));
    }
}

sqlite3_stmt *sql_prepare(Database *database, GError **error, const char *sql, const char *types,
                          ...)
{
    sqlite3_stmt *statement = database_prepare(database, sql, error);
    va_list values;
    va_start(values, types);
    if (statement)
        bind(statement, types, values);
    va_end(values);
    return statement;
}

gboolean sql_run(Database *database, GError **error, const char *sql, const char *types, ...)
{
    g_autoptr(sqlite3_stmt) statement = database_prepare(database, sql, error);
    va_list values;
    va_start(values, types);
    if (statement)
        bind(statement, types, values);
    va_end(values);
    return statement && database_run(database, statement, error);
}

char *sql_text(sqlite3_stmt *statement, int column)
{
    return g_strdup((const char *)sqlite3_column_text(statement, column));
}
