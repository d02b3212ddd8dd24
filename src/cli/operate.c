/* Implements the common way of the verbs that change something. */
#include "cli/operate.h"

#include <string.h>

#include "cli/confirm.h"
#include "cli/job_screen.h"
#include "cli/job_watch.h"
#include "cli/plan_screen.h"
#include "foundation/error.h"
#include "foundation/ids.h"

static Answer *post(Call *call, const char *path, const Request *request, const char *key,
                    GError **error)
{
    json_t *body = request_to_json(request);
    g_autoptr(Answer) answer = client_call(call->client, "POST", path, body, key, error);
    json_decref(body);
    if (answer == NULL)
        return NULL;
    if (answer->status >= 400 || answer->json == NULL) {
        if (call_has(call, "json"))
            call_print_answer(answer);
        answer_to_error(answer, error);
        return NULL;
    }
    return g_steal_pointer(&answer);
}

static int dry_run(Call *call, const Request *request, GError **error)
{
    g_autoptr(Answer) answer = post(call, "/api/v1/plans", request, NULL, error);
    if (answer == NULL)
        return EXIT_ERROR;
    if (call_has(call, "json"))
        call_print_answer(answer);
    else
        plan_print(call, answer->json);
    return plan_digest(answer->json).exit_status;
}

/* --- asking ------------------------------------------------------------------------------------
 */

typedef enum { CONSENT_GIVEN, CONSENT_REFUSED, CONSENT_IMPOSSIBLE } Consent;

static Consent consent_to(const Call *call, const PlanDigest *digest)
{
    if (call_has(call, "yes") || !digest->loses)
        return CONSENT_GIVEN;
    if (call->screen->can_ask)
        return confirm("Go ahead?") ? CONSENT_GIVEN : CONSENT_REFUSED;
    return digest->destroys ? CONSENT_IMPOSSIBLE : CONSENT_GIVEN;
}

static int refuse_without_consent(Consent consent, GError **error)
{
    if (consent == CONSENT_REFUSED) {
        say_aside("Nothing was changed.");
        return EXIT_FAILED;
    }
    error_set(error, UNDERPIN_ERROR_INVALID, "add --yes; --dry-run shows what would be deleted",
              "this deletes for good, and there is no terminal to ask at");
    return EXIT_ERROR;
}

/* --- running -----------------------------------------------------------------------------------
 */

int operate_watch(Call *call, const json_t *job, gboolean to_the_end, const char *summary,
                  GError **error)
{
    g_autoptr(Answer) last = NULL;
    WatchOutcome outcome = job_watch(call, job, to_the_end, &last, error);
    if (outcome == WATCH_DETACHED)
        return EXIT_INTERRUPTED;
    if (outcome == WATCH_LOST)
        return EXIT_ERROR;
    if (!call_has(call, "json"))
        return job_print_result(call, last->json, summary);
    call_print_answer(last);
    return job_exit_status(last->json);
}

static int submit(Call *call, const Request *request, const char *summary, GError **error)
{
    g_autofree char *key = uuid_new();
    g_autoptr(Answer) answer = post(call, "/api/v1/jobs", request, key, error);
    if (answer == NULL)
        return EXIT_ERROR;
    if (!call_has(call, "no-wait"))
        return operate_watch(call, answer->json, FALSE, summary, error);
    if (call_has(call, "json"))
        call_print_answer(answer);
    else
        say("%s", text_of(answer->json, "id"));
    return EXIT_OK;
}

/* Plans, announces, asks. EXIT_OK: go ahead; the summary is set. */
static int announce(Call *call, const Request *request, char **summary_out, gboolean *nothing_out,
                    GError **error)
{
    g_autoptr(Answer) answer = post(call, "/api/v1/plans", request, NULL, error);
    if (answer == NULL)
        return EXIT_ERROR;
    PlanDigest digest = plan_digest(answer->json);
    gboolean will_ask = digest.loses && !call_has(call, "yes") && call->screen->can_ask;
    *nothing_out = digest.now + digest.pending == 0;
    if (!call_has(call, "json") || will_ask)
        plan_announce(call, answer->json);
    if (*nothing_out) {
        if (call_has(call, "json"))
            call_print_answer(answer);
        return digest.exit_status;
    }
    Consent consent = consent_to(call, &digest);
    if (consent != CONSENT_GIVEN)
        return refuse_without_consent(consent, error);
    *summary_out = g_strdup(text_of(answer->json, "summary"));
    return EXIT_OK;
}

/* The model speaks of the API's fields; at the command line only what is wrong with them is of
 * interest. */
static gboolean validate(const Request *request, GError **error)
{
    g_autoptr(GError) problem = NULL;
    if (request_validate(request, &problem))
        return TRUE;
    const char *colon = strstr(problem->message, "': ");
    gboolean has_field = g_str_has_prefix(problem->message, "field '") && colon != NULL;
    return error_set(error, error_code(problem), error_hint(problem), "%s",
                     has_field ? colon + strlen("': ") : problem->message);
}

int operate(Call *call, const Request *request, GError **error)
{
    g_autofree char *summary = NULL;
    gboolean has_nothing = FALSE;
    if (!validate(request, error))
        return EXIT_ERROR;
    if (call_has(call, "dry-run"))
        return dry_run(call, request, error);
    if (call->command->flags & COMMAND_ANNOUNCES) {
        int status = announce(call, request, &summary, &has_nothing, error);
        if (status != EXIT_OK || has_nothing)
            return status;
    }
    return submit(call, request, summary, error);
}
