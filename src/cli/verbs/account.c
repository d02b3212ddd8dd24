/* `underpin account …`: who may use the web page, in which role, and on which machines. */
#include "cli/call.h"
#include "cli/confirm.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "foundation/error.h"
#include "model/account_role.h"

/* --- looking -----------------------------------------------------------------------------------
 */

static const TableColumn account_columns[] = {
    {"ACCOUNT", COLUMN_PLAIN}, {"ROLE", COLUMN_PLAIN},
    {"STATE", COLUMN_PLAIN},   {"LAST LOGIN", COLUMN_RIGHT | COLUMN_SPARE},
    {"MACHINES", COLUMN_TRIM},
};

static const char *state_of(const json_t *account)
{
    return flag_of(account, "disabled")  ? "disabled"
           : flag_of(account, "invited") ? "invited"
                                         : "active";
}

/* Only a user is held to the machines that are assigned to him. */
static char *machines_cell(const json_t *account)
{
    size_t index;
    const json_t *machine;
    g_autoptr(GString) names = g_string_new(NULL);
    if (g_strcmp0(text_of(account, "role"), account_role_name(ACCOUNT_USER)) != 0)
        return g_strdup("all");
    json_array_foreach(list_of(account, "machines"), index, machine)
    {
        g_string_append_printf(names, "%s%s", index > 0 ? ", " : "", text_of(machine, "name"));
    }
    return g_strdup(names->len > 0 ? names->str : "none");
}

static void add_account(Table *table, const Call *call, const json_t *account)
{
    const char *state = state_of(account);
    TableRow *row = table_add(table, NULL);
    table_set(table, row, 0, text_of(account, "name"));
    table_set(table, row, 1, text_of(account, "role"));
    table_set_toned(table, row, 2, state, g_str_equal(state, "active") ? TONE_PLAIN : TONE_FAINT);
    table_take(
        table, row, 3,
        time_to_relative_text(text_of(account, "last_login_at"), call->clock->now_seconds()));
    table_take(table, row, 4, machines_cell(account));
}

static int run_list(Call *call, GError **error)
{
    size_t index;
    const json_t *account;
    g_autoptr(Answer) answer = call_get(call, "/api/v1/accounts", error);
    if (answer == NULL)
        return EXIT_ERROR;
    g_autoptr(Table) table =
        table_new(call->screen, account_columns, G_N_ELEMENTS(account_columns));
    json_array_foreach(list_of(answer->json, "items"), index, account)
    {
        add_account(table, call, account);
    }
    call_print_table(
        call, table,
        "no accounts yet: 'underpin account setup-link' makes the first administrator");
    return EXIT_OK;
}

/* --- set-up links ------------------------------------------------------------------------------
 */

/* Where the daemon serves no page of its own, the link is told below the address of one. */
static void say_link(const char *who, const json_t *json)
{
    const char *url = text_of(json, "setup_url");
    say("%s sets a password at this link, once, within 3 days:", who);
    say("%s", url != NULL ? url : text_of(json, "setup_path"));
}

static int run_setup_link(Call *call, GError **error)
{
    g_autoptr(Answer) answer = call_send(call, "POST", "/api/v1/setup-link", NULL, error);
    if (answer == NULL)
        return EXIT_ERROR;
    if (!call_has(call, "json"))
        say_link("The first administrator", answer->json);
    return EXIT_OK;
}

/* --- adding ------------------------------------------------------------------------------------
 */

static int run_add(Call *call, GError **error)
{
    const char *name = call_argument(call, 0), *role = call_text(call, "role");
    g_autoptr(GPtrArray) machines = call_names(call, 1, error);
    if (machines == NULL)
        return EXIT_ERROR;
    json_t *names = json_array();
    for (guint i = 0; i < machines->len; i++)
        json_array_append_new(names, json_string(machines->pdata[i]));
    json_t *body =
        json_pack("{s:s, s:s, s:o}", "name", name, "role",
                  role != NULL ? role : account_role_name(ACCOUNT_USER), "machines", names);
    g_autoptr(Answer) answer = call_send(call, "POST", "/api/v1/accounts", body, error);
    json_decref(body);
    if (answer == NULL)
        return EXIT_ERROR;
    if (!call_has(call, "json"))
        say_link(name, answer->json);
    return EXIT_OK;
}

