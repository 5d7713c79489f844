/* SPDX-License-Identifier: MIT */
/* The connection to the server is lost at every instant of a run: what the site does then. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "station-agent/site/site.h"
#include "tests/unit/certs.h"
#include "tests/unit/test_site_fake.h"

enum { PATIENT_MS = 20000, SHORT_MS = 700, SHOWN = 900, SHUT = 1 };

static char pem[] = "/tmp/test_site_again.XXXXXX";
static char said[64 << 10]; /* by the latest run, on both outputs */

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

static enum err run_captured(const struct site_plan *plan, size_t *failed)
{
    fflush(NULL);
    FILE *file = tmpfile();
    int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    assert_true(file != NULL && out >= 0 && err >= 0);
    dup2(fileno(file), STDOUT_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    enum err e = sites_run(plan, failed);
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

static enum err run_for(uint32_t reconnect_ms, const char *const *probes, size_t count)
{
    struct site_plan plan = {
        .host = "localhost",
        .port = 1,
        .ca_file = pem,
        .certificate_file = pem,
        .key_file = pem,
        .order = "order-1",
        .probes = probes,
        .probe_count = count,
        .reconnect_ms = reconnect_ms,
        .json = true,
    };
    size_t failed;
    enum err e = run_captured(&plan, &failed);
    assert_int_equal(scene.boards_opened, scene.boards_closed);
    return e;
}

static enum err run_one(uint32_t reconnect_ms)
{
    static const char *const probes[] = { "tcp://bench:1" };
    return run_for(reconnect_ms, probes, COUNT(probes));
}

/* The end of it is what a failed check wants to show. */
static const char *last_said(void)
{
    size_t len = strlen(said);
    return said + (len > SHOWN ? len - SHOWN : 0);
}

static unsigned called(const char *method)
{
    unsigned count = 0;
    for (size_t i = 0; i < scene.call_count; i++)
        count += strcmp(scene.calls[i].method + strlen("hallmark.v1."), method) == 0;
    return count;
}

/* The first two calls of a method are one call made twice: same key, same run, other
 * connection. */
static bool first_was_repeated(const char *method)
{
    const struct seen_call *seen[2] = { NULL };
    size_t found = 0;
    for (size_t i = 0; i < scene.call_count && found < 2; i++)
        if (strcmp(scene.calls[i].method + strlen("hallmark.v1."), method) == 0)
            seen[found++] = &scene.calls[i];
    return found == 2 && seen[0]->has_key && seen[0]->run == seen[1]->run &&
           seen[0]->conn < seen[1]->conn &&
           memcmp(seen[0]->key, seen[1]->key, sizeof(seen[0]->key)) == 0;
}

/* Whatever way such a call is lost, its run is over. */
static void an_interrupted_run_is_restarted(void **state)
{
    (void)state;
    static const char *const methods[] = {
        "Runs/Open",
        "Runs/FetchImage",
        "Ca/RequestCertificate",
        "SecureBoot/RequestKey",
        "SecureBoot/PutFirmware",
        "Runs/Report",
        "KeyAgreement/PutTargetPublicKey",
    };
    for (size_t i = 0; i < COUNT(methods); i++)
        for (int when = CUT_UNSENT; when <= CUT_DRAINED; when++) {
            scene_begin(FAULT_NONE);
            scene.cuts[0] = (struct cut){ methods[i], (enum cut_when)when };
            enum err e = run_one(PATIENT_MS);
            if (e != ERR_OK || called("Runs/Open") != 2 || called("Runs/Sealed") != 1)
                fail_msg("%s, cut %d: error %d, %u runs: %s", methods[i], when, (int)e,
                         called("Runs/Open"), last_said());
            assert_true(scene.sealed && scene.debug_port == SHUT && scene.resets == 1);
            assert_int_equal(scene.boards_opened, 2);
            assert_non_null(strstr(said, "the run is restarted"));
            assert_non_null(strstr(said, "\"anew\":1"));
            assert_non_null(strstr(said, "\"connection\":\"lost\""));
            assert_non_null(strstr(said, "\"connection\":\"open\""));
        }
}

/* After the board's receipt: what the server has must not be asked of another run. How often
 * each of the closing's calls is made. */
static const struct {
    const char *name, *method;
    enum cut_when when;
    unsigned opens, finishes, commits, booted, locked, seals;
} closings[] = {
    { "Finish not sent", "Runs/Finish", CUT_UNSENT, 2, 3, 1, 0, 1, 1 },
    { "Finish not served", "Runs/Finish", CUT_UNSERVED, 2, 3, 1, 0, 1, 1 },
    { "Finish refused by a drain", "Runs/Finish", CUT_DRAIN, 2, 3, 1, 0, 1, 1 },
    { "Finish's answer lost", "Runs/Finish", CUT_UNANSWERED, 1, 2, 1, 0, 1, 1 },
    { "lost after Finish", "Runs/Finish", CUT_ANSWERED, 1, 1, 1, 0, 1, 1 },
    { "drained after Finish", "Runs/Finish", CUT_DRAINED, 1, 1, 1, 0, 1, 1 },
    { "Commit not sent", "Runs/Commit", CUT_UNSENT, 1, 1, 2, 0, 1, 1 },
    { "Commit not served", "Runs/Commit", CUT_UNSERVED, 1, 1, 2, 0, 1, 1 },
    { "Commit's answer lost", "Runs/Commit", CUT_UNANSWERED, 1, 1, 2, 0, 1, 1 },
    { "lost after Commit", "Runs/Commit", CUT_ANSWERED, 1, 1, 1, 0, 1, 1 },
    { "Locked not sent", "Runs/Locked", CUT_UNSENT, 1, 1, 1, 0, 2, 1 },
    { "Locked not served", "Runs/Locked", CUT_UNSERVED, 1, 1, 1, 0, 2, 1 },
    { "Locked refused by a drain", "Runs/Locked", CUT_DRAIN, 1, 1, 1, 0, 2, 1 },
    { "Locked's answer lost", "Runs/Locked", CUT_UNANSWERED, 1, 1, 1, 0, 2, 1 },
    { "lost after Locked", "Runs/Locked", CUT_ANSWERED, 1, 1, 1, 0, 1, 1 },
    { "Sealed not sent", "Runs/Sealed", CUT_UNSENT, 1, 1, 1, 0, 1, 2 },
    { "Sealed not served", "Runs/Sealed", CUT_UNSERVED, 1, 1, 1, 0, 1, 2 },
    { "Sealed refused by a drain", "Runs/Sealed", CUT_DRAIN, 1, 1, 1, 0, 1, 2 },
    { "Sealed's answer lost", "Runs/Sealed", CUT_UNANSWERED, 1, 1, 1, 0, 1, 2 },
    { "lost after Sealed", "Runs/Sealed", CUT_ANSWERED, 1, 1, 1, 0, 1, 1 },
};

static void the_closing_outlives_the_connection(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(closings); i++) {
        scene_begin(FAULT_NONE);
        scene.boot_test = true;
        scene.cuts[0] = (struct cut){ closings[i].method, closings[i].when };
        enum err e = run_one(PATIENT_MS);
        const struct {
            const char *method;
            unsigned want;
        } made[] = {
            { "Runs/Open", closings[i].opens },     { "Runs/Finish", closings[i].finishes },
            { "Runs/Commit", closings[i].commits }, { "Runs/Booted", closings[i].booted },
            { "Runs/Locked", closings[i].locked },  { "Runs/Sealed", closings[i].seals },
        };
        for (size_t k = 0; k < COUNT(made); k++) {
            if (e != ERR_OK || called(made[k].method) != made[k].want)
                fail_msg("%s: error %d, %s %u times: %s", closings[i].name, (int)e,
                         made[k].method, called(made[k].method), last_said());
            if (made[k].want > 1 && k > 0)
                assert_true(first_was_repeated(made[k].method));
        }
        assert_int_equal(scene.resets, 1);
        assert_int_equal(scene.early_resets, 0);
        assert_int_equal(scene.boots, 1);
        assert_true(scene.booted[1] >= 1); /* told with Runs.Locked, as often as that is made */
        assert_true(scene.sealed && scene.debug_port == SHUT && scene.units[1].sealed);
    }
}

static void several_cuts_in_a_row(void **state)
{
    (void)state;
    scene_begin(FAULT_NONE);
    scene.cuts[0] = (struct cut){ "SecureBoot/RequestKey", CUT_UNANSWERED };
    scene.cuts[1] = (struct cut){ "Runs/Open", CUT_ANSWERED };
    scene.cuts[2] = (struct cut){ "Runs/Finish", CUT_UNANSWERED };
    scene.cuts[3] = (struct cut){ "Runs/Finish", CUT_UNSERVED }; /* its repetition too */
    assert_int_equal(run_one(PATIENT_MS), ERR_OK);
    assert_int_equal(called("Runs/Open"), 3);
    assert_int_equal(called("Runs/Finish"), 3);
    assert_int_equal(scene.connections, 5);
    assert_int_equal(scene.resets, 1);
    assert_non_null(strstr(said, "\"anew\":2"));
}

static void each_site_is_restarted_by_itself(void **state)
{
    (void)state;
    static const char *const probes[] = { "tcp://bench:1", "usb:serial=2", "usb:port=1-3" };
    scene_begin(FAULT_NONE);
    scene.cuts[0] = (struct cut){ "SecureBoot/PutFirmware", CUT_UNSERVED };
    assert_int_equal(run_for(PATIENT_MS, probes, COUNT(probes)), ERR_OK);
    assert_int_equal(scene.connections, 2);
    assert_int_equal(called("Runs/Sealed"), COUNT(probes));
    assert_int_equal(scene.resets, COUNT(probes));
}

/* The server is waited for at the start, too. */
static void a_late_server_is_waited_for(void **state)
{
    (void)state;
    scene_begin(FAULT_NONE);
    scene.away = 3;
    assert_int_equal(run_one(PATIENT_MS), ERR_OK);
    assert_int_equal(scene.attempts, 4);
    assert_int_equal(called("Runs/Open"), 1);
    assert_non_null(strstr(said, "no connection to the server: not today; attempt 2 in "));
    assert_non_null(strstr(said, "\"connection\":\"open\""));
}

/* How the site ends when the server stays away, or will not have it any more. */
static const struct {
    const char *name;
    struct cut cut;
    enum err first, then;
    uint32_t reconnect_ms;
    enum err want;
    const char *words;
    unsigned resets;
} ends[] = {
    { "refused at the start", { NULL, 0 }, ERR_TLS, ERR_OK, PATIENT_MS, ERR_TLS, NULL, 0 },
    { "no Hallmark server", { NULL, 0 }, ERR_PROTO, ERR_OK, PATIENT_MS, ERR_PROTO, NULL, 0 },
    { "never there", { NULL, 0 }, ERR_UNAVAILABLE, ERR_OK, SHORT_MS, ERR_UNAVAILABLE, NULL, 0 },
    { "not there, asked once", { NULL, 0 }, ERR_UNAVAILABLE, 0, 0, ERR_UNAVAILABLE, NULL, 0 },
    { "lost, no patience",
      { "Ca/RequestCertificate", CUT_UNSERVED },
      0,
      0,
      0,
      ERR_CLOSED,
      "connection to the server lost: cut",
      0 },
    { "lost for good",
      { "Ca/RequestCertificate", CUT_UNSERVED },
      0,
      ERR_UNAVAILABLE,
      SHORT_MS,
      ERR_CLOSED,
      "connection to the server lost: not today; given up after ",
      0 },
    { "revoked meanwhile",
      { "Ca/RequestCertificate", CUT_UNSERVED },
      0,
      ERR_DENIED,
      PATIENT_MS,
      ERR_DENIED,
      "the server refuses this station: not today",
      0 },
    { "lost before the lock: not locked",
      { "Runs/Finish", CUT_ANSWERED },
      0,
      ERR_UNAVAILABLE,
      SHORT_MS,
      ERR_CLOSED,
      "given up after ",
      0 },
    { "lost while the lock is told: not reset",
      { "Runs/Locked", CUT_UNSERVED },
      0,
      ERR_UNAVAILABLE,
      SHORT_MS,
      ERR_UNAVAILABLE,
      "keep the board powered and start again",
      0 },
    { "Finish asked for in vain",
      { "Runs/Finish", CUT_UNANSWERED },
      0,
      ERR_UNAVAILABLE,
      SHORT_MS,
      ERR_CLOSED,
      "given up after ",
      0 },
    { "lost after the reset",
      { "Runs/Sealed", CUT_UNSERVED },
      0,
      ERR_UNAVAILABLE,
      SHORT_MS,
      ERR_UNAVAILABLE,
      "the board is finished and locked, but the server does not know",
      1 },
};

static void waiting_has_an_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        scene_begin(FAULT_NONE);
        scene.cuts[0] = ends[i].cut;
        scene.first = ends[i].first;
        scene.then = ends[i].then;
        enum err e = run_one(ends[i].reconnect_ms);
        const char *told = ends[i].first != ERR_OK ? fail_words() : said;
        if (e != ends[i].want || (ends[i].words != NULL && !strstr(told, ends[i].words)))
            fail_msg("%s: error %d: %s", ends[i].name, (int)e, last_said());
        assert_int_equal(scene.resets, ends[i].resets);
        assert_true(called("Runs/Open") <= 1);
        bool lasting =
            ends[i].want == ERR_TLS || ends[i].want == ERR_PROTO || ends[i].want == ERR_DENIED;
        if (lasting || ends[i].reconnect_ms == 0)
            assert_int_equal(scene.attempts, ends[i].then == ERR_DENIED ? 2 : 1);
        else
            assert_true(scene.attempts > 1);
        if (ends[i].first == ERR_OK)
            assert_non_null(strstr(said, "\"result\":\"failed\""));
    }
}

