/* A client that sends exactly the bytes it is told to, and reads answers as HTTP/1.1 does. */
#pragma once

#include <glib.h>

typedef struct {
    unsigned status; /* 0: the connection ended before an answer */
    char *head;      /* status line and headers */
    GString *body;   /* chunks joined */
} RawAnswer;
void raw_answer_clear(RawAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RawAnswer, raw_answer_clear)

/* A blocking connection; gives up (and fails the test) after a minute of silence. */
int raw_connect(const char *path);
/* The same by TCP to 127.0.0.1, from the address 127.0.0.`from`. */
int raw_connect_tcp(guint16 port, guint8 from);
void raw_send(int fd, const char *bytes, gsize length);
void raw_send_text(int fd, const char *text);
/* FALSE where the other end no longer takes anything. */
gboolean raw_try_send(int fd, const char *bytes, gsize length);
/* Reads one whole answer; `is_head` for one without a body. */
RawAnswer raw_receive(int fd, gboolean is_head);
/* Reads up to and including `text`; everything read is in `seen`. FALSE where the stream ends
 * before. */
gboolean raw_receive_until(int fd, GString *seen, const char *text);
/* A header's value in the answer's head, or NULL. Caller frees. */
char *raw_header(const RawAnswer *answer, const char *name);

/* One request on a connection of its own. `body` NULL: none; `type` NULL: no Content-Type. */
RawAnswer raw_request(const char *path, const char *method, const char *target, const char *type,
                      const char *body);
/* GET on a connection that is open. */
RawAnswer raw_get(int fd, const char *target, const char *headers);
