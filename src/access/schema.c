/*
 * The tables of accounts, as numbered migrations; a released one is never changed.
 *
 * No secret stands in them: passwords are argon2id hashes, and of sessions, tokens and set-up
 * tokens, which are random, a plain hash is kept. The audit trail refers to nothing, so that it
 * outlives what it tells of.
 */
#include "access/schema.h"

const DatabaseKind access_database_kind = {
    .noun = "the file of accounts",
    .damaged_remedy = "put a copy of it back, or move it away and restart underpind: accounts are "
                      "then made anew, beginning with 'underpin account setup-link'",
    .application_id = 0x556e6461, /* "Unda" */
};

static const char version_1[] =
    "CREATE TABLE account ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " name TEXT NOT NULL UNIQUE,"
    " role TEXT NOT NULL,"
    " disabled INTEGER NOT NULL,"
    " password TEXT," /* NULL: invited */
    " created_at BIGINT NOT NULL,"
    " last_login_at BIGINT NOT NULL);"

    "CREATE TABLE assignment ("
    " account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,"
    " machine_id TEXT NOT NULL,"
    " PRIMARY KEY (account_id, machine_id));"
    "CREATE INDEX assignment_by_machine ON assignment (machine_id);"

    "CREATE TABLE session ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,"
    " csrf TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " used_at BIGINT NOT NULL);"
    "CREATE INDEX session_by_account ON session (account_id);"

    "CREATE TABLE token ("
    " id TEXT PRIMARY KEY NOT NULL,"
    " account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,"
    " name TEXT NOT NULL,"
    " hash TEXT NOT NULL UNIQUE,"
    " created_at BIGINT NOT NULL,"
    " last_used_at BIGINT NOT NULL,"
    " expires_at BIGINT NOT NULL);"
    "CREATE INDEX token_by_account ON token (account_id);"

    "CREATE TABLE setup_token ("
    " hash TEXT PRIMARY KEY NOT NULL,"
    " account_id TEXT UNIQUE REFERENCES account (id) ON DELETE CASCADE,"
    " expires_at BIGINT NOT NULL);"

    "CREATE TABLE known_address ("
    " account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,"
    " address TEXT NOT NULL,"
    " used_at BIGINT NOT NULL,"
    " PRIMARY KEY (account_id, address));"

    "CREATE TABLE audit ("
    " sequence BIGINT PRIMARY KEY NOT NULL,"
    " at BIGINT NOT NULL,"
    " account TEXT,"
    " address TEXT,"
    " action TEXT NOT NULL,"
    " machine TEXT,"
    " result TEXT NOT NULL,"
    " detail TEXT,"
    " job TEXT);"
    "CREATE INDEX audit_by_at ON audit (at);"
    "CREATE INDEX audit_by_machine ON audit (machine, sequence);"
    "CREATE INDEX audit_by_account ON audit (account, sequence);";

/* Which jobs' ends are missing is asked at each start. */
static const char version_2[] =
    "CREATE INDEX audit_by_job ON audit (job) WHERE job IS NOT NULL;"
    "CREATE INDEX audit_by_request ON audit (sequence) WHERE result = 'accepted';";

const Migration access_migrations[] = {
    {1, version_1},
    {2, version_2},
};
const guint access_migration_count = G_N_ELEMENTS(access_migrations);
