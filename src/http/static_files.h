/* The web page's files, as answers. */
#pragma once

#include "http/message.h"

/* FALSE where the daemon is built without the page. */
gboolean static_files_have_page(void);

/*
 * The answer to a request that no route takes: a file of the page; the page itself for any other
 * address that a browser opens, as addresses within it are the page's own; NULL else. Compressed as
 * Accept-Encoding has it, 304 where If-None-Match names what is there. NOT_FOUND as answer where
 * the daemon is built without the page and a browser asks for it.
 */
HttpResponse *static_files_answer(const HttpRequest *request);
