/* Puts together what the route, the request, the handler and the job know. */
#include "http/audit_trail.h"

#include <string.h>

#include "foundation/error.h"
#include "model/verb.h"

#define STATUS_TOO_MANY 429

static void free_entry(gpointer entry)
{
    audit_entry_free(entry);
}

static void write_entries(const Api *api, const GPtrArray *entries)
{
    g_autoptr(GError) error = NULL;
    if (access_problem(api->access))
        return;
    if (!access_note(api->access, entries, &error))
        g_warning("the audit trail is not written: %s", error->message);
}

/* The first of the two that is there. */
static char *one_of(const char *first, const char *second)
{
    return g_strdup(first ? first : second);
}

static const char *parameter_if(const Route *route, const HttpRequest *request, const char *name)
{
    return strstr(route->pattern, name) ? request->parameters[0] : NULL;
}

/* What the address of the request says, where it names neither a machine nor a job. */
static const char *subject_of(const Route *route, const HttpRequest *request)
{
    gboolean is_told = strstr(route->pattern, "{machine}") || strstr(route->pattern, "{job}");
    return is_told ? NULL : request->parameters[0];
}

static AuditEntry *entry_of(const Route *route, const HttpRequest *request,
                            const HttpResponse *response, const GError *error)
{
    const AuditEntry nothing = {0}, *known = response->audit ? response->audit : &nothing;
    const char *action = request->verb < 0 ? route->audit : verb_name((Verb)request->verb);
    const char *result = error ? error_code_name(error_code(error)) : "ok";
    const char *detail = error ? error->message : subject_of(route, request);
    const char *address = request->peer.address[0] != '\0' ? request->peer.address : NULL;
    AuditEntry *entry = audit_entry_new(action, known->result ? known->result : result);
    entry->account = one_of(known->account, request->identity->name);
    entry->address = g_strdup(address);
    entry->machine = one_of(known->machine, parameter_if(route, request, "{machine}"));
    entry->job = one_of(known->job, parameter_if(route, request, "{job}"));
    entry->detail = one_of(known->detail, detail);
    return entry;
}

void audit_request(const Api *api, const Route *route, const HttpRequest *request,
                   const HttpResponse *response, const GError *error)
{
    gboolean is_somebodys = request->identity->kind != IDENTITY_NONE || response->audit;
    if (!route->audit || !is_somebodys || response->status == STATUS_TOO_MANY)
        return;
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(free_entry);
    g_ptr_array_add(entries, entry_of(route, request, response, error));
    write_entries(api, entries);
}

static AuditEntry *entry_of_job(const Job *job, const char *result)
{
    AuditEntry *entry = audit_entry_new(verb_name(job->request->verb), result);
    entry->at = job->finished_at;
    entry->account = g_strdup(job->requested_by);
    entry->job = g_strdup(job->id);
    return entry;
}

void audit_job(const Api *api, const Job *job)
{
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(free_entry);
    for (guint i = 0; i < job->items->len; i++) {
        const JobItem *item = job->items->pdata[i];
        AuditEntry *entry = entry_of_job(job, item_state_name(item->state));
        entry->machine = g_strdup(item->machine_name);
        entry->detail = g_strdup(item->message);
        g_ptr_array_add(entries, entry);
    }
    if (job->items->len == 0) {
        AuditEntry *entry = entry_of_job(job, job_state_name(job->state));
        entry->detail = g_strdup(job->message);
        g_ptr_array_add(entries, entry);
    }
    write_entries(api, entries);
}

/* One that is no longer in the catalog is told of by nobody. */
void audit_catch_up(const Api *api)
{
    g_autoptr(GError) error = NULL;
    if (access_problem(api->access))
        return;
    g_autoptr(GPtrArray) ids = access_list_unended(api->access, &error);
    if (!ids)
        g_warning("the audit trail may lack how jobs have ended: %s", error->message);
    for (guint i = 0; ids && i < ids->len; i++) {
        g_autoptr(Job) job = catalog_get_job(api->catalog, ids->pdata[i], NULL);
        if (job && job_state_is_final(job->state))
            audit_job(api, job);
    }
}
