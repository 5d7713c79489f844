/* SPDX-License-Identifier: MIT */
/* What a person and a script are told by an error alone: advice and exit code. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/program.h"
#include "station-agent/site/advice.h"
#include "station-agent/site/site.h"

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
    { ERR_LOCKED, EX_NOPERM, "probably finished: check its label" },
    { ERR_FAULT, EX_IOERR, "wires" },
};

static void what_becomes_of_a_board_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *advice = advice_of(rows[i].err, "arrow 20", "");
        int code = program_exit_code(rows[i].err);
        if (code != rows[i].exit_code || !strstr(advice, rows[i].advice))
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

/* Of 64 positions one status: a board that must not be shipped is never behind another's. */
static void the_gravest_of_many_failures_counts(void **state)
{
    (void)state;
    static const enum err order[] = { ERR_OPEN,   ERR_NOT_KNOWN, ERR_NOT_LOCKED,
                                      ERR_SPOILT, ERR_BOOT,      ERR_HELD,
                                      ERR_LOCKED, ERR_ABORTED,   ERR_OK };
    enum err results[SITES_MAX] = { ERR_OK };
    assert_int_equal(sites_gravest(results, SITES_MAX), SITES_MAX);
    for (size_t grave = 0; grave + 1 < COUNT(order); grave++)
        for (size_t at = 0; at < SITES_MAX; at++) {
            for (size_t i = 0; i < SITES_MAX; i++)
                results[i] = order[grave + 1 + i % (COUNT(order) - grave - 1)];
            results[at] = order[grave];
            assert_int_equal(sites_gravest(results, SITES_MAX), at);
        }
}

static void of_equal_failures_the_first_counts(void **state)
{
    (void)state;
    const enum err results[] = { ERR_OK, ERR_ABORTED, ERR_LOCKED, ERR_CHIP, ERR_LOCKED };
    assert_int_equal(sites_gravest(results, COUNT(results)), 2);
}

/* The same error asks for other things at another place. */
static void a_step_and_a_message_have_their_own(void **state)
{
    (void)state;
    static const struct {
        enum err err;
        const char *where, *words, *want;
    } cases[] = {
        { ERR_TLS, ADVICE_START, "certificate is not yet valid", "date and time" },
        { ERR_TLS, ADVICE_SERVER, "certificate has expired", "date and time" },
        { ERR_TLS, ADVICE_START, "IP address mismatch", "name, not its IP address" },
        { ERR_TLS, ADVICE_START, "hostname mismatch", "as the server's certificate has it" },
        { ERR_TLS, ADVICE_START, "certificate revoked", "ask the OEM" },
        { ERR_DENIED, ADVICE_START, "no such station", "oemctl station add" },
        { ERR_DENIED, "opening the probe", "no permission for /dev/...", "udev" },
        { ERR_REVOKED, ADVICE_SERVER, "", "ask the OEM" },
        { ERR_CLOSED, ADVICE_LOST, "", "the network" },
        { ERR_CLOSED, "arrow 24", "probe: closed", "cable" },
        { ERR_UNAVAILABLE, "Runs.Sealed", "the server does not know that it is", "seal" },
        { ERR_UNAVAILABLE, "connecting over SWD", "no answer on SWD", "in the fixture" },
        { ERR_UNAVAILABLE, "Closing.Lock", "tcp://h:1: no answer on SWD", "in the fixture" },
        { ERR_NOT_FOUND, "Runs.Sealed", "has made no unit", "--uid" },
        { ERR_MISMATCH, "comparing the board with its profile", "", "put it aside" },
        { ERR_MISMATCH, "connecting over SWD", "unknown part", "no part that this program" },
        { ERR_MISMATCH, "Runs.Open", "server: part: found PDID", "than the order is for" },
        { ERR_FAULT, "connecting over SWD", "the probe refuses command 0x11: each",
          "--swd-clock" },
        { ERR_NOT_FOUND, "Runs.Open", "no such order", "--order" },
        { ERR_BUSY, "opening the probe", "in use by pid 7", "close the program" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *advice = advice_of(cases[i].err, cases[i].where, cases[i].words);
        if (strstr(advice, cases[i].want) == NULL)
            fail_msg("%s, %s: %s", err_text(cases[i].err), cases[i].words, advice);
    }
}

/* A row each: what is said without one is for a peer's numbers that are none of ours. */
static void no_error_is_without_advice(void **state)
{
    (void)state;
    static const char *const names[] = {
#define X(name, number, status, text) [number] = #name,
        ERR_LIST(X)
#undef X
    };
    for (size_t i = 1; i < COUNT(names); i++)
        if (names[i] != NULL && strcmp(advice_of((enum err)i, "arrow 4", ""), ADVICE_LAST) == 0)
            fail_msg("no advice for ERR_%s", names[i]);
    assert_string_equal(advice_of(ERR_OK, "", ""), "");
    assert_string_equal(advice_of((enum err)999, NULL, NULL), ADVICE_LAST);
}

/* enrol and probes, too. */
static void whatever_ends_a_subcommand_says_what_to_try(void **state)
{
    (void)state;
    char text[2000] = "";
    fflush(stderr);
    FILE *file = tmpfile();
    int kept = dup(STDERR_FILENO);
    assert_true(file != NULL && kept >= 0);
    dup2(fileno(file), STDERR_FILENO);
    int code = program_fail(fail_quiet(ERR_EXISTS, "station.key: it is there"));
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    assert_int_equal(code, EX_CANTCREAT);
    assert_string_equal(text, "station-agent: station.key: it is there\n"
                              "station-agent: try: it is there already: take another name, or "
                              "go on with the one that is there\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_becomes_of_a_board_is_told),
        cmocka_unit_test(a_step_and_a_message_have_their_own),
        cmocka_unit_test(no_error_is_without_advice),
        cmocka_unit_test(only_success_ends_with_0),
        cmocka_unit_test(whatever_ends_a_subcommand_says_what_to_try),
        cmocka_unit_test(the_gravest_of_many_failures_counts),
        cmocka_unit_test(of_equal_failures_the_first_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