/* --- changing ----------------------------------------------------------------------------------
 */

/* Takes `body`. */
static Answer *change(Call *call, json_t *body, GError **error)
{
    g_autofree char *path = call_path("accounts", call_argument(call, 0), "");
    Answer *answer = call_send(call, "PATCH", path, body, error);
    json_decref(body);
    return answer;
}

static int run_role(Call *call, GError **error)
{
    AccountRole role;
    const char *text = call_argument(call, 1);
    if (!account_role_from_name(text, &role)) {
        error_set(error, UNDERPIN_ERROR_INVALID, "one of user, operator, administrator",
                  "there is no role '%s'", text);
        return EXIT_ERROR;
    }
    g_autoptr(Answer) answer = change(call, json_pack("{s:s}", "role", text), error);
    if (answer == NULL)
        return EXIT_ERROR;
    if (!call_has(call, "json"))
        say("%s is %s %s now", call_argument(call, 0), role == ACCOUNT_USER ? "a" : "an", text);
    return EXIT_OK;
}

static gboolean set_disabled(Call *call, gboolean disabled, GError **error)
{
    g_autoptr(Answer) answer = change(call, json_pack("{s:b}", "disabled", disabled), error);
    return answer != NULL;
}

static int run_disable(Call *call, GError **error)
{
    if (!set_disabled(call, TRUE, error))
        return EXIT_ERROR;
    if (!call_has(call, "json"))
        say("%s cannot log in any more, and all sessions have ended", call_argument(call, 0));
    return EXIT_OK;
}

static int run_enable(Call *call, GError **error)
{
    if (!set_disabled(call, FALSE, error))
        return EXIT_ERROR;
    if (!call_has(call, "json"))
        say("%s may log in again", call_argument(call, 0));
    return EXIT_OK;
}

/* The machines (by id or name) that the account has now; NULL on error. New reference. */
static json_t *assigned(Call *call, GError **error)
{
    size_t index;
    const json_t *account, *machine;
    g_autoptr(Answer) answer = client_get(call->client, "/api/v1/accounts", error);
    if (answer == NULL)
        return NULL;
    json_array_foreach(list_of(answer->json, "items"), index, account)
    {
        if (g_strcmp0(text_of(account, "name"), call_argument(call, 0)) != 0)
            continue;
        json_t *names = json_array();
        json_array_foreach(list_of(account, "machines"), index, machine)
        {
            json_array_append(names, json_object_get(machine, "name"));
        }
        return names;
    }
    error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin account list'", "no account '%s'",
              call_argument(call, 0));
    return NULL;
}

/* Where the name stands among `names`; their number: nowhere. */
static size_t place_of(const json_t *names, const char *name)
{
    size_t index = 0;
    while (index < json_array_size(names) &&
           g_strcmp0(json_string_value(json_array_get(names, index)), name) != 0)
        index++;
    return index;
}

static gboolean take_away(const Call *call, json_t *names, const char *name, GError **error)
{
    if (json_array_remove(names, place_of(names, name)) == 0)
        return TRUE;
    return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "'underpin account list' shows what is",
                     "'%s' is not assigned to '%s'", name, call_argument(call, 0));
}

/* Adds to the machines of `names`, or takes away. */
static gboolean merge(const Call *call, json_t *names, const GPtrArray *given, GError **error)
{
    for (guint i = 0; i < given->len; i++) {
        const char *name = given->pdata[i];
        if (call_has(call, "take") && !take_away(call, names, name, error))
            return FALSE;
        if (!call_has(call, "take") && place_of(names, name) == json_array_size(names))
            json_array_append_new(names, json_string(name));
    }
    return TRUE;
}