/* A server that takes every run and loses it keeps no site for ever. */
static void restarting_has_an_end(void **state)
{
    (void)state;
    scene_begin(FAULT_NONE);
    scene.flaky = true;
    assert_int_equal(run_one(SHORT_MS), ERR_CLOSED);
    assert_true(called("Runs/Open") > 1);
    assert_false(scene.sealed);
    assert_non_null(strstr(said, "restarted "));
}

/* The board's own failure is none of the server's, even if the server is lost at once. */
static void a_failed_board_is_not_taken_again(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        enum err want;
        struct cut cut;
        bool repeated;
    } cases[] = {
        { FAULT_BOARD_REFUSES, ERR_SIG, { NULL, CUT_UNSENT }, false },
        { FAULT_BOARD_REFUSES, ERR_SIG, { "Runs/Report", CUT_UNSERVED }, false },
        { FAULT_PROBE, ERR_CLOSED, { "Runs/Report", CUT_UNSERVED }, false }, /* unplugged */
        { FAULT_PROBE, ERR_CLOSED, { "Runs/Report", CUT_DRAIN }, false },
        { FAULT_DEBUG_OPEN, ERR_OPEN, { "Runs/Sealed", CUT_UNANSWERED }, true },
        { FAULT_LOCK_CHIP, ERR_CHIP, { "Runs/Commit", CUT_UNANSWERED }, true },
        { FAULT_LOCKED, ERR_LOCKED, { "Bench/TurnAway", CUT_UNSERVED }, true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        scene_begin(cases[i].fault);
        scene.cuts[0] = cases[i].cut;
        assert_int_equal(run_one(PATIENT_MS), cases[i].want);
        assert_true(called("Runs/Open") <= 1);
        assert_null(strstr(said, "is restarted"));
        if (cases[i].repeated)
            assert_true(first_was_repeated(cases[i].cut.method));
    }
}

/* One that is refused for the server's own reasons was not cut. */
static void a_refused_run_is_not_restarted(void **state)
{
    (void)state;
    static const enum fault faults[] = { FAULT_OPEN_DENIED, FAULT_CA_REFUSES,
                                         FAULT_SERVER_ENDS, FAULT_FINISH_REFUSED,
                                         FAULT_COMMIT_HELD, FAULT_LOCKED_REFUSED };
    for (size_t i = 0; i < COUNT(faults); i++) {
        scene_begin(faults[i]);
        assert_int_not_equal(run_one(PATIENT_MS), ERR_OK);
        assert_int_equal(called("Runs/Open"), 1);
        assert_int_equal(scene.connections, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_interrupted_run_is_restarted),
        cmocka_unit_test(the_closing_outlives_the_connection),
        cmocka_unit_test(several_cuts_in_a_row),
        cmocka_unit_test(each_site_is_restarted_by_itself),
        cmocka_unit_test(a_late_server_is_waited_for),
        cmocka_unit_test(waiting_has_an_end),
        cmocka_unit_test(restarting_has_an_end),
        cmocka_unit_test(a_failed_board_is_not_taken_again),
        cmocka_unit_test(a_refused_run_is_not_restarted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
