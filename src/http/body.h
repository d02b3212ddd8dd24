/* Reading the fields of a request's body: each said what it is, and unknown ones refused. */
#pragma once

#include "http/message.h"

typedef enum { BODY_TEXT, BODY_FLAG, BODY_NUMBER, BODY_TEXTS } BodyKind;

typedef struct {
    const char *name;
    BodyKind kind;
    gboolean is_needed;
    const json_t **value_out; /* set to the value, NULL where it is not there or null */
} BodyField;

/*
 * The body as JSON object with these fields and no others, ended by a field without a name. INVALID
 * names the field. Values are borrowed from the object, which is a new reference.
 */
json_t *body_read(const HttpRequest *request, const BodyField *fields, GError **error);