static int run_assign(Call *call, GError **error)
{
    gboolean takes = call_has(call, "take"), only = call_has(call, "only");
    g_autoptr(GPtrArray) given = call_names(call, 1, error);
    if (given == NULL)
        return EXIT_ERROR;
    if ((takes && only) || (!only && given->len == 0)) {
        call_usage(call, error,
                   "account assign needs machines, and one of --take and --only at most");
        return EXIT_ERROR;
    }
    json_t *names = only ? json_array() : assigned(call, error);
    if (names == NULL || !merge(call, names, given, error)) {
        json_decref(names);
        return EXIT_ERROR;
    }
    g_autoptr(Answer) answer = change(call, json_pack("{s:o}", "machines", names), error);
    if (answer == NULL)
        return EXIT_ERROR;
    g_autofree char *count =
        count_to_text(json_array_size(list_of(answer->json, "machines")), "machine", "machines");
    if (!call_has(call, "json"))
        say("%s has %s now", call_argument(call, 0), count);
    return EXIT_OK;
}

static int run_reset(Call *call, GError **error)
{
    g_autofree char *path = call_path("accounts", call_argument(call, 0), "/reset");
    g_autoptr(Answer) answer = call_send(call, "POST", path, NULL, error);
    if (answer == NULL)
        return EXIT_ERROR;
    if (!call_has(call, "json"))
        say_link(call_argument(call, 0), answer->json);
    return EXIT_OK;
}

/* EXIT_OK where it may be removed. */
static int ask_to_remove(const Call *call, GError **error)
{
    g_autofree char *question = g_strdup_printf(
        "Remove the account '%s' with its sessions and tokens?", call_argument(call, 0));
    if (call_has(call, "yes"))
        return EXIT_OK;
    if (!call->screen->can_ask) {
        error_set(error, UNDERPIN_ERROR_INVALID, "add --yes",
                  "this removes an account, and there is no terminal to ask at");
        return EXIT_ERROR;
    }
    if (confirm(question))
        return EXIT_OK;
    say_aside("Nothing was changed.");
    return EXIT_FAILED;
}

static int run_remove(Call *call, GError **error)
{
    g_autofree char *path = call_path("accounts", call_argument(call, 0), "");
    int asked = ask_to_remove(call, error);
    if (asked != EXIT_OK)
        return asked;
    g_autoptr(Answer) answer = call_send(call, "DELETE", path, NULL, error);
    if (answer == NULL)
        return EXIT_ERROR;
    if (!call_has(call, "json"))
        say("%s is removed", call_argument(call, 0));
    return EXIT_OK;
}

/* --- rows --------------------------------------------------------------------------------------
 */

#define ACCOUNT_ROW(least, most)                                                                   \
    .group = GROUP_ACCOUNTS, .names = NAMES_ACCOUNTS, .least_arguments = (least),                  \
    .most_arguments = (most)

const Command command_account_list = {
    .name = "account list",
    .group = GROUP_ACCOUNTS,
    .summary = "list accounts, their roles and machines",
    .usage = "",
    .examples = "account list # who may do what",
    .also_known_as = "users, permissions, entitlements",
    .run = run_list,
};

static const OptionSpec add_options[] = {
    {"role", 'r', OPTION_CHOICE, "user|operator|administrator", NAMES_NOTHING,
     "what it may do (default user)"},
    {0},
};

const Command command_account_add = {
    .name = "account add",
    .summary = "make an account, and a link with which its owner sets a password",
    .usage = "ACCOUNT [MACHINE…] [--role ROLE]",
    .description =
        "A user sees the machines that are assigned to him and may start, shut down and restore "
        "them. An operator sees all machines, may also power off, reboot and undo, and reads jobs, "
        "layers and storage. An administrator may do everything.",
    .examples = "account add anna lab-1 lab-2 # a user with two machines\n"
                "account add otto --role operator # helps all users",
    .also_known_as = "invite, add user, useradd",
    .options = add_options,
    .group = GROUP_ACCOUNTS,
    .later_names = {NAMES_MACHINES, NAMES_MACHINES},
    .least_arguments = 1,
    .most_arguments = G_MAXUINT,
    .run = run_add,
};

