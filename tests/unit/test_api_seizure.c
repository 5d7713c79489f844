/* SPDX-License-Identifier: MIT */
/* A station's PC is stolen: what one command does at once, that its units count as held before
 * their page has come, and that a kill in the middle loses nothing. */
#include "tests/unit/check.h"

#include <string.h>

#include "common/host/log.h"
#include "oem-server/call/settle.h"
#include "tests/unit/server_board.h"

static struct party alice, bob, line_1, line_2;
static char reason[] = "stolen", order[] = "po-1", station[] = "line-1", other[] = "line-2";

enum { BOARDS = 3 };
static struct board boards[BOARDS]; /* committed, committed, finished */

static int set_up(void **state)
{
    if (bench_setup(state) != 0)
        return -1;
    party_add(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&bob, HALLMARK__V1__ROLE__ROLE_OPERATOR, "bob");
    party_add(&line_1, HALLMARK__V1__ROLE__ROLE_STATION, station);
    party_add(&line_2, HALLMARK__V1__ROLE__ROLE_STATION, other);
    bench_order(&alice, order, station, 10, 1);
    for (uint8_t i = 0; i < BOARDS; i++) {
        board_init(&boards[i], &line_1, order, (uint8_t)(i + 1));
        if (board_arrows(&boards[i], 33) != ERR_OK || board_finish(&boards[i]) != ERR_OK)
            return -1;
        if (i < 2 && board_commit(&boards[i]) != ERR_OK)
            return -1;
    }
    bench_settle();
    return 0;
}

static int tear_down(void **state)
{
    for (size_t i = 0; i < BOARDS; i++)
        board_fini(&boards[i]);
    party_drop(&alice);
    party_drop(&bob);
    party_drop(&line_1);
    party_drop(&line_2);
    return bench_teardown(state);
}

