/*
 * Accounts and the machines assigned to them.
 *
 * Every change is one transaction that ends with the rule that an administrator is left who can log
 * in: whatever the change was, a set-up of accounts that nobody can administer by the web cannot
 * come to be.
 */
#include <string.h>

#include "access/access_private.h"
#include "access/secret.h"
#include "foundation/error.h"
#include "foundation/ids.h"

#define NAME_LENGTH_MAX 64
#define ACCOUNT_COLUMNS "id, name, role, disabled, password, created_at, last_login_at"

void account_free(Account *account)
{
    if (!account)
        return;
    g_free(account->id);
    g_free(account->name);
    g_ptr_array_unref(account->machines);
    g_free(account);
}

static void free_account(gpointer account)
{
    account_free(account);
}

gboolean account_name_check(const char *name, GError **error)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    gsize length = strlen(name);
    gboolean is_valid = length > 0 && length <= NAME_LENGTH_MAX && strchr(letters, name[0]);
    for (gsize i = 0; i < length; i++)
        is_valid = is_valid && (strchr(letters, name[i]) || strchr("._-@", name[i]));
    if (!is_valid)
        return error_set(error, UNDERPIN_ERROR_INVALID,
                         "small letters, digits and . _ - @ are possible, up to 64, beginning with "
                         "a letter or digit",
                         "'%s' cannot be the name of an account", name);
    if (g_str_equal(name, "root"))
        return error_set(error, UNDERPIN_ERROR_INVALID, "take another name",
                         "'root' is not the name of an account: records mean root itself by it");
    return TRUE;
}

/* --- reading ---------------------------------------------------------------------------------- */

static Account *read_row(SqlStatement *row)
{
    Account *account = g_new0(Account, 1);
    account->id = sql_text(row, 0);
    account->name = sql_text(row, 1);
    /* A role that this program does not know gives the least. */
    account_role_from_name((const char *)sqlite3_column_text(row, 2), &account->role);
    account->disabled = sqlite3_column_int(row, 3) != 0;
    account->invited = sqlite3_column_type(row, 4) == SQLITE_NULL;
    account->created_at = sqlite3_column_int64(row, 5);
    account->last_login_at = sqlite3_column_int64(row, 6);
    account->machines = g_ptr_array_new_with_free_func(g_free);
    return account;
}

static gboolean read_machines(Access *access, Account *account, GError **error)
{
    gboolean more = TRUE;
    g_autoptr(SqlStatement) statement =
        sql_prepare(&access->database, error,
                    "SELECT machine_id FROM assignment WHERE account_id = ? ORDER BY machine_id",
                    "t", account->id);
    while (statement && more) {
        if (!database_step(&access->database, statement, &more, error))
            return FALSE;
        if (more)
            g_ptr_array_add(account->machines, sql_text(statement, 0));
    }
    return statement != NULL;
}

gboolean access_find_account(Access *access, AccountKey by, const char *value,
                             Account **account_out, char **password_out, GError **error)
{
    static const char *const queries[] = {
        [BY_ID] = "SELECT " ACCOUNT_COLUMNS " FROM account WHERE id = ?",
        [BY_NAME] = "SELECT " ACCOUNT_COLUMNS " FROM account WHERE name = ?",
    };
    gboolean found = FALSE;
    g_autoptr(SqlStatement) row = sql_prepare(&access->database, error, queries[by], "t", value);
    if (!row || !database_step(&access->database, row, &found, error))
        return FALSE;
    g_autoptr(Account) account = found ? read_row(row) : NULL;
    if (account && !read_machines(access, account, error))
        return FALSE;
    if (password_out)
        *password_out = account ? sql_text(row, 4) : NULL;
    *account_out = g_steal_pointer(&account);
    return TRUE;
}

Account *access_need_account(Access *access, const char *name, GError **error)
{
    Account *account = NULL;
    if (access_find_account(access, BY_NAME, name, &account, NULL, error) && !account)
        error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin account list'", "no account '%s'",
                  name);
    return account;
}

gboolean access_needs_setup(Access *access, gboolean *needed_out, GError **error)
{
    gint64 count = 0;
    if (g_atomic_int_get(&access->has_accounts)) {
        *needed_out = FALSE;
        return TRUE;
    }
    ACCESS_ENTER(access, error, FALSE);
    if (!database_number(&access->database, "SELECT COUNT(*) FROM account", &count, error))
        return FALSE;
    g_atomic_int_set(&access->has_accounts, count > 0);
    *needed_out = count == 0;
    return TRUE;
}

