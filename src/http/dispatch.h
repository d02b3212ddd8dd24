/* One request, from the permission to the answer: what every transport does with it. */
#pragma once

#include "http/api.h"

/* Never NULL. Checks the peer, calls the route's handler, turns an error into a problem, and logs
 * it once. */
HttpResponse *dispatch(const Api *api, const Route *route, const HttpRequest *request);
