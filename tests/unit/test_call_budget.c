/* SPDX-License-Identifier: MIT */
/* The rows of the budget that a principal spends: each is exceeded, and what is over it is
 * refused; nothing that was done is missing in the log. */
#include "tests/unit/check.h"

#include <sched.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/net/inside.h"
#include "tests/unit/server_board.h"

static struct party operator_, station, greedy;

static int set_up(void **state)
{
    bench_setup(state);
    party_add(&operator_, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&station, HALLMARK__V1__ROLE__ROLE_STATION, "line-1");
    party_add(&greedy, HALLMARK__V1__ROLE__ROLE_STATION, "line-2");
    bench_order(&operator_, "small", "line-1", 1000, 1);
    bench_order(&operator_, "large", "line-2", 1000, 1);
    return 0;
}

static int tear_down(void **state)
{
    party_drop(&greedy);
    party_drop(&station);
    party_drop(&operator_);
    return bench_teardown(state);
}

static void connections(void **state)
{
    (void)state;
    static struct session *sessions[BUDGET_CONNECTIONS];
    struct session *one = NULL;
    struct wss_conn *conn = (struct wss_conn *)&greedy;
    for (unsigned i = 1; i < BUDGET_CONNECTIONS; i++) /* it has one already */
        assert_int_equal(session_open(bench.server, conn, greedy.certificate, &sessions[i]),
                         ERR_OK);
    assert_int_equal(session_open(bench.server, conn, greedy.certificate, &one), ERR_EXHAUSTED);
    conn = (struct wss_conn *)&station;
    assert_int_equal(session_open(bench.server, conn, station.certificate, &one), ERR_OK);
    run_session_closed(one);
    for (unsigned i = 1; i < BUDGET_CONNECTIONS; i++)
        run_session_closed(sessions[i]);
}

/* 64 open calls of 4 MiB: eight are taken. All together: eight principals' worth. */
static void bytes_received(void **state)
{
    (void)state;
    struct client *client = greedy.session->client;
    unsigned taken = 0;
    for (unsigned i = 0; i < 64; i++)
        taken += client_receive(client, 4 << 20) == ERR_OK ? 1u : 0u;
    assert_int_equal(taken, BUDGET_RECEIVED / (4 << 20));
    assert_int_equal(client_receive(station.session->client, 4 << 20), ERR_OK);
    meter_give(&station.session->client->received, 4 << 20);
    meter_give(&client->received, taken * (size_t)(4 << 20));
    assert_true(meter_take(&bench.server->received, BUDGET_RECEIVED_ALL - 1));
    assert_int_equal(client_receive(client, 2), ERR_EXHAUSTED);
    assert_int_equal(client_receive(client, 1), ERR_OK);
    meter_give(&client->received, 1);
    meter_give(&bench.server->received, BUDGET_RECEIVED_ALL - 1);
}

/* One that is not admitted yet may stream two messages of 1 MiB: what common/wss does over the
 * limit is shown by test_wss_stream: early_messages_are_bounded. */
static void bytes_before_admission(void **state)
{
    (void)state;
    struct meter *early = &greedy.session->client->early;
    assert_true(meter_take(early, BUDGET_EARLY));
    assert_false(meter_take(early, 1));
    assert_true(meter_take(&station.session->client->early, BUDGET_EARLY));
    meter_give(&station.session->client->early, BUDGET_EARLY);
    meter_give(early, BUDGET_EARLY);
    assert_true(meter_take(&bench.server->early, BUDGET_EARLY_ALL - 1));
    assert_false(meter_take(early, 2));
    assert_true(meter_take(early, 1));
    meter_give(early, 1);
    meter_give(&bench.server->early, BUDGET_EARLY_ALL - 1);
}

static void bytes_unread(void **state)
{
    (void)state;
    struct client *client = greedy.session->client, *reader = station.session->client;
    meter_add(&client->unsent, BUDGET_UNREAD);
    assert_int_equal(client_check(client), ERR_OK);
    meter_add(&client->unsent, 1);
    assert_int_equal(client_check(client), ERR_EXHAUSTED);
    meter_give(&client->unsent, BUDGET_UNREAD + 1);
    /* Others that do not read, each within its own limit: all their memory together. Who has
     * read goes on. */
    meter_add(&bench.server->unsent, BUDGET_UNREAD_ALL);
    meter_add(&reader->unsent, BUDGET_UNREAD_FREE);
    assert_int_equal(client_check(reader), ERR_OK);
    meter_add(&reader->unsent, 1);
    assert_int_equal(client_check(reader), ERR_EXHAUSTED);
    meter_give(&reader->unsent, BUDGET_UNREAD_FREE + 1);
    meter_give(&bench.server->unsent, BUDGET_UNREAD_ALL);
    assert_int_equal(client_check(client), ERR_OK);
}

