/* Sessions: begun by a login, found by their key, ended by time or by hand. */
#include "access/access_private.h"
#include "access/secret.h"

#define SESSIONS_MAX        64 /* of one account; the oldest ends */
#define ADDRESSES_MAX       16 /* that are remembered of one account */
#define TOUCH_AFTER_SECONDS 60

void login_free(Login *login)
{
    if (!login)
        return;
    g_free(login->key);
    identity_unref(login->identity);
    g_free(login);
}

/* --- beginning -------------------------------------------------------------------------------- */

Identity *access_identity_of(const Account *account, IdentityKind kind)
{
    Identity *identity = identity_new_none();
    identity->kind = kind;
    identity->role = account->role;
    identity->name = g_strdup(account->name);
    identity->account_id = g_strdup(account->id);
    identity->since = account->created_at;
    if (account->role != ACCOUNT_USER)
        return identity;
    identity->machines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < account->machines->len; i++)
        g_hash_table_add(identity->machines, g_strdup(account->machines->pdata[i]));
    return identity;
}

/* Those that are over, and the oldest of an account that has too many. */
static gboolean cut_sessions(Access *access, const char *account_id, gint64 now, GError **error)
{
    return sql_run(&access->database, error,
                   "DELETE FROM session WHERE created_at <= ? OR used_at <= ?", "nn",
                   now - ACCESS_SESSION_SECONDS, now - ACCESS_SESSION_IDLE_SECONDS) &&
           sql_run(&access->database, error,
                   "DELETE FROM session WHERE account_id = ? AND id NOT IN (SELECT id FROM session"
                   " WHERE account_id = ? ORDER BY used_at DESC, id LIMIT ?)",
                   "ttn", account_id, account_id, (gint64)(SESSIONS_MAX - 1));
}

static gboolean insert_session(SessionWork *work, gint64 now, GError **error)
{
    const Identity *identity = work->identity;
    return cut_sessions(work->access, identity->account_id, now, error) &&
           sql_run(&work->access->database, error,
                   "INSERT INTO session (id, account_id, csrf, created_at, used_at)"
                   " VALUES (?, ?, ?, ?, ?)",
                   "tttnn", identity->session_id, identity->account_id, identity->csrf, now, now) &&
           sql_run(&work->access->database, error,
                   "UPDATE account SET last_login_at = ? WHERE id = ?", "nt", now,
                   identity->account_id);
}

/* From here he may log in whatever strangers do with his name. */
static gboolean remember_address(SessionWork *work, gint64 now, GError **error)
{
    const char *account_id = work->identity->account_id;
    return sql_run(&work->access->database, error,
                   "INSERT INTO known_address (account_id, address, used_at) VALUES (?, ?, ?)"
                   " ON CONFLICT (account_id, address) DO UPDATE SET used_at = excluded.used_at",
                   "ttn", account_id, work->address, now) &&
           sql_run(&work->access->database, error,
                   "DELETE FROM known_address WHERE account_id = ? AND address NOT IN (SELECT"
                   " address FROM known_address WHERE account_id = ?"
                   " ORDER BY used_at DESC, address LIMIT ?)",
                   "ttn", account_id, account_id, (gint64)ADDRESSES_MAX);
}

static gboolean put_password(SessionWork *work, GError **error)
{
    Database *database = &work->access->database;
    if (work->is_new)
        return access_insert_account(work->access, work->account, work->new_password, error);
    return sql_run(database, error, "UPDATE account SET password = ? WHERE id = ?", "tt",
                   work->new_password, work->account->id) &&
           sql_run(database, error, "DELETE FROM session WHERE account_id = ?", "t",
                   work->account->id);
}

static gboolean use_up_token(SessionWork *work, GError **error)
{
    return sql_run(&work->access->database, error, "DELETE FROM setup_token WHERE hash = ?", "t",
                   work->setup_hash);
}

