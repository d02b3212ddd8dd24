/* Requests: what is taken, what is refused and why, and that nothing is lost between struct and
 * JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "foundation/error.h"
#include "model/request.h"

static Request *parse(const char *text, GError **error)
{
    json_error_t problem;
    json_t *json = json_loads(text, 0, &problem);
    if (json == NULL)
        fail_msg("%s in %s", problem.text, text);
    Request *request = request_from_json(json, error);
    json_decref(json);
    return request;
}

static const char *const good[] = {
    "{\"verb\": \"import\", \"machines\": [\"a\"], \"domain\": \"win 10\"}",
    "{\"verb\": \"import\", \"machines\": [\"a\"], \"domain\": \"d\", \"flatten\": true, \"disks\":"
    " [{\"target\": \"vda\", \"role\": \"system\"}, {\"target\": \"vdb\", \"role\": \"data\"}]}",
    "{\"verb\": \"import\", \"machines\": [\"a\"], \"memory_mib\": 2048, \"cpus\": 2, \"disks\":"
    " [{\"path\": \"/v/a.qcow2\", \"role\": \"system\"}, {\"capacity_bytes\": 1048576}]}",
    "{\"verb\": \"prepare\", \"machines\": [\"a\"], \"shutdown_first\": true, \"checklist\": "
    "{\"tpm\": \"no\"}}",
    "{\"verb\": \"unprepare\", \"machines\": [\"a\"], \"force\": true}",
    "{\"verb\": \"clone\", \"machines\": [\"base\", \"a\", \"b\"]}",
    "{\"verb\": \"clone\", \"machines\": [\"base\"], \"count\": 50, \"name_pattern\": \"lab-{n}\"}",
    "{\"verb\": \"clone\", \"machines\": [\"base\"], \"count\": 1, \"name_pattern\": \"lab\"}",
    "{\"verb\": \"start\", \"machines\": [\"a\", \"b\"]}",
    "{\"verb\": \"start\", \"all_of\": \"base\", \"match\": \"lab-*\", \"limit\": 5}",
    "{\"verb\": \"shutdown\", \"machines\": [\"a\"], \"grace_seconds\": 0}",
    "{\"verb\": \"poweroff\", \"machines\": [\"a\"]}",
    "{\"verb\": \"reboot\", \"all_of\": \"base\"}",
    "{\"verb\": \"restore\", \"machines\": [\"a\"], \"running\": \"force\", \"grace_seconds\": 30}",
    "{\"verb\": \"rebase\", \"all_of\": \"v1\", \"onto\": \"v2\", \"even_held\": true, "
    "\"new_hardware\": true}",
    "{\"verb\": \"rebase\", \"machines\": [\"a\"], \"onto\": \"v2\", \"running\": null}",
    "{\"verb\": \"undo\", \"machines\": [\"a\"]}",
    "{\"verb\": \"hold\", \"machines\": [\"a\"], \"reason\": \"exam on \\u00e4\"}",
    "{\"verb\": \"release\", \"all_of\": \"v1\"}",
    "{\"verb\": \"detach\", \"machines\": [\"a\", \"b\"]}",
    "{\"verb\": \"remove\", \"machines\": [\"a\"], \"keep_data\": true, \"yes\": true}",
    "{\"verb\": \"export\", \"machines\": [\"a\"]}",
    "{\"verb\": \"volume-add\", \"machines\": [\"a\"], \"disks\": [{\"capacity_bytes\": 1048576, "
    "\"role\": \"data\"}]}",
    "{\"verb\": \"volume-attach\", \"machines\": [\"a\"], \"volume\": \"0123456789abcdef\"}",
    "{\"verb\": \"volume-set-role\", \"machines\": [\"a\"], \"volume\": \"vda\", \"role\": "
    "\"system\"}",
    "{\"verb\": \"volume-resize\", \"machines\": [\"a\"], \"volume\": \"vda\", \"capacity_bytes\": "
    "2097152}",
    "{\"verb\": \"backup\", \"path\": \"/root/b.sqlite\"}",
    "{\"verb\": \"repair\"}",
    "{\"verb\": \"reclaim\"}",
    "{\"verb\": \"flatten\", \"layer\": \"0123456789abcdef-vda\"}",
    "{\"verb\": \"purge\", \"machines\": [\"a\", \"b\"]}",
    "{\"verb\": \"purge\", \"volume\": \"0123456789abcdef\"}",
    "{\"verb\": \"purge\", \"trash\": true}",
    "{\"verb\": \"forget\", \"all_of\": \"b\", \"match\": \"lab-*\"}",
};

/* What is wrong, and the words that name it. */
static const struct {
    const char *text, *words;
} bad[] = {
    {"[]", "JSON object"},
    {"{}", "'verb' is missing"},
    {"{\"verb\": 3}", "'verb' must be a string"},
    {"{\"verb\": \"explode\"}", "'explode'"},
    {"{\"verb\": \"restore\", \"machines\": [\"a\"], \"colour\": 1}", "unknown field 'colour'"},
    {"{\"verb\": \"restore\", \"machines\": [\"a\"], \"idempotency_key\": \"k\"}",
     "'idempotency_key'"},
    {"{\"verb\": \"restore\"}", "'machines' or field 'all_of'"},
    {"{\"verb\": \"purge\"}", "'machines', 'volume' and 'trash'"},
    {"{\"verb\": \"purge\", \"machines\": [\"a\"], \"trash\": true}",
     "'machines', 'volume' and 'trash'"},
    {"{\"verb\": \"forget\"}", "'machines' or field 'all_of'"},
    {"{\"verb\": \"restore\", \"machines\": []}", "'machines' or field 'all_of'"},
    {"{\"verb\": \"restore\", \"machines\": \"a\"}", "'machines' must be an array"},
    {"{\"verb\": \"restore\", \"machines\": [1]}", "'machines' must be a string"},
    {"{\"verb\": \"restore\", \"machines\": [\"a/b\"]}", "'machines'"},
    {"{\"verb\": \"restore\", \"machines\": [\"a\\u0000b\"]}", "'machines'"},
    {"{\"verb\": \"restore\", \"machines\": [\"a\", \"a\"]}", "'a' twice"},
    {"{\"verb\": \"restore\", \"machines\": [\"a\"], \"all_of\": \"b\"}", "not both"},
    {"{\"verb\": \"restore\", \"machines\": [\"a\"], \"match\": \"x*\"}", "'match' narrows"},
    {"{\"verb\": \"restore\", \"machines\": [\"a\"], \"onto\": \"b\"}",
     "'onto' means nothing for restore"},
    {"{\"verb\": \"restore\", \"machines\": [\"a\"], \"running\": \"maybe\"}", "'running'"},
    {"{\"verb\": \"restore\", \"machines\": [\"a\"], \"grace_seconds\": -1}", "'grace_seconds'"},
    {"{\"verb\": \"restore\", \"machines\": [\"a\"], \"grace_seconds\": 1.5}",
     "'grace_seconds' must be a whole"},
    {"{\"verb\": \"restore\", \"machines\": [\"a\"], \"limit\": 10001}", "'limit'"},
    {"{\"verb\": \"restore\", \"machines\": [\"a\"], \"force\": 1}",
     "'force' must be true or false"},
    {"{\"verb\": \"rebase\", \"all_of\": \"v1\"}", "needs field 'onto'"},
    {"{\"verb\": \"clone\", \"machines\": [\"base\"]}", "'name_pattern'"},
    {"{\"verb\": \"clone\", \"machines\": [\"base\"], \"count\": 2, \"name_pattern\": \"lab\"}",
     "no {n}"},
    {"{\"verb\": \"clone\", \"machines\": [\"base\"], \"name_pattern\": \"lab-{n}\"}", "'count'"},
    {"{\"verb\": \"clone\", \"machines\": [\"base\"], \"count\": 10001, \"name_pattern\": "
     "\"l{n}\"}",
     "'count'"},
    {"{\"verb\": \"clone\", \"machines\": [\"base\"], \"count\": 2, \"name_pattern\": \"a b{n}\"}",
     "'name_pattern'"},
    {"{\"verb\": \"clone\", \"machines\": [\"base\", \"a\"], \"count\": 2, \"name_pattern\": "
     "\"l{n}\"}",
     "not both"},
    {"{\"verb\": \"import\", \"machines\": [\"a\"]}", "'domain' or field 'disks'"},
    {"{\"verb\": \"import\", \"machines\": [\"a\", \"b\"], \"domain\": \"d\"}",
     "one machine at a time"},
    {"{\"verb\": \"import\", \"machines\": [\"a\"], \"domain\": \"d\", \"cpus\": 2}", "'cpus'"},
    {"{\"verb\": \"import\", \"machines\": [\"a\"], \"domain\": \"d\", \"disks\": [{\"target\": "
     "\"vda\"}]}",
     "'role'"},
    {"{\"verb\": \"import\", \"machines\": [\"a\"], \"disks\": [{\"path\": \"v/a\"}]}",
     "disk 1: field 'path'"},
    {"{\"verb\": \"import\", \"machines\": [\"a\"], \"disks\": [{\"path\": \"/a\"}, {\"format\": "
     "\"raw\"}]}",
     "disk 2"},
    {"{\"verb\": \"import\", \"machines\": [\"a\"], \"disks\": [{\"path\": \"/a\", \"format\": "
     "\"zip\"}]}",
     "'zip'"},
    {"{\"verb\": \"import\", \"machines\": [\"a\"], \"disks\": [{\"path\": \"/a\", \"target\": "
     "\"../x\"}]}",
     "'../x'"},
    {"{\"verb\": \"import\", \"machines\": [\"a\"], \"disks\": [{\"path\": \"/a\", \"colour\": "
     "1}]}",
     "'colour'"},
    {"{\"verb\": \"import\", \"machines\": [\"a\"], \"disks\": [{\"path\": \"/a\", \"target\": "
     "\"vda\"},"
     " {\"path\": \"/b\", \"target\": \"vda\"}]}",
     "'vda' is given twice"},
    {"{\"verb\": \"import\", \"machines\": [\"a\"], \"disks\": [3]}", "'disks' must hold objects"},
    {"{\"verb\": \"remove\", \"machines\": [\"a\"], \"keep_data\": true, \"now\": true}",
     "exclude each other"},
    {"{\"verb\": \"remove\", \"all_of\": \"base\"}", "'machines'"},
    {"{\"verb\": \"volume-add\", \"machines\": [\"a\"], \"disks\": [{\"capacity_bytes\": "
     "1048576}]}",
     "'role'"},
    {"{\"verb\": \"volume-add\", \"machines\": [\"a\"], \"disks\": [{\"role\": \"data\"}]}",
     "'capacity_bytes'"},
    {"{\"verb\": \"volume-add\", \"machines\": [\"a\"], \"disks\": [{\"path\": \"/x\", \"role\": "
     "\"data\","
     " \"capacity_bytes\": 512}]}",
     "'/x' exists"},
    {"{\"verb\": \"volume-resize\", \"machines\": [\"a\"], \"volume\": \"vda\", "
     "\"capacity_bytes\": 1000}",
     "512"},
    {"{\"verb\": \"volume-resize\", \"machines\": [\"a\"], \"volume\": \"vda\"}",
     "'capacity_bytes'"},
    {"{\"verb\": \"volume-resize\", \"machines\": [\"a\"], \"volume\": \"vda\","
     " \"capacity_bytes\": 1125899906842625}",
     "'capacity_bytes'"},
    {"{\"verb\": \"volume-set-role\", \"machines\": [\"a\"], \"volume\": \"vda\", \"role\": "
     "\"spare\"}",
     "'role'"},
    {"{\"verb\": \"backup\", \"path\": \"b.sqlite\"}", "'path'"},
    {"{\"verb\": \"backup\"}", "'path'"},
    {"{\"verb\": \"hold\", \"machines\": [\"a\"], \"reason\": \"a\\nb\"}",
     "'reason' holds a control character"},
    {"{\"verb\": \"hold\", \"machines\": [\"a\"], \"reason\": \"\"}",
     "'reason' must have 1 to 1000 bytes"},
    {"{\"verb\": \"prepare\", \"machines\": [\"a\"], \"checklist\": []}",
     "'checklist' must be an object"},
    {"{\"verb\": \"reclaim\", \"machines\": [\"a\"]}", "'machines' means nothing for reclaim"},
};

