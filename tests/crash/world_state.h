/*
 * The signature of a world: everything that a person, a guest or the next operation could see of
 * it, as text. Ids and numbers that differ from run to run are replaced by what they stand for.
 *
 *     [machine lab-1]
 *     clone of v1, now
 *     volume vda system qcow2 4194304 on v1/vda 'mine-vda'
 *     …
 *
 * Two worlds are the same if their signatures are.
 */
#pragma once

#include "support/world.h"

/* Caller frees. */
char *world_signature(World *world);
gboolean signature_equals(const char *one, const char *other);
/* Each section is that of before or that of after. */
gboolean signature_is_mixture(const char *signature, const char *before, const char *after);
/* Each section is that of after; only among the files of a machine those of before may still lie.
 */
gboolean signature_is_done(const char *signature, const char *before, const char *after);
/* The lines in which two differ, for a report. Caller frees. */
char *signature_difference(const char *expected, const char *found);
