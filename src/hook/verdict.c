/* Implements refusals. */
#include "hook/verdict.h"

#include <stdarg.h>
#include <stdio.h>

bool refuse(Verdict *verdict, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(verdict->message, sizeof verdict->message, format, arguments);
    va_end(arguments);
    for (char *at = verdict->message; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    return false;
}
