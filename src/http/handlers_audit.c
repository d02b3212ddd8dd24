/* The audit trail, newest first. */
#include "foundation/error.h"
#include "http/handlers.h"
#include "http/page.h"
#include "model/json_put.h"

static json_t *entry_to_json(const AuditEntry *entry)
{
    json_t *json = json_object();
    g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, entry->sequence);
    json_put_text(json, "id", id);
    json_put_time(json, "at", entry->at);
    json_put_text(json, "account", entry->account);
    json_put_text(json, "address", entry->address);
    json_put_text(json, "action", entry->action);
    json_put_text(json, "machine", entry->machine);
    json_put_text(json, "result", entry->result);
    json_put_text(json, "detail", entry->detail);
    json_put_text(json, "job", entry->job);
    return json;
}

static gboolean read_query(const HttpRequest *request, AuditQuery *query, GError **error)
{
    Page page;
    guint64 before = 0;
    if (!page_read(request, &page, error))
        return FALSE;
    if (page.after && !g_ascii_string_to_unsigned(page.after, 10, 1, G_MAXINT64, &before, NULL))
        return error_set(error, UNDERPIN_ERROR_INVALID, "take the value of 'next'",
                         "'%s' is no place in the audit trail", page.after);
    *query = (AuditQuery){.limit = page.limit,
                          .before = (gint64)before,
                          .machine = http_request_query(request, "machine"),
                          .account = http_request_query(request, "account")};
    return TRUE;
}

HttpResponse *handle_audit_list(const Api *api, const HttpRequest *request, GError **error)
{
    AuditQuery query;
    if (!read_query(request, &query, error))
        return NULL;
    guint limit = query.limit++; /* one more tells whether another page follows */
    g_autoptr(GPtrArray) entries = access_list_audit(api->access, &query, error);
    if (!entries)
        return NULL;
    json_t *items = json_array(), *last = NULL;
    for (guint i = 0; i < entries->len && i < limit; i++)
        json_array_append_new(items, last = entry_to_json(entries->pdata[i]));
    return page_response(
        items, entries->len > limit ? json_string_value(json_object_get(last, "id")) : NULL);
}
