/* SPDX-License-Identifier: MIT */
/* A unit from Runs.Open to Runs.Sealed through the server's whole pipeline, and what may go
 * wrong. */
#include "tests/unit/check.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/call/settle.h"
#include "oem-server/store/hooks.h"
#include "oem-server/tlog/state.h"
#include "tests/unit/server_board.h"

static struct party alice, line_1, line_2;
static char po_1[] = "po-1";

static int set_up(void **state)
{
    if (bench_setup(state) != 0)
        return -1;
    party_add(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&line_1, HALLMARK__V1__ROLE__ROLE_STATION, "line-1");
    party_add(&line_2, HALLMARK__V1__ROLE__ROLE_STATION, "line-2");
    bench_order(&alice, "po-1", "line-1", 100, 1);
    bench_order(&alice, "po-3", "line-1", 100, 3);
    return 0;
}

static int tear_down(void **state)
{
    party_drop(&alice);
    party_drop(&line_1);
    party_drop(&line_2);
    return bench_teardown(state);
}

static void assert_state(const struct board *b, const char *want)
{
    char state[16];
    bench_state(b->uid, state);
    assert_string_equal(state, want);
}

#define OK(call)                                                                               \
    do {                                                                                       \
        enum err ok_ = (call);                                                                 \
        if (ok_ != ERR_OK)                                                                     \
            fail_msg("%s: %s", #call, fail_words());                                           \
    } while (0)

/* At production, with a boot test: the most that a unit costs. */
static void unit_costs_10_commits_and_15_operations(void **state)
{
    (void)state;
    struct board b;
    board_init(&b, &line_1, "po-3", 1);
    b.level = b.sealed_at = 3;
    b.reports_with_finish = true;
    uint64_t changes = atomic_load(&bench.server->changes), operations = hsm_operations_total();
    OK(board_arrows(&b, 33));
    OK(board_finish(&b));
    assert_state(&b, "finished");
    assert_int_equal(b.decision, HALLMARK__V1__KEY_DECISION__KEY_DECISION_WRITE);
    OK(board_commit(&b));
    assert_state(&b, "committed");
    b.tells_boot = true;
    OK(board_locked(&b));
    OK(board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT));
    assert_state(&b, "sealed");
    print_message("  a unit: %llu commits, %llu operations of the HSM\n",
                  (unsigned long long)(atomic_load(&bench.server->changes) - changes),
                  (unsigned long long)(hsm_operations_total() - operations));
    assert_int_equal(atomic_load(&bench.server->changes) - changes, 10);
    assert_int_equal(hsm_operations_total() - operations, 15);
    bench_check();
    board_fini(&b);
}

static void make_committed(struct board *b)
{
    OK(board_arrows(b, 33));
    OK(board_finish(b));
    OK(board_commit(b));
    assert_state(b, "committed");
}

/* The board lost power before its lock: no second run, another connection, even another
 * process. */
static void committed_unit_needs_no_run(void **state)
{
    (void)state;
    struct board b;
    board_init(&b, &line_1, "po-1", 2);
    make_committed(&b);
    party_hang_up(&line_1);
    party_connect(&line_1);
    Hallmark__V1__OpenResponse *opened = NULL;
    OK(board_open(&b, false, &opened));
    assert_int_equal(opened->run_id.len, 0);
    assert_non_null(opened->committed);
    assert_false(opened->repeat);
    board_take_committed(&b, opened->committed);
    hallmark__v1__open_response__free_unpacked(opened, NULL);
    assert_int_equal(board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT),
                     ERR_NOT_LOCKED);
    OK(board_locked(&b));
    OK(board_locked(&b)); /* asked again, same answer */
    OK(board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT));
    assert_state(&b, "sealed");
    assert_int_equal(board_open(&b, false, NULL), ERR_EXISTS);
    board_fini(&b);
}

/* Images may be fetched by UID then; nothing of another station's. */
static void image_is_fetched_by_uid(void **state)
{
    (void)state;
    struct board b;
    Hallmark__V1__FetchImageRequest in = HALLMARK__V1__FETCH_IMAGE_REQUEST__INIT;
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    board_init(&b, &line_1, "po-1", 3);
    make_committed(&b);
    in.sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.devauth };
    in.uid = (ProtobufCBinaryData){ UID_SIZE, b.uid };
    OK(party_call(&line_1, "hallmark.v1.Runs/FetchImage", &in.base, NULL,
                  &hallmark__v1__fetch_image_response__descriptor, &out));
    assert_int_equal(((Hallmark__V1__FetchImageResponse *)out)->size, 0x400);
    assert_int_equal(
        party_call(&line_2, "hallmark.v1.Runs/FetchImage", &in.base, NULL, NULL, NULL),
        ERR_NOT_FOUND);
    board_fini(&b);
}

