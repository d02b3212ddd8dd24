/*
 * Passwords: argon2id, and a gate before it.
 *
 * A hash takes tens of MiB and a tenth of a second on purpose, so that a stolen file tells little.
 * The gate lets two at a time through (one, where there are fewer than four processors), and a few
 * wait: else a burst of logins would take the host's memory, and the time of everybody else.
 */
#pragma once

#include <glib.h>

#define PASSWORD_MEMORY_BYTES ((gsize)46 * 1024 * 1024)

typedef struct PasswordGate PasswordGate;

/* How many may hash at a time where there are so many processors. */
guint password_gate_width(guint processors);
/* `memory_bytes` is what one hash takes; tests take little. */
PasswordGate *password_gate_new(gsize memory_bytes);
void password_gate_free(PasswordGate *gate);

/* INVALID for a password that is too short, or too long to be hashed by anybody who sends it. */
gboolean password_check(const char *password, GError **error);
/* What is kept of a password. Slow. BUSY where too many wait already. Caller frees. */
char *password_hash(PasswordGate *gate, const char *password, GError **error);
/* Whether the password is the one of `hash`. NULL: matches none, and takes as long. Slow; BUSY as
 * above. */
gboolean password_verify(PasswordGate *gate, const char *hash, const char *password,
                         gboolean *matches_out, GError **error);
