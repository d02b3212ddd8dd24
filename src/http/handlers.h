/* All handlers, by the file that holds them. Contract: router.h; addresses: routes.c. */
#pragma once

#include "http/api.h"

#define HANDLER(name) HttpResponse *name(const Api *api, const HttpRequest *request, GError **error)

/* handlers_machines.c */
HANDLER(handle_machine_list);
HANDLER(handle_machine_show);
HANDLER(handle_machine_history);
/* handlers_requests.c */
HANDLER(handle_plan_make);
HANDLER(handle_job_submit);
/* handlers_jobs.c */
HANDLER(handle_job_list);
HANDLER(handle_job_show);
HANDLER(handle_job_cancel);
/* handlers_layers.c */
HANDLER(handle_layer_list);
HANDLER(handle_layer_show);
HANDLER(handle_kept_volume_list);
/* handlers_storage.c */
HANDLER(handle_machine_space);
HANDLER(handle_storage);
/* handlers_domains.c */
HANDLER(handle_domain_list);
/* handlers_status.c */
HANDLER(handle_health);
HANDLER(handle_status);
HANDLER(handle_doctor);
/* handlers_session.c */
HANDLER(handle_session_show);
HANDLER(handle_session_begin);
HANDLER(handle_session_end);
HANDLER(handle_password_change);
HANDLER(handle_set_up);
/* handlers_accounts.c */
HANDLER(handle_account_list);
HANDLER(handle_account_add);
HANDLER(handle_account_change);
HANDLER(handle_account_reset);
HANDLER(handle_account_remove);
HANDLER(handle_setup_link);
/* handlers_tokens.c */
HANDLER(handle_token_list);
HANDLER(handle_token_add);
HANDLER(handle_token_revoke);
/* handlers_audit.c */
HANDLER(handle_audit_list);
/* handlers_console.c */
HANDLER(handle_console_open);
HANDLER(handle_console);
HANDLER(handle_machine_viewer);
/* Whether who was granted a console may still have it: logged in, and the machine still his. The
 * Api is the user data. */
gboolean console_may_stay(const ConsoleGrant *grant, gpointer user_data);
/* handlers_metrics.c */
HANDLER(handle_metrics);
/* handlers_meta.c */
HANDLER(handle_verb_list);
HANDLER(handle_openapi);
HANDLER(handle_events);

/* A job as the API shows it: with the estimate, which only the queue knows. New reference. */
json_t *job_to_api_json(const Api *api, const Job *job, gboolean with_items);

#undef HANDLER
