/* The help: the list of verbs, and a page for each. */
#pragma once

#include "cli/command.h"

/* Prints the list of all verbs by group. */
void help_print_overview(const Screen *screen);
/* Prints a verb's page: summary, usage, description, options, examples, other names. */
void help_print_command(const Command *command);
/* Prints the verbs of a family ("volume", "job"). */
void help_print_family(const char *family);
