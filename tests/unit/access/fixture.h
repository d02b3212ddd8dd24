/* A file of accounts in a directory of its own, with a clock that stands still. */
#pragma once

#include "access/access.h"

typedef struct {
    char *directory;
    char *path;
    Clock *clock;
    Access *access;
} Fixture;

/* For cmocka: *state is the Fixture. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);
/* Closes and opens the file again, as a restart does. */
void fixture_reopen(Fixture *fixture);

#define PASSWORD "correct horse"
/* An account with that password, which must be possible. */
void fixture_add(Fixture *fixture, const char *name, AccountRole role);
/* Tries to log in; NULL where that fails, with the code in *code_out (NULL: not asked for). */
Login *fixture_log_in(Fixture *fixture, const char *name, const char *password, const char *address,
                      int *code_out);
/* Whether `error` has this code and a hint. Clears it. */
gboolean fixture_failed_with(GError **error, int code);
