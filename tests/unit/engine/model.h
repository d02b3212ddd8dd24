/* A model of machines as guests see them, and random operations on it and on the engine. Plain
 * data, no cleverness. */
#pragma once

#include "steps.h"

#define MODEL_VOLUMES  6
#define MODEL_MACHINES 10
#define MODEL_UNDO     64
#define MODEL_TEXT     32

typedef struct {
    char target[8];
    Role role;
    gboolean own;
    gboolean written; /* since it was fresh */
    char text[MODEL_TEXT];
} ModelVolume;

typedef struct {
    ModelVolume
        volumes[MODEL_VOLUMES]; /* system volumes count; the rest is what the machine has now */
    char base[16];
    gint64 replaced_at;
} ModelEntry;

typedef enum { WISH_NONE, WISH_FRESH, WISH_UNDO } Wish;

typedef struct {
    char name[16];
    gboolean is_base, retired, runs, held;
    char base[16]; /* "": stands alone */
    guint volume_count;
    ModelVolume volumes[MODEL_VOLUMES];
    ModelEntry undo[MODEL_UNDO]; /* oldest first */
    guint undo_count;
    Wish wish;
    char wish_base[16];
} ModelMachine;

typedef struct {
    World *world;
    GRand *random;
    GPtrArray *machines; /* ModelMachine, retired bases included */
    guint names, texts;
    gint64 now;
    GHashTable *done; /* name of an operation -> times that it was done */
} Model;

void model_init(Model *model, World *world, GRand *random);
void model_clear(Model *model);
/* One random operation, with its plan, its run and its effect on the model. */
void model_step(Model *model);
/* Every volume of every machine holds what the model says. */
void model_check(Model *model);
void model_stop_all(Model *model);
/* How often each operation was done; a random test that never does something tests nothing. */
void model_report(Model *model);
