/* How long the room of the store will last, from what it was like before. */
#pragma once

#include "model/space_sample.h"

/* How far it looks back, and what it needs at least. */
#define FORECAST_BASIS_SECONDS (14 * 24 * 60 * 60)
#define FORECAST_LEAST_SECONDS (24 * 60 * 60)

typedef struct {
    gint64 bytes_per_day; /* that are used up; negative: room is being won */
    gint64 full_at;       /* 0: not within ten years */
    guint basis_days;     /* how many days of samples it rests on */
} Forecast;

/*
 * The pace is the median of the slopes between any two samples of the last 14 days (Theil and Sen):
 * a single rebase, or a clean-up, does not sway it. `samples`: of SpaceSample, oldest first.
 * `room_bytes`: what is free now above the floor. FALSE where the samples span less than a day.
 */
gboolean forecast_make(const GArray *samples, gint64 now, guint64 room_bytes,
                       Forecast *forecast_out);
