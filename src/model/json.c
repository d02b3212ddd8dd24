/* Model structs as the API's JSON (docs: the OpenAPI file holds the shapes). */
#include "model/json.h"

#include "model/json_put.h"

static const char *machine_kind(const Machine *machine)
{
    return machine_is_base(machine) ? "base" : machine_is_clone(machine) ? "clone" : "machine";
}

static const char *machine_state(const Machine *machine)
{
    const struct {
        gboolean holds;
        const char *name;
    } states[] = {
        {machine->desired_place == PLACE_GONE, "removing"},
        {machine->actual_place == PLACE_NONE, "creating"},
        {machine_is_pending(machine), "pending"},
        {machine_is_base(machine) && machine->retired, "retired"},
        {machine_is_base(machine), "base"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(states); i++)
        if (states[i].holds)
            return states[i].name;
    return "ready";
}

static guint count_entries(const Machine *machine)
{
    guint entries = 0;
    for (guint i = 0; i < machine->generations->len; i++)
        entries += machine_is_entry(machine, g_ptr_array_index(machine->generations, i)) ? 1 : 0;
    return entries;
}

/* What a guest sees now; of a machine that is being created, what it will see. */
static const Generation *visible_generation(const Machine *machine)
{
    const Generation *actual = machine_actual(machine);
    return actual != NULL ? actual : machine_desired(machine);
}

static json_t *volumes_to_json(const Machine *machine)
{
    json_t *volumes = json_array();
    const Generation *generation = visible_generation(machine);
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        const Head *head = generation == NULL ? NULL : generation_head(generation, volume->target);
        json_t *object = json_object();
        json_put_text(object, "target", volume->target);
        json_put_text(object, "role", role_name(volume->role));
        json_put_text(object, "format", volume->format);
        json_put_number(object, "capacity_bytes", head == NULL ? 0 : head->capacity_bytes);
        json_put_text(object, "layer", head == NULL ? NULL : head->layer_id);
        json_put_flag(object, "own", volume->own);
        json_array_append_new(volumes, object);
    }
    return volumes;
}

static void put_identity(json_t *object, const Machine *machine, const char *base_name,
                         const char *power)
{
    json_put_text(object, "id", machine->id);
    json_put_text(object, "name", machine->name);
    json_put_text(object, "uuid", machine->uuid);
    json_put_text(object, "kind", machine_kind(machine));
    json_put_text(object, "power", power == NULL ? "unknown" : power);
    json_put_text(object, "base", base_name);
    json_put_text(object, "base_id", machine_base_id(machine));
}

static void put_condition(json_t *object, const Machine *machine)
{
    json_put_text(object, "state", machine_state(machine));
    json_put_flag(object, "pending", machine_is_pending(machine));
    json_put_flag(object, "held", machine->held);
    json_put_text_if_any(object, "hold_reason", machine->hold_reason);
    json_put_flag(object, "behind", machine->behind_reason != NULL);
    json_put_text_if_any(object, "behind_reason", machine->behind_reason);
    json_put_number(object, "generation", machine->actual);
    json_put_number(object, "desired_generation", machine->desired);
}

json_t *machine_to_json(const Machine *machine, const char *base_name, const char *power)
{
    json_t *object = json_object();
    put_identity(object, machine, base_name, power);
    put_condition(object, machine);
    json_object_set_new(object, "volumes", volumes_to_json(machine));
    json_put_number(object, "undo_entries", count_entries(machine));
    json_put_time(object, "created_at", machine->created_at);
    json_put_time_if_any(object, "prepared_at", machine->prepared_at);
    return object;
}

/* --- rows of a list ----------------------------------------------------------------------------
 */

/* Written as text: ten thousand rows as trees would take ten times as long, and ten times the
 * memory. */
static gboolean is_plain(const char *text)
{
    for (; *text != '\0'; text++)
        if ((guchar)*text < 0x20 || (guchar)*text > 0x7e || *text == '"' || *text == '\\')
            return FALSE;
    return TRUE;
}

static int append_bytes(const char *bytes, size_t length, void *text)
{
    g_string_append_len(text, bytes, (gssize)length);
    return 0;
}

