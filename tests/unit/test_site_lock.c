/* SPDX-License-Identifier: MIT */
/* The way from the commit to the proof: interrupted at each step, with the agent started again;
 * the boot test; and boards that refuse their lock. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/log.h"
#include "station-agent/site/site.h"
#include "tests/unit/certs.h"
#include "tests/unit/test_site_fake.h"

enum { SHOWN = 900, SHUT = 1, FAILED = 0, STARTED = 1 };

static char pem[] = "/tmp/test_site_lock.XXXXXX";
static bool under_reset;    /* --attach-under-reset */
static char said[64 << 10]; /* by the latest run, on both outputs */
static const uint8_t board_uid[UID_SIZE] = { '1', '1', '1', '1', '1', '1',
                                             '1', '1', '1', '1', '1', '1' };

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

static enum err run_with(const char *serial, const uint8_t *named_uid)
{
    static const char *const probes[] = { "tcp://bench:1" };
    const char *const serials[] = { serial };
    const struct site_plan plan = {
        .host = "localhost",
        .port = 1,
        .ca_file = pem,
        .certificate_file = pem,
        .key_file = pem,
        .order = named_uid == NULL ? "order-1" : NULL,
        .named_uid = named_uid,
        .probes = probes,
        .probe_count = 1,
        .serials = serials,
        .banner = "it runs",
        .under_reset = under_reset,
        .json = true,
    };
    enum err e = run_captured(&plan);
    assert_int_equal(scene.boards_opened, scene.boards_closed);
    assert_int_equal(scene.early_resets, 0);
    return e;
}

/* One start of the agent, which waits for nothing: as good as one that is killed where the
 * connection or the probe goes. */
static enum err provision(void)
{
    return run_with(NULL, NULL);
}

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

static void check_complete(const char *name, enum err e)
{
    const struct fake_unit *unit = scene_unit(board_uid);
    if (e != ERR_OK || !unit->sealed || !unit->locked || !unit->committed || !unit->shut)
        fail_msg("%s: error %d: %s", name, (int)e, last_said());
    assert_int_equal(scene.debug_port, SHUT);
}

/* Where the first start ends, and what the second one needs: runs opened in all, boot tests in
 * all, and how often DevAuth was greeted without a run. */
static const struct {
    const char *name;
    struct cut cut;
    const char *unplug;
    enum unplug_when when;
    unsigned runs, boots, hellos;
} ends[] = {
    { "Finish lost", { "Runs/Finish", CUT_UNSERVED }, NULL, 0, 2, 1, 1 },
    { "Finish's answer lost", { "Runs/Finish", CUT_UNANSWERED }, NULL, 0, 2, 1, 1 },
    { "before Closing.Commit", { NULL, 0 }, "Closing/Commit", UNPLUG_BEFORE, 2, 1, 1 },
    { "after Closing.Commit", { NULL, 0 }, "Closing/Commit", UNPLUG_AFTER, 2, 1, 1 },
    { "Commit lost", { "Runs/Commit", CUT_UNSERVED }, NULL, 0, 2, 1, 1 },
    { "Commit's answer lost", { "Runs/Commit", CUT_UNANSWERED }, NULL, 0, 1, 1, 2 },
    { "before the boot test", { NULL, 0 }, "chip_boot_reset", UNPLUG_BEFORE, 1, 1, 2 },
    { "while the firmware runs", { NULL, 0 }, "chip_boot_reset", UNPLUG_AFTER, 1, 2, 2 },
    { "before the board is taken back", { NULL, 0 }, "chip_attach", UNPLUG_BEFORE, 1, 2, 2 },
    { "before Closing.Lock", { NULL, 0 }, "Closing/Lock", UNPLUG_BEFORE, 1, 2, 3 },
    { "after Closing.Lock", { NULL, 0 }, "Closing/Lock", UNPLUG_AFTER, 1, 1, 2 },
    { "Locked lost", { "Runs/Locked", CUT_UNSERVED }, NULL, 0, 1, 1, 2 },
    { "Locked's answer lost", { "Runs/Locked", CUT_UNANSWERED }, NULL, 0, 1, 1, 2 },
    { "before the reset", { NULL, 0 }, "chip_reset", UNPLUG_BEFORE, 1, 1, 2 },
};

