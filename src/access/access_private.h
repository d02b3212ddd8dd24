/* The object behind access.h, and what its files do for each other. */
#pragma once

#include "access/access.h"
#include "access/identity_cache.h"
#include "access/login_limit.h"
#include "access/password.h"
#include "access/sql.h"

struct Access {
    Clock *clock;
    GError *problem; /* does not change after the start */
    PasswordGate *gate;
    LoginLimit *by_address, *by_name; /* locks of their own */
    IdentityCache *identities;        /* the same; filled under the lock below */
    gint has_accounts;                /* atomic; set under the lock below; 0: ask the file */
    gint64 audit_retention_seconds;
    GMutex lock; /* over what follows; never held while a password is hashed */
    Database database;
    gint64 pruned_at; /* when the audit trail was cut last */
};

/* Takes the lock for the rest of the scope; where accounts cannot be used, returns `failure` with
 * the reason. */
#define ACCESS_ENTER(access, error, failure)                                                       \
    if (!access_is_usable((access), (error)))                                                      \
        return (failure);                                                                          \
    G_GNUC_UNUSED g_autoptr(GMutexLocker) access_locker = g_mutex_locker_new(&(access)->lock)

gboolean access_is_usable(const Access *access, GError **error);

/* All below are called under the lock. */

/* The account by a column; NULL without an error where there is none. `password_out` (NULL: not
 * asked for) is the hash or NULL; caller frees. */
typedef enum { BY_ID, BY_NAME } AccountKey;
gboolean access_find_account(Access *access, AccountKey by, const char *value,
                             Account **account_out, char **password_out, GError **error);
/* The same, and NOT_FOUND where there is none. */
Account *access_need_account(Access *access, const char *name, GError **error);
/* An account that is in no row yet, with a new id and no machines. */
Account *access_new_account(Access *access, const char *name, AccountRole role);
/* Inside a transaction: a new row. `password` is a hash or NULL. */
gboolean access_insert_account(Access *access, const Account *account, const char *password,
                               GError **error);
/* Inside a transaction: replaces the account's set-up token (account NULL: the first
 * administrator's) by a new one. Caller frees. */
char *access_insert_setup_token(Access *access, const char *account_id, GError **error);
/* His identity, without what belongs to a session or token. */
Identity *access_identity_of(const Account *account, IdentityKind kind);

/* One attempt to log in that is counted; what succeeds gives it back. */
typedef struct {
    Access *access;
    char *address; /* key of the limit */
    char *name;    /* NULL: not limited by name */
} Attempt;

/* Without the lock. BUSY with *retry_out where it is one too many. `name` NULL: is not limited by
 * name. */
gboolean attempt_begin(Attempt *attempt, Access *access, const char *address, const char *name,
                       guint *retry_out, GError **error);
void attempt_succeeded(const Attempt *attempt);
void attempt_clear(Attempt *attempt);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Attempt, attempt_clear)

/* What a login leaves behind, in one transaction. */
typedef struct {
    Access *access;
    const Account *account;
    const char *address; /* key of the limit: remembered */
    /* of a login by set-up token; NULL else */
    const char *new_password; /* hash; ends the account's other sessions */
    const char *setup_hash;   /* used up */
    gboolean is_new;          /* the account is made with it */
    const Identity *identity; /* set by access_begin_session() */
} SessionWork;

Login *access_begin_session(SessionWork *work, GError **error);
/* DENIED, for an account that is disabled. Always FALSE. */
gboolean access_refuse_disabled(const Account *account, GError **error);
