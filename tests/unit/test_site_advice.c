/* SPDX-License-Identifier: MIT */
/* What a person and a script are told by an error alone: advice and exit code. */
#include "tests/unit/check.h"

#include <string.h>
#include <sysexits.h>

#include "common/host/own.h"
#include "station-agent/program.h"
#include "station-agent/site/advice.h"

static const struct {
    enum err err;
    int exit_code;
    const char *advice; /* a part of it */
} rows[] = {
    { ERR_OPEN, 80, "do not ship" },
    { ERR_NOT_KNOWN, 81, "do not ship" },
    { ERR_NOT_LOCKED, 82, "oemctl unit accept" },
    { ERR_BOOT, 83, "oemctl unit scrap" },
    { ERR_SPOILT, 84, "scrap" },
    { ERR_NO_SLOT, 84, "oemctl unit scrap" },
    { ERR_HELD, 85, "oemctl unit allow" },
    { ERR_REVOKED, EX_NOPERM, "oemctl unit show" },
    { ERR_LOCKED, EX_NOPERM, "station-agent seal" },
    { ERR_FAULT, EX_IOERR, "wires" },
};

static void what_becomes_of_a_board_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *advice = advice_of(rows[i].err);
        int code = program_exit_code(rows[i].err);
        if (code != rows[i].exit_code || advice == NULL || !strstr(advice, rows[i].advice))
            fail_msg("%s: exit code %d: %s", err_text(rows[i].err), code, advice);
    }
}

/* A board that is not sealed must not look like one that is. */
static void only_success_ends_with_0(void **state)
{
    (void)state;
    for (uint32_t number = 0; number < 256; number++) {
        enum err e = err_from_wire(number, 2);
        assert_int_equal(program_exit_code(e) == EX_OK, e == ERR_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_becomes_of_a_board_is_told),
        cmocka_unit_test(only_success_ends_with_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