static gboolean begin_session(gpointer data, GError **error)
{
    SessionWork *work = data;
    gint64 now = clock_now(work->access->clock);
    return (!work->new_password || put_password(work, error)) &&
           (!work->setup_hash || use_up_token(work, error)) && insert_session(work, now, error) &&
           remember_address(work, now, error);
}

Login *access_begin_session(SessionWork *work, GError **error)
{
    g_autoptr(Login) login = g_new0(Login, 1);
    login->key = secret_new();
    login->identity = access_identity_of(work->account, IDENTITY_SESSION);
    login->identity->session_id = secret_hash(login->key);
    login->identity->csrf = secret_new();
    login->identity->expires_at = clock_now(work->access->clock) + ACCESS_SESSION_IDLE_SECONDS;
    work->identity = login->identity;
    if (!database_transaction(&work->access->database, begin_session, work, error))
        return NULL;
    return g_steal_pointer(&login);
}

/* --- finding ---------------------------------------------------------------------------------- */

typedef struct {
    char *account_id, *csrf;
    gint64 created_at, used_at;
} Session;

static void session_clear(Session *session)
{
    g_free(session->account_id);
    g_free(session->csrf);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Session, session_clear)

/* Leaves account_id NULL where there is none. */
static gboolean find_session(Access *access, const char *id, Session *session, GError **error)
{
    gboolean found = FALSE;
    g_autoptr(SqlStatement) row = sql_prepare(
        &access->database, error,
        "SELECT account_id, csrf, created_at, used_at FROM session WHERE id = ?", "t", id);
    if (!row || !database_step(&access->database, row, &found, error))
        return FALSE;
    if (!found)
        return TRUE;
    session->account_id = sql_text(row, 0);
    session->csrf = sql_text(row, 1);
    session->created_at = sqlite3_column_int64(row, 2);
    session->used_at = sqlite3_column_int64(row, 3);
    return TRUE;
}

static gint64 end_of(const Session *session)
{
    return MIN(session->created_at + ACCESS_SESSION_SECONDS,
               session->used_at + ACCESS_SESSION_IDLE_SECONDS);
}

/* Once a minute is often enough to know how long somebody has been idle. */
static gboolean touch(Access *access, const char *id, Session *session, gint64 now, GError **error)
{
    if (now < session->used_at + TOUCH_AFTER_SECONDS)
        return TRUE;
    session->used_at = now;
    return sql_run(&access->database, error, "UPDATE session SET used_at = ? WHERE id = ?", "nt",
                   now, id);
}

static Identity *find_identity(Access *access, const char *id, gint64 now, GError **error)
{
    ACCESS_ENTER(access, error, NULL);
    g_auto(Session) session = {0};
    g_autoptr(Account) account = NULL;
    if (!find_session(access, id, &session, error))
        return NULL;
    if (!session.account_id || now >= end_of(&session))
        return identity_new_none();
    if (!access_find_account(access, BY_ID, session.account_id, &account, NULL, error))
        return NULL;
    if (!account || account->disabled)
        return identity_new_none();
    if (!touch(access, id, &session, now, error))
        return NULL;
    Identity *identity = access_identity_of(account, IDENTITY_SESSION);
    identity->session_id = g_strdup(id);
    identity->csrf = g_strdup(session.csrf);
    identity->expires_at = end_of(&session);
    identity_cache_put(access->identities, id, identity,
                       MIN(identity->expires_at, session.used_at + TOUCH_AFTER_SECONDS));
    return identity;
}

Identity *access_session(Access *access, const char *key, GError **error)
{
    g_autofree char *id = secret_hash(key);
    gint64 now = clock_now(access->clock);
    Identity *known = identity_cache_find(access->identities, id, now);
    return known ? known : find_identity(access, id, now, error);
}

gboolean access_log_out(Access *access, const char *session_id, GError **error)
{
    ACCESS_ENTER(access, error, FALSE);
    return sql_run(&access->database, error, "DELETE FROM session WHERE id = ?", "t", session_id);
}
