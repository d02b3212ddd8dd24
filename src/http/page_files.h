/* The files of the web page as they are linked into the daemon; made by tools/embed-page.mjs. */
#pragma once

#include <glib.h>

typedef enum { CODING_IDENTITY, CODING_GZIP, CODING_BROTLI } PageCoding;
#define PAGE_CODING_COUNT (CODING_BROTLI + 1)

typedef struct {
    guint32 offset, length; /* in page_blob; length 0: not there in this coding */
} PageSlice;

typedef struct {
    const char *name;   /* "/index.html", "/assets/main-HASH.js" */
    const char *type;   /* media type */
    const char *digest; /* of the content; the same for all codings */
    PageSlice codings[PAGE_CODING_COUNT];
} PageFile;

/* Empty where the daemon is built without the page. */
extern const PageFile page_files[];
extern const gsize page_file_count;
extern const char page_blob[];
