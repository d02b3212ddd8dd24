/* What is known of the terminal: where output goes, how wide it is, what it can show. */
#pragma once

#include <glib.h>

typedef struct {
    gboolean output_is_terminal; /* standard output */
    gboolean can_ask;       /* input and standard error are a terminal: questions can be asked */
    gboolean can_redraw;    /* standard error is a terminal that can go back in its line */
    gboolean colours;       /* standard output takes colours: a terminal, and NO_COLOR is not set */
    gboolean error_colours; /* the same of standard error */
    gboolean unicode;       /* the locale's character set is UTF-8 */
    guint width;            /* columns; 80 where nothing says otherwise */
} Screen;

/* Looks at the three standard streams and the environment (NO_COLOR, TERM, COLUMNS). setlocale()
 * comes first. */
Screen screen_detect(void);
/* The width at this moment: a person may have changed it. */
guint screen_current_width(void);

/* How a word is coloured where colours are on; the names say what it means, not how it looks. */
typedef enum { TONE_PLAIN, TONE_STRONG, TONE_FAINT, TONE_GOOD, TONE_ATTENTION, TONE_BAD } Tone;
#define TONE_COUNT (TONE_BAD + 1)
/* The escape sequence that begins the tone, "" for PLAIN. */
const char *tone_begin(Tone tone);
/* The escape sequence that ends every tone. */
#define TONE_END "\033[0m"

/* The tone in which a state, power, decision or level of the API is shown; PLAIN for words it does
 * not know. */
Tone tone_of_word(const char *word);
