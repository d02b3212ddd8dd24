/*
 * Implements the scan: one pass over the XML with a table of which element means what below which.
 *
 * Only /domain/devices/disk counts: metadata of others may hold elements with the same names, and a
 * disk's nested <source> (backing chain, mirror) must never be taken for the disk's own.
 */
#include "hook/domain_scan.h"

#include "hook/xml_reader.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_LIMIT = 4096 };

/* As hypervisor/libvirt writes it: libvirt keeps prefix and namespace on the element itself. */
static const char session_namespace[] = "https://underpin.org/domain/1/session";

typedef enum {
    PLACE_DOCUMENT,
    PLACE_OTHER,
    PLACE_DOMAIN,
    PLACE_UUID,
    PLACE_METADATA,
    PLACE_SESSION,
    PLACE_OS,
    PLACE_NVRAM,
    PLACE_NVRAM_SOURCE,
    PLACE_DEVICES,
    PLACE_DISK,
    PLACE_DISK_SOURCE,
    PLACE_CHAIN,
    PLACE_BELOW, /* inside a chain, or a mirror */
    PLACE_BELOW_SOURCE,
} Place;

static const struct {
    Place parent;
    const char *name;
    Place place;
} places[] = {
    {PLACE_DOCUMENT, "domain", PLACE_DOMAIN},
    {PLACE_DOMAIN, "uuid", PLACE_UUID},
    {PLACE_DOMAIN, "metadata", PLACE_METADATA},
    {PLACE_METADATA, "underpin:session", PLACE_SESSION},
    {PLACE_DOMAIN, "os", PLACE_OS},
    {PLACE_OS, "nvram", PLACE_NVRAM},
    {PLACE_NVRAM, "source", PLACE_NVRAM_SOURCE},
    {PLACE_DOMAIN, "devices", PLACE_DEVICES},
    {PLACE_DEVICES, "disk", PLACE_DISK},
    {PLACE_DISK, "source", PLACE_DISK_SOURCE},
    {PLACE_DISK, "backingStore", PLACE_CHAIN},
    {PLACE_DISK, "mirror", PLACE_BELOW},
    {PLACE_CHAIN, "source", PLACE_BELOW_SOURCE},
    {PLACE_CHAIN, "backingStore", PLACE_BELOW},
    {PLACE_BELOW, "source", PLACE_BELOW_SOURCE},
    {PLACE_BELOW, "backingStore", PLACE_BELOW},
};

/* One disk while it is open. Chain elements may come before or after its <source>. */
typedef struct {
    size_t first_path; /* index of the first path found in it */
    bool has_chain, has_empty_chain, has_pool;
    bool chain_is_empty; /* of the <backingStore> that is open */
} OpenDisk;

typedef struct {
    XmlReader reader;
    Place stack[XML_DEPTH_LIMIT + 1];
    OpenDisk disk;
    char *text; /* of the <uuid> or <nvram> that is open */
    size_t text_length;
    DomainScan *scan;
    const char *problem;
} Scanner;

static bool fail(Scanner *scanner, const char *problem)
{
    scanner->problem = problem;
    return false;
}

static Place place_below(Place parent, Slice name)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i].parent == parent && slice_equals(name, places[i].name))
            return places[i].place;
    return PLACE_OTHER;
}

/* Takes `path`. */
static bool add_path(Scanner *scanner, ScannedKind kind, char *path)
{
    DomainScan *scan = scanner->scan;
    ScannedPath *grown = NULL;
    if (path && scan->count < PATH_LIMIT)
        grown = realloc(scan->paths, (scan->count + 1) * sizeof *grown);
    if (!grown) {
        free(path);
        return fail(scanner, path ? "too many paths" : "a broken path");
    }
    scan->paths = grown;
    grown[scan->count++] = (ScannedPath){.kind = kind, .path = path};
    return true;
}

/* A source names its image by "file" or "dev"; an empty drive by neither. */
static bool add_source(Scanner *scanner, ScannedKind kind)
{
    static const char *const names[] = {"file", "dev", "dir"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const XmlAttribute *attribute = xml_reader_attribute(&scanner->reader, names[i]);
        if (attribute && attribute->value.length > 0 &&
            !add_path(scanner, kind, xml_decode(attribute->value)))
            return false;
    }
    if (kind == SCANNED_DISK && xml_reader_attribute(&scanner->reader, "pool"))
        scanner->disk.has_pool = true;
    return true;
}

/* Somebody else's element of that name, or a stamp that is none, is as good as no stamp. */
static void take_stamp(Scanner *scanner)
{
    const XmlAttribute *space = xml_reader_attribute(&scanner->reader, "xmlns:underpin");
    const XmlAttribute *stamp = xml_reader_attribute(&scanner->reader, "stamp");
    if (space && slice_equals(space->value, session_namespace) && stamp &&
        stamp->value.length == STAMP_LENGTH) {
        memcpy(scanner->scan->stamp, stamp->value.at, STAMP_LENGTH);
        if (strspn(scanner->scan->stamp, "0123456789abcdef") != STAMP_LENGTH)
            scanner->scan->stamp[0] = '\0';
    }
}

