/* A daemon that answers from files: for tests of the command line, and to look at its screens. */
#pragma once

#include <glib.h>

typedef struct FakeServer FakeServer;

/*
 * Listens on `socket_path` and answers by `routes`, NULL-terminated texts such as
 *
 *     "GET /api/v1/jobs/J => job-running.json, job-done.json"
 *     "POST /api/v1/plans => 409 problem.json"
 *
 * Files lie in `directory`. The first answer goes to the first request, the last to all that
 * follow; a query is no part of the path unless the route has one. "x.events" is an event stream,
 * sent in chunks, that stays open; "x.events!" one that the server ends; "x.raw" is sent as it is;
 * "hang-up" closes without a word; "vanish" ends the listening too. Anything else is 404. In files
 * @VERB@ stands for the verb of the last request that had one.
 * `pace_ms` waits between the events of a stream. Aborts the program where it cannot listen.
 */
FakeServer *fake_server_start(const char *socket_path, const char *directory,
                              const char *const *routes, guint pace_ms);
/* Ends it; returns what was asked for: "METHOD PATH BODY" a line. Caller frees. */
char *fake_server_stop(FakeServer *server);
