/* Problems: what an error looks like to a client. */
#include "cmocka_prelude.h"

#include <gio/gio.h>

#include "foundation/error.h"
#include "http/message.h"

static json_t *body_of(const HttpResponse *response)
{
    gsize length;
    const char *bytes = g_bytes_get_data(response->body, &length);
    json_t *json = json_loadb(bytes, length, 0, NULL);
    assert_non_null(json);
    return json;
}

static void assert_member(const json_t *json, const char *name, const char *expected)
{
    const char *text = json_string_value(json_object_get(json, name));
    if (expected)
        assert_string_equal(text, expected);
    else
        assert_null(text);
}

static void an_error_keeps_its_code_message_and_hint(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    error_set(&error, UNDERPIN_ERROR_NOT_FOUND, "see 'underpin list'", "no machine '%s'", "x");
    g_autoptr(HttpResponse) response = http_response_problem(error);
    json_t *json = body_of(response);
    assert_int_equal(response->status, 404);
    assert_string_equal(response->content_type, "application/problem+json");
    assert_member(json, "title", "Not Found");
    assert_member(json, "code", "not-found");
    assert_member(json, "detail", "no machine 'x'");
    assert_member(json, "hint", "see 'underpin list'");
    json_decref(json);
}

static void every_code_has_a_title_of_its_own_kind(void **state)
{
    (void)state;
    for (guint code = 0; code < UNDERPIN_ERROR_COUNT; code++) {
        g_autoptr(GError) error = NULL;
        error_set(&error, (UnderpinErrorCode)code, NULL, "x");
        g_autoptr(HttpResponse) response = http_response_problem(error);
        json_t *json = body_of(response);
        assert_int_equal(json_integer_value(json_object_get(json, "status")), response->status);
        const char *title = json_string_value(json_object_get(json, "title"));
        assert_string_not_equal(title, "Refused");
        assert_string_not_equal(title, "Failed");
        json_decref(json);
    }
}

static void errors_of_libraries_show_no_text_of_theirs(void **state)
{
    (void)state;
    g_autoptr(GError) error = g_error_new(G_IO_ERROR, G_IO_ERROR_FAILED, "0x7ffe: internal");
    g_autoptr(HttpResponse) response = http_response_problem(error);
    json_t *json = body_of(response);
    assert_true(response->status >= 500);
    assert_member(json, "detail", "the daemon failed at this request");
    json_decref(json);
}

static void messages_with_broken_bytes_still_arrive(void **state)
{
    (void)state;
    g_autoptr(GError) error = NULL;
    error_set(&error, UNDERPIN_ERROR_INVALID, NULL, "name '%s'", "a\xff");
    g_autoptr(HttpResponse) response = http_response_problem(error);
    json_t *json = body_of(response);
    assert_member(json, "detail", "name 'a\xef\xbf\xbd'");
    assert_member(json, "hint", NULL);
    json_decref(json);
}

static void booleans_in_a_query_are_words(void **state)
{
    (void)state;
    g_autoptr(HttpRequest) request = http_request_new("GET", "/x");
    gboolean set = TRUE, value = TRUE;
    assert_true(http_request_query_boolean(request, "pending", &set, &value, NULL));
    assert_false(set);
    g_hash_table_insert(request->query, g_strdup("pending"), g_strdup("true"));
    assert_true(http_request_query_boolean(request, "pending", &set, &value, NULL));
    assert_true(set && value);
    g_hash_table_insert(request->query, g_strdup("pending"), g_strdup("1"));
    set = FALSE;
    assert_false(http_request_query_boolean(request, "pending", &set, &value, NULL));
    assert_false(set);
}

static void header_names_have_no_case_and_the_first_counts(void **state)
{
    (void)state;
    g_autoptr(HttpRequest) request = http_request_new("GET", "/x");
    http_request_add_header(request, "X-Csrf-TOKEN", "one");
    http_request_add_header(request, "x-csrf-token", "two");
    assert_string_equal(http_request_header(request, "X-CSRF-Token"), "one");
    assert_null(http_request_header(request, "Origin"));
}

static void an_answer_may_have_several_headers_of_a_name(void **state)
{
    (void)state;
    g_autoptr(HttpResponse) response = http_response_json(200, json_object());
    assert_null(http_response_header(response, "Set-Cookie"));
    http_response_add_header(response, "Set-Cookie", "a=1");
    http_response_add_header(response, "Set-Cookie", "b=2");
    assert_string_equal(http_response_header(response, "set-cookie"), "a=1");
    assert_int_equal(response->headers->len, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_keeps_its_code_message_and_hint),
        cmocka_unit_test(every_code_has_a_title_of_its_own_kind),
        cmocka_unit_test(errors_of_libraries_show_no_text_of_theirs),
        cmocka_unit_test(messages_with_broken_bytes_still_arrive),
        cmocka_unit_test(booleans_in_a_query_are_words),
        cmocka_unit_test(header_names_have_no_case_and_the_first_counts),
        cmocka_unit_test(an_answer_may_have_several_headers_of_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
