/*
 * Implements the XML reader.
 *
 * The input is libvirt's own serialisation, so this is strict rather than complete: whatever is not
 * plainly well-formed is BROKEN, and the caller refuses the start instead of guessing.
 */
#include "hook/xml_reader.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool ends_name(char c)
{
    return is_space(c) || c == '>' || c == '/' || c == '=' || c == '<' || c == '"' || c == '\'' ||
           c == '&' || c == '\0';
}

bool slice_equals(Slice slice, const char *text)
{
    return strlen(text) == slice.length && memcmp(slice.at, text, slice.length) == 0;
}

static bool same_slice(Slice left, Slice right)
{
    return left.length == right.length && memcmp(left.at, right.at, left.length) == 0;
}

void xml_reader_init(XmlReader *reader, const char *xml, size_t length)
{
    memset(reader, 0, sizeof *reader);
    reader->next = xml;
    reader->end = xml + length;
    reader->kind = XML_TEXT;
}

static XmlKind broken(XmlReader *reader, const char *problem)
{
    reader->problem = problem;
    reader->kind = XML_BROKEN;
    return XML_BROKEN;
}

static bool starts_with(const XmlReader *reader, const char *text)
{
    size_t length = strlen(text);
    return (size_t)(reader->end - reader->next) >= length &&
           memcmp(reader->next, text, length) == 0;
}

static void skip_space(XmlReader *reader)
{
    while (reader->next < reader->end && is_space(*reader->next))
        reader->next++;
}

static Slice take_name(XmlReader *reader)
{
    Slice name = {reader->next, 0};
    while (reader->next < reader->end && !ends_name(*reader->next))
        reader->next++;
    name.length = (size_t)(reader->next - name.at);
    return name;
}

/* Moves behind `closing`; what lies before it goes to *inside_out. */
static bool take_until(XmlReader *reader, const char *closing, Slice *inside_out)
{
    const char *found =
        memmem(reader->next, (size_t)(reader->end - reader->next), closing, strlen(closing));
    if (!found)
        return false;
    *inside_out = (Slice){reader->next, (size_t)(found - reader->next)};
    reader->next = found + strlen(closing);
    return true;
}

static bool take_value(XmlReader *reader, Slice *value_out)
{
    if (reader->next == reader->end || (*reader->next != '"' && *reader->next != '\''))
        return false;
    const char quote[2] = {*reader->next++, '\0'};
    return take_until(reader, quote, value_out) && !memchr(value_out->at, '<', value_out->length);
}

static bool take_attribute(XmlReader *reader)
{
    if (reader->attribute_count == XML_ATTRIBUTE_LIMIT)
        return false;
    XmlAttribute attribute = {.name = take_name(reader)};
    skip_space(reader);
    if (attribute.name.length == 0 || reader->next == reader->end || *reader->next++ != '=')
        return false;
    skip_space(reader);
    if (!take_value(reader, &attribute.value))
        return false;
    for (size_t i = 0; i < reader->attribute_count; i++)
        if (same_slice(reader->attributes[i].name, attribute.name))
            return false;
    reader->attributes[reader->attribute_count++] = attribute;
    return true;
}

/* Consumes ">" or "/>". */
static bool take_tag_end(XmlReader *reader)
{
    reader->pending_close = starts_with(reader, "/>");
    if (!reader->pending_close && !starts_with(reader, ">"))
        return false;
    reader->next += reader->pending_close ? 2 : 1;
    return true;
}

static bool at_tag_end(const XmlReader *reader)
{
    return reader->next == reader->end || *reader->next == '>' || *reader->next == '/';
}

static XmlKind read_open(XmlReader *reader)
{
    reader->attribute_count = 0;
    reader->name = take_name(reader);
    if (reader->name.length == 0)
        return broken(reader, "a tag without a name");
    if (reader->depth == XML_DEPTH_LIMIT)
        return broken(reader, "too deep");
    for (skip_space(reader); !at_tag_end(reader); skip_space(reader))
        if (!take_attribute(reader))
            return broken(reader, "a broken attribute");
    if (!take_tag_end(reader))
        return broken(reader, "a tag that does not end");
    reader->open[reader->depth++] = reader->name;
    return reader->kind = XML_OPEN;
}

/* The element stays counted in `depth` until the piece after its CLOSE is asked for. */
static XmlKind read_close(XmlReader *reader)
{
    reader->next += 2;
    reader->name = take_name(reader);
    skip_space(reader);
    if (reader->next == reader->end || *reader->next++ != '>')
        return broken(reader, "a closing tag that does not end");
    if (reader->depth == 0 || !same_slice(reader->open[reader->depth - 1], reader->name))
        return broken(reader, "a closing tag that fits no open one");
    return reader->kind = XML_CLOSE;
}

static XmlKind read_cdata(XmlReader *reader)
{
    reader->next += strlen("<![CDATA[");
    reader->is_cdata = true;
    if (!take_until(reader, "]]>", &reader->text))
        return broken(reader, "a CDATA section that does not end");
    return reader->kind = XML_TEXT;
}

