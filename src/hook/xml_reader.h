/* A small pull reader for XML as libvirt writes it: tags, attributes and text; no document types,
 * no namespaces. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A borrowed piece of the input. */
typedef struct {
    const char *at;
    size_t length;
} Slice;
bool slice_equals(Slice slice, const char *text);

typedef enum { XML_OPEN, XML_CLOSE, XML_TEXT, XML_END, XML_BROKEN } XmlKind;

enum { XML_ATTRIBUTE_LIMIT = 64, XML_DEPTH_LIMIT = 1024 };

typedef struct {
    Slice name, value; /* value still has its entities */
} XmlAttribute;

typedef struct {
    const char *next, *end;
    XmlKind kind;
    Slice name; /* OPEN, CLOSE */
    Slice text; /* TEXT: raw */
    bool is_cdata;
    XmlAttribute attributes[XML_ATTRIBUTE_LIMIT]; /* OPEN */
    size_t attribute_count;
    bool pending_close; /* "<a/>" is read as OPEN and then CLOSE */
    size_t depth;       /* open elements, this one included */
    Slice open[XML_DEPTH_LIMIT];
    const char *problem; /* BROKEN: static text */
} XmlReader;

/* Borrows the input, which need not end in NUL. */
void xml_reader_init(XmlReader *reader, const char *xml, size_t length);
/* The next piece. After END or BROKEN it stays there. END comes only where every element was
 * closed. */
XmlKind xml_reader_next(XmlReader *reader);
/* The attribute `name` of the tag just opened; NULL where it has none. */
const XmlAttribute *xml_reader_attribute(const XmlReader *reader, const char *name);
/* Resolves the five named entities and character references; caller frees. NULL where one is
 * unknown, stands for NUL or is no character. */
char *xml_decode(Slice raw);
