/*
 * Implements the dispatch: finds the verb, reads its options, runs it, and is the one place that
 * prints an error.
 */
#include "cli/cli.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/call.h"
#include "cli/help.h"
#include "cli/words.h"
#include "foundation/error.h"
#include "foundation/near.h"

enum { ANSWER_TIMEOUT_MS = 120 * 1000 };

/* --- errors ------------------------------------------------------------------------------------
 */

static void print_error(const Screen *screen, const GError *error)
{
    const char *hint = error_hint(error);
    g_autofree char *message = text_to_printable(error->message, FALSE);
    fflush(stdout);
    fprintf(stderr, "%sunderpin:%s %s\n", screen->error_colours ? tone_begin(TONE_BAD) : "",
            screen->error_colours ? TONE_END : "", message);
    if (hint == NULL || *hint == '\0')
        return;
    g_auto(GStrv) lines = g_strsplit(hint, "\n", -1);
    for (gsize i = 0; lines[i] != NULL; i++)
        say_aside("  %s", lines[i]);
}

static int exit_status_of(const GError *error, const Client *client)
{
    gboolean is_unreachable = client != NULL && client_is_unreachable(client) &&
                              error_code(error) == UNDERPIN_ERROR_UNAVAILABLE;
    return is_unreachable ? EXIT_UNREACHABLE : error_code_exit_status(error_code(error));
}

/* --- finding the verb --------------------------------------------------------------------------
 */

static char *propose(const char *name)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const Command *other = command_known_as(name);
    if (other != NULL)
        return g_strdup_printf("here it is called 'underpin %s'", other->name);
    for (gsize i = 0; commands[i] != NULL; i++) {
        if (!(commands[i]->flags & COMMAND_HIDDEN))
            g_ptr_array_add(names, (gpointer)commands[i]->name);
    }
    g_ptr_array_add(names, NULL);
    g_autofree char *near = near_words(name, (const char *const *)names->pdata, "");
    return near != NULL ? g_strdup_printf("did you mean %s?", near)
                        : g_strdup("'underpin help' lists the verbs");
}

static gboolean fail_unknown(const char *name, GError **error)
{
    g_autofree char *hint = propose(name);
    return error_set(error, UNDERPIN_ERROR_INVALID, hint, "there is no verb '%s'", name);
}

/*
 * The verb is the first word that is no option, with the second where it is a family. Takes them
 * out of `words`. NULL with an error, or without one where there is no verb at all.
 */
static const Command *take_command(GPtrArray *words, GError **error)
{
    guint at = 0;
    while (at < words->len && ((const char *)g_ptr_array_index(words, at))[0] == '-')
        at += g_str_equal(g_ptr_array_index(words, at), "--socket") ? 2 : 1;
    if (at >= words->len)
        return NULL;
    g_autofree char *name = g_strdup(g_ptr_array_index(words, at));
    g_ptr_array_remove_index(words, at);
    if (command_is_family(name) && at < words->len &&
        ((const char *)g_ptr_array_index(words, at))[0] != '-') {
        char *whole = g_strconcat(name, " ", (const char *)g_ptr_array_index(words, at), NULL);
        g_ptr_array_remove_index(words, at);
        g_free(name);
        name = whole;
    }
    const Command *command = command_find(name);
    if (command == NULL)
        fail_unknown(name, error);
    return command;
}

/* --- running -----------------------------------------------------------------------------------
 */

static gboolean check_arguments(const Command *command, const Options *options, GError **error)
{
    guint count = options_arguments(options)->len;
    g_autofree char *hint = g_strdup_printf("'underpin %s --help' shows how", command->name);
    if (count < command->least_arguments)
        return error_set(error, UNDERPIN_ERROR_INVALID, hint, "%s needs more: underpin %s %s",
                         command->name, command->name, command->usage);
    if (count > command->most_arguments)
        return error_set(
            error, UNDERPIN_ERROR_INVALID, hint, "%s does not know what to do with '%s'",
            command->name,
            (const char *)g_ptr_array_index(options_arguments(options), command->most_arguments));
    return TRUE;
}

static const char *socket_path(const Options *options)
{
    const char *option = options_text(options, "socket");
    const char *environment = g_getenv("UNDERPIN_SOCKET");
    if (option != NULL)
        return option;
    return environment != NULL && *environment != '\0' ? environment : CLIENT_DEFAULT_SOCKET;
}