static XmlKind read_skipped(XmlReader *reader, const char *opening, const char *closing)
{
    Slice ignored;
    reader->next += strlen(opening);
    if (!take_until(reader, closing, &ignored))
        return broken(reader, "a comment or instruction that does not end");
    reader->text = (Slice){reader->next, 0};
    return reader->kind = XML_TEXT;
}

static XmlKind read_markup(XmlReader *reader)
{
    if (starts_with(reader, "<!--"))
        return read_skipped(reader, "<!--", "-->");
    if (starts_with(reader, "<?"))
        return read_skipped(reader, "<?", "?>");
    if (starts_with(reader, "<![CDATA["))
        return read_cdata(reader);
    if (starts_with(reader, "<!"))
        return broken(reader, "a document type");
    if (starts_with(reader, "</"))
        return read_close(reader);
    reader->next++;
    return read_open(reader);
}

static XmlKind read_text(XmlReader *reader)
{
    size_t left = (size_t)(reader->end - reader->next);
    const char *tag = memchr(reader->next, '<', left);
    reader->text = (Slice){reader->next, tag ? (size_t)(tag - reader->next) : left};
    reader->next += reader->text.length;
    return reader->kind = XML_TEXT;
}

static XmlKind close_empty_element(XmlReader *reader)
{
    reader->pending_close = false;
    return reader->kind = XML_CLOSE;
}

XmlKind xml_reader_next(XmlReader *reader)
{
    if (reader->kind == XML_END || reader->kind == XML_BROKEN)
        return reader->kind;
    if (reader->kind == XML_CLOSE)
        reader->depth--;
    reader->is_cdata = false;
    if (reader->pending_close)
        return close_empty_element(reader);
    if (reader->next == reader->end && reader->depth > 0)
        return broken(reader, "it ends in the middle");
    if (reader->next == reader->end)
        return reader->kind = XML_END;
    return *reader->next == '<' ? read_markup(reader) : read_text(reader);
}

const XmlAttribute *xml_reader_attribute(const XmlReader *reader, const char *name)
{
    for (size_t i = 0; i < reader->attribute_count; i++)
        if (slice_equals(reader->attributes[i].name, name))
            return &reader->attributes[i];
    return NULL;
}

/* --- entities
 * --------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    char character;
} named_entities[] = {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"apos", '\''}, {"quot", '"'}};

/* The number behind "#" or "#x"; 0 where it is none or no character. */
static uint32_t reference_value(Slice digits)
{
    uint32_t base = digits.length > 0 && digits.at[0] == 'x' ? 16 : 10, value = 0;
    size_t start = base == 16 ? 1 : 0;
    for (size_t i = start; i < digits.length; i++) {
        char c = digits.at[i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit >= base || (value = value * base + digit) > 0x10ffff)
            return 0;
    }
    return value >= 0xd800 && value <= 0xdfff ? 0 : value;
}

static size_t put_utf8(char *out, uint32_t value)
{
    static const struct {
        uint32_t limit;
        unsigned char lead;
    } sizes[] = {{0x80, 0}, {0x800, 0xc0}, {0x10000, 0xe0}, {0x110000, 0xf0}};
    size_t more = 0;
    while (value >= sizes[more].limit)
        more++;
    out[0] = (char)(sizes[more].lead | (value >> (6 * more)));
    for (size_t i = 1; i <= more; i++)
        out[i] = (char)(0x80 | ((value >> (6 * (more - i))) & 0x3f));
    return more + 1;
}

/* Bytes put to `out`: at most as many as the entity has itself. 0: unknown. */
static size_t put_entity(char *out, Slice name)
{
    if (name.length > 1 && name.at[0] == '#') {
        uint32_t value = reference_value((Slice){name.at + 1, name.length - 1});
        return value ? put_utf8(out, value) : 0;
    }
    for (size_t i = 0; i < sizeof named_entities / sizeof *named_entities; i++)
        if (slice_equals(name, named_entities[i].name)) {
            *out = named_entities[i].character;
            return 1;
        }
    return 0;
}

/* Decodes into `out`, which has room for raw.length + 1 bytes. */
static bool decode_into(Slice raw, char *out)
{
    const char *end = raw.at + raw.length;
    for (const char *at = raw.at; at < end; at++) {
        if (*at == '\0')
            return false;
        if (*at != '&') {
            *out++ = *at;
            continue;
        }
        const char *stop = memchr(at, ';', (size_t)(end - at));
        size_t put = stop ? put_entity(out, (Slice){at + 1, (size_t)(stop - at - 1)}) : 0;
        if (put == 0)
            return false;
        out += put;
        at = stop;
    }
    *out = '\0';
    return true;
}

char *xml_decode(Slice raw)
{
    char *text = malloc(raw.length + 1);
    if (text && decode_into(raw, text))
        return text;
    free(text);
    return NULL;
}
