/* The JSON of the API: exact shapes, so that a change of one is on purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "model/json.h"
#include "model/json_put.h"
#include "model/plan.h"

/* Takes `found`. Members may stand in any order. */
static void assert_json(json_t *found, const char *wanted)
{
    json_error_t problem;
    json_t *expected = json_loads(wanted, 0, &problem);
    if (expected == NULL)
        fail_msg("%s at %d", problem.text, problem.position);
    char *found_text = json_dumps(found, JSON_SORT_KEYS | JSON_INDENT(1));
    char *wanted_text = json_dumps(expected, JSON_SORT_KEYS | JSON_INDENT(1));
    assert_string_equal(found_text, wanted_text);
    free(found_text);
    free(wanted_text);
    json_decref(found);
    json_decref(expected);
}

static Generation *generation_on(guint64 number, Cause cause, const char *base_id,
                                 const char *layer_id)
{
    Generation *generation = generation_new(number, cause, base_id, 1700000000);
    Head *head = head_new("vda", ROLE_SYSTEM, "qcow2", 1073741824, HEAD_FRESH);
    head_set_layer(head, layer_id, "qcow2");
    g_ptr_array_add(generation->heads, head);
    return generation;
}

/* A clone that runs generation 2, has entry 1, and is to move to 3. */
static Machine *pending_clone(void)
{
    Machine *machine = machine_new("a", "lab-1", "uuid-a", 1700000000);
    g_ptr_array_add(machine->volumes, volume_new("vda", ROLE_SYSTEM, "qcow2", FALSE));
    Generation *entry = generation_on(1, CAUSE_CLONE, "b1", "s1-vda");
    entry->replaced_at = 1700000100;
    entry->held_bytes = 4096;
    machine_take_generation(machine, entry);
    machine_take_generation(machine, generation_on(2, CAUSE_RESTORE, "b1", "s1-vda"));
    machine_take_generation(machine, generation_on(3, CAUSE_REBASE, "b2", "s2-vda"));
    machine->actual = 2;
    machine->desired = 3;
    machine->actual_place = machine->desired_place = PLACE_NOW;
    machine->held = TRUE;
    machine->hold_reason = g_strdup("exam");
    machine->session = 2;
    machine->session_started_at = 1700000200;
    machine->checklist = g_strdup("{\"tpm\": \"no\"}");
    return machine;
}

#define LIST_FORM                                                                                  \
    "\"id\": \"a\", \"name\": \"lab-1\", \"uuid\": \"uuid-a\", \"kind\": \"clone\", \"power\": "   \
    "\"running\","                                                                                 \
    "\"base\": \"demo-v1\", \"base_id\": \"b1\", \"state\": \"pending\", \"pending\": true, "      \
    "\"held\": true,"                                                                              \
    "\"hold_reason\": \"exam\", \"behind\": false, \"generation\": 2, \"desired_generation\": 3, " \
    "\"volumes\": ["                                                                               \
    "{\"target\": \"vda\", \"role\": \"system\", \"format\": \"qcow2\", \"capacity_bytes\": "      \
    "1073741824,"                                                                                  \
    "\"layer\": \"s1-vda\", \"own\": false}], \"undo_entries\": 1, \"created_at\": "               \
    "\"2023-11-14T22:13:20Z\""

static void a_machine_in_a_list_has_the_short_form(void **state)
{
    (void)state;
    g_autoptr(Machine) machine = pending_clone();
    assert_json(machine_to_json(machine, "demo-v1", "running"), "{" LIST_FORM "}");
}

