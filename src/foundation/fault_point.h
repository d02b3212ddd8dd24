/* Named moments at which a test can kill the process or make the next step fail. */
#pragma once

#include <glib.h>

/*
 * The closed list of all durable moments: X(ENUM_NAME, "stable-name"). The crash sweep visits each;
 * a point that no operation of the sweep reaches fails it.
 */
#include "foundation/fault_points.h"

#define X(name, text) FAULT_##name,
typedef enum { FAULT_POINTS(X) FAULT_POINT_COUNT } FaultPoint;
#undef X

typedef enum { FAULT_NONE, FAULT_KILL, FAULT_ERROR } FaultAction;

/*
 * To be called immediately before the step it names. Returns TRUE in production at the cost of one
 * relaxed load. Armed with FAULT_KILL, the process dies by SIGKILL; with FAULT_ERROR it returns
 * FALSE with the errno value armed for it mapped to an error (ENOSPC, EIO).
 */
gboolean fault_point(FaultPoint point, GError **error);

const char *fault_point_name(FaultPoint point);
gboolean fault_point_from_name(const char *name, FaultPoint *point_out);

/*
 * Tests only. Arms the `nth` (1-based) visit of `point`, or with point == FAULT_POINT_COUNT the nth
 * visit of any point. The environment variable UNDERPIN_FAULT="name|any:nth:kill|ENOSPC|EIO" does
 * the same at the first call. An armed fault fires once.
 */
void fault_point_arm(FaultPoint point, unsigned nth, FaultAction action, int errno_value);
void fault_point_disarm(void);
/*
 * Tests only. The point that fires is written to *fired (borrowed; NULL: nowhere) just before it
 * acts: in shared memory it tells a parent where its child was killed.
 */
void fault_point_note(int *fired);
/* How often each point was visited since the last reset; counts only while counting is on. */
void fault_point_count(gboolean enabled);
unsigned fault_point_visits(FaultPoint point);
