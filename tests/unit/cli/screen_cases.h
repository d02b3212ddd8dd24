/* The screens that are compared with golden files. */
#pragma once

#include <glib.h>

typedef struct {
    const char *name;      /* of the golden file */
    const char *arguments; /* behind "underpin" */
    const char *script;    /* instead: run by bash, with $UNDERPIN as the program */
    guint width;           /* columns of the terminal; 0: a pipe */
    const char *input;
    const char *after;    /* the input is given when this was printed; NULL: at once */
    const char *locale;   /* NULL: C.UTF-8 */
    const char *terminal; /* $TERM; NULL: xterm */
    gboolean no_colour;
    gboolean no_server;
    const char *routes[8]; /* go before the common ones */
} ScreenCase;

extern const ScreenCase screen_cases[];
extern const gsize screen_case_count;
