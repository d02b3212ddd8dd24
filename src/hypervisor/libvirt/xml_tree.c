/* Reading and editing of foreign XML on libxml2, without any of its ways to reach outside the text.
 */
#include "hypervisor/libvirt/xml_tree.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <string.h>

#include "foundation/error.h"

/* --- parsing ---------------------------------------------------------------------------------- */

/* Runs when a DOCTYPE begins: before any entity of it could be declared, let alone expanded. */
static void refuse_doctype(void *context, const xmlChar *name, const xmlChar *external_id,
                           const xmlChar *system_id)
{
    xmlParserCtxt *parser = context;
    (void)name, (void)external_id, (void)system_id;
    *(gboolean *)parser->_private = TRUE;
    xmlStopParser(parser);
}

static gboolean parse_failed(xmlParserCtxt *parser, gboolean has_doctype, GError **error)
{
    const char *hint = "check it with: virt-xml-validate";
    if (has_doctype)
        return error_set(error, UNDERPIN_ERROR_INVALID, "remove the DOCTYPE from the definition",
                         "the XML has a DOCTYPE, which a definition of libvirt never has");
    const xmlError *last = xmlCtxtGetLastError(parser);
    if (last == NULL || last->message == NULL)
        return error_set(error, UNDERPIN_ERROR_INVALID, hint, "the XML is not well-formed");
    g_autofree char *reason = g_strndup(last->message, strcspn(last->message, "\n"));
    return error_set(error, UNDERPIN_ERROR_INVALID, hint, "the XML is not well-formed: line %d: %s",
                     last->line, reason);
}

