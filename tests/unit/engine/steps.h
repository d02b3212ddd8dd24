/* Steps that the engine's tests share: whole machines written and compared, requests, refusals, and
 * a host that talks. */
#pragma once

#include "support/world.h"

/* A world with the bases "v1" ("one-vda" …) and "v2" ("two-vda" …) and the clone "lab-1" of v1; and
 * its end, which checks the invariants. For cmocka. */
int step_set_up(void **state);
int step_tear_down(void **state);
/* An empty world; the same end. */
int step_set_up_empty(void **state);

/* The same text on vda (system), vdb (temporary) and vdc (data). */
void step_write_all(World *world, const char *name, const char *text);
void step_assert_all(World *world, const char *name, const char *system, const char *temporary,
                     const char *data);

Request *step_rebase(const char *name, const char *onto);
Request *step_rebase_all(const char *base, const char *onto);
/* "vdd", 4 MiB, new and empty. */
Request *step_add_volume(const char *name, const char *target, Role role);
/* Runs, and asserts that the job ends so. */
void step_run_to(World *world, Request *request, JobState state);
/* Runs, and asserts that the request as a whole or its only item is refused with this code, and
 * that message or hint holds `text`. */
void step_refused(World *world, Request *request, UnderpinErrorCode code, const char *text);
/* The state and message of one item of a job. */
void step_assert_item(Job *job, const char *name, ItemState state, const char *text);

/* Makes a clone of `base`, writes `text` to its system and temporary volume, prepares it as `name`:
 * the usual path. */
void step_next_base(World *world, const char *base, const char *name, const char *text);

/* From here on the host in memory asks the hook before a start and sends its events, as a real one
 * does. */
void step_connect_host(World *world);

/* Whether doctor has a finding of that kind about that subject (NULL: any). */
gboolean step_finds(World *world, const char *id, const char *subject);
/* Files of the store that an inventory with these needs could not explain: number of layers on
 * disk. */
guint step_count_found(World *world, FoundKind kind);
