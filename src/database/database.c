/*
 * One SQLite connection with our errors.
 *
 * Exactly one connection exists per file, in one process, and it writes, reads and checkpoints:
 * SQLite before 3.51.3 can corrupt a WAL file when one connection commits while another
 * checkpoints. locking_mode=EXCLUSIVE makes that a fact instead of a promise. synchronous=FULL,
 * because NORMAL may lose the last commits at a power loss, and a commit is where an operation has
 * happened.
 */
#include "database/database.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "foundation/durable_file.h"
#include "foundation/error.h"
#include "foundation/fault_point.h"

#define MEMORY_PATH ":memory:"
#define CIFS_MAGIC  0xFF534D42
#define SMB2_MAGIC  0xFE534D42

/* --- errors ----------------------------------------------------------------------------------- */

typedef struct {
    int code; /* SQLite's primary result */
    UnderpinErrorCode ours;
    const char *what;
    const char *hint; /* NULL: the kind's remedy for damage */
} Meaning;

static const Meaning meanings[] = {
    {SQLITE_FULL, UNDERPIN_ERROR_NO_SPACE, "has no room to grow", "free space on its file system"},
    {SQLITE_CORRUPT, UNDERPIN_ERROR_BACKEND, "is damaged", NULL},
    {SQLITE_NOTADB, UNDERPIN_ERROR_BACKEND, "is no database, or is damaged", NULL},
    {SQLITE_BUSY, UNDERPIN_ERROR_BUSY, "is in use by another process",
     "only one underpind may have it open: stop the other one"},
    {SQLITE_LOCKED, UNDERPIN_ERROR_BUSY, "is locked", "try again"},
    {SQLITE_READONLY, UNDERPIN_ERROR_DENIED, "cannot be written",
     "see its owner and mode, and whether its file system is mounted read-only"},
    {SQLITE_PERM, UNDERPIN_ERROR_DENIED, "cannot be accessed", "see its owner and mode"},
    {SQLITE_CANTOPEN, UNDERPIN_ERROR_BACKEND, "cannot be opened",
     "see that its directory exists and can be written"},
    {SQLITE_IOERR, UNDERPIN_ERROR_BACKEND, "cannot be read or written",
     "see the kernel's log for errors of its disk"},
    {SQLITE_NOMEM, UNDERPIN_ERROR_BACKEND, "needs more memory than there is", "free memory"},
    {SQLITE_CONSTRAINT, UNDERPIN_ERROR_BUG, "refused records that contradict each other",
     "this is a defect of underpind: report it with the log of this moment"},
};

static const Meaning other_meaning = {0, UNDERPIN_ERROR_BUG, "refused what was asked of it",
                                      "this is a defect of underpind: report it with its log"};

static const Meaning *meaning_of(int code)
{
    for (guint i = 0; i < G_N_ELEMENTS(meanings); i++)
        if (meanings[i].code == (code & 0xff))
            return &meanings[i];
    return &other_meaning;
}

gboolean database_fail(Database *database, int code, GError **error)
{
    const Meaning *meaning = meaning_of(code);
    int problem = database->handle == NULL ? 0 : sqlite3_system_errno(database->handle);
    const char *hint = meaning->hint ? meaning->hint : database->kind->damaged_remedy;
    gboolean from_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    g_debug("SQLite: %d, %s", code,
            database->handle == NULL ? "no handle" : sqlite3_errmsg(database->handle));
    if (from_system && (problem == ENOSPC || problem == EDQUOT))
        return database_fail(database, SQLITE_FULL, error);
    if (from_system && problem != 0)
        return error_set(error, meaning->ours, hint, "%s '%s' %s: %s", database->kind->noun,
                         database->path, meaning->what, g_strerror(problem));
    return error_set(error, meaning->ours, hint, "%s '%s' %s", database->kind->noun, database->path,
                     meaning->what);
}

/* --- statements ------------------------------------------------------------------------------- */

gboolean database_execute(Database *database, const char *sql, GError **error)
{
    int code = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || database_fail(database, code, error);
}