static json_t *row_of(const Machine *machine, const char *base_name, const char *power)
{
    g_autoptr(GString) text = g_string_new(NULL);
    machine_append_row(text, machine, base_name, power);
    json_t *row = json_loadb(text->str, text->len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(row);
    return row;
}

static void a_row_is_the_short_form_with_what_the_volumes_come_to(void **state)
{
    (void)state;
    g_autoptr(Machine) machine = pending_clone();
    g_ptr_array_add(machine->volumes, volume_new("vdb", ROLE_DATA, "qcow2", TRUE));
    machine->prepared_at = 1700000300;
    json_t *row = row_of(machine, NULL, NULL);
    json_t *roles = json_object_get(row, "roles");
    assert_int_equal(json_integer_value(json_object_get(row, "capacity_bytes")), 1073741824);
    assert_json(json_incref(roles), "{\"system\": 1, \"temporary\": 0, \"data\": 1}");
    json_object_del(row, "capacity_bytes");
    json_object_del(row, "roles");
    json_t *whole = machine_to_json(machine, NULL, NULL);
    json_object_del(whole, "volumes");
    assert_true(json_equal(row, whole));
    json_decref(row);
    json_decref(whole);
}

static void a_row_escapes_what_people_wrote(void **state)
{
    (void)state;
    static const char *const reasons[] = {"say \"no\"", "back\\slash",   "two\nlines",
                                          "Übung",      "bad \xff byte", ""};
    for (guint i = 0; i < G_N_ELEMENTS(reasons); i++) {
        g_autoptr(Machine) machine = pending_clone();
        g_free(machine->hold_reason);
        machine->hold_reason = g_strdup(reasons[i]);
        machine->behind_reason = g_strdup(reasons[i]);
        json_t *row = row_of(machine, "demo-v1", "off");
        json_t *whole = machine_to_json(machine, "demo-v1", "off");
        assert_true(
            json_equal(json_object_get(row, "hold_reason"), json_object_get(whole, "hold_reason")));
        assert_true(json_equal(json_object_get(row, "behind_reason"),
                               json_object_get(whole, "behind_reason")));
        json_decref(row);
        json_decref(whole);
    }
}

static void a_machine_of_its_own_has_undo_chain_and_what_it_waits_for(void **state)
{
    (void)state;
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Changes) changes = changes_new();
    g_autoptr(Machine) machine = pending_clone();
    g_autoptr(Machine) base = machine_new("b1", "demo-v1", "uuid-b", 0);
    g_autoptr(Layer) layer = layer_new("s1", "vda", ROLE_SYSTEM, "qcow2", 1);
    g_autoptr(Layer) parent = layer_new("s0", "vda", ROLE_SYSTEM, "qcow2", 1);
    layer->parent_id = g_strdup("s0-vda");
    changes_put_machine(changes, machine);
    changes_put_machine(changes, base);
    changes_put_layer(changes, layer);
    changes_put_layer(changes, parent);
    inventory_apply(inventory, changes, 1);
    assert_json(
        machine_to_json_full(machine, inventory, "running"),
        "{" LIST_FORM ", \"undo\": [{\"generation\": 1, \"cause\": \"clone\", \"base\": \"b1\","
        "\"base_name\": \"demo-v1\", \"created_at\": \"2023-11-14T22:13:20Z\","
        "\"replaced_at\": \"2023-11-14T22:15:00Z\", \"held_bytes\": 4096, \"hibernated\": false}],"
        "\"chain\": {\"vda\": [\"s1-vda\", \"s0-vda\"]}, \"checklist\": {\"tpm\": \"no\"},"
        "\"session\": {\"generation\": 2, \"started_at\": \"2023-11-14T22:16:40Z\"},"
        "\"pending_to\": {\"generation\": 3, \"cause\": \"rebase\", \"base\": \"b2\"}}");
}

static void a_base_lists_its_clones(void **state)
{
    (void)state;
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Changes) changes = changes_new();
    g_autoptr(Machine) clone = pending_clone();
    g_autoptr(Machine) base = machine_new("b1", "demo-v1", "uuid-b", 0);
    base->actual_place = base->desired_place = PLACE_SEALED;
    changes_put_machine(changes, clone);
    changes_put_machine(changes, base);
    inventory_apply(inventory, changes, 1);
    json_t *json = machine_to_json_full(base, inventory, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "kind")), "base");
    assert_string_equal(json_string_value(json_object_get(json, "state")), "base");
    assert_string_equal(json_string_value(json_object_get(json, "power")), "unknown");
    assert_true(json_is_null(json_object_get(json, "session")));
    assert_json(json_incref(json_object_get(json, "clones")), "[\"lab-1\"]");
    json_decref(json);
}

