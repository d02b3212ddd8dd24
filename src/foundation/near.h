/* Words near to a word that nobody knows: "did you mean …". */
#pragma once

#include <glib.h>

/* Levenshtein's distance, ignoring the case of letters; neighbours that changed places count one.
 */
guint near_distance(const char *one, const char *other);
/*
 * "'restore' or 'release'": up to three of `words` (NULL-terminated) that are near to `word`, the
 * nearest first, each with `prefix` in front. NULL where none is. Caller frees.
 */
char *near_words(const char *word, const char *const *words, const char *prefix);
