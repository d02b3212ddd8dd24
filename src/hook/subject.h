/* Which of our machines a domain is about, judged by the canonical paths of its images. */
#pragma once

#include "hook/domain_scan.h"
#include "hook/store.h"

enum { SUBJECT_LIMIT = 4 };

typedef struct {
    StoreMachine machines[SUBJECT_LIMIT];
    size_t count; /* 0: none of ours, nothing to do */
} Subject;

typedef enum {
    CHECK_DEFINITION, /* before a start: the stored definition */
    CHECK_CHAIN, /* QEMU is about to be started: libvirt has resolved the chains from the images */
    CHECK_NOTHING, /* it runs or has run: nothing is refused, what is not ours is left out */
} SubjectCheck;

/*
 * Fills *subject_out. FALSE with the verdict where the domain names what no domain may: a sealed
 * layer, an inner file of a store, the head of a machine with another UUID, a head below another
 * image; and for the probe of the daemon.
 */
bool subject_find(const DomainScan *scan, SubjectCheck check, Subject *subject_out,
                  Verdict *verdict);

/*
 * Checks what the definition says below our heads; to be called under the claim. A stored chain
 * beats the image's own header, so the guest would read an old layer below a new head; an empty one
 * hides what a head sits on. (Libvirt itself writes the empty element for standalone images into
 * saved memory: there it is true.)
 */
bool subject_check_stored_chains(const DomainScan *scan, const Subject *subject, Verdict *verdict);
