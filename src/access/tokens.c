/* API tokens: for programs that act in an account's name. */
#include <string.h>

#include "access/access_private.h"
#include "access/secret.h"
#include "foundation/error.h"
#include "foundation/ids.h"

#define PREFIX              "underpin_" /* so that it is known when it turns up in a wrong place */
#define NAME_LENGTH_MAX     64
#define TOKENS_MAX          100 /* of one account */
#define TOUCH_AFTER_SECONDS 60
#define TOKEN_QUERY                                                                                \
    "SELECT t.id, t.name, a.name, t.created_at, t.last_used_at, t.expires_at, a.id"                \
    " FROM token t JOIN account a ON a.id = t.account_id"

void token_free(Token *token)
{
    if (!token)
        return;
    g_free(token->id);
    g_free(token->name);
    g_free(token->account);
    g_free(token->account_id);
    g_free(token);
}

static void free_token(gpointer token)
{
    token_free(token);
}

static Token *read_row(SqlStatement *row)
{
    Token *token = g_new0(Token, 1);
    token->id = sql_text(row, 0);
    token->name = sql_text(row, 1);
    token->account = sql_text(row, 2);
    token->created_at = sqlite3_column_int64(row, 3);
    token->last_used_at = sqlite3_column_int64(row, 4);
    token->expires_at = sqlite3_column_int64(row, 5);
    token->account_id = sql_text(row, 6);
    return token;
}

GPtrArray *access_list_tokens(Access *access, const char *account, GError **error)
{
    ACCESS_ENTER(access, error, NULL);
    gboolean more = TRUE;
    g_autoptr(GPtrArray) tokens = g_ptr_array_new_with_free_func(free_token);
    g_autoptr(SqlStatement) statement = sql_prepare(
        &access->database, error,
        TOKEN_QUERY " WHERE a.name = COALESCE(?, a.name) ORDER BY t.created_at DESC, t.id", "t",
        account);
    while (statement && more) {
        if (!database_step(&access->database, statement, &more, error))
            return NULL;
        if (more)
            g_ptr_array_add(tokens, read_row(statement));
    }
    return statement ? g_steal_pointer(&tokens) : NULL;
}

static gboolean check_name(const char *name, GError **error)
{
    gsize length = strlen(name);
    gboolean is_valid = length > 0 && length <= NAME_LENGTH_MAX && g_utf8_validate(name, -1, NULL);
    for (gsize i = 0; i < length; i++)
        is_valid = is_valid && !g_ascii_iscntrl(name[i]);
    return is_valid || error_set(error, UNDERPIN_ERROR_INVALID,
                                 "say what it is for, in 1 to 64 printable characters",
                                 "a token cannot have this name");
}

static gboolean check_count(Access *access, const Account *account, GError **error)
{
    gboolean found = FALSE;
    g_autoptr(SqlStatement) row =
        sql_prepare(&access->database, error, "SELECT COUNT(*) FROM token WHERE account_id = ?",
                    "t", account->id);
    if (!row || !database_step(&access->database, row, &found, error))
        return FALSE;
    return sqlite3_column_int(row, 0) < TOKENS_MAX ||
           error_set(error, UNDERPIN_ERROR_REFUSED, "revoke some of them",
                     "the account '%s' has %d tokens already", account->name, TOKENS_MAX);
}

static Token *token_new(Access *access, const Account *account, const char *name, gint64 seconds)
{
    Token *token = g_new0(Token, 1);
    token->id = id_new();
    token->name = g_strdup(name);
    token->account = g_strdup(account->name);
    token->account_id = g_strdup(account->id);
    token->created_at = clock_now(access->clock);
    token->expires_at = seconds > 0 ? token->created_at + seconds : 0;
    return token;
}