static void sensible_requests_are_taken_and_come_back_whole(void **state)
{
    (void)state;
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Request) request = parse(good[i], &error);
        if (request == NULL)
            fail_msg("%s: %s", good[i], error->message);
        json_t *json = request_to_json(request);
        g_autoptr(Request) again = request_from_json(json, NULL);
        json_t *second = request_to_json(again);
        assert_true(json_equal(json, second));
        json_decref(json);
        json_decref(second);
    }
}

static void every_verb_has_a_sensible_request_in_this_test(void **state)
{
    (void)state;
    gboolean seen[VERB_COUNT] = {FALSE};
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(Request) request = parse(good[i], NULL);
        seen[request->verb] = TRUE;
    }
    for (guint i = 0; i < VERB_COUNT; i++)
        if (!seen[i])
            fail_msg("no request of %s", verb_name((Verb)i));
}

static void senseless_requests_are_refused_by_the_name_of_the_field(void **state)
{
    (void)state;
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Request) request = NULL;
        json_t *json = json_loads(bad[i].text, JSON_ALLOW_NUL, NULL);
        assert_non_null(json);
        request = request_from_json(json, &error);
        json_decref(json);
        if (request != NULL)
            fail_msg("taken: %s", bad[i].text);
        assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
        if (strstr(error->message, bad[i].words) == NULL)
            fail_msg("%s: '%s' lacks '%s'", bad[i].text, error->message, bad[i].words);
    }
}

