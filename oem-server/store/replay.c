/* SPDX-License-Identifier: MIT */
/* The fold of a log's changes: a hash table of rows, each with its list of fields. Called by
 * tlog and oemctl for each change of each entry. It must not read a store or a log. */
#include "oem-server/store/replay.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"

enum { BUCKETS_FIRST = 1024 };

struct field {
    struct field *next;
    char *name, *value;
    bool seen;
};
struct row {
    struct row *next;  /* of its bucket */
    struct row *later; /* in the order in which the log names them first */
    char *name;
    bool gone; /* gone by the last change; fields is then empty */
    struct field *fields;
};
struct replay {
    struct row **buckets;
    size_t bucket_count, count;
    struct row *first, **last;
};

static void replay_drop(struct replay **replay)
{
    replay_free(*replay);
}

enum err replay_new(struct replay **replay_out)
{
    AUTO(replay_drop) struct replay *replay = calloc(1, sizeof(*replay));
    if (replay != NULL)
        replay->buckets = calloc(BUCKETS_FIRST, sizeof(*replay->buckets));
    if (replay == NULL || replay->buckets == NULL)
        return fail(ERR_MEMORY, "replay: out of memory");
    replay->bucket_count = BUCKETS_FIRST;
    replay->last = &replay->first;
    *replay_out = TAKE(replay);
    return ERR_OK;
}

static void fields_free(struct row *row)
{
    while (row->fields != NULL) {
        struct field *field = row->fields;
        row->fields = field->next;
        free(field->name);
        free(field->value);
        free(field);
    }
}

void replay_free(struct replay *replay)
{
    if (replay == NULL)
        return;
    while (replay->first != NULL) {
        struct row *row = replay->first;
        replay->first = row->later;
        fields_free(row);
        free(row->name);
        free(row);
    }
    free(replay->buckets);
    free(replay);
}

/* FNV-1a: rows are named by the log, which is authenticated; a collision only costs time. */
static size_t bucket_of(const char *name, size_t buckets)
{
    uint64_t hash = 14695981039346656037U;
    for (; *name != '\0'; name++)
        hash = (hash ^ (uint8_t)*name) * 1099511628211U;
    return (size_t)(hash % buckets);
}

static struct row *row_find(const struct replay *replay, const char *name)
{
    struct row *row = replay->buckets[bucket_of(name, replay->bucket_count)];
    while (row != NULL && strcmp(row->name, name) != 0)
        row = row->next;
    return row;
}

static struct field *field_find(const struct row *row, const char *name)
{
    struct field *field = row->fields;
    while (field != NULL && strcmp(field->name, name) != 0)
        field = field->next;
    return field;
}

static enum err buckets_grow(struct replay *replay)
{
    size_t more = 2 * replay->bucket_count;
    struct row **buckets = calloc(more, sizeof(*buckets));
    if (buckets == NULL)
        return fail(ERR_MEMORY, "replay: out of memory");
    for (size_t i = 0; i < replay->bucket_count; i++)
        while (replay->buckets[i] != NULL) {
            struct row *row = replay->buckets[i];
            replay->buckets[i] = row->next;
            size_t to = bucket_of(row->name, more);
            row->next = buckets[to];
            buckets[to] = row;
        }
    free(replay->buckets);
    replay->buckets = buckets;
    replay->bucket_count = more;
    return ERR_OK;
}

static enum err row_make(struct replay *replay, const char *name, struct row **row_out)
{
    *row_out = row_find(replay, name);
    if (*row_out != NULL)
        return ERR_OK;
    if (replay->count >= replay->bucket_count)
        TRY(buckets_grow(replay));
    struct row *row = calloc(1, sizeof(*row));
    if (row == NULL || (row->name = strdup(name)) == NULL) {
        free(row);
        return fail(ERR_MEMORY, "replay: out of memory");
    }
    size_t at = bucket_of(name, replay->bucket_count);
    row->next = replay->buckets[at];
    replay->buckets[at] = row;
    replay->count++;
    *replay->last = row;
    replay->last = &row->later;
    *row_out = row;
    return ERR_OK;
}

static enum err field_add(struct row *row, const char *name, const char *value)
{
    struct field *field = calloc(1, sizeof(*field));
    if (field == NULL || (field->name = strdup(name)) == NULL ||
        (field->value = strdup(value)) == NULL) {
        if (field != NULL)
            free(field->name);
        free(field);
        return fail(ERR_MEMORY, "replay: out of memory");
    }
    struct field **last = &row->fields;
    while (*last != NULL)
        last = &(*last)->next;
    *last = field;
    return ERR_OK;
}

static enum err field_set(struct row *row, const char *name, const char *value)
{
    struct field *field = field_find(row, name);
    if (field == NULL)
        return field_add(row, name, value);
    char *copy = strdup(value);
    if (copy == NULL)
        return fail(ERR_MEMORY, "replay: out of memory");
    free(field->value);
    field->value = copy;
    return ERR_OK;
}

enum err replay_fold(struct replay *replay, const char *row_name, const char *field_name,
                     const char *value)
{
    struct row *row = NULL;
    TRY(row_make(replay, row_name, &row));
    bool gone = field_name[0] == '\0';
    if (gone)
        fields_free(row);
    else
        TRY(field_set(row, field_name, value));
    row->gone = gone;
    return ERR_OK;
}

void replay_compare(struct replay *replay, bool whole, const char *row_name,
                    const char *field_name, const char *value, replay_differs *differs,
                    void *context)
{
    const struct row *row = row_find(replay, row_name);
    struct field *field = row == NULL ? NULL : field_find(row, field_name);
    if (field == NULL) {
        if (whole || (row != NULL && row->gone))
            differs(context, row_name, field_name, NULL, value);
        return;
    }
    field->seen = true;
    if (strcmp(field->value, value) != 0)
        differs(context, row_name, field_name, field->value, value);
}

static void row_missing(const struct row *row, replay_differs *differs, void *context)
{
    for (struct field *field = row->fields; field != NULL; field = field->next) {
        if (!field->seen)
            differs(context, row->name, field->name, field->value, NULL);
        field->seen = false;
    }
}

void replay_missing(struct replay *replay, replay_differs *differs, void *context)
{
    for (const struct row *row = replay->first; row != NULL; row = row->later)
        row_missing(row, differs, context);
}

void replay_missing_of(struct replay *replay, const char *row_name, replay_differs *differs,
                       void *context)
{
    const struct row *row = row_find(replay, row_name);
    if (row != NULL)
        row_missing(row, differs, context);
}

bool replay_has(const struct replay *replay, const char *row_name)
{
    const struct row *row = row_find(replay, row_name);
    return row != NULL && !row->gone;
}

enum err replay_rows(struct replay *replay, replay_row *each, void *context)
{
    for (const struct row *row = replay->first; row != NULL; row = row->later)
        TRY(each(context, row->name));
    return ERR_OK;
}
