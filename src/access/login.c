/*
 * Logging in by password, and changing it.
 *
 *     limit by address ─▶ limit by name ─▶ account ─▶ gate, hash ─▶ account again ─▶ session
 *                                          (lock)    (no lock)     (lock)
 *
 * The limit by name stops many addresses from guessing at one account; it does not count for an
 * address from which that account has logged in before, so that strangers cannot lock its owner
 * out. A name that does not exist is treated like one that does, in time and in words.
 */
#include <arpa/inet.h>
#include <string.h>

#include "access/access_private.h"
#include "access/secret.h"
#include "foundation/error.h"

/* --- limits ----------------------------------------------------------------------------------- */

/* Who has one IPv6 address has 2^64 of them. */
static char *limit_key(const char *address)
{
    struct in6_addr bytes;
    char text[INET6_ADDRSTRLEN] = "";
    if (address[0] == '\0' || inet_pton(AF_INET6, address, &bytes) != 1)
        return g_strdup(address);
    memset(bytes.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &bytes, text, sizeof text);
    return g_strdup(text);
}

static gboolean refuse_hurry(guint seconds, guint *retry_out, GError **error)
{
    g_autofree char *hint = g_strdup_printf("try again in %u s", seconds);
    *retry_out = seconds;
    return error_set(error, UNDERPIN_ERROR_BUSY, hint, "too many failed logins");
}

void attempt_clear(Attempt *attempt)
{
    g_free(attempt->address);
    g_free(attempt->name);
}

gboolean attempt_begin(Attempt *attempt, Access *access, const char *address, const char *name,
                       guint *retry_out, GError **error)
{
    gint64 now = clock_now(access->clock);
    attempt->access = access;
    attempt->address = limit_key(address);
    guint seconds = login_limit_take(access->by_address, attempt->address, now);
    if (seconds > 0)
        return refuse_hurry(seconds, retry_out, error);
    seconds = name ? login_limit_take(access->by_name, name, now) : 0;
    if (seconds > 0) {
        login_limit_give_back(access->by_address, attempt->address);
        return refuse_hurry(seconds, retry_out, error);
    }
    attempt->name = g_strdup(name);
    return TRUE;
}

void attempt_succeeded(const Attempt *attempt)
{
    login_limit_give_back(attempt->access->by_address, attempt->address);
    if (attempt->name)
        login_limit_give_back(attempt->access->by_name, attempt->name);
}

/* A password that could not be tried has not failed. */
static gboolean attempt_verify(const Attempt *attempt, const char *hash, const char *password,
                               gboolean *matches_out, guint *retry_out, GError **error)
{
    if (password_verify(attempt->access->gate, hash, password, matches_out, error))
        return TRUE;
    attempt_succeeded(attempt);
    *retry_out = 1;
    return FALSE;
}

/* --- by password ------------------------------------------------------------------------------ */

static gboolean refuse_login(GError **error)
{
    return error_set(error, UNDERPIN_ERROR_DENIED,
                     "check both; an administrator can make a new set-up link with 'underpin "
                     "account reset NAME'",
                     "the name or the password is wrong");
}

gboolean access_refuse_disabled(const Account *account, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_DENIED, "ask an administrator",
                     "the account '%s' is disabled", account->name);
}

/* The account's password hash (NULL: no such account, or invited), and whether it knows the
 * address. */
static gboolean look_up(Access *access, const char *name, const char *address, char **hash_out,
                        gboolean *is_known_out, GError **error)
{
    ACCESS_ENTER(access, error, FALSE);
    g_autoptr(Account) account = NULL;
    g_autofree char *key = limit_key(address);
    g_autoptr(SqlStatement) row =
        sql_prepare(&access->database, error,
                    "SELECT 1 FROM known_address k JOIN account a ON a.id = k.account_id"
                    " WHERE a.name = ? AND k.address = ?",
                    "tt", name, key);
    return row && database_step(&access->database, row, is_known_out, error) &&
           access_find_account(access, BY_NAME, name, &account, hash_out, error);
}

/* The account again: what was true when the hashing began need not be any more. */
static Account *confirm(Access *access, const char *name, const char *hash, GError **error)
{
    g_autofree char *hash_now = NULL;
    g_autoptr(Account) account = NULL;
    if (!access_find_account(access, BY_NAME, name, &account, &hash_now, error))
        return NULL;
    gboolean may = !account || g_strcmp0(hash, hash_now) != 0 ? refuse_login(error)
                   : account->disabled ? access_refuse_disabled(account, error)
                                       : TRUE;
    return may ? g_steal_pointer(&account) : NULL;
}

Login *access_log_in(Access *access, const char *name, const char *password, const char *address,
                     guint *retry_out, GError **error)
{
    gboolean is_known = FALSE, matches = FALSE;
    g_autofree char *hash = NULL, *folded = g_ascii_strdown(name, -1);
    g_auto(Attempt) attempt = {0};
    if (!look_up(access, folded, address, &hash, &is_known, error) ||
        !attempt_begin(&attempt, access, address, is_known ? NULL : folded, retry_out, error) ||
        !attempt_verify(&attempt, hash, password, &matches, retry_out, error))
        return NULL;
    if (!matches) {
        refuse_login(error);
        return NULL;
    }
    attempt_succeeded(&attempt);
    ACCESS_ENTER(access, error, NULL);
    g_autoptr(Account) account = confirm(access, folded, hash, error);
    SessionWork work = {.access = access, .account = account, .address = attempt.address};
    return account ? access_begin_session(&work, error) : NULL;
}

/* --- changing the password -------------------------------------------------------------------- */

typedef struct {
    Access *access;
    const Identity *identity;
    const char *hash;
} Change;

static gboolean change_password(gpointer data, GError **error)
{
    const Change *change = data;
    Database *database = &change->access->database;
    return sql_run(database, error, "UPDATE account SET password = ? WHERE id = ?", "tt",
                   change->hash, change->identity->account_id) &&
           sql_run(database, error, "DELETE FROM session WHERE account_id = ? AND id <> ?", "tt",
                   change->identity->account_id, change->identity->session_id) &&
           sql_run(database, error, "DELETE FROM setup_token WHERE account_id = ?", "t",
                   change->identity->account_id);
}

static gboolean put_new_password(Access *access, const Identity *identity, const char *old_hash,
                                 const char *new_hash, GError **error)
{
    ACCESS_ENTER(access, error, FALSE);
    g_autoptr(Account) account = confirm(access, identity->name, old_hash, error);
    Change change = {.access = access, .identity = identity, .hash = new_hash};
    return account && database_transaction(&access->database, change_password, &change, error);
}

gboolean access_change_password(Access *access, const Identity *identity, const char *old_password,
                                const char *new_password, const char *address, guint *retry_out,
                                GError **error)
{
    gboolean is_known = FALSE, matches = FALSE;
    g_autofree char *old_hash = NULL, *new_hash = NULL;
    g_auto(Attempt) attempt = {0};
    if (!password_check(new_password, error) ||
        !look_up(access, identity->name, address, &old_hash, &is_known, error) ||
        !attempt_begin(&attempt, access, address, NULL, retry_out, error) ||
        !attempt_verify(&attempt, old_hash, old_password, &matches, retry_out, error))
        return FALSE;
    if (!matches)
        return error_set(error, UNDERPIN_ERROR_DENIED,
                         "an administrator can make a new set-up link with 'underpin account reset "
                         "NAME'",
                         "the old password is wrong");
    attempt_succeeded(&attempt);
    new_hash = password_hash(access->gate, new_password, error);
    return new_hash && put_new_password(access, identity, old_hash, new_hash, error);
}
