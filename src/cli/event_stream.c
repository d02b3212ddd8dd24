/* Implements the reader of server-sent events: lines make fields, an empty line makes an event. */
#include "cli/event_stream.h"

#include <string.h>

#include "foundation/error.h"

struct EventReader {
    GString *line;
    GString *data;
    char *type;
    char *last_id;
    gboolean has_data;
    gboolean after_return; /* the last byte was CR: a LF that follows belongs to it */
    GQueue *events;        /* StreamEvent */
};

void stream_event_free(StreamEvent *event)
{
    if (event == NULL)
        return;
    g_free(event->type);
    g_free(event->id);
    g_free(event->data);
    g_free(event);
}

EventReader *event_reader_new(void)
{
    EventReader *reader = g_new0(EventReader, 1);
    reader->line = g_string_new(NULL);
    reader->data = g_string_new(NULL);
    reader->events = g_queue_new();
    return reader;
}

static void free_event(gpointer event)
{
    stream_event_free(event);
}

void event_reader_free(EventReader *reader)
{
    if (reader == NULL)
        return;
    g_string_free(reader->line, TRUE);
    g_string_free(reader->data, TRUE);
    g_free(reader->type);
    g_free(reader->last_id);
    g_queue_free_full(reader->events, free_event);
    g_free(reader);
}

static void finish_event(EventReader *reader)
{
    if (reader->has_data) {
        StreamEvent *event = g_new0(StreamEvent, 1);
        event->type = reader->type != NULL ? g_steal_pointer(&reader->type) : g_strdup("message");
        event->id = g_strdup(reader->last_id);
        event->data = g_strdup(reader->data->str);
        g_queue_push_tail(reader->events, event);
    }
    g_clear_pointer(&reader->type, g_free);
    g_string_truncate(reader->data, 0);
    reader->has_data = FALSE;
}

static void add_data(EventReader *reader, const char *value)
{
    if (reader->has_data)
        g_string_append_c(reader->data, '\n');
    g_string_append(reader->data, value);
    reader->has_data = TRUE;
}

static void replace(char **text, const char *value)
{
    g_free(*text);
    *text = g_strdup(value);
}

static void finish_line(EventReader *reader)
{
    g_autofree char *line = g_strdup(reader->line->str);
    g_string_truncate(reader->line, 0);
    if (*line == '\0') {
        finish_event(reader);
        return;
    }
    char *colon = strchr(line, ':');
    const char *value = "";
    if (colon != NULL) {
        *colon = '\0';
        value = colon[1] == ' ' ? colon + 2 : colon + 1;
    }
    if (g_str_equal(line, "data"))
        add_data(reader, value);
    else if (g_str_equal(line, "event"))
        replace(&reader->type, value);
    else if (g_str_equal(line, "id"))
        replace(&reader->last_id, value);
}

gboolean event_reader_feed(EventReader *reader, const char *bytes, gsize length, GError **error)
{
    for (gsize i = 0; i < length; i++) {
        gboolean is_rest_of_break = bytes[i] == '\n' && reader->after_return;
        reader->after_return = bytes[i] == '\r';
        if (is_rest_of_break)
            continue;
        if (bytes[i] == '\n' || bytes[i] == '\r')
            finish_line(reader);
        else
            g_string_append_c(reader->line, bytes[i]);
        if (reader->line->len + reader->data->len > EVENT_SIZE_LIMIT)
            return error_set(error, UNDERPIN_ERROR_BACKEND, NULL,
                             "an event of the daemon exceeds its bound");
    }
    return TRUE;
}

StreamEvent *event_reader_next(EventReader *reader)
{
    return g_queue_pop_head(reader->events);
}
