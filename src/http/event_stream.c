/*
 * The ring of events and its readers, all under one lock.
 *
 * Parking and waking happen under that lock, too. Otherwise an event could be published between
 * "nothing to read" and the moment the reader sleeps, and it would sleep on it.
 */
#include "http/event_stream.h"

#include <string.h>
#include <time.h>

#include "foundation/error.h"
#include "http/lock.h"

/* Numbers begin at seconds * this: no run of the daemon publishes a million events a second for its
 * whole life. */
#define SEQUENCES_PER_SECOND 1000000
#define MS_US                G_GINT64_CONSTANT(1000)
#define SHARE_OF_UNIX_SOCKET 8 /* one of so many streams */

/* One rendered event; the count is protected by the stream's lock. */
typedef struct {
    guint ref_count;
    char *machine_id, *requested_by; /* its audience; both NULL: those who see all */
    gint64 requested_at;
    gsize length;
    char bytes[];
} Text;

struct EventStream {
    EventStreamConfig config;
    pthread_t keeper;
    gboolean has_keeper;
    pthread_mutex_t
        lock; /* protects what follows; taken before the server's own locks, never after them */
    pthread_cond_t changed; /* the keeper has something to do */
    Text **ring;            /* sequence % event_limit */
    guint64 oldest;         /* first sequence that the ring holds */
    guint64 next;           /* sequence of the next event */
    gsize bytes;            /* held by the ring */
    Text *heartbeat;        /* the same for all */
    GPtrArray *readers;     /* borrowed */
    GHashTable *cuts;       /* account id -> guint64: what it heard before cannot be resumed */
    gint64 left_at_us;      /* when the last reader left */
    gint64 woken_at_us;     /* when all were woken last */
    gboolean wake_due;      /* there is news since */
    gboolean closed;
};

struct EventReader {
    EventStream *stream;
    Identity *identity; /* NULL: hears everything */
    EventReaderSwitch park, wake;
    gpointer user_data;
    /* protected by the stream's lock */
    gboolean dismissed;
    guint64 sequence; /* of the next event to read */
    Text *current;    /* being read; NULL: between events */
    gsize offset;
    gboolean parked;
    gboolean heartbeat_due;
};

void event_stream_config_init(EventStreamConfig *config)
{
    *config = (EventStreamConfig){
        .event_limit = 8192,
        .byte_limit = (gsize)8 * 1024 * 1024,
        .reader_limit = 512,
        .account_limit = 128,
        .heartbeat_seconds = 10,
        .pace_ms = 25,
        .linger_seconds = 60,
    };
}

static Text *text_new(const char *bytes, gsize length)
{
    Text *text = g_malloc0(sizeof *text + length);
    text->ref_count = 1;
    text->length = length;
    memcpy(text->bytes, bytes, length);
    return text;
}

static void text_unref(Text *text)
{
    if (!text || --text->ref_count > 0)
        return;
    g_free(text->machine_id);
    g_free(text->requested_by);
    g_free(text);
}

/* "id: 7\nevent: job\ndata: {…}\n\n"; sequence 0: without a number. Takes `data`. */
static Text *text_render(guint64 sequence, const char *type, json_t *data)
{
    g_autoptr(GString) event = g_string_new(NULL);
    char *json = json_dumps(data, JSON_COMPACT);
    g_assert(json);
    if (sequence > 0)
        g_string_append_printf(event, "id: %" G_GUINT64_FORMAT "\n", sequence);
    g_string_append_printf(event, "event: %s\ndata: %s\n\n", type, json);
    free(json);
    json_decref(data);
    return text_new(event->str, event->len);
}

static Text **ring_slot(EventStream *stream, guint64 sequence)
{
    return &stream->ring[sequence % stream->config.event_limit];
}

static void ring_drop_oldest(EventStream *stream)
{
    Text **slot = ring_slot(stream, stream->oldest++);
    stream->bytes -= (*slot)->length;
    text_unref(g_steal_pointer(slot));
}

static void ring_forget(EventStream *stream)
{
    while (stream->oldest < stream->next)
        ring_drop_oldest(stream);
}

