/* Worker threads around one queue. */
#include "http/worker_pool.h"

#include "foundation/error.h"
#include "http/lock.h"

struct WorkerPool {
    WorkerFunction function;
    gpointer user_data;
    pthread_t *threads;
    guint count;
    pthread_mutex_t
        lock; /* protects what follows; a leaf: nothing else is taken while it is held */
    pthread_cond_t changed;
    GQueue queue;
    gboolean ending;
};

/* FALSE when the pool ends and nothing is left to do. */
static gboolean take_work(WorkerPool *pool, gpointer *work_out)
{
    LOCK_FOR_SCOPE(&pool->lock);
    while (g_queue_is_empty(&pool->queue) && !pool->ending)
        pthread_cond_wait(&pool->changed, &pool->lock);
    if (g_queue_is_empty(&pool->queue))
        return FALSE;
    *work_out = g_queue_pop_head(&pool->queue);
    return TRUE;
}

static void *run_worker(void *data)
{
    WorkerPool *pool = data;
    gpointer work;
    while (take_work(pool, &work))
        pool->function(work, pool->user_data);
    return NULL;
}

WorkerPool *worker_pool_new(guint count, WorkerFunction function, gpointer user_data,
                            GError **error)
{
    WorkerPool *pool = g_new0(WorkerPool, 1);
    pool->function = function;
    pool->user_data = user_data;
    pool->threads = g_new0(pthread_t, count);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->changed, NULL);
    g_queue_init(&pool->queue);
    for (; pool->count < count; pool->count++) {
        int result = pthread_create(&pool->threads[pool->count], NULL, run_worker, pool);
        if (result != 0) {
            error_set_errno(error, result, "starting a worker thread");
            worker_pool_free(pool);
            return NULL;
        }
    }
    return pool;
}

void worker_pool_push(WorkerPool *pool, gpointer work)
{
    LOCK_FOR_SCOPE(&pool->lock);
    g_queue_push_tail(&pool->queue, work);
    pthread_cond_signal(&pool->changed);
}

static void end_workers(WorkerPool *pool)
{
    LOCK_FOR_SCOPE(&pool->lock);
    pool->ending = TRUE;
    pthread_cond_broadcast(&pool->changed);
}

void worker_pool_free(WorkerPool *pool)
{
    if (!pool)
        return;
    end_workers(pool);
    for (guint i = 0; i < pool->count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->changed);
    pthread_mutex_destroy(&pool->lock);
    g_free(pool->threads);
    g_free(pool);
}
