/* Small sound images of all shapes, from which the mutations start. */
#pragma once

#include <glib.h>

/* How many there are, and the bytes of one of them. Caller owns. */
guint corpus_count(void);
GByteArray *corpus_image(guint index);
