/* SPDX-License-Identifier: MIT */
/*
 * init_clock: asks about an implausible clock before anything is made by it. Called by init.c.
 * It must not stop a script for a doubt that is only a doubt: many machines keep their clock by
 * a host that the kernel does not know of.
 */
#include "oem-server/ctl/init_clock.h"

#include <stdio.h>
#include <sys/timex.h>
#include <unistd.h>

#include "common/host/clock.h"
#include "common/host/log.h"

enum { YEAR_S = 31556952 };

/* Not known (a sandbox) is no doubt. */
static bool is_synchronised(void)
{
    struct timex state = { 0 };
    int found = adjtimex(&state);
    return found < 0 || (found != TIME_ERROR && (state.status & STA_UNSYNC) == 0);
}

enum init_doubt init_clock_judge(int64_t now_s, int64_t built_s, bool synchronised)
{
    if (now_s < built_s)
        return INIT_CLOCK_BEFORE_BUILD;
    if (now_s - built_s > (int64_t)INIT_AHEAD_YEARS * YEAR_S)
        return INIT_CLOCK_FAR_AHEAD;
    return synchronised ? INIT_CLOCK_FINE : INIT_CLOCK_UNSYNCHRONISED;
}

static void tell(enum init_doubt doubt, int64_t now_s, int64_t built_s)
{
    char now[CLOCK_TEXT_SIZE], built[CLOCK_TEXT_SIZE];
    clock_text(now_s, now);
    clock_text(built_s, built);
    fprintf(stderr, "oemctl: warning: this computer's clock says %s", now);
    if (doubt == INIT_CLOCK_UNSYNCHRONISED)
        fputs(", and is not synchronised", stderr);
    else
        fprintf(stderr, ", %s this program was built (%s)",
                doubt == INIT_CLOCK_BEFORE_BUILD ? "before" : "years after", built);
    fputs("; certificates are made by it (timedatectl)\n", stderr);
}

static bool ask(void)
{
    char answer[8] = "";
    fputs("Is that clock right? [y/N] ", stderr);
    return fgets(answer, sizeof(answer), stdin) != NULL &&
           (answer[0] == 'y' || answer[0] == 'Y');
}

enum err init_clock_check(bool yes)
{
    int64_t now_s = clock_real_s(), built_s = HALLMARK_BUILD_S;
    char now[CLOCK_TEXT_SIZE];
    enum init_doubt doubt = init_clock_judge(now_s, built_s, is_synchronised());
    if (doubt == INIT_CLOCK_FINE)
        return ERR_OK;
    tell(doubt, now_s, built_s);
    bool go_on = yes || (isatty(STDIN_FILENO) == 1 ? ask() : doubt != INIT_CLOCK_BEFORE_BUILD);
    return go_on ? ERR_OK
                 : fail_quiet(ERR_PRECONDITION,
                              "nothing was made: this computer's clock says %s: set it right "
                              "(timedatectl), or give --yes if it is",
                              clock_text(now_s, now));
}
