/* Implements the look at the terminal, and the table of tones. */
#include "cli/screen.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DEFAULT_WIDTH = 80, LEAST_WIDTH = 20, GREATEST_WIDTH = 1000 };

guint screen_current_width(void)
{
    static const int descriptors[] = {STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO};
    for (gsize i = 0; i < G_N_ELEMENTS(descriptors); i++) {
        struct winsize size = {0};
        if (ioctl(descriptors[i], TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
            return CLAMP(size.ws_col, LEAST_WIDTH, GREATEST_WIDTH);
    }
    const char *columns = g_getenv("COLUMNS");
    guint64 width = columns != NULL ? g_ascii_strtoull(columns, NULL, 10) : 0;
    return width > 0 ? (guint)CLAMP(width, LEAST_WIDTH, GREATEST_WIDTH) : DEFAULT_WIDTH;
}

Screen screen_detect(void)
{
    const char *terminal = g_getenv("TERM");
    const char *no_colour = g_getenv("NO_COLOR");
    gboolean is_dumb = terminal == NULL || g_str_equal(terminal, "dumb");
    gboolean wants_colour = !is_dumb && (no_colour == NULL || *no_colour == '\0');
    gboolean output = isatty(STDOUT_FILENO) == 1;
    gboolean errors = isatty(STDERR_FILENO) == 1;
    return (Screen){
        .output_is_terminal = output,
        .can_ask = isatty(STDIN_FILENO) == 1 && errors,
        .can_redraw = errors && !is_dumb,
        .colours = output && wants_colour,
        .error_colours = errors && wants_colour,
        .unicode = g_get_charset(NULL),
        .width = screen_current_width(),
    };
}

const char *tone_begin(Tone tone)
{
    static const char *const sequences[] = {
        [TONE_PLAIN] = "",        [TONE_STRONG] = "\033[1m",     [TONE_FAINT] = "\033[2m",
        [TONE_GOOD] = "\033[32m", [TONE_ATTENTION] = "\033[33m", [TONE_BAD] = "\033[31m",
    };
    G_STATIC_ASSERT(G_N_ELEMENTS(sequences) == TONE_COUNT);
    return sequences[tone];
}

Tone tone_of_word(const char *word)
{
    static const struct {
        const char *word;
        Tone tone;
    } tones[] = {
        {"running", TONE_GOOD},
        {"done", TONE_GOOD},
        {"connected", TONE_GOOD},
        {"in force", TONE_GOOD},
        {"ok", TONE_GOOD},
        {"now", TONE_GOOD},
        {"pending", TONE_ATTENTION},
        {"saved", TONE_ATTENTION},
        {"paused", TONE_ATTENTION},
        {"warning", TONE_ATTENTION},
        {"skip", TONE_ATTENTION},
        {"skipped", TONE_ATTENTION},
        {"behind", TONE_ATTENTION},
        {"stopping", TONE_ATTENTION},
        {"cancelled", TONE_ATTENTION},
        {"stalled", TONE_BAD},
        {"failed", TONE_BAD},
        {"refuse", TONE_BAD},
        {"error", TONE_BAD},
        {"removing", TONE_BAD},
        {"away", TONE_BAD},
        {"not in force", TONE_BAD},
        {"off", TONE_FAINT},
        {"retired", TONE_FAINT},
    };
    for (gsize i = 0; word != NULL && i < G_N_ELEMENTS(tones); i++) {
        if (g_str_equal(tones[i].word, word))
            return tones[i].tone;
    }
    return TONE_PLAIN;
}