/* The debug port decides, and what is not known is not shut. */
static void only_a_shut_port_seals(void **state)
{
    (void)state;
    struct board b;
    board_init(&b, &line_1, "po-1", 4);
    make_committed(&b);
    OK(board_locked(&b));
    assert_int_equal(board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_OPEN), ERR_OPEN);
    assert_int_equal(board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_NOT_KNOWN),
                     ERR_NOT_KNOWN);
    assert_state(&b, "committed");
    line_2.board = NULL;
    struct party *maker = b.station;
    b.station = &line_2;
    assert_int_equal(board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_OPEN),
                     ERR_NOT_FOUND);
    assert_int_not_equal(board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT), ERR_OK);
    b.station = maker;
    assert_state(&b, "committed");
    b.sealed_at = 0;
    assert_int_equal(board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT), ERR_MISMATCH);
    b.sealed_at = 3;
    assert_int_equal(board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT), ERR_MISMATCH);
    assert_state(&b, "committed");
    b.sealed_at = b.level;
    OK(board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT));
    board_fini(&b);
}

/* A boot test that failed asks for another run; Finish then keeps the key in the slot. */
static void failed_boot_is_repeated(void **state)
{
    (void)state;
    struct board b;
    Hallmark__V1__OpenResponse *opened = NULL;
    board_init(&b, &line_1, "po-1", 5);
    make_committed(&b);
    OK(board_booted(&b, false));
    OK(board_open(&b, false, &opened));
    assert_true(opened->repeat);
    hallmark__v1__open_response__free_unpacked(opened, NULL);
    OK(board_open(&b, true, NULL));
    OK(board_go_on(&b, 33));
    OK(board_finish(&b));
    assert_int_equal(b.decision, HALLMARK__V1__KEY_DECISION__KEY_DECISION_KEEP);
    assert_state(&b, "committed");
    OK(board_commit(&b));
    OK(board_locked(&b));
    OK(board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT));
    board_fini(&b);
}

/* Interrupted after each of the station's calls, by a hang-up and by the death of the server;
 * then made. Neither the claim nor the ROTPK becomes another. */
static void interrupted_unit_is_made_later(void **state)
{
    (void)state;
    static const unsigned lasts[] = { 3, 14, 17, 21, 24, 33 };
    struct board b;
    uint8_t rotpk[ROTPK_SIZE] = { 0 }, device[SHA256_SIZE] = { 0 };
    board_init(&b, &line_1, "po-1", 6);
    for (size_t i = 0; i < COUNT(lasts); i++) {
        print_message("  interrupted after arrow %u\n", lasts[i]);
        OK(board_arrows(&b, lasts[i]));
        if (lasts[i] == 33)
            OK(board_finish(&b));
        party_hang_up(&line_1);
        assert_int_equal(bench.server->runs.count, 0);
        assert_state(&b, lasts[i] == 3 ? "" : lasts[i] == 33 ? "finished" : "started");
        if (lasts[i] == 14)
            memcpy(device, b.device_sha256, sizeof(device));
        if (lasts[i] == 17)
            memcpy(rotpk, b.rotpk, sizeof(rotpk));
        party_connect(&line_1);
    }
    make_committed(&b);
    assert_memory_equal(rotpk, b.rotpk, sizeof(rotpk));
    assert_memory_equal(device, b.device_sha256, sizeof(device));
    bench_check();
    board_fini(&b);
}

/* Two connections, one UID: the second station hears who works on it; the same station
 * supersedes its own run, whose calls then fail. */
static void unit_has_one_holder(void **state)
{
    (void)state;
    struct board b, other;
    uint8_t old[RUN_ID_SIZE];
    board_init(&b, &line_1, "po-1", 7);
    board_init(&other, &line_2, "po-1", 7);
    OK(board_arrows(&b, 3));
    assert_int_equal(board_open(&other, false, NULL), ERR_BUSY);
    assert_non_null(strstr(fail_words(), "line-1"));
    memcpy(old, b.run_id, sizeof(old));
    OK(board_open(&b, false, NULL));
    assert_memory_not_equal(old, b.run_id, sizeof(old));
    memcpy(other.run_id, b.run_id, sizeof(old));
    memcpy(b.run_id, old, sizeof(old));
    bench_settle();
    assert_int_equal(board_certificate(&b), ERR_NOT_FOUND); /* it is over, and gone */
    memcpy(b.run_id, other.run_id, sizeof(old));
    b.transcript[0] = 0;
    OK(board_certificate(&b));
    party_hang_up(&line_1);
    party_connect(&line_1);
    board_fini(&b);
    board_fini(&other);
}

/* Another key for a UID that has a claim: one AUTHKEY and one certificate for a unit. */
static void second_key_is_refused(void **state)
{
    (void)state;
    struct board b, twin;
    board_init(&b, &line_1, "po-1", 8);
    OK(board_arrows(&b, 14));
    party_hang_up(&line_1);
    party_connect(&line_1);
    board_init(&twin, &line_1, "po-1", 8);
    OK(board_open(&twin, false, NULL));
    assert_int_not_equal(board_certificate(&twin), ERR_OK);
    party_hang_up(&line_1);
    party_connect(&line_1);
    board_fini(&twin);
    line_1.board = &b;
    make_committed(&b);
    board_fini(&b);
}

