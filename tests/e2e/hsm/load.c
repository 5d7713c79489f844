/* SPDX-License-Identifier: MIT */
/*
 * load: a station that makes boards in software one after the other, whatever the server's HSM
 * does; or an operator who asks for Health all the time. Run by tests/e2e/trouble.
 *
 *   load boards STATION ORDER NUMBER COUNT   COUNT boards, or all until SIGTERM, the first of
 * that number load health                              a line for each change: "STATUS WORDS"
 *
 * A line "made UID" for each board that is sealed; a line "failed STATUS WORDS" for each call
 * that was refused, and "cut" for a connection that was. The environment is that of
 * tests/hostile/lies.
 */
#include "tests/unit/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "hallmark/v1/operator.pb-c.h"
#include "tests/hostile/wire.h"

enum stage { FRESH, COMMITTING, COMMITTED, LOCKED, SEALED };

/* Outlives an attempt, which may end in the midst of a call. */
static struct {
    struct wire wire;
    struct board board;
    const char *station;
    enum stage stage;
    bool connected;
} now;

static volatile sig_atomic_t stopped;
static FILE *says;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static void pause_ms(long ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL) {
        fprintf(stderr, "load: %s is not set\n", name);
        exit(64);
    }
    return value;
}

static enum err arrows_and_finish(struct board *b)
{
    Hallmark__V1__OpenResponse *opened = NULL;
    TRY(board_open(b, false, &opened));
    bool is_new = opened->run_id.len != 0;
    hallmark__v1__open_response__free_unpacked(opened, NULL);
    if (!is_new)
        return fail_quiet(ERR_PRECONDITION, "load: no run was opened");
    TRY(board_go_on(b, 32));
    TRY(board_finish(b));
    now.stage = COMMITTING;
    return ERR_OK;
}

/* A commit that was lost is repeated for the slot that it wrote. */
static enum err commit(struct board *b)
{
    enum err e = board_commit(b);
    b->decision = HALLMARK__V1__KEY_DECISION__KEY_DECISION_KEEP;
    if (e == ERR_OK)
        now.stage = COMMITTED;
    else if (err_status(e) != ERR_UNAVAILABLE && err_status(e) != ERR_DEADLINE)
        now.stage = FRESH;
    return e;
}

static enum err go_on(struct board *b)
{
    if (now.stage == FRESH)
        TRY(arrows_and_finish(b));
    if (now.stage == COMMITTING)
        TRY(commit(b));
    if (now.stage == COMMITTED) {
        TRY(board_locked(b));
        now.stage = LOCKED;
    }
    TRY(board_sealed(b, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT));
    now.stage = SEALED;
    return ERR_OK;
}

/* A test of cmocka's, because an assertion in server_board.c ends it when a run is cut. */
static void attempt(void **state)
{
    (void)state;
    if (!now.connected) {
        struct board *board = now.wire.party.board;
        wire_close(&now.wire);
        enum err e = wire_open(&now.wire, now.station);
        now.wire.party.board = board;
        if (e != ERR_OK)
            fprintf(says, "cut\n");
        if (e != ERR_OK)
            return;
        now.connected = true;
    }
    fail_set("");
    enum err e = go_on(&now.board);
    if (e == ERR_OK)
        return;
    now.connected = false;
    if (fail_words()[0] == '\0' || e == ERR_CLOSED || e == ERR_IO || e == ERR_TLS)
        fprintf(says, "cut\n");
    else
        fprintf(says, "failed %s %s\n", err_text(err_status(e)), fail_words());
}

static void make_one(const char *order, unsigned number)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(attempt) };
    char uid[2 * UID_SIZE + 1];
    board_init(&now.board, &now.wire.party, order, 0);
    now.board.uid[0] = (uint8_t)(number >> 8);
    now.board.uid[1] = (uint8_t)number;
    now.board.uid[2] = 0xB1;
    now.board.level = now.board.sealed_at = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
    now.board.tells_boot = true;
    now.stage = FRESH;
    while (now.stage != SEALED) {
        if (_cmocka_run_group_tests("attempt", tests, 1, NULL, NULL) != 0) {
            fprintf(says, "cut\n");
            now.connected = false;
        }
        if (now.stage != SEALED)
            pause_ms(100);
    }
    hex_of(SPAN(now.board.uid), uid);
    fprintf(says, "made %s\n", uid);
    board_fini(&now.board);
}

static int make_boards(char **words)
{
    unsigned number = (unsigned)strtoul(words[2], NULL, 10);
    unsigned count = (unsigned)strtoul(words[3], NULL, 10);
    now.station = words[0];
    now.wire.ws.fd = -1;
    for (unsigned i = 0; i < count && !stopped; i++)
        make_one(words[1], number + i);
    wire_close(&now.wire);
    return 0;
}

/* --- Health. ------------------------------------------------------------------------------ */

static void ask_health(char *line, size_t size)
{
    Hallmark__V1__CheckRequest in = HALLMARK__V1__CHECK_REQUEST__INIT;
    ProtobufCMessage *out = NULL;
    if (!now.connected) {
        wire_close(&now.wire);
        now.connected = wire_open(&now.wire, "operator") == ERR_OK;
    }
    snprintf(line, size, "cut");
    if (!now.connected)
        return;
    fail_set("");
    enum err e = party_call(&now.wire.party, "hallmark.v1.Health/Check", &in.base, NULL,
                            &hallmark__v1__check_response__descriptor, &out);
    const Hallmark__V1__CheckResponse *answer = (const void *)out;
    now.connected = e == ERR_OK || fail_words()[0] != '\0';
    if (now.connected)
        snprintf(line, size, "%s %s", err_text(err_status(e)),
                 e == ERR_OK ? answer->hsm : fail_words());
    if (out != NULL)
        hallmark__v1__check_response__free_unpacked((Hallmark__V1__CheckResponse *)out, NULL);
}

static int watch_health(void)
{
    char before[600] = "", line[600];
    now.wire.ws.fd = -1;
    while (!stopped) {
        ask_health(line, sizeof(line));
        if (strcmp(line, before) != 0)
            fprintf(says, "%s\n", line);
        memcpy(before, line, sizeof(before));
        pause_ms(200);
    }
    wire_close(&now.wire);
    return 0;
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = stop };
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_NONE);
    says = fdopen(dup(1), "w");
    if (says == NULL || freopen("/dev/null", "w", stdout) == NULL)
        return 1;
    setvbuf(says, NULL, _IOLBF, 0);
    server_place = (struct place_of_server){ "localhost", setting("HOSTILE_PORT"),
                                             setting("HOSTILE_DESK") };
    if (hex_read(setting("HOSTILE_FIRMWARE"), bench.firmware, SHA256_SIZE) != ERR_OK ||
        hex_read(setting("HOSTILE_DEVAUTH"), bench.devauth, SHA256_SIZE) != ERR_OK)
        return 64;
    if (argc == 6 && strcmp(argv[1], "boards") == 0)
        return make_boards(argv + 2);
    if (argc == 2 && strcmp(argv[1], "health") == 0)
        return watch_health();
    fprintf(stderr, "load: bad usage\n");
    return 64;
}
