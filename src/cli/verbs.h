/* The rows of the verb table, each defined in its file below verbs/. */
#pragma once

#include "cli/command.h"

extern const Command command_list, command_show, command_status, command_history, command_layers,
    command_storage, command_domains;
extern const Command command_import, command_prepare, command_unprepare, command_clone,
    command_detach, command_export, command_remove, command_purge;
extern const Command command_rebase, command_restore, command_undo, command_forget, command_hold,
    command_release;
extern const Command command_start, command_shutdown, command_poweroff, command_reboot;
extern const Command command_volume_list, command_volume_add, command_volume_attach,
    command_volume_set_role, command_volume_resize, command_volume_kept;
extern const Command command_account_list, command_account_add, command_account_role,
    command_account_assign, command_account_disable, command_account_enable, command_account_reset,
    command_account_remove, command_account_setup_link;
extern const Command command_token_list, command_token_create, command_token_revoke, command_audit;
extern const Command command_job_list, command_job_show, command_job_watch, command_job_cancel;
extern const Command command_doctor, command_reclaim, command_backup, command_completion,
    command_complete;
