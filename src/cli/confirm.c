/* Implements the questions. */
#include "cli/confirm.h"

#include <stdio.h>
#include <stdlib.h>

char *confirm_ask(const char *question)
{
    char *line = NULL;
    size_t size = 0;
    fflush(stdout);
    fprintf(stderr, "%s ", question);
    fflush(stderr);
    ssize_t length = getline(&line, &size, stdin);
    if (length < 0)
        fputc('\n', stderr);
    char *answer = length >= 0 ? g_strdup(g_strstrip(line)) : NULL;
    free(line);
    return answer;
}

gboolean confirm(const char *question)
{
    g_autofree char *asked = g_strconcat(question, " [y/N]", NULL);
    g_autofree char *answer = confirm_ask(asked);
    return answer != NULL &&
           (g_ascii_strcasecmp(answer, "y") == 0 || g_ascii_strcasecmp(answer, "yes") == 0);
}
