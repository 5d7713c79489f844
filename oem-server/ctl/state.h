/* SPDX-License-Identifier: MIT */
/*
 * state: the result of all entries of a log, compared with the content of the server's store as
 * the server gives it.
 *
 * Each Change sets the value of one field of one row; an empty field removes the row. So the
 * entries before a size give rows with fields. The server's pages (Log.GetState) come first, in
 * any order of their rows, each as of a size of the log. While the entries are folded, a row is
 * compared when the number of folded entries is the size of its page. A row of the log that no
 * page has is missing in the store, if the log had it during all the time in which the pages
 * were read; a row that was added or removed meanwhile is left to the next comparison. So the
 * log may grow between two pages. Used by log verify --state (test_ctl_state).
 *
 * Use: state_add_page for each page, then state_start, then state_entry for each entry from 0
 * on, at least state_size() of them, then state_finish. All zero to begin with, but differs and
 * its context; AUTO(state_free).
 */
#pragma once

#include <jansson.h>

#include "hallmark/v1/log.pb-c.h"
#include "oem-server/ctl/option.h"

/* A value that differs; NULL: that side has none. Not cleaned. */
typedef enum err state_differs(void *context, const char *row, const char *field,
                               const char *logged, const char *stored);

struct state {
    state_differs *differs;
    void *context;
    uint64_t differences, values; /* found; compared */
    json_t *rows;             /* name -> object of fields: the result of the entries so far */
    uint64_t folded;          /* entries */
    struct state_page *pages; /* in ascending order of sizes, each size once */
    size_t page_count, page_done;
    json_t *stored;  /* names of all rows of the pages */
    json_t *lasting; /* names of rows that the log has had since the first page's size */
    char *last_row;
};

/* Copies the page. ERR_PROTO: a repeated row, or a size that went down. */
enum err state_add_page(struct state *s, const Hallmark__V1__GetStateResponse *page);
const char *state_last_row(const struct state *s); /* of all pages; "": none yet */
uint64_t state_size(const struct state *s); /* entries that the pages need: the newest page's */

/* In this order, see above; after a failure the state can only be freed. */
enum err state_start(struct state *s);
enum err state_entry(struct state *s, struct span entry); /* ERR_PROTO: not an Event */
enum err
state_finish(const struct state *s); /* ERR_DATA_LOSS: differences, or too few entries */
void state_free(struct state *s);
