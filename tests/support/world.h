/* A small world for tests of the engine: its ports, a clock that stands still, a host in memory,
 * and guests that write. */
#pragma once

#include "engine/engine.h"
#include "hypervisor/memory/memory_hypervisor.h"

/* Of each volume that is imported. */
#define WORLD_CAPACITY_BYTES (4 * 1024 * 1024)

typedef enum {
    WORLD_MEMORY,    /* everything in memory: ten thousand operations a minute */
    WORLD_DIRECTORY, /* real qcow2 images in a directory store, a catalog file, domains that survive
                        the process */
} WorldKind;

typedef struct {
    WorldKind kind;
    char *directory;  /* private; removed by world_free() */
    Storage *storage; /* these five are the engine's; borrowed here */
    Hypervisor *hypervisor;
    Catalog *catalog;
    Claims *claims;
    Clock *clock;
    Engine *engine;
    EngineConfig config;
    GPtrArray *wanted;  /* char *: machines for which a settle was asked since the last look */
    GPtrArray *settled; /* char *: machines that were said to be settled */
} World;

/* UNDERPIN_TEST_WORLD=directory runs a suite on real images; in memory without it. */
WorldKind world_kind(void);
/* A world with an open engine. */
World *world_new(WorldKind kind);
/* The same with other settings than the tests' usual ones. */
World *world_new_with(WorldKind kind, const EngineConfig *config);
/* The usual settings: the defaults without a free-space floor. */
void world_config_init(EngineConfig *config);
/* The world in `directory`, which world_new(WORLD_DIRECTORY) made, as the next process finds it.
 * Recovery happens here; NULL with the error where the engine does not open. */
World *world_attach(const char *directory, GError **error);
/* Ends the engine and its ports without ceremony; the directory stays. */
void world_detach(World *world);
void world_free(World *world);
/* Takes the immutable flags off a directory tree, as a copy of it would have lost them. */
void world_unprotect(const char *directory);
/* Removes a directory tree, immutable files and all. */
void world_erase(const char *directory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)
/* Detach and attach: a restart of the daemon. WORLD_DIRECTORY only. */
void world_restart(World *world);

/* --- what people do
 * ---------------------------------------------------------------------------------------- */

/* A request on some machines; the names end with NULL. */
Request *world_request(Verb verb, const char *name, ...) G_GNUC_NULL_TERMINATED;
/* Runs it to its end. Takes the request. Never NULL: a refusal as a whole is in the job's error. */
Job *world_run(World *world, Request *request);
/* The same, and asserts that the job is done with every item done. */
void world_do(World *world, Request *request);
/* "vda=system,vdb=temporary,vdc=data": imports a machine from new image files with that outline, 4
 * MiB each. */
void world_import(World *world, const char *name, const char *outline);
/* Imports "name" with system, temporary and data; writes `text` to each volume as "text-vda" …;
 * prepares it. */
void world_base(World *world, const char *name, const char *text);
/* Makes one clone. */
void world_clone(World *world, const char *base, const char *name);
Machine *world_machine(World *world,
                       const char *name); /* new reference; asserts that it is there */
gboolean world_has(World *world, const char *name);

/* --- what guests do
 * ---------------------------------------------------------------------------------------- */

/* Writes a text at the start of a volume, as the guest would. */
void world_write(World *world, const char *name, const char *target, const char *text);
/* What 'virsh blockpull' does to the image of a volume: it stands alone. */
void world_pull(World *world, const char *name, const char *target);
/* The text at the start of a volume, as the guest sees it. Caller frees. */
char *world_read(World *world, const char *name, const char *target);
void world_assert_content(World *world, const char *name, const char *target, const char *text);
/* Start and stop by virsh or from inside, with the hook's calls and libvirt's events as on a real
 * host. */
void world_start(World *world, const char *name);
/* What follows when QEMU runs: the hook's mark and word, and libvirt's event. */
void world_note_started(World *world, const Machine *machine);
void world_stop(World *world, const char *name);
/* Asks the hook only. */
gboolean world_may_start(World *world, const char *name, GError **error);
/* Settles what was asked for since the last call, as a worker of the queue would. */
void world_settle_wanted(World *world);

/* --- invariants
 * -------------------------------------------------------------------------------------------- */

/* Holds catalog, store and domains against each other (DESIGN.md, section 5) and fails the test
 * with what is broken. */
void world_check_invariants(World *world);
/* The same, but for one kind of finding that the test expects. */
void world_check_invariants_except(World *world, const char *expected);