static bool open_element(Scanner *scanner)
{
    size_t depth = scanner->reader.depth;
    Place place = place_below(scanner->stack[depth - 1], scanner->reader.name);
    scanner->stack[depth] = place;
    if (scanner->stack[depth - 1] == PLACE_CHAIN)
        scanner->disk.chain_is_empty = false;
    switch (place) {
    case PLACE_SESSION:
        take_stamp(scanner);
        return true;
    case PLACE_DISK:
        scanner->disk = (OpenDisk){.first_path = scanner->scan->count};
        return true;
    case PLACE_CHAIN:
        scanner->disk.chain_is_empty = scanner->reader.attribute_count == 0;
        return true;
    case PLACE_DISK_SOURCE:
        return add_source(scanner, SCANNED_DISK);
    case PLACE_BELOW_SOURCE:
        return add_source(scanner, SCANNED_CHAIN);
    case PLACE_NVRAM_SOURCE:
        return add_source(scanner, SCANNED_NVRAM);
    default:
        return true;
    }
}

static void close_chain(OpenDisk *disk)
{
    if (disk->chain_is_empty)
        disk->has_empty_chain = true;
    else
        disk->has_chain = true;
}

static void close_disk(Scanner *scanner)
{
    const OpenDisk *disk = &scanner->disk;
    for (size_t i = disk->first_path; i < scanner->scan->count; i++) {
        ScannedPath *path = &scanner->scan->paths[i];
        path->has_chain = path->kind == SCANNED_DISK && disk->has_chain;
        path->has_empty_chain = path->kind == SCANNED_DISK && disk->has_empty_chain;
        path->below_pool = path->kind == SCANNED_CHAIN && disk->has_pool;
    }
}

/* The collected text without the space around it; NULL where it cannot be decoded. Caller frees. */
static char *take_text(Scanner *scanner)
{
    size_t from = 0, length = scanner->text_length;
    while (from < length && isspace((unsigned char)scanner->text[from]))
        from++;
    while (length > from && isspace((unsigned char)scanner->text[length - 1]))
        length--;
    scanner->text_length = 0;
    return xml_decode((Slice){scanner->text + from, length - from});
}

static bool close_uuid(Scanner *scanner)
{
    char *uuid = take_text(scanner);
    bool fits =
        uuid && strlen(uuid) == sizeof scanner->scan->uuid - 1 && scanner->scan->uuid[0] == '\0';
    for (size_t i = 0; fits && i < sizeof scanner->scan->uuid; i++)
        scanner->scan->uuid[i] = (char)tolower((unsigned char)uuid[i]);
    free(uuid);
    return fits || fail(scanner, "a broken uuid");
}

static bool close_nvram(Scanner *scanner)
{
    char *path = take_text(scanner);
    if (path && *path != '\0')
        return add_path(scanner, SCANNED_NVRAM, path);
    bool is_empty = path != NULL;
    free(path);
    return is_empty || fail(scanner, "a broken path");
}

static bool close_element(Scanner *scanner)
{
    switch (scanner->stack[scanner->reader.depth]) {
    case PLACE_UUID:
        return close_uuid(scanner);
    case PLACE_NVRAM:
        return close_nvram(scanner);
    case PLACE_CHAIN:
        close_chain(&scanner->disk);
        return true;
    case PLACE_DISK:
        close_disk(scanner);
        return true;
    default:
        return true;
    }
}

/* Text may come in pieces around comments; the input bounds how much it can be. */
static bool collect_text(Scanner *scanner)
{
    Place place = scanner->stack[scanner->reader.depth];
    Slice text = scanner->reader.text;
    if (place != PLACE_UUID && place != PLACE_NVRAM)
        return true;
    if (scanner->reader.is_cdata)
        return fail(scanner, "a CDATA section where a name belongs");
    char *grown = realloc(scanner->text, scanner->text_length + text.length + 1);
    if (!grown)
        return fail(scanner, "no memory");
    scanner->text = grown;
    memcpy(grown + scanner->text_length, text.at, text.length);
    scanner->text_length += text.length;
    return true;
}

static bool scan_pieces(Scanner *scanner)
{
    for (;;) {
        bool fine = true;
        switch (xml_reader_next(&scanner->reader)) {
        case XML_OPEN:
            fine = open_element(scanner);
            break;
        case XML_CLOSE:
            fine = close_element(scanner);
            break;
        case XML_TEXT:
            fine = collect_text(scanner);
            break;
        case XML_BROKEN:
            return fail(scanner, scanner->reader.problem);
        case XML_END:
            return scanner->scan->uuid[0] != '\0' || fail(scanner, "no domain with a uuid");
        }
        if (!fine)
            return false;
    }
}

bool domain_scan(const char *xml, size_t length, DomainScan *scan_out, const char **problem_out)
{
    *scan_out = (DomainScan){0};
    Scanner *scanner = calloc(1, sizeof *scanner);
    if (!scanner) {
        *problem_out = "no memory";
        return false;
    }
    xml_reader_init(&scanner->reader, xml, length);
    scanner->scan = scan_out;
    scanner->text = malloc(1);
    bool fine = scanner->text ? scan_pieces(scanner) : fail(scanner, "no memory");
    if (!fine) {
        *problem_out = scanner->problem;
        domain_scan_clear(scan_out);
    }
    free(scanner->text);
    free(scanner);
    return fine;
}

void domain_scan_clear(DomainScan *scan)
{
    for (size_t i = 0; i < scan->count; i++)
        free(scan->paths[i].path);
    free(scan->paths);
    *scan = (DomainScan){0};
}
