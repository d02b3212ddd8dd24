/* Implements remarks that are grouped by what they say. */
#include "cli/notes.h"

#include <string.h>

enum { NAMES_SHOWN = 4, HINT_INDENT = 4 };

typedef struct {
    char *text;
    char *hint;
    GPtrArray *names;
} Note;

struct Notes {
    GPtrArray *notes; /* Note */
};

static void note_free(gpointer data)
{
    Note *note = data;
    g_free(note->text);
    g_free(note->hint);
    g_ptr_array_unref(note->names);
    g_free(note);
}

Notes *notes_new(void)
{
    Notes *notes = g_new0(Notes, 1);
    notes->notes = g_ptr_array_new_with_free_func(note_free);
    return notes;
}

void notes_free(Notes *notes)
{
    if (notes == NULL)
        return;
    g_ptr_array_unref(notes->notes);
    g_free(notes);
}

static Note *find_note(const Notes *notes, const char *text, const char *hint)
{
    for (guint i = 0; i < notes->notes->len; i++) {
        Note *note = g_ptr_array_index(notes->notes, i);
        if (g_str_equal(note->text, text) && g_strcmp0(note->hint, hint) == 0)
            return note;
    }
    return NULL;
}

void notes_add(Notes *notes, const char *name, const char *text, const char *hint)
{
    if (text == NULL)
        return;
    Note *note = find_note(notes, text, hint);
    if (note == NULL) {
        note = g_new0(Note, 1);
        note->text = g_strdup(text);
        note->hint = g_strdup(hint);
        note->names = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(notes->notes, note);
    }
    if (name != NULL)
        g_ptr_array_add(note->names, g_strdup(name));
}

gboolean notes_is_empty(const Notes *notes)
{
    return notes->notes->len == 0;
}

char *names_to_text(const GPtrArray *names, guint limit)
{
    GString *text = g_string_new(NULL);
    guint shown = MIN(names->len, limit);
    for (guint i = 0; i < shown; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "",
                               (const char *)g_ptr_array_index(names, i));
    if (names->len > shown)
        g_string_append_printf(text, " and %u more", names->len - shown);
    return g_string_free(text, FALSE);
}

static void append_lines(GString *text, const char *prefix, const char *lines)
{
    g_auto(GStrv) parts = g_strsplit(lines, "\n", -1);
    for (gsize i = 0; parts[i] != NULL; i++) {
        if (*parts[i] != '\0')
            g_string_append_printf(text, "%s%s\n", prefix, parts[i]);
    }
}

char *notes_to_text(const Notes *notes, const char *prefix)
{
    GString *text = g_string_new(NULL);
    g_autofree char *blanks = g_strnfill(strlen(prefix) + HINT_INDENT, ' ');
    for (guint i = 0; i < notes->notes->len; i++) {
        const Note *note = g_ptr_array_index(notes->notes, i);
        g_autofree char *names = names_to_text(note->names, NAMES_SHOWN);
        g_autofree char *line =
            *names != '\0' ? g_strdup_printf("%s: %s", names, note->text) : g_strdup(note->text);
        append_lines(text, prefix, line);
        if (note->hint != NULL)
            append_lines(text, blanks, note->hint);
    }
    if (text->len > 0)
        g_string_truncate(text, text->len - 1);
    return g_string_free(text, FALSE);
}
