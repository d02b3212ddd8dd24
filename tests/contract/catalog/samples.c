/* Random inventories, changes and jobs for the catalog's tests. */
#include "samples.h"

#include <stdio.h>
#include <stdlib.h>

GRand *sample_rand(void)
{
    const char *given = g_getenv("UNDERPIN_SEED");
    guint32 seed = given != NULL ? (guint32)strtoul(given, NULL, 10) : g_random_int();
    printf("seed %u (set UNDERPIN_SEED to repeat)\n", seed);
    return g_rand_new_with_seed(seed);
}

static gboolean chance(GRand *rand, int percent)
{
    return g_rand_int_range(rand, 0, 100) < percent;
}

static guint64 sample_number(GRand *rand)
{
    static const guint64 edges[] = {0,          1,          512, G_MAXINT32, (guint64)1 << 40,
                                    G_MAXINT64, G_MAXUINT64};
    return chance(rand, 40) ? edges[g_rand_int_range(rand, 0, G_N_ELEMENTS(edges))]
                            : g_rand_int(rand);
}

static char *sample_id(GRand *rand)
{
    return g_strdup_printf("%08x%08x", g_rand_int(rand), g_rand_int(rand));
}

/* Text that has to come back to the byte: quotes, other scripts, percent signs, a broken UTF-8
 * sequence. */
static char *sample_text(GRand *rand)
{
    static const char *const texts[] = {"",
                                        "plain",
                                        "it's \"quoted\"; DROP TABLE machine; --",
                                        "Übergröße 基礎",
                                        "a%sb%%c?1",
                                        "line\nline\ttab",
                                        "\xc3(broken",
                                        "{\"a\": [1, null]}"};
    if (chance(rand, 5))
        return g_strnfill(20000, 'x');
    return g_strdup(texts[g_rand_int_range(rand, 0, G_N_ELEMENTS(texts))]);
}

static char *sample_optional(GRand *rand)
{
    return chance(rand, 30) ? NULL : sample_text(rand);
}

static int sample_enum(GRand *rand, int count)
{
    return g_rand_int_range(rand, 0, count);
}

static void replace_text(char **text, char *replacement)
{
    g_free(*text);
    *text = replacement;
}

static Head *sample_head(GRand *rand, guint slot)
{
    g_autofree char *target = g_strdup_printf("vd%c", 'a' + (int)slot);
    Head *head =
        head_new(target, (Role)sample_enum(rand, ROLE_COUNT), chance(rand, 50) ? "qcow2" : "raw",
                 sample_number(rand), (HeadSource)sample_enum(rand, HEAD_SOURCE_COUNT));
    head->layer_id = sample_optional(rand);
    head->layer_format = sample_optional(rand);
    head->source_generation = sample_number(rand);
    head->source_path = sample_optional(rand);
    head->source_format = sample_optional(rand);
    return head;
}

static Generation *sample_generation(GRand *rand, guint64 number)
{
    g_autofree char *base_id = sample_optional(rand);
    Generation *generation =
        generation_new(number, (Cause)sample_enum(rand, CAUSE_COUNT), base_id, g_rand_int(rand));
    guint heads = (guint)g_rand_int_range(rand, 0, 5);
    for (guint i = 0; i < heads; i++)
        g_ptr_array_add(generation->heads, sample_head(rand, i));
    generation->nvram = (NvramSource)sample_enum(rand, NVRAM_SOURCE_COUNT);
    generation->instance = sample_number(rand);
    generation->nvram_generation = sample_number(rand);
    generation->nvram_path = sample_optional(rand);
    generation->replaced_at = g_rand_int(rand);
    generation->held_bytes = sample_number(rand);
    generation->hibernated = chance(rand, 50);
    generation->job_id = sample_optional(rand);
    return generation;
}