sqlite3_stmt *database_prepare(Database *database, const char *sql, GError **error)
{
    sqlite3_stmt *statement = NULL;
    int code =
        sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    if (code != SQLITE_OK)
        database_fail(database, code, error);
    return statement;
}

static void finalize(gpointer statement)
{
    sqlite3_finalize(statement);
}

sqlite3_stmt *database_prepare_kept(Database *database, const char *sql, GError **error)
{
    if (database->kept == NULL)
        database->kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, finalize);
    sqlite3_stmt *statement = g_hash_table_lookup(database->kept, sql);
    if (statement == NULL) {
        statement = database_prepare(database, sql, error);
        if (statement != NULL)
            g_hash_table_insert(database->kept, g_strdup(sql), statement);
    }
    g_assert(statement == NULL || !sqlite3_stmt_busy(statement));
    return statement;
}

gboolean database_step(Database *database, sqlite3_stmt *statement, gboolean *row_out,
                       GError **error)
{
    int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return database_fail(database, code, error);
    *row_out = code == SQLITE_ROW;
    return TRUE;
}

gboolean database_run(Database *database, sqlite3_stmt *statement, GError **error)
{
    int code = sqlite3_step(statement);
    gboolean done = code == SQLITE_DONE || database_fail(database, code, error);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return done;
}

static sqlite3_stmt *first_row(Database *database, const char *sql, GError **error)
{
    gboolean row = FALSE;
    g_autoptr(sqlite3_stmt) statement = database_prepare(database, sql, error);
    if (statement == NULL || !database_step(database, statement, &row, error))
        return NULL;
    if (!row) {
        error_set(error, UNDERPIN_ERROR_BACKEND, database->kind->damaged_remedy,
                  "%s '%s' lacks a record", database->kind->noun, database->path);
        return NULL;
    }
    return g_steal_pointer(&statement);
}

gboolean database_number(Database *database, const char *sql, gint64 *number_out, GError **error)
{
    g_autoptr(sqlite3_stmt) statement = first_row(database, sql, error);
    if (statement == NULL)
        return FALSE;
    *number_out = sqlite3_column_int64(statement, 0);
    return TRUE;
}

char *database_text(Database *database, const char *sql, GError **error)
{
    g_autoptr(sqlite3_stmt) statement = first_row(database, sql, error);
    if (statement == NULL)
        return NULL;
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    return g_strdup(text == NULL ? "" : text);
}

/* --- transactions ----------------------------------------------------------------------------- */

static void roll_back(Database *database)
{
    if (!sqlite3_get_autocommit(database->handle))
        sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
}

static gboolean refuse_unknown(Database *database, GError **error)
{
    return error_set(
        error, UNDERPIN_ERROR_BACKEND,
        "see the kernel's log for errors of its disk, then restart underpind: it finds out "
        "and goes on from there",
        "%s '%s' could not be written to disk, and whether the last change has happened is not "
        "known",
        database->kind->noun, database->path);
}

/*
 * A commit whose sync failed has left its frames in the write-ahead log, where the next opener
 * would find them valid: what was reported as failed would have happened. Emptying the log takes
 * them back. Where that fails too, nobody can know, and nothing more is written.
 */