const Command command_account_role = {
    .name = "account role",
    .summary = "give an account another role",
    .usage = "ACCOUNT user|operator|administrator",
    .description = "The last administrator who can log in stays one.",
    .examples = "account role anna operator # from now on",
    .also_known_as = "grant, make admin",
    .later_names = {NAMES_ACCOUNT_ROLES},
    ACCOUNT_ROW(2, 2),
    .run = run_role,
};

static const OptionSpec assign_options[] = {
    {"take", 0, OPTION_FLAG, NULL, NAMES_NOTHING, "take these machines away instead"},
    {"only", 0, OPTION_FLAG, NULL, NAMES_NOTHING, "these machines and no others; none: no machine"},
    {0},
};

const Command command_account_assign = {
    .name = "account assign",
    .summary = "assign machines to an account, or take them away",
    .usage = "ACCOUNT MACHINE… [--take]\nACCOUNT [MACHINE…] --only",
    .description = "What is not assigned to a user does not exist for him. A machine may be "
                   "assigned to several users.",
    .examples = "account assign anna lab-1,lab-2 # in addition\n"
                "account assign anna lab-1 --take # not any more\n"
                "account assign anna --only # no machine",
    .also_known_as = "attach user, pool membership",
    .options = assign_options,
    .later_names = {NAMES_MACHINES, NAMES_MACHINES},
    ACCOUNT_ROW(1, G_MAXUINT),
    .run = run_assign,
};

const Command command_account_disable = {
    .name = "account disable",
    .summary = "keep an account from logging in, and end its sessions",
    .usage = "ACCOUNT",
    .examples = "account disable anna # until 'account enable anna'",
    .also_known_as = "lock account, block",
    ACCOUNT_ROW(1, 1),
    .run = run_disable,
};

const Command command_account_enable = {
    .name = "account enable",
    .summary = "let a disabled account log in again",
    .usage = "ACCOUNT",
    .examples = "account enable anna # with the password it had",
    .also_known_as = "unlock account, unblock",
    ACCOUNT_ROW(1, 1),
    .run = run_enable,
};

const Command command_account_reset = {
    .name = "account reset",
    .summary = "take an account's password away, and make a link to set a new one",
    .usage = "ACCOUNT",
    .description = "Its sessions end. Its API tokens stay: see 'underpin token revoke'.",
    .examples = "account reset anna # a password was forgotten",
    .also_known_as = "passwd, password reset, forgotten password",
    ACCOUNT_ROW(1, 1),
    .run = run_reset,
};

static const OptionSpec remove_options[] = {
    {"yes", 'y', OPTION_FLAG, NULL, NAMES_NOTHING, "do not ask"},
    {0},
};

const Command command_account_remove = {
    .name = "account remove",
    .summary = "remove an account, with its sessions and tokens",
    .usage = "ACCOUNT [--yes]",
    .description = "Its machines stay as they are, and so does the audit trail.",
    .examples = "account remove anna # its machines stay",
    .also_known_as = "delete user, userdel",
    .options = remove_options,
    ACCOUNT_ROW(1, 1),
    .run = run_remove,
};

const Command command_account_setup_link = {
    .name = "account setup-link",
    .group = GROUP_ACCOUNTS,
    .summary = "make a new link for the first administrator",
    .usage = "",
    .description = "The daemon logs one at every start while there is no account. A new link ends "
                   "those made before.",
    .examples = "account setup-link # open it in a browser",
    .also_known_as = "first login, initial password",
    .run = run_setup_link,
};