static enum err open_one(struct party *p, const char *order, unsigned number)
{
    Hallmark__V1__OpenRequest in = HALLMARK__V1__OPEN_REQUEST__INIT;
    uint8_t uid[UID_SIZE] = { 0xb0, (uint8_t)(number >> 8), (uint8_t)number };
    in.order = (char *)(uintptr_t)order;
    in.uid = (ProtobufCBinaryData){ sizeof(uid), uid };
    return party_call(p, "hallmark.v1.Runs/Open", &in.base, NULL, NULL, NULL);
}

/* One connection cannot hold thousands of runs; another station is not touched by that. */
static void runs_open(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BUDGET_RUNS; i++)
        assert_int_equal(open_one(&greedy, "large", i), ERR_OK);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(open_one(&greedy, "large", BUDGET_RUNS + i), ERR_EXHAUSTED);
    assert_non_null(strstr(fail_words(), "runs of this station are open"));
    assert_int_equal(open_one(&station, "small", 1000), ERR_OK);
    assert_int_equal(bench.server->open_runs, BUDGET_RUNS + 1);
    unsigned open = bench.server->open_runs;
    bench.server->open_runs = BUDGET_RUNS_ALL; /* as if others had them */
    assert_int_equal(open_one(&station, "small", 1001), ERR_EXHAUSTED);
    bench.server->open_runs = open;
    party_hang_up(&greedy);
    party_connect(&greedy);
    assert_int_equal(bench.server->open_runs, 1);
    assert_int_equal(open_one(&greedy, "large", 0), ERR_OK);
    bench_check();
}

/* Opens that are followed by nothing: the bucket of a minute's is empty at last. */
static void opens_a_minute(void **state)
{
    (void)state;
    struct client *client = greedy.session->client;
    unsigned opened = 0;
    enum err e = ERR_OK;
    for (unsigned i = 0; i < 50 && e == ERR_OK; i++, opened += e == ERR_OK) {
        client->opens = (struct budget_bucket){ i == 0, rpc_now_ms() };
        e = open_one(&greedy, "large", 0);
    }
    assert_int_equal(e, ERR_EXHAUSTED);
    assert_non_null(strstr(fail_words(), "a minute"));
    assert_in_range(opened, 1, 40);
    client->opens = (struct budget_bucket){ 0 };
}

/* A station that reports nothing, over and over: its run ends, and the log says so. */
static void entries_of_a_run(void **state)
{
    (void)state;
    struct board board;
    Hallmark__V1__ReportRequest in = HALLMARK__V1__REPORT_REQUEST__INIT;
    board_init(&board, &station, "small", 77);
    assert_int_equal(board_open(&board, false, NULL), ERR_OK);
    const struct asking asking = { SPAN(board.run_id), NULL, NULL };
    unsigned before = bench_entries("call"), made = 0;
    enum err e = ERR_OK;
    struct run *run = run_find(bench.server, board.run_id);
    assert_non_null(run);
    while (e == ERR_OK && made <= BUDGET_RUN_ENTRIES) {
        e = party_call(&station, "hallmark.v1.Runs/Report", &in.base, &asking, NULL, NULL);
        made += e == ERR_OK ? 1u : 0u;
        run_flush_later(run); /* as each five seconds */
        bench_settle_run(board.run_id);
    }
    assert_int_equal(e, ERR_EXHAUSTED);
    assert_in_range(made, 64, BUDGET_RUN_ENTRIES);
    run_drop(&run);
    bench_settle();
    run = run_find(bench.server, board.run_id);
    assert_null(run);
    assert_int_equal(bench_entries("call") - before, made); /* each that was done is there */
    board_fini(&board);
    bench_check();
}