/* The server died: runs end with its next start, and the store is what the log says. */
static void restart_ends_runs(void **state)
{
    (void)state;
    struct board b, finished;
    board_init(&finished, &line_1, "po-1", 9);
    OK(board_arrows(&finished, 33));
    OK(board_finish(&finished));
    board_init(&b, &line_1, "po-1", 10);
    OK(board_arrows(&b, 17));
    party_hang_up(&alice);
    party_hang_up(&line_2);
    party_lose(&line_1);
    bench_restart();
    party_connect(&alice);
    party_connect(&line_1);
    party_connect(&line_2);
    assert_state(&b, "started");
    line_1.board = &finished;
    OK(board_commit(&finished)); /* from the store alone */
    OK(board_locked(&finished));
    OK(board_sealed(&finished, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT));
    line_1.board = &b;
    make_committed(&b);
    bench_check();
    board_fini(&b);
    board_fini(&finished);
}

/* A station that only pongs: its lease is over by the database's clock. */
static void silent_run_ends(void **state)
{
    (void)state;
    struct board b;
    board_init(&b, &line_1, "po-1", 11);
    OK(board_arrows(&b, 14));
    bench_sweep();
    assert_int_equal(bench.server->runs.count, 1);
    store_clock_offset(bench.server->store, INT64_C(901) * 1000000);
    bench_sweep();
    store_clock_offset(bench.server->store, 0);
    assert_int_equal(bench.server->runs.count, 0);
    assert_int_equal(b.ended, ERR_ABORTED); /* RunControl.End came */
    assert_state(&b, "started");
    make_committed(&b);
    board_fini(&b);
}

/* Nothing that a Hello says fails a unit: the run ends in words, and the UID stays free. */
static void hello_ends_a_run_at_most(void **state)
{
    (void)state;
    struct board b;
    board_init(&b, &line_1, "po-1", 13);
    OK(board_open(&b, false, NULL));
    b.other_rotpk = true;
    assert_int_equal(board_certificate(&b), ERR_MISMATCH);
    assert_non_null(strstr(fail_words(), "another ROTPK"));
    assert_int_equal(b.ended, ERR_ABORTED);
    assert_state(&b, "");
    b.other_rotpk = false;
    b.odd_slot = 9;
    OK(board_open(&b, false, NULL));
    assert_int_equal(board_certificate(&b), ERR_MISMATCH);
    assert_non_null(strstr(fail_words(), "slot 9"));
    b.odd_slot = 0;
    make_committed(&b);
    board_fini(&b);
}

/* OTP 2 is used and its page blank: only a key that this UID has already is taken. */
static void spoilt_key_gets_no_claim(void **state)
{
    (void)state;
    struct board b;
    board_init(&b, &line_1, "po-1", 14);
    b.unrecorded = true;
    OK(board_open(&b, false, NULL));
    assert_int_equal(board_certificate(&b), ERR_SPOILT);
    assert_state(&b, "");
    b.unrecorded = false;
    OK(board_arrows(&b, 14));
    b.unrecorded = true; /* its page went later: the key is known */
    make_committed(&b);
    board_fini(&b);
}

/* Another generation: a new certificate for the same key, and leave to write the record again.
 */
static void released_unit_is_made_again(void **state)
{
    (void)state;
    struct board b;
    Hallmark__V1__ReleaseUnitRequest in = HALLMARK__V1__RELEASE_UNIT_REQUEST__INIT;
    static char reason[] = "mass erase";
    uint8_t device[SHA256_SIZE], rotpk[ROTPK_SIZE];
    board_init(&b, &line_1, "po-1", 15);
    OK(board_arrows(&b, 24));
    assert_false(b.recreate);
    memcpy(device, b.device_sha256, sizeof(device));
    memcpy(rotpk, b.rotpk, sizeof(rotpk));
    in.uid = (ProtobufCBinaryData){ UID_SIZE, b.uid };
    in.reason = reason;
    OK(party_call(&alice, "hallmark.v1.Units/Release", &in.base, NULL, NULL, NULL));
    bench_settle();
    assert_int_equal(b.ended, ERR_ABORTED);
    assert_int_equal(bench.server->runs.count, 0);
    make_committed(&b);
    assert_true(b.recreate);
    assert_memory_equal(rotpk, b.rotpk, sizeof(rotpk));
    assert_memory_not_equal(device, b.device_sha256, sizeof(device));
    bench_check();
    board_fini(&b);
}

/* --- Ends. --- */

static Hallmark__V1__CheckResponse health(void)
{
    Hallmark__V1__CheckRequest in = HALLMARK__V1__CHECK_REQUEST__INIT;
    ProtobufCMessage *out = NULL;
    OK(party_call(&alice, "hallmark.v1.Health/Check", &in.base, NULL,
                  &hallmark__v1__check_response__descriptor, &out));
    Hallmark__V1__CheckResponse copy = *(Hallmark__V1__CheckResponse *)out;
    protobuf_c_message_free_unpacked(out, NULL);
    return copy;
}