static void the_state_says_what_matters_most(void **state)
{
    (void)state;
    const struct {
        Place actual, desired;
        guint64 actual_number, desired_number;
        gboolean retired;
        const char *wanted;
    } cases[] = {
        {PLACE_NOW, PLACE_NOW, 1, 1, FALSE, "ready"},
        {PLACE_NOW, PLACE_NOW, 1, 2, FALSE, "pending"},
        {PLACE_NOW, PLACE_SEALED, 1, 1, FALSE, "pending"},
        {PLACE_SEALED, PLACE_SEALED, 1, 1, FALSE, "base"},
        {PLACE_SEALED, PLACE_SEALED, 1, 1, TRUE, "retired"},
        {PLACE_NONE, PLACE_NOW, 0, 1, FALSE, "creating"},
        {PLACE_NOW, PLACE_GONE, 1, 1, FALSE, "removing"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Machine) machine = machine_new("a", "a", "a", 0);
        machine->actual_place = cases[i].actual;
        machine->desired_place = cases[i].desired;
        machine->actual = cases[i].actual_number;
        machine->desired = cases[i].desired_number;
        machine->retired = cases[i].retired;
        json_t *json = machine_to_json(machine, NULL, "off");
        assert_string_equal(json_string_value(json_object_get(json, "state")), cases[i].wanted);
        json_decref(json);
    }
}

static void a_circle_of_layers_in_a_damaged_catalog_ends(void **state)
{
    (void)state;
    g_autoptr(Inventory) inventory = inventory_new();
    g_autoptr(Changes) changes = changes_new();
    g_autoptr(Machine) machine = pending_clone();
    g_autoptr(Layer) layer = layer_new("s1", "vda", ROLE_SYSTEM, "qcow2", 1);
    layer->parent_id = g_strdup("s1-vda");
    changes_put_layer(changes, layer);
    inventory_apply(inventory, changes, 1);
    json_t *json = machine_to_json_full(machine, inventory, NULL);
    assert_json(json_incref(json_object_get(json, "chain")), "{\"vda\": [\"s1-vda\"]}");
    json_decref(json);
}

static void a_layer_and_a_kept_volume_show_null_for_what_is_not_there(void **state)
{
    (void)state;
    g_autoptr(Layer) layer = layer_new("s1", "vda", ROLE_SYSTEM, "raw", 1024);
    g_autoptr(KeptVolume) kept = kept_volume_new("k", "trash/k/data/vdc.raw", "vdc", "raw");
    layer->machine_name = g_strdup("demo-v1");
    layer->sealed_at = 1;
    kept->removed_at = 60;
    assert_json(layer_to_json(layer),
                "{\"id\": \"s1-vda\", \"set\": \"s1\", \"target\": \"vda\", \"role\": \"system\", "
                "\"format\": \"raw\","
                "\"capacity_bytes\": 1024, \"allocated_bytes\": 0, \"parent\": null, \"machine\": "
                "\"demo-v1\","
                "\"machine_id\": null, \"sealed_at\": \"1970-01-01T00:00:01Z\", \"digest\": null}");
    assert_json(
        kept_volume_to_json(kept),
        "{\"id\": \"k\", \"target\": \"vdc\", \"format\": \"raw\", \"capacity_bytes\": 0, "
        "\"machine\": null,"
        "\"machine_id\": null, \"removed_at\": \"1970-01-01T00:01:00Z\", \"expires_at\": null,"
        "\"layer\": null}");
}

static void a_job_counts_its_items_and_carries_errors_and_receipts(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Request) request = request_new(VERB_RESTORE);
    request_add_machine(request, "lab-1");
    g_autoptr(Job) job = job_new("j", request, "root", 1);
    job->state = JOB_RUNNING;
    job->started_at = 2;
    job->phase = g_strdup("settling");
    job->done = 1;
    job->total = 2;
    job->committed = TRUE;
    g_ptr_array_add(job->items, job_item_new("a", "lab-1"));
    g_ptr_array_add(job->items, job_item_new("b", "lab-2"));
    g_ptr_array_add(job->items, job_item_new("c", "lab-3"));
    JobItem *done = g_ptr_array_index(job->items, 0);
    done->state = ITEM_DONE;
    done->receipt = g_strdup("{\"inode\": 7}");
    error_set(&error, UNDERPIN_ERROR_NO_SPACE, "free space", "no room");
    job_item_set_error(g_ptr_array_index(job->items, 1), error);
    ((JobItem *)g_ptr_array_index(job->items, 2))->message = g_strdup("waits for its stop");
