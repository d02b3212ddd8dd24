/*
 * `underpin completion SHELL`, and the hidden `underpin __complete -- WORD…` that its scripts call.
 *
 * The scripts know nothing of verbs and options: they hand over the words typed so far, the last
 * being the one to complete, and get candidates, one a line, with a description behind a tab. The
 * line ":files" asks the shell for its own completion of file names. So the three shells agree, and
 * what is installed can never be out of date.
 */
#include <stdio.h>
#include <string.h>

#include "cli/call.h"
#include "cli/verbs.h"
#include "cli/words.h"
#include "model/account_role.h"
#include "model/role.h"

enum { COMPLETION_TIMEOUT_MS = 2000 };

/* --- scripts -----------------------------------------------------------------------------------
 */

static const char bash_script[] =
    "# bash completion of underpin: eval \"$(underpin completion bash)\"\n"
    "_underpin() {\n"
    "    local line\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        if [[ $line == :files ]]; then\n"
    "            compopt -o default 2>/dev/null\n"
    "            COMPREPLY=()\n"
    "            return\n"
    "        fi\n"
    "        COMPREPLY+=(\"${line%%$'\\t'*}\")\n"
    "    done < <(\"${COMP_WORDS[0]}\" __complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" "
    "2>/dev/null)\n"
    "}\n"
    "complete -F _underpin underpin\n";

static const char zsh_script[] =
    "#compdef underpin\n"
    "# zsh completion of underpin: eval \"$(underpin completion zsh)\"\n"
    "_underpin() {\n"
    "    local line\n"
    "    local -a candidates\n"
    "    for line in \"${(@f)$(${words[1]} __complete -- \"${(@)words[2,CURRENT]}\" "
    "2>/dev/null)}\"; do\n"
    "        [[ -z $line ]] && continue\n"
    "        if [[ $line == :files ]]; then\n"
    "            _files\n"
    "            return\n"
    "        fi\n"
    "        candidates+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
    "    done\n"
    "    _describe underpin candidates\n"
    "}\n"
    "if [[ $funcstack[1] == _underpin ]]; then\n"
    "    _underpin \"$@\"\n"
    "else\n"
    "    compdef _underpin underpin\n"
    "fi\n";

static const char fish_script[] =
    "# fish completion of underpin: underpin completion fish | source\n"
    "function __underpin_complete\n"
    "    set -l words (commandline -opc) (commandline -ct)\n"
    "    for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)\n"
    "        if test $line = ':files'\n"
    "            __fish_complete_path (commandline -ct)\n"
    "        else\n"
    "            echo $line\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c underpin -f -a '(__underpin_complete)'\n";

static const struct {
    const char *shell;
    const char *script;
} scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

static int run_completion(Call *call, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(scripts); i++) {
        if (g_strcmp0(scripts[i].shell, call_argument(call, 0)) == 0) {
            fputs(scripts[i].script, stdout);
            return EXIT_OK;
        }
    }
    call_usage(call, error, "there is no completion for '%s', only for bash, zsh and fish",
               call_argument(call, 0));
    return EXIT_ERROR;
}

/* --- candidates --------------------------------------------------------------------------------
 */

typedef struct {
    Client *client;
    const char *word;   /* the beginning that candidates must have */
    const char *prefix; /* printed before each: "--running=" */
} Wanted;

static void offer(const Wanted *wanted, const char *candidate, const char *description)
{
    if (candidate == NULL || !g_str_has_prefix(candidate, wanted->word))
        return;
    if (description != NULL)
        say("%s%s\t%s", wanted->prefix, candidate, description);
    else
        say("%s%s", wanted->prefix, candidate);
}

/* Where live names come from: the list, the key of the name, the key of what describes it. */
static const struct {
    const char *path;
    const char *key;
    const char *description;
} name_sources[NAMES_COUNT] = {
    [NAMES_MACHINES] = {"/api/v1/machines?limit=10000", "name", "kind"},
    [NAMES_BASES] = {"/api/v1/machines?kind=base&limit=10000", "name", "kind"},
    [NAMES_CLONES] = {"/api/v1/machines?kind=clone&limit=10000", "name", "base"},
    [NAMES_DOMAINS] = {"/api/v1/domains?limit=10000", "name", "power"},
    [NAMES_LAYERS] = {"/api/v1/layers?limit=10000", "id", "machine"},
    [NAMES_KEPT_VOLUMES] = {"/api/v1/kept-volumes?limit=10000", "id", "machine"},
    [NAMES_REMOVED] = {"/api/v1/kept-volumes?limit=10000", "machine", "id"},
    [NAMES_JOBS] = {"/api/v1/jobs?limit=100", "id", "verb"},
    [NAMES_ACCOUNTS] = {"/api/v1/accounts", "name", "role"},
    [NAMES_TOKENS] = {"/api/v1/tokens", "id", "name"},
};

