/*
 * The claims port: marks of machines that are starting or running, written by libvirt's hook
 * (src/hook) in /run, so that they die with the host. The engine reads them, and writes none but
 * the one it grants.
 */
#pragma once

#include <glib.h>

/* REFUSED claims nothing: the hook turned a start away while the daemon was down (an autostart is
 * then ours to repeat). */
typedef enum { CLAIM_NONE, CLAIM_CLAIMED, CLAIM_STARTED, CLAIM_REFUSED } ClaimState;

typedef struct Claims Claims;
struct Claims {
    ClaimState (*state)(Claims *claims, const char *machine_id);
    /* Removes a claim that libvirt and the locks have shown to be stale. */
    void (*drop)(Claims *claims, const char *machine_id);
    void (*free)(Claims *claims);
};
ClaimState claims_state(Claims *claims, const char *machine_id);
void claims_drop(Claims *claims, const char *machine_id);
void claims_free(Claims *claims);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Claims, claims_free)

/* Claims as files DIRECTORY/MACHINE_ID holding "claimed", "started" or "refused". */
Claims *claims_new_directory(const char *directory);
/* In memory, for tests. */
Claims *claims_new_memory(void);
void claims_memory_set(Claims *memory, const char *machine_id, ClaimState state);
