/* Implements the choice of machines. */
#include "cli/selection.h"

static gboolean check(const Call *call, const Request *request, GError **error)
{
    gboolean has_all = call_has(call, "all");
    if (has_all && request->machines->len > 0)
        return call_usage(call, error, "name machines or a base with --all, not both");
    if (!has_all && request->machines->len == 0)
        return call_usage(call, error, "%s needs the names of machines, or --all BASE",
                          call->command->name);
    if (!has_all && call_has(call, "match"))
        return call_usage(call, error, "--match narrows --all BASE, which is missing");
    return TRUE;
}

Request *selection_request(const Call *call, Verb verb, GError **error)
{
    g_autoptr(Request) request = call_request(call, verb, 0, error);
    if (request == NULL || !check(call, request, error))
        return NULL;
    request->all_of = g_strdup(call_text(call, "all"));
    request->match = g_strdup(call_text(call, "match"));
    request->limit = options_count(call->options, "limit", 0);
    return g_steal_pointer(&request);
}

void selection_take_policy(const Call *call, Request *request)
{
    const char *running = call_text(call, "running");
    if (running != NULL)
        running_policy_from_name(running, &request->running);
    request->grace_seconds = options_seconds(call->options, "grace", request->grace_seconds);
    request->digest = call_has(call, "digest");
    request->force = call_has(call, "force");
}