static void defaults_are_left_out_of_the_json(void **state)
{
    (void)state;
    g_autoptr(Request) request = request_new(VERB_RESTORE);
    request_add_machine(request, "lab-1");
    json_t *json = request_to_json(request);
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, "{\"machines\":[\"lab-1\"],\"verb\":\"restore\"}");
    free(text);
    json_decref(json);
}

static void a_request_built_by_code_meets_the_same_bounds(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    g_autoptr(Request) request = request_new(VERB_CLONE);
    request_add_machine(request, "base");
    request->name_pattern = g_strdup("lab-{n}");
    request->count = 10000;
    assert_true(request_validate(request, NULL));
    request->count = 10001;
    assert_false(request_validate(request, &error));
    assert_non_null(strstr(error->message, "'count'"));
    request->count = 2;
    g_ptr_array_add(request->machines, g_strdup("a b"));
    assert_false(request_validate(request, NULL));
}

static void a_copy_is_the_same_and_independent(void **state)
{
    (void)state;
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(Request) request = parse(good[i], NULL);
        g_autoptr(Request) copy = request_copy(request);
        assert_true(request_is_same(request, copy));
        copy->force = !copy->force;
        assert_false(request_is_same(request, copy));
    }
}

static void the_order_of_names_matters_only_for_clone(void **state)
{
    (void)state;
    g_autoptr(Request) one = parse("{\"verb\": \"restore\", \"machines\": [\"a\", \"b\"]}", NULL);
    g_autoptr(Request) other = parse("{\"verb\": \"restore\", \"machines\": [\"b\", \"a\"]}", NULL);
    assert_true(request_is_same(one, other));
    one->verb = other->verb = VERB_CLONE;
    assert_false(request_is_same(one, other));
    one->verb = VERB_RESTORE;
    assert_false(request_is_same(one, other));
}