static void offer_live(const Wanted *wanted, Names names)
{
    size_t index;
    const json_t *item;
    g_autoptr(Answer) answer = client_get(wanted->client, name_sources[names].path, NULL);
    if (answer == NULL)
        return;
    json_array_foreach(list_of(answer->json, "items"), index, item)
    {
        offer(wanted, text_of(item, name_sources[names].key),
              text_of(item, name_sources[names].description));
    }
}

static void offer_verbs(const Wanted *wanted, const char *family)
{
    g_autoptr(GHashTable) offered = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (gsize i = 0; commands[i] != NULL; i++) {
        g_auto(GStrv) words = g_strsplit(commands[i]->name, " ", 2);
        if (commands[i]->flags & COMMAND_HIDDEN)
            continue;
        if (family != NULL && words[1] != NULL && g_str_equal(words[0], family))
            offer(wanted, words[1], commands[i]->summary);
        if (family == NULL && g_hash_table_add(offered, g_strdup(words[0])))
            offer(wanted, words[0], words[1] == NULL ? commands[i]->summary : "several verbs");
    }
    if (family == NULL)
        offer(wanted, "help", "what a verb does, with examples");
}

static void offer_names(const Wanted *wanted, Names names)
{
    if (name_sources[names].path != NULL)
        offer_live(wanted, names);
    else if (names == NAMES_FILES)
        puts(":files");
    else if (names == NAMES_VERBS)
        offer_verbs(wanted, NULL);
    for (guint role = 0; names == NAMES_ROLES && role < ROLE_COUNT; role++)
        offer(wanted, role_name(role), NULL);
    for (guint role = 0; names == NAMES_ACCOUNT_ROLES && role < ACCOUNT_ROLE_COUNT; role++)
        offer(wanted, account_role_name(role), NULL);
    for (gsize i = 0; names == NAMES_SHELLS && i < G_N_ELEMENTS(scripts); i++)
        offer(wanted, scripts[i].shell, NULL);
}

static void offer_values(const Wanted *wanted, const OptionSpec *spec)
{
    if (spec->kind != OPTION_CHOICE) {
        offer_names(wanted, spec->names);
        return;
    }
    g_auto(GStrv) words = g_strsplit(spec->value, "|", -1);
    for (gsize i = 0; words[i] != NULL; i++)
        offer(wanted, words[i], NULL);
}

static void offer_options(const Wanted *wanted, const OptionSpec *const *tables)
{
    for (gsize table = 0; tables[table] != NULL; table++) {
        for (const OptionSpec *spec = tables[table]; spec->name != NULL; spec++) {
            g_autofree char *option = g_strconcat("--", spec->name, NULL);
            offer(wanted, option, spec->help);
        }
    }
}

/* --- what stands at the cursor -----------------------------------------------------------------
 */

/* The spec of an option word "--onto" or "-o" that still wants its value, or NULL. */
static const OptionSpec *wants_value(const OptionSpec *const *tables, const char *word)
{
    const OptionSpec *spec = g_str_has_prefix(word, "--") ? options_find(tables, word + 2) : NULL;
    for (gsize table = 0; spec == NULL && tables[table] != NULL; table++) {
        for (const OptionSpec *at = tables[table]; at->name != NULL; at++) {
            if (word[0] == '-' && at->letter != 0 && word[1] == at->letter && word[2] == '\0')
                spec = at;
        }
    }
    return spec != NULL && spec->kind != OPTION_FLAG ? spec : NULL;
}

/* How many of the words are arguments of the verb, neither options nor their values. */
static guint count_arguments(const OptionSpec *const *tables, const char *const *words, gsize count)
{
    guint arguments = 0;
    for (gsize i = 0; i < count; i++) {
        if (words[i][0] != '-' || words[i][1] == '\0')
            arguments++;
        else if (wants_value(tables, words[i]) != NULL)
            i++;
    }
    return arguments;
}

static Names names_at(const Command *command, guint argument)
{
    if (argument >= command->most_arguments)
        return NAMES_NOTHING;
    if (argument == 0)
        return command->names;
    if (argument <= G_N_ELEMENTS(command->later_names) &&
        command->later_names[argument - 1] != NAMES_NOTHING)
        return command->later_names[argument - 1];
    return command->most_arguments == G_MAXUINT && command->names != NAMES_BASES ? command->names
                                                                                 : NAMES_NOTHING;
}

