/* Why a start is refused, in one short line: libvirt shows a hook's standard error to the person,
 * buried in its own. */
#pragma once

#include <stdbool.h>

typedef struct {
    char message[400]; /* one line, without the program's name; "" while nothing is refused */
} Verdict;

/* Sets the message, cut to its size, control characters made harmless; returns false so that
 * refusing is one line. */
bool refuse(Verdict *verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));