static void append_quoted(GString *text, const char *value)
{
    if (value == NULL) {
        g_string_append(text, "null");
    } else if (is_plain(value)) {
        g_string_append_c(text, '"');
        g_string_append(text, value);
        g_string_append_c(text, '"');
    } else {
        json_t *json = json_text(value);
        (void)json_dump_callback(json, append_bytes, text, JSON_ENCODE_ANY);
        json_decref(json);
    }
}

/* `key` comes with what stands before its value: `,"name":`. */
static void append_text(GString *text, const char *key, const char *value)
{
    g_string_append(text, key);
    append_quoted(text, value);
}

static void append_text_if_any(GString *text, const char *key, const char *value)
{
    if (value != NULL)
        append_text(text, key, value);
}

static void append_flag(GString *text, const char *key, gboolean flag)
{
    g_string_append(text, key);
    g_string_append(text, flag ? "true" : "false");
}

static void append_number(GString *text, const char *key, guint64 number)
{
    char digits[24];
    char *first = digits + sizeof digits;
    *--first = '\0';
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    g_string_append(text, key);
    g_string_append(text, first);
}

static void append_time(GString *text, const char *key, gint64 seconds)
{
    g_autofree char *moment = seconds == 0 ? NULL : time_to_text(seconds);
    append_text(text, key, moment);
}

static void append_identity(GString *text, const Machine *machine, const char *base_name,
                            const char *power)
{
    append_text(text, "{\"id\":", machine->id);
    append_text(text, ",\"name\":", machine->name);
    append_text(text, ",\"uuid\":", machine->uuid);
    append_text(text, ",\"kind\":", machine_kind(machine));
    append_text(text, ",\"power\":", power == NULL ? "unknown" : power);
    append_text(text, ",\"base\":", base_name);
    append_text(text, ",\"base_id\":", machine_base_id(machine));
}

static void append_condition(GString *text, const Machine *machine)
{
    append_text(text, ",\"state\":", machine_state(machine));
    append_flag(text, ",\"pending\":", machine_is_pending(machine));
    append_flag(text, ",\"held\":", machine->held);
    append_text_if_any(text, ",\"hold_reason\":", machine->hold_reason);
    append_flag(text, ",\"behind\":", machine->behind_reason != NULL);
    append_text_if_any(text, ",\"behind_reason\":", machine->behind_reason);
    append_number(text, ",\"generation\":", machine->actual);
    append_number(text, ",\"desired_generation\":", machine->desired);
}

/* What the volumes come to: their capacity together, and how many there are of each role. */
static void append_volumes(GString *text, const Machine *machine)
{
    guint64 counts[ROLE_COUNT] = {0};
    guint64 capacity_bytes = 0;
    const Generation *generation = visible_generation(machine);
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        const Head *head = generation == NULL ? NULL : generation_head(generation, volume->target);
        capacity_bytes += head == NULL ? 0 : head->capacity_bytes;
        counts[volume->role]++;
    }
    append_number(text, ",\"capacity_bytes\":", capacity_bytes);
    append_number(text, ",\"roles\":{\"system\":", counts[ROLE_SYSTEM]);
    append_number(text, ",\"temporary\":", counts[ROLE_TEMPORARY]);
    append_number(text, ",\"data\":", counts[ROLE_DATA]);
    g_string_append_c(text, '}');
}

void machine_append_row(GString *text, const Machine *machine, const char *base_name,
                        const char *power)
{
    append_identity(text, machine, base_name, power);
    append_condition(text, machine);
    append_volumes(text, machine);
    append_number(text, ",\"undo_entries\":", count_entries(machine));
    append_time(text, ",\"created_at\":", machine->created_at);
    if (machine->prepared_at != 0)
        append_time(text, ",\"prepared_at\":", machine->prepared_at);
    g_string_append_c(text, '}');
}

/* --- one machine in full -----------------------------------------------------------------------
 */

