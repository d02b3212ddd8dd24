/* Implements the help from the table of verbs. */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#include "cli/words.h"

static const char *const group_titles[] = {
    [GROUP_LOOK] = "Look",
    [GROUP_MACHINES] = "Bases and clones",
    [GROUP_UPDATE] = "Replace the system, keep the data",
    [GROUP_LIFE] = "Power",
    [GROUP_VOLUMES] = "Volumes",
    [GROUP_ACCOUNTS] = "Accounts of the web page",
    [GROUP_SERVICE] = "Jobs and the service",
};
G_STATIC_ASSERT(G_N_ELEMENTS(group_titles) == GROUP_COUNT);

enum { SUMMARY_COLUMN = 20, WRAP_WIDTH = 80 };

static void print_summary(const Command *command)
{
    printf("  %-*s%s\n", SUMMARY_COLUMN, command->name, command->summary);
}

void help_print_overview(const Screen *screen)
{
    const char *strong = screen->colours ? tone_begin(TONE_STRONG) : "";
    const char *end = screen->colours ? TONE_END : "";
    puts("underpin: golden images for KVM virtual machines\n");
    puts("  underpin VERB [NAME…] [OPTION…]");
    puts("  underpin VERB --help        what a verb does, with examples");
    for (guint group = 0; group < GROUP_COUNT; group++) {
        printf("\n%s%s%s\n", strong, group_titles[group], end);
        for (gsize i = 0; commands[i] != NULL; i++) {
            if (commands[i]->group == group && !(commands[i]->flags & COMMAND_HIDDEN))
                print_summary(commands[i]);
        }
    }
    puts("\nEverything takes --json; everything that changes machines takes --dry-run.");
    puts("Names are names, UUIDs or ids; NAME… also takes a,b,c, and - reads names from a pipe.");
    puts("Exit status: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict or refused,");
    puts("5 daemon unreachable.");
}

void help_print_family(const char *family)
{
    g_autofree char *prefix = g_strconcat(family, " ", NULL);
    printf("underpin %s VERB\n\n", family);
    for (gsize i = 0; commands[i] != NULL; i++) {
        if (g_str_has_prefix(commands[i]->name, prefix))
            print_summary(commands[i]);
    }
    printf("\n'underpin %s VERB --help' says more.\n", family);
}

static char *option_left(const OptionSpec *spec)
{
    GString *left = g_string_new(NULL);
    if (spec->letter != 0)
        g_string_append_printf(left, "-%c, ", spec->letter);
    else
        g_string_append(left, "    ");
    g_string_append_printf(left, "--%s", spec->name);
    if (spec->value != NULL)
        g_string_append_printf(left, " %s", spec->value);
    return g_string_free(left, FALSE);
}

/* Prints words, wrapped at WRAP_WIDTH and indented by `indent` from the second line on. */
static void print_wrapped(const char *text, guint indent, guint at)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    for (gsize i = 0; words[i] != NULL; i++) {
        guint width = text_width(words[i]);
        if (i > 0 && at + 1 + width > WRAP_WIDTH) {
            printf("\n%*s", (int)indent, "");
            at = indent;
        } else if (i > 0) {
            putchar(' ');
            at++;
        }
        fputs(words[i], stdout);
        at += width;
    }
    putchar('\n');
}

enum { OPTION_COLUMN = 28 };

static void print_option(const OptionSpec *spec)
{
    g_autofree char *left = option_left(spec);
    guint width = text_width(left);
    if (2 + width + 1 >= OPTION_COLUMN)
        printf("  %s\n%*s", left, OPTION_COLUMN, "");
    else
        printf("  %s%*s", left, (int)(OPTION_COLUMN - 2 - width), "");
    print_wrapped(spec->help, OPTION_COLUMN, OPTION_COLUMN);
}

static void print_options(const Command *command)
{
    g_autofree const OptionSpec **tables = command_option_tables(command);
    puts("\nOptions");
    for (gsize table = 0; tables[table] != NULL; table++) {
        for (const OptionSpec *spec = tables[table]; spec->name != NULL; spec++)
            print_option(spec);
    }
}

static void print_usage(const Command *command)
{
    g_auto(GStrv) lines = g_strsplit(command->usage, "\n", -1);
    if (lines[0] == NULL)
        printf("  underpin %s\n", command->name);
    for (gsize i = 0; lines[i] != NULL; i++)
        printf("  underpin %s %s\n", command->name, lines[i]);
}

static void print_description(const char *description)
{
    g_auto(GStrv) paragraphs = g_strsplit(description, "\n", -1);
    for (gsize i = 0; paragraphs[i] != NULL; i++) {
        putchar('\n');
        print_wrapped(paragraphs[i], 0, 0);
    }
}

static void print_examples(const char *examples)
{
    g_auto(GStrv) lines = g_strsplit(examples, "\n", -1);
    puts("\nExamples");
    for (gsize i = 0; lines[i] != NULL; i++) {
        g_auto(GStrv) halves = g_strsplit(lines[i], " # ", 2);
        printf("  underpin %s\n", halves[0]);
        if (halves[1] != NULL)
            printf("      %s\n", halves[1]);
    }
}

void help_print_command(const Command *command)
{
    printf("underpin %s: %s\n\n", command->name, command->summary);
    print_usage(command);
    if (command->description != NULL)
        print_description(command->description);
    print_options(command);
    print_examples(command->examples);
    if (command->also_known_as != NULL)
        printf("\nAlso known as: %s\n", command->also_known_as);
}
