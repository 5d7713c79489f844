/* SPDX-License-Identifier: MIT */
/* Lies that are more than a changed field: what the rows of software_lies.c name. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "tests/hostile/scene.h"

enum { FURTHER = 0x1000 };

/* What another station, line-9, gets: its own connection, for as long as the function runs. */
static void ninth(struct wire *wire)
{
    assert_int_equal(wire_open(wire, "line-9"), ERR_OK);
}

/* Another board at the station, as the row's, up to that arrow; it stays in its run. */
static void another_board(struct scene *s, struct board *board, unsigned n, unsigned last)
{
    make_board(board, &s->wire, s->order, FURTHER * n + s->number);
    assert_int_equal(board_arrows(board, last), ERR_OK);
}

/* --- The same again. ---------------------------------------------------------------------- */

enum err open_again(struct scene *s)
{
    AUTO(buf_free) struct buf answer = { 0 };
    TRY(board_open(&s->board, false, NULL));
    TRY(wire_again(&s->wire, &s->wire.latest, true, &answer));
    assert_memory_equal(answer.ptr + 2, s->board.run_id, RUN_ID_SIZE); /* field 1 */
    return ERR_OK;
}

enum err key_for_another_request(struct scene *s)
{
    TRY(board_open(&s->board, false, NULL));
    TRY(buf_append(&s->wire.latest.payload, span_of("\x20\x01", 2))); /* field 4 */
    return wire_again(&s->wire, &s->wire.latest, true, NULL);
}

/* The key and the request of line-9, with which it has opened a run. */
enum err key_of_another_station(struct scene *s)
{
    AUTO(wire_close) struct wire wire;
    struct board board;
    ninth(&wire);
    make_board(&board, &wire, s->order, FURTHER + s->number);
    enum err e = board_open(&board, false, NULL);
    if (e == ERR_OK)
        e = wire_again(&s->wire, &wire.latest, true, NULL);
    board_fini(&board);
    return e;
}

enum err finish_again(struct scene *s)
{
    TRY(walk_to_finish(&s->board));
    return wire_again(&s->wire, &s->wire.latest, false, NULL);
}

enum err finish_again_signed_anew(struct scene *s)
{
    TRY(walk_to_finish(&s->board));
    return board_finish(&s->board);
}

enum err commit_again(struct scene *s)
{
    TRY(walk_to_commit(&s->board));
    return wire_again(&s->wire, &s->wire.latest, false, NULL);
}

enum err sealed_again(struct scene *s)
{
    TRY(walk(&s->board));
    return wire_again(&s->wire, &s->wire.latest, false, NULL);
}

/* --- Another's. --------------------------------------------------------------------------- */

/* An arrow in line-9's run, which stands. */
enum err run_of_another_station(struct scene *s)
{
    AUTO(wire_close) struct wire wire;
    struct board board;
    ninth(&wire);
    make_board(&board, &wire, s->order, FURTHER + s->number);
    enum err e = board_arrows(&board, 14);
    assert_int_equal(e, ERR_OK);
    TRY(board_open(&s->board, false, NULL));
    memcpy(s->board.run_id, board.run_id, RUN_ID_SIZE);
    board_fini(&board);
    return board_go_on(&s->board, 14);
}

/* The other unit's call, as its station made it. */
enum err call_of_another_station(struct scene *s)
{
    struct said said = { 0 };
    char method[64];
    snprintf(method, sizeof(method), "hallmark.v1.%s", s->lie->method);
    TRY(buf_copy(&said.method, span_of(method, strlen(method) + 1)));
    kept_read(s->lie->method, REQUEST, &said.payload);
    enum err e = wire_again(&s->wire, &said, false, NULL);
    buf_free(&said.method);
    buf_free(&said.payload);
    return e;
}

static enum err fetch(struct scene *s, const uint8_t *sha256, const uint8_t *uid)
{
    Hallmark__V1__FetchImageRequest in = HALLMARK__V1__FETCH_IMAGE_REQUEST__INIT;
    uint8_t digest[SHA256_SIZE], unit[UID_SIZE];
    memcpy(digest, sha256, SHA256_SIZE);
    memcpy(unit, uid, UID_SIZE);
    in.sha256 = (ProtobufCBinaryData){ SHA256_SIZE, digest };
    in.uid = (ProtobufCBinaryData){ UID_SIZE, unit };
    return party_call(&s->wire.party, "hallmark.v1.Runs/FetchImage", &in.base, NULL, NULL,
                      NULL);
}

