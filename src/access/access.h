/*
 * Who may come in: accounts, logins, sessions, API tokens, machine assignments, the audit trail.
 *
 * Everything lies in one SQLite file of its own. Thread-safe; makes no thread and opens no socket.
 * A file that cannot be used stops nothing else: the object is there all the same, and every call
 * answers with the reason and the remedy. What changes something is durable when it returns.
 */
#pragma once

#include "access/identity.h"
#include "ports/clock.h"

typedef struct Access Access;

#define ACCESS_SETUP_SECONDS        (3 * 24 * 3600)
#define ACCESS_SESSION_IDLE_SECONDS (12 * 3600)
#define ACCESS_SESSION_SECONDS      (7 * 24 * 3600)

typedef struct {
    const char *path;
    gint64 audit_retention_seconds; /* default 365 days */
    gsize password_memory_bytes;    /* what hashing a password takes; default 46 MiB */
} AccessConfig;
void access_config_init(AccessConfig *config);

/* Never NULL. `clock` is borrowed. */
Access *access_open(const AccessConfig *config, Clock *clock);
void access_free(Access *access);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Access, access_free)
/* NULL: fine. Else why accounts cannot be used, with the remedy. Borrowed. */
const GError *access_problem(const Access *access);
/* A consistent copy of everything into a new file `path`, mode 0600, durable; EXISTS where there is
 * one. Others wait meanwhile. */
gboolean access_backup(Access *access, const char *path, GError **error);
/* EXISTS where there is a file `path`, which no backup replaces. */
gboolean access_backup_check(const char *path, GError **error);

/* --- accounts --------------------------------------------------------------------------------- */

typedef struct {
    char *id;
    char *name;
    AccountRole role;
    gboolean disabled;
    gboolean invited; /* has no password yet */
    gint64 created_at;
    gint64 last_login_at; /* 0: never */
    GPtrArray *machines;  /* char *: ids assigned to him */
} Account;
void account_free(Account *account);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Account, account_free)

/* Small letters, digits and . _ - @, up to 64, beginning with a letter or digit; not "root", which
 * records use for root itself. INVALID else. */
gboolean account_name_check(const char *name, GError **error);

/* Whether there is no account yet. */
gboolean access_needs_setup(Access *access, gboolean *needed_out, GError **error);
/* Sorted by name; new array of Account. */
GPtrArray *access_list_accounts(Access *access, GError **error);
/* NOT_FOUND names it. */
Account *access_get_account(Access *access, const char *name, GError **error);

/*
 * A new account with these machines (ids; NULL: none). `password` NULL: he is invited, and
 * *setup_token_out is the secret with which he sets one (caller frees). EXISTS; INVALID for the
 * name or the password. Slow with a password.
 */
Account *access_add_account(Access *access, const char *name, AccountRole role,
                            const char *password, const GPtrArray *machines, char **setup_token_out,
                            GError **error);

/* What is to become different; the rest stays. */
typedef struct {
    gboolean sets_role, sets_disabled;
    AccountRole role;
    gboolean disabled;
    const GPtrArray *machines; /* ids, replacing all; NULL: stay */
} AccountChange;
/* REFUSED where no administrator who can log in would be left. Disabling ends his sessions. */
Account *access_change_account(Access *access, const char *name, const AccountChange *change,
                               GError **error);
/* Takes the password away and ends the sessions; *setup_token_out (caller frees) sets a new one. */
Account *access_reset_account(Access *access, const char *name, char **setup_token_out,
                              GError **error);
/* With sessions and tokens. REFUSED as above. The account as it was. */
Account *access_remove_account(Access *access, const char *name, GError **error);
/* The machine is gone: nobody is assigned to it any more. */
gboolean access_forget_machine(Access *access, const char *machine_id, GError **error);

/* --- logging in ------------------------------------------------------------------------------- */