/* It tries that by itself, once a second. */
static void store_works_again(void)
{
    struct store_health store;
    store_fail(bench.server->store, false);
    do {
        sched_yield();
        store_health(bench.server->store, &store);
    } while (store.fails);
}

/* The store fails when the run ends: it stays in the list, with its entries, until they can be
 * written; then the unit is free for another run. */
static void an_end_waits_for_the_store(void **state)
{
    (void)state;
    struct board b;
    board_init(&b, &line_1, "po-1", 30);
    OK(board_arrows(&b, 26)); /* a report of it is staged */
    unsigned entries = bench_entries("run");
    store_fail(bench.server->store, true);
    party_hang_up(&line_1);
    assert_int_equal(bench.server->runs.count, 1);
    bench_sweep();
    assert_int_equal(bench.server->runs.count, 1);
    assert_int_equal(run_count_ending(bench.server), 1);
    store_works_again();
    party_connect(&line_1);
    assert_int_equal(health().ending, 1);
    assert_int_equal(bench_entries("run"), entries);
    while (run_count_ending(bench.server) != 0) /* not in the same millisecond */
        bench_sweep();
    assert_int_equal(bench.server->runs.count, 0);
    assert_int_equal(health().ending, 0);
    assert_int_equal(bench_entries("run"), entries + 1);
    bench_check();
    make_committed(&b);
    board_fini(&b);
}

/* The last try is when the server stops. */
static void an_end_is_written_at_drain(void **state)
{
    (void)state;
    struct board b;
    board_init(&b, &line_1, "po-1", 31);
    OK(board_arrows(&b, 14));
    unsigned entries = bench_entries("run");
    store_fail(bench.server->store, true);
    party_hang_up(&line_1);
    assert_int_equal(run_count_ending(bench.server), 1);
    store_fail(bench.server->store, false);
    party_lose(&alice);
    party_lose(&line_2);
    bench_restart(); /* which drains */
    party_connect(&alice);
    party_connect(&line_1);
    party_connect(&line_2);
    assert_int_equal(bench_entries("run"), entries + 1);
    assert_state(&b, "started");
    bench_check();
    board_fini(&b);
}

static enum err old_run_gets(const struct board *b, const uint8_t run_id[static RUN_ID_SIZE])
{
    Hallmark__V1__ReportRequest in = HALLMARK__V1__REPORT_REQUEST__INIT;
    (void)b;
    return party_call(&line_1, "hallmark.v1.Runs/Report", &in.base,
                      &(struct asking){ .run_id = span_of(run_id, RUN_ID_SIZE) }, NULL, NULL);
}

/* What takes the holder away ends the run in memory, that very run and no other. */
static void the_run_that_lost_its_unit_ends(void **state)
{
    (void)state;
    struct board b;
    static char why[] = "looked at it", other[] = "line-2", back[] = "line-1";
    Hallmark__V1__AcceptUnitRequest accept = HALLMARK__V1__ACCEPT_UNIT_REQUEST__INIT;
    Hallmark__V1__ReassignUnitsRequest move = HALLMARK__V1__REASSIGN_UNITS_REQUEST__INIT;
    board_init(&b, &line_1, "po-1", 32);
    make_committed(&b);
    bench_settle();
    assert_int_equal(bench.server->runs.count, 0);

    OK(board_open(&b, true, NULL)); /* a committed Open supersedes the repeat */
    assert_int_equal(bench.server->runs.count, 1);
    OK(board_open(&b, false, NULL));
    bench_settle();
    assert_int_equal(bench.server->runs.count, 0);

    uint8_t run_id[RUN_ID_SIZE];
    OK(board_open(&b, true, NULL));
    memcpy(run_id, b.run_id, RUN_ID_SIZE);
    OK(board_open(&b, true, NULL)); /* a new run ends the old one alone */
    bench_settle();
    assert_int_equal(bench.server->runs.count, 1);
    assert_int_not_equal(old_run_gets(&b, run_id), ERR_OK);

    move.uid = accept.uid = (ProtobufCBinaryData){ UID_SIZE, b.uid };
    move.reason = accept.reason = why;
    move.to = other;
    OK(party_call(&alice, "hallmark.v1.Units/Reassign", &move.base, NULL, NULL, NULL));
    bench_settle();
    assert_int_equal(bench.server->runs.count, 0);
    move.to = back;
    OK(party_call(&alice, "hallmark.v1.Units/Reassign", &move.base, NULL, NULL, NULL));

    OK(board_open(&b, true, NULL));
    assert_int_equal(bench.server->runs.count, 1);
    OK(party_call(&alice, "hallmark.v1.Units/Accept", &accept.base, NULL, NULL, NULL));
    bench_settle();
    assert_int_equal(bench.server->runs.count, 0);
    assert_state(&b, "sealed");
    board_fini(&b);
}