static gboolean fail_commit(Database *database, int code, GError **error)
{
    g_autoptr(GError) problem = NULL;
    database_fail(database, code, &problem);
    roll_back(database);
    int emptied =
        sqlite3_wal_checkpoint_v2(database->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    database->outcome_unknown = emptied != SQLITE_OK && (code & 0xff) == SQLITE_IOERR;
    if (database->outcome_unknown)
        return refuse_unknown(database, error);
    g_propagate_error(error, g_steal_pointer(&problem));
    return FALSE;
}

static gboolean visit(const Database *database, FaultPoint point, GError **error)
{
    return !database->kind->visits_fault_points || fault_point(point, error);
}

gboolean database_transaction(Database *database, DatabaseWork body, gpointer data, GError **error)
{
    if (database->outcome_unknown)
        return refuse_unknown(database, error);
    if (!visit(database, FAULT_CATALOG_BEGIN, error) ||
        !database_execute(database, "BEGIN IMMEDIATE", error))
        return FALSE;
    if (!body(data, error) || !visit(database, FAULT_CATALOG_COMMIT, error)) {
        roll_back(database);
        return FALSE;
    }
    int code = sqlite3_exec(database->handle, "COMMIT", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return fail_commit(database, code, error);
    /* What is committed has happened: this point can kill, but it cannot fail. */
    visit(database, FAULT_CATALOG_COMMITTED, NULL);
    return TRUE;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* SQLite's locks and shared memory are not to be trusted there. */
static gboolean refuse_network(const Database *database, const char *directory, GError **error)
{
    struct statfs facts;
    if (statfs(directory, &facts) != 0)
        return error_set_errno(error, errno, "the directory of %s '%s'", database->kind->noun,
                               database->path);
    const guint64 type = (guint32)facts.f_type;
    if (type != NFS_SUPER_MAGIC && type != CIFS_MAGIC && type != SMB2_MAGIC)
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_UNSUPPORTED,
                     "keep it on a local disk; the store may lie on the network",
                     "%s '%s' would lie on a network file system", database->kind->noun,
                     database->path);
}

/*
 * The file exists with mode 0600 before SQLite sees it: the log inherits the mode. An existing one
 * is not opened here, because closing it would drop the locks of a connection of this very process.
 */
static gboolean make_file(const Database *database, GError **error)
{
    const char *path = database->path, *noun = database->kind->noun;
    g_autofree char *directory = g_path_get_dirname(path);
    if (!refuse_network(database, directory, error))
        return FALSE;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) {
        if (chmod(path, 0600) == 0)
            return TRUE;
        return error_set_errno(error, errno, "setting the mode of %s '%s'", noun, path);
    }
    if (fd < 0)
        return error_set_errno(error, errno, "making %s '%s'", noun, path);
    close(fd);
    return durable_directory_sync(AT_FDCWD, directory, error);
}

/*
 * The exclusive lock is taken by the first access, which here is the switch to the write-ahead log.
 * Copying the log back into the file happens inside some commit: rarely enough that the commit of a
 * thousand machines seldom pays for it (16 MiB of log), and with a cache that holds what such a
 * commit changes (measured: docs/PERFORMANCE.md).
 */
static gboolean configure(Database *database, GError **error)
{
    static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE;"
                                   "PRAGMA synchronous = FULL;"
                                   "PRAGMA foreign_keys = ON;"
                                   "PRAGMA wal_autocheckpoint = 4096;"
                                   "PRAGMA cache_size = -8192;"
                                   "PRAGMA trusted_schema = OFF;"
                                   "PRAGMA cell_size_check = ON;";
    sqlite3_extended_result_codes(database->handle, 1);
    sqlite3_db_config(database->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (!database_execute(database, settings, error))
        return FALSE;
    g_autofree char *mode = database_text(database, "PRAGMA journal_mode = WAL", error);
    if (mode == NULL)
        return FALSE;
    if (!g_str_equal(mode, "wal") && !g_str_equal(database->path, MEMORY_PATH))
        return error_set(error, UNDERPIN_ERROR_UNSUPPORTED, "keep it on a local disk",
                         "%s '%s' cannot have a write-ahead log", database->kind->noun,
                         database->path);
    return database_execute(database, "BEGIN IMMEDIATE; COMMIT", error);
}

gboolean database_open(Database *database, const DatabaseKind *kind, const char *path,
                       GError **error)
{
    database->kind = kind;
    database->path = g_strdup(path);
    if (!g_str_equal(path, MEMORY_PATH) && !make_file(database, error))
        return FALSE;
    int code =
        sqlite3_open_v2(path, &database->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return database_fail(database, code, error);
    return configure(database, error);
}

void database_close(Database *database)
{
    g_clear_pointer(&database->kept, g_hash_table_unref);
    sqlite3_close(database->handle);
    database->handle = NULL;
    g_clear_pointer(&database->path, g_free);
}
