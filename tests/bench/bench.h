/* What the rows of the benchmark share. */
#pragma once

#include "bench_world.h"
#include "figures.h"

typedef struct {
    Report *report;
    const char *directory; /* on the file system that is measured; private to this run */
    const char *build;     /* build directory of the programs */
    const char *source;    /* root of the sources: the lab lies there */
    gboolean quick;        /* smaller worlds, fewer rounds: to see that it works */
    guint rounds;
    guint clones; /* of the rebase rows; 1,000 */
    guint many;   /* ten times as many */
} Bench;

/* One measurement, which adds one figure or several to the report. */
typedef gboolean (*BenchRow)(Bench *bench, GError **error);

gboolean row_rebase(Bench *bench, GError **error);
gboolean row_rebase_many(Bench *bench, GError **error);
gboolean row_data_size(Bench *bench, GError **error);
gboolean row_prepare(Bench *bench, GError **error);
gboolean row_restore(Bench *bench, GError **error);
gboolean row_first_write(Bench *bench, GError **error);
gboolean row_space(Bench *bench, GError **error);
gboolean row_reads(Bench *bench, GError **error);
gboolean row_daemon(Bench *bench, GError **error);
gboolean row_load(Bench *bench, GError **error);
gboolean row_page(Bench *bench, GError **error);
gboolean row_libvirt(Bench *bench, GError **error);
gboolean row_hook(Bench *bench, GError **error);
gboolean row_reboot(Bench *bench, GError **error);

/* A directory of its own for a row's world, removed by bench_world_done(). */
BenchWorld *bench_world_begin(Bench *bench, const char *name, GError **error);
void bench_world_done(BenchWorld *world);
/* Sizes of the usual test volumes: a thin 64 MiB base. */
extern const BenchImages bench_small_images;
