/*
 * The hook's side of the start barrier: no machine starts unsettled, none is switched while it
 * starts or runs (invariant 4). The daemon's side is engine/barrier.c.
 *
 *     hook:    claim file ── then ask ──▶ answer ──▶ libvirt goes on, or the claim is withdrawn
 *     daemon:  mark "settling" ── then look for a claim file ──▶ none: switch; one: keep off
 *
 * Whichever is second sees the first, so neither needs a lock of the other, and the daemon may die,
 * be away or come back at any point between. The hook never waits longer than two seconds and never
 * calls libvirt, which holds the domain meanwhile.
 */
#pragma once

#include "hook/domain_scan.h"
#include "hook/verdict.h"

/* Each handles one operation of libvirt's hook. FALSE with a verdict refuses it. */
typedef bool (*BarrierOperation)(const DomainScan *scan, Verdict *verdict);

/* Before a start: takes the claim and asks the daemon, or decides by the marks in the store where
 * there is none. */
bool barrier_prepare(const DomainScan *scan, Verdict *verdict);
/* The same before saved memory is resumed: of the last session only, which the stamp in its
 * definition proves. Libvirt calls prepare after it. */
bool barrier_restore(const DomainScan *scan, Verdict *verdict);
/* QEMU is about to be started with chains resolved: a head that was not claimed is refused here
 * (named by a storage pool, or below an image of somebody else). */
bool barrier_start(const DomainScan *scan, Verdict *verdict);
/* The guest runs: writes the mark and the claim. Never refuses: libvirt would kill the guest. */
bool barrier_started(const DomainScan *scan, Verdict *verdict);
/* Libvirt has let go: drops the claim. Only a claim that reached `started` was a session. Never
 * refuses. */
bool barrier_release(const DomainScan *scan, Verdict *verdict);
/* Libvirtd has come back to a running guest: makes claim and mark again where they are missing.
 * Never refuses. */
bool barrier_reconnect(const DomainScan *scan, Verdict *verdict);
