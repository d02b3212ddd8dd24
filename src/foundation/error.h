/* The project's error domain: a closed list of codes, a one-phrase message, a hint for the person.
 */
#pragma once

#include <glib.h>

/*
 * Each code has one name, one HTTP status and one exit code, in the one table of error.c.
 * REFUSED is a rule of ours that says no; BUSY goes away by itself; BACKEND is a disk, libvirt,
 * QEMU or SQLite that failed; UNAVAILABLE is one that does not answer; BUG is ours.
 */
typedef enum {
    UNDERPIN_ERROR_INVALID,
    UNDERPIN_ERROR_NOT_FOUND,
    UNDERPIN_ERROR_EXISTS,
    UNDERPIN_ERROR_BUSY,
    UNDERPIN_ERROR_REFUSED,
    UNDERPIN_ERROR_DENIED,
    UNDERPIN_ERROR_NO_SPACE,
    UNDERPIN_ERROR_UNSUPPORTED,
    UNDERPIN_ERROR_UNAVAILABLE,
    UNDERPIN_ERROR_CANCELLED,
    UNDERPIN_ERROR_BACKEND,
    UNDERPIN_ERROR_BUG,
} UnderpinErrorCode;
#define UNDERPIN_ERROR_COUNT (UNDERPIN_ERROR_BUG + 1)

#define UNDERPIN_ERROR (underpin_error_quark())
GQuark underpin_error_quark(void);

/*
 * Sets *error (which may be NULL) and returns FALSE, so that failing is one line:
 *     return error_set(error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin list'", "no machine '%s'",
 * name); `hint` says what the person can do; NULL where there is nothing to say. Both are copied.
 */
gboolean error_set(GError **error, UnderpinErrorCode code, const char *hint, const char *format,
                   ...) G_GNUC_PRINTF(4, 5);

/*
 * The same from an errno value: maps ENOSPC/EDQUOT, ENOENT, EEXIST, EACCES/EPERM/EROFS, EBUSY to
 * the fitting code and appends ": <strerror>" to the message. Supplies a hint for ENOSPC.
 */
gboolean error_set_errno(GError **error, int errno_value, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* The hint of an error of ours, or NULL. Borrowed from the error. */
const char *error_hint(const GError *error);

/* Replaces the hint (copied) of an error of ours; no effect on other domains. */
void error_set_hint(GError *error, const char *hint);

/* The code of any GError: ours as it is, GIOError and others mapped, unknown ones BACKEND. */
UnderpinErrorCode error_code(const GError *error);

/* "not-found", "refused" …: the stable name that the API and --json show. */
const char *error_code_name(UnderpinErrorCode code);
gboolean error_code_from_name(const char *name, UnderpinErrorCode *code_out);
unsigned error_code_http_status(UnderpinErrorCode code);
/* CLI exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict or refused, 5 daemon
 * unreachable. */
int error_code_exit_status(UnderpinErrorCode code);
