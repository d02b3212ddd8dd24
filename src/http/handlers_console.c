/* A machine's screen: a ticket, the WebSocket that it lets in, and a file for virt-viewer. */
#include <string.h>

#include "foundation/error.h"
#include "http/handlers.h"
#include "http/identify.h"
#include "http/viewer_file.h"
#include "http/visibility.h"
#include "http/websocket.h"
#include "model/json_put.h"

#define STATUS_CREATED 201

/* --- ticket -------------------------------------------------------------------------------------
 */

static gboolean check_consoles(const Api *api, GError **error)
{
    return api->consoles || error_set(error, UNDERPIN_ERROR_UNAVAILABLE, "use virt-viewer or virsh",
                                      "this daemon carries no consoles");
}

/* What cannot be shown is said here, where there is a page to say it on, and not by a WebSocket
 * that does not open. */
static gboolean check_screen(const Api *api, const Machine *machine, GError **error)
{
    g_autoptr(DomainDisplay) display = hypervisor_display(api->hypervisor, machine->uuid, error);
    return display && domain_display_require_vnc(display, machine->name, error);
}

HttpResponse *handle_console_open(const Api *api, const HttpRequest *request, GError **error)
{
    g_autoptr(Machine) machine = visible_machine(api, request, request->parameters[0], error);
    if (!machine || !check_consoles(api, error) || !check_screen(api, machine, error))
        return NULL;
    ConsoleGrant *grant = console_grant_new(machine->id, machine->uuid, request);
    gint64 end = consoles_ticket_end(api->consoles);
    g_autofree char *ticket = console_tickets_issue(consoles_tickets(api->consoles), grant);
    g_autofree char *path = g_strconcat("/console/", ticket, NULL);
    json_t *json = json_object();
    json_put_text(json, "path", path);
    json_put_time(json, "expires_at", end);
    json_put_text(json, "kind", "vnc");
    HttpResponse *response = http_response_json(STATUS_CREATED, json);
    http_response_audit(response)->machine = g_strdup(machine->name);
    return response;
}

gboolean console_may_stay(const ConsoleGrant *grant, gpointer user_data)
{
    const Api *api = user_data;
    g_autoptr(Identity) identity = identify(api, grant->request, NULL);
    return identity && identity_has_role(identity, ACCOUNT_USER) &&
           identity_sees_machine(identity, grant->machine_id);
}

/* --- WebSocket ----------------------------------------------------------------------------------
 */

/* Who has logged out meanwhile does not get in with a ticket that he still holds. */
static ConsoleGrant *redeem(const Api *api, const HttpRequest *request, GError **error)
{
    g_autoptr(ConsoleGrant) grant =
        console_tickets_redeem(consoles_tickets(api->consoles), request->parameters[0]);
    if (grant && console_may_stay(grant, (gpointer)api))
        return g_steal_pointer(&grant);
    error_set(error, UNDERPIN_ERROR_NOT_FOUND, "open the console again",
              "the ticket for this console has been used, or has ended");
    return NULL;
}

HttpResponse *handle_console(const Api *api, const HttpRequest *request, GError **error)
{
    if (!check_consoles(api, error) || !websocket_check(request, CONSOLE_PROTOCOL, error) ||
        !identify_check_origin(request, error))
        return NULL;
    g_autoptr(ConsoleGrant) grant = redeem(api, request, error);
    int screen = grant ? hypervisor_open_screen(api->hypervisor, grant->uuid, error) : -1;
    if (screen < 0)
        return NULL;
    Console *console = console_new(api->consoles, screen, g_steal_pointer(&grant), error);
    if (!console)
        return NULL;
    HttpResponse *response = websocket_accept(request, CONSOLE_PROTOCOL);
    response->console = console;
    return response;
}

/* --- virt-viewer --------------------------------------------------------------------------------
 */

static gboolean is_on_this_host(const Peer *peer)
{
    return peer->is_unix || g_str_has_prefix(peer->address, "127.") ||
           g_str_equal(peer->address, "::1");
}

/* The name in "Host: NAME:PORT", or NULL where it is none. Caller frees. */
static char *host_name(const HttpRequest *request)
{
    const char *host = http_request_header(request, "Host");
    if (!host || request->peer.is_unix)
        return NULL;
    if (host[0] == '[')
        return g_strndup(host + 1, strcspn(host + 1, "]"));
    g_autofree char *name = g_strndup(host, strcspn(host, ":"));
    return name[0] != '\0' ? g_steal_pointer(&name) : NULL;
}

HttpResponse *handle_machine_viewer(const Api *api, const HttpRequest *request, GError **error)
{
    g_autoptr(Machine) machine = visible_machine(api, request, request->parameters[0], error);
    g_autoptr(DomainDisplay) display =
        machine ? hypervisor_display(api->hypervisor, machine->uuid, error) : NULL;
    if (!display)
        return NULL;
    g_autofree char *host = host_name(request);
    const ViewerSeat seat = {
        .title = machine->name, .is_local = is_on_this_host(&request->peer), .host = host};
    char *file = viewer_file_new(display, &seat, error);
    if (!file)
        return NULL;
    HttpResponse *response = http_response_text(200, "application/x-virt-viewer", file);
    http_response_add_header(response, "Content-Disposition",
                             "attachment; filename=\"console.vv\"");
    return response;
}
