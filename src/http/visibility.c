/* One place that decides what exists for whom; handlers only ask. */
#include "http/visibility.h"

#include "foundation/error.h"

static gboolean refuse_unknown(const char *name, GError **error)
{
    return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "the page lists the machines that are yours",
                     "no machine '%s'", name);
}

Machine *visible_machine(const Api *api, const HttpRequest *request, const char *name,
                         GError **error)
{
    /* The engine proposes names that are near, which are not his to know. */
    if (!identity_is_confined(request->identity))
        return engine_find_machine(api->engine, name, error);
    g_autoptr(Machine) machine = engine_find_machine(api->engine, name, NULL);
    if (machine && identity_sees_machine(request->identity, machine->id))
        return g_steal_pointer(&machine);
    refuse_unknown(name, error);
    return NULL;
}

gboolean job_is_visible(const HttpRequest *request, const Job *job)
{
    if (!identity_is_confined(request->identity))
        return TRUE;
    if (!identity_has_asked(request->identity, job->requested_by, job->created_at))
        return FALSE;
    for (guint i = 0; i < job->items->len; i++) {
        const JobItem *item = job->items->pdata[i];
        if (!identity_sees_machine(request->identity, item->machine_id))
            return FALSE;
    }
    return TRUE;
}

gboolean confine_request(const Api *api, const HttpRequest *http, Request *request, GError **error)
{
    if (!identity_is_confined(http->identity))
        return TRUE;
    if (request->all_of)
        return error_set(error, UNDERPIN_ERROR_DENIED, "name the machines one by one",
                         "'all_of' is for operators and administrators");
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < request->machines->len; i++) {
        g_autoptr(Machine) machine = visible_machine(api, http, request->machines->pdata[i], error);
        if (!machine)
            return FALSE;
        g_ptr_array_add(ids, g_strdup(machine->id));
    }
    g_ptr_array_unref(request->machines);
    request->machines = g_steal_pointer(&ids);
    return TRUE;
}
