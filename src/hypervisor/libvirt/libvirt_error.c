/* Errors of libvirt: a table maps their numbers, a few lines of text work find the sentence that
 * matters. */
#include "hypervisor/libvirt/libvirt_error.h"

#include <errno.h>
#include <string.h>

#include "foundation/error.h"
#include "hypervisor/libvirt/domain_rules.h"

#define MESSAGE_MAX_BYTES 400

/* --- the one line ----------------------------------------------------------------------------- */

static char *last_line(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = g_strv_length(lines); i-- > 0;)
        if (*g_strstrip(lines[i]) != '\0')
            return g_strdup(lines[i]);
    return g_strdup("");
}

/*
 * "Hook script execution failed: internal error: Child process (LC_ALL=C … prepare begin -)
 * unexpected exit status 1: first line\nlast line": everything after the exit status are the hook's
 * own words.
 */
static char *words_of_hook(const char *message)
{
    static const char marker[] = "unexpected exit status ";
    const char *status = strstr(message, marker);
    const char *words = status == NULL ? NULL : strstr(status, ": ");
    return last_line(words == NULL ? message : words + 2);
}

/* "2026-01-02T03:04:05.678901Z qemu-system-x86_64: text": the time and the program are noise. */
static const char *skip_program(const char *line)
{
    const char *program = strstr(line, "Z qemu-system-");
    const char *text = program == NULL ? NULL : strstr(program, ": ");
    return text == NULL ? line : text + 2;
}