/* The name of the machine `id` as the inventory knows it; NULL where it is gone. Borrowed. */
static const char *machine_name_of(const Inventory *inventory, const char *id)
{
    const Machine *machine = id == NULL ? NULL : g_hash_table_lookup(inventory->machines, id);
    return machine == NULL ? NULL : machine->name;
}

static void put_base(json_t *object, const Inventory *inventory, const Generation *generation)
{
    json_put_text_if_any(object, "base", generation->base_id);
    json_put_text_if_any(object, "base_name", machine_name_of(inventory, generation->base_id));
}

static json_t *entry_to_json(const Generation *entry, const Inventory *inventory)
{
    json_t *object = json_object();
    json_put_number(object, "generation", entry->number);
    json_put_text(object, "cause", cause_name(entry->cause));
    put_base(object, inventory, entry);
    json_put_time(object, "created_at", entry->created_at);
    json_put_time(object, "replaced_at", entry->replaced_at);
    json_put_number(object, "held_bytes", entry->held_bytes);
    json_put_flag(object, "hibernated", entry->hibernated);
    return object;
}

/* Newest first: the order in which undo takes them. */
static json_t *entries_to_json(const Machine *machine, const Inventory *inventory)
{
    json_t *entries = json_array();
    for (guint i = machine->generations->len; i > 0; i--) {
        const Generation *generation = g_ptr_array_index(machine->generations, i - 1);
        if (machine_is_entry(machine, generation))
            json_array_append_new(entries, entry_to_json(generation, inventory));
    }
    return entries;
}

/* Layer ids from the top down. Bounded by the number of layers, so that a cycle in a damaged
 * catalog ends. */
static json_t *chain_of(const Inventory *inventory, const char *layer_id)
{
    json_t *chain = json_array();
    for (guint left = g_hash_table_size(inventory->layers); layer_id != NULL && left > 0; left--) {
        const Layer *layer = g_hash_table_lookup(inventory->layers, layer_id);
        json_array_append_new(chain, json_text(layer_id));
        layer_id = layer == NULL ? NULL : layer->parent_id;
    }
    return chain;
}

static json_t *chains_to_json(const Machine *machine, const Inventory *inventory)
{
    json_t *chains = json_object();
    const Generation *generation = visible_generation(machine);
    for (guint i = 0; generation != NULL && i < generation->heads->len; i++) {
        const Head *head = g_ptr_array_index(generation->heads, i);
        json_object_set_new(chains, head->target, chain_of(inventory, head->layer_id));
    }
    return chains;
}

static json_t *session_to_json(const Machine *machine)
{
    if (machine->session == 0)
        return json_null();
    json_t *session = json_object();
    json_put_number(session, "generation", machine->session);
    json_put_time(session, "started_at", machine->session_started_at);
    return session;
}

static json_t *clone_names_to_json(const Machine *base, const Inventory *inventory)
{
    json_t *names = json_array();
    g_autoptr(GPtrArray) clones = inventory_clones(inventory, base->id);
    for (guint i = 0; i < clones->len; i++)
        json_array_append_new(names,
                              json_text(((const Machine *)g_ptr_array_index(clones, i))->name));
    return names;
}

static json_t *pending_to_json(const Generation *desired, const Inventory *inventory)
{
    json_t *object = json_object();
    json_put_number(object, "generation", desired->number);
    json_put_text(object, "cause", cause_name(desired->cause));
    put_base(object, inventory, desired);
    return object;
}

json_t *machine_to_json_full(const Machine *machine, const Inventory *inventory, const char *power)
{
    json_t *object =
        machine_to_json(machine, machine_name_of(inventory, machine_base_id(machine)), power);
    const Generation *desired = machine_desired(machine);
    json_object_set_new(object, "undo", entries_to_json(machine, inventory));
    json_object_set_new(object, "chain", chains_to_json(machine, inventory));
    json_put_stored(object, "checklist", machine->checklist);
    json_object_set_new(object, "session", session_to_json(machine));
    if (machine_is_base(machine))
        json_object_set_new(object, "clones", clone_names_to_json(machine, inventory));
    if (machine->desired != machine->actual && desired != NULL)
        json_object_set_new(object, "pending_to", pending_to_json(desired, inventory));
    return object;
}

