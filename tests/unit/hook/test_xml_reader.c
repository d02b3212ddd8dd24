/* The XML reader: pieces in order, entities, and what is refused. */
#include "hook/xml_reader.h"
#include "scratch.h"

#include <stdlib.h>
#include <string.h>

static void reads_pieces_in_order(void **state)
{
    (void)state;
    static const char xml[] =
        "<?xml version='1.0'?><a x='1' y=\"it's\"><!-- <b> --><b/>t&lt;<![CDATA[<z>]]></a >\n";
    XmlReader *reader = calloc(1, sizeof *reader);
    xml_reader_init(reader, xml, strlen(xml));
    assert_int_equal(xml_reader_next(reader), XML_TEXT); /* the instruction reads as empty text */
    assert_int_equal(reader->text.length, 0);
    assert_int_equal(xml_reader_next(reader), XML_OPEN);
    assert_true(slice_equals(reader->name, "a"));
    assert_int_equal(reader->depth, 1);
    assert_true(slice_equals(xml_reader_attribute(reader, "y")->value, "it's"));
    assert_null(xml_reader_attribute(reader, "z"));
    assert_int_equal(xml_reader_next(reader), XML_TEXT);
    assert_int_equal(xml_reader_next(reader), XML_OPEN);
    assert_int_equal(reader->depth, 2);
    assert_int_equal(xml_reader_next(reader), XML_CLOSE);
    assert_true(slice_equals(reader->name, "b"));
    assert_int_equal(xml_reader_next(reader), XML_TEXT);
    assert_int_equal(reader->depth, 1);
    assert_true(slice_equals(reader->text, "t&lt;"));
    assert_int_equal(xml_reader_next(reader), XML_TEXT);
    assert_true(reader->is_cdata);
    assert_true(slice_equals(reader->text, "<z>"));
    assert_int_equal(xml_reader_next(reader), XML_CLOSE);
    assert_int_equal(xml_reader_next(reader), XML_TEXT);
    assert_int_equal(xml_reader_next(reader), XML_END);
    assert_int_equal(xml_reader_next(reader), XML_END);
    free(reader);
}

static void decodes_entities_and_refuses_unknown_ones(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *decoded;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"&lt;&gt;&amp;&apos;&quot;", "<>&'\""},
        {"&amp;lt;", "&lt;"},
        {"&#65;&#x42;&#xe9;&#x20AC;&#x1f600;", "AB\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"&#0;", NULL},
        {"&#x110000;", NULL},
        {"&#xd800;", NULL},
        {"&#;", NULL},
        {"&#x;", NULL},
        {"&#6a;", NULL},
        {"&#99999999999999999999;", NULL},
        {"&nbsp;", NULL},
        {"&;", NULL},
        {"&", NULL},
        {"&amp", NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *decoded = xml_decode((Slice){cases[i].raw, strlen(cases[i].raw)});
        if (cases[i].decoded)
            assert_string_equal(decoded, cases[i].decoded);
        else
            assert_null(decoded);
        free(decoded);
    }
    assert_null(xml_decode((Slice){"a\0b", 3}));
}

static XmlKind read_to_the_end(XmlReader *reader, const char *xml)
{
    xml_reader_init(reader, xml, strlen(xml));
    XmlKind kind;
    do
        kind = xml_reader_next(reader);
    while (kind != XML_END && kind != XML_BROKEN);
    return kind;
}

static void refuses_what_is_not_well_formed(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "<a>",
        "<a></b>",
        "</a>",
        "<a",
        "<a b>",
        "<a b=>",
        "<a b='1>",
        "<a b=1>",
        "<a b='1' b='2'/>",
        "<a b='<'/>",
        "<a/",
        "<!DOCTYPE a>",
        "<a><!--</a>",
        "<a><![CDATA[x</a>",
        "< a/>",
        "<a></a",
        "<a></a b>",
        "<?xml",
        "<a='x'/>",
        "<a / b='x'>",
    };
    XmlReader *reader = calloc(1, sizeof *reader);
    for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
        if (read_to_the_end(reader, broken[i]) != XML_BROKEN)
            fail_msg("'%s' was read without complaint", broken[i]);
        assert_non_null(reader->problem);
    }
    free(reader);
}

static void bounds_depth_and_attributes(void **state)
{
    (void)state;
    XmlReader *reader = calloc(1, sizeof *reader);
    g_autoptr(GString) deep = g_string_new(NULL);
    for (int i = 0; i < XML_DEPTH_LIMIT; i++)
        g_string_append(deep, "<a>");
    for (int i = 0; i < XML_DEPTH_LIMIT; i++)
        g_string_append(deep, "</a>");
    assert_int_equal(read_to_the_end(reader, deep->str), XML_END);
    g_string_prepend(deep, "<a>");
    g_string_append(deep, "</a>");
    assert_int_equal(read_to_the_end(reader, deep->str), XML_BROKEN);
    g_autoptr(GString) wide = g_string_new("<a");
    for (int i = 0; i <= XML_ATTRIBUTE_LIMIT; i++)
        g_string_append_printf(wide, " a%d=''", i);
    g_string_append(wide, "/>");
    assert_int_equal(read_to_the_end(reader, wide->str), XML_BROKEN);
    free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_pieces_in_order),
        cmocka_unit_test(decodes_entities_and_refuses_unknown_ones),
        cmocka_unit_test(refuses_what_is_not_well_formed),
        cmocka_unit_test(bounds_depth_and_attributes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
