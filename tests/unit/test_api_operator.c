/* SPDX-License-Identifier: MIT */
/* What operators do, what a revocation stops, calls that are made twice, and an edited store.
 */
#include "tests/unit/check.h"

#include <sqlite3.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/api/log_state.h"
#include "tests/unit/server_board.h"

static struct party alice, line_1, line_2;
static char reason[] = "tried \xc3\xa4 board";

static int set_up(void **state)
{
    if (bench_setup(state) != 0)
        return -1;
    party_add(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&line_1, HALLMARK__V1__ROLE__ROLE_STATION, "line-1");
    party_add(&line_2, HALLMARK__V1__ROLE__ROLE_STATION, "line-2");
    bench_order(&alice, "po-1", "line-1", 100, 1);
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

static ProtobufCBinaryData uid_of(struct board *b)
{
    return (ProtobufCBinaryData){ UID_SIZE, b->uid };
}

static void make_committed(struct board *b)
{
    OK(board_arrows(b, 33));
    OK(board_finish(b));
    OK(board_commit(b));
}

static enum err ask(const char *method, const ProtobufCMessage *in)
{
    char full[64];
    snprintf(full, sizeof(full), "hallmark.v1.%s", method);
    enum err e = party_call(&alice, full, in, NULL, NULL, NULL);
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    bench_settle();
    fail_set(words);
    return e;
}

static void orders_are_refused_in_words(void **state)
{
    (void)state;
    struct {
        const char *name;
        uint32_t level, quantity;
        const char *lot;
        enum err want;
        const char *words;
    } rows[] = {
        { "password", 2, 1, "", ERR_INVALID, "password" },
        { "no-level", 0, 1, "", ERR_INVALID, "dev or production" },
        { "no-units", 1, 0, "", ERR_INVALID, "quantity" },
        { "bad-lot", 1, 1, "a\nb", ERR_INVALID, "printable" },
        { "UPPER", 1, 1, "", ERR_INVALID, "order" },
        { "po-1", 1, 1, "", ERR_EXISTS, "exists" },
        { "good", 1, 1, "lot 7", ERR_OK, "" },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        Hallmark__V1__CreateOrderRequest in = HALLMARK__V1__CREATE_ORDER_REQUEST__INIT;
        Hallmark__V1__Order o = HALLMARK__V1__ORDER__INIT;
        char *stations[] = { line_1.who.name };
        in.order = &o;
        o.name = (char *)(uintptr_t)rows[i].name;
        o.quantity = rows[i].quantity;
        o.lot = (char *)(uintptr_t)rows[i].lot;
        o.lock_level = (Hallmark__V1__LockLevel)rows[i].level;
        o.boot_key_scope = HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_ORDER;
        o.firmware_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.firmware };
        o.devauth_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.devauth };
        o.n_stations = 1;
        o.stations = stations;
        o.not_after = 253402300799;
        enum err e = ask("Orders/Create", &in.base);
        if (e != rows[i].want || (e != ERR_OK && strstr(fail_words(), rows[i].words) == NULL))
            fail_msg("%s: %d %s", rows[i].name, e, fail_words());
    }
}

static void act_without_a_reason_is_refused(void **state)
{
    (void)state;
    static char long_reason[258], empty[] = "", control[] = "a\x01";
    memset(long_reason, 'a', 257);
    char *reasons[] = { empty, control, long_reason };
    struct board b;
    board_init(&b, &line_1, "po-1", 1);
    OK(board_arrows(&b, 14));
    for (size_t i = 0; i < COUNT(reasons); i++) {
        Hallmark__V1__ScrapUnitRequest in = HALLMARK__V1__SCRAP_UNIT_REQUEST__INIT;
        in.uid = uid_of(&b);
        in.reason = reasons[i];
        assert_int_equal(ask("Units/Scrap", &in.base), ERR_INVALID);
    }
    assert_int_equal(bench.server->runs.count, 1);
    Hallmark__V1__ScrapUnitRequest in = HALLMARK__V1__SCRAP_UNIT_REQUEST__INIT;
    in.uid = uid_of(&b);
    in.reason = reason;
    OK(ask("Units/Scrap", &in.base));
    assert_state(&b, "scrapped");
    assert_int_equal(bench.server->runs.count, 0); /* its run ended with it */
    assert_int_equal(b.ended, ERR_ABORTED);
    board_fini(&b);
}