json_t *layer_to_json(const Layer *layer)
{
    json_t *object = json_object();
    json_put_text(object, "id", layer->id);
    json_put_text(object, "set", layer->set_id);
    json_put_text(object, "target", layer->target);
    json_put_text(object, "role", role_name(layer->role));
    json_put_text(object, "format", layer->format);
    json_put_number(object, "capacity_bytes", layer->capacity_bytes);
    json_put_number(object, "allocated_bytes", layer->allocated_bytes);
    json_put_text(object, "parent", layer->parent_id);
    json_put_text(object, "machine", layer->machine_name);
    json_put_text(object, "machine_id", layer->machine_id);
    json_put_time(object, "sealed_at", layer->sealed_at);
    json_put_text(object, "digest", layer->digest);
    return object;
}

json_t *kept_volume_to_json(const KeptVolume *volume)
{
    json_t *object = json_object();
    json_put_text(object, "id", volume->id);
    json_put_text(object, "target", volume->target);
    json_put_text(object, "format", volume->format);
    json_put_number(object, "capacity_bytes", volume->capacity_bytes);
    json_put_text(object, "machine", volume->machine_name);
    json_put_text(object, "machine_id", volume->machine_id);
    json_put_time(object, "removed_at", volume->removed_at);
    json_put_time(object, "expires_at", volume->expires_at);
    json_put_text(object, "layer", volume->layer_id);
    return object;
}

json_t *job_item_to_json(const JobItem *item)
{
    json_t *object = json_object();
    json_put_text(object, "machine_id", item->machine_id);
    json_put_text(object, "machine", item->machine_name);
    json_put_text(object, "state", item_state_name(item->state));
    json_put_error(object, item->error_code, item->message, item->hint);
    if (item->error_code < 0)
        json_put_text_if_any(object, "message", item->message);
    json_put_stored(object, "receipt", item->receipt);
    return object;
}

static json_t *item_counts_to_json(const Job *job)
{
    guint counts[ITEM_STATE_COUNT] = {0};
    for (guint i = 0; i < job->items->len; i++)
        counts[((const JobItem *)g_ptr_array_index(job->items, i))->state]++;
    json_t *object = json_object();
    for (guint state = 0; state < ITEM_STATE_COUNT; state++)
        json_put_number(object, item_state_name((ItemState)state), counts[state]);
    return object;
}

static void put_progress(json_t *object, const Job *job)
{
    g_autofree char *waits_for = job_waits_for(job);
    json_put_time(object, "created_at", job->created_at);
    json_put_time_if_any(object, "started_at", job->started_at);
    json_put_time_if_any(object, "finished_at", job->finished_at);
    json_put_text_if_any(object, "phase", job->phase);
    json_put_text_if_any(object, "waits_for", waits_for);
    json_put_number(object, "done", job->done);
    json_put_number(object, "total", job->total);
    json_put_flag(object, "committed", job->committed);
    json_object_set_new(object, "counts", item_counts_to_json(job));
}

json_t *job_to_json(const Job *job, gboolean with_items)
{
    json_t *object = json_object();
    json_put_text(object, "id", job->id);
    json_put_text(object, "verb", verb_name(job->request->verb));
    json_put_text(object, "state", job_state_name(job->state));
    json_put_text(object, "requested_by", job->requested_by);
    put_progress(object, job);
    json_put_error(object, job->error_code, job->message, job->hint);
    if (job->error_code < 0)
        json_put_text_if_any(object, "message", job->message);
    json_object_set_new(object, "request", request_to_json(job->request));
    if (with_items) {
        json_t *items = json_array();
        for (guint i = 0; i < job->items->len; i++)
            json_array_append_new(items, job_item_to_json(g_ptr_array_index(job->items, i)));
        json_object_set_new(object, "items", items);
    }
    return object;
}

json_t *error_to_json(const GError *error)
{
    json_t *object = json_object();
    json_put_text(object, "code", error_code_name(error_code(error)));
    json_put_text(object, "message", error->message);
    json_put_text_if_any(object, "hint", error_hint(error));
    return object;
}
