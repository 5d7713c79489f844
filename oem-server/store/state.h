/* SPDX-License-Identifier: MIT */
/*
 * state: the store's content as the event log tells it: (row, field, value), for the comparison
 * of "log verify --state" (replay.h does the other side). It only reads.
 *
 * A row's name is its kind and its key: "unit/<uid>", "fact/commit/<uid>/<generation>/<run>".
 * Values are decimal numbers, text, and hex; more than 65 bytes are "sha256:" and their digest.
 */
#pragma once

#include "oem-server/store/row_kinds.h"
#include "oem-server/store/store.h"

typedef enum err state_take(void *context, const char *row, const char *field,
                            const char *value);

/* How far a dump is: all zero is the start. */
struct state_cursor {
    enum row_kind kind;
    struct buf from; /* key of the last row given, packed */
    bool ended;
};
void state_cursor_free(struct state_cursor *cursor);

/* The next rows, limit at most, in the order of kinds and keys; cursor->ended after the last.
 */
enum err state_dump_page(struct store_tx *tx, struct state_cursor *cursor, uint32_t limit,
                         state_take *take, void *context);
/* The whole dump, in this transaction. */
enum err state_dump(struct store_tx *tx, state_take *take, void *context);
/* The row of that name; nothing is given if there is none. ERR_INVALID: no name of a row. */
enum err state_dump_row(struct store_tx *tx, const char *row, state_take *take, void *context);
