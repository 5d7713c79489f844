/* SPDX-License-Identifier: MIT */
/*
 * Folds a log's changes and compares the outcome with pages of the store. Called by log_state.c
 * and log_verify.c. The entries are those that the checkpoint's signature covers; of the
 * server's pages nothing is believed, they are only compared.
 */
#include "oem-server/ctl/state.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"

/* Rows after the last one of the page before, up to last (all if open), at a size of the log.
 */
struct state_page {
    json_t *rows;
    char *after, *last;
    bool open;
    uint64_t size;
};

/* Sets a field. Text of a peer need not be UTF-8, and is compared as it is. */
static enum err set(json_t *rows, const char *row, const char *field, const char *value)
{
    json_t *fields = json_object_get(rows, row);
    if (fields == NULL && *value == '\0')
        return ERR_OK;
    if (fields == NULL) {
        fields = json_object();
        if (json_object_set_new_nocheck(rows, row, fields) != 0)
            return fail_quiet(ERR_MEMORY, "no memory for the state");
    }
    if (*value == '\0') {
        json_object_del(fields, field);
        if (json_object_size(fields) == 0)
            json_object_del(rows, row);
        return ERR_OK;
    }
    return json_object_set_new_nocheck(fields, field, json_string_nocheck(value)) == 0
               ? ERR_OK
               : fail_quiet(ERR_MEMORY, "no memory for the state");
}

static enum err change(json_t *rows, const Hallmark__V1__Change *c)
{
    if (*c->row == '\0')
        return fail_quiet(ERR_PROTO, "a change names no row");
    if (*c->field != '\0')
        return set(rows, c->row, c->field, c->value);
    json_object_del(rows, c->row); /* also if it is not there */
    return ERR_OK;
}

const char *state_last_row(const struct state *s)
{
    return s->page_count == 0 ? "" : s->pages[s->page_count - 1].last;
}

uint64_t state_size(const struct state *s)
{
    return s->page_count == 0 ? 0 : s->pages[s->page_count - 1].size;
}

/* Whole rows, ascending, beyond the page before. */
static enum err check_order(const struct state *s, const Hallmark__V1__GetStateResponse *page)
{
    const char *row = state_last_row(s);
    bool first = true;
    for (size_t i = 0; i < page->n_values; i++, first = false) {
        int order = strcmp(page->values[i]->row, row);
        if (order < 0 || (order == 0 && first))
            return fail_quiet(ERR_PROTO, "the server's state is not in the order of its rows");
        if (*page->values[i]->field == '\0')
            return fail_quiet(ERR_PROTO, "the server's state has a row without a field");
        row = page->values[i]->row;
    }
    if (page->n_values == 0 && page->more)
        return fail_quiet(ERR_PROTO, "the server's state has an empty page, and more");
    return page->size < state_size(s)
               ? fail_quiet(ERR_PROTO, "the log got shorter between two pages of the state")
               : ERR_OK;
}

static void page_drop(struct state_page *page)
{
    json_decref(page->rows);
    free(page->after);
    free(page->last);
}

/* The page that in belongs to: the last one if it is of the same size, else a new one after it.
 * So a log that does not grow meanwhile gives one page. */
static enum err page_for(struct state *s, uint64_t size, struct state_page **page_out)
{
    if (s->page_count != 0 && state_size(s) == size) {
        *page_out = &s->pages[s->page_count - 1];
        return ERR_OK;
    }
    struct state_page *pages = reallocarray(s->pages, s->page_count + 1, sizeof(*s->pages));
    if (pages == NULL)
        return fail_quiet(ERR_MEMORY, "no memory for the state");
    s->pages = pages;
    struct state_page added = { .rows = json_object(),
                                .after = strdup(state_last_row(s)),
                                .last = strdup(state_last_row(s)),
                                .size = size };
    if (added.rows == NULL || added.after == NULL || added.last == NULL) {
        page_drop(&added);
        return fail_quiet(ERR_MEMORY, "no memory for the state");
    }
    s->pages[s->page_count] = added;
    *page_out = &s->pages[s->page_count++];
    return ERR_OK;
}

