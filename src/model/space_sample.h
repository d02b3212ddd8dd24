/* How much room the store had at one moment: what a forecast is made from. Plain data. */
#pragma once

#include <glib.h>

typedef struct {
    gint64 at; /* seconds since the epoch */
    guint64 free_bytes;
} SpaceSample;
