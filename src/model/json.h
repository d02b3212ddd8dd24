/* Model structs as the API's JSON. Reading requests is request.h. All return new references. */
#pragma once

#include <jansson.h>

#include "model/inventory.h"
#include "model/layer.h"
#include "model/outline.h"

/* `power` as the hypervisor says ("off", "running", …); NULL: unknown. `base_name` NULL: none. */
json_t *machine_to_json(const Machine *machine, const char *base_name, const char *power);
/*
 * Appends the same as JSON text, but instead of the volumes what they come to: "capacity_bytes",
 * and in "roles" how many there are of each. For lists of thousands.
 */
void machine_append_row(GString *text, const Machine *machine, const char *base_name,
                        const char *power);
/* The same with volumes, heads, chain and undo list: for one machine's page. */
json_t *machine_to_json_full(const Machine *machine, const Inventory *inventory, const char *power);
json_t *layer_to_json(const Layer *layer);
json_t *kept_volume_to_json(const KeptVolume *volume);
json_t *job_to_json(const Job *job, gboolean with_items);
/* One machine's part, as it stands in the job's "items" and in item events. */
json_t *job_item_to_json(const JobItem *item);
/* {"code","message","hint"} */
json_t *error_to_json(const GError *error);