Token *access_add_token(Access *access, const char *account_name, const char *name, gint64 seconds,
                        char **secret_out, GError **error)
{
    if (!check_name(name, error))
        return NULL;
    ACCESS_ENTER(access, error, NULL);
    g_autoptr(Account) account = access_need_account(access, account_name, error);
    if (!account || !check_count(access, account, error))
        return NULL;
    g_autoptr(Token) token = token_new(access, account, name, seconds);
    g_autofree char *random = secret_new();
    g_autofree char *secret = g_strconcat(PREFIX, random, NULL);
    g_autofree char *hash = secret_hash(secret);
    if (!sql_run(&access->database, error,
                 "INSERT INTO token (id, account_id, name, hash, created_at, last_used_at,"
                 " expires_at) VALUES (?, ?, ?, ?, ?, 0, ?)",
                 "ttttnn", token->id, account->id, token->name, hash, token->created_at,
                 token->expires_at))
        return NULL;
    *secret_out = g_steal_pointer(&secret);
    return g_steal_pointer(&token);
}

static Token *find_token(Access *access, const char *id, const char *account, GError **error)
{
    gboolean found = FALSE;
    g_autoptr(SqlStatement) row = sql_prepare(
        &access->database, error, TOKEN_QUERY " WHERE t.id = ? AND a.name = COALESCE(?, a.name)",
        "tt", id, account);
    if (!row || !database_step(&access->database, row, &found, error))
        return NULL;
    if (found)
        return read_row(row);
    error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin token list'", "no token '%s'", id);
    return NULL;
}

Token *access_revoke_token(Access *access, const char *id, const char *account, GError **error)
{
    ACCESS_ENTER(access, error, NULL);
    g_autoptr(Token) token = find_token(access, id, account, error);
    if (!token || !sql_run(&access->database, error, "DELETE FROM token WHERE id = ?", "t", id))
        return NULL;
    return g_steal_pointer(&token);
}

/* --- in whose name ---------------------------------------------------------------------------- */

/* Once a minute is often enough to know what is still in use. */
static gboolean touch(Access *access, const char *hash, gint64 *last_used_at, gint64 now,
                      GError **error)
{
    if (now < *last_used_at + TOUCH_AFTER_SECONDS)
        return TRUE;
    *last_used_at = now;
    return sql_run(&access->database, error, "UPDATE token SET last_used_at = ? WHERE hash = ?",
                   "nt", now, hash);
}

static Identity *find_identity(Access *access, const char *hash, gint64 now, GError **error)
{
    ACCESS_ENTER(access, error, NULL);
    gboolean found = FALSE;
    g_autoptr(Account) account = NULL;
    g_autoptr(SqlStatement) row = sql_prepare(
        &access->database, error,
        "SELECT account_id, last_used_at, expires_at FROM token WHERE hash = ?", "t", hash);
    if (!row || !database_step(&access->database, row, &found, error))
        return NULL;
    gint64 last_used_at = found ? sqlite3_column_int64(row, 1) : 0;
    gint64 expires_at = found ? sqlite3_column_int64(row, 2) : 0;
    if (!found || (expires_at > 0 && now >= expires_at))
        return identity_new_none();
    if (!access_find_account(access, BY_ID, (const char *)sqlite3_column_text(row, 0), &account,
                             NULL, error))
        return NULL;
    if (!account || account->disabled)
        return identity_new_none();
    if (!touch(access, hash, &last_used_at, now, error))
        return NULL;
    Identity *identity = access_identity_of(account, IDENTITY_TOKEN);
    identity->expires_at = expires_at;
    gint64 touch_at = last_used_at + TOUCH_AFTER_SECONDS;
    identity_cache_put(access->identities, hash, identity,
                       expires_at > 0 ? MIN(expires_at, touch_at) : touch_at);
    return identity;
}

Identity *access_token(Access *access, const char *secret, GError **error)
{
    g_autofree char *hash = secret_hash(secret);
    gint64 now = clock_now(access->clock);
    Identity *known = identity_cache_find(access->identities, hash, now);
    return known ? known : find_identity(access, hash, now, error);
}
