/* What handlers get and give: an HTTP request and response, without any server behind them. */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "access/access.h"
#include "http/peer.h"

typedef struct Console Console;

#define HTTP_BODY_LIMIT_BYTES ((gsize)1024 * 1024)
#define HTTP_PARAMETERS_MAX   2

typedef struct {
    char *method;                          /* "GET" also for HEAD */
    char *path;                            /* raw, as it came, without the query */
    char *parameters[HTTP_PARAMETERS_MAX]; /* decoded, in the pattern's order */
    GHashTable *query;                     /* decoded name -> value */
    GHashTable *headers;                   /* name in small letters -> value */
    GByteArray *body;
    Peer peer;
    Identity *identity; /* in whose name; nobody's until dispatch() has found out */
    int verb;           /* Verb of the body, where the route goes by it; -1: none that is known */
} HttpRequest;

/* `target` is the request target as it came, "/path?query"; it is split here and decoded by the
 * router. */
HttpRequest *http_request_new(const char *method, const char *target);
void http_request_free(HttpRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpRequest, http_request_free)

/* Notes a header, copied; the first of a name counts. Names are compared without regard to case. */
void http_request_add_header(HttpRequest *request, const char *name, const char *value);
/* The header's value, or NULL. Borrowed. */
const char *http_request_header(const HttpRequest *request, const char *name);

/* The query's value of `name`, or NULL. Borrowed. */
const char *http_request_query(const HttpRequest *request, const char *name);
/* A query value "true" or "false"; `set_out` says whether it was there at all. INVALID else. */
gboolean http_request_query_boolean(const HttpRequest *request, const char *name, gboolean *set_out,
                                    gboolean *value_out, GError **error);
/* The body as JSON object. INVALID says where it goes wrong. New reference. */
json_t *http_request_json(const HttpRequest *request, GError **error);

typedef struct {
    unsigned status;
    const char *content_type; /* static; NULL: no body */
    GBytes *body;
    GPtrArray *headers;    /* char *: name, value, name, value … */
    AuditEntry *audit;     /* what the audit trail is told beside what dispatch() knows; or NULL */
    gboolean closes;       /* the connection ends with this answer */
    Console *console;      /* what the connection becomes, with status 101; NULL: nothing */
    gboolean opens_events; /* the body is the event stream, resumed after request->last_event_id */
} HttpResponse;

void http_response_free(HttpResponse *response);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpResponse, http_response_free)

/* Adds a header, copied, after those of the same name. The value has no control characters. */
void http_response_add_header(HttpResponse *response, const char *name, const char *value);
/* The first header of that name, or NULL. Borrowed. */
const char *http_response_header(const HttpResponse *response, const char *name);

/*
 * The note for the audit trail, to be filled: its texts come before those that dispatch() has
 * itself (account, address, action, machine, job, result).
 */
AuditEntry *http_response_audit(HttpResponse *response);

/* Takes `json`. */
HttpResponse *http_response_json(unsigned status, json_t *json);
/* Takes `text`. `content_type` is static. */
HttpResponse *http_response_text(unsigned status, const char *content_type, char *text);
/* Takes `body`, which may be NULL. `content_type` is static; NULL: without a body. */
HttpResponse *http_response_bytes(unsigned status, const char *content_type, GBytes *body);
HttpResponse *http_response_events(void);
/*
 * application/problem+json (RFC 9457) with the error's code, message and hint. What is not an error
 * of ours, or is a bug, shows no message of its own: its text is for the log.
 */
HttpResponse *http_response_problem(const GError *error);
/* The same with another status than the code's, for what only HTTP knows (405, 413, 415). */
HttpResponse *http_response_problem_status(unsigned status, const GError *error);