static int run_command(const Command *command, const GPtrArray *words, const Screen *screen,
                       const CliClock *clock, GError **error)
{
    g_autofree const OptionSpec **tables = command_option_tables(command);
    g_autoptr(Options) options = options_parse(tables, (const char *const *)words->pdata, error);
    if (options == NULL)
        return error_code_exit_status(UNDERPIN_ERROR_INVALID);
    if (options_has(options, "help")) {
        help_print_command(command);
        return EXIT_OK;
    }
    if (!check_arguments(command, options, error))
        return error_code_exit_status(UNDERPIN_ERROR_INVALID);
    g_autoptr(Client) client = client_new(socket_path(options), ANSWER_TIMEOUT_MS);
    Call call = {command, options, client, screen, clock};
    g_autoptr(GError) problem = NULL;
    int status = command->run(&call, &problem);
    if (problem != NULL) {
        status = exit_status_of(problem, client);
        g_propagate_error(error, g_steal_pointer(&problem));
    }
    return status;
}

/* `underpin help [VERB]`, and a family without its verb. */
static int run_help(const GPtrArray *words, const Screen *screen, GError **error)
{
    g_autoptr(GString) name = g_string_new(NULL);
    for (guint i = 0; i < words->len; i++) {
        if (((const char *)g_ptr_array_index(words, i))[0] != '-')
            g_string_append_printf(name, "%s%s", name->len > 0 ? " " : "",
                                   (const char *)g_ptr_array_index(words, i));
    }
    const Command *command = command_find(name->str);
    if (command == NULL)
        command = command_known_as(name->str);
    if (name->len == 0)
        help_print_overview(screen);
    else if (command != NULL)
        help_print_command(command);
    else if (command_is_family(name->str))
        help_print_family(name->str);
    else
        fail_unknown(name->str, error);
    return *error == NULL ? EXIT_OK : EXIT_USAGE;
}

static gboolean contains(const GPtrArray *words, const char *one, const char *other)
{
    for (guint i = 0; i < words->len; i++) {
        const char *word = g_ptr_array_index(words, i);
        if (g_str_equal(word, one) || g_str_equal(word, other))
            return TRUE;
    }
    return FALSE;
}

/* No verb: the overview, which is an answer where it was asked for and a usage error where not. */
static int run_without_verb(const GPtrArray *words, const Screen *screen)
{
    if (contains(words, "--version", "-V")) {
        puts("underpin " UNDERPIN_VERSION);
        return EXIT_OK;
    }
    help_print_overview(screen);
    return contains(words, "--help", "-h") ? EXIT_OK : EXIT_USAGE;
}

static int dispatch(GPtrArray *words, const Screen *screen, const CliClock *clock, GError **error)
{
    const char *first = words->len > 0 ? g_ptr_array_index(words, 0) : "";
    const char *second = words->len > 1 ? g_ptr_array_index(words, 1) : "--help";
    if (g_str_equal(first, "help")) {
        g_ptr_array_remove_index(words, 0);
        return run_help(words, screen, error);
    }
    if (g_str_equal(first, "version"))
        first = g_ptr_array_index(words, 0) = (gpointer) "--version";
    if (command_is_family(first) && second[0] == '-') {
        run_help(words, screen, error);
        return words->len > 1 ? EXIT_OK : EXIT_USAGE;
    }
    const Command *command = take_command(words, error);
    if (*error != NULL)
        return EXIT_USAGE;
    if (command == NULL)
        return run_without_verb(words, screen);
    g_ptr_array_add(words, NULL);
    return run_command(command, words, screen, clock, error);
}

int cli_run(const char *const *arguments, const CliClock *clock)
{
    setlocale(LC_ALL, "");
    Screen screen = screen_detect();
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    for (gsize i = 1; arguments[0] != NULL && arguments[i] != NULL; i++)
        g_ptr_array_add(words, (gpointer)arguments[i]);
    int status = dispatch(words, &screen, clock, &error);
    if (error != NULL)
        print_error(&screen, error);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fputs("underpin: cannot write the output\n", stderr);
        return EXIT_FAILED;
    }
    return status;
}
