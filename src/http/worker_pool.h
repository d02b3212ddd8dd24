/* A fixed number of threads that run handlers, so that those which serve sockets never wait. */
#pragma once

#include <glib.h>

typedef struct WorkerPool WorkerPool;
typedef void (*WorkerFunction)(gpointer work, gpointer user_data);

/* Starts `count` threads; each piece of work goes to `function` on one of them. NULL with BACKEND
 * where the system gives no thread. */
WorkerPool *worker_pool_new(guint count, WorkerFunction function, gpointer user_data,
                            GError **error);
/* Queues `work`; first come, first served. Not after worker_pool_free() has begun. */
void worker_pool_push(WorkerPool *pool, gpointer work);
/* Does what is queued, then ends the threads. NULL is fine. */
void worker_pool_free(WorkerPool *pool);