static void ring_take(EventStream *stream, Text *text)
{
    while (stream->oldest < stream->next &&
           (stream->next - stream->oldest >= stream->config.event_limit ||
            stream->bytes + text->length > stream->config.byte_limit))
        ring_drop_oldest(stream);
    *ring_slot(stream, stream->next++) = text;
    stream->bytes += text->length;
}

static void reader_wake(EventReader *reader)
{
    if (!reader->parked)
        return;
    reader->parked = FALSE;
    reader->wake(reader->user_data);
}

static void wake_all(EventStream *stream)
{
    stream->woken_at_us = g_get_monotonic_time();
    stream->wake_due = FALSE;
    for (guint i = 0; i < stream->readers->len; i++)
        reader_wake(stream->readers->pdata[i]);
}

static gint64 next_wake_us(const EventStream *stream)
{
    return stream->woken_at_us + (gint64)stream->config.pace_ms * MS_US;
}

/* At once, or by the keeper when the pace allows it. */
static void wake_in_time(EventStream *stream)
{
    if (!stream->has_keeper || g_get_monotonic_time() >= next_wake_us(stream)) {
        wake_all(stream);
        return;
    }
    if (!stream->wake_due)
        pthread_cond_signal(&stream->changed);
    stream->wake_due = TRUE;
}

static void beat_locked(EventStream *stream)
{
    for (guint i = 0; i < stream->readers->len; i++) {
        EventReader *reader = stream->readers->pdata[i];
        reader->heartbeat_due = TRUE;
        reader_wake(reader);
    }
}

static gint64 next_beat_us(const EventStream *stream)
{
    guint seconds = stream->config.heartbeat_seconds;
    return seconds > 0 ? g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC : G_MAXINT64;
}

static void keeper_wait(EventStream *stream, gint64 until_us)
{
    const struct timespec until = {.tv_sec = until_us / G_USEC_PER_SEC,
                                   .tv_nsec = until_us % G_USEC_PER_SEC * 1000};
    pthread_cond_timedwait(&stream->changed, &stream->lock, &until);
}

static void *run_keeper(void *data)
{
    EventStream *stream = data;
    LOCK_FOR_SCOPE(&stream->lock);
    gint64 beat_us = next_beat_us(stream);
    while (!stream->closed) {
        keeper_wait(stream, stream->wake_due ? MIN(next_wake_us(stream), beat_us) : beat_us);
        gint64 now_us = g_get_monotonic_time();
        if (stream->wake_due && now_us >= next_wake_us(stream))
            wake_all(stream);
        if (now_us < beat_us)
            continue;
        beat_locked(stream);
        beat_us = next_beat_us(stream);
    }
    return NULL;
}

static void start_keeper(EventStream *stream)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&stream->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (stream->config.heartbeat_seconds > 0 || stream->config.pace_ms > 0)
        stream->has_keeper = pthread_create(&stream->keeper, NULL, run_keeper, stream) == 0;
}

EventStream *event_stream_new(const EventStreamConfig *config)
{
    EventStream *stream = g_new0(EventStream, 1);
    stream->config = *config;
    stream->ring = g_new0(Text *, config->event_limit);
    stream->next = config->first_sequence
                       ? config->first_sequence
                       : (guint64)(g_get_real_time() / G_USEC_PER_SEC) * SEQUENCES_PER_SECOND;
    stream->oldest = stream->next;
    stream->heartbeat = text_render(0, "heartbeat", json_object());
    stream->readers = g_ptr_array_new();
    stream->cuts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    stream->left_at_us = stream->woken_at_us = G_MININT64 / 2;
    pthread_mutex_init(&stream->lock, NULL);
    start_keeper(stream);
    return stream;
}

void event_stream_close(EventStream *stream)
{
    LOCK_FOR_SCOPE(&stream->lock);
    stream->closed = TRUE;
    pthread_cond_broadcast(&stream->changed);
    wake_all(stream);
}

void event_stream_free(EventStream *stream)
{
    if (!stream)
        return;
    event_stream_close(stream);
    if (stream->has_keeper)
        pthread_join(stream->keeper, NULL);
    g_assert(stream->readers->len == 0);
    ring_forget(stream);
    text_unref(stream->heartbeat);
    pthread_cond_destroy(&stream->changed);
    pthread_mutex_destroy(&stream->lock);
    g_ptr_array_unref(stream->readers);
    g_hash_table_unref(stream->cuts);
    g_free(stream->ring);
    g_free(stream);
}