/* Calls that name their unit by UID are of no run. A station repeats them for one committed
 * unit, with a fresh key each time: also "its port is open", which has an entry whatever the
 * rate of refusals. Each is refused when nothing is left; a slow machine may take longer to get
 * that far than the budget takes for one more, so each gets more than one try. */
static void closings_a_minute(void **state)
{
    (void)state;
    enum { TRIES = 200 };
    struct board board;
    struct client *client = station.session->client;
    board_init(&board, &station, "small", 78);
    assert_int_equal(board_arrows(&board, 33), ERR_OK);
    assert_int_equal(board_finish(&board), ERR_OK);
    assert_int_equal(board_commit(&board), ERR_OK);
    unsigned before = bench_entries("call") + bench_entries("refusal"), made = 0, refused = 0;
    for (unsigned i = 0; i < TRIES && refused < 2; i++) {
        client->closings = (struct budget_bucket){ 0, rpc_now_ms() };
        enum err e = refused == 0
                         ? board_booted(&board, true)
                         : board_sealed(&board, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_OPEN);
        made++;
        if (e == ERR_EXHAUSTED && strstr(fail_words(), "a minute") != NULL)
            refused++;
    }
    assert_int_equal(refused, 2);
    assert_int_equal(bench_entries("call") + bench_entries("refusal") - before, made);
    client->closings = (struct budget_bucket){ 0 };
    board_fini(&board);
    bench_check();
}

/* Refusals over the rate limit are one entry with their number. */
static void entries_of_refusals(void **state)
{
    (void)state;
    enum { TRIES = 200 };
    unsigned before = bench_entries("refusal");
    for (unsigned i = 0; i < TRIES; i++)
        assert_int_equal(open_one(&station, "there-is-none", i), ERR_NOT_FOUND);
    clients_append(bench.server, true);
    assert_in_range(bench_entries("refusal") - before, 2, BUDGET_REFUSALS + TRIES / 4);
    bench_check();
}

/* refusal.c asks for it when a connection breaks the protocol: then it is greedy's. */
void *wss_conn_user(const struct wss_conn *conn)
{
    (void)conn;
    return greedy.session;
}

/* What a connection causes before a handler sees it: calls that are not taken, frames and bytes
 * over a limit, and one connection more. */
static void cause_call(struct net *net)
{
    fail_set("calls of this principal wait");
    refusal_call(net, greedy.session, "hallmark.v1.Health/Check", ERR_EXHAUSTED);
    assert_string_equal(fail_words(), "calls of this principal wait");
}

static void cause_open_call(struct net *net)
{
    refusal_violation(net, (struct wss_conn *)&greedy, ERR_EXHAUSTED,
                      "too many open calls on this connection");
}

static void cause_connection(struct net *net)
{
    const struct wss_peer peer = { .certificate = greedy.certificate, .address = "192.0.2.7" };
    fail_set("256 connections of one principal: close some");
    refusal_connection(net, &peer, ERR_EXHAUSTED);
    assert_string_equal(fail_words(), "256 connections of one principal: close some");
}

/* The newest entry of a refusal. */
struct newest {
    char actor[256], method[81], message[641], peer[65];
    uint32_t code;
};

static enum err take_newest(void *context, uint64_t index, struct span entry)
{
    (void)index;
    struct newest *n = context;
    AUTO(rpc_drop) ProtobufCMessage *message = NULL;
    TRY(rpc_unpack(&hallmark__v1__event__descriptor, entry, &message));
    const Hallmark__V1__Event *event = (const Hallmark__V1__Event *)message;
    snprintf(n->actor, sizeof(n->actor), "%s", event->actor);
    snprintf(n->method, sizeof(n->method), "%s", event->method);
    snprintf(n->message, sizeof(n->message), "%s", event->message);
    snprintf(n->peer, sizeof(n->peer), "%s", event->peer);
    n->code = event->code;
    return ERR_OK;
}

static enum err read_newest(struct store_tx *tx, void *context)
{
    const struct store_log_search search = { .kind = "refusal" };
    return store_log_find(tx, &search, 0, 1000, take_newest, context);
}

/* One of them has an entry of its own, which says who and why; many are within the rate, and
 * each that has no entry is counted. */