static void the_next_start_completes_the_board(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        scene_begin(FAULT_NONE);
        scene.boot_test = true;
        scene.cuts[0] = ends[i].cut;
        scene.unplug = ends[i].unplug;
        scene.unplug_when = ends[i].when;
        enum err first = provision();
        if (first == ERR_OK || scene_unit(board_uid)->sealed)
            fail_msg("%s: the first start did not end there: %s", ends[i].name, last_said());
        check_complete(ends[i].name, provision());
        if (scene.runs != ends[i].runs || scene.boots != ends[i].boots ||
            scene.hellos != ends[i].hellos)
            fail_msg("%s: %u runs, %u boot tests, %u Hellos without a run: %s", ends[i].name,
                     scene.runs, scene.boots, scene.hellos, last_said());
        assert_int_equal(scene.resets, 1);
    }
}

/* The lock in force before the proof is told: the board is shut, and seal adds the proof if the
 * server has the lock statement. */
static const struct {
    const char *name;
    struct cut cut;
    const char *unplug;
    enum unplug_when when;
    bool loses_power;
    enum err seal;
} shut[] = {
    { "after the reset", { NULL, 0 }, "chip_reset", UNPLUG_AFTER, false, ERR_OK },
    { "before the proof", { NULL, 0 }, "chip_debug_look", UNPLUG_BEFORE, false, ERR_OK },
    { "Sealed lost", { "Runs/Sealed", CUT_UNSERVED }, NULL, 0, false, ERR_OK },
    { "Sealed's answer lost", { "Runs/Sealed", CUT_UNANSWERED }, NULL, 0, false, ERR_OK },
    { "power lost after Locked", { NULL, 0 }, "chip_reset", UNPLUG_BEFORE, true, ERR_OK },
    { "power lost before Locked",
      { "Runs/Locked", CUT_UNSERVED },
      NULL,
      0,
      true,
      ERR_NOT_LOCKED },
    { "power lost after Closing.Lock",
      { NULL, 0 },
      "Closing/Lock",
      UNPLUG_AFTER,
      true,
      ERR_NOT_LOCKED },
};

static void a_board_that_shut_too_early_is_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shut); i++) {
        struct fake_unit *unit = scene_unit(board_uid);
        scene_begin(FAULT_NONE);
        scene.cuts[0] = shut[i].cut;
        scene.unplug = shut[i].unplug;
        scene.unplug_when = shut[i].when;
        assert_int_not_equal(provision(), ERR_OK);
        unit->shut = unit->shut || shut[i].loses_power;
        assert_int_equal(provision(), ERR_LOCKED);
        enum err e = run_with(NULL, board_uid);
        if (e != shut[i].seal || unit->sealed != (e == ERR_OK))
            fail_msg("%s: error %d: %s", shut[i].name, (int)e, last_said());
        if (e == ERR_NOT_LOCKED)
            assert_non_null(strstr(said, "oemctl unit accept 313131313131"));
    }
}

/* A failed boot test is told, and the next start repeats the arrows, without being asked. */
static void a_failed_boot_test_is_repeated_by_the_next_start(void **state)
{
    (void)state;
    scene_begin(FAULT_BOOT_FAILED);
    scene.boot_test = true;
    assert_int_equal(provision(), ERR_BOOT);
    assert_int_equal(scene.booted[FAILED], 1);
    assert_int_equal(scene.locks, 0);
    assert_non_null(strstr(said, "the firmware did not start: BTF 0"));
    check_complete("after a failed boot test", provision());
    assert_int_equal(called("Runs/Open"), 3); /* the last one asks to repeat */
    assert_int_equal(scene.runs, 2);
    assert_int_equal(scene.boots, 2);
    assert_int_equal(scene.booted[STARTED], 1);
}