/* A board that is bad before its receipt: only a started unit fails, and its UID is free again
 * only when it is released. */
static void a_started_unit_is_failed(void **state)
{
    (void)state;
    static char nothing[] = "";
    struct board b;
    Hallmark__V1__FailUnitRequest in = HALLMARK__V1__FAIL_UNIT_REQUEST__INIT;
    Hallmark__V1__ReleaseUnitRequest release = HALLMARK__V1__RELEASE_UNIT_REQUEST__INIT;
    board_init(&b, &line_1, "po-1", 0x41);
    in.uid = release.uid = uid_of(&b);
    in.reason = reason;
    assert_int_equal(ask("Units/Fail", &in.base), ERR_NOT_FOUND);
    OK(board_arrows(&b, 14));
    in.reason = nothing;
    assert_int_equal(ask("Units/Fail", &in.base), ERR_INVALID);
    assert_state(&b, "started");
    in.reason = release.reason = reason;
    OK(ask("Units/Fail", &in.base));
    assert_state(&b, "failed");
    assert_int_equal(bench.server->runs.count, 0);
    assert_int_equal(b.ended, ERR_ABORTED);
    assert_int_equal(ask("Units/Fail", &in.base), ERR_PRECONDITION);
    assert_int_not_equal(board_open(&b, false, NULL), ERR_OK);
    assert_state(&b, "failed");
    OK(ask("Units/Release", &release.base));
    make_committed(&b);
    assert_int_equal(ask("Units/Fail", &in.base), ERR_PRECONDITION);
    assert_state(&b, "committed");
    board_fini(&b);
    bench_check();
}

static void run_is_ended_by_an_operator(void **state)
{
    (void)state;
    struct board b;
    Hallmark__V1__ListRunsRequest list = HALLMARK__V1__LIST_RUNS_REQUEST__INIT;
    Hallmark__V1__EndHolderRequest end = HALLMARK__V1__END_HOLDER_REQUEST__INIT;
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    board_init(&b, &line_1, "po-1", 2);
    OK(board_arrows(&b, 17));
    OK(party_call(&alice, "hallmark.v1.RunTable/List", &list.base, NULL,
                  &hallmark__v1__list_runs_response__descriptor, &out));
    const Hallmark__V1__ListRunsResponse *runs = (Hallmark__V1__ListRunsResponse *)out;
    assert_int_equal(runs->n_runs, 1);
    assert_string_equal(runs->runs[0]->station, "line-1");
    assert_string_equal(runs->runs[0]->server, "test");
    end.run_id = runs->runs[0]->run_id;
    end.reason = reason;
    OK(ask("RunTable/End", &end.base));
    assert_int_equal(b.ended, ERR_ABORTED);
    assert_int_equal(ask("RunTable/End", &end.base), ERR_NOT_FOUND);
    assert_state(&b, "started");
    make_committed(&b);
    board_fini(&b);
}

static void closed_order_takes_no_unit(void **state)
{
    (void)state;
    struct board b;
    Hallmark__V1__CloseOrderRequest in = HALLMARK__V1__CLOSE_ORDER_REQUEST__INIT;
    static char name[] = "po-close";
    bench_order(&alice, name, "line-1", 5, 1);
    board_init(&b, &line_1, name, 3);
    OK(board_arrows(&b, 14));
    in.name = name;
    in.reason = reason;
    in.now = true;
    OK(ask("Orders/Close", &in.base));
    assert_int_equal(b.ended, ERR_ABORTED);
    assert_int_equal(bench.server->runs.count, 0);
    assert_state(&b, "failed");
    assert_int_equal(board_open(&b, false, NULL), ERR_PRECONDITION);
    board_fini(&b);
}

/* Lost answer: the same key gets the same answer and no second entry; also for a call whose
 * entry still waits for the run's next change. */