/* A seal without the run that repeats. */
static void a_seal_ends_a_repeat(void **state)
{
    (void)state;
    struct board b;
    board_init(&b, &line_1, "po-1", 33);
    make_committed(&b);
    OK(board_locked(&b));
    OK(board_open(&b, true, NULL));
    bench_settle();
    assert_int_equal(bench.server->runs.count, 1);
    OK(board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT));
    bench_settle();
    assert_int_equal(bench.server->runs.count, 0);
    board_fini(&b);
}

enum { LINES = 4, UNITS_EACH = 3 };
struct line {
    struct party party;
    char name[16], order[16];
    unsigned failures;
    uint8_t first;
};

static void *work_line(void *context)
{
    struct line *line = context;
    for (unsigned i = 0; i < UNITS_EACH; i++) {
        struct board b;
        board_init(&b, &line->party, line->order, (uint8_t)(line->first + i));
        if (board_arrows(&b, 33) != ERR_OK || board_finish(&b) != ERR_OK ||
            board_commit(&b) != ERR_OK || board_locked(&b) != ERR_OK ||
            board_sealed(&b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT) != ERR_OK)
            line->failures++;
        board_fini(&b);
    }
    return NULL;
}

/* Many stations at once; fewer commits than one by one, for the store groups them. */
static void stations_work_side_by_side(void **state)
{
    (void)state;
    static struct line lines[LINES];
    pthread_t threads[LINES];
    for (unsigned i = 0; i < LINES; i++) {
        snprintf(lines[i].name, sizeof(lines[i].name), "side-%u", i);
        snprintf(lines[i].order, sizeof(lines[i].order), "side-po-%u", i);
        lines[i].first = (uint8_t)(100 + i * UNITS_EACH);
        party_add(&lines[i].party, HALLMARK__V1__ROLE__ROLE_STATION, lines[i].name);
        bench_order(&alice, lines[i].order, lines[i].name, UNITS_EACH, 1);
    }
    for (unsigned i = 0; i < LINES; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work_line, &lines[i]), 0);
    for (unsigned i = 0; i < LINES; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < LINES; i++) {
        assert_int_equal(lines[i].failures, 0);
        party_drop(&lines[i].party);
    }
    bench_check();
}

static uint32_t order_unlocked(char *name)
{
    Hallmark__V1__ShowOrderRequest in = HALLMARK__V1__SHOW_ORDER_REQUEST__INIT;
    ProtobufCMessage *out = NULL;
    in.name = name;
    OK(party_call(&alice, "hallmark.v1.Orders/Show", &in.base, NULL,
                  &hallmark__v1__show_order_response__descriptor, &out));
    uint32_t unlocked = ((Hallmark__V1__ShowOrderResponse *)out)->counts->unlocked;
    protobuf_c_message_free_unpacked(out, NULL);
    return unlocked;
}

static unsigned alarms(void)
{
    bench_sweep();
    return bench_entries("alarm");
}

/* Committed for over an hour without a lock statement: an alarm, once a unit and hour. */
static void unlocked_unit_is_an_alarm(void **state)
{
    (void)state;
    struct board b;
    board_init(&b, &line_1, "po-1", 12);
    make_committed(&b);
    unsigned before = alarms();
    store_clock_offset(bench.server->store, INT64_C(3700) * 1000000);
    bench.server->alarmed_ms = 0;
    unsigned after = alarms();
    assert_true(after > before);
    bench.server->alarmed_ms = 0;
    assert_int_equal(alarms(), after);
    assert_true(health().unlocked > 0);
    assert_true(order_unlocked(po_1) > 0);
    store_clock_offset(bench.server->store, 0);
    assert_int_equal(order_unlocked(po_1), 0);
    board_fini(&b);
}

#define TWO_YEARS_US (INT64_C(2 * 365 * 24 * 3600) * 1000000)

/* The database's clock is set back by two years: neither the unit's time nor its last alarm,
 * which are both to come, keep it from being told. */
static void an_alarm_survives_the_clock(void **state)
{
    (void)state;
    struct board b;
    board_init(&b, &line_1, "po-1", 34);
    store_clock_offset(bench.server->store, TWO_YEARS_US);
    make_committed(&b);
    store_clock_offset(bench.server->store, TWO_YEARS_US + INT64_C(3700) * 1000000);
    bench.server->alarmed_ms = 0;
    unsigned before = alarms();
    store_clock_offset(bench.server->store, 0);
    bench.server->alarmed_ms = 0;
    unsigned after = alarms();
    assert_true(after > before);
    bench.server->alarmed_ms = 0;
    assert_int_equal(alarms(), after);
    assert_true(health().unlocked > 0);
    assert_true(order_unlocked(po_1) > 0);
    board_fini(&b);
}

static unsigned clock_entries(void)
{
    bench_sweep();
    return bench_entries("clock");
}

