/* Implements the report. */
#include "report.h"

static guint sum(const guint *counts)
{
    guint total = 0;
    for (guint point = 0; point < FAULT_POINT_COUNT; point++)
        total += counts[point];
    return total;
}

static void write_points(FILE *file, const Tally *tallies)
{
    fprintf(file, "%-18s %8s %8s %12s %11s\n", "fault point", "kills", "errors", "second kills",
            "operations");
    for (guint point = 0; point < FAULT_POINT_COUNT; point++) {
        guint kills = 0, errors = 0, second_kills = 0, operations = 0;
        for (guint i = 0; i < OPERATION_COUNT; i++) {
            kills += tallies[i].kills[point];
            errors += tallies[i].errors[point];
            second_kills += tallies[i].second_kills[point];
            operations += tallies[i].kills[point] > 0;
        }
        fprintf(file, "%-18s %8u %8u %12u %11u\n", fault_point_name((FaultPoint)point), kills,
                errors, second_kills, operations);
    }
}

static void write_operations(FILE *file, const Tally *tallies)
{
    fprintf(file, "\n%-24s %8s %8s %12s %9s %9s\n", "operation", "kills", "errors", "second kills",
            "failures", "seconds");
    for (guint i = 0; i < OPERATION_COUNT; i++) {
        const Tally *tally = &tallies[i];
        if (tally->finished)
            fprintf(file, "%-24s %8u %8u %12u %9u %9.1f\n", OPERATIONS[i].name, sum(tally->kills),
                    sum(tally->errors), sum(tally->second_kills), tally->failures, tally->seconds);
    }
}

void report_write(FILE *file, const Tally *tallies, guint32 seed)
{
    fprintf(file, "Crash sweep (seed %u)\n\n", seed);
    write_points(file, tallies);
    write_operations(file, tallies);
}

guint report_unvisited(FILE *file, const Tally *tallies)
{
    guint unvisited = 0;
    for (guint point = 0; point < FAULT_POINT_COUNT; point++) {
        guint kills = 0;
        for (guint i = 0; i < OPERATION_COUNT; i++)
            kills += tallies[i].kills[point];
        if (kills)
            continue;
        fprintf(file, "fault point '%s' was visited by no kill\n",
                fault_point_name((FaultPoint)point));
        unvisited++;
    }
    return unvisited;
}