static void same_key_same_answer(void **state)
{
    (void)state;
    static const uint8_t key[16] = { 1 };
    struct board b;
    Hallmark__V1__OpenRequest open = HALLMARK__V1__OPEN_REQUEST__INIT;
    AUTO(rpc_drop) ProtobufCMessage *one = NULL, *two = NULL;
    static char order[] = "po-1", other[] = "po-2";
    const struct asking asking = { .key = key };
    board_init(&b, &line_1, order, 4);
    open.order = order;
    open.uid = uid_of(&b);
    OK(party_call(&line_1, "hallmark.v1.Runs/Open", &open.base, &asking,
                  &hallmark__v1__open_response__descriptor, &one));
    bench_settle();
    uint64_t size = tlog_size(bench.server->log);
    OK(party_call(&line_1, "hallmark.v1.Runs/Open", &open.base, &asking,
                  &hallmark__v1__open_response__descriptor, &two));
    assert_int_equal(tlog_size(bench.server->log), size);
    assert_memory_equal(((Hallmark__V1__OpenResponse *)one)->run_id.data,
                        ((Hallmark__V1__OpenResponse *)two)->run_id.data, RUN_ID_SIZE);
    open.order = other;
    assert_int_equal(
        party_call(&line_1, "hallmark.v1.Runs/Open", &open.base, &asking, NULL, NULL),
        ERR_INVALID);
    party_hang_up(&line_1);
    party_connect(&line_1);
    board_fini(&b);
}

static void staged_answer_is_found(void **state)
{
    (void)state;
    static const uint8_t key[16] = { 2 };
    struct board b;
    board_init(&b, &line_1, "po-1", 5);
    OK(board_arrows(&b, 31));
    b.report_key = key;
    OK(board_report_again(&b));
    uint64_t size = tlog_size(bench.server->log);
    OK(board_report_again(&b)); /* else arrow 32 would be out of order */
    assert_int_equal(tlog_size(bench.server->log), size);
    party_hang_up(&line_1);
    party_connect(&line_1);
    OK(board_open(&b, false, NULL));
    party_hang_up(&line_1);
    party_connect(&line_1);
    board_fini(&b);
}

static void operator_accepts_holds_and_moves(void **state)
{
    (void)state;
    struct board b;
    Hallmark__V1__HoldUnitRequest hold = HALLMARK__V1__HOLD_UNIT_REQUEST__INIT;
    Hallmark__V1__AllowUnitRequest allow = HALLMARK__V1__ALLOW_UNIT_REQUEST__INIT;
    Hallmark__V1__AcceptUnitRequest accept = HALLMARK__V1__ACCEPT_UNIT_REQUEST__INIT;
    board_init(&b, &line_1, "po-1", 6);
    make_committed(&b);
    hold.uid = allow.uid = accept.uid = uid_of(&b);
    hold.reason = allow.reason = accept.reason = reason;
    OK(ask("Units/Hold", &hold.base));
    assert_int_equal(board_locked(&b), ERR_HELD);
    OK(ask("Units/Allow", &allow.base));
    OK(ask("Units/Accept", &accept.base));
    assert_state(&b, "sealed");
    board_fini(&b);
}

struct said {
    const char *actor;
    unsigned ok, refused;
};

static enum err look(void *context, uint64_t index, struct span entry)
{
    struct said *said = context;
    (void)index;
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    assert_non_null(event);
    if (strcmp(event->actor, said->actor) == 0 && strcmp(event->kind, "run") != 0)
        *(event->status == 0 ? &said->ok : &said->refused) += 1;
    hallmark__v1__event__free_unpacked(event, NULL);
    return ERR_OK;
}

struct since {
    uint64_t start;
    struct said said;
};

static enum err read_since(struct store_tx *tx, void *context)
{
    struct since *since = context;
    return store_log_read(tx, since->start, 100000, look, &since->said);
}

/* Arrows that were answered but wait for the run's next change; then the station is revoked. */
static void revoked_station_has_no_entry_that_says_ok(void **state)
{
    (void)state;
    struct board b, left;
    Hallmark__V1__RevokePrincipalRequest in = HALLMARK__V1__REVOKE_PRINCIPAL_REQUEST__INIT;
    Hallmark__V1__ReassignUnitsRequest move = HALLMARK__V1__REASSIGN_UNITS_REQUEST__INIT;
    static const uint8_t key[16] = { 3 };
    board_init(&left, &line_1, "po-1", 7);
    make_committed(&left);
    board_init(&b, &line_1, "po-1", 8);
    OK(board_arrows(&b, 31));
    b.report_key = key;
    in.role = HALLMARK__V1__ROLE__ROLE_STATION;
    in.name = line_1.who.name;
    in.reason = reason;
    OK(ask("Registry/Revoke", &in.base));
    struct since since = { tlog_size(bench.server->log), { line_1.who.uri, 0, 0 } };
    assert_int_equal(board_report_again(&b), ERR_REVOKED);
    assert_int_equal(board_finish(&b), ERR_REVOKED);
    assert_int_equal(board_locked(&left), ERR_REVOKED);
    party_hang_up(&line_1);
    assert_int_equal(store_read(bench.server->store, read_since, &since, rpc_now_ms() + 5000),
                     ERR_OK);
    assert_int_equal(since.said.ok, 0);
    assert_true(since.said.refused >= 4); /* what waited, too */
    assert_state(&b, "started");
    move.all = true; /* another PC goes on with its units */
    move.from = line_1.who.name;
    move.to = line_2.who.name;
    move.reason = reason;
    OK(ask("Units/Reassign", &move.base));
    left.station = &line_2;
    OK(board_locked(&left));
    OK(board_sealed(&left, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT));
    bench_check();
    left.station = &line_1;
    board_fini(&b);
    board_fini(&left);
}

