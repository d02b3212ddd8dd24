/* What the hook needs from a domain's XML: its UUID, the stamp of its session, and every image path
 * that it names. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    SCANNED_DISK,  /* <disk><source>: the image that the domain names itself */
    SCANNED_CHAIN, /* a <source> below the disk's <backingStore> or <mirror> */
    SCANNED_NVRAM, /* UEFI variables */
} ScannedKind;

typedef struct {
    ScannedKind kind;
    char *path;
    bool has_chain;       /* DISK: a <backingStore> with content stands below it */
    bool has_empty_chain; /* DISK: an empty <backingStore/>: "there is nothing below" */
    bool below_pool;      /* CHAIN: the disk itself is named by storage pool, not by path */
} ScannedPath;

enum { STAMP_LENGTH = 16 };

typedef struct {
    char uuid[37]; /* lower case; "" where there is none */
    /* of the session that ran with this definition, as the daemon wrote it into the live metadata;
     * "" where it has none */
    char stamp[STAMP_LENGTH + 1];
    ScannedPath *paths;
    size_t count;
} DomainScan;

/*
 * Scans `length` bytes of XML as libvirt writes it. Never reads beyond them, whatever they are;
 * nesting, names and the number of paths are bounded. FALSE where it is not well-formed or carries
 * a document type: *scan_out is then empty and *problem_out (static) says why. Free with
 * domain_scan_clear().
 */
bool domain_scan(const char *xml, size_t length, DomainScan *scan_out, const char **problem_out);
void domain_scan_clear(DomainScan *scan);
