/* Paging. */
#include "cmocka_prelude.h"

#include "foundation/error.h"
#include "http/page.h"

static int compare(gconstpointer element, const char *cursor)
{
    return g_strcmp0(element, cursor);
}

static GPtrArray *letters(void)
{
    static const char *const all[] = {"b", "d", "f", "h", "j"};
    GPtrArray *array = g_ptr_array_new();
    for (guint i = 0; i < G_N_ELEMENTS(all); i++)
        g_ptr_array_add(array, (gpointer)all[i]);
    return array;
}

static void assert_cut(guint limit, const char *after, const char *expected, gboolean more)
{
    g_autoptr(GPtrArray) array = letters();
    Page page = {.limit = limit, .after = after};
    assert_int_equal(page_cut(array, &page, compare), more);
    g_ptr_array_add(array, NULL);
    g_autofree char *joined = g_strjoinv("", (char **)array->pdata);
    assert_string_equal(joined, expected);
}

static void a_page_begins_after_the_cursor_and_ends_at_the_limit(void **state)
{
    (void)state;
    assert_cut(10, NULL, "bdfhj", FALSE);
    assert_cut(5, NULL, "bdfhj", FALSE);
    assert_cut(4, NULL, "bdfh", TRUE);
    assert_cut(2, "b", "df", TRUE);
    assert_cut(2, "f", "hj", FALSE);
    assert_cut(2, "a", "bd", TRUE);
    assert_cut(2, "e", "fh", TRUE);
    assert_cut(2, "j", "", FALSE);
    assert_cut(2, "z", "", FALSE);
}

static gboolean reads(const char *limit, const char *after, Page *page)
{
    g_autoptr(HttpRequest) request = http_request_new("GET", "/x");
    if (limit)
        g_hash_table_insert(request->query, g_strdup("limit"), g_strdup(limit));
    if (after)
        g_hash_table_insert(request->query, g_strdup("after"), g_strdup(after));
    return page_read(request, page, NULL);
}

static void limits_are_bounded(void **state)
{
    (void)state;
    Page page;
    assert_true(reads(NULL, NULL, &page));
    assert_int_equal(page.limit, PAGE_LIMIT_DEFAULT);
    assert_null(page.after);
    assert_true(reads("10000", "x", &page));
    assert_int_equal(page.limit, 10000);
    static const char *const bad[] = {
        "0", "10001", "-1", "+5", " 5", "5 ", "0x5", "", "99999999999999999999"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(reads(bad[i], NULL, &page));
    assert_false(reads("5", "", &page));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_begins_after_the_cursor_and_ends_at_the_limit),
        cmocka_unit_test(limits_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