static void sample_volumes(GRand *rand, Machine *machine)
{
    g_ptr_array_set_size(machine->volumes, 0);
    guint volumes = (guint)g_rand_int_range(rand, 0, 5);
    for (guint i = 0; i < volumes; i++) {
        g_autofree char *target = g_strdup_printf("vd%c", 'a' + (int)i);
        g_ptr_array_add(machine->volumes,
                        volume_new(target, (Role)sample_enum(rand, ROLE_COUNT),
                                   chance(rand, 50) ? "qcow2" : "raw", chance(rand, 30)));
    }
}

static void sample_machine_state(GRand *rand, Machine *machine)
{
    machine->actual = g_rand_int(rand);
    machine->desired = g_rand_int(rand);
    machine->actual_place = (Place)sample_enum(rand, PLACE_COUNT);
    machine->desired_place = (Place)sample_enum(rand, PLACE_COUNT);
    replace_text(&machine->set_id, sample_optional(rand));
    machine->retired = chance(rand, 50);
    machine->held = chance(rand, 50);
    replace_text(&machine->hold_reason, sample_optional(rand));
    replace_text(&machine->behind_reason, sample_optional(rand));
    machine->start_after = chance(rand, 50);
    machine->define_after = chance(rand, 50);
    machine->discard = chance(rand, 50);
    machine->keep_data = chance(rand, 50);
    machine->export_out = chance(rand, 50);
    machine->session = sample_number(rand);
    machine->session_started_at = g_rand_int(rand);
    machine->prepared_at = g_rand_int(rand);
    replace_text(&machine->checklist, sample_optional(rand));
    replace_text(&machine->origin, sample_optional(rand));
}

Machine *sample_machine(GRand *rand)
{
    g_autofree char *id = sample_id(rand);
    g_autofree char *name = g_strdup_printf("machine-%s", id);
    g_autofree char *uuid = g_strdup_printf("uuid-%s", id);
    Machine *machine = machine_new(id, name, uuid, g_rand_int(rand));
    sample_volumes(rand, machine);
    guint64 number = 0;
    for (int count = g_rand_int_range(rand, 0, 4); count > 0; count--) {
        number += (guint64)g_rand_int_range(rand, 1, 4);
        machine_take_generation(machine, sample_generation(rand, number));
    }
    sample_machine_state(rand, machine);
    return machine;
}

/* --- changes ---------------------------------------------------------------------------------- */

static void swap_generation(GRand *rand, Machine *machine)
{
    if (machine->generations->len == 0)
        return;
    guint index = (guint)g_rand_int_range(rand, 0, (int)machine->generations->len);
    Generation *copy = generation_copy(g_ptr_array_index(machine->generations, index));
    copy->replaced_at = g_rand_int(rand);
    if (chance(rand, 50) && copy->heads->len > 0)
        ((Head *)g_ptr_array_index(copy->heads, 0))->source_generation ^= 1;
    if (chance(rand, 30))
        g_ptr_array_set_size(copy->heads, (int)copy->heads->len / 2);
    machine_drop_generation(machine, copy->number);
    machine_take_generation(machine, copy);
}

static Machine *changed_machine(GRand *rand, const Machine *machine)
{
    Machine *copy = machine_copy(machine);
    if (chance(rand, 40))
        sample_machine_state(rand, copy);
    if (chance(rand, 20))
        replace_text(&copy->name, g_strdup_printf("renamed-%u", g_rand_int(rand)));
    if (chance(rand, 30))
        sample_volumes(rand, copy);
    if (chance(rand, 50))
        machine_take_generation(copy, sample_generation(rand, machine_next_number(copy)));
    if (chance(rand, 40))
        swap_generation(rand, copy);
    if (chance(rand, 30) && copy->generations->len > 0)
        g_ptr_array_remove_index(copy->generations, 0);
    return copy;
}

