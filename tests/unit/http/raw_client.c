/* See raw_client.h. */
#include "raw_client.h"

#include "cmocka_prelude.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SILENCE_SECONDS 60

void raw_answer_clear(RawAnswer *answer)
{
    g_clear_pointer(&answer->head, g_free);
    if (answer->body)
        g_string_free(g_steal_pointer(&answer->body), TRUE);
}

static void set_patience(int fd)
{
    struct timeval silence = {.tv_sec = SILENCE_SECONDS};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
}

int raw_connect_tcp(guint16 port, guint8 from)
{
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + from)};
    struct sockaddr_in there = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    set_patience(fd);
    assert_int_equal(bind(fd, (struct sockaddr *)&here, sizeof here), 0);
    if (connect(fd, (struct sockaddr *)&there, sizeof there) != 0)
        fail_msg("connecting to port %u: %s", port, g_strerror(errno));
    return fd;
}

int raw_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    set_patience(fd);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail_msg("connecting to %s: %s", path, g_strerror(errno));
    return fd;
}

gboolean raw_try_send(int fd, const char *bytes, gsize length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return FALSE;
        bytes += sent;
        length -= (gsize)sent;
    }
    return TRUE;
}

void raw_send(int fd, const char *bytes, gsize length)
{
    assert_true(raw_try_send(fd, bytes, length));
}

void raw_send_text(int fd, const char *text)
{
    raw_send(fd, text, strlen(text));
}

/* One byte; FALSE at the end of the stream. Slow, and leaves what follows for the next answer. */
static gboolean receive_byte(int fd, GString *text)
{
    char byte;
    ssize_t length = recv(fd, &byte, 1, 0);
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        fail_msg("no answer within %d s", SILENCE_SECONDS);
    if (length <= 0)
        return FALSE;
    g_string_append_c(text, byte);
    return TRUE;
}

static gboolean ends_with(const GString *text, const char *end)
{
    gsize length = strlen(end);
    return text->len >= length && memcmp(text->str + text->len - length, end, length) == 0;
}

static gboolean receive_bytes(int fd, GString *text, gsize length)
{
    gsize start = text->len;
    g_string_set_size(text, start + length);
    for (gsize done = 0; done < length;) {
        ssize_t got = recv(fd, text->str + start + done, length - done, 0);
        if (got <= 0) {
            g_string_set_size(text, start + done);
            return FALSE;
        }
        done += (gsize)got;
    }
    return TRUE;
}

static void receive_chunks(int fd, GString *body)
{
    for (;;) {
        g_autoptr(GString) line = g_string_new(NULL);
        while (!ends_with(line, "\r\n")) {
            if (!receive_byte(fd, line))
                return;
        }
        gsize length = g_ascii_strtoull(line->str, NULL, 16);
        g_autoptr(GString) end = g_string_new(NULL);
        if (!receive_bytes(fd, body, length) || !receive_bytes(fd, end, 2) || length == 0)
            return;
    }
}

char *raw_header(const RawAnswer *answer, const char *name)
{
    g_auto(GStrv) lines = g_strsplit(answer->head, "\r\n", -1);
    gsize length = strlen(name);
    for (guint i = 0; lines[i]; i++) {
        if (g_ascii_strncasecmp(lines[i], name, length) == 0 && lines[i][length] == ':')
            return g_strstrip(g_strdup(lines[i] + length + 1));
    }
    return NULL;
}

RawAnswer raw_receive(int fd, gboolean is_head)
{
    RawAnswer answer = {.body = g_string_new(NULL)};
    g_autoptr(GString) head = g_string_new(NULL);
    while (!ends_with(head, "\r\n\r\n") && receive_byte(fd, head))
        continue;
    answer.head = g_strdup(head->str);
    if (!ends_with(head, "\r\n\r\n"))
        return answer;
    answer.status = (unsigned)g_ascii_strtoull(answer.head + strlen("HTTP/1.1 "), NULL, 10);
    g_autofree char *length = raw_header(&answer, "Content-Length");
    g_autofree char *coding = raw_header(&answer, "Transfer-Encoding");
    if (is_head || answer.status == 100)
        return answer;
    if (length)
        assert_true(receive_bytes(fd, answer.body, g_ascii_strtoull(length, NULL, 10)));
    else if (coding)
        receive_chunks(fd, answer.body);
    return answer;
}

gboolean raw_receive_until(int fd, GString *seen, const char *text)
{
    while (!ends_with(seen, text)) {
        if (!receive_byte(fd, seen))
            return FALSE;
    }
    return TRUE;
}

RawAnswer raw_request(const char *path, const char *method, const char *target, const char *type,
                      const char *body)
{
    g_autoptr(GString) request = g_string_new(NULL);
    g_string_append_printf(request, "%s %s HTTP/1.1\r\nHost: x\r\n", method, target);
    if (type)
        g_string_append_printf(request, "Content-Type: %s\r\n", type);
    if (body)
        g_string_append_printf(request, "Content-Length: %zu\r\n", strlen(body));
    g_string_append_printf(request, "\r\n%s", body ? body : "");
    int fd = raw_connect(path);
    raw_send(fd, request->str, request->len);
    RawAnswer answer = raw_receive(fd, g_str_equal(method, "HEAD"));
    close(fd);
    return answer;
}

RawAnswer raw_get(int fd, const char *target, const char *headers)
{
    g_autofree char *request =
        g_strdup_printf("GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target, headers);
    raw_send_text(fd, request);
    return raw_receive(fd, FALSE);
}