static xmlDoc *parse_bounded(const char *text, size_t length, GError **error)
{
    static gsize initialized;
    if (g_once_init_enter(&initialized)) {
        xmlInitParser();
        g_once_init_leave(&initialized, 1);
    }
    xmlParserCtxt *parser = xmlNewParserCtxt();
    g_assert(parser != NULL);
    gboolean has_doctype = FALSE;
    parser->_private = &has_doctype;
    parser->sax->internalSubset = refuse_doctype;
    xmlDoc *document = xmlCtxtReadMemory(parser, text, (int)length, NULL, NULL,
                                         XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    if (document == NULL || has_doctype) {
        parse_failed(parser, has_doctype, error);
        g_clear_pointer(&document, xmlFreeDoc);
    }
    xmlFreeParserCtxt(parser);
    return document;
}

xmlDoc *xml_tree_parse(const char *text, const char *root_name, GError **error)
{
    size_t length = strnlen(text, (size_t)XML_TREE_MAX_BYTES + 1);
    if (length > XML_TREE_MAX_BYTES) {
        error_set(error, UNDERPIN_ERROR_INVALID, NULL, "the XML is larger than %u bytes",
                  XML_TREE_MAX_BYTES);
        return NULL;
    }
    g_autoptr(xmlDoc) document = parse_bounded(text, length, error);
    if (document == NULL)
        return NULL;
    const xmlNode *root = xmlDocGetRootElement(document);
    if (root == NULL || root->ns != NULL || strcmp((const char *)root->name, root_name) != 0) {
        error_set(error, UNDERPIN_ERROR_INVALID, "give the output of: virsh dumpxml --inactive",
                  "the XML does not begin with <%s>", root_name);
        return NULL;
    }
    return g_steal_pointer(&document);
}

char *xml_tree_text(xmlDoc *document)
{
    xmlBuffer *buffer = xmlBufferCreate();
    g_assert(buffer != NULL);
    xmlNodeDump(buffer, document, xmlDocGetRootElement(document), 0, 0);
    char *text = g_strconcat((const char *)xmlBufferContent(buffer), "\n", NULL);
    xmlBufferFree(buffer);
    return text;
}

/* --- finding ---------------------------------------------------------------------------------- */

static xmlNode *named_from(xmlNode *node, const char *name)
{
    while (node != NULL && (node->type != XML_ELEMENT_NODE || node->ns != NULL ||
                            strcmp((const char *)node->name, name) != 0))
        node = node->next;
    return node;
}

xmlNode *xml_first(const xmlNode *parent, const char *name)
{
    return parent == NULL ? NULL : named_from(parent->children, name);
}

xmlNode *xml_next(const xmlNode *node, const char *name)
{
    return named_from(node->next, name);
}

xmlNode *xml_find(const xmlNode *parent, const char *path)
{
    g_auto(GStrv) names = g_strsplit(path, "/", -1);
    xmlNode *node = xml_first(parent, names[0]);
    for (int i = 1; names[i] != NULL && node != NULL; i++)
        node = xml_first(node, names[i]);
    return node;
}

xmlNode *xml_ensure(xmlNode *parent, const char *name)
{
    xmlNode *node = xml_first(parent, name);
    return node != NULL ? node : xml_append_new(parent, name);
}

/* --- attributes and text ---------------------------------------------------------------------- */

static char *take_text(xmlChar *text)
{
    char *copy = g_strdup((const char *)text);
    xmlFree(text);
    return copy;
}

char *xml_attribute(const xmlNode *node, const char *name)
{
    return node == NULL ? NULL : take_text(xmlGetNoNsProp(node, BAD_CAST name));
}

gboolean xml_attribute_is(const xmlNode *node, const char *name, const char *value)
{
    g_autofree char *found = xml_attribute(node, name);
    return g_strcmp0(found, value) == 0;
}

void xml_attribute_set(xmlNode *node, const char *name, const char *value)
{
    if (value != NULL)
        xmlSetProp(node, BAD_CAST name, BAD_CAST value);
    else
        xmlUnsetProp(node, BAD_CAST name);
}

char *xml_content(const xmlNode *node)
{
    if (node == NULL)
        return NULL;
    g_autofree char *text = take_text(xmlNodeGetContent(node));
    if (text == NULL || *g_strstrip(text) == '\0')
        return NULL;
    return g_steal_pointer(&text);
}

void xml_content_set(xmlNode *node, const char *text)
{
    xmlNodeSetContent(node, NULL);
    xmlNodeAddContent(node, BAD_CAST text); /* unlike SetContent this escapes */
}

/* --- changing --------------------------------------------------------------------------------- */

static gboolean is_blank_text(const xmlNode *node)
{
    return node != NULL && node->type == XML_TEXT_NODE && xmlIsBlankNode(node) == 1;
}

static xmlNode *new_line(const xmlNode *at_depth_of, int deeper)
{
    int depth = deeper;
    for (const xmlNode *node = at_depth_of; node->parent->type == XML_ELEMENT_NODE;
         node = node->parent)
        depth++;
    g_autofree char *text = g_strdup_printf("\n%*s", depth * 2, "");
    return xmlNewText(BAD_CAST text);
}

static void freshen(xmlNode *node)
{
    xmlReconciliateNs(node->doc, node);
}

void xml_insert_after(xmlNode *sibling, xmlNode *node)
{
    xmlAddNextSibling(sibling, node);
    xmlAddPrevSibling(node, new_line(sibling, 0)); /* the other order would join two texts */
    freshen(node);
}

void xml_append(xmlNode *parent, xmlNode *node)
{
    xmlNode *last = parent->last;
    if (is_blank_text(last)) { /* the line of the closing tag stays the last one */
        xmlAddPrevSibling(last, node);
        xmlAddPrevSibling(node, new_line(parent, 1));
    } else {
        xmlAddChild(parent, new_line(parent, 1));
        xmlAddChild(parent, node);
        xmlAddChild(parent, new_line(parent, 0));
    }
    freshen(node);
}

xmlNode *xml_append_new(xmlNode *parent, const char *name)
{
    xmlNode *node = xmlNewDocNode(parent->doc, NULL, BAD_CAST name, NULL);
    xml_append(parent, node);
    return node;
}

void xml_remove(xmlNode *node)
{
    if (node == NULL)
        return;
    xmlNode *before = node->prev, *parent = node->parent;
    if (is_blank_text(before)) {
        xmlUnlinkNode(before);
        xmlFreeNode(before);
    }
    xmlUnlinkNode(node);
    xmlFreeNode(node);
    if (is_blank_text(parent->children) && parent->children->next == NULL)
        xmlNodeSetContent(parent, NULL); /* nothing but the line of its closing tag is left */
}

void xml_remove_all(xmlNode *parent, const char *name)
{
    for (xmlNode *node = xml_first(parent, name); node != NULL; node = xml_first(parent, name))
        xml_remove(node);
}

xmlNode *xml_replace_by_copy(xmlNode *old, const xmlNode *source)
{
    xmlNode *copy = xmlDocCopyNode((xmlNode *)source, old->doc, 1);
    xmlReplaceNode(old, copy);
    xmlFreeNode(old);
    freshen(copy);
    return copy;
}

xmlNode *xml_append_copy(xmlNode *parent, const xmlNode *source)
{
    xmlNode *copy = xmlDocCopyNode((xmlNode *)source, parent->doc, 1);
    xml_append(parent, copy);
    return copy;
}
