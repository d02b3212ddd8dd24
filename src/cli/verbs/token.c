/* `underpin token list | create | revoke`: for programs that use the API by the web. */
#include "cli/call.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "cli/words.h"

static const TableColumn token_columns[] = {
    {"TOKEN", COLUMN_PLAIN},     {"ACCOUNT", COLUMN_PLAIN},
    {"NAME", COLUMN_TRIM},       {"CREATED", COLUMN_RIGHT | COLUMN_SPARE},
    {"LAST USED", COLUMN_RIGHT}, {"EXPIRES", COLUMN_PLAIN},
};

static void add_token(Table *table, const Call *call, const json_t *token)
{
    gint64 now = call->clock->now_seconds();
    const char *expires = text_of(token, "expires_at");
    TableRow *row = table_add(table, NULL);
    table_set(table, row, 0, text_of(token, "id"));
    table_set(table, row, 1, text_of(token, "account"));
    table_set(table, row, 2, text_of(token, "name"));
    table_take(table, row, 3, time_to_relative_text(text_of(token, "created_at"), now));
    table_take(table, row, 4, time_to_relative_text(text_of(token, "last_used_at"), now));
    table_take(table, row, 5,
               expires != NULL ? time_to_relative_text(expires, now) : g_strdup("never"));
}

static int run_list(Call *call, GError **error)
{
    size_t index;
    const json_t *token;
    g_autoptr(Answer) answer = call_get(call, "/api/v1/tokens", error);
    if (answer == NULL)
        return EXIT_ERROR;
    g_autoptr(Table) table = table_new(call->screen, token_columns, G_N_ELEMENTS(token_columns));
    json_array_foreach(list_of(answer->json, "items"), index, token)
    {
        add_token(table, call, token);
    }
    call_print_table(call, table, "no API tokens");
    return EXIT_OK;
}

static int run_create(Call *call, GError **error)
{
    json_t *body =
        json_pack("{s:s, s:s}", "account", call_argument(call, 0), "name", call_argument(call, 1));
    if (call_has(call, "expires"))
        json_object_set_new(body, "expires_days",
                            json_integer(options_count(call->options, "expires", 0)));
    g_autoptr(Answer) answer = call_send(call, "POST", "/api/v1/tokens", body, error);
    json_decref(body);
    if (answer == NULL)
        return EXIT_ERROR;
    if (call_has(call, "json"))
        return EXIT_OK;
    say_aside("the token is shown this once; send it as 'Authorization: Bearer TOKEN'");
    say("%s", text_of(answer->json, "token"));
    return EXIT_OK;
}

static int run_revoke(Call *call, GError **error)
{
    g_autofree char *path = call_path("tokens", call_argument(call, 0), "");
    g_autoptr(Answer) answer = call_send(call, "DELETE", path, NULL, error);
    if (answer == NULL)
        return EXIT_ERROR;
    if (!call_has(call, "json"))
        say("%s is revoked", call_argument(call, 0));
    return EXIT_OK;
}

const Command command_token_list = {
    .name = "token list",
    .group = GROUP_ACCOUNTS,
    .summary = "list API tokens, and when each was used last",
    .usage = "",
    .examples = "token list # of all accounts",
    .also_known_as = "api keys, credentials",
    .run = run_list,
};

static const OptionSpec create_options[] = {
    {"expires", 'e', OPTION_COUNT, "DAYS", NAMES_NOTHING,
     "after so many days, 3650 at most (default: never)"},
    {0},
};

const Command command_token_create = {
    .name = "token create",
    .group = GROUP_ACCOUNTS,
    .summary = "make an API token for a program that acts in an account's name",
    .usage = "ACCOUNT NAME [--expires DAYS]",
    .description = "NAME says what it is for. The token may do what the account may, but for "
                   "changing its password. It is printed once and cannot be shown again.",
    .examples = "token create otto monitoring --expires 365 # for a year",
    .also_known_as = "api key, service account",
    .options = create_options,
    .names = NAMES_ACCOUNTS,
    .least_arguments = 2,
    .most_arguments = 2,
    .run = run_create,
};

const Command command_token_revoke = {
    .name = "token revoke",
    .group = GROUP_ACCOUNTS,
    .summary = "revoke an API token",
    .usage = "TOKEN",
    .examples = "token list # the ids\n"
                "token revoke 0c51a8e2f7b94d10 # no longer valid",
    .also_known_as = "delete token",
    .names = NAMES_TOKENS,
    .least_arguments = 1,
    .most_arguments = 1,
    .run = run_revoke,
};