/* Pages of any size make the same whole, and each can be unpacked, however short its values. */
static void state_comes_in_pages(void **state)
{
    (void)state;
    size_t values[2] = { 0 };
    char name[16];
    for (unsigned i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "short-%u", i);
        bench_order(&alice, name, "line-2", 1, 1);
    }
    for (unsigned turn = 0; turn < 2; turn++) {
        Hallmark__V1__GetStateRequest in = HALLMARK__V1__GET_STATE_REQUEST__INIT;
        char after[256] = "";
        in.limit = turn == 0 ? 0 : 3;
        for (bool more = true; more;) {
            AUTO(rpc_drop) ProtobufCMessage *out = NULL;
            in.after = after;
            OK(party_call(&alice, "hallmark.v1.Log/GetState", &in.base, NULL,
                          &hallmark__v1__get_state_response__descriptor, &out));
            const Hallmark__V1__GetStateResponse *page = (Hallmark__V1__GetStateResponse *)out;
            assert_int_equal(page->size, tlog_size(bench.server->log));
            values[turn] += page->n_values;
            more = page->more;
            if (page->n_values != 0)
                snprintf(after, sizeof(after), "%s", page->values[page->n_values - 1]->row);
        }
    }
    assert_true(values[0] > 100);
    assert_int_equal(values[0], values[1]);
}

/* What somebody edits with SQL is found at the next start, by row and field. */
static void edited_store_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *edit, *undo, *words;
    } rows[] = {
        { "DROP TRIGGER principals_revoked; UPDATE principals SET revoked = 0 WHERE name = "
          "'line-1'",
          "UPDATE principals SET revoked = 1 WHERE name = 'line-1'", "field revoked" },
        { "UPDATE orders SET quantity = 99 WHERE name = 'po-1'",
          "UPDATE orders SET quantity = 100 WHERE name = 'po-1'", "field quantity" },
        { "DROP TRIGGER orders_terms; UPDATE orders SET lock_level = 3 WHERE name = 'po-1'",
          "UPDATE orders SET lock_level = 1 WHERE name = 'po-1'", "field lock_level" },
    };
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(bench.config.store_path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 1000);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (sqlite3_exec(db, rows[i].edit, NULL, NULL, NULL) != SQLITE_OK)
            fail_msg("%s: %s", rows[i].edit, sqlite3_errmsg(db));
        assert_int_equal(log_check_state(bench.server), ERR_DATA_LOSS);
        if (strstr(fail_words(), rows[i].words) == NULL)
            fail_msg("%s: %s", rows[i].edit, fail_words());
        print_message("  %s\n", fail_words());
        assert_int_equal(sqlite3_exec(db, rows[i].undo, NULL, NULL, NULL), SQLITE_OK);
    }
    sqlite3_close(db);
    assert_int_equal(log_check_state(bench.server), ERR_DATA_LOSS);
    if (strstr(fail_words(), "trigger orders_terms is missing") == NULL)
        fail_msg("%s", fail_words()); /* the rows are what they were, the rules are not */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_are_refused_in_words),
        cmocka_unit_test(act_without_a_reason_is_refused),
        cmocka_unit_test(a_started_unit_is_failed),
        cmocka_unit_test(run_is_ended_by_an_operator),
        cmocka_unit_test(closed_order_takes_no_unit),
        cmocka_unit_test(same_key_same_answer),
        cmocka_unit_test(staged_answer_is_found),
        cmocka_unit_test(operator_accepts_holds_and_moves),
        cmocka_unit_test(revoked_station_has_no_entry_that_says_ok),
        cmocka_unit_test(state_comes_in_pages),
        cmocka_unit_test(edited_store_is_found),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
