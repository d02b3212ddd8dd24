/* The forecast: a robust slope through the samples of the last days. */
#include "engine/forecast.h"

#define SECONDS_A_DAY (24 * 60 * 60)
#define HORIZON_DAYS  3650

static const SpaceSample *sample_at(const GArray *samples, guint index)
{
    return &g_array_index(samples, SpaceSample, index);
}

static guint first_of_basis(const GArray *samples, gint64 now)
{
    guint first = 0;
    while (first < samples->len && sample_at(samples, first)->at < now - FORECAST_BASIS_SECONDS)
        first++;
    return first;
}

static gint compare_numbers(gconstpointer one, gconstpointer other)
{
    double left = *(const double *)one, right = *(const double *)other;
    return (left > right) - (left < right);
}

/* Bytes of free space lost a day between two samples. */
static double slope(const SpaceSample *earlier, const SpaceSample *later)
{
    double lost = (double)earlier->free_bytes - (double)later->free_bytes;
    return lost / (double)(later->at - earlier->at) * SECONDS_A_DAY;
}

static double median_slope(const GArray *samples, guint first)
{
    g_autoptr(GArray) slopes = g_array_new(FALSE, FALSE, sizeof(double));
    for (guint i = first; i < samples->len; i++)
        for (guint j = i + 1; j < samples->len; j++) {
            double one = slope(sample_at(samples, i), sample_at(samples, j));
            g_array_append_val(slopes, one);
        }
    g_array_sort(slopes, compare_numbers);
    double upper = g_array_index(slopes, double, slopes->len / 2);
    double lower = g_array_index(slopes, double, (slopes->len - 1) / 2);
    return (lower + upper) / 2;
}

static gint64 when_full(double bytes_per_day, gint64 now, guint64 room_bytes)
{
    if (bytes_per_day <= 0 || (double)room_bytes / bytes_per_day > HORIZON_DAYS)
        return 0;
    return now + (gint64)((double)room_bytes / bytes_per_day * SECONDS_A_DAY);
}

gboolean forecast_make(const GArray *samples, gint64 now, guint64 room_bytes,
                       Forecast *forecast_out)
{
    guint first = first_of_basis(samples, now);
    if (samples->len < first + 2)
        return FALSE;
    gint64 span = sample_at(samples, samples->len - 1)->at - sample_at(samples, first)->at;
    if (span < FORECAST_LEAST_SECONDS)
        return FALSE;
    double bytes_per_day = median_slope(samples, first);
    *forecast_out = (Forecast){
        .bytes_per_day = (gint64)bytes_per_day,
        .full_at = when_full(bytes_per_day, now, room_bytes),
        .basis_days = (guint)(span / SECONDS_A_DAY),
    };
    return TRUE;
}
