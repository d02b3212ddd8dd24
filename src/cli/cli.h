/* The command line as a whole: from the words to an exit status. */
#pragma once

#include "cli/clock.h"

/* Runs one command on the standard streams; `arguments` are main()'s, NULL-terminated. Returns the
 * exit status. */
int cli_run(const char *const *arguments, const CliClock *clock);
