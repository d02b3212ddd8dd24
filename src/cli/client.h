/* The client of the daemon's API: HTTP over its unix socket, one connection a request. */
#pragma once

#include <jansson.h>

#include "cli/event_stream.h"

#define CLIENT_DEFAULT_SOCKET "/run/underpin/underpin.sock"

/* An answer that came, whatever its status. */
typedef struct {
    unsigned status;
    char *body; /* as received, NUL-terminated */
    gsize length;
    json_t *json; /* NULL where the body is no JSON */
} Answer;
void answer_free(Answer *answer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Answer, answer_free)

typedef struct Client Client;

/* Connects to nothing yet. `timeout_ms`: how long the daemon may be silent within one answer. */
Client *client_new(const char *socket_path, int timeout_ms);
void client_free(Client *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

/*
 * One request. `body` NULL: none (borrowed otherwise). `idempotency_key` NULL: none; with one, a
 * connection that breaks after the request was sent is tried once more, for the daemon does the
 * work only once; where that fails as well the error says that the outcome is not known. NULL where
 * no whole answer came: UNAVAILABLE with the way out as hint where nobody listens,
 * client_is_unreachable() then holds.
 */
Answer *client_call(Client *client, const char *method, const char *path, const json_t *body,
                    const char *idempotency_key, GError **error);
/* As client_call(), and an answer that says no is an error with the daemon's code, message and
 * hint. */
Answer *client_get(Client *client, const char *path, GError **error);
/* The error that an answer of status 400 and above means. Always FALSE. */
gboolean answer_to_error(const Answer *answer, GError **error);
/* The last call failed because no daemon could be reached. */
gboolean client_is_unreachable(const Client *client);
const char *client_socket_path(const Client *client);

/* --- the event stream --------------------------------------------------------------------------
 */

typedef struct EventStream EventStream;
typedef enum { STREAM_EVENT, STREAM_TIMEOUT, STREAM_INTERRUPTED, STREAM_ENDED } StreamOutcome;

/* Opens /api/v1/events; on return the daemon has accepted it, so that nothing from now on is
 * missed. */
EventStream *client_events(Client *client, GError **error);
void event_stream_free(EventStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EventStream, event_stream_free)
/*
 * Waits for the next event, at most `timeout_ms`, or until `interrupt_fd` (-1: none) can be read.
 * The event is set for STREAM_EVENT only; the caller frees it. A stream that breaks or makes no
 * sense has ENDED.
 */
StreamOutcome event_stream_wait(EventStream *stream, int timeout_ms, int interrupt_fd,
                                StreamEvent **event_out);
