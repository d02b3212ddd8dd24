/*
 * How often a login may be tried: a growing delay by key (an address, an account's name).
 *
 * Some attempts are free, then each doubles the wait, up to a minute. Nobody is locked out for
 * ever, and one attempt a minute is forgiven. Memory is bounded: the key that failed longest ago
 * is forgotten first.
 */
#pragma once

#include <glib.h>

#define LOGIN_LIMIT_DELAY_MAX_SECONDS 60

typedef struct LoginLimit LoginLimit;

/* `free_attempts` before the first wait; `capacity` keys at most. Thread-safe. */
LoginLimit *login_limit_new(guint free_attempts, guint capacity);
void login_limit_free(LoginLimit *limit);

/* Seconds to wait; 0: the attempt may be made and is counted as failed until it is given back. */
guint login_limit_take(LoginLimit *limit, const char *key, gint64 now);
/* The attempt that was taken last has not failed. */
void login_limit_give_back(LoginLimit *limit, const char *key);
/* How many keys are remembered. */
guint login_limit_size(LoginLimit *limit);