GPtrArray *access_list_accounts(Access *access, GError **error)
{
    ACCESS_ENTER(access, error, NULL);
    gboolean more = TRUE;
    g_autoptr(GPtrArray) accounts = g_ptr_array_new_with_free_func(free_account);
    g_autoptr(SqlStatement) statement = sql_prepare(
        &access->database, error, "SELECT " ACCOUNT_COLUMNS " FROM account ORDER BY name", "");
    while (statement && more) {
        if (!database_step(&access->database, statement, &more, error))
            return NULL;
        if (!more)
            break;
        g_ptr_array_add(accounts, read_row(statement));
        if (!read_machines(access, accounts->pdata[accounts->len - 1], error))
            return NULL;
    }
    return statement ? g_steal_pointer(&accounts) : NULL;
}

Account *access_get_account(Access *access, const char *name, GError **error)
{
    ACCESS_ENTER(access, error, NULL);
    return access_need_account(access, name, error);
}

/* --- changing --------------------------------------------------------------------------------- */

/* What a transaction below works on. */
typedef struct {
    Access *access;
    Account *account;
    const char *password;      /* hash */
    const GPtrArray *machines; /* NULL: stay */
    gboolean ends_sessions;
    gboolean needs_token;
    char *token;
} Work;

/* The rule at the end of every change: an administrator is left who can log in. It holds from the
 * first one on. */
static gboolean check_administrator_is_left(Access *access, GError **error)
{
    gint64 count = 0;
    if (!database_number(&access->database,
                         "SELECT COUNT(*) FROM account WHERE role = 'administrator'"
                         " AND disabled = 0 AND password IS NOT NULL",
                         &count, error))
        return FALSE;
    return count > 0 ||
           error_set(error, UNDERPIN_ERROR_REFUSED, "make another account administrator first",
                     "no administrator who can log in would be left");
}

static gboolean has_administrator(Access *access)
{
    return check_administrator_is_left(access, NULL);
}

static gboolean assign(Access *access, const Account *account, const GPtrArray *machines,
                       GError **error)
{
    if (!sql_run(&access->database, error, "DELETE FROM assignment WHERE account_id = ?", "t",
                 account->id))
        return FALSE;
    for (guint i = 0; i < machines->len; i++) {
        if (!sql_run(&access->database, error,
                     "INSERT INTO assignment (account_id, machine_id) VALUES (?, ?)"
                     " ON CONFLICT (account_id, machine_id) DO NOTHING",
                     "tt", account->id, machines->pdata[i]))
            return FALSE;
    }
    return TRUE;
}

gboolean access_insert_account(Access *access, const Account *account, const char *password,
                               GError **error)
{
    return sql_run(&access->database, error,
                   "INSERT INTO account (" ACCOUNT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)",
                   "tttntnn", account->id, account->name, account_role_name(account->role),
                   (gint64)account->disabled, password, account->created_at,
                   account->last_login_at);
}

char *access_insert_setup_token(Access *access, const char *account_id, GError **error)
{
    g_autofree char *token = secret_new();
    g_autofree char *hash = secret_hash(token);
    gint64 expires_at = clock_now(access->clock) + ACCESS_SETUP_SECONDS;
    if (!sql_run(&access->database, error,
                 "DELETE FROM setup_token WHERE account_id = ?"
                 " OR (account_id IS NULL AND CAST(? AS TEXT) IS NULL)",
                 "tt", account_id, account_id) ||
        !sql_run(&access->database, error,
                 "INSERT INTO setup_token (hash, account_id, expires_at) VALUES (?, ?, ?)", "ttn",
                 hash, account_id, expires_at))
        return NULL;
    return g_steal_pointer(&token);
}

static gboolean add(gpointer data, GError **error)
{
    Work *work = data;
    if (!access_insert_account(work->access, work->account, work->password, error) ||
        (work->machines && !assign(work->access, work->account, work->machines, error)))
        return FALSE;
    if (work->needs_token)
        work->token = access_insert_setup_token(work->access, work->account->id, error);
    return !work->needs_token || work->token;
}

Account *access_new_account(Access *access, const char *name, AccountRole role)
{
    Account *account = g_new0(Account, 1);
    account->id = id_new();
    account->name = g_strdup(name);
    account->role = role;
    account->created_at = clock_now(access->clock);
    account->machines = g_ptr_array_new_with_free_func(g_free);
    return account;
}

