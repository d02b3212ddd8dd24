/*
 * What the hook reads and writes of a store (its layout: ports/storage.h). A store is found from an
 * image's path alone: the hook has no configuration of its own.
 */
#pragma once

#include "hook/domain_scan.h"
#include "hook/verdict.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

typedef struct {
    char root[PATH_MAX];
    char uuid[40];
    char claims[PATH_MAX];                                     /* directory of the claim files */
    char socket[sizeof((struct sockaddr_un *)NULL)->sun_path]; /* where the daemon listens */
} Store;

typedef enum {
    STORE_PATH_FOREIGN, /* in no store */
    STORE_PATH_HEAD,    /* machines/ID/now/FILE */
    STORE_PATH_LAYER,   /* layers/ID/sealed/FILE */
    STORE_PATH_PROBE,   /* machines/probe/now/NONCE.raw: the daemon's test whether this hook is in
                           force */
    STORE_PATH_INNER, /* another file that a store keeps: an undo entry, a staged head, the trash */
    STORE_PATH_BROKEN, /* inside a store whose store.ini is not to be trusted or cannot be read */
} StorePathKind;

typedef struct {
    StorePathKind kind;
    Store store;
    char id[NAME_MAX + 1];   /* machine, layer set … */
    char file[NAME_MAX + 1]; /* the last component */
} StorePath;

/*
 * Classifies a canonical path. A store is trusted only where its directory and store.ini belong to
 * root (or to who runs this) and nobody else may write them: the hook writes as root where
 * store.ini tells it to.
 */
void store_path_classify(const char *canonical, StorePath *path_out);

typedef struct {
    Store store;
    char id[17];
    char name[132];
    char uuid[40]; /* of its domain */
} StoreMachine;

/* Reads machine.ini. FALSE where it is missing or says too little; the verdict names the remedy. */
bool store_machine_load(const Store *store, const char *id, StoreMachine *machine_out,
                        Verdict *verdict);

typedef struct {
    bool has_now, has_next, is_marked;
    uint64_t now_generation;             /* 0: none or not readable */
    uint64_t marked_generation;          /* that the mark names; 0: none */
    char marked_stamp[STAMP_LENGTH + 1]; /* what memory of the marked session carries; "": none */
    bool stamp_is_sole;                  /* no other memory carries it: what does, fits the disks */
} MachineState;
void store_machine_state(const StoreMachine *machine, MachineState *state_out);

/*
 * Durably writes the mark `unsettled` with the generation that runs now and the stamp that the new
 * session was started with ("": none): never as the sole one, for memory of an earlier session may
 * carry it too. errno says why it failed.
 */
bool store_machine_mark(const StoreMachine *machine, const char *stamp);

/* Whether the image at this path is a qcow2 that names a backing file in its own header. */
bool image_has_backing(const char *path);
