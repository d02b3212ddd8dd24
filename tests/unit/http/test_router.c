/* The router, on a table of its own. */
#include "cmocka_prelude.h"

#include <string.h>

#include "http/router.h"

static HttpResponse *handle(const Api *api, const HttpRequest *request, GError **error)
{
    (void)api;
    (void)request;
    (void)error;
    return NULL;
}

static const Route routes[] = {
    {"GET", "/things", handle, .query = {"limit", "after"}},
    {"POST", "/things", handle, .takes_body = TRUE},
    {"GET", "/things/{thing}", handle, .takes_body = FALSE},
    {"POST", "/things/{thing}/parts/{part}", handle, .takes_body = FALSE},
};

typedef struct {
    HttpRequest *request;
    HttpResponse *refusal;
    const Route *route;
} Match;

static Match match(const char *method, const char *target)
{
    Match result = {.request = http_request_new(method, target)};
    const char *query = strchr(target, '?');
    result.route = router_match(routes, G_N_ELEMENTS(routes), result.request,
                                query ? query + 1 : NULL, &result.refusal);
    return result;
}

static void match_clear(Match *result)
{
    http_request_free(result->request);
    http_response_free(result->refusal);
}

static void assert_refused(const char *method, const char *target, unsigned status)
{
    Match result = match(method, target);
    assert_null(result.route);
    assert_int_equal(result.refusal->status, status);
    assert_string_equal(result.refusal->content_type, "application/problem+json");
    match_clear(&result);
}

static void method_and_path_choose_the_route(void **state)
{
    (void)state;
    Match get = match("GET", "/things"), post = match("POST", "/things"),
          head = match("HEAD", "/things");
    assert_ptr_equal(get.route, &routes[0]);
    assert_ptr_equal(post.route, &routes[1]);
    assert_ptr_equal(head.route, &routes[0]);
    match_clear(&get);
    match_clear(&post);
    match_clear(&head);
}

static void parameters_are_decoded_after_the_split(void **state)
{
    (void)state;
    Match result = match("POST", "/things/a%2Fb%25/parts/%C3%A4");
    assert_ptr_equal(result.route, &routes[3]);
    assert_string_equal(result.request->parameters[0], "a/b%");
    assert_string_equal(result.request->parameters[1], "ä");
    match_clear(&result);
}

static void an_encoded_slash_does_not_make_a_segment(void **state)
{
    (void)state;
    Match result = match("GET", "/things/x%2Fparts%2Fy");
    assert_ptr_equal(result.route, &routes[2]);
    assert_string_equal(result.request->parameters[0], "x/parts/y");
    match_clear(&result);
    assert_refused("GET", "/%74hings", 404);
}

static void unknown_addresses_are_not_found(void **state)
{
    (void)state;
    assert_refused("GET", "/", 404);
    assert_refused("GET", "", 404);
    assert_refused("GET", "*", 404);
    assert_refused("GET", "/thing", 404);
    assert_refused("GET", "/things/", 404);
    assert_refused("GET", "//things", 404);
    assert_refused("GET", "/things/a/", 404);
    assert_refused("POST", "/things//parts/x", 404);
    assert_refused("GET", "http://host/things", 404);
}

static void another_method_is_told_what_is_allowed(void **state)
{
    (void)state;
    Match result = match("DELETE", "/things");
    assert_null(result.route);
    assert_int_equal(result.refusal->status, 405);
    assert_string_equal(http_response_header(result.refusal, "Allow"), "GET, HEAD, POST");
    match_clear(&result);
    result = match("GET", "/things/a/parts/b");
    assert_int_equal(result.refusal->status, 405);
    assert_string_equal(http_response_header(result.refusal, "Allow"), "POST");
    match_clear(&result);
}

static void addresses_that_cannot_be_decoded_are_invalid(void **state)
{
    (void)state;
    assert_refused("GET", "/things/%", 400);
    assert_refused("GET", "/things/a%00", 400);
    assert_refused("GET", "/things?limit=%", 400);
}

static void only_known_query_names_are_taken(void **state)
{
    (void)state;
    Match result = match("GET", "/things?limit=5&after=x");
    assert_ptr_equal(result.route, &routes[0]);
    assert_string_equal(http_request_query(result.request, "limit"), "5");
    match_clear(&result);
    result = match("GET", "/things?limti=5");
    assert_int_equal(result.refusal->status, 400);
    gsize length;
    const char *body = g_bytes_get_data(result.refusal->body, &length);
    assert_non_null(g_strstr_len(body, (gssize)length, "'limti'"));
    assert_non_null(g_strstr_len(body, (gssize)length, "limit, after"));
    match_clear(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(method_and_path_choose_the_route),
        cmocka_unit_test(parameters_are_decoded_after_the_split),
        cmocka_unit_test(an_encoded_slash_does_not_make_a_segment),
        cmocka_unit_test(unknown_addresses_are_not_found),
        cmocka_unit_test(another_method_is_told_what_is_allowed),
        cmocka_unit_test(addresses_that_cannot_be_decoded_are_invalid),
        cmocka_unit_test(only_known_query_names_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
