/* Random inventories, changes and jobs for the catalog's tests, and texts that hold every field of
 * them. */
#pragma once

#include "model/inventory.h"

/* A generator whose seed is printed; UNDERPIN_SEED in the environment repeats a run. */
GRand *sample_rand(void);

/* Random changes to `inventory`: puts, replacements and removals of every kind. */
Changes *sample_changes(GRand *rand, const Inventory *inventory);
Machine *sample_machine(GRand *rand);
Layer *sample_layer(GRand *rand);
Job *sample_job(GRand *rand);
/* Random progress: some items and the job's own fields change. */
void sample_job_progress(GRand *rand, Job *job);

/* `machines` clones on one base, three volumes each; changes that make them, for an empty
 * inventory. */
Changes *sample_clones(guint machines);
/* Each machine of the inventory gets a new desired generation of three heads. */
Changes *sample_rebase(const Inventory *inventory);

/* Every field, in a stable order: two objects are equal when their texts are. Caller frees. */
char *inventory_to_text(const Inventory *inventory);
/* Without `receipts` as a list of jobs has them. */
char *job_to_text(const Job *job, gboolean receipts);
