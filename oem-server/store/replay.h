/* SPDX-License-Identifier: MIT */
/*
 * replay: the content of the store as the event log tells it: the changes of its entries,
 * folded in order. The store's rows (state.h) are then compared with it.
 *
 * It needs neither a store nor a log. One thread at a time. Used by the server at its start,
 * over the newest entries (then only the rows that they touch are compared), and by "oemctl log
 * verify --state" over all.
 */
#pragma once

#include "common/core/err.h"

struct replay;
/* *replay_out is the caller's, for replay_free(). */
enum err replay_new(struct replay **replay_out);
void replay_free(struct replay *replay); /* NULL is fine */

/* One change of an entry. field "": the row is gone, with all its fields. The strings are
 * copied. ERR_MEMORY. */
enum err replay_fold(struct replay *replay, const char *row, const char *field,
                     const char *value);

/* Called for each difference. want: the log's value, NULL if the log has none; got: the store's
 * value, NULL if the store has none. */
typedef void replay_differs(void *context, const char *row, const char *field, const char *want,
                            const char *got);

/* Compares a value of the store. whole: the log was folded from its first entry; otherwise a
 * value that the folded entries do not mention is ignored, unless they say that its row is
 * gone. */
void replay_compare(struct replay *replay, bool whole, const char *row, const char *field,
                    const char *value, replay_differs *differs, void *context);
/* Called after the store's values were compared: reports those that the log has and that no
 * replay_compare() named since the last call of this. For all rows, or for one. */
void replay_missing(struct replay *replay, replay_differs *differs, void *context);
void replay_missing_of(struct replay *replay, const char *row, replay_differs *differs,
                       void *context);

/* Calls each for each row that was touched, once, in no order; for rows that are gone, too. A
 * failure of each ends it. each may call replay_compare() and replay_missing_of(). */
typedef enum err replay_row(void *context, const char *row);
enum err replay_rows(struct replay *replay, replay_row *each, void *context);