#define OK(call)                                                                               \
    do {                                                                                       \
        enum err ok_ = (call);                                                                 \
        if (ok_ != ERR_OK)                                                                     \
            fail_msg("%s: %d %s", #call, ok_, fail_words());                                   \
    } while (0)

static void refused(enum err got, enum err want, const char *words)
{
    if (got != want || strstr(fail_words(), words) == NULL)
        fail_msg("want %d \"%s\", got %d \"%s\"", want, words, got, fail_words());
}

static enum err seize_as(struct party *who, char *name, ProtobufCMessage **out)
{
    Hallmark__V1__SeizeStationRequest in = HALLMARK__V1__SEIZE_STATION_REQUEST__INIT;
    in.name = name;
    in.reason = reason;
    return party_call(who, "hallmark.v1.Registry/Seize", &in.base, NULL,
                      &hallmark__v1__seize_station_response__descriptor, out);
}

static enum err scrap_seized(struct party *who)
{
    Hallmark__V1__ScrapSeizedRequest in = HALLMARK__V1__SCRAP_SEIZED_REQUEST__INIT;
    in.station = station;
    in.reason = reason;
    return party_call(who, "hallmark.v1.Units/ScrapSeized", &in.base, NULL, NULL, NULL);
}

static enum err accept(struct board *b)
{
    Hallmark__V1__AcceptUnitRequest in = HALLMARK__V1__ACCEPT_UNIT_REQUEST__INIT;
    in.uid = (ProtobufCBinaryData){ UID_SIZE, b->uid };
    in.reason = reason;
    return party_call(&alice, "hallmark.v1.Units/Accept", &in.base, NULL, NULL, NULL);
}

static enum err reassign(struct board *b)
{
    Hallmark__V1__ReassignUnitsRequest in = HALLMARK__V1__REASSIGN_UNITS_REQUEST__INIT;
    in.uid = (ProtobufCBinaryData){ UID_SIZE, b->uid };
    in.to = other;
    in.reason = reason;
    return party_call(&alice, "hallmark.v1.Units/Reassign", &in.base, NULL, NULL, NULL);
}

static enum err hold(struct board *b)
{
    Hallmark__V1__HoldUnitRequest in = HALLMARK__V1__HOLD_UNIT_REQUEST__INIT;
    in.uid = (ProtobufCBinaryData){ UID_SIZE, b->uid };
    in.reason = order;
    return party_call(&alice, "hallmark.v1.Units/Hold", &in.base, NULL, NULL, NULL);
}

static const char *held(struct board *b)
{
    static char text[UNIT_WORDS_MAX + 1];
    Hallmark__V1__ShowUnitRequest in = HALLMARK__V1__SHOW_UNIT_REQUEST__INIT;
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    in.uid = (ProtobufCBinaryData){ UID_SIZE, b->uid };
    OK(party_call(&bob, "hallmark.v1.Units/Show", &in.base, NULL,
                  &hallmark__v1__show_unit_response__descriptor, &out));
    const Hallmark__V1__ShowUnitResponse *shown = (const void *)out;
    snprintf(text, sizeof(text), "%s", shown->unit->held_reason);
    return text;
}

static void is_state(const struct board *b, const char *want)
{
    char state[16];
    bench_state(b->uid, state);
    assert_string_equal(state, want);
}

static void one_command_does_it(void **state)
{
    (void)state;
    struct board working;
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    board_init(&working, &line_1, order, 9);
    OK(board_arrows(&working, 14));
    OK(hold(&boards[1]));
    bench.config.policy.two_person = true; /* an emergency waits for nobody */
    OK(seize_as(&alice, station, &out));
    bench_settle();
    const Hallmark__V1__SeizeStationResponse *seized = (const void *)out;
    assert_int_equal(seized->runs_ended, 2); /* a finished unit still has its run */
    assert_int_equal(seized->connections_closed, 1);
    assert_int_equal(seized->started, 1);
    assert_int_equal(seized->finished, 1);
    assert_int_equal(seized->committed, 2);
    assert_true(atomic_load(&line_1.session->ending));
    assert_int_equal(bench.server->runs.count, 0);
    assert_string_equal(held(&boards[2]), "station seized: stolen");
    refused(board_commit(&boards[2]), ERR_REVOKED, "revoked");
    refused(accept(&boards[0]), ERR_PENDING, "pending");
    bench.config.policy.two_person = false;
    refused(accept(&boards[0]), ERR_HELD, "is held");
    OK(reassign(&boards[0])); /* lifts that hold, and no other */
    OK(reassign(&boards[1]));
    assert_string_equal(held(&boards[0]), "");
    assert_string_equal(held(&boards[1]), order);
    OK(seize_as(&alice, station, NULL)); /* again: nothing but the counts */
    assert_string_equal(held(&boards[0]), "");
    refused(seize_as(&alice, order, NULL), ERR_NOT_FOUND, "there is no station");
    board_fini(&working);
    bench_check();
}

/* --- In the middle. The first change, and then only as much as a test wants. ---------------
 */

static void ignore_ended(void *context, const uint8_t uid[static UID_SIZE],
                         const struct unit_holder *holder, const char *of)
{
    (void)context, (void)uid, (void)holder, (void)of;
}

static enum err enter(struct store_tx *tx)
{
    struct event event;
    event_init(&event, "call", "test", ERR_OK, "");
    return tlog_append(bench.server->log, tx, &event.pb, NULL);
}

static enum err first_change(struct store_tx *tx, void *context)
{
    struct unit_seized seized = { 0 };
    (void)context;
    TRY(unit_seize(tx, station, reason, ignore_ended, NULL, &seized));
    return enter(tx);
}

static enum err scrap_change(struct store_tx *tx, void *context)
{
    TRY(unit_seize_scrap(tx, station, reason, context));
    return enter(tx);
}

static enum err one_page(struct store_tx *tx, void *context)
{
    TRY(unit_seize_next(tx, 1, context));
    return enter(tx);
}

static enum err killed_page(struct store_tx *tx, void *context)
{
    TRY(unit_seize_next(tx, 2, context));
    return fail_quiet(ERR_ABORTED, "killed");
}

static void restart(void)
{
    struct party *all[] = { &alice, &bob, &line_1, &line_2 };
    for (size_t i = 0; i < COUNT(all); i++)
        party_lose(all[i]);
    bench_restart();
    party_connect(&alice);
    party_connect(&bob);
    party_connect(&line_2);
}

static void a_restart_goes_on(void **state)
{
    (void)state;
    struct unit_seize_page page;
    OK(server_do(bench.server, first_change, NULL, 0));
    OK(server_do(bench.server, one_page, &page, 0));
    assert_int_equal(page.count, 1);
    assert_false(page.done);
    assert_int_equal(server_do(bench.server, killed_page, &page, 0), ERR_ABORTED);
    restart();
    /* Nobody has come to the second and third yet: they count as held. */
    assert_string_equal(held(&boards[1]), "");
    refused(accept(&boards[1]), ERR_HELD, "station seized: stolen");
    OK(reassign(&boards[1]));
    bench_sweep();
    assert_string_equal(held(&boards[0]), "station seized: stolen");
    assert_string_equal(held(&boards[1]), "");
    assert_string_equal(held(&boards[2]), "station seized: stolen");
    bench_check();
}

static void a_restart_goes_on_scrapping(void **state)
{
    (void)state;
    struct unit_seize_page page;
    uint32_t count = 0;
    OK(server_do(bench.server, first_change, NULL, 0));
    OK(server_do(bench.server, scrap_change, &count, 0));
    assert_int_equal(count, BOARDS);
    OK(server_do(bench.server, one_page, &page, 0));
    assert_true(page.scrapped);
    restart();
    refused(reassign(&boards[1]), ERR_HELD, "is being scrapped");
    refused(accept(&boards[1]), ERR_HELD, "is being scrapped");
    bench_sweep();
    for (size_t i = 0; i < BOARDS; i++)
        is_state(&boards[i], "scrapped");
    bench_check();
}

static void scrapping_waits_for_a_second(void **state)
{
    (void)state;
    unsigned number = 0;
    Hallmark__V1__ApproveRequest in = HALLMARK__V1__APPROVE_REQUEST__INIT;
    refused(scrap_seized(&alice), ERR_PRECONDITION, "seize it first");
    OK(seize_as(&alice, station, NULL));
    bench.config.policy.two_person = true;
    assert_int_equal(scrap_seized(&alice), ERR_PENDING);
    static const char pending[] = "pending approval ";
    assert_memory_equal(fail_words(), pending, sizeof(pending) - 1);
    number = (unsigned)strtoul(fail_words() + sizeof(pending) - 1, NULL, 10);
    assert_int_not_equal(number, 0);
    is_state(&boards[0], "committed");
    in.number = number;
    OK(party_call(&bob, "hallmark.v1.Approvals/Approve", &in.base, NULL, NULL, NULL));
    for (size_t i = 0; i < BOARDS; i++)
        is_state(&boards[i], "scrapped");
    bench.config.policy.two_person = false;
    refused(scrap_seized(&alice), ERR_PRECONDITION, "are scrapped already");
    bench_check();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(one_command_does_it),
        CASE(a_restart_goes_on),
        CASE(a_restart_goes_on_scrapping),
        CASE(scrapping_waits_for_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