gboolean event_stream_is_heard(EventStream *stream)
{
    LOCK_FOR_SCOPE(&stream->lock);
    gint64 linger_us = (gint64)stream->config.linger_seconds * G_USEC_PER_SEC;
    if (stream->readers->len > 0 || g_get_monotonic_time() < stream->left_at_us + linger_us)
        return TRUE;
    /* One number is used up, so that nobody resumes across the gap. */
    ring_forget(stream);
    stream->oldest = ++stream->next;
    return FALSE;
}

void event_stream_publish(EventStream *stream, const char *type, json_t *data,
                          const EventAudience *audience)
{
    LOCK_FOR_SCOPE(&stream->lock);
    Text *text = text_render(stream->next, type, data);
    if (audience) {
        text->machine_id = g_strdup(audience->machine_id);
        text->requested_by = g_strdup(audience->requested_by);
        text->requested_at = audience->requested_at;
    }
    ring_take(stream, text);
    wake_in_time(stream);
}

void event_stream_dismiss(EventStream *stream, const char *account_id, const char *session_id)
{
    LOCK_FOR_SCOPE(&stream->lock);
    for (guint i = 0; i < stream->readers->len; i++) {
        EventReader *reader = stream->readers->pdata[i];
        const Identity *identity = reader->identity;
        if (!identity || g_strcmp0(identity->account_id, account_id) != 0 ||
            (session_id && g_strcmp0(identity->session_id, session_id) != 0))
            continue;
        reader->dismissed = TRUE;
        reader_wake(reader);
    }
    if (!session_id)
        g_hash_table_replace(stream->cuts, g_strdup(account_id),
                             g_memdup2(&stream->next, sizeof stream->next));
}

void event_stream_beat(EventStream *stream)
{
    LOCK_FOR_SCOPE(&stream->lock);
    beat_locked(stream);
}

guint event_stream_readers(EventStream *stream)
{
    LOCK_FOR_SCOPE(&stream->lock);
    return stream->readers->len;
}

/* The number from which on an account's events are those it may hear now. */
static guint64 cut_of(const EventStream *stream, const Identity *identity)
{
    const guint64 *cut = identity && identity->account_id
                             ? g_hash_table_lookup(stream->cuts, identity->account_id)
                             : NULL;
    return cut ? *cut : 0;
}

/* Whether everything after `last_event_id` is still there; its number in *last_out. */
static gboolean can_resume(const EventReader *reader, const char *last_event_id, guint64 *last_out)
{
    const EventStream *stream = reader->stream;
    guint64 last = 0;
    if (!g_ascii_string_to_unsigned(last_event_id, 10, 0, G_MAXUINT64 - 1, &last, NULL))
        return FALSE;
    if (last + 1 < stream->oldest || last + 1 > stream->next ||
        last + 1 < cut_of(stream, reader->identity))
        return FALSE;
    *last_out = last;
    return TRUE;
}

/* "hello" or "reset", and the place to go on from. */
static void reader_begin(EventReader *reader, const char *last_event_id)
{
    EventStream *stream = reader->stream;
    guint64 last = stream->next - 1;
    gboolean is_whole = !last_event_id || can_resume(reader, last_event_id, &last);
    json_t *data = json_pack("{s:I}", "sequence", (json_int_t)last);
    reader->current = text_render(last, is_whole ? "hello" : "reset", data);
    reader->sequence = last + 1;
}

/* One account must not take all streams, and all accounts together not those that the unix socket
 * needs. */
static gboolean has_room(const EventStream *stream, const Identity *identity)
{
    const char *account = identity ? identity->account_id : NULL;
    guint of_account = 0, of_accounts = 0;
    for (guint i = 0; account && i < stream->readers->len; i++) {
        const EventReader *reader = stream->readers->pdata[i];
        const char *other = reader->identity ? reader->identity->account_id : NULL;
        of_accounts += other ? 1 : 0;
        of_account += g_strcmp0(other, account) == 0 ? 1 : 0;
    }
    guint limit = stream->config.reader_limit;
    return stream->readers->len < limit &&
           (!account || (of_account < stream->config.account_limit &&
                         of_accounts < limit - limit / SHARE_OF_UNIX_SOCKET));
}

