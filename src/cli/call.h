/* What every verb needs: its names, reading from the API, printing its JSON. */
#pragma once

#include "cli/command.h"
#include "cli/table.h"
#include "model/request.h"

gboolean call_has(const Call *call, const char *option);
const char *call_text(const Call *call, const char *option);
/* The argument of that index, or NULL. Borrowed. */
const char *call_argument(const Call *call, guint index);
/* The error of a verb that was called the wrong way: INVALID with a pointer to its help. Always
 * FALSE. */
gboolean call_usage(const Call *call, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);

/*
 * The names among the arguments from `first` on: "a,b" are two, "-" reads words from standard
 * input; a name given twice counts once. INVALID where a pipe brings none. Caller frees (GPtrArray
 * of char *).
 */
GPtrArray *call_names(const Call *call, guint first, GError **error);
/* A new request of the verb with those names in it. NULL on error. */
Request *call_request(const Call *call, Verb verb, guint first, GError **error);

/*
 * Reads a path of the API. With --json the answer is printed as it came, also one that says no.
 * NULL on error.
 */
Answer *call_get(Call *call, const char *path, GError **error);
/* Asks for a change of what is no machine, at once and without a job. `body` NULL: none. With
 * --json as call_get(). NULL on error; an answer without a body has no JSON. */
Answer *call_send(Call *call, const char *method, const char *path, const json_t *body,
                  GError **error);
/* All items of a list, page by page; new array. With --json one page is printed as it came, several
 * as one list. */
json_t *call_get_list(Call *call, const char *path, GError **error);
/* A list's table, or, where it is empty, that sentence aside. With --json neither: the answer has
 * been printed. */
void call_print_table(const Call *call, Table *table, const char *none, ...) G_GNUC_PRINTF(3, 4);
/* "machines/" and the escaped name below the API's base. Caller frees. */
char *call_path(const char *collection, const char *name, const char *rest);
/* Prints an answer's body unchanged. */
void call_print_answer(const Answer *answer);

/* Reading JSON: NULL, 0 or FALSE where it is not there or of another type. Texts are borrowed. */
const char *text_of(const json_t *object, const char *key);
guint64 number_of(const json_t *object, const char *key);
gboolean flag_of(const json_t *object, const char *key);
const json_t *list_of(const json_t *object,
                      const char *key); /* NULL counts as empty in json_array_foreach */

/* Prints one line to standard error or output, made harmless for the terminal. */
void say(const char *format, ...) G_GNUC_PRINTF(1, 2);
void say_aside(const char *format, ...) G_GNUC_PRINTF(1, 2); /* standard error */