static void refusals_before_a_call(void **state)
{
    (void)state;
    enum { TRIES = 300 };
    static const struct {
        void (*cause)(struct net *net);
        const char *method, *message, *peer;
    } cases[] = {
        { cause_call, "hallmark.v1.Health/Check", "calls of this principal wait", NULL },
        { cause_open_call, "", "too many open calls on this connection", NULL },
        { cause_connection, "", "256 connections of one principal: close some", "192.0.2.7" },
    };
    struct net net = { .server = bench.server, .strand = strand_new(bench.server->work) };
    struct client *client = greedy.session->client;
    assert_non_null(net.strand);
    clients_append(bench.server, true);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct newest newest = { 0 };
        unsigned before = bench_entries("refusal");
        client->refusals = (struct budget_bucket){ 0 };
        cases[i].cause(&net);
        while (bench_entries("refusal") == before)
            sched_yield();
        assert_int_equal(store_read(bench.server->store, read_newest, &newest,
                                    rpc_now_ms() + SERVER_CHANGE_MS),
                         ERR_OK);
        assert_string_equal(newest.actor, greedy.who.uri);
        assert_string_equal(newest.method, cases[i].method);
        assert_string_equal(newest.message, cases[i].message);
        assert_int_equal(newest.code, ERR_EXHAUSTED);
        if (cases[i].peer != NULL)
            assert_string_equal(newest.peer, cases[i].peer);
        for (unsigned t = 1; t < TRIES; t++)
            cases[i].cause(&net);
        unsigned made = 0;
        while (made + client->left_out < TRIES) {
            sched_yield();
            made = bench_entries("refusal") - before;
        }
        assert_in_range(made, 1, BUDGET_REFUSALS + TRIES / 10);
        clients_append(bench.server, true);
        assert_int_equal(client->left_out, 0);
        assert_int_equal(bench_entries("refusal") - before, made + 1);
    }
    client->refusals = (struct budget_bucket){ 0 };
    strand_drop(&net.strand);
    bench_check();
}

/* A client that gives its own call up was not refused. */
static void what_a_client_gives_up(void **state)
{
    (void)state;
    static const enum err own[] = { ERR_CANCELLED, ERR_CLOSED, ERR_DEADLINE };
    struct net net = { .server = bench.server, .strand = strand_new(bench.server->work) };
    unsigned before = bench_entries("refusal");
    for (size_t i = 0; i < COUNT(own); i++)
        refusal_call(&net, greedy.session, "hallmark.v1.Health/Check", own[i]);
    bench_settle();
    clients_append(bench.server, true);
    assert_int_equal(bench_entries("refusal"), before);
    strand_drop(&net.strand);
}

/* Strangers whose handshakes fail, as many as there are: all together have the rate of one
 * principal, and none of them is left untold. */
static void entries_of_tls_refusals(void **state)
{
    (void)state;
    enum { TRIES = 500 };
    struct net net = { .server = bench.server, .strand = strand_new(bench.server->work) };
    assert_non_null(net.strand);
    assert_int_equal(client_enter(bench.server, "", &net.strangers), ERR_OK);
    unsigned before = bench_entries("tls"), sums = bench_entries("refusal");
    for (unsigned i = 0; i < TRIES; i++)
        refusal_tls(&net, "127.0.0.1", "certificate required");
    unsigned made = 0; /* a worker writes: each has its entry, or is counted */
    while (made + net.strangers->left_out < TRIES) {
        sched_yield();
        made = bench_entries("tls") - before;
    }
    assert_in_range(made, 1, BUDGET_REFUSALS + TRIES / 10);
    clients_append(bench.server, true);
    assert_int_equal(bench_entries("refusal") - sums, 1);
    assert_int_equal(net.strangers->left_out, 0);
    client_leave(&net.strangers);
    strand_drop(&net.strand);
    bench_check();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections),
        cmocka_unit_test(bytes_received),
        cmocka_unit_test(bytes_unread),
        cmocka_unit_test(runs_open),
        cmocka_unit_test(bytes_before_admission),
        cmocka_unit_test(opens_a_minute),
        cmocka_unit_test(entries_of_a_run),
        cmocka_unit_test(closings_a_minute),
        cmocka_unit_test(entries_of_refusals),
        cmocka_unit_test(entries_of_tls_refusals),
        cmocka_unit_test(refusals_before_a_call),
        cmocka_unit_test(what_a_client_gives_up),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
