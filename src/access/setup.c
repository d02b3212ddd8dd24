/* One-time set-up tokens: the first administrator, invitations, resets. */
#include "access/access_private.h"
#include "access/secret.h"
#include "foundation/error.h"

static gboolean refuse_token(GError **error)
{
    return error_set(error, UNDERPIN_ERROR_DENIED,
                     "ask an administrator for a new one: 'underpin account reset NAME', or "
                     "'underpin account setup-link' where there is no account yet",
                     "the set-up link is used up, too old, or wrong");
}

/* --- making the first one --------------------------------------------------------------------- */

typedef struct {
    Access *access;
    char *token;
} TokenWork;

static gboolean refuse_where_accounts_are(Access *access, GError **error)
{
    gint64 count = 0;
    if (!database_number(&access->database, "SELECT COUNT(*) FROM account", &count, error))
        return FALSE;
    return count == 0 || error_set(error, UNDERPIN_ERROR_REFUSED,
                                   "'underpin account reset NAME' makes a link for one of them",
                                   "there are accounts already");
}

static gboolean replace_token(gpointer data, GError **error)
{
    TokenWork *work = data;
    work->token = access_insert_setup_token(work->access, NULL, error);
    return work->token != NULL;
}

char *access_new_setup_token(Access *access, GError **error)
{
    ACCESS_ENTER(access, error, NULL);
    TokenWork work = {.access = access};
    if (refuse_where_accounts_are(access, error) &&
        database_transaction(&access->database, replace_token, &work, error))
        return work.token;
    g_free(work.token);
    return NULL;
}

/* --- taking it up ----------------------------------------------------------------------------- */

/* The row of a token that is in force; DENIED where it is none. */
static gboolean find_token(Access *access, const char *hash, char **account_id_out, GError **error)
{
    gboolean found = FALSE;
    g_autoptr(SqlStatement) row =
        sql_prepare(&access->database, error,
                    "SELECT account_id FROM setup_token WHERE hash = ? AND expires_at > ?", "tn",
                    hash, clock_now(access->clock));
    if (!row || !database_step(&access->database, row, &found, error))
        return FALSE;
    if (!found)
        return refuse_token(error);
    *account_id_out = sql_text(row, 0);
    return TRUE;
}

static Account *first_administrator(Access *access, const char *name, GError **error)
{
    if (!name) {
        error_set(error, UNDERPIN_ERROR_INVALID, "state one", "the first account needs a name");
        return NULL;
    }
    if (!refuse_where_accounts_are(access, error) || !account_name_check(name, error))
        return NULL;
    return access_new_account(access, name, ACCOUNT_ADMINISTRATOR);
}

static Account *invited_account(Access *access, const char *id, const char *name, GError **error)
{
    g_autoptr(Account) account = NULL;
    if (!access_find_account(access, BY_ID, id, &account, NULL, error))
        return NULL;
    gboolean may = !account            ? refuse_token(error)
                   : account->disabled ? access_refuse_disabled(account, error)
                   : name && !g_str_equal(name, account->name)
                       ? error_set(error, UNDERPIN_ERROR_INVALID, "leave the name out",
                                   "the set-up link is for another account than '%s'", name)
                       : TRUE;
    return may ? g_steal_pointer(&account) : NULL;
}

/* Under the lock: whose password the token sets. */
static Account *account_of_token(Access *access, const char *hash, const char *name,
                                 gboolean *is_new_out, GError **error)
{
    g_autofree char *id = NULL;
    if (!find_token(access, hash, &id, error))
        return NULL;
    *is_new_out = id == NULL;
    return id ? invited_account(access, id, name, error) : first_administrator(access, name, error);
}

/* Before the slow work, so that a wrong token costs no hash. */
static gboolean check_token(Access *access, const char *hash, const char *name, GError **error)
{
    ACCESS_ENTER(access, error, FALSE);
    gboolean is_new = FALSE;
    g_autoptr(Account) account = account_of_token(access, hash, name, &is_new, error);
    return account != NULL;
}

static Login *take_up(Access *access, const char *hash, const char *name, const char *password,
                      const char *address, GError **error)
{
    ACCESS_ENTER(access, error, NULL);
    gboolean is_new = FALSE;
    g_autoptr(Account) account = account_of_token(access, hash, name, &is_new, error);
    SessionWork work = {.access = access,
                        .account = account,
                        .address = address,
                        .new_password = password,
                        .setup_hash = hash,
                        .is_new = is_new};
    return account ? access_begin_session(&work, error) : NULL;
}

Login *access_set_up(Access *access, const char *token, const char *name, const char *password,
                     const char *address, guint *retry_out, GError **error)
{
    g_autofree char *hash = secret_hash(token);
    g_auto(Attempt) attempt = {0};
    if (!access_is_usable(access, error) || !password_check(password, error) ||
        !attempt_begin(&attempt, access, address, NULL, retry_out, error) ||
        !check_token(access, hash, name, error))
        return NULL;
    attempt_succeeded(&attempt);
    *retry_out = 1;
    g_autofree char *password_now = password_hash(access->gate, password, error);
    return password_now ? take_up(access, hash, name, password_now, attempt.address, error) : NULL;
}
