/* SPDX-License-Identifier: MIT */
/*
 * state: what the entries of a log amount to, compared with what the server says its store
 * holds.
 *
 * Each Change sets the value of one field of one row; an empty field removes the row; an empty
 * value is no value. So the entries before a size give rows with fields. The server's pages
 * (Log.GetState) are each of one size of the log and of one range of rows, in ascending order
 * of bytes; they are read first and compared on the way, when so many entries were folded. So a
 * log that grows between two pages makes no difference. Used by log verify --state.
 *
 * Use: state_add_page for each page, then state_entry for each entry from 0 on, at least
 * state_size() of them, then state_finish. All zero to begin with; AUTO(state_free).
 */
#pragma once

#include <jansson.h>

#include "hallmark/v1/log.pb-c.h"
#include "oem-server/ctl/option.h"

struct state_page;

/* A field whose value in the log and in the store differ; NULL: none. Cleaned by the one who
 * prints. */
typedef enum err state_differs(void *context, const char *row, const char *field,
                               const char *logged, const char *stored);

struct state {
    state_differs *differs;
    void *context;
    uint64_t differences;
    json_t *rows; /* name -> object of fields: what the entries amount to so far */
    uint64_t folded;
    struct state_page *pages; /* in order */
    size_t page_count, page_done;
    uint64_t values; /* that were compared */
};

/* Copies the page. ERR_PROTO if it does not follow the one before. */
enum err state_add_page(struct state *s, const Hallmark__V1__GetStateResponse *page);
const char *state_last_row(const struct state *s); /* of all pages; "": none yet */
uint64_t state_size(const struct state *s); /* entries that the pages need: the newest page's */

enum err state_start(struct state *s); /* compares the pages of an empty log */
enum err state_entry(struct state *s, struct span entry); /* ERR_PROTO: not an Event */
enum err
state_finish(const struct state *s); /* ERR_DATA_LOSS: differences, or pages left over */
void state_free(struct state *s);
