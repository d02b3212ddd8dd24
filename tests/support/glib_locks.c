/*
 * GLib's locks as pthread locks, for builds with ThreadSanitizer only: GLib is not instrumented, so
 * what its locks order looks like races. Calls from our code are bound to these definitions; GLib's
 * own stay with GLib.
 */
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* A static GMutex or GRWLock is never initialised: the first to lock it makes the real one. */
static void *real_lock(void **slot, gsize bytes, void (*init)(void *lock))
{
    void *lock = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    if (lock)
        return lock;
    void *fresh = calloc(1, bytes);
    init(fresh);
    if (__atomic_compare_exchange_n(slot, &lock, fresh, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return fresh;
    free(fresh);
    return lock;
}

static void forget_lock(void **slot)
{
    free(*slot);
    *slot = NULL;
}

/* --- mutexes
 * -----------------------------------------------------------------------------------------------
 */

static void init_mutex(void *lock)
{
    pthread_mutex_init(lock, NULL);
}

static pthread_mutex_t *mutex_of(GMutex *mutex)
{
    return real_lock(&mutex->p, sizeof(pthread_mutex_t), init_mutex);
}

void g_mutex_init(GMutex *mutex)
{
    mutex->p = NULL;
}

void g_mutex_clear(GMutex *mutex)
{
    forget_lock(&mutex->p);
}

void g_mutex_lock(GMutex *mutex)
{
    pthread_mutex_lock(mutex_of(mutex));
}

gboolean g_mutex_trylock(GMutex *mutex)
{
    return pthread_mutex_trylock(mutex_of(mutex)) == 0;
}

void g_mutex_unlock(GMutex *mutex)
{
    pthread_mutex_unlock(mutex_of(mutex));
}

/* --- conditions
 * -------------------------------------------------------------------------------------------- */

static void init_cond(void *lock)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(lock, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static pthread_cond_t *cond_of(GCond *cond)
{
    return real_lock(&cond->p, sizeof(pthread_cond_t), init_cond);
}

void g_cond_init(GCond *cond)
{
    cond->p = NULL;
}

void g_cond_clear(GCond *cond)
{
    forget_lock(&cond->p);
}

void g_cond_signal(GCond *cond)
{
    pthread_cond_signal(cond_of(cond));
}

void g_cond_broadcast(GCond *cond)
{
    pthread_cond_broadcast(cond_of(cond));
}

void g_cond_wait(GCond *cond, GMutex *mutex)
{
    pthread_cond_wait(cond_of(cond), mutex_of(mutex));
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
    const struct timespec end = {end_time / G_USEC_PER_SEC, end_time % G_USEC_PER_SEC * 1000};
    return pthread_cond_timedwait(cond_of(cond), mutex_of(mutex), &end) == 0;
}

/* --- readers and writers
 * ----------------------------------------------------------------------------------- */

static void init_rw_lock(void *lock)
{
    pthread_rwlock_init(lock, NULL);
}

static pthread_rwlock_t *rw_lock_of(GRWLock *lock)
{
    return real_lock(&lock->p, sizeof(pthread_rwlock_t), init_rw_lock);
}

void g_rw_lock_init(GRWLock *lock)
{
    lock->p = NULL;
}

void g_rw_lock_clear(GRWLock *lock)
{
    forget_lock(&lock->p);
}

void g_rw_lock_reader_lock(GRWLock *lock)
{
    pthread_rwlock_rdlock(rw_lock_of(lock));
}

void g_rw_lock_reader_unlock(GRWLock *lock)
{
    pthread_rwlock_unlock(rw_lock_of(lock));
}

void g_rw_lock_writer_lock(GRWLock *lock)
{
    pthread_rwlock_wrlock(rw_lock_of(lock));
}

void g_rw_lock_writer_unlock(GRWLock *lock)
{
    pthread_rwlock_unlock(rw_lock_of(lock));
}
