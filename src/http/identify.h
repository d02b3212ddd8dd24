/* In whose name a request comes: by the unix socket, by a token, by a cookie. */
#pragma once

#include "http/api.h"

/*
 * On the unix socket the peer's credentials are the login and nothing else is looked at: DENIED for
 * one who may not administer. By TCP: the token of an Authorization header (DENIED where it is none
 * of ours), else the cookie; nobody where there is neither, or the session has ended. May be slow.
 */
Identity *identify(const Api *api, const HttpRequest *request, GError **error);

/*
 * A request that changes something with a cookie must prove that it comes from a page of ours: by
 * the session's token in X-CSRF-Token. And whatever a browser sends from elsewhere (Origin) is
 * refused. DENIED.
 */
gboolean identify_check_origin(const HttpRequest *request, GError **error);
gboolean identify_check_csrf(const HttpRequest *request, GError **error);

/* The cookie that carries a session's key (NULL: that takes it away). By TLS it has a prefix that
 * browsers accept from this very host by TLS alone. */
void identify_set_cookie(HttpResponse *response, const HttpRequest *request, const char *key);
