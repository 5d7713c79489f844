/* SPDX-License-Identifier: MIT */
/*
 * init_clock: is the clock plausible, before init makes certificates by it? An HSM has no clock
 * to compare with, so what there is: the day on which this program was built, as a floor, and
 * whether the kernel's clock is synchronised (adjtimex). For init.c and its test.
 */
#pragma once

#include "oem-server/ctl/command.h"

/* A doubt about the clock. What is made by a clock that is before the build is wrong for
 * certain; the others only may be. */
enum init_doubt {
    INIT_CLOCK_FINE,
    INIT_CLOCK_BEFORE_BUILD,
    INIT_CLOCK_FAR_AHEAD, /* INIT_AHEAD_YEARS after the build */
    INIT_CLOCK_UNSYNCHRONISED,
};

enum { INIT_AHEAD_YEARS = 5 };

/* The gravest doubt. now_s, built_s: seconds since 1970 (test_ctl_init_clock). */
enum init_doubt init_clock_judge(int64_t now_s, int64_t built_s, bool synchronised);

/* Tells a doubt on stderr, with the clock. yes: and goes on. Without it a terminal is asked;
 * without a terminal it goes on, but for a clock that is before the build. ERR_PRECONDITION:
 * not to go on. */
enum err init_clock_check(bool yes);
