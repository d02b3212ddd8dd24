/* Enum values and their texts through one table: the lookups that every such enum shares. */
#pragma once

#include <glib.h>

/* Index of `text` among `count` names, or -1. `text` may be NULL. */
int name_table_find(const char *const *names, guint count, const char *text);

/*
 * Defines NOUN_name() and NOUN_from_name() over a table indexed by the enum. An own table that is
 * too short does not compile; one with a hole fails the unit test that walks every value.
 */
#define NAME_TABLE_DEFINE(noun, Type, table, count)                                                \
    G_STATIC_ASSERT(G_N_ELEMENTS(table) == (count));                                               \
    const char *noun##_name(Type value)                                                            \
    {                                                                                              \
        g_return_val_if_fail((guint)value < (count), "unknown");                                   \
        return (table)[value];                                                                     \
    }                                                                                              \
    gboolean noun##_from_name(const char *text, Type *value_out)                                   \
    {                                                                                              \
        int found = name_table_find((table), (count), text);                                       \
        if (found < 0)                                                                             \
            return FALSE;                                                                          \
        *value_out = (Type)found;                                                                  \
        return TRUE;                                                                               \
    }
