/*
 * Mutexes that a scope holds: LOCK_FOR_SCOPE(&mutex) until the closing brace.
 *
 * pthread's and not GLib's, because thread checkers understand pthread's and take GLib's futexes
 * for races.
 */
#pragma once

#include <pthread.h>

static inline pthread_mutex_t *lock_take(pthread_mutex_t *mutex)
{
    pthread_mutex_lock(mutex);
    return mutex;
}

static inline void lock_release(pthread_mutex_t **held)
{
    pthread_mutex_unlock(*held);
}

#define LOCK_JOIN_TEXT(a, b) a##b
#define LOCK_JOIN(a, b)      LOCK_JOIN_TEXT(a, b)
#define LOCK_FOR_SCOPE(mutex)                                                                      \
    pthread_mutex_t *LOCK_JOIN(held_lock_, __LINE__)                                               \
        __attribute__((cleanup(lock_release), unused)) = lock_take(mutex)
