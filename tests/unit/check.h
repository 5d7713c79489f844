/* SPDX-License-Identifier: MIT */
/* check: cmocka with the four headers it needs before it, once. Used by every unit test. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka's fail is a macro; ours is a function (common/host/log.h). */
#undef fail
#undef fail_msg
#define fail_msg(...)                                                                          \
    do {                                                                                       \
        print_error(__VA_ARGS__);                                                              \
        print_error("\n");                                                                     \
        _fail(__FILE__, __LINE__);                                                             \
    } while (0)
