/* A table of open jobs and a counter per final state. */
#include "http/job_tally.h"

#include "http/lock.h"

struct JobTally {
    pthread_mutex_t lock; /* protects what follows; a leaf */
    GHashTable *open;     /* id -> JobState of jobs that are not final */
    guint64 ended[JOB_STATE_COUNT];
};

JobTally *job_tally_new(void)
{
    JobTally *tally = g_new0(JobTally, 1);
    pthread_mutex_init(&tally->lock, NULL);
    tally->open = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return tally;
}

void job_tally_free(JobTally *tally)
{
    if (!tally)
        return;
    pthread_mutex_destroy(&tally->lock);
    g_hash_table_unref(tally->open);
    g_free(tally);
}

gboolean job_tally_note(JobTally *tally, const Job *job)
{
    LOCK_FOR_SCOPE(&tally->lock);
    if (!job_state_is_final(job->state)) {
        g_hash_table_replace(tally->open, g_strdup(job->id), GUINT_TO_POINTER(job->state));
        return FALSE;
    }
    gboolean ends = g_hash_table_remove(tally->open, job->id);
    if (ends)
        tally->ended[job->state]++;
    return ends;
}

void job_tally_read(JobTally *tally, guint64 counts_out[JOB_STATE_COUNT])
{
    LOCK_FOR_SCOPE(&tally->lock);
    for (guint state = 0; state < JOB_STATE_COUNT; state++)
        counts_out[state] = tally->ended[state];

    GHashTableIter each;
    gpointer state;
    g_hash_table_iter_init(&each, tally->open);
    while (g_hash_table_iter_next(&each, NULL, &state))
        counts_out[GPOINTER_TO_UINT(state)]++;
}
