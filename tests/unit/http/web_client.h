/* A browser or program that asks over TCP, without a socket: requests go through router and
 * dispatch, answers are held against the document. */
#pragma once

#include "fake_world.h"

typedef struct {
    FakeWorld *world;
    Peer peer;
    char *cookie; /* "name=value", as the last answer set it; NULL: none */
    char *csrf;   /* sent with what changes something; NULL: not */
    char *bearer; /* NULL: none */
    char *origin; /* NULL: none */
} WebClient;

/* From 192.0.2.1, by TLS. */
WebClient *web_client_new(FakeWorld *world);
/* Root on the unix socket. */
WebClient *web_client_new_root(FakeWorld *world);
void web_client_free(WebClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WebClient, web_client_free)
void web_client_set_address(WebClient *client, const char *address);

typedef struct {
    unsigned status;
    json_t *json; /* NULL: none */
    char *retry_after;
    char *set_cookie;
} WebAnswer;
void web_answer_clear(WebAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(WebAnswer, web_answer_clear)

/* Takes a cookie that is set into the client, and the session's csrf. `body` NULL: none. */
WebAnswer web_ask(WebClient *client, const char *method, const char *target, const char *body);
/* The same, and its status must be this. */
void web_expect(WebClient *client, const char *method, const char *target, const char *body,
                unsigned status);
/* A member of the answer's object, which must be there. */
const char *web_text(const WebAnswer *answer, const char *name);

/* Makes the account by root, with the password "correct horse", and these machines (NULL: none;
 * joined by ','). */
void web_add_account(FakeWorld *world, const char *name, const char *role, const char *machines);
/* A client that has logged in as that account. */
WebClient *web_client_logged_in(FakeWorld *world, const char *name);
