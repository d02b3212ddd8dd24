/* Paging by the last element seen, not by a count: a list that changes meanwhile loses and repeats
 * nothing. */
#include "http/page.h"

#include "foundation/error.h"

gboolean page_read(const HttpRequest *request, Page *page_out, GError **error)
{
    const char *limit_text = http_request_query(request, "limit");
    const char *after = http_request_query(request, "after");
    guint64 limit = PAGE_LIMIT_DEFAULT;
    if (limit_text && !g_ascii_string_to_unsigned(limit_text, 10, 1, PAGE_LIMIT_MAX, &limit, NULL))
        return error_set(error, UNDERPIN_ERROR_INVALID, "state a number from 1 to 10000",
                         "limit '%s' is out of range", limit_text);
    if (after && after[0] == '\0')
        return error_set(error, UNDERPIN_ERROR_INVALID,
                         "take the value of 'next' of the page before, or leave it out",
                         "the cursor 'after' is empty");
    *page_out = (Page){.limit = (guint)limit, .after = after};
    return TRUE;
}

gboolean page_cut(GPtrArray *sorted, const Page *page, PageCompare compare)
{
    guint first = 0, end = sorted->len;
    while (page->after && first < end) {
        guint middle = first + (end - first) / 2;
        if (compare(sorted->pdata[middle], page->after) > 0)
            end = middle;
        else
            first = middle + 1;
    }
    if (first > 0)
        g_ptr_array_remove_range(sorted, 0, first);
    if (sorted->len <= page->limit)
        return FALSE;
    g_ptr_array_remove_range(sorted, page->limit, sorted->len - page->limit);
    return TRUE;
}

HttpResponse *page_response(json_t *items, const char *next)
{
    json_t *list = json_object();
    json_object_set_new(list, "items", items);
    json_object_set_new(list, "next", next ? json_string(next) : json_null());
    return http_response_json(200, list);
}
