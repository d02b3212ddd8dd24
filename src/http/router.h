/* The router: one table of method, pattern, handler and permission, matched on the raw path. */
#pragma once

#include "http/message.h"

typedef struct Api Api;

typedef HttpResponse *(*HttpHandler)(const Api *api, const HttpRequest *request, GError **error);

typedef enum {
    ALLOW_ADMINISTRATORS,
    ALLOW_OPERATORS, /* and those above them */
    ALLOW_USERS,     /* everybody with an account; sees what is his */
    ALLOW_ANYONE,    /* shows nothing of any machine */
} Permission;

/* What a handler may wait for, and so which workers run it: a hung disk must not keep lists from
 * being read. */
typedef enum { WAITS_FOR_HOST, WAITS_FOR_NOTHING } Waits;

#define ROUTE_QUERY_MAX 8

typedef struct {
    const char *method;
    const char *pattern; /* "/api/v1/machines/{machine}/history" */
    HttpHandler handler;
    Permission permission;
    gboolean by_verb;  /* the verb of the body must be allowed, too (model/verb.c) */
    const char *audit; /* noted in the audit trail as this; NULL: changes nothing. By verb: its
                          name */
    Waits waits;
    gboolean takes_body; /* application/json, required */
    /* names it understands, others are refused; the last is NULL */
    const char *query[ROUTE_QUERY_MAX + 1];
} Route;

/*
 * Finds the route of request->method and request->path in `routes`, fills request->parameters and
 * checks the query's names. An empty segment matches nothing; "%2F" inside a segment is part of the
 * value. Else NULL with the answer in *refusal_out: 404, 405 with Allow, or 400 for an address that
 * cannot be decoded. `query` is the raw query or NULL.
 */
const Route *router_match(const Route *routes, gsize count, HttpRequest *request, const char *query,
                          HttpResponse **refusal_out);
