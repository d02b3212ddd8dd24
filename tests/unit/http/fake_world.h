/*
 * A small world behind the API, for the tests of http/: engine and queue are replaced at link time,
 * catalog and hypervisor by adapters of their own. Everything answers at once, except where a test
 * shuts the gate.
 */
#pragma once

#include "http/api.h"

typedef struct {
    Api api;
    Inventory *inventory;
    Clock *clock; /* stands still until told; accounts go by it */
} FakeWorld;

/* A base "demo-v1", its clones "lab-1" … "lab-N", a plain machine "plain"; one layer set, one kept
 * volume, two jobs. */
FakeWorld *fake_world_new(guint clones);
void fake_world_free(FakeWorld *world);

/* What the next answers are. */
void fake_world_set_question(FakeWorld *world, const char *message); /* NULL: none */
void fake_world_set_status_fails(FakeWorld *world, gboolean fails);
void fake_world_set_libvirt_away(FakeWorld *world, gboolean away);
/* As before libvirt was found for the first time. */
void fake_world_set_hook_untried(FakeWorld *world, gboolean untried);
void fake_world_set_no_history(FakeWorld *world, gboolean has_no_history);

/* While the gate is shut, engine_plan() waits in it. fake_world_await() returns when `count` calls
 * do. */
void fake_world_shut_gate(FakeWorld *world);
void fake_world_await(FakeWorld *world, guint count);
void fake_world_open_gate(FakeWorld *world);

/* What listeners hear. */
void fake_world_emit_engine(FakeWorld *world, EngineEvent event, const char *id);
void fake_world_emit_job(FakeWorld *world, JobsEvent event, const Job *job, const JobItem *item);
/* The job of `index` in the queue. Borrowed. */
Job *fake_world_job(FakeWorld *world, guint index);
/* How many inventory reads there were. */
guint fake_world_reads(FakeWorld *world);