/* A session that has just begun. */
typedef struct {
    char *key; /* the secret for the cookie, told here and never again */
    Identity *identity;
} Login;
void login_free(Login *login);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Login, login_free)

/*
 * DENIED where name or password are wrong, which is not said, or the account is disabled; BUSY
 * where this is one attempt too many: *retry_out are the seconds to wait. Slow.
 */
Login *access_log_in(Access *access, const char *name, const char *password, const char *address,
                     guint *retry_out, GError **error);
/*
 * Takes up a set-up token: makes the first administrator, or sets the password of an invited or
 * reset account, and logs in. `name` is needed for the first and may be NULL else. Errors as above.
 */
Login *access_set_up(Access *access, const char *token, const char *name, const char *password,
                     const char *address, guint *retry_out, GError **error);
/* A new set-up token for the first administrator; those before it end. REFUSED where there are
 * accounts. Caller frees. */
char *access_new_setup_token(Access *access, GError **error);

/* In whose name a session's key comes: nobody's where it has ended. */
Identity *access_session(Access *access, const char *key, GError **error);
gboolean access_log_out(Access *access, const char *session_id, GError **error);
/* Of the session's own account; ends its other sessions. Errors as for logging in. Slow. */
gboolean access_change_password(Access *access, const Identity *identity, const char *old_password,
                                const char *new_password, const char *address, guint *retry_out,
                                GError **error);

/* --- API tokens ------------------------------------------------------------------------------- */

typedef struct {
    char *id;
    char *name;
    char *account; /* name */
    char *account_id;
    gint64 created_at;
    gint64 last_used_at; /* 0: never; exact to a minute */
    gint64 expires_at;   /* 0: never */
} Token;
void token_free(Token *token);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Token, token_free)

/* Those of the account of that name, NULL: all; newest first. */
GPtrArray *access_list_tokens(Access *access, const char *account, GError **error);
/* `seconds` 0: never expires. *secret_out is told here and never again. Caller frees. */
Token *access_add_token(Access *access, const char *account, const char *name, gint64 seconds,
                        char **secret_out, GError **error);
/* NOT_FOUND also where it is not that account's (NULL: anybody's). The token as it was. */
Token *access_revoke_token(Access *access, const char *id, const char *account, GError **error);
/* In whose name a token comes: nobody's where it is unknown, over, or the account disabled. */
Identity *access_token(Access *access, const char *secret, GError **error);

/* --- audit trail ------------------------------------------------------------------------------ */

typedef struct {
    gint64 sequence; /* given by the trail */
    gint64 at;       /* when it happened; 0: as it is noted */
    char *account;   /* in whose name; NULL: nobody's */
    char *address;   /* NULL: by the unix socket, or the daemon itself */
    char *action;    /* "login", "account-add", a verb's name … */
    char *machine;   /* name; NULL: about none */
    char *result;    /* "ok", AUDIT_ACCEPTED, an item's state, or an error's code */
    char *detail;    /* why, or what else; NULL: nothing to say */
    char *job;       /* id; NULL: none */
} AuditEntry;
#define AUDIT_ACCEPTED "accepted" /* a job that was asked for; how it ends is told by others */
AuditEntry *audit_entry_new(const char *action, const char *result);
void audit_entry_free(AuditEntry *entry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AuditEntry, audit_entry_free)

/* Appends all (AuditEntry), and drops what is older than the retention. */
gboolean access_note(Access *access, const GPtrArray *entries, GError **error);

typedef struct {
    guint limit;
    gint64 before;       /* sequence; 0: from the newest */
    const char *machine; /* name; NULL: any */
    const char *account; /* NULL: any */
} AuditQuery;
/* Newest first; new array of AuditEntry. */
GPtrArray *access_list_audit(Access *access, const AuditQuery *query, GError **error);
/* Ids of jobs that were accepted and whose end has not been noted, among the 1,000 requests that
 * were accepted last. New array. */
GPtrArray *access_list_unended(Access *access, GError **error);
