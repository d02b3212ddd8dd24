/* The worlds that operations of the sweep begin in, and the requests that need more than names. */
#pragma once

#include "support/world.h"

/* Each builds in a world that is open and empty. */
void build_images(World *world);         /* image files that "desk" can be imported from */
void build_foreign_images(World *world); /* the same as VMDK, a backing chain, and raw */
void build_domain(World *world);         /* a domain "desk" with UEFI variables, not ours */
void build_desk(World *world);           /* machine "desk", imported from that domain */
void build_desk_base(World *world);      /* the same as a base */
void build_clones(
    World *world); /* bases "v1" and "v2" with UEFI variables, clones "lab-1", "lab-2" of v1 */
/* lab-1 runs, and a block pull has taken its system and its data off their layers; pending or not.
 */
void build_pulled(World *world);
void build_pending_pulled(World *world);
void build_running(World *world); /* the same, lab-1 runs and has written */
void build_pending(World *world); /* the same, a rebase of lab-1 onto v2 waits for its stop */
void build_stopped_unsettled(World *world); /* the same, stopped while nobody looked */
void build_unstamped(World *world);         /* clones; lab-1 runs, and its session has no stamp */
void build_marked(
    World *world); /* clones; lab-1 ran while nobody looked: the hook's mark is all there is */
void build_rebased(World *world);     /* clones; lab-1 is on v2 and can be undone */
void build_undone(World *world);      /* the same, undone: on hold */
void build_kept(World *world);        /* clones; lab-2 was removed, its data is in the trash */
void build_left_base(World *world);   /* both clones are on v2; their data still sits on v1 */
void build_unused_base(World *world); /* base v1 whose only clone was detached */
void build_expiring(World *world); /* clones; lab-1 can be undone, lab-2's data is in the trash */
void build_chain(
    World *world); /* bases base-1, base-2, base-3, one on the other, and clone lab-1 */
void build_single_base(World *world); /* base-1 and a clone of it */
/* base-1 and base-2, which was made from it and flattened: nothing needs base-1 */
void build_flattened(World *world);
void build_deep_chain(World *world);   /* the same, deeper than the configured limit */
void build_unprotected(World *world);  /* clones; the layers have lost their immutable flags */
void build_lost_catalog(World *world); /* rebased, then the catalog was deleted */
void build_renamed(World *world);      /* clones; the domain of lab-1 is called "library" */

/* All caller frees (or world_run()). */
Request *request_import_files(World *world, const char *name);
Request *request_import_convert(World *world, const char *name);
Request *request_import_domain(const char *name);
/* All clones of v1, or lab-1 alone, onto v2. */
Request *request_rebase(gboolean all);
/* To lab-1: `path` NULL: a new volume. */
Request *request_volume_add(const char *path);
