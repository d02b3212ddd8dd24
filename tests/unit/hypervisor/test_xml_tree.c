/* Hostile and odd XML, and edits that must not disturb what is around them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "foundation/error.h"
#include "hypervisor/libvirt/xml_tree.h"

static void assert_refused(const char *text, const char *why)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(xmlDoc) document = xml_tree_parse(text, "domain", &error);
    assert_null(document);
    assert_int_equal(error_code(error), UNDERPIN_ERROR_INVALID);
    if (strstr(error->message, why) == NULL)
        fail_msg("'%s' does not say '%s'", error->message, why);
    assert_null(strchr(error->message, '\n'));
}

static void a_doctype_is_refused_before_its_entities_count(void **state)
{
    (void)state;
    assert_refused("<!DOCTYPE domain><domain/>", "DOCTYPE");
    assert_refused("<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain>&e;</domain>",
                   "DOCTYPE");
    assert_refused("<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;'>"
                   "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;'>]><domain name='&c;'/>",
                   "DOCTYPE");
    assert_refused("<!DOCTYPE d SYSTEM 'http://192.0.2.1/x.dtd'><domain/>", "DOCTYPE");
}

static void broken_xml_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_refused("", "not well-formed");
    assert_refused("<domain>\n<name>\n</domain>", "line 3");
    assert_refused("<domain>&undeclared;</domain>", "not well-formed");
    assert_refused("<domain name='\xff\xfe'/>", "not well-formed");
}

static void another_root_is_refused(void **state)
{
    (void)state;
    assert_refused("<network/>", "does not begin with <domain>");
    assert_refused("<x:domain xmlns:x='urn:x'/>", "does not begin with <domain>");
}

static void too_much_xml_is_refused(void **state)
{
    (void)state;
    g_autoptr(GString) large = g_string_new("<domain>");
    while (large->len <= XML_TREE_MAX_BYTES)
        g_string_append(large, "<a>0123456789012345678901234567890123456789</a>");
    g_string_append(large, "</domain>");
    assert_refused(large->str, "larger than");
}

static void deep_nesting_is_refused_not_a_stack_overflow(void **state)
{
    (void)state;
    g_autoptr(GString) deep = g_string_new("<domain>");
    for (int i = 0; i < 100000; i++)
        g_string_append(deep, "<a>");
    assert_refused(deep->str, "not well-formed");
}

static xmlDoc *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    xmlDoc *document = xml_tree_parse(text, "domain", &error);
    assert_null(error);
    return document;
}

static void text_and_attributes_are_escaped(void **state)
{
    (void)state;
    g_autoptr(xmlDoc) document = parse("<domain><name/></domain>");
    xmlNode *root = xmlDocGetRootElement(document);
    xml_content_set(xml_first(root, "name"), "<a> & \"b\"");
    xml_attribute_set(root, "type", "'&<\">");
    g_autofree char *text = xml_tree_text(document);
    g_autoptr(xmlDoc) again = parse(text);
    g_autofree char *name = xml_content(xml_first(xmlDocGetRootElement(again), "name"));
    g_autofree char *type = xml_attribute(xmlDocGetRootElement(again), "type");
    assert_string_equal(name, "<a> & \"b\"");
    assert_string_equal(type, "'&<\">");
}

static void elements_of_other_namespaces_are_not_found_by_libvirts_names(void **state)
{
    (void)state;
    g_autoptr(xmlDoc) document =
        parse("<domain xmlns:x='urn:x'><x:name>theirs</x:name><name>ours</name></domain>");
    xmlNode *root = xmlDocGetRootElement(document);
    g_autofree char *name = xml_content(xml_first(root, "name"));
    assert_string_equal(name, "ours");
    xml_remove_all(root, "name");
    g_autofree char *text = xml_tree_text(document);
    assert_non_null(strstr(text, "<x:name>theirs</x:name>"));
}

static void edits_keep_the_indentation(void **state)
{
    (void)state;
    g_autoptr(xmlDoc) document = parse("<domain>\n  <a>\n    <b/>\n  </a>\n  <c/>\n</domain>");
    xmlNode *root = xmlDocGetRootElement(document);
    xml_append_new(xml_first(root, "a"), "new");
    xml_append_new(xml_append_new(root, "d"), "e");
    xml_insert_after(xml_first(root, "a"), xmlNewDocNode(document, NULL, BAD_CAST "f", NULL));
    xml_remove(xml_first(root, "c"));
    g_autofree char *text = xml_tree_text(document);
    assert_string_equal(text, "<domain>\n  <a>\n    <b/>\n    <new/>\n  </a>\n  <f/>\n  <d>\n"
                              "    <e/>\n  </d>\n</domain>\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_doctype_is_refused_before_its_entities_count),
        cmocka_unit_test(broken_xml_is_refused_with_its_line),
        cmocka_unit_test(another_root_is_refused),
        cmocka_unit_test(too_much_xml_is_refused),
        cmocka_unit_test(deep_nesting_is_refused_not_a_stack_overflow),
        cmocka_unit_test(text_and_attributes_are_escaped),
        cmocka_unit_test(elements_of_other_namespaces_are_not_found_by_libvirts_names),
        cmocka_unit_test(edits_keep_the_indentation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
