/* Opening the file of accounts, and answering for it where it cannot be used. */
#include "access/access_private.h"

#include <sodium.h>

#include "access/schema.h"
#include "database/backup.h"
#include "foundation/error.h"

/* An address may try more often than a name that many addresses try at. */
#define FREE_BY_ADDRESS  10
#define FREE_BY_NAME     10
#define KEYS_REMEMBERED  4096
#define IDENTITIES_KNOWN 4096

void access_config_init(AccessConfig *config)
{
    *config = (AccessConfig){
        .audit_retention_seconds = (gint64)365 * 24 * 3600,
        .password_memory_bytes = PASSWORD_MEMORY_BYTES,
    };
}

/* Changes after which an identity that was found before need not be true any more. What logs in
 * anew was not known, and when a session or token was used last is not part of an identity. */
static const struct {
    const char *table;
    gboolean is_deletion_only;
} watched[] = {
    {"account", FALSE},
    {"assignment", FALSE},
    {"session", TRUE},
    {"token", TRUE},
};

/* SQLite calls it for each row, inside the transaction: under the lock, so that nobody can learn
 * what was true before until it is committed. */
static void on_row_changed(void *data, int operation, const char *database, const char *table,
                           sqlite3_int64 row)
{
    Access *access = data;
    (void)database;
    (void)row;
    for (guint i = 0; i < G_N_ELEMENTS(watched); i++) {
        if (!g_str_equal(table, watched[i].table) ||
            (watched[i].is_deletion_only && operation != SQLITE_DELETE))
            continue;
        identity_cache_forget(access->identities);
        g_atomic_int_set(&access->has_accounts, FALSE);
    }
}

static gboolean open_file(Access *access, const char *path, GError **error)
{
    if (sodium_init() < 0)
        return error_set(error, UNDERPIN_ERROR_BACKEND, "see the log of underpind",
                         "the library for passwords does not start");
    if (!database_open(&access->database, &access_database_kind, path, error) ||
        !database_migrate(&access->database, access_migrations, access_migration_count, error))
        return FALSE;
    sqlite3_update_hook(access->database.handle, on_row_changed, access);
    return TRUE;
}

Access *access_open(const AccessConfig *config, Clock *clock)
{
    Access *access = g_new0(Access, 1);
    access->clock = clock;
    access->audit_retention_seconds = config->audit_retention_seconds;
    access->by_address = login_limit_new(FREE_BY_ADDRESS, KEYS_REMEMBERED);
    access->by_name = login_limit_new(FREE_BY_NAME, KEYS_REMEMBERED);
    access->identities = identity_cache_new(IDENTITIES_KNOWN);
    g_mutex_init(&access->lock);
    if (open_file(access, config->path, &access->problem))
        access->gate = password_gate_new(config->password_memory_bytes);
    else
        g_prefix_error(&access->problem, "accounts cannot be used: ");
    return access;
}

void access_free(Access *access)
{
    if (!access)
        return;
    database_close(&access->database);
    password_gate_free(access->gate);
    login_limit_free(access->by_address);
    login_limit_free(access->by_name);
    identity_cache_free(access->identities);
    g_clear_error(&access->problem);
    g_mutex_clear(&access->lock);
    g_free(access);
}

const GError *access_problem(const Access *access)
{
    return access->problem;
}

gboolean access_is_usable(const Access *access, GError **error)
{
    if (!access->problem)
        return TRUE;
    g_propagate_error(error, g_error_copy(access->problem));
    return FALSE;
}

gboolean access_backup(Access *access, const char *path, GError **error)
{
    ACCESS_ENTER(access, error, FALSE);
    return database_backup(&access->database, path, error);
}

gboolean access_backup_check(const char *path, GError **error)
{
    return database_backup_check(path, error);
}
