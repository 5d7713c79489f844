/* SPDX-License-Identifier: MIT */
/* A locked board whose run was interrupted before its proof: what is told of it, and what is
 * not done. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "station-agent/site/site.h"
#include "tests/unit/certs.h"
#include "tests/unit/test_site_fake.h"

enum { PATIENT_MS = 20000, SHORT_MS = 700, SHUT = 1, OPEN = 2 };

static char pem[] = "/tmp/test_site_seal.XXXXXX";
static const char *on_end;  /* program at a board's end */
static char said[16 << 10]; /* by the latest seal, on both outputs */
static const uint8_t uid[UID_SIZE] = { 0xde, 0xad, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_NONE);
    certs_station_file(pem);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(pem);
}

static enum err run_captured(const struct site_plan *plan)
{
    fflush(NULL);
    FILE *file = tmpfile();
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    size_t failed;
    assert_true(file != NULL && out >= 0 && err >= 0);
    dup2(fileno(file), STDOUT_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    enum err e = sites_run(plan, &failed);
    fflush(NULL);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    close(out);
    close(err);
    rewind(file);
    said[fread(said, 1, sizeof(said) - 1, file)] = '\0';
    fclose(file);
    return e;
}

static enum err seal_at(size_t probes, uint32_t reconnect_ms)
{
    static const char *const names[] = { "tcp://bench:1", "tcp://bench:2" };
    const struct site_plan plan = {
        .host = "localhost",
        .port = 1,
        .ca_file = pem,
        .certificate_file = pem,
        .key_file = pem,
        .named_uid = uid,
        .probes = names,
        .probe_count = probes,
        .reconnect_ms = reconnect_ms,
        .on_end = on_end,
        .json = true,
    };
    enum err e = run_captured(&plan);
    assert_int_equal(scene.boards_opened, scene.boards_closed);
    return e;
}

/* The board at the probe, shut; and the unit that the operator names. */
static void begin(enum fault fault, bool shut, bool locked)
{
    static const uint8_t board[UID_SIZE] = { '1' };
    scene_begin(fault);
    scene_unit(board)->shut = shut;
    *scene_unit(uid) = (struct fake_unit){ .finished = true, .committed = true };
    scene_unit(uid)->locked = locked;
}

static void a_locked_board_is_sealed(void **state)
{
    (void)state;
    begin(FAULT_LOCKED, true, true); /* whatever wants to look inside is refused */
    assert_int_equal(seal_at(1, 0), ERR_OK);
    assert_true(scene.sealed && scene.debug_port == SHUT);
    assert_memory_equal(scene.sealed_uid, uid, UID_SIZE);
    assert_string_equal(scene.sealed_detail, "uid named by the operator: SRAM is refused");
    assert_int_equal(scene.sealed_level, 1);
    assert_int_equal(scene.resets, 1);
    assert_int_equal(scene.call_count, 1);
    assert_false(scene.calls[0].has_run);
    assert_true(scene.calls[0].has_key);
    assert_non_null(strstr(said, "\"uid\":\"dead0304"));
    assert_non_null(strstr(said, "\"result\":\"sealed\""));
}

/* The board stays sealed; but the command does not end well, so that nothing goes on. */
static void the_operators_program_has_the_last_word(void **state)
{
    (void)state;
    begin(FAULT_LOCKED, true, true);
    on_end = "true";
    assert_int_equal(seal_at(1, 0), ERR_OK);
    assert_non_null(strstr(said, "\"on_end\":\"\""));
    begin(FAULT_LOCKED, true, true);
    on_end = "false";
    assert_int_equal(seal_at(1, 0), ERR_ABORTED);
    on_end = NULL;
    assert_true(scene.sealed);
    assert_non_null(strstr(said, "\"result\":\"sealed\""));
    assert_non_null(strstr(said, "--on-end false: ended with 1"));
    assert_non_null(strstr(said, "note uid dead0304"));
}

static const struct {
    const char *name;
    enum fault fault;
    bool shut, locked, below;
    enum err want;
    unsigned resets;
    uint32_t port;
    const char *told, *words;
} refusals[] = {
    { "open board", FAULT_NONE, false, true, false, ERR_OPEN, 0, OPEN, "SRAM is readable",
      "station-agent provision, which completes it" },
    { "open after the reset", FAULT_DEBUG_OPEN, true, true, false, ERR_OPEN, 1, OPEN,
      "SRAM is readable", "the debug port is still open" },
    { "not known", FAULT_DEBUG_MUTE, true, true, false, ERR_NOT_KNOWN, 0, 0, "no answer",
      "not known whether the debug port is shut" },
    { "no reset", FAULT_RESET, true, true, false, ERR_NOT_KNOWN, 0, 0, "no reset", "no reset" },
    { "no lock statement", FAULT_NONE, true, false, false, ERR_NOT_LOCKED, 1, SHUT,
      "SRAM is refused", "oemctl unit accept dead030405060708090a0b0c --reason" },
    { "below the level it stated", FAULT_NONE, true, true, true, ERR_MISMATCH, 1, SHUT,
      "SRAM is refused", "is --uid the one on this board's label?" },
    { "sealed already", FAULT_SEALED_REFUSED, true, true, false, ERR_EXISTS, 1, SHUT,
      "SRAM is refused", "no" },
};

static void what_is_not_sealed_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        begin(refusals[i].fault, refusals[i].shut, refusals[i].locked);
        scene.shut_below = refusals[i].below;
        enum err e = seal_at(1, 0);
        if (e != refusals[i].want || scene.resets != refusals[i].resets ||
            scene.call_count != 1 || scene.debug_port != refusals[i].port ||
            strstr(scene.sealed_detail, refusals[i].told) == NULL ||
            strstr(said, refusals[i].words) == NULL)
            fail_msg("%s: error %d, %u resets, told \"%s\": %s", refusals[i].name, (int)e,
                     scene.resets, scene.sealed_detail, said);
        assert_false(scene_unit(uid)->sealed);
        assert_non_null(strstr(scene.sealed_detail, "uid named by the operator"));
        assert_non_null(strstr(said, "\"result\":\"failed\""));
    }
}