Layer *sample_layer(GRand *rand)
{
    g_autofree char *set_id = sample_id(rand);
    Layer *layer =
        layer_new(set_id, "vda", (Role)sample_enum(rand, ROLE_COUNT), "qcow2", sample_number(rand));
    layer->allocated_bytes = sample_number(rand);
    layer->parent_id = sample_optional(rand);
    layer->former_parent_id = sample_optional(rand);
    layer->flattened_at = g_rand_int(rand);
    layer->machine_id = sample_optional(rand);
    layer->machine_name = sample_optional(rand);
    layer->sealed_at = g_rand_int(rand);
    layer->digest = sample_optional(rand);
    return layer;
}

static KeptVolume *sample_kept(GRand *rand)
{
    g_autofree char *id = sample_id(rand);
    g_autofree char *path = sample_text(rand);
    KeptVolume *volume = kept_volume_new(id, path, "vdc", "raw");
    volume->capacity_bytes = sample_number(rand);
    volume->layer_id = sample_optional(rand);
    volume->layer_format = sample_optional(rand);
    volume->machine_id = sample_optional(rand);
    volume->machine_name = sample_optional(rand);
    volume->removed_at = g_rand_int(rand);
    volume->expires_at = g_rand_int(rand);
    return volume;
}

static ReclaimItem *sample_reclaim(GRand *rand)
{
    g_autofree char *id = sample_id(rand);
    g_autofree char *path = sample_text(rand);
    ReclaimItem *item = reclaim_item_new(id, (ReclaimKind)sample_enum(rand, RECLAIM_KIND_COUNT),
                                         path, g_rand_int(rand));
    item->machine_id = sample_optional(rand);
    item->generation = sample_number(rand);
    item->layer_id = sample_optional(rand);
    item->bytes = sample_number(rand);
    return item;
}

static GList *sorted_values(GHashTable *table)
{
    GList *keys = g_list_sort(g_hash_table_get_keys(table), (GCompareFunc)g_strcmp0);
    for (GList *link = keys; link != NULL; link = link->next)
        link->data = g_hash_table_lookup(table, link->data);
    return keys;
}

static void change_machines(GRand *rand, const Inventory *inventory, Changes *changes)
{
    g_autoptr(GList) machines = sorted_values(inventory->machines);
    for (GList *link = machines; link != NULL; link = link->next) {
        const Machine *machine = link->data;
        if (chance(rand, 10))
            changes_remove_machine(changes, machine->id);
        if (!chance(rand, 40))
            continue;
        g_autoptr(Machine) changed = changed_machine(rand, machine);
        changes_put_machine(changes, changed);
        if (chance(rand, 15))
            changes_put_machine(changes, machine); /* the last put counts */
    }
    for (int count = g_rand_int_range(rand, 0, 4); count > 0; count--) {
        g_autoptr(Machine) machine = sample_machine(rand);
        changes_put_machine(changes, machine);
    }
}

static void change_layers(GRand *rand, const Inventory *inventory, Changes *changes)
{
    g_autoptr(GList) layers = sorted_values(inventory->layers);
    for (GList *link = layers; link != NULL; link = link->next) {
        const Layer *layer = link->data;
        g_autoptr(Layer) copy = layer_copy(layer);
        if (chance(rand, 60))
            replace_text(&copy->digest, sample_optional(rand));
        if (chance(rand, 15))
            changes_remove_layer(changes, layer->id);
        else if (chance(rand, 40))
            changes_put_layer(changes, copy);
    }
    for (int count = g_rand_int_range(rand, 0, 3); count > 0; count--) {
        g_autoptr(Layer) layer = sample_layer(rand);
        changes_put_layer(changes, layer);
    }
}