enum err fetch_of_another(struct scene *s)
{
    return fetch(s, bench.firmware, shared.other.uid);
}

enum err turned_away_falsely(struct scene *s)
{
    Hallmark__V1__TurnAwayRequest in = HALLMARK__V1__TURN_AWAY_REQUEST__INIT;
    static char order[] = "others", words[] = "the board is locked", probe[] = "p";
    in.order = order;
    in.probe = probe;
    in.message = words;
    in.status = err_status(ERR_LOCKED);
    in.code = ERR_LOCKED;
    in.uid = (ProtobufCBinaryData){ UID_SIZE, shared.other.uid };
    return party_call(&s->wire.party, "hallmark.v1.Bench/TurnAway", &in.base, NULL, NULL, NULL);
}

/* --- Out of order. ------------------------------------------------------------------------ */

enum err commit_before_finish(struct scene *s)
{
    TRY(board_arrows(&s->board, 32));
    s->board.decision = HALLMARK__V1__KEY_DECISION__KEY_DECISION_WRITE;
    return board_commit(&s->board);
}

enum err locked_before_commit(struct scene *s)
{
    TRY(walk_to_finish(&s->board));
    memcpy(s->board.statement_run, s->board.run_id, RUN_ID_SIZE);
    return board_locked(&s->board);
}

enum err sealed_before_locked(struct scene *s)
{
    TRY(walk_to_commit(&s->board));
    return board_sealed(&s->board, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT);
}

enum err run_left_open(struct scene *s)
{
    return board_arrows(&s->board, 14);
}

/* --- What operators decide meanwhile. ----------------------------------------------------- */

enum err sealed_while_held(struct scene *s)
{
    static char reason[] = "found on the floor";
    Hallmark__V1__HoldUnitRequest in = HALLMARK__V1__HOLD_UNIT_REQUEST__INIT;
    TRY(walk_to_commit(&s->board));
    TRY(board_locked(&s->board));
    in.uid = (ProtobufCBinaryData){ UID_SIZE, s->board.uid };
    in.reason = reason;
    TRY(office_do("hallmark.v1.Units/Hold", &in.base));
    return board_sealed(&s->board, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT);
}

/* It comes again with its certificate and key. */
enum err revoked_in_a_run(struct scene *s)
{
    static char reason[] = "stolen";
    Hallmark__V1__RevokePrincipalRequest in = HALLMARK__V1__REVOKE_PRINCIPAL_REQUEST__INIT;
    AUTO(wire_close) struct wire again = { .ws.fd = -1 };
    TRY(board_arrows(&s->board, 14));
    in.role = HALLMARK__V1__ROLE__ROLE_STATION;
    in.name = s->station;
    in.reason = reason;
    TRY(office_do("hallmark.v1.Registry/Revoke", &in.base));
    assert_int_not_equal(board_go_on(&s->board, 17), ERR_OK);
    enum err e = wire_open(&again, s->station);
    if (e == ERR_OK)
        e = wire_again(&again, &s->wire.latest, false, NULL);
    return e != ERR_OK && again.ws.close_code == 1008
               ? fail_quiet(ERR_REVOKED, "%s", again.ws.reason)
               : ERR_OK;
}

/* --- Hello. ------------------------------------------------------------------------------- */

enum err hello_other_rotpk(struct scene *s)
{
    TRY(board_arrows(&s->board, 24)); /* now the server has given it one */
    s->board.other_rotpk = true;
    return board_arrows(&s->board, 14);
}

enum err hello_unrecorded(struct scene *s)
{
    s->board.unrecorded = true;
    return board_arrows(&s->board, 14);
}

/* --- Two boards, two keys, two stations. -------------------------------------------------- */

static void take_key_of(struct board *board, const struct board *from)
{
    EVP_PKEY_free(board->auth);
    board->auth = from->auth;
    assert_int_equal(EVP_PKEY_up_ref(board->auth), 1);
    memcpy(board->auth_point, from->auth_point, sizeof(board->auth_point));
}

/* A board that has the AUTHKEY of the sealed unit, all of it. */
enum err key_of_another_uid(struct scene *s)
{
    take_key_of(&s->board, &shared.other);
    return walk(&s->board);
}

/* A board in software with the UID of one that has its certificate, and a key of its own. */
enum err uid_of_another_key(struct scene *s)
{
    struct board honest;
    make_board(&honest, &s->wire, s->order, s->number);
    enum err e = board_arrows(&honest, 14);
    assert_int_equal(e, ERR_OK);
    board_fini(&honest);
    s->wire.party.board = &s->board;
    return board_arrows(&s->board, 14);
}