EventReader *event_reader_new(EventStream *stream, const Identity *identity,
                              const char *last_event_id, EventReaderSwitch park,
                              EventReaderSwitch wake, gpointer user_data, GError **error)
{
    LOCK_FOR_SCOPE(&stream->lock);
    if (!has_room(stream, identity)) {
        /* Some may have gone unnoticed, as nothing was written to them: the next one finds the
         * room. */
        beat_locked(stream);
        error_set(error, UNDERPIN_ERROR_UNAVAILABLE,
                  "close some of the pages or watchers that are open",
                  "%u event streams are open already", stream->readers->len);
        return NULL;
    }
    EventReader *reader = g_new0(EventReader, 1);
    reader->stream = stream;
    reader->identity = identity ? identity_ref(identity) : NULL;
    reader->park = park;
    reader->wake = wake;
    reader->user_data = user_data;
    reader_begin(reader, last_event_id);
    g_ptr_array_add(stream->readers, reader);
    return reader;
}

void event_reader_free(EventReader *reader)
{
    if (!reader)
        return;
    EventStream *stream = reader->stream;
    LOCK_FOR_SCOPE(&stream->lock);
    g_ptr_array_remove_fast(stream->readers, reader);
    if (stream->readers->len == 0)
        stream->left_at_us = g_get_monotonic_time();
    text_unref(reader->current);
    identity_unref(reader->identity);
    g_free(reader);
}

static gboolean reader_hears(const EventReader *reader, const Text *text)
{
    const Identity *identity = reader->identity;
    if (!identity || !identity_is_confined(identity))
        return TRUE;
    if (text->requested_by && !identity_has_asked(identity, text->requested_by, text->requested_at))
        return FALSE;
    return text->machine_id ? identity_sees_machine(identity, text->machine_id)
                            : text->requested_by != NULL;
}

/* The next event of the ring that it hears, or NULL. */
static Text *next_heard(EventReader *reader)
{
    EventStream *stream = reader->stream;
    while (reader->sequence < stream->next) {
        Text *text = *ring_slot(stream, reader->sequence++);
        if (reader_hears(reader, text))
            return text;
    }
    return NULL;
}

/* The next thing to read; FALSE where there is nothing. Not called for a reader that has fallen
 * behind. */
static gboolean reader_advance(EventReader *reader)
{
    if (reader->current)
        return TRUE;
    reader->offset = 0;
    Text *heard = next_heard(reader);
    if (heard) {
        reader->current = heard;
        reader->current->ref_count++;
        reader->heartbeat_due = FALSE;
    } else if (reader->heartbeat_due) {
        reader->current = reader->stream->heartbeat;
        reader->current->ref_count++;
        reader->heartbeat_due = FALSE;
    }
    return reader->current != NULL;
}

static gsize reader_copy(EventReader *reader, char *buffer, gsize size)
{
    gsize part = MIN(size, reader->current->length - reader->offset);
    memcpy(buffer, reader->current->bytes + reader->offset, part);
    reader->offset += part;
    if (reader->offset == reader->current->length)
        text_unref(g_steal_pointer(&reader->current));
    return part;
}

static gboolean is_expired(const Identity *identity)
{
    return identity && identity->expires_at > 0 &&
           g_get_real_time() / G_USEC_PER_SEC >= identity->expires_at;
}

static gboolean reader_is_over(const EventReader *reader)
{
    const EventStream *stream = reader->stream;
    return stream->closed || reader->dismissed || is_expired(reader->identity) ||
           (!reader->current && reader->sequence < stream->oldest);
}

gssize event_reader_read(EventReader *reader, char *buffer, gsize size)
{
    LOCK_FOR_SCOPE(&reader->stream->lock);
    gsize length = 0;
    while (length < size && !reader_is_over(reader) && reader_advance(reader))
        length += reader_copy(reader, buffer + length, size - length);
    if (length > 0)
        return (gssize)length;
    if (reader_is_over(reader))
        return -1;
    reader->parked = TRUE;
    reader->park(reader->user_data);
    return 0;
}