static void change_rest(GRand *rand, const Inventory *inventory, Changes *changes)
{
    g_autoptr(GList) kept = sorted_values(inventory->kept);
    g_autoptr(GList) reclaim = sorted_values(inventory->reclaim);
    for (GList *link = kept; link != NULL; link = link->next)
        if (chance(rand, 20))
            changes_remove_kept(changes, ((const KeptVolume *)link->data)->id);
    for (GList *link = reclaim; link != NULL; link = link->next)
        if (chance(rand, 20))
            changes_remove_reclaim(changes, ((const ReclaimItem *)link->data)->id);
    if (chance(rand, 60)) {
        g_autoptr(KeptVolume) volume = sample_kept(rand);
        changes_put_kept(changes, volume);
    }
    if (chance(rand, 60)) {
        g_autoptr(ReclaimItem) item = sample_reclaim(rand);
        changes_put_reclaim(changes, item);
    }
    if (chance(rand, 10))
        replace_text(&changes->store_uuid, sample_text(rand));
}

Changes *sample_changes(GRand *rand, const Inventory *inventory)
{
    Changes *changes = changes_new();
    change_machines(rand, inventory, changes);
    change_layers(rand, inventory, changes);
    change_rest(rand, inventory, changes);
    return changes;
}

/* --- jobs ------------------------------------------------------------------------------------- */

static JobItem *sample_item(GRand *rand)
{
    JobItem *item = job_item_new(NULL, NULL);
    item->machine_id = sample_optional(rand);
    item->machine_name = sample_optional(rand);
    item->state = (ItemState)sample_enum(rand, ITEM_STATE_COUNT);
    item->error_code = g_rand_int_range(rand, -1, UNDERPIN_ERROR_COUNT);
    item->message = sample_optional(rand);
    item->hint = sample_optional(rand);
    item->receipt = sample_optional(rand);
    return item;
}

void sample_job_progress(GRand *rand, Job *job)
{
    job->started_at = g_rand_int(rand);
    job->finished_at = g_rand_int(rand);
    job->done = g_rand_int(rand);
    job->total = g_rand_int(rand);
    replace_text(&job->phase, sample_optional(rand));
    job->error_code = g_rand_int_range(rand, -1, UNDERPIN_ERROR_COUNT);
    replace_text(&job->message, sample_optional(rand));
    replace_text(&job->hint, sample_optional(rand));
    job->committed = chance(rand, 50);
    if (chance(rand, 10))
        g_ptr_array_set_size(job->items, (int)job->items->len / 2);
    for (guint i = 0; i < job->items->len; i++)
        if (chance(rand, 30)) {
            job_item_free(g_ptr_array_index(job->items, i));
            g_ptr_array_index(job->items, i) = sample_item(rand);
        }
    while (chance(rand, 60))
        g_ptr_array_add(job->items, sample_item(rand));
}

Job *sample_job(GRand *rand)
{
    g_autofree char *id = sample_id(rand);
    g_autofree char *key = g_strdup_printf("key-%s", id);
    g_autofree char *by = sample_optional(rand);
    g_autoptr(Request) request = request_new(VERB_REBASE);
    request->onto = g_strdup("demo-v2");
    request->grace_seconds = (guint)g_rand_int_range(rand, 0, 86400);
    request->even_held = chance(rand, 50);
    request->running = (RunningPolicy)sample_enum(rand, RUNNING_POLICY_COUNT);
    request->idempotency_key = chance(rand, 50) ? g_steal_pointer(&key) : NULL;
    for (int count = g_rand_int_range(rand, 0, 5); count > 0; count--) {
        g_autofree char *name = sample_id(rand);
        request_add_machine(request, name);
    }
    Job *job = job_new(id, request, by, g_rand_int(rand));
    job->state = (JobState)sample_enum(rand, JOB_STATE_COUNT);
    sample_job_progress(rand, job);
    return job;
}

/* --- fleets ----------------------------------------------------------------------------------- */

static Generation *fleet_generation(guint64 number, const char *set_id)
{
    static const char *const targets[] = {"vda", "vdb", "vdc"};
    Generation *generation = generation_new(number, CAUSE_REBASE, "00000000000000ba", 1700000000);
    for (guint i = 0; i < G_N_ELEMENTS(targets); i++) {
        g_autofree char *layer = layer_id_build(set_id, targets[i]);
        Head *head = head_new(targets[i], (Role)i, "qcow2", (guint64)1 << 34,
                              i < 2 ? HEAD_FRESH : HEAD_KEEP);
        head_set_layer(head, layer, "qcow2");
        g_ptr_array_add(generation->heads, head);
    }
    return generation;
}

