/* Implements the search for near words. */
#include "foundation/near.h"

#include <string.h>

enum { WORD_LIMIT = 63, PROPOSALS = 3 };

guint near_distance(const char *one, const char *other)
{
    guint rows[WORD_LIMIT + 1][WORD_LIMIT + 1];
    guint height = (guint)strlen(one), width = (guint)strlen(other);
    if (height > WORD_LIMIT || width > WORD_LIMIT)
        return MAX(height, width);
    for (guint i = 0; i <= height; i++) {
        for (guint j = 0; j <= width; j++) {
            if (i == 0 || j == 0) {
                rows[i][j] = MAX(i, j);
                continue;
            }
            char a = g_ascii_tolower(one[i - 1]), b = g_ascii_tolower(other[j - 1]);
            guint best = rows[i - 1][j - 1] + (a != b);
            best = MIN(best, MIN(rows[i - 1][j], rows[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a == g_ascii_tolower(other[j - 2]) &&
                b == g_ascii_tolower(one[i - 2]))
                best = MIN(best, rows[i - 2][j - 2] + 1);
            rows[i][j] = best;
        }
    }
    return rows[height][width];
}

typedef struct {
    const char *word;
    guint distance;
} Proposal;

/* A beginning counts as near, however long the rest is. */
static guint distance_to(const char *word, const char *candidate)
{
    if (strlen(word) >= 2 && g_ascii_strncasecmp(word, candidate, strlen(word)) == 0)
        return 1;
    return near_distance(word, candidate);
}

static gint compare_proposals(gconstpointer one, gconstpointer other)
{
    const Proposal *a = one, *b = other;
    return a->distance != b->distance ? (gint)a->distance - (gint)b->distance
                                      : strcmp(a->word, b->word);
}

static char *join(const GArray *proposals, const char *prefix)
{
    GString *text = g_string_new(NULL);
    guint count = MIN(proposals->len, PROPOSALS);
    for (guint i = 0; i < count; i++) {
        if (i > 0)
            g_string_append(text, i + 1 == count ? " or " : ", ");
        g_string_append_printf(text, "'%s%s'", prefix, g_array_index(proposals, Proposal, i).word);
    }
    return g_string_free(text, FALSE);
}

char *near_words(const char *word, const char *const *words, const char *prefix)
{
    g_autoptr(GArray) proposals = g_array_new(FALSE, FALSE, sizeof(Proposal));
    guint limit = MAX(1, (guint)strlen(word) / 3);
    for (gsize i = 0; words[i] != NULL; i++) {
        Proposal proposal = {words[i], distance_to(word, words[i])};
        if (proposal.distance <= limit)
            g_array_append_val(proposals, proposal);
    }
    if (proposals->len == 0)
        return NULL;
    g_array_sort(proposals, compare_proposals);
    return join(proposals, prefix);
}
