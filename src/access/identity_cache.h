/*
 * Identities that were found lately, by the hash of what was shown for them.
 *
 * Every request asks who makes it, and must not wait for the file of accounts while an entry of the
 * audit trail is flushed to disk. Thread-safe; its lock is a leaf.
 */
#pragma once

#include "access/identity.h"

typedef struct IdentityCache IdentityCache;

/* `limit` entries; one more, and all are forgotten. */
IdentityCache *identity_cache_new(guint limit);
void identity_cache_free(IdentityCache *cache);
/* New reference; NULL where it is not known, or `now` is not before its `until`. */
Identity *identity_cache_find(IdentityCache *cache, const char *hash, gint64 now);
/* Holds for times before `until`. */
void identity_cache_put(IdentityCache *cache, const char *hash, const Identity *identity,
                        gint64 until);
void identity_cache_forget(IdentityCache *cache);
