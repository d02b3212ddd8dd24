/* XML that others wrote: read with care, edited in place, written back with everything unknown in
 * it. */
#pragma once

#include <glib.h>
#include <libxml/tree.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/* What libvirt itself takes over its socket; nothing larger is a domain. */
#define XML_TREE_MAX_BYTES (4u * 1024 * 1024)

/*
 * Parses `text`, whose root element must be `root_name`. No network, no entities, no DOCTYPE, at
 * most XML_TREE_MAX_BYTES. INVALID otherwise. White space is kept.
 */
xmlDoc *xml_tree_parse(const char *text, const char *root_name, GError **error);
/* The document's root element as text, ending in a newline. Caller frees. */
char *xml_tree_text(xmlDoc *document);

/*
 * Only elements without a namespace are found by a name here: those are libvirt's own, others
 * belong to other people. To visit all: for (node = xml_first(parent, "disk"); node != NULL; node =
 * xml_next(node, "disk"))
 */
xmlNode *xml_first(const xmlNode *parent, const char *name);
xmlNode *xml_next(const xmlNode *node, const char *name);
/* Follows several names down, "os/nvram"; NULL where one is missing. */
xmlNode *xml_find(const xmlNode *parent, const char *path);
/* The first child of that name, appended where there is none. */
xmlNode *xml_ensure(xmlNode *parent, const char *name);

/* Caller frees; NULL where there is no such attribute. */
char *xml_attribute(const xmlNode *node, const char *name);
/* FALSE where `node` is NULL. */
gboolean xml_attribute_is(const xmlNode *node, const char *name, const char *value);
/* `value` NULL removes the attribute. */
void xml_attribute_set(xmlNode *node, const char *name, const char *value);
/* The text in a node, stripped; NULL where `node` is NULL or the text empty. Caller frees. */
char *xml_content(const xmlNode *node);
/* Replaces everything in the node. */
void xml_content_set(xmlNode *node, const char *text);

/* These keep the indentation of the document. An appended or inserted node belongs to the document.
 */
xmlNode *xml_append_new(xmlNode *parent, const char *name);
void xml_append(xmlNode *parent, xmlNode *node);
void xml_insert_after(xmlNode *sibling, xmlNode *node);
/* Unlinks and frees a node with the white space before it. NULL is fine. */
void xml_remove(xmlNode *node);
/* Removes all children of that name. */
void xml_remove_all(xmlNode *parent, const char *name);
/* Puts a deep copy of `source` (of any document) where `old` was; `old` is freed. Returns the copy.
 */
xmlNode *xml_replace_by_copy(xmlNode *old, const xmlNode *source);
/* A deep copy of `source` for the document of `parent`, appended to it. */
xmlNode *xml_append_copy(xmlNode *parent, const xmlNode *source);
