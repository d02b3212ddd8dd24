/* One request, from the permission to the answer: what every transport does with it. */
#pragma once

#include "http/api.h"

/* Never NULL. Finds out in whose name the request comes, checks what he may, calls the route's
 * handler, turns an error into a problem, logs it once, and tells the audit trail. */
HttpResponse *dispatch(const Api *api, const Route *route, HttpRequest *request);
