/*
 * The event stream: what happened, numbered, for any number of readers up to a bound.
 *
 *     publish ──▶ ring of the newest events ──▶ readers, each with its own place in the ring
 *
 * A publisher never waits for a reader: a reader that falls out of the ring is ended and comes back
 * with the last number it has seen. What comes in quick succession, as the steps of one job do, is
 * read in one go: waking a hundred readers costs more than what they read. Numbers go up across
 * restarts of the daemon, so that a number from an earlier run is always too old, and never taken
 * for a newer event. Format: server-sent events (WHATWG HTML, section 9.2).
 */
#pragma once

#include <jansson.h>

#include "access/identity.h"

typedef struct EventStream EventStream;
typedef struct EventReader EventReader;

typedef struct {
    guint event_limit;       /* events held; default 8192 */
    gsize byte_limit;        /* bytes held; default 8 MiB */
    guint reader_limit;      /* default 512 */
    guint account_limit;     /* of those, of one account; default 128 */
    guint heartbeat_seconds; /* to readers that hear nothing; default 10; 0: never */
    guint pace_ms;           /* sleeping readers are woken no more often than this; default 25 */
    guint linger_seconds;   /* events go on being kept after the last reader has left; default 60 */
    guint64 first_sequence; /* 0: from the wall clock */
} EventStreamConfig;
void event_stream_config_init(EventStreamConfig *config);

EventStream *event_stream_new(const EventStreamConfig *config);
/* All readers must be gone. NULL is fine. */
void event_stream_free(EventStream *stream);
/* Ends all readers, present and future. */
void event_stream_close(EventStream *stream);

/*
 * Whether anybody hears, or may come back to hear, what is published now. FALSE makes the stream
 * forget what it holds: the caller may then leave out the event without making it (thousands of
 * machines change in one commit).
 */
gboolean event_stream_is_heard(EventStream *stream);
/* Whom an event concerns: users hear of their machines and of the jobs they have asked for. */
typedef struct {
    const char *machine_id;   /* NULL: of no machine */
    const char *requested_by; /* NULL: of no job */
    gint64 requested_at;
} EventAudience;
/* Takes `data`. `type` is one of the names in the API's document. `audience` NULL: nobody who does
 * not see all. */
void event_stream_publish(EventStream *stream, const char *type, json_t *data,
                          const EventAudience *audience);
/*
 * Ends the readers of an account, or of one of its sessions (NULL: all): what they may hear is not
 * what it was. They come back as who they are now; without a session named they then begin anew,
 * because machines may have become theirs.
 */
void event_stream_dismiss(EventStream *stream, const char *account_id, const char *session_id);
/* "heartbeat" {} to every reader that waits, so that silence means a lost connection; done every
 * heartbeat_seconds by the stream itself. */
void event_stream_beat(EventStream *stream);
guint event_stream_readers(EventStream *stream);

/*
 * How a reader that has nothing to read is put to sleep and woken. Both are called under the
 * stream's lock, so that no event can fall between: they must not call the stream.
 */
typedef void (*EventReaderSwitch)(gpointer user_data);

/*
 * A reader that begins with "hello" {"sequence"} and goes on after `last_event_id`, or with the
 * next event where that is NULL. What can no longer be resumed begins with "reset" {"sequence"}
 * instead: everything must be read anew. It hears what `identity` may, for as long as that lasts;
 * NULL: everything. UNAVAILABLE when there are too many readers.
 */
EventReader *event_reader_new(EventStream *stream, const Identity *identity,
                              const char *last_event_id, EventReaderSwitch park,
                              EventReaderSwitch wake, gpointer user_data, GError **error);
void event_reader_free(EventReader *reader);
/* Up to `size` bytes. 0: nothing at the moment, and `park` has been called; -1: the end. */
gssize event_reader_read(EventReader *reader, char *buffer, gsize size);
