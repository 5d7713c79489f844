/* SPDX-License-Identifier: MIT */
/*
 * Folds a log's changes and compares the outcome with pages of the store. Called by log_state.c
 * and log_verify.c. The entries are those that the checkpoint's signature covers; the server's
 * pages must only be compared, and not believed.
 */
#include "oem-server/ctl/state.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"

/* The rows that the server gave for one size of the log. */
struct state_page {
    json_t *rows; /* name -> object of fields */
    uint64_t size;
};

static enum err no_memory(void)
{
    return fail_quiet(ERR_MEMORY, "no memory for the state");
}

/* Text of a peer may not be UTF-8; it is compared as it is. */
static enum err set(json_t *rows, const char *row, const char *field, const char *value)
{
    json_t *fields = json_object_get(rows, row);
    if (fields == NULL) {
        fields = json_object();
        if (json_object_set_new_nocheck(rows, row, fields) != 0)
            return no_memory();
    }
    return json_object_set_new_nocheck(fields, field, json_string_nocheck(value)) == 0
               ? ERR_OK
               : no_memory();
}

static enum err add_name(json_t *names, const char *row)
{
    return json_object_set_new_nocheck(names, row, json_true()) == 0 ? ERR_OK : no_memory();
}

const char *state_last_row(const struct state *s)
{
    return s->last_row == NULL ? "" : s->last_row;
}

uint64_t state_size(const struct state *s)
{
    return s->page_count == 0 ? 0 : s->pages[s->page_count - 1].size;
}

/* The page that rows of a size belong to. */
static enum err page_for(struct state *s, uint64_t size, struct state_page **page_out)
{
    if (s->page_count == 0 || state_size(s) != size) {
        struct state_page *pages = reallocarray(s->pages, s->page_count + 1, sizeof(*pages));
        if (pages == NULL)
            return no_memory();
        s->pages = pages;
        s->pages[s->page_count++] = (struct state_page){ json_object(), size };
    }
    *page_out = &s->pages[s->page_count - 1];
    return ERR_OK;
}

/* One value. previous: of the value before it in this page, whose row may go on. */
static enum err add_value(struct state *s, json_t *rows, const Hallmark__V1__Change *value,
                          const char *previous)
{
    if (*value->row == '\0' || *value->field == '\0')
        return fail_quiet(ERR_PROTO, "the server's state has a row without a name or a field");
    if (strcmp(value->row, previous) != 0) {
        if (json_object_get(s->stored, value->row) != NULL)
            return fail_quiet(ERR_PROTO, "the server's state has row %.200s twice", value->row);
        TRY(add_name(s->stored, value->row));
    }
    return set(rows, value->row, value->field, value->value);
}

enum err state_add_page(struct state *s, const Hallmark__V1__GetStateResponse *in)
{
    struct state_page *page = NULL;
    const char *previous = "";
    if (s->stored == NULL)
        s->stored = json_object();
    if (in->n_values == 0 && in->more)
        return fail_quiet(ERR_PROTO, "the server's state has an empty page, and more");
    if (in->size < state_size(s))
        return fail_quiet(ERR_PROTO, "the log got shorter between two pages of the state");
    TRY(page_for(s, in->size, &page));
    for (size_t i = 0; i < in->n_values; i++) {
        TRY(add_value(s, page->rows, in->values[i], previous));
        previous = in->values[i]->row;
    }
    free(s->last_row);
    s->last_row = strdup(previous);
    return s->last_row == NULL ? no_memory() : ERR_OK;
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
    json_object_foreach(page->rows, row, fields)
    {
        TRY(compare_row(s, row, json_object_get(s->rows, row), fields));
    }
    return ERR_OK;
}

/* From the first page's size on: the rows that the log has had all the time. */
static enum err begin_lasting(struct state *s)
{
    const char *row;
    json_t *fields;
    s->lasting = json_object();
    json_object_foreach(s->rows, row, fields)
    {
        TRY(add_name(s->lasting, row));
    }
    return s->lasting == NULL ? no_memory() : ERR_OK;
}

/* At the last page's size. */
static enum err compare_missing(struct state *s)
{
    const char *row;
    json_t *name;
    json_object_foreach(s->lasting, row, name)
    {
        if (json_object_get(s->stored, row) == NULL)
            TRY(compare_row(s, row, json_object_get(s->rows, row), NULL));
    }
    return ERR_OK;
}

/* Compares the page whose size is reached, if there is one. */
static enum err compare_due(struct state *s)
{
    if (s->page_done == s->page_count || s->pages[s->page_done].size != s->folded)
        return ERR_OK;
    if (s->page_done == 0)
        TRY(begin_lasting(s));
    TRY(compare_page(s, &s->pages[s->page_done++]));
    return s->page_done == s->page_count ? compare_missing(s) : ERR_OK;
}

enum err state_start(struct state *s)
{
    s->rows = json_object();
    return s->rows == NULL ? no_memory() : compare_due(s);
}

static enum err fold(struct state *s, const Hallmark__V1__Change *change)
{
    if (*change->row == '\0')
        return fail_quiet(ERR_PROTO, "entry %llu changes a row without a name",
                          (unsigned long long)s->folded);
    if (*change->field != '\0')
        return set(s->rows, change->row, change->field, change->value);
    json_object_del(s->rows, change->row); /* also if it is not there */
    json_object_del(s->lasting, change->row);
    return ERR_OK;
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
    if (s->page_done == s->page_count)
        return ERR_OK; /* newer than the store's pages */
    for (size_t i = 0; i < event->n_changes; i++)
        TRY(fold(s, event->changes[i]));
    s->folded++;
    return compare_due(s);
}

enum err state_finish(const struct state *s)
{
    if (s->page_done < s->page_count)
        return fail_quiet(ERR_DATA_LOSS,
                          "the store is as of %llu entries, the verified log has %llu",
                          (unsigned long long)state_size(s), (unsigned long long)s->folded);
    return s->differences == 0
               ? ERR_OK
               : fail_quiet(ERR_DATA_LOSS, "%llu values of the store are not what the log says",
                            (unsigned long long)s->differences);
}

void state_free(struct state *s)
{
    for (size_t i = 0; i < s->page_count; i++)
        json_decref(s->pages[i].rows);
    free(s->pages);
    free(s->last_row);
    json_decref(s->rows);
    json_decref(s->stored);
    json_decref(s->lasting);
    *s = (struct state){ 0 };
}