enum err state_add_page(struct state *s, const Hallmark__V1__GetStateResponse *in)
{
    struct state_page *page = NULL;
    TRY(check_order(s, in));
    TRY(page_for(s, in->size, &page));
    for (size_t i = 0; i < in->n_values; i++)
        TRY(change(page->rows, in->values[i]));
    page->open = !in->more;
    if (in->n_values == 0)
        return ERR_OK;
    char *last = strdup(in->values[in->n_values - 1]->row);
    if (last == NULL)
        return fail_quiet(ERR_MEMORY, "no memory for the state");
    free(page->last);
    page->last = last;
    return ERR_OK;
}

static bool in_range(const struct state_page *page, const char *row)
{
    return strcmp(row, page->after) > 0 && (page->open || strcmp(row, page->last) <= 0);
}

static enum err differ(struct state *s, const char *row, const char *field,
                       const json_t *logged, const json_t *stored)
{
    s->differences++;
    return s->differs(s->context, row, field, json_string_value(logged),
                      json_string_value(stored));
}

/* Fields of one row; either side may be NULL: the row is missing there. */
static enum err compare_row(struct state *s, const char *row, json_t *logged, json_t *stored)
{
    const char *field;
    json_t *value;
    json_object_foreach(logged, field, value)
    {
        const json_t *other = json_object_get(stored, field);
        s->values++;
        if (other == NULL || json_equal(value, other) == 0)
            TRY(differ(s, row, field, value, other));
    }
    json_object_foreach(stored, field, value)
    {
        if (json_object_get(logged, field) == NULL)
            TRY(differ(s, row, field, NULL, value));
    }
    return ERR_OK;
}

static enum err compare_page(struct state *s, const struct state_page *page)
{
    const char *row;
    json_t *fields;
    json_object_foreach(s->rows, row, fields)
    {
        if (in_range(page, row))
            TRY(compare_row(s, row, fields, json_object_get(page->rows, row)));
    }
    json_object_foreach(page->rows, row, fields)
    {
        if (json_object_get(s->rows, row) == NULL)
            TRY(compare_row(s, row, NULL, fields));
    }
    return ERR_OK;
}

/* Those whose size has come. */
static enum err compare_due(struct state *s)
{
    while (s->page_done < s->page_count && s->pages[s->page_done].size == s->folded)
        TRY(compare_page(s, &s->pages[s->page_done++]));
    return ERR_OK;
}

enum err state_start(struct state *s)
{
    s->rows = json_object();
    return s->rows == NULL ? fail_quiet(ERR_MEMORY, "no memory for the state") : compare_due(s);
}

static void event_drop(Hallmark__V1__Event **event)
{
    hallmark__v1__event__free_unpacked(*event, NULL);
}

enum err state_entry(struct state *s, struct span entry)
{
    AUTO(event_drop)
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    if (event == NULL)
        return fail_quiet(ERR_PROTO, "entry %llu is no Event: its changes cannot be read",
                          (unsigned long long)s->folded);
    for (size_t i = 0; i < event->n_changes; i++)
        TRY(change(s->rows, event->changes[i]));
    s->folded++;
    return compare_due(s);
}

enum err state_finish(const struct state *s)
{
    if (s->page_done < s->page_count)
        return fail_quiet(ERR_DATA_LOSS,
                          "the store is of %llu entries, the verified log has %llu",
                          (unsigned long long)state_size(s), (unsigned long long)s->folded);
    return s->differences == 0
               ? ERR_OK
               : fail_quiet(ERR_DATA_LOSS, "%llu values of the store are not what the log says",
                            (unsigned long long)s->differences);
}

void state_free(struct state *s)
{
    for (size_t i = 0; i < s->page_count; i++)
        page_drop(&s->pages[i]);
    free(s->pages);
    json_decref(s->rows);
    *s = (struct state){ 0 };
}
