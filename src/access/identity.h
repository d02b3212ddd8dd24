/* An identity: in whose name a request is made, and what he may see and ask for. */
#pragma once

#include "model/account_role.h"

typedef enum {
    IDENTITY_NONE,    /* nobody has logged in */
    IDENTITY_PEER,    /* an administrator by the unix socket; the kernel vouches for him */
    IDENTITY_SESSION, /* an account, by the cookie of a login */
    IDENTITY_TOKEN,   /* an account, by an API token */
} IdentityKind;

typedef struct {
    int ref_count; /* private */
    IdentityKind kind;
    AccountRole role;     /* means nothing for NONE */
    char *name;           /* for records: the account's, "root", "uid 1000"; NULL for NONE */
    char *account_id;     /* NULL where there is no account */
    char *session_id;     /* NULL but for a session */
    char *csrf;           /* what a request that changes something must bring; NULL: nothing */
    GHashTable *machines; /* ids of the machines that exist for a user; NULL: not confined */
    gint64 since;         /* when the account was made; 0: none */
    gint64 expires_at;    /* 0: never */
} Identity;

/* Nobody. */
Identity *identity_new_none(void);
/* A peer of the unix socket who may administer. */
Identity *identity_new_peer(const char *name);
/* It does not change once others may see it, so threads share it. */
Identity *identity_ref(const Identity *identity);
void identity_unref(Identity *identity); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Identity, identity_unref)

/* Whether he has this role or one above it; nobody has none. */
gboolean identity_has_role(const Identity *identity, AccountRole least);
/* Whether some machines do not exist for him. */
gboolean identity_is_confined(const Identity *identity);
gboolean identity_sees_machine(const Identity *identity, const char *machine_id);
/* Whether a record by `requested_by` of the time `at` is his: an account that was made anew under
 * an old name inherits nothing. */
gboolean identity_has_asked(const Identity *identity, const char *requested_by, gint64 at);