/* `words` are those behind the verb; the last is the one to complete. bash hands over "--a=b" as
 * three words. */
static void complete_argument(Wanted *wanted, const Command *command, const char *const *words,
                              gsize count)
{
    g_autofree const OptionSpec **tables = command_option_tables(command);
    const char *before = count > 1 ? words[count - 2] : NULL;
    const char *before_that = count > 2 ? words[count - 3] : NULL;
    const char *equals = strchr(wanted->word, '=');
    const OptionSpec *spec = NULL;
    if (before != NULL && g_str_equal(before, "=") && before_that != NULL)
        spec = wants_value(tables, before_that);
    else if (before != NULL && g_str_equal(wanted->word, "="))
        spec = wants_value(tables, before);
    else if (before != NULL)
        spec = wants_value(tables, before);
    if (spec != NULL) {
        if (g_str_equal(wanted->word, "="))
            wanted->word = "";
        offer_values(wanted, spec);
    } else if (g_str_has_prefix(wanted->word, "--") && equals != NULL) {
        g_autofree char *name = g_strndup(wanted->word, (gsize)(equals - wanted->word));
        g_autofree char *prefix = g_strconcat(name, "=", NULL);
        spec = wants_value(tables, name);
        Wanted value = {wanted->client, equals + 1, prefix};
        if (spec != NULL)
            offer_values(&value, spec);
    } else if (wanted->word[0] == '-') {
        offer_options(wanted, (const OptionSpec *const *)tables);
    } else {
        offer_names(wanted, names_at(command, count_arguments((const OptionSpec *const *)tables,
                                                              words, count - 1)));
    }
}

static void complete_words(Wanted *wanted, const char *const *words, gsize count)
{
    const Command *command = command_find(words[0]);
    if (count == 1) {
        offer_verbs(wanted, NULL);
    } else if (command_is_family(words[0])) {
        g_autofree char *name = g_strconcat(words[0], " ", words[1], NULL);
        command = count > 2 ? command_find(name) : NULL;
        if (count == 2)
            offer_verbs(wanted, words[0]);
        else if (command != NULL)
            complete_argument(wanted, command, words + 2, count - 2);
    } else if (command != NULL) {
        complete_argument(wanted, command, words + 1, count - 1);
    } else if (g_str_equal(words[0], "help") && count == 2) {
        offer_verbs(wanted, NULL);
    }
}

/* The socket that the words themselves name, else the one of this call. */
static Client *client_of_words(const Call *call, const char *const *words, gsize count)
{
    const char *path = client_socket_path(call->client);
    for (gsize i = 0; i + 1 < count; i++) {
        if (g_str_equal(words[i], "--socket"))
            path = words[i + 1];
        else if (g_str_has_prefix(words[i], "--socket="))
            path = strchr(words[i], '=') + 1;
    }
    return client_new(path, COMPLETION_TIMEOUT_MS);
}

static int run_complete(Call *call, GError **error G_GNUC_UNUSED)
{
    const GPtrArray *arguments = options_arguments(call->options);
    const char *const *words = (const char *const *)arguments->pdata;
    if (arguments->len == 0)
        return EXIT_OK;
    g_autoptr(Client) client = client_of_words(call, words, arguments->len);
    Wanted wanted = {client, words[arguments->len - 1], ""};
    complete_words(&wanted, words, arguments->len);
    return EXIT_OK;
}

const Command command_completion = {
    .name = "completion",
    .group = GROUP_SERVICE,
    .summary = "print a script that completes verbs, options and names",
    .usage = "bash|zsh|fish",
    .examples = "completion bash > /etc/bash_completion.d/underpin # for everybody\n"
                "completion fish | source # for this shell",
    .names = NAMES_SHELLS,
    .least_arguments = 1,
    .most_arguments = 1,
    .flags = COMMAND_OFFLINE,
    .run = run_completion,
};

const Command command_complete = {
    .name = "__complete",
    .group = GROUP_SERVICE,
    .summary = "candidates for the scripts of 'underpin completion'",
    .usage = "-- WORD…",
    .examples = "__complete -- rebase --on # what could follow",
    .most_arguments = G_MAXUINT,
    .flags = COMMAND_HIDDEN | COMMAND_OFFLINE,
    .run = run_complete,
};