/* While the server runs: the sweep tells it, though nobody calls. */
static void a_clock_that_is_set_is_told(void **state)
{
    (void)state;
    unsigned before = clock_entries();
    OK(server_do(bench.server, tlog_clock_accept, bench.server->log, 0)); /* earlier tests' */
    assert_int_equal(health().clock_behind_s, 0);
    store_clock_offset(bench.server->store, -INT64_C(86400) * 1000000);
    assert_int_equal(clock_entries(), before + 1);
    assert_in_range(health().clock_behind_s, 86300, 86400);
    assert_int_equal(clock_entries(), before + 1);
    store_clock_offset(bench.server->store, 0);
    assert_int_equal(clock_entries(), before + 2);
    assert_int_equal(health().clock_behind_s, 0);
    bench_check();
}

/* The clock of the store, a new look, and how often it was told. */
static unsigned expiries_at(int64_t offset_us)
{
    store_clock_offset(bench.server->store, offset_us);
    bench.server->expiring_ms = 0;
    bench_sweep();
    return bench_entries("expiry");
}

static bool expires(const char *kind, const char *name)
{
    bool found = false;
    for (unsigned i = 0; i < bench.server->expiring_kept; i++)
        found |= strcmp(bench.server->expiring[i].kind, kind) == 0 &&
                 strcmp(bench.server->expiring[i].name, name) == 0;
    return found;
}

/* All certificates here are of two years: 731 days. */
static void what_expires_is_told_once_a_day(void **state)
{
    (void)state;
    const int64_t day_us = INT64_C(86400) * 1000000;
    unsigned before = expiries_at(670 * day_us);
    assert_int_equal(health().expiring_count, 0);
    assert_int_equal(expiries_at(672 * day_us), before + 1);
    assert_true(expires("web server", "") && expires("operator", "alice") &&
                expires("station", "line-1"));
    assert_false(expires("root", "") || expires("issuing", ""));
    assert_int_equal(health().expiring_count, bench.server->expiring_count);
    assert_int_equal(expiries_at(672 * day_us), before + 1);
    assert_int_equal(expiries_at(673 * day_us + day_us / 24), before + 2);
    assert_int_equal(expiries_at(740 * day_us), before + 3); /* expired */
    assert_true(expires("web server", ""));
    assert_int_equal(expiries_at(0), before + 3);
    assert_int_equal(health().expiring_count, 0);
    bench_check();
}

static enum err enter_note(struct store_tx *tx, void *context)
{
    struct event event;
    (void)context;
    event_init(&event, "alarm", "oem-server", ERR_OK, "by a clock that is ahead");
    return tlog_append(bench.server->log, tx, &event.pb, NULL);
}

static enum err start_again(bool clock_is_right)
{
    const struct server_accepts accepts = { .clock = clock_is_right };
    server_close(TAKE(bench.server));
    OK(server_open(&bench.config, &bench.server));
    return server_resume(bench.server, &accepts);
}

/* The last entry is two years ahead; the last test, for it leaves such an entry. */
static void a_clock_behind_the_log_is_refused(void **state)
{
    (void)state;
    store_clock_offset(bench.server->store, TWO_YEARS_US);
    OK(server_do(bench.server, enter_note, NULL, 0));
    unsigned before = bench_entries("clock");
    party_lose(&alice);
    party_lose(&line_1);
    party_lose(&line_2);
    assert_int_equal(start_again(false), ERR_UNAVAILABLE);
    assert_non_null(strstr(fail_words(), "the clock says 20"));
    assert_non_null(strstr(fail_words(), "last entry was made at 20"));
    assert_non_null(strstr(fail_words(), "--clock-is-right"));
    OK(start_again(true));
    party_connect(&alice);
    assert_int_equal(bench_entries("clock"), before + 1);
    assert_int_equal(health().clock_behind_s, 0);
    party_lose(&alice);
    OK(start_again(false)); /* once is enough */
    party_connect(&alice);
    party_connect(&line_1);
    party_connect(&line_2);
    bench_check();
}

/* --- What an entry says of the station. --- */

struct said {
    const uint8_t *uid;
    char probe[161], software[65], message[641];
    bool probe_digest; /* the probe was cut or cleaned */
    unsigned count;
};

static enum err take_said(void *context, uint64_t index, struct span entry)
{
    (void)index;
    struct said *said = context;
    AUTO(rpc_drop) ProtobufCMessage *message = NULL;
    TRY(rpc_unpack(&hallmark__v1__event__descriptor, entry, &message));
    const Hallmark__V1__Event *event = (const Hallmark__V1__Event *)message;
    snprintf(said->probe, sizeof(said->probe), "%s", event->probe);
    snprintf(said->software, sizeof(said->software), "%s", event->software);
    snprintf(said->message, sizeof(said->message), "%s", event->message);
    said->probe_digest = false;
    for (size_t i = 0; i < event->n_digests; i++)
        said->probe_digest |= strcmp(event->digests[i]->name, "probe") == 0;
    said->count++;
    return ERR_OK;
}

static enum err read_said(struct store_tx *tx, void *context)
{
    struct said *said = context;
    const struct store_log_search search = { .unit = said->uid,
                                             .method = "hallmark.v1.Runs/Open" };
    return store_log_find(tx, &search, 0, 1000, take_said, said);
}

/* The entry of a run's opening, also of one that was refused, names probe and agent; bounded
 * and cleaned. */
