/* SPDX-License-Identifier: MIT */
/*
 * replay: what the event log says the store's content is: the changes of its entries, folded in
 * order. Then the store's rows (state.h) are compared with it.
 *
 * Pure: neither a store nor a log. The one place where a log's changes become rows. Used by
 * the server (tlog_verify_state()) at its start over the newest entries (then only the rows that
 * they touch are compared), and by "oemctl log verify --state" over all.
 */
#pragma once

#include <stdbool.h>

#include "common/core/err.h"

struct replay;
enum err replay_new(struct replay **replay_out);
void replay_free(struct replay *replay); /* NULL is fine */

/* One change of an entry. field "": the row is gone, with all its fields. */
enum err replay_fold(struct replay *replay, const char *row, const char *field,
                     const char *value);

/* Told of each difference. want: the log's value, NULL: the log knows no such; got: the
 * store's, NULL: the store has no such. */
typedef void replay_differs(void *context, const char *row, const char *field, const char *want,
                            const char *got);

/* A value of the store. whole: the log was folded from its first entry; else a value that the
 * folded entries do not tell is passed over, unless its row is gone by them. */
void replay_compare(struct replay *replay, bool whole, const char *row, const char *field,
                    const char *value, replay_differs *differs, void *context);
/* After the store's values: those that the log tells and no replay_compare() named since the
 * last call of this are missing in the store. Of all rows, or of one whose values were
 * compared. */
void replay_missing(struct replay *replay, replay_differs *differs, void *context);
void replay_missing_of(struct replay *replay, const char *row, replay_differs *differs,
                       void *context);

/* Does the log, as far as it was folded, have that row? */
bool replay_has(const struct replay *replay, const char *row);
/* Each row that was touched, once, in the order of its first change; gone ones too. A failure ends it. each may call
 * replay_compare() and replay_missing_of(). */
typedef enum err replay_row(void *context, const char *row);
enum err replay_rows(struct replay *replay, replay_row *each, void *context);
