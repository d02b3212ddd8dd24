/* What every test includes first: cmocka needs these before it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"
#include "foundation/error.h"
#include "foundation/fault_point.h"
