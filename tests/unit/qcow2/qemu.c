/* Implements the calls of QEMU's tools for the tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "foundation/process.h"
#include "qemu.h"

void qemu_require(void)
{
    static const char *const programs[] = {"qemu-img", "qemu-io"};
    for (gsize i = 0; i < G_N_ELEMENTS(programs); i++) {
        g_autofree char *path = g_find_program_in_path(programs[i]);
        if (path == NULL) {
            print_message("'%s' is missing\n", programs[i]);
            skip();
        }
    }
}

static gboolean run(const char *command, char **output_out, GError **error)
{
    g_auto(GStrv) argv = NULL;
    return g_shell_parse_argv(command, NULL, &argv, error) &&
           process_run((const char *const *)argv, NULL, output_out, error);
}

char *qemu_run(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *command = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autoptr(GError) error = NULL;
    char *output = NULL;
    if (!run(command, &output, &error))
        fail_msg("%s: %s", command, error->message);
    return output;
}

gboolean qemu_accepts(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *command = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return run(command, NULL, NULL);
}
