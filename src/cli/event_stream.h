/* Server-sent events (HTML standard, section 9.2), read piece by piece. No I/O. */
#pragma once

#include <glib.h>

typedef struct {
    char *type; /* "message" where the stream says none */
    char *id;   /* of this event or the last before it; NULL: none yet */
    char *data; /* lines joined by line feeds */
} StreamEvent;
void stream_event_free(StreamEvent *event);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StreamEvent, stream_event_free)

enum { EVENT_SIZE_LIMIT = 16 * 1024 * 1024 };

typedef struct EventReader EventReader;
EventReader *event_reader_new(void);
void event_reader_free(EventReader *reader);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EventReader, event_reader_free)

/* Takes the next bytes of the stream. BACKEND where an event exceeds EVENT_SIZE_LIMIT. */
gboolean event_reader_feed(EventReader *reader, const char *bytes, gsize length, GError **error);
/* The next whole event, or NULL until more bytes have come. Comments are passed over. Caller frees.
 */
StreamEvent *event_reader_next(EventReader *reader);