#define JOB_SHORT                                                                                  \
    "\"id\": \"j\", \"verb\": \"restore\", \"state\": \"running\", \"requested_by\": \"root\","    \
    "\"created_at\": \"1970-01-01T00:00:01Z\", \"started_at\": \"1970-01-01T00:00:02Z\", "         \
    "\"phase\": \"settling\","                                                                     \
    "\"done\": 1, \"total\": 2, \"committed\": true, \"counts\": {\"waiting\": 1, \"running\": "   \
    "0, \"pending\": 0,"                                                                           \
    "\"done\": 1, \"failed\": 1, \"skipped\": 0, \"cancelled\": 0},"                               \
    "\"request\": {\"verb\": \"restore\", \"machines\": [\"lab-1\"]}"
    assert_json(job_to_json(job, FALSE), "{" JOB_SHORT "}");
    assert_json(
        job_to_json(job, TRUE),
        "{" JOB_SHORT
        ", \"items\": [{\"machine_id\": \"a\", \"machine\": \"lab-1\", \"state\": \"done\","
        "\"receipt\": {\"inode\": 7}}, {\"machine_id\": \"b\", \"machine\": \"lab-2\", \"state\": "
        "\"failed\","
        "\"error\": {\"code\": \"no-space\", \"message\": \"no room\", \"hint\": \"free space\"}},"
        "{\"machine_id\": \"c\", \"machine\": \"lab-3\", \"state\": \"waiting\","
        "\"message\": \"waits for its stop\"}]}");
    assert_json(error_to_json(error),
                "{\"code\": \"no-space\", \"message\": \"no room\", \"hint\": \"free space\"}");
}

static void a_pending_job_says_what_it_waits_for(void **state)
{
    static const struct {
        RunningPolicy running;
        guint pending;
        const char *expected;
    } cases[] = {
        {RUNNING_REBOOT, 1, "1 machine to be restarted by its user"},
        {RUNNING_REBOOT, 3, "3 machines to be restarted by their users"},
        {RUNNING_STOP, 3, "3 machines to be shut down by their users"},
        {RUNNING_SHUTDOWN, 2, "2 machines to stop"},
        {RUNNING_FORCE, 1, "1 machine to stop"},
        {RUNNING_REBOOT, 0, NULL},
    };
    (void)state;
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Request) request = request_new(VERB_REBASE);
        request->running = cases[i].running;
        g_autoptr(Job) job = job_new("j", request, "root", 1);
        job->state = JOB_PENDING;
        for (guint item = 0; item < cases[i].pending; item++) {
            g_ptr_array_add(job->items, job_item_new("a", "lab-1"));
            ((JobItem *)job->items->pdata[item])->state = ITEM_PENDING;
        }
        json_t *json = job_to_json(job, FALSE);
        const char *text = json_string_value(json_object_get(json, "waits_for"));
        assert_int_equal(g_strcmp0(text, cases[i].expected), 0);
        json_decref(json);
    }
}

static void text_that_is_no_utf8_is_repaired_and_not_lost(void **state)
{
    (void)state;
    json_t *text = json_text("a\xff"
                             "b");
    assert_string_equal(json_string_value(text), "a\xef\xbf\xbd"
                                                 "b");
    json_decref(text);
}

/* --- plans ------------------------------------------------------------------------------------ */

static PlanItem *replacing_item(Plan *plan, Decision decision)
{
    PlanItem *item = plan_add(plan, "a", "lab-1");
    item->decision = decision;
    plan_item_add_volume(item, "vda", ROLE_SYSTEM, FATE_REPLACED);
    plan_item_add_volume(item, "vdb", ROLE_TEMPORARY, FATE_RESET);
    plan_item_add_volume(item, "vdc", ROLE_DATA, FATE_KEPT);
    return item;
}

static void the_summary_of_a_rebase_says_the_same_words_always(void **state)
{
    (void)state;
    const Verb verbs[] = {VERB_RESTORE, VERB_REBASE, VERB_UNDO};
    for (guint i = 0; i < G_N_ELEMENTS(verbs); i++) {
        g_autoptr(Request) request = request_new(verbs[i]);
        g_autoptr(Plan) plan = plan_new(request);
        g_autofree char *empty = plan_summary(plan);
        assert_string_equal(empty, "system REPLACED, temporary RESET, data KEPT");
        replacing_item(plan, DECISION_PENDING);
        g_autofree char *summary = plan_summary(plan);
        assert_string_equal(summary, "system REPLACED, temporary RESET, data KEPT");
    }
}