static void an_idempotency_key_does_not_make_a_request_another(void **state)
{
    (void)state;
    g_autoptr(Request) one = parse("{\"verb\": \"restore\", \"machines\": [\"a\"]}", NULL);
    g_autoptr(Request) other = request_copy(one);
    other->idempotency_key = g_strdup("k");
    assert_true(request_is_same(one, other));
}

/* Whatever is cut, doubled or swapped in a valid body: no crash, and either a request or an error.
 */
static void mangled_bodies_are_taken_or_refused_and_nothing_else(void **state)
{
    (void)state;
    const char *given = g_getenv("UNDERPIN_SEED");
    guint32 seed = given != NULL ? (guint32)strtoul(given, NULL, 10) : g_random_int();
    printf("seed %u\n", seed);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    for (guint round = 0; round < 20000; round++) {
        g_autofree char *text = g_strdup(good[g_rand_int_range(rand, 0, G_N_ELEMENTS(good))]);
        gsize length = strlen(text);
        for (int edits = g_rand_int_range(rand, 1, 4); edits > 0; edits--)
            text[g_rand_int_range(rand, 0, (int)length)] =
                " \"{}[]:,0123abcnulltrue-"[g_rand_int_range(rand, 0, 24)];
        json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
        if (json == NULL)
            continue;
        g_autoptr(GError) error = NULL;
        g_autoptr(Request) request = request_from_json(json, &error);
        assert_true((request == NULL) == (error != NULL));
        if (request != NULL)
            assert_true(request_validate(request, NULL));
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sensible_requests_are_taken_and_come_back_whole),
        cmocka_unit_test(every_verb_has_a_sensible_request_in_this_test),
        cmocka_unit_test(senseless_requests_are_refused_by_the_name_of_the_field),
        cmocka_unit_test(defaults_are_left_out_of_the_json),
        cmocka_unit_test(a_request_built_by_code_meets_the_same_bounds),
        cmocka_unit_test(a_copy_is_the_same_and_independent),
        cmocka_unit_test(the_order_of_names_matters_only_for_clone),
        cmocka_unit_test(an_idempotency_key_does_not_make_a_request_another),
        cmocka_unit_test(mangled_bodies_are_taken_or_refused_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
