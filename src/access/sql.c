/* Binding by a string of types. */
#include "access/sql.h"

void sql_finish(SqlStatement *statement)
{
    if (!statement)
        return;
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

static void bind(SqlStatement *statement, const char *types, va_list values)
{
    for (int i = 0; types[i]; i++) {
        if (types[i] == 't')
            sqlite3_bind_text(statement, i + 1, va_arg(values, const char *), -1, SQLITE_STATIC);
        else
            sqlite3_bind_int64(statement, i + 1, va_arg(values, gint64));
    }
}

SqlStatement *sql_prepare(Database *database, GError **error, const char *sql, const char *types,
                          ...)
{
    SqlStatement *statement = database_prepare_kept(database, sql, error);
    va_list values;
    va_start(values, types);
    if (statement)
        bind(statement, types, values);
    va_end(values);
    return statement;
}

gboolean sql_run(Database *database, GError **error, const char *sql, const char *types, ...)
{
    g_autoptr(SqlStatement) statement = database_prepare_kept(database, sql, error);
    va_list values;
    va_start(values, types);
    if (statement)
        bind(statement, types, values);
    va_end(values);
    return statement && database_run(database, statement, error);
}

char *sql_text(SqlStatement *statement, int column)
{
    return g_strdup((const char *)sqlite3_column_text(statement, column));
}
