/* Remarks about machines, said once however many machines they are about. */
#pragma once

#include <glib.h>

typedef struct Notes Notes;
Notes *notes_new(void);
void notes_free(Notes *notes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Notes, notes_free)

/* Adds a remark (copied) about `name`; NULL: about the whole. `hint` may be NULL. A NULL text is
 * nothing to say. */
void notes_add(Notes *notes, const char *name, const char *text, const char *hint);
gboolean notes_is_empty(const Notes *notes);
/*
 * "name, name and 3 more: text" behind `prefix`, and the hint below it behind as many blanks and
 * four more, in the order of their first mention. Caller frees.
 */
char *notes_to_text(const Notes *notes, const char *prefix);

/* "a, b, c and 47 more": at most `limit` names. Caller frees. */
char *names_to_text(const GPtrArray *names, guint limit);
