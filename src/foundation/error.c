/*
 * Implements the error domain: one table gives each code its name, HTTP status and exit status, and
 * two more map errno values and GLib's error domains to our codes.
 *
 * The hint lives in the private part of an extended GError, so that it is copied with the error and
 * every layer between the failure and the person can stay ignorant of it.
 */
#include "foundation/error.h"

#include <errno.h>
#include <gio/gio.h>
#include <string.h>

typedef struct {
    char *hint;
} UnderpinErrorPrivate;

static void underpin_error_private_init(UnderpinErrorPrivate *private)
{
    private->hint = NULL;
}

static void underpin_error_private_copy(const UnderpinErrorPrivate *source,
                                        UnderpinErrorPrivate *copy)
{
    copy->hint = g_strdup(source->hint);
}

static void underpin_error_private_clear(UnderpinErrorPrivate *private)
{
    g_clear_pointer(&private->hint, g_free);
}

G_DEFINE_EXTENDED_ERROR(UnderpinError, underpin_error)

typedef struct {
    const char *name;
    unsigned http_status;
    int exit_status;
} CodeRow;

/*
 * Exit status 5 says "the daemon does not answer", which the command line finds out by itself: an
 * UNAVAILABLE that arrives from the daemon (libvirt away) is an ordinary failure.
 */
static const CodeRow code_rows[] = {
    [UNDERPIN_ERROR_INVALID] = {"invalid", 400, 2},
    [UNDERPIN_ERROR_NOT_FOUND] = {"not-found", 404, 3},
    [UNDERPIN_ERROR_EXISTS] = {"exists", 409, 4},
    [UNDERPIN_ERROR_BUSY] = {"busy", 409, 4},
    [UNDERPIN_ERROR_REFUSED] = {"refused", 409, 4},
    [UNDERPIN_ERROR_DENIED] = {"denied", 403, 1},
    [UNDERPIN_ERROR_NO_SPACE] = {"no-space", 507, 1},
    [UNDERPIN_ERROR_UNSUPPORTED] = {"unsupported", 501, 1},
    [UNDERPIN_ERROR_UNAVAILABLE] = {"unavailable", 503, 1},
    [UNDERPIN_ERROR_CANCELLED] = {"cancelled", 409, 1},
    [UNDERPIN_ERROR_BACKEND] = {"backend", 500, 1},
    [UNDERPIN_ERROR_BUG] = {"bug", 500, 1},
};
G_STATIC_ASSERT(G_N_ELEMENTS(code_rows) == UNDERPIN_ERROR_COUNT);

typedef struct {
    int errno_value;
    UnderpinErrorCode code;
} ErrnoRow;

static const ErrnoRow errno_rows[] = {
    {ENOSPC, UNDERPIN_ERROR_NO_SPACE},        {EDQUOT, UNDERPIN_ERROR_NO_SPACE},
    {ENOENT, UNDERPIN_ERROR_NOT_FOUND},       {EEXIST, UNDERPIN_ERROR_EXISTS},
    {EACCES, UNDERPIN_ERROR_DENIED},          {EPERM, UNDERPIN_ERROR_DENIED},
    {EROFS, UNDERPIN_ERROR_DENIED},           {EBUSY, UNDERPIN_ERROR_BUSY},
    {ETXTBSY, UNDERPIN_ERROR_BUSY},           {EAGAIN, UNDERPIN_ERROR_BUSY},
    {EOPNOTSUPP, UNDERPIN_ERROR_UNSUPPORTED}, {ENOSYS, UNDERPIN_ERROR_UNSUPPORTED},
    {ETIMEDOUT, UNDERPIN_ERROR_UNAVAILABLE},  {ECONNREFUSED, UNDERPIN_ERROR_UNAVAILABLE},
};

typedef struct {
    GQuark (*domain)(void);
    int foreign_code;
    UnderpinErrorCode code;
} ForeignRow;

/* A row with ANY_CODE answers for what is left of its domain. */
enum { ANY_CODE = -1 };