static const struct {
    const char *name;
    enum fault fault;
    enum err want;
    unsigned failed, started, locks;
    const char *words;
} boots[] = {
    { "not known", FAULT_BOOT_NOT_KNOWN, ERR_NOT_KNOWN, 0, 0, 0, "--serial" },
    { "not taken back", FAULT_BOOT_ATTACH, ERR_UNAVAILABLE, 0, 1, 0, "cannot be taken back" },
    { "another call than Hello", FAULT_BOOT_HELLO, ERR_ORDER, 0, 0, 0, "Host/Hello is due" },
};

static void no_board_is_locked_without_its_boot_test(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(boots); i++) {
        scene_begin(boots[i].fault);
        scene.boot_test = true;
        enum err e = provision();
        if (e != boots[i].want || strstr(said, boots[i].words) == NULL)
            fail_msg("%s: error %d: %s", boots[i].name, (int)e, last_said());
        assert_int_equal(scene.booted[FAILED], boots[i].failed);
        assert_int_equal(scene.told, 1); /* the server sees nothing of it */
        assert_int_equal(scene.told_code, boots[i].want);
        assert_memory_equal(scene.told_uid, board_uid, UID_SIZE);
        assert_int_equal(scene.booted[STARTED], boots[i].started);
        assert_int_equal(scene.locks, boots[i].locks);
        assert_int_equal(scene.resets, 0);
    }
}

static void no_boot_test_unless_the_server_wants_it(void **state)
{
    (void)state;
    scene_begin(FAULT_NONE);
    check_complete("without boot test", provision());
    assert_int_equal(scene.boots, 0);
    assert_int_equal(called("Runs/Booted"), 0);
    assert_int_equal(scene.hellos, 0); /* DevAuth runs on, in its run */
}

/* What the firmware says decides, if its port is named. */
static void the_firmware_may_say_that_it_runs(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *said_before, *said_after;
        enum fault fault;
        enum err want;
        unsigned failed;
    } cases[] = {
        { "the line", "", "..it runs\r\n", FAULT_NONE, ERR_OK, 0 },
        { "SWD does not answer", "", "it runs", FAULT_BOOT_NOT_KNOWN, ERR_OK, 0 },
        { "another line", "", "it crawls", FAULT_NONE, ERR_BOOT, 1 },
        { "from before the reset", "it runs", "", FAULT_NONE, ERR_BOOT, 1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char fifo[] = "/tmp/test_site_lock_fifo.XXXXXX";
        assert_non_null(mkdtemp(fifo));
        char path[64];
        snprintf(path, sizeof(path), "%s/uart", fifo);
        assert_int_equal(mkfifo(path, 0600), 0);
        int file = open(path, O_RDWR | O_NONBLOCK);
        assert_true(file >= 0);
        scene_begin(cases[i].fault);
        scene.boot_test = true;
        scene.uart = file;
        scene.uart_text = cases[i].said_after;
        size_t before = strlen(cases[i].said_before);
        assert_int_equal(write(file, cases[i].said_before, before), before);
        enum err e = run_with(path, NULL);
        if (e != cases[i].want || scene.booted[FAILED] != cases[i].failed)
            fail_msg("%s: error %d: %s", cases[i].name, (int)e, last_said());
        close(file);
        unlink(path);
        rmdir(fifo);
    }
}

static void a_port_that_is_not_there_is_said_at_once(void **state)
{
    (void)state;
    scene_begin(FAULT_NONE);
    assert_int_equal(run_with("/nonexistent/tty", NULL), ERR_NOT_FOUND);
    assert_int_equal(scene.boards_opened, 0);
    assert_non_null(strstr(fail_words(), "/nonexistent/tty"));
}

