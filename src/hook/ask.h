/* The hook's words with the daemon: one line to its socket, and for a question one line back. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    ANSWER_ALLOWED,
    ANSWER_REFUSED, /* with the reason */
    ANSWER_NONE,    /* a daemon is there, but says nothing sensible in time */
    ANSWER_ABSENT,  /* nobody listens */
} Answer;

enum { ANSWER_TIMEOUT_MS = 2000 };

/* Sends `line` (with its line end) and waits at most `timeout_ms` in all for "ok" or
 * "refuse<TAB>reason". */
Answer ask_daemon(const char *socket_path, const char *line, int timeout_ms, char *reason_out,
                  size_t size);
/* Sends `line` and waits for nothing; a daemon that is away misses it and finds out by itself
 * later. */
void tell_daemon(const char *socket_path, const char *line);
