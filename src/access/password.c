/* argon2id by libsodium, few at a time. */
#include "access/password.h"

#include <sodium.h>
#include <string.h>

#include "foundation/error.h"

#define RUNNING_MAX      2
#define INSIDE_MAX       6 /* running or waiting */
#define CHARACTERS_MIN   8
#define LENGTH_MAX       1024
#define OPERATIONS       1
#define NOBODYS_PASSWORD "nobody has this password"

struct PasswordGate {
    gsize memory_bytes;
    guint running_max;
    char *decoy;  /* the hash that unknown names are held against */
    GMutex lock;  /* protects what follows */
    GCond passed; /* running has become less */
    guint running, waiting;
};

static gboolean hash_now(const PasswordGate *gate, const char *password, char *hash_out)
{
    return crypto_pwhash_str_alg(hash_out, password, strlen(password), OPERATIONS,
                                 gate->memory_bytes, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

guint password_gate_width(guint processors)
{
    return CLAMP(processors / 2, 1, RUNNING_MAX);
}

PasswordGate *password_gate_new(gsize memory_bytes)
{
    char decoy[crypto_pwhash_STRBYTES] = "";
    PasswordGate *gate = g_new0(PasswordGate, 1);
    gate->memory_bytes = memory_bytes;
    gate->running_max = password_gate_width(g_get_num_processors());
    g_mutex_init(&gate->lock);
    g_cond_init(&gate->passed);
    hash_now(gate, NOBODYS_PASSWORD, decoy);
    gate->decoy = g_strdup(decoy);
    return gate;
}

void password_gate_free(PasswordGate *gate)
{
    if (!gate)
        return;
    g_cond_clear(&gate->passed);
    g_mutex_clear(&gate->lock);
    g_free(gate->decoy);
    g_free(gate);
}

gboolean password_check(const char *password, GError **error)
{
    if (!g_utf8_validate(password, -1, NULL) || g_utf8_strlen(password, -1) < CHARACTERS_MIN)
        return error_set(error, UNDERPIN_ERROR_INVALID,
                         "take at least 8 characters; several words are easy to remember",
                         "the password is too short");
    if (strlen(password) > LENGTH_MAX)
        return error_set(error, UNDERPIN_ERROR_INVALID, "take at most 1024 bytes",
                         "the password is too long");
    return TRUE;
}

static gboolean gate_enter(PasswordGate *gate, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&gate->lock);
    if (gate->running + gate->waiting >= INSIDE_MAX)
        return error_set(error, UNDERPIN_ERROR_BUSY, "try again in a second",
                         "too many logins at the same time");
    gate->waiting++;
    while (gate->running >= gate->running_max)
        g_cond_wait(&gate->passed, &gate->lock);
    gate->waiting--;
    gate->running++;
    return TRUE;
}

static void gate_leave(PasswordGate *gate)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&gate->lock);
    gate->running--;
    g_cond_signal(&gate->passed);
}

char *password_hash(PasswordGate *gate, const char *password, GError **error)
{
    char hash[crypto_pwhash_STRBYTES] = "";
    if (!password_check(password, error) || !gate_enter(gate, error))
        return NULL;
    gboolean is_hashed = hash_now(gate, password, hash);
    gate_leave(gate);
    if (!is_hashed) {
        error_set(error, UNDERPIN_ERROR_BACKEND, "free memory",
                  "there is not enough memory to hash a password");
        return NULL;
    }
    return g_strdup(hash);
}

gboolean password_verify(PasswordGate *gate, const char *hash, const char *password,
                         gboolean *matches_out, GError **error)
{
    gsize length = strlen(password);
    if (!gate_enter(gate, error))
        return FALSE;
    int result = length > LENGTH_MAX
                     ? -1
                     : crypto_pwhash_str_verify(hash ? hash : gate->decoy, password, length);
    gate_leave(gate);
    *matches_out = hash && result == 0;
    return TRUE;
}
