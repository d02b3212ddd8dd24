/* A machine: one libvirt domain and its volumes. Versions share their generations. */
#include "model/machine.h"

#include <string.h>

#include "foundation/error.h"
#include "model/name_table.h"

#define NAME_BYTES_MAX 128

static const char *const place_names[] = {
    [PLACE_NONE] = "none",
    [PLACE_NOW] = "now",
    [PLACE_SEALED] = "sealed",
    [PLACE_GONE] = "gone",
};
NAME_TABLE_DEFINE(place, Place, place_names, PLACE_COUNT)

Machine *machine_new(const char *id, const char *name, const char *uuid, gint64 created_at)
{
    Machine *machine = g_new0(Machine, 1);
    machine->ref_count = 1;
    machine->id = g_strdup(id);
    machine->name = g_strdup(name);
    machine->uuid = g_strdup(uuid);
    machine->volumes = g_ptr_array_new_with_free_func((GDestroyNotify)volume_free);
    machine->generations = g_ptr_array_new_with_free_func((GDestroyNotify)generation_unref);
    machine->created_at = created_at;
    return machine;
}

Machine *machine_ref(const Machine *machine)
{
    Machine *shared = (Machine *)machine;
    g_atomic_int_inc(&shared->ref_count);
    return shared;
}

void machine_unref(Machine *machine)
{
    if (machine == NULL || !g_atomic_int_dec_and_test(&machine->ref_count))
        return;
    g_free(machine->id);
    g_free(machine->name);
    g_free(machine->uuid);
    g_ptr_array_unref(machine->volumes);
    g_ptr_array_unref(machine->generations);
    g_free(machine->set_id);
    g_free(machine->hold_reason);
    g_free(machine->behind_reason);
    g_free(machine->checklist);
    g_free(machine->origin);
    g_free(machine);
}

static void copy_texts(Machine *copy, const Machine *machine)
{
    copy->id = g_strdup(machine->id);
    copy->name = g_strdup(machine->name);
    copy->uuid = g_strdup(machine->uuid);
    copy->set_id = g_strdup(machine->set_id);
    copy->hold_reason = g_strdup(machine->hold_reason);
    copy->behind_reason = g_strdup(machine->behind_reason);
    copy->checklist = g_strdup(machine->checklist);
    copy->origin = g_strdup(machine->origin);
}

Machine *machine_copy(const Machine *machine)
{
    Machine *copy = g_memdup2(machine, sizeof *machine);
    copy->ref_count = 1;
    copy_texts(copy, machine);
    copy->volumes = g_ptr_array_new_with_free_func((GDestroyNotify)volume_free);
    for (guint i = 0; i < machine->volumes->len; i++)
        g_ptr_array_add(copy->volumes, volume_copy(g_ptr_array_index(machine->volumes, i)));
    copy->generations = g_ptr_array_new_with_free_func((GDestroyNotify)generation_unref);
    for (guint i = 0; i < machine->generations->len; i++)
        g_ptr_array_add(copy->generations,
                        generation_ref(g_ptr_array_index(machine->generations, i)));
    return copy;
}

const Generation *machine_generation(const Machine *machine, guint64 number)
{
    for (guint i = 0; i < machine->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(machine->generations, i);
        if (generation->number == number)
            return generation;
    }
    return NULL;
}

const Generation *machine_actual(const Machine *machine)
{
    return machine_generation(machine, machine->actual);
}

const Generation *machine_desired(const Machine *machine)
{
    return machine_generation(machine, machine->desired);
}

const Volume *machine_volume(const Machine *machine, const char *target)
{
    for (guint i = 0; i < machine->volumes->len; i++) {
        const Volume *volume = g_ptr_array_index(machine->volumes, i);
        if (g_str_equal(volume->target, target))
            return volume;
    }
    return NULL;
}

/* Actual numbers only ever rise, so the entry with the highest number is the one replaced last. */
const Generation *machine_newest_entry(const Machine *machine)
{
    for (guint i = machine->generations->len; i > 0; i--) {
        const Generation *generation = g_ptr_array_index(machine->generations, i - 1);
        if (machine_is_entry(machine, generation))
            return generation;
    }
    return NULL;
}