static const ForeignRow foreign_rows[] = {
    {g_io_error_quark, G_IO_ERROR_NOT_FOUND, UNDERPIN_ERROR_NOT_FOUND},
    {g_io_error_quark, G_IO_ERROR_EXISTS, UNDERPIN_ERROR_EXISTS},
    {g_io_error_quark, G_IO_ERROR_BUSY, UNDERPIN_ERROR_BUSY},
    {g_io_error_quark, G_IO_ERROR_WOULD_BLOCK, UNDERPIN_ERROR_BUSY},
    {g_io_error_quark, G_IO_ERROR_ADDRESS_IN_USE, UNDERPIN_ERROR_BUSY},
    {g_io_error_quark, G_IO_ERROR_PERMISSION_DENIED, UNDERPIN_ERROR_DENIED},
    {g_io_error_quark, G_IO_ERROR_READ_ONLY, UNDERPIN_ERROR_DENIED},
    {g_io_error_quark, G_IO_ERROR_NO_SPACE, UNDERPIN_ERROR_NO_SPACE},
    {g_io_error_quark, G_IO_ERROR_NOT_SUPPORTED, UNDERPIN_ERROR_UNSUPPORTED},
    {g_io_error_quark, G_IO_ERROR_CANCELLED, UNDERPIN_ERROR_CANCELLED},
    {g_io_error_quark, G_IO_ERROR_TIMED_OUT, UNDERPIN_ERROR_UNAVAILABLE},
    {g_io_error_quark, G_IO_ERROR_CONNECTION_REFUSED, UNDERPIN_ERROR_UNAVAILABLE},
    {g_io_error_quark, G_IO_ERROR_HOST_UNREACHABLE, UNDERPIN_ERROR_UNAVAILABLE},
    {g_io_error_quark, G_IO_ERROR_NOT_CONNECTED, UNDERPIN_ERROR_UNAVAILABLE},
    {g_io_error_quark, G_IO_ERROR_CONNECTION_CLOSED, UNDERPIN_ERROR_UNAVAILABLE},
    {g_io_error_quark, G_IO_ERROR_INVALID_ARGUMENT, UNDERPIN_ERROR_INVALID},
    {g_io_error_quark, G_IO_ERROR_INVALID_DATA, UNDERPIN_ERROR_INVALID},
    {g_io_error_quark, G_IO_ERROR_INVALID_FILENAME, UNDERPIN_ERROR_INVALID},
    {g_file_error_quark, G_FILE_ERROR_NOENT, UNDERPIN_ERROR_NOT_FOUND},
    {g_file_error_quark, G_FILE_ERROR_EXIST, UNDERPIN_ERROR_EXISTS},
    {g_file_error_quark, G_FILE_ERROR_ACCES, UNDERPIN_ERROR_DENIED},
    {g_file_error_quark, G_FILE_ERROR_PERM, UNDERPIN_ERROR_DENIED},
    {g_file_error_quark, G_FILE_ERROR_ROFS, UNDERPIN_ERROR_DENIED},
    {g_file_error_quark, G_FILE_ERROR_NOSPC, UNDERPIN_ERROR_NO_SPACE},
    {g_file_error_quark, G_FILE_ERROR_NOSYS, UNDERPIN_ERROR_UNSUPPORTED},
    {g_key_file_error_quark, ANY_CODE, UNDERPIN_ERROR_INVALID},
    {g_option_error_quark, ANY_CODE, UNDERPIN_ERROR_INVALID},
    {g_convert_error_quark, ANY_CODE, UNDERPIN_ERROR_INVALID},
};

static const char *const no_space_hint = "free some space on the file system and try again";

static gboolean take(GError **error, UnderpinErrorCode code, const char *hint, const char *message)
{
    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);
    if (error != NULL) {
        *error = g_error_new_literal(UNDERPIN_ERROR, code, message);
        error_set_hint(*error, hint);
    }
    return FALSE;
}

gboolean error_set(GError **error, UnderpinErrorCode code, const char *hint, const char *format,
                   ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return take(error, code, hint, message);
}

static UnderpinErrorCode code_of_errno(int errno_value)
{
    for (gsize i = 0; i < G_N_ELEMENTS(errno_rows); i++) {
        if (errno_rows[i].errno_value == errno_value)
            return errno_rows[i].code;
    }
    return UNDERPIN_ERROR_BACKEND;
}

gboolean error_set_errno(GError **error, int errno_value, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *doing = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_autofree char *message = g_strdup_printf("%s: %s", doing, g_strerror(errno_value));
    UnderpinErrorCode code = code_of_errno(errno_value);
    return take(error, code, code == UNDERPIN_ERROR_NO_SPACE ? no_space_hint : NULL, message);
}

const char *error_hint(const GError *error)
{
    if (error == NULL || error->domain != UNDERPIN_ERROR)
        return NULL;
    return underpin_error_get_private(error)->hint;
}

void error_set_hint(GError *error, const char *hint)
{
    if (error == NULL || error->domain != UNDERPIN_ERROR)
        return;
    UnderpinErrorPrivate *private = underpin_error_get_private(error);
    char *copy = g_strdup(hint); /* first: `hint` may be the one that is replaced */
    g_free(private->hint);
    private->hint = copy;
}

static UnderpinErrorCode code_of_foreign(const GError *error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(foreign_rows); i++) {
        const ForeignRow *row = &foreign_rows[i];
        if (row->domain() == error->domain &&
            (row->foreign_code == ANY_CODE || row->foreign_code == error->code))
            return row->code;
    }
    return UNDERPIN_ERROR_BACKEND;
}

UnderpinErrorCode error_code(const GError *error)
{
    if (error == NULL)
        return UNDERPIN_ERROR_BUG;
    if (error->domain != UNDERPIN_ERROR)
        return code_of_foreign(error);
    gboolean is_known = error->code >= 0 && error->code < UNDERPIN_ERROR_COUNT;
    return is_known ? (UnderpinErrorCode)error->code : UNDERPIN_ERROR_BUG;
}

static const CodeRow *row_of(UnderpinErrorCode code)
{
    return &code_rows[(unsigned)code < UNDERPIN_ERROR_COUNT ? code : UNDERPIN_ERROR_BUG];
}

const char *error_code_name(UnderpinErrorCode code)
{
    return row_of(code)->name;
}

gboolean error_code_from_name(const char *name, UnderpinErrorCode *code_out)
{
    for (unsigned code = 0; name != NULL && code < UNDERPIN_ERROR_COUNT; code++) {
        if (strcmp(name, code_rows[code].name) == 0) {
            *code_out = (UnderpinErrorCode)code;
            return TRUE;
        }
    }
    return FALSE;
}

unsigned error_code_http_status(UnderpinErrorCode code)
{
    return row_of(code)->http_status;
}

int error_code_exit_status(UnderpinErrorCode code)
{
    return row_of(code)->exit_status;
}