static void an_open_says_what_with(void **state)
{
    (void)state;
    static const struct {
        const char *order, *probe, *software;
        enum err want;
        const char *says, *with;
    } cases[] = {
        { "po-1", "usb:port=1-2.3", "station-agent/9.1", ERR_OK, "usb:port=1-2.3",
          "station-agent/9.1" },
        { "po-1", "tcp://\x1b[2J",
          "a\xc2\x9b"
          "b",
          ERR_OK, "tcp://?[2J", "a?b" },
        { "there-is-none", "left", "other/1", ERR_NOT_FOUND, "left", "other/1" },
        { "po-1", "", "", ERR_OK, "", "oem-server " HALLMARK_VERSION },
    };
    uint8_t uid[UID_SIZE] = { 0xa7, 1 };
    char order[32], probe[200], software[64];
    for (size_t i = 0; i < COUNT(cases); i++) {
        Hallmark__V1__OpenRequest in = HALLMARK__V1__OPEN_REQUEST__INIT;
        struct said said = { .uid = uid };
        uid[2] = (uint8_t)i;
        snprintf(order, sizeof(order), "%s", cases[i].order);
        snprintf(probe, sizeof(probe), "%s", cases[i].probe);
        snprintf(software, sizeof(software), "%s", cases[i].software);
        in.order = order, in.probe = probe, in.software = software;
        in.uid = (ProtobufCBinaryData){ UID_SIZE, uid };
        assert_int_equal(
            party_call(&line_1, "hallmark.v1.Runs/Open", &in.base, NULL, NULL, NULL),
            cases[i].want);
        OK(store_read(bench.server->store, read_said, &said, rpc_now_ms() + 5000));
        assert_int_equal(said.count, 1);
        assert_string_equal(said.probe, cases[i].says);
        assert_string_equal(said.software, cases[i].with);
        assert_int_equal(said.probe_digest, strcmp(cases[i].says, cases[i].probe) != 0);
    }
    Hallmark__V1__OpenRequest in = HALLMARK__V1__OPEN_REQUEST__INIT;
    struct said said = { .uid = uid };
    uid[2] = 0xff;
    memset(probe, 'p', sizeof(probe) - 1), probe[sizeof(probe) - 1] = '\0';
    in.order = po_1, in.probe = probe;
    in.uid = (ProtobufCBinaryData){ UID_SIZE, uid };
    OK(party_call(&line_1, "hallmark.v1.Runs/Open", &in.base, NULL, NULL, NULL));
    OK(store_read(bench.server->store, read_said, &said, rpc_now_ms() + 5000));
    assert_int_equal(strlen(said.probe), 160);
    assert_true(said.probe_digest);
    party_hang_up(&line_1); /* its runs end */
    party_connect(&line_1);
    bench_check();
}

/* The call that reports a failure at the station, whatever its status, is answered in the
 * station's words: it is not the server that failed. */
static void a_station_that_fails_is_not_the_server(void **state)
{
    (void)state;
    static const struct {
        uint32_t status, code;
        enum err want;
    } cases[] = {
        { 13, 0, ERR_ABORTED },
        { 13, ERR_HSM, ERR_ABORTED },
        { 13, ERR_INTERNAL, ERR_ABORTED },
        { 15, ERR_DATA_LOSS, ERR_ABORTED },
        { 14, ERR_UNAVAILABLE, ERR_UNAVAILABLE },
        { 9, 0, ERR_PRECONDITION },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct board b;
        uint8_t digest[SHA256_SIZE] = { 1 };
        Hallmark__V1__ArrowReport row = HALLMARK__V1__ARROW_REPORT__INIT, *rows[] = { &row };
        Hallmark__V1__ReportRequest in = HALLMARK__V1__REPORT_REQUEST__INIT;
        Hallmark__V1__ArrowReports reports = HALLMARK__V1__ARROW_REPORTS__INIT;
        board_init(&b, &line_1, "po-1", (uint8_t)(0xf0 + i));
        OK(board_open(&b, false, NULL));
        const struct asking asking = { SPAN(b.run_id), &reports, NULL };
        row.arrow = 4;
        row.status = cases[i].status;
        row.code = cases[i].code;
        row.message = (char *)(uintptr_t) "the probe burnt";
        row.request_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, digest };
        reports.reports = rows, reports.n_reports = 1;
        assert_int_equal(
            party_call(&line_1, "hallmark.v1.Runs/Report", &in.base, &asking, NULL, NULL),
            cases[i].want);
        assert_string_equal(fail_words(),
                            "this run is over: arrow 4 failed at the station: the probe burnt");
        bench_settle();
        board_fini(&b);
    }
}

/* --- Stored answers. --- */

enum { ANSWERS = SERVER_ANSWERS_STEP * 2 + 7 };

static void key_of(unsigned i, uint8_t key[static STORE_CALL_KEY_SIZE])
{
    memset(key, 0, STORE_CALL_KEY_SIZE);
    key[0] = (uint8_t)i;
    key[1] = (uint8_t)(i >> 8);
}