static char *join_lines(const char *message)
{
    g_auto(GStrv) lines = g_strsplit(message, "\n", -1);
    g_autoptr(GString) text = g_string_new(NULL);
    for (char **line = lines; *line != NULL; line++) {
        const char *words = skip_program(g_strstrip(*line));
        if (*words == '\0')
            continue;
        if (text->len > 0)
            g_string_append(text, "; ");
        g_string_append(text, words);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

char *libvirt_error_clean(const char *message, gboolean from_hook)
{
    g_autofree char *text = from_hook ? words_of_hook(message) : join_lines(message);
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_autofree char *escaped = NULL;
    for (char *c = valid; *c != '\0'; c++)
        if (g_ascii_iscntrl(*c)) /* a hook or a guest may write what it likes */
            *c = ' ';
    if (strlen(valid) <= MESSAGE_MAX_BYTES)
        return g_steal_pointer(&valid);
    const char *end = g_utf8_find_prev_char(valid, valid + MESSAGE_MAX_BYTES);
    escaped = g_strndup(valid, (gsize)(end - valid));
    return g_strconcat(escaped, "…", NULL);
}

/* --- the code --------------------------------------------------------------------------------- */

static const struct {
    int libvirt_code;
    UnderpinErrorCode code;
} codes[] = {
    {VIR_ERR_NO_DOMAIN, UNDERPIN_ERROR_NOT_FOUND},
    {VIR_ERR_NO_DOMAIN_SNAPSHOT, UNDERPIN_ERROR_NOT_FOUND},
    {VIR_ERR_DOM_EXIST, UNDERPIN_ERROR_EXISTS},
    {VIR_ERR_HOOK_SCRIPT_FAILED, UNDERPIN_ERROR_REFUSED},
    {VIR_ERR_OPERATION_INVALID, UNDERPIN_ERROR_REFUSED},
    {VIR_ERR_OPERATION_TIMEOUT, UNDERPIN_ERROR_BUSY},
    {VIR_ERR_RESOURCE_BUSY, UNDERPIN_ERROR_BUSY},
    {VIR_ERR_AGENT_UNRESPONSIVE, UNDERPIN_ERROR_BUSY},
    {VIR_ERR_AUTH_FAILED, UNDERPIN_ERROR_DENIED},
    {VIR_ERR_AUTH_CANCELLED, UNDERPIN_ERROR_DENIED},
    {VIR_ERR_AUTH_UNAVAILABLE, UNDERPIN_ERROR_DENIED},
    {VIR_ERR_OPERATION_DENIED, UNDERPIN_ERROR_DENIED},
    {VIR_ERR_ACCESS_DENIED, UNDERPIN_ERROR_DENIED},
    {VIR_ERR_XML_ERROR, UNDERPIN_ERROR_INVALID},
    {VIR_ERR_XML_DETAIL, UNDERPIN_ERROR_INVALID},
    {VIR_ERR_XML_INVALID_SCHEMA, UNDERPIN_ERROR_INVALID},
    {VIR_ERR_INVALID_ARG, UNDERPIN_ERROR_INVALID},
    {VIR_ERR_CONFIG_UNSUPPORTED, UNDERPIN_ERROR_INVALID},
    {VIR_ERR_NO_SUPPORT, UNDERPIN_ERROR_UNSUPPORTED},
    {VIR_ERR_OPERATION_UNSUPPORTED, UNDERPIN_ERROR_UNSUPPORTED},
    {VIR_ERR_ARGUMENT_UNSUPPORTED, UNDERPIN_ERROR_UNSUPPORTED},
    {VIR_ERR_NO_CONNECT, UNDERPIN_ERROR_UNAVAILABLE},
    {VIR_ERR_INVALID_CONN, UNDERPIN_ERROR_UNAVAILABLE},
    {VIR_ERR_RPC, UNDERPIN_ERROR_UNAVAILABLE},
};

static const struct {
    UnderpinErrorCode code;
    const char *hint; /* %s: the domain's name */
} hints[] = {
    {UNDERPIN_ERROR_BUSY, "another operation holds domain '%s': try again when it is done"},
    {UNDERPIN_ERROR_DENIED, "underpind needs the rights of root towards libvirt (domain '%s')"},
    {UNDERPIN_ERROR_BACKEND, "look at /var/log/libvirt/qemu/%s.log and the journal of libvirtd"},
    {UNDERPIN_ERROR_INVALID, "look at the definition: virsh edit %s"},
};

static UnderpinErrorCode code_of(const virError *failure)
{
    /* a lost socket is reported as an internal or system error of the RPC layer */
    gboolean socket = failure->domain == VIR_FROM_RPC && (failure->code == VIR_ERR_INTERNAL_ERROR ||
                                                          failure->code == VIR_ERR_SYSTEM_ERROR);
    if (socket)
        return UNDERPIN_ERROR_UNAVAILABLE;
    if (failure->code == VIR_ERR_SYSTEM_ERROR && failure->int1 == ENOSPC)
        return UNDERPIN_ERROR_NO_SPACE;
    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
        if (codes[i].libvirt_code == failure->code)
            return codes[i].code;
    return UNDERPIN_ERROR_BACKEND;
}

static char *hint_for(UnderpinErrorCode code, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(hints); i++)
        if (hints[i].code == code && name != NULL) {
            g_auto(GStrv) parts = g_strsplit(hints[i].hint, "%s", 2);
            return g_strjoinv(name, parts);
        }
    return NULL;
}

/* Without the general words in front ("internal error: "), which say nothing. */
static const char *detail_of(const virError *failure)
{
    if (failure->str2 != NULL && *failure->str2 != '\0')
        return failure->str2;
    return failure->message != NULL ? failure->message : "unknown error";
}

static void translate(const virError *failure, virDomainPtr domain, GError **error)
{
    UnderpinErrorCode code = code_of(failure);
    if (code == UNDERPIN_ERROR_UNAVAILABLE) {
        domain_rules_unavailable(error);
        return;
    }
    gboolean from_hook = failure->code == VIR_ERR_HOOK_SCRIPT_FAILED;
    g_autofree char *message = libvirt_error_clean(detail_of(failure), from_hook);
    g_autofree char *hint = domain == NULL ? NULL : hint_for(code, virDomainGetName(domain));
    error_set(error, code, hint, "%s", message);
}

gboolean libvirt_error_take(virDomainPtr domain, GError **error)
{
    virErrorPtr failure = virSaveLastError();
    if (failure == NULL || failure->code == VIR_ERR_OK)
        error_set(error, UNDERPIN_ERROR_BACKEND, NULL, "libvirt failed without a reason");
    else
        translate(failure, domain, error);
    if (failure != NULL)
        virFreeError(failure);
    return FALSE;
}

gboolean libvirt_error_is(int code)
{
    const virError *failure = virGetLastError();
    return failure != NULL && failure->code == code;
}

static void be_quiet(void *user_data, virErrorPtr failure)
{
    (void)user_data, (void)failure;
}

void libvirt_error_init(void)
{
    virSetErrorFunc(NULL, be_quiet);
}
