/* One SQLite connection with our errors: what every database file of the daemon is opened with. */
#pragma once

#include <glib.h>
#include <sqlite3.h>

/* What a database is for; static. */
typedef struct {
    const char *noun;             /* "the catalog": errors begin with it */
    const char *damaged_remedy;   /* the hint where the file is damaged */
    int application_id;           /* SQLite's mark of whose file it is */
    gboolean visits_fault_points; /* those of the catalog */
} DatabaseKind;

typedef struct {
    const DatabaseKind *kind;
    sqlite3 *handle;
    char *path;
    GHashTable *kept;         /* SQL -> statement that is kept prepared */
    gboolean outcome_unknown; /* a commit could be neither made durable nor taken back */
} Database;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3_stmt, sqlite3_finalize)

/* Opens or makes the file, for this object alone. Sets what the connection needs; no schema. */
gboolean database_open(Database *database, const DatabaseKind *kind, const char *path,
                       GError **error);
void database_close(Database *database);

/* Sets the error of SQLite's result `code`, with the remedy. Always FALSE. */
gboolean database_fail(Database *database, int code, GError **error);
/* Runs statements that return nothing. */
gboolean database_execute(Database *database, const char *sql, GError **error);
/* NULL on failure. */
sqlite3_stmt *database_prepare(Database *database, const char *sql, GError **error);
/* The same, kept prepared until the database is closed and lent to one user at a time, who resets
 * it. */
sqlite3_stmt *database_prepare_kept(Database *database, const char *sql, GError **error);
/* Next row: *row_out FALSE when there is none. */
gboolean database_step(Database *database, sqlite3_stmt *statement, gboolean *row_out,
                       GError **error);
/* Runs a bound statement that returns nothing, and makes it ready to be bound again. */
gboolean database_run(Database *database, sqlite3_stmt *statement, GError **error);
/* The single number or text (caller frees) that a query answers. */
gboolean database_number(Database *database, const char *sql, gint64 *number_out, GError **error);
char *database_text(Database *database, const char *sql, GError **error);

/*
 * One transaction around `body`: committed and durable, or as if it had never been. Visits the
 * fault points of the catalog where the kind says so.
 */
typedef gboolean (*DatabaseWork)(gpointer data, GError **error);
gboolean database_transaction(Database *database, DatabaseWork body, gpointer data, GError **error);