static void the_summary_of_other_verbs_is_the_union_of_what_happens(void **state)
{
    (void)state;
    g_autoptr(Request) request = request_new(VERB_REMOVE);
    g_autoptr(Plan) plan = plan_new(request);
    PlanItem *item = plan_add(plan, "a", "lab-1");
    plan_item_add_volume(item, "vda", ROLE_SYSTEM, FATE_DELETED);
    plan_item_add_volume(item, "vdc", ROLE_DATA, FATE_TRASHED);
    plan_item_add_volume(item, "vdd", ROLE_DATA, FATE_KEPT);
    PlanItem *refused = plan_add(plan, "b", "lab-2");
    refused->decision = DECISION_REFUSE;
    plan_item_add_volume(refused, "vdb", ROLE_TEMPORARY, FATE_DELETED);
    g_autofree char *summary = plan_summary(plan);
    assert_string_equal(summary, "system DELETED, data KEPT or TO TRASH");
}

static void a_plan_shows_decisions_reasons_and_fates(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Request) request = request_new(VERB_RESTORE);
    g_autoptr(Plan) plan = plan_new(request);
    PlanItem *item = plan_add(plan, "a", "lab-1");
    PlanVolume *volume = plan_item_add_volume(item, "vda", ROLE_SYSTEM, FATE_REPLACED);
    volume->from_layer = g_strdup("s1-vda");
    volume->to_layer = g_strdup("s2-vda");
    volume->capacity_before = 10;
    volume->capacity_after = 20;
    volume->lost_bytes = 5;
    item->power = g_strdup("off");
    item->held_bytes = 5;
    item->forgotten = 2;
    plan_item_warn(item, "%u %s", 1, "thing");
    PlanItem *refused = plan_add(plan, NULL, "lab-2");
    error_set(&error, UNDERPIN_ERROR_REFUSED, "do this", "'lab-2' is no clone");
    plan_item_refuse(refused, error);
    plan_warn(plan, "all of it");
    plan->needed_bytes = 100;
    plan->free_bytes = 1000;
    assert_int_equal(plan_count(plan, DECISION_NOW), 1);
    assert_int_equal(plan_count(plan, DECISION_REFUSE), 1);
    assert_json(
        plan_to_json(plan),
        "{\"verb\": \"restore\", \"summary\": \"system REPLACED, temporary RESET, data KEPT, undo "
        "DELETED\", "
        "\"items\": ["
        "{\"machine_id\": \"a\", \"machine\": \"lab-1\", \"decision\": \"now\", \"power\": \"off\","
        "\"warnings\": [\"1 thing\"], \"freed_bytes\": 0, \"held_bytes\": 5, "
        "\"forgotten_entries\": 2, \"volumes\": "
        "[{\"target\": \"vda\","
        "\"role\": \"system\", \"fate\": \"REPLACED\", \"from_layer\": \"s1-vda\", \"to_layer\": "
        "\"s2-vda\","
        "\"capacity_before\": 10, \"capacity_after\": 20, \"lost_bytes\": 5}]},"
        "{\"machine_id\": null, \"machine\": \"lab-2\", \"decision\": \"refuse\", \"code\": "
        "\"refused\","
        "\"reason\": \"'lab-2' is no clone\", \"hint\": \"do this\", \"power\": \"unknown\", "
        "\"warnings\": [],"
        "\"freed_bytes\": 0, \"held_bytes\": 0, \"forgotten_entries\": 0, \"volumes\": []}], "
        "\"warnings\": [\"all of it\"],"
        "\"counts\": {\"now\": 1, \"pending\": 0, \"skip\": 0, \"refuse\": 1}, \"needed_bytes\": "
        "100,"
        "\"free_bytes\": 1000}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_machine_in_a_list_has_the_short_form),
        cmocka_unit_test(a_row_is_the_short_form_with_what_the_volumes_come_to),
        cmocka_unit_test(a_row_escapes_what_people_wrote),
        cmocka_unit_test(a_machine_of_its_own_has_undo_chain_and_what_it_waits_for),
        cmocka_unit_test(a_base_lists_its_clones),
        cmocka_unit_test(the_state_says_what_matters_most),
        cmocka_unit_test(a_circle_of_layers_in_a_damaged_catalog_ends),
        cmocka_unit_test(a_layer_and_a_kept_volume_show_null_for_what_is_not_there),
        cmocka_unit_test(a_job_counts_its_items_and_carries_errors_and_receipts),
        cmocka_unit_test(a_pending_job_says_what_it_waits_for),
        cmocka_unit_test(text_that_is_no_utf8_is_repaired_and_not_lost),
        cmocka_unit_test(the_summary_of_a_rebase_says_the_same_words_always),
        cmocka_unit_test(the_summary_of_other_verbs_is_the_union_of_what_happens),
        cmocka_unit_test(a_plan_shows_decisions_reasons_and_fates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