Changes *sample_clones(guint machines)
{
    static const char *const targets[] = {"vda", "vdb", "vdc"};
    Changes *changes = changes_new();
    for (guint i = 0; i < machines; i++) {
        g_autofree char *id = g_strdup_printf("%016x", i);
        g_autofree char *name = g_strdup_printf("lab-%u", i);
        g_autofree char *uuid = g_strdup_printf("6c1d0f6e-0000-4000-8000-%012x", i);
        g_autoptr(Machine) machine = machine_new(id, name, uuid, 1700000000);
        for (guint j = 0; j < G_N_ELEMENTS(targets); j++)
            g_ptr_array_add(machine->volumes, volume_new(targets[j], (Role)j, "qcow2", FALSE));
        machine_take_generation(machine, fleet_generation(1, "00000000000000a1"));
        machine->actual = machine->desired = 1;
        machine->actual_place = machine->desired_place = PLACE_NOW;
        changes_put_machine(changes, machine);
    }
    return changes;
}

Changes *sample_rebase(const Inventory *inventory)
{
    Changes *changes = changes_new();
    g_autoptr(GPtrArray) machines = inventory_machines_sorted(inventory);
    for (guint i = 0; i < machines->len; i++) {
        g_autoptr(Machine) machine = machine_copy(g_ptr_array_index(machines, i));
        machine->desired = machine_next_number(machine);
        machine_take_generation(machine, fleet_generation(machine->desired, "00000000000000a2"));
        changes_put_machine(changes, machine);
    }
    return changes;
}

/* --- texts ------------------------------------------------------------------------------------ */

#define U "%" G_GUINT64_FORMAT
#define I "%" G_GINT64_FORMAT

/* NULL and "" differ. */
static const char *mark(const char *text)
{
    return text == NULL ? "<null>" : text;
}

static void add_head(GString *text, const Head *head)
{
    g_string_append_printf(text, "    head [%s] %d [%s] [%s] [%s] " U " %d " U " [%s] [%s]\n",
                           mark(head->target), (int)head->role, mark(head->format),
                           mark(head->layer_id), mark(head->layer_format), head->capacity_bytes,
                           (int)head->source, head->source_generation, mark(head->source_path),
                           mark(head->source_format));
}

static void add_generation(GString *text, const Generation *generation)
{
    g_string_append_printf(
        text, "  generation " U " %d " U " [%s] %d " U " [%s] " I " " I " " U " %d [%s]\n",
        generation->number, (int)generation->cause, generation->instance, mark(generation->base_id),
        (int)generation->nvram, generation->nvram_generation, mark(generation->nvram_path),
        generation->created_at, generation->replaced_at, generation->held_bytes,
        generation->hibernated, mark(generation->job_id));
    for (guint i = 0; i < generation->heads->len; i++)
        add_head(text, g_ptr_array_index(generation->heads, i));
}

static void add_machine(GString *text, const Machine *machine)
{
    g_string_append_printf(
        text, "machine [%s] [%s] [%s] " U " " U " " U " %d %d [%s] %d %d [%s] [%s]", machine->id,
        machine->name, machine->uuid, machine->actual, machine->desired, machine->last_number,
        (int)machine->actual_place, (int)machine->desired_place, mark(machine->set_id),
        machine->retired, machine->held, mark(machine->hold_reason), mark(machine->behind_reason));
    g_string_append_printf(text, " %d %d %d %d %d " U " " I " " I " " I " [%s] [%s]\n",
                           machine->start_after, machine->define_after, machine->discard,
                           machine->keep_data, machine->export_out, machine->session,
                           machine->session_started_at, machine->created_at, machine->prepared_at,
                           mark(machine->checklist), mark(machine->origin));
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        g_string_append_printf(text, "  volume [%s] %d [%s] %d\n", volume->target,
                               (int)volume->role, volume->format, volume->own);
    }
    for (guint i = 0; i < machine->generations->len; i++)
        add_generation(text, g_ptr_array_index(machine->generations, i));
}

