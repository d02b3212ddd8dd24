/* Questions to the person at the terminal. */
#pragma once

#include <glib.h>

/* Asks on standard error, reads a line. TRUE for yes; an empty line, the end of input and all else
 * is no. */
gboolean confirm(const char *question);
/* Asks and returns what was typed without blanks around it; NULL at the end of input. Caller frees.
 */
char *confirm_ask(const char *question);