enum err uid_at_two_stations(struct scene *s)
{
    AUTO(wire_close) struct wire wire;
    struct board board;
    ninth(&wire);
    make_board(&board, &wire, s->order, s->number);
    enum err e = board_arrows(&board, 14);
    assert_int_equal(e, ERR_OK);
    e = board_arrows(&s->board, 14);
    board_fini(&board);
    return e;
}

enum err finished_at_two_stations(struct scene *s)
{
    AUTO(wire_close) struct wire wire;
    struct board board;
    TRY(walk_to_finish(&s->board));
    ninth(&wire);
    make_board(&board, &wire, s->order, s->number);
    enum err e = board_open(&board, false, NULL);
    board_fini(&board);
    return e;
}

/* --- Budgets. ----------------------------------------------------------------------------- */

enum err more_than_quantity(struct scene *s)
{
    enum err e = ERR_OK;
    for (unsigned i = 1; i <= 2; i++) {
        struct board board;
        make_board(&board, &s->wire, s->order, FURTHER * i + s->number);
        e = walk(&board);
        assert_int_equal(e, ERR_OK);
        board_fini(&board);
    }
    s->wire.party.board = &s->board;
    return walk(&s->board);
}

/* Each takes its certificate and goes. */
enum err more_than_spares(struct scene *s)
{
    for (unsigned i = 1; i <= 3; i++) {
        struct board board;
        another_board(s, &board, i, 14);
        board_fini(&board);
        wire_close(&s->wire);
        char state[16];
        uint8_t uid[UID_SIZE];
        memcpy(uid, board.uid, UID_SIZE);
        office_state(uid, state);
        assert_int_equal(wire_open(&s->wire, s->station), ERR_OK);
    }
    s->board.station = &s->wire.party;
    s->wire.party.board = &s->board;
    return walk(&s->board);
}

enum err more_runs(struct scene *s)
{
    enum err e = ERR_OK;
    for (unsigned i = 0; i <= BUDGET_RUNS && e == ERR_OK; i++) {
        s->board.uid[3] = (uint8_t)i;
        e = board_open(&s->board, false, NULL);
    }
    return e;
}

/* Of one unit: each ends the run before. */
enum err more_opens(struct scene *s)
{
    enum err e = board_open(&s->board, false, NULL);
    for (unsigned i = 0; i <= 2 * BUDGET_OPENS && e == ERR_OK; i++)
        e = wire_again(&s->wire, &s->wire.latest, false, NULL);
    return e;
}

/* What the log does not take at once, it counts. */
enum err more_refusals(struct scene *s)
{
    static const char method[] = "hallmark.v1.Runs/Invent";
    struct said said = { 0 };
    enum err e = ERR_OK;
    TRY(buf_copy(&said.method, span_of(method, sizeof(method))));
    for (unsigned i = 0; i < 10 * BUDGET_REFUSALS; i++)
        e = wire_again(&s->wire, &said, false, NULL);
    buf_free(&said.method);
    return e;
}

enum err more_connections(struct scene *s)
{
    struct wire *wires = calloc(BUDGET_CONNECTIONS, sizeof(*wires));
    enum err e = ERR_OK;
    unsigned count = 0, code = 0;
    char words[FAIL_WORDS_MAX];
    assert_non_null(wires);
    while (count < BUDGET_CONNECTIONS && e == ERR_OK)
        e = wire_open(&wires[count++], s->station);
    code = wires[count - 1].ws.close_code;
    snprintf(words, sizeof(words), "%s", fail_words());
    while (count > 0)
        wire_close(&wires[--count]);
    free(wires);
    return code == 1013 ? fail_quiet(ERR_EXHAUSTED, "%s", words) : e;
}

enum err large_message(struct scene *s)
{
    AUTO(buf_free) struct buf bytes = { 0 };
    TRY(buf_resize(&bytes, RPC_MESSAGE_MAX + 1));
    unsigned code = wire_bytes(&s->wire, buf_span(&bytes));
    return code == 1009 ? fail_quiet(ERR_LIMIT, "%s", s->wire.ws.reason) : ERR_OK;
}

enum err noise_message(struct scene *s)
{
    uint8_t noise[64];
    memset(noise, 0xff, sizeof(noise));
    unsigned code = wire_bytes(&s->wire, SPAN(noise));
    return code == 1002 || code == 1007 ? fail_quiet(ERR_PROTO, "%s", s->wire.ws.reason)
                                        : ERR_OK;
}
