/* SPDX-License-Identifier: MIT */
/* A row of the world SOFTWARE: who lies has a board in software, and a real connection. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "tests/hostile/outcome.h"
#include "tests/hostile/scene.h"

struct shared shared;
struct scene *scene_now;

enum err walk_to_finish(struct board *board)
{
    TRY(board_arrows(board, 32));
    return board_finish(board);
}

enum err walk_to_commit(struct board *board)
{
    TRY(walk_to_finish(board));
    return board_commit(board);
}

enum err walk(struct board *board)
{
    TRY(walk_to_commit(board));
    TRY(board_locked(board));
    return board_sealed(board, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT);
}

void make_board(struct board *board, struct wire *wire, const char *order, unsigned number)
{
    board_init(board, &wire->party, order, 0);
    board->uid[0] = (uint8_t)(number >> 8);
    board->uid[1] = (uint8_t)number;
    board->uid[2] = 0xB0;
    board->level = board->sealed_at = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
    board->tells_boot = true;
}

void shared_open(const char *kept)
{
    office_connect();
    office_station("line-0");
    office_station("line-9");
    office_order(&(struct office_terms){ "others", { "line-0" }, 10, 1, 0, 0 });
    assert_int_equal(wire_open(&shared.line_0, "line-0"), ERR_OK);
    make_board(&shared.other, &shared.line_0, "others", 0xFFFF);
    tongue = (struct tongue){ .kept = kept, .keeps = true };
    enum err e = walk(&shared.other);
    if (e != ERR_OK)
        fail_msg("an honest unit: %s: %s", err_text(e), fail_words());
    tongue.keeps = false;
    wire_close(&shared.line_0);
}

void shared_close(void)
{
    board_fini(&shared.other);
}

void software_tell(const struct lie *lie, unsigned number)
{
    struct scene scene = { .lie = lie, .number = number };
    scene_now = &scene;
    office_connect();
    snprintf(scene.station, sizeof(scene.station), "s-%u", number);
    snprintf(scene.order, sizeof(scene.order), "o-%u", number);
    office_station(scene.station);
    office_order(&(struct office_terms){ scene.order,
                                         { scene.station, "line-9" },
                                         lie->quantity == 0 ? 2 : lie->quantity,
                                         1,
                                         0,
                                         0 });
    struct outcome out = { .start = office_log_size() };
    assert_int_equal(wire_open(&scene.wire, scene.station), ERR_OK);
    make_board(&scene.board, &scene.wire, scene.order, number);
    tongue.lie = lie;
    tongue.told = 0;
    fail_set("");
    out.err = lie->act != NULL ? lie->act(&scene) : walk(&scene.board);
    tongue.lie = NULL;
    snprintf(out.words, sizeof(out.words), "%s", fail_words());
    wire_close(&scene.wire);
    office_connect(); /* the lie may have taken longer than a connection may say nothing */
    out.told = lie->how == HONEST || lie->how == SILENT || tongue.told != 0;
    office_state(scene.board.uid, out.state);
    office_counts(scene.order, &lie->counts, &out.counts);
    board_fini(&scene.board);
    outcome_check(lie, &out);
}
