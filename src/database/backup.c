/*
 * A consistent copy of a database into a new file.
 *
 *     copy to PATH.partial ── check ── fsync ── rename without replacing ── fsync of the directory
 *
 * Whatever is killed, PATH is absent or whole. A partial copy that a crash left is overwritten by
 * the next try.
 */
#include "database/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "foundation/durable_file.h"
#include "foundation/error.h"
#include "foundation/fault_point.h"

/* The copy is checked, and left as one plain file that needs no log beside it. */
static gboolean finish_copy(Database *copy, GError **error)
{
    g_autofree char *verdict = database_text(copy, "PRAGMA quick_check(1)", error);
    if (verdict == NULL)
        return FALSE;
    if (!g_str_equal(verdict, "ok"))
        return error_set(error, UNDERPIN_ERROR_BACKEND, "see 'underpin doctor'",
                         "the copy of %s is damaged", copy->kind->noun);
    g_autofree char *mode = database_text(copy, "PRAGMA journal_mode = DELETE", error);
    return mode != NULL;
}

static gboolean copy_pages(Database *database, Database *copy, GError **error)
{
    sqlite3_backup *backup = sqlite3_backup_init(copy->handle, "main", database->handle, "main");
    if (backup == NULL)
        return database_fail(copy, sqlite3_errcode(copy->handle), error);
    int code = sqlite3_backup_step(backup, -1);
    sqlite3_backup_finish(backup);
    return code == SQLITE_DONE || database_fail(copy, code, error);
}

static gboolean write_copy(Database *database, const char *partial, GError **error)
{
    Database copy = {.kind = database->kind, .path = g_strdup(partial)};
    int code = sqlite3_open_v2(partial, &copy.handle, SQLITE_OPEN_READWRITE, NULL);
    gboolean written =
        (code == SQLITE_OK || database_fail(&copy, code, error)) &&
        database_execute(&copy, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = OFF",
                         error) &&
        copy_pages(database, &copy, error) && finish_copy(&copy, error);
    database_close(&copy);
    return written;
}

static gboolean make_partial(const char *partial, const char *directory, GError **error)
{
    if (unlink(partial) != 0 && errno != ENOENT)
        return error_set_errno(error, errno, "removing the old '%s'", partial);
    int fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == ENOENT)
        return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "make it, or choose another place",
                         "there is no directory '%s'", directory);
    if (fd < 0)
        return error_set_errno(error, errno, "making '%s'", partial);
    close(fd);
    return TRUE;
}

static gboolean sync_partial(const char *partial, GError **error)
{
    int fd = open(partial, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return error_set_errno(error, errno, "opening '%s'", partial);
    gboolean synced = durable_file_sync(fd, partial, error);
    close(fd);
    return synced;
}

static gboolean refuse_existing(const char *path, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_EXISTS, "choose another name, or move that file away",
                     "there is a file '%s' already", path);
}

gboolean database_backup_check(const char *path, GError **error)
{
    return access(path, F_OK) != 0 || refuse_existing(path, error);
}

/* Not every file system has a rename that refuses to replace; a link refuses everywhere else. */
static gboolean publish(const Database *database, const char *partial, const char *path,
                        GError **error)
{
    if (database->kind->visits_fault_points && !fault_point(FAULT_CATALOG_BACKUP, error))
        return FALSE;
    int result = renameat2(AT_FDCWD, partial, AT_FDCWD, path, RENAME_NOREPLACE);
    if (result != 0 && (errno == EINVAL || errno == ENOSYS)) {
        result = link(partial, path);
        if (result == 0)
            unlink(partial);
    }
    if (result != 0 && errno == EEXIST)
        return refuse_existing(path, error);
    return result == 0 || error_set_errno(error, errno, "naming the backup '%s'", path);
}

gboolean database_backup(Database *database, const char *path, GError **error)
{
    g_autofree char *partial = g_strconcat(path, ".partial", NULL);
    g_autofree char *directory = g_path_get_dirname(path);
    if (!make_partial(partial, directory, error))
        return FALSE;
    if (!write_copy(database, partial, error) || !sync_partial(partial, error) ||
        !publish(database, partial, path, error)) {
        unlink(partial);
        return FALSE;
    }
    if (durable_directory_sync(AT_FDCWD, directory, error))
        return TRUE;
    unlink(path);
    return FALSE;
}
