/* The fields of a request: one table that reading, writing and checking share. Private to the
 * model. */
#pragma once

#include "model/request.h"

/* X(ENUM_NAME, struct member, kind, lowest, highest): bounds are of numbers, or of a text's bytes.
 */
#define REQUEST_FIELDS(X)                                                                          \
    X(MACHINES, machines, FIELD_NAMES, 0, 10001)                                                   \
    X(ALL_OF, all_of, FIELD_NAME, 1, 128)                                                          \
    X(ONTO, onto, FIELD_NAME, 1, 128)                                                              \
    X(MATCH, match, FIELD_TEXT, 1, 256)                                                            \
    X(LIMIT, limit, FIELD_UINT, 0, 10000)                                                          \
    X(RUNNING, running, FIELD_RUNNING, 0, 0)                                                       \
    X(GRACE_SECONDS, grace_seconds, FIELD_UINT, 0, 86400)                                          \
    X(EVEN_HELD, even_held, FIELD_FLAG, 0, 0)                                                      \
    X(DIGEST, digest, FIELD_FLAG, 0, 0)                                                            \
    X(FORCE, force, FIELD_FLAG, 0, 0)                                                              \
    X(NEW_HARDWARE, new_hardware, FIELD_FLAG, 0, 0)                                                \
    X(KEEP_DATA, keep_data, FIELD_FLAG, 0, 0)                                                      \
    X(NOW, now, FIELD_FLAG, 0, 0)                                                                  \
    X(TRASH, trash, FIELD_FLAG, 0, 0)                                                              \
    X(SHUTDOWN_FIRST, shutdown_first, FIELD_FLAG, 0, 0)                                            \
    X(FLATTEN, flatten, FIELD_FLAG, 0, 0)                                                          \
    X(YES, yes, FIELD_FLAG, 0, 0)                                                                  \
    X(REASON, reason, FIELD_TEXT, 1, 1000)                                                         \
    X(DOMAIN, domain, FIELD_TEXT, 1, 255)                                                          \
    X(DISKS, disks, FIELD_DISKS, 0, 64)                                                            \
    X(COUNT, count, FIELD_UINT, 0, 10000)                                                          \
    X(NAME_PATTERN, name_pattern, FIELD_TEXT, 1, 128)                                              \
    X(MEMORY_MIB, memory_mib, FIELD_UINT64, 0, 16777216)                                           \
    X(CPUS, cpus, FIELD_UINT, 0, 1024)                                                             \
    X(VOLUME, volume, FIELD_TEXT, 1, 64)                                                           \
    X(ROLE, role, FIELD_ROLE, 0, 0)                                                                \
    X(CAPACITY_BYTES, capacity_bytes, FIELD_UINT64, 0, REQUEST_CAPACITY_MAX)                       \
    X(PATH, path, FIELD_PATH, 1, 4095)                                                             \
    X(LAYER, layer, FIELD_TEXT, 1, 64)                                                             \
    X(CHECKLIST, checklist, FIELD_OBJECT, 0, 64)

#define REQUEST_CAPACITY_MAX  ((guint64)1 << 50) /* 1 PiB */
#define REQUEST_GRACE_DEFAULT 120

typedef enum {
    FIELD_NAMES,
    FIELD_NAME, /* of a machine */
    FIELD_TEXT,
    FIELD_PATH, /* absolute */
    FIELD_UINT,
    FIELD_UINT64,
    FIELD_FLAG,
    FIELD_ROLE,
    FIELD_RUNNING,
    FIELD_DISKS,
    FIELD_OBJECT,
} FieldKind;
#define FIELD_KIND_COUNT (FIELD_OBJECT + 1)

#define X(name, member, kind, lowest, highest) REQUEST_##name,
typedef enum { REQUEST_FIELDS(X) REQUEST_FIELD_COUNT } RequestField;
#undef X

/* One field of a request or of one of its disks. */
typedef struct {
    const char *name;
    FieldKind kind;
    gsize offset;
    guint64 lowest, highest;
} FieldInfo;

extern const FieldInfo request_fields[REQUEST_FIELD_COUNT];

#define REQUEST_DISK_FIELD_COUNT 5
extern const FieldInfo request_disk_fields[REQUEST_DISK_FIELD_COUNT];

/* The member that a field means, inside `object` (a Request or RequestDisk). */
#define FIELD_MEMBER(object, field, Type) G_STRUCT_MEMBER(Type, (object), (field)->offset)

/* The field has its value of a new request: it is left out of the JSON. */
gboolean field_is_default(const FieldInfo *field, gconstpointer object);
