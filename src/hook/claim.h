/*
 * Claims: one small file for each machine that is starting or running, in a directory in /run, so
 * that they die with the host. While one is there the daemon switches nothing of the machine
 * (invariant 4). Read by ports/claims.h.
 */
#pragma once

#include <stdbool.h>

/* TURNED_AWAY claims nothing: while the daemon was down a start was refused, which libvirt never
 * repeats by itself (an autostart); the daemon does. */
typedef enum { CLAIM_ABSENT, CLAIM_STARTING, CLAIM_RUNNING, CLAIM_TURNED_AWAY } ClaimContent;

ClaimContent claim_read(const char *directory, const char *machine_id);
/* Puts the claim with this content, whatever was there: it is entirely old or entirely new at any
 * instant. Makes the directory where it is missing. ABSENT removes the claim. errno says why it
 * failed. */
bool claim_put(const char *directory, const char *machine_id, ClaimContent content);

/*
 * Libvirt resumes saved memory by `restore` and right after it `prepare`, which looks like that of
 * a cold start. A note beside the claim tells the second that it belongs to the first; it is
 * believed for a minute at most.
 */
bool claim_note_resume(const char *directory, const char *machine_id);
bool claim_is_resume(const char *directory, const char *machine_id);
void claim_forget_resume(const char *directory, const char *machine_id);