/* The same call again, or the same board again: either is harmless. */
static void a_lost_server_is_waited_for(void **state)
{
    (void)state;
    for (int when = CUT_UNSENT; when <= CUT_DRAINED; when++) {
        begin(FAULT_NONE, true, true);
        scene.cuts[0] = (struct cut){ "Runs/Sealed", (enum cut_when)when };
        assert_int_equal(seal_at(1, PATIENT_MS), ERR_OK);
        assert_true(scene.sealed && scene.debug_port == SHUT);
        if (scene.call_count == 2)
            assert_memory_equal(scene.calls[0].key, scene.calls[1].key,
                                sizeof(scene.calls[0].key));
    }
    begin(FAULT_NONE, true, true);
    scene.cuts[0] = (struct cut){ "Runs/Sealed", CUT_UNSERVED };
    scene.then = ERR_UNAVAILABLE;
    assert_int_equal(seal_at(1, SHORT_MS), ERR_UNAVAILABLE);
    assert_false(scene.sealed);
    assert_non_null(strstr(said, "the server does not know"));
}

static void one_uid_is_one_board(void **state)
{
    (void)state;
    scene_begin(FAULT_NONE);
    assert_int_equal(seal_at(2, 0), ERR_USAGE);
    assert_int_equal(seal_at(0, 0), ERR_USAGE);
    assert_int_equal(scene.attempts, 0);
    assert_int_equal(scene.boards_opened, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_locked_board_is_sealed),
        cmocka_unit_test(the_operators_program_has_the_last_word),
        cmocka_unit_test(what_is_not_sealed_is_told),
        cmocka_unit_test(a_lost_server_is_waited_for),
        cmocka_unit_test(one_uid_is_one_board),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
