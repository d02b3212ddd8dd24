/* Whether JSON fits a schema of openapi.json: the part of JSON Schema 2020-12 that the document
 * uses. */
#pragma once

#include <glib.h>
#include <jansson.h>

/*
 * Follows $ref within `document`; checks type, properties, required, additionalProperties, items,
 * enum and minimum, and fails on a keyword it does not know. NULL where it fits, else where and why
 * it does not. Caller frees.
 */
char *schema_mismatch(const json_t *document, const json_t *schema, const json_t *value);
/* The schema object that "#/a/b" names, or NULL. */
const json_t *schema_follow(const json_t *document, const char *reference);
/* The document as the daemon carries it. New reference. */
json_t *schema_document(void);
/* The schema of an answer; NULL where the document has none. `content_type_out` may be NULL. */
const json_t *schema_of_answer(const json_t *document, const char *method, const char *pattern,
                               unsigned status, const char **content_type_out);
