/* Lists in pages: ?limit= and ?after=, answered as {"items","next"}. */
#pragma once

#include "http/message.h"

#define PAGE_LIMIT_DEFAULT 100
#define PAGE_LIMIT_MAX     10000

typedef struct {
    guint limit;
    const char
        *after; /* cursor: what "next" said; NULL: from the beginning. Borrowed from the request */
} Page;

/* INVALID where limit is no number from 1 to PAGE_LIMIT_MAX, or the cursor is empty. */
gboolean page_read(const HttpRequest *request, Page *page_out, GError **error);

/*
 * Cuts a sorted array down to the page: drops what does not come after the cursor by `compare` (an
 * element, and the cursor's text) and what is beyond the limit. TRUE where more follows.
 */
typedef int (*PageCompare)(gconstpointer element, const char *cursor);
gboolean page_cut(GPtrArray *sorted, const Page *page, PageCompare compare);

/* {"items": items, "next": cursor or null}. Takes `items`. */
HttpResponse *page_response(json_t *items, const char *next);