static enum err put_answers(struct store_tx *tx, void *context)
{
    (void)context;
    uint8_t key[STORE_CALL_KEY_SIZE], byte[] = { 1 };
    const struct store_answer answer = { .response = { byte, 1, 1 } };
    for (unsigned i = 0; i < ANSWERS; i++) {
        key_of(i, key);
        TRY(store_answer_put(tx, "spiffe://x/station/old", key, &answer));
    }
    return ERR_OK;
}

static enum err count_answers(struct store_tx *tx, void *context)
{
    unsigned *count = context;
    *count = 0;
    for (unsigned i = 0; i < ANSWERS; i++) {
        AUTO(store_answer_free) struct store_answer answer = { 0 };
        uint8_t key[STORE_CALL_KEY_SIZE];
        key_of(i, key);
        enum err found = store_answer_get(tx, "spiffe://x/station/old", key, &answer);
        if (found != ERR_OK && found != ERR_NOT_FOUND)
            return found;
        *count += found == ERR_OK ? 1u : 0u;
    }
    return ERR_OK;
}

static unsigned answers_left(void)
{
    unsigned count = 0;
    OK(store_read(bench.server->store, count_answers, &count, rpc_now_ms() + 5000));
    return count;
}

#define ANSWERS_US (INT64_C(24) * 3600 * 1000000) /* the wire's 24 h */
#define SECOND_US  INT64_C(1000000)

/* The clock was set, which is entered; and then nothing for a day. */
static void time_goes_to(int64_t offset_us)
{
    store_clock_offset(bench.server->store, offset_us);
    bench_sweep();
    pthread_mutex_lock(&bench.server->log->mutex);
    bench.server->log->clock.set_us = bench.server->log->known.set_us = 0;
    pthread_mutex_unlock(&bench.server->log->mutex);
}

/* Sweeps at that time until there is nothing to be done; how often something was. */
static unsigned sweep_at(int64_t offset_us)
{
    unsigned worked = 0;
    unsigned long long before;
    time_goes_to(offset_us);
    do {
        before = atomic_load(&bench.server->changes);
        bench_sweep();
        worked++;
    } while (atomic_load(&bench.server->changes) != before);
    return worked - 1;
}

/* No call has to come for it: the server's regular work removes them when their time is over,
 * some at a time, and makes no change when there is nothing to remove. */
static void answers_expire_in_steps(void **state)
{
    (void)state;
    const int64_t start_us = ANSWERS_US + SECOND_US, end_us = start_us + ANSWERS_US;
    sweep_at(start_us); /* those of the other tests */
    OK(server_do(bench.server, put_answers, NULL, 0));
    assert_int_equal(sweep_at(end_us - 30 * SECOND_US), 0);
    assert_int_equal(answers_left(), ANSWERS);
    store_clock_offset(bench.server->store, end_us + SECOND_US);
    bench_sweep();
    assert_int_equal(answers_left(), ANSWERS - SERVER_ANSWERS_STEP);
    bench_sweep();
    assert_int_equal(answers_left(), 7);
    bench_sweep();
    assert_int_equal(answers_left(), 0);
    assert_int_equal(sweep_at(end_us + SECOND_US), 0);
    OK(server_do(bench.server, put_answers, NULL, 0)); /* and then the clock is set back */
    assert_int_equal(sweep_at(0), 3);
    assert_int_equal(answers_left(), 0);
    bench_check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unit_costs_10_commits_and_15_operations),
        cmocka_unit_test(committed_unit_needs_no_run),
        cmocka_unit_test(image_is_fetched_by_uid),
        cmocka_unit_test(only_a_shut_port_seals),
        cmocka_unit_test(failed_boot_is_repeated),
        cmocka_unit_test(interrupted_unit_is_made_later),
        cmocka_unit_test(unit_has_one_holder),
        cmocka_unit_test(second_key_is_refused),
        cmocka_unit_test(restart_ends_runs),
        cmocka_unit_test(silent_run_ends),
        cmocka_unit_test(hello_ends_a_run_at_most),
        cmocka_unit_test(spoilt_key_gets_no_claim),
        cmocka_unit_test(released_unit_is_made_again),
        cmocka_unit_test(stations_work_side_by_side),
        cmocka_unit_test(an_end_waits_for_the_store),
        cmocka_unit_test(an_end_is_written_at_drain),
        cmocka_unit_test(the_run_that_lost_its_unit_ends),
        cmocka_unit_test(a_seal_ends_a_repeat),
        cmocka_unit_test(unlocked_unit_is_an_alarm),
        cmocka_unit_test(an_alarm_survives_the_clock),
        cmocka_unit_test(an_open_says_what_with),
        cmocka_unit_test(a_station_that_fails_is_not_the_server),
        cmocka_unit_test(a_clock_that_is_set_is_told),
        cmocka_unit_test(what_expires_is_told_once_a_day),
        cmocka_unit_test(a_clock_behind_the_log_is_refused),
        cmocka_unit_test(answers_expire_in_steps),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