static gboolean refuse_existing(Access *access, const char *name, GError **error)
{
    g_autoptr(Account) account = NULL;
    if (!access_find_account(access, BY_NAME, name, &account, NULL, error))
        return FALSE;
    return !account || error_set(error, UNDERPIN_ERROR_EXISTS, "take another name",
                                 "there is an account '%s' already", name);
}

Account *access_add_account(Access *access, const char *name, AccountRole role,
                            const char *password, const GPtrArray *machines, char **setup_token_out,
                            GError **error)
{
    if (!account_name_check(name, error) || !access_is_usable(access, error))
        return NULL;
    g_autofree char *hash = password ? password_hash(access->gate, password, error) : NULL;
    if (password && !hash)
        return NULL;
    ACCESS_ENTER(access, error, NULL);
    g_autoptr(Account) account = access_new_account(access, name, role);
    Work work = {.access = access,
                 .account = account,
                 .password = hash,
                 .machines = machines,
                 .needs_token = !password};
    if (!refuse_existing(access, name, error) ||
        !database_transaction(&access->database, add, &work, error)) {
        g_free(work.token);
        return NULL;
    }
    *setup_token_out = work.token;
    return access_need_account(access, name, error);
}

static gboolean end_sessions(Access *access, const Account *account, GError **error)
{
    return sql_run(&access->database, error, "DELETE FROM session WHERE account_id = ?", "t",
                   account->id);
}

static gboolean change(gpointer data, GError **error)
{
    Work *work = data;
    Access *access = work->access;
    gboolean had_administrator = has_administrator(access);
    return sql_run(&access->database, error,
                   "UPDATE account SET role = ?, disabled = ? WHERE id = ?", "tnt",
                   account_role_name(work->account->role), (gint64)work->account->disabled,
                   work->account->id) &&
           (!work->machines || assign(access, work->account, work->machines, error)) &&
           (!work->ends_sessions || end_sessions(access, work->account, error)) &&
           (!had_administrator || check_administrator_is_left(access, error));
}

Account *access_change_account(Access *access, const char *name, const AccountChange *wanted,
                               GError **error)
{
    ACCESS_ENTER(access, error, NULL);
    g_autoptr(Account) account = access_need_account(access, name, error);
    if (!account)
        return NULL;
    if (wanted->sets_role)
        account->role = wanted->role;
    if (wanted->sets_disabled)
        account->disabled = wanted->disabled;
    Work work = {.access = access,
                 .account = account,
                 .machines = wanted->machines,
                 .ends_sessions = account->disabled};
    if (!database_transaction(&access->database, change, &work, error))
        return NULL;
    return access_need_account(access, name, error);
}

static gboolean reset(gpointer data, GError **error)
{
    Work *work = data;
    if (!sql_run(&work->access->database, error, "UPDATE account SET password = NULL WHERE id = ?",
                 "t", work->account->id) ||
        !end_sessions(work->access, work->account, error))
        return FALSE;
    work->token = access_insert_setup_token(work->access, work->account->id, error);
    return work->token != NULL;
}

Account *access_reset_account(Access *access, const char *name, char **setup_token_out,
                              GError **error)
{
    ACCESS_ENTER(access, error, NULL);
    g_autoptr(Account) account = access_need_account(access, name, error);
    if (!account)
        return NULL;
    Work work = {.access = access, .account = account};
    if (!database_transaction(&access->database, reset, &work, error)) {
        g_free(work.token);
        return NULL;
    }
    account->invited = TRUE;
    *setup_token_out = work.token;
    return g_steal_pointer(&account);
}

static gboolean drop(gpointer data, GError **error)
{
    Work *work = data;
    Access *access = work->access;
    gboolean had_administrator = has_administrator(access);
    return sql_run(&access->database, error, "DELETE FROM account WHERE id = ?", "t",
                   work->account->id) &&
           (!had_administrator || check_administrator_is_left(access, error));
}

Account *access_remove_account(Access *access, const char *name, GError **error)
{
    ACCESS_ENTER(access, error, NULL);
    g_autoptr(Account) account = access_need_account(access, name, error);
    Work work = {.access = access, .account = account};
    if (!account || !database_transaction(&access->database, drop, &work, error))
        return NULL;
    return g_steal_pointer(&account);
}

gboolean access_forget_machine(Access *access, const char *machine_id, GError **error)
{
    ACCESS_ENTER(access, error, FALSE);
    return sql_run(&access->database, error, "DELETE FROM assignment WHERE machine_id = ?", "t",
                   machine_id);
}