static void add_layer(GString *text, const Layer *layer)
{
    g_string_append_printf(
        text, "layer [%s] [%s] [%s] %d [%s] " U " " U " [%s] [%s] " I " [%s] [%s] " I " [%s]\n",
        layer->id, layer->set_id, layer->target, (int)layer->role, layer->format,
        layer->capacity_bytes, layer->allocated_bytes, mark(layer->parent_id),
        mark(layer->former_parent_id), layer->flattened_at, mark(layer->machine_id),
        mark(layer->machine_name), layer->sealed_at, mark(layer->digest));
}

static void add_kept(GString *text, const KeptVolume *volume)
{
    g_string_append_printf(text, "kept [%s] [%s] [%s] [%s] " U " [%s] [%s] [%s] [%s] " I " " I "\n",
                           volume->id, volume->path, volume->target, volume->format,
                           volume->capacity_bytes, mark(volume->layer_id),
                           mark(volume->layer_format), mark(volume->machine_id),
                           mark(volume->machine_name), volume->removed_at, volume->expires_at);
}

static void add_reclaim(GString *text, const ReclaimItem *item)
{
    g_string_append_printf(text, "reclaim [%s] %d [%s] [%s] " U " [%s] " U " " I "\n", item->id,
                           (int)item->kind, item->path, mark(item->machine_id), item->generation,
                           mark(item->layer_id), item->bytes, item->listed_at);
}

static void add_all(GString *text, GHashTable *table, void (*add)(GString *, gconstpointer))
{
    g_autoptr(GList) values = sorted_values(table);
    for (GList *link = values; link != NULL; link = link->next)
        add(text, link->data);
}

#define ADDER(noun, Type)                                                                          \
    static void add_any_##noun(GString *text, gconstpointer object)                                \
    {                                                                                              \
        add_##noun(text, (const Type *)object);                                                    \
    }
ADDER(machine, Machine)
ADDER(layer, Layer)
ADDER(kept, KeptVolume)
ADDER(reclaim, ReclaimItem)

char *inventory_to_text(const Inventory *inventory)
{
    GString *text = g_string_new(NULL);
    g_string_append_printf(text, "store [%s] generation " U "\n", mark(inventory->store_uuid),
                           inventory->generation);
    add_all(text, inventory->machines, add_any_machine);
    add_all(text, inventory->layers, add_any_layer);
    add_all(text, inventory->kept, add_any_kept);
    add_all(text, inventory->reclaim, add_any_reclaim);
    return g_string_free(text, FALSE);
}

char *job_to_text(const Job *job, gboolean receipts)
{
    GString *text = g_string_new(NULL);
    json_t *json = request_to_json(job->request);
    char *request = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT);
    g_string_append_printf(
        text, "job [%s] [%s] [%s] [%s] %d " I " " I " " I " %u %u [%s] %d [%s] [%s] %d\n", job->id,
        request, mark(job->request->idempotency_key), mark(job->requested_by), (int)job->state,
        job->created_at, job->started_at, job->finished_at, job->done, job->total, mark(job->phase),
        job->error_code, mark(job->message), mark(job->hint), job->committed);
    free(request);
    json_decref(json);
    for (guint i = 0; i < job->items->len; i++) {
        const JobItem *item = g_ptr_array_index(job->items, i);
        g_string_append_printf(text, "  item [%s] [%s] %d %d [%s] [%s] [%s]\n",
                               mark(item->machine_id), mark(item->machine_name), (int)item->state,
                               item->error_code, mark(item->message), mark(item->hint),
                               receipts ? mark(item->receipt) : "-");
    }
    return g_string_free(text, FALSE);
}