/* Only of a board that was to be locked without a run, once, and only for what it found. */
static const struct {
    const char *name;
    enum fault fault;
    bool lock_written;
    enum err want;
    unsigned runs, locks;
} refusals[] = {
    { "it finds something else", FAULT_LOCK_FINDS_ONCE, false, ERR_OK, 1, 2 },
    { "each time", FAULT_LOCK_FINDS, false, ERR_MISMATCH, 1, 2 },
    { "the chip fails", FAULT_LOCK_CHIP, false, ERR_CHIP, 0, 1 },
    { "flash is damaged", FAULT_LOCK_VERIFY_ONCE, false, ERR_OK, 1, 2 },
    { "lock writes were made", FAULT_LOCK_FINDS_ONCE, true, ERR_OK, 1, 2 },
    { "lock writes were made, and it stays", FAULT_LOCK_FINDS, true, ERR_MISMATCH, 1, 2 },
};

static void a_board_that_refuses_its_lock_repeats_the_arrows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct fake_unit *unit = scene_unit(board_uid);
        scene_begin(refusals[i].fault);
        *unit = (struct fake_unit){ .finished = true,
                                    .committed = true,
                                    .lock_written = refusals[i].lock_written };
        enum err e = provision();
        if (e != refusals[i].want || scene.runs != refusals[i].runs ||
            scene.locks != refusals[i].locks)
            fail_msg("%s: error %d, %u runs, %u locks: %s", refusals[i].name, (int)e,
                     scene.runs, scene.locks, last_said());
        assert_true(scene.told != 0 && scene.told_code != 0);
        assert_non_null(strstr(scene.told_words, "Closing.Lock: "));
        if (refusals[i].runs != 0)
            assert_non_null(strstr(said, "the run is restarted"));
    }
}

/* From the first Closing.Lock on a board may have lock writes that the server does not know of:
 * when its arrows are repeated it is not attached to by pulling nRESET, whatever was asked. */
static void no_attach_under_reset_after_a_lock_write(void **state)
{
    (void)state;
    scene_begin(FAULT_LOCK_FINDS_ONCE);
    *scene_unit(board_uid) =
        (struct fake_unit){ .finished = true, .committed = true, .lock_written = true };
    under_reset = true;
    enum err e = provision();
    under_reset = false;
    check_complete("repeated", e);
    assert_int_equal(scene.boards_opened, 2);
    assert_int_equal(scene.opened_under_reset, 1); /* at the start, before any lock */
}

/* Nothing of it is an arrow; DevAuth comes by the unit's UID. */
static void a_committed_unit_needs_no_run(void **state)
{
    (void)state;
    scene_begin(FAULT_NONE);
    scene_unit(board_uid)->committed = true;
    check_complete("committed", provision());
    assert_int_equal(scene.runs, 0);
    assert_int_equal(scene.report_count, 0);
    assert_null(strstr(said, "\"arrow\""));
    assert_int_equal(scene.hellos, 1);
    for (size_t i = 0; i < scene.call_count; i++)
        assert_false(scene.calls[i].has_run);
}

/* The server of such a unit is lost: the same again, from the probe. */
static void flawed_answers_for_a_committed_unit(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        enum err want;
    } cases[] = { { FAULT_COMMIT_TAG, ERR_INVALID },
                  { FAULT_COMMIT_BARE, ERR_PROTO },
                  { FAULT_IMAGE_DIGEST, ERR_MISMATCH } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        scene_begin(cases[i].fault);
        scene_unit(board_uid)->committed = true;
        assert_int_equal(provision(), cases[i].want);
        assert_int_equal(scene.locks, 0);
        assert_int_equal(scene.resets, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_start_completes_the_board),
        cmocka_unit_test(a_board_that_shut_too_early_is_told_apart),
        cmocka_unit_test(a_failed_boot_test_is_repeated_by_the_next_start),
        cmocka_unit_test(no_board_is_locked_without_its_boot_test),
        cmocka_unit_test(no_boot_test_unless_the_server_wants_it),
        cmocka_unit_test(the_firmware_may_say_that_it_runs),
        cmocka_unit_test(a_port_that_is_not_there_is_said_at_once),
        cmocka_unit_test(a_board_that_refuses_its_lock_repeats_the_arrows),
        cmocka_unit_test(no_attach_under_reset_after_a_lock_write),
        cmocka_unit_test(a_committed_unit_needs_no_run),
        cmocka_unit_test(flawed_answers_for_a_committed_unit),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
