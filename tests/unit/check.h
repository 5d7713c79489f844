/* check: cmocka with the four headers it needs before it, once. Used by every unit test. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