guint64 machine_next_number(const Machine *machine)
{
    guint64 highest = MAX(machine->last_number, MAX(machine->actual, machine->desired));
    for (guint i = 0; i < machine->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(machine->generations, i);
        highest = MAX(highest, generation->number);
    }
    return highest + 1;
}

void machine_take_generation(Machine *machine, Generation *generation)
{
    guint position = machine->generations->len;
    while (position > 0) {
        const Generation *before = g_ptr_array_index(machine->generations, position - 1);
        if (before->number <= generation->number)
            break;
        position--;
    }
    g_ptr_array_insert(machine->generations, (int)position, generation);
    machine->last_number = MAX(machine->last_number, generation->number);
}

void machine_drop_generation(Machine *machine, guint64 number)
{
    for (guint i = 0; i < machine->generations->len; i++) {
        const Generation *generation = g_ptr_array_index(machine->generations, i);
        if (generation->number == number) {
            g_ptr_array_remove_index(machine->generations, i);
            return;
        }
    }
}

gboolean machine_is_base(const Machine *machine)
{
    return machine->actual_place == PLACE_SEALED;
}

gboolean machine_is_clone(const Machine *machine)
{
    return !machine_is_base(machine) && machine_base_id(machine) != NULL;
}

gboolean machine_is_pending(const Machine *machine)
{
    return machine->desired != machine->actual || machine->desired_place != machine->actual_place;
}

gboolean machine_is_entry(const Machine *machine, const Generation *generation)
{
    return generation->number != machine->actual && generation->number != machine->desired;
}

gboolean machine_has_role(const Machine *machine, Role role)
{
    for (guint i = 0; i < machine->volumes->len; i++)
        if (((const Volume *)g_ptr_array_index(machine->volumes, i))->role == role)
            return TRUE;
    return FALSE;
}

const char *machine_base_id(const Machine *machine)
{
    const Generation *generation = machine_actual(machine);
    if (generation == NULL)
        generation = machine_desired(machine);
    return generation == NULL ? NULL : generation->base_id;
}

gboolean machine_name_is_valid(const char *name, GError **error)
{
    static const char hint[] = "a name has up to 128 letters, digits and . _ - + @ :, and begins "
                               "with none of - and .";
    if (name == NULL || *name == '\0')
        return error_set(error, UNDERPIN_ERROR_INVALID, hint, "the name is empty");
    if (strlen(name) > NAME_BYTES_MAX)
        return error_set(error, UNDERPIN_ERROR_INVALID, hint, "the name '%.32s…' is too long",
                         g_utf8_validate(name, 32, NULL) ? name : "?");
    if (*name == '-' || *name == '.')
        return error_set(error, UNDERPIN_ERROR_INVALID, hint, "the name '%s' begins with '%c'",
                         name, *name);
    for (const char *c = name; *c != '\0'; c++)
        if (!g_ascii_isalnum(*c) && strchr("._-+@:", *c) == NULL) {
            g_autofree char *shown = g_strescape(name, NULL);
            return error_set(error, UNDERPIN_ERROR_INVALID, hint,
                             "the name '%s' holds a character that names cannot have", shown);
        }
    return TRUE;
}

/* Compares two runs of digits by value, whatever their length; moves both cursors behind them. */
static int compare_numbers(const char **one, const char **other)
{
    while (**one == '0')
        (*one)++;
    while (**other == '0')
        (*other)++;
    const char *a = *one, *b = *other;
    while (g_ascii_isdigit(**one))
        (*one)++;
    while (g_ascii_isdigit(**other))
        (*other)++;
    gssize difference = (*one - a) - (*other - b);
    if (difference != 0)
        return difference < 0 ? -1 : 1;
    return strncmp(a, b, (gsize)(*one - a));
}

int machine_name_compare(const char *one, const char *other)
{
    const char *a = one, *b = other;
    while (*a != '\0' && *b != '\0') {
        if (g_ascii_isdigit(*a) && g_ascii_isdigit(*b)) {
            int order = compare_numbers(&a, &b);
            if (order != 0)
                return order;
        } else {
            if (*a != *b)
                return (guchar)*a < (guchar)*b ? -1 : 1;
            a++;
            b++;
        }
    }
    if (*a != *b)
        return *a == '\0' ? -1 : 1;
    return strcmp(one, other);
}
