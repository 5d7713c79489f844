/* SPDX-License-Identifier: MIT */
/* Dumps what row_kinds.h lists, in pages, so that no read transaction is long; or one row by
 * its name. Called for "log verify --state" and by the server's start. It never writes. */
#include "oem-server/store/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "oem-server/store/row_image.h"

/* A key as values, and what they borrow. */
struct row_key {
    struct store_value values[ROW_KEYS_MAX + 1];
    struct buf parts[ROW_KEYS_MAX];
};

static void row_key_free(struct row_key *key)
{
    for (size_t i = 0; i < ROW_KEYS_MAX; i++)
        buf_free(&key->parts[i]);
}

static enum store_type key_type(const char *column)
{
    static const struct {
        const char *column;
        enum store_type type;
    } types[] = {
        { "uid", STORE_BYTES },        { "run_id", STORE_BYTES },
        { "sha256", STORE_BYTES },     { "firmware_sha256", STORE_BYTES },
        { "serial", STORE_BYTES },     { "pub", STORE_BYTES },
        { "key_sha256", STORE_BYTES }, { "gen", STORE_NUMBER },
        { "role", STORE_NUMBER },      { "n", STORE_NUMBER },
        { "number", STORE_NUMBER },
    };
    for (size_t i = 0; i < COUNT(types); i++)
        if (strcmp(types[i].column, column) == 0)
            return types[i].type;
    return STORE_TEXT;
}

static enum err key_part_bytes(struct row_key *key, unsigned i, struct span text)
{
    char hex[2 * P256_POINT_SIZE + 1] = "";
    if (text.len % 2 != 0 || text.len >= sizeof(hex))
        return ERR_INVALID;
    memcpy(hex, text.ptr, text.len);
    TRY(buf_resize(&key->parts[i], text.len / 2));
    if (text.len != 0 && hex_read(hex, key->parts[i].ptr, text.len / 2) != ERR_OK)
        return ERR_INVALID;
    key->values[i] = value_span(buf_span(&key->parts[i]));
    return ERR_OK;
}

static enum err key_part(struct row_key *key, enum row_kind kind, unsigned i, struct span text)
{
    char column[ROW_COLUMN_SIZE], *end = NULL;
    enum store_type type = key_type(row_column(kind, i, column));
    if (type == STORE_BYTES)
        return key_part_bytes(key, i, text);
    TRY(buf_copy(&key->parts[i], text));
    TRY(buf_append(&key->parts[i], span_of("", 1)));
    const char *said = (const char *)key->parts[i].ptr;
    key->values[i] = value_text(said);
    if (type == STORE_TEXT)
        return ERR_OK;
    errno = 0;
    key->values[i] = value_number(strtoll(said, &end, 10));
    return errno != 0 || end == said || *end != '\0' ? ERR_INVALID : ERR_OK;
}

/* The parts of a key are separated by '/'; the last one may contain it. */
static enum err key_read(struct row_key *key, enum row_kind kind, const char *text)
{
    unsigned keys = row_infos[kind].keys;
    for (unsigned i = 0; i < keys; i++) {
        const char *end = i + 1 < keys ? strchr(text, '/') : text + strlen(text);
        if (end == NULL)
            return ERR_INVALID;
        TRY(key_part(key, kind, i, span_of(text, (size_t)(end - text))));
        text = end + (*end == '/' ? 1 : 0);
    }
    return ERR_OK;
}

static enum err name_read(const char *row, enum row_kind *kind_out, struct row_key *key)
{
    for (unsigned kind = 0; kind < ROW_KIND_COUNT; kind++) {
        size_t len = strlen(row_infos[kind].name);
        if (strncmp(row, row_infos[kind].name, len) != 0 || row[len] != '/')
            continue;
        *kind_out = (enum row_kind)kind;
        if (key_read(key, *kind_out, row + len + 1) == ERR_OK)
            return ERR_OK;
        break;
    }
    return fail_quiet(ERR_INVALID, "store: %.200s is no name of a row", row);
}

static enum err image_give(const struct row_image *image, state_take *take, void *context)
{
    char field[ROW_COLUMN_SIZE];
    for (unsigned i = 0; i < image->fields; i++)
        TRY(take(context, image->name, row_field(image->kind, i, field), image->values[i]));
    return ERR_OK;
}

void state_cursor_free(struct state_cursor *cursor)
{
    buf_free(&cursor->from);
    *cursor = (struct state_cursor){ 0 };
}

static const char *cursor_row(const struct state_cursor *cursor)
{
    return cursor->from.len == 0 ? "" : (const char *)cursor->from.ptr;
}

static enum err row_give(struct query *query, struct state_cursor *cursor, state_take *take,
                         void *context)
{
    AUTO(row_image_free) struct row_image image = { 0 };
    TRY(row_image_read(query, cursor->kind, &image));
    if (strcmp(image.name, cursor_row(cursor)) == 0)
        return ERR_OK; /* the last one of the page before */
    TRY(image_give(&image, take, context));
    return buf_copy(&cursor->from, span_of(image.name, strlen(image.name) + 1));
}

/* The first rows have no lower bound: none that a key could have is below all that somebody may
 * have inserted, such as text where bytes belong (test_store_damage). */
static enum err rows_open(struct store_tx *tx, const struct state_cursor *cursor,
                          uint32_t limit, struct row_key *key, struct query *query)
{
    enum row_kind kind = cursor->kind;
    unsigned keys = row_infos[kind].keys;
    if (cursor->from.len == 0)
        return query_open(tx, row_infos[kind].first, VALUES(value_number(limit)), query);
    TRY(name_read(cursor_row(cursor), &kind, key));
    key->values[keys] = value_number(limit);
    return query_open(tx, row_infos[kind].page, key->values, keys + 1, query);
}

/* Rows of one kind; *read_out: how many, the one already given included. */
static enum err rows_give(struct store_tx *tx, struct state_cursor *cursor, uint32_t limit,
                          state_take *take, void *context, uint32_t *read_out)
{
    AUTO(row_key_free) struct row_key key = { 0 };
    AUTO(query_close) struct query query = { 0 };
    bool row = false;
    TRY(rows_open(tx, cursor, limit, &key, &query));
    TRY(query_next(&query, &row));
    for (*read_out = 0; row; ++*read_out) {
        TRY(row_give(&query, cursor, take, context));
        TRY(query_next(&query, &row));
    }
    return ERR_OK;
}

enum err state_dump_page(struct store_tx *tx, struct state_cursor *cursor, uint32_t limit,
                         state_take *take, void *context)
{
    uint32_t read = 0, want = limit < 2 ? 2 : limit; /* one may have been given before */
    if (cursor->ended)
        return ERR_OK;
    TRY(rows_give(tx, cursor, want, take, context, &read));
    if (read == want)
        return ERR_OK;
    buf_free(&cursor->from);
    cursor->kind++;
    cursor->ended = cursor->kind == ROW_KIND_COUNT;
    return ERR_OK;
}

enum err state_dump(struct store_tx *tx, state_take *take, void *context)
{
    AUTO(state_cursor_free) struct state_cursor cursor = { 0 };
    while (!cursor.ended)
        TRY(state_dump_page(tx, &cursor, 1000, take, context));
    return ERR_OK;
}

enum err state_dump_row(struct store_tx *tx, const char *row, state_take *take, void *context)
{
    AUTO(row_key_free) struct row_key key = { 0 };
    AUTO(row_image_free) struct row_image image = { 0 };
    enum row_kind kind = ROW_UNIT;
    TRY(name_read(row, &kind, &key));
    TRY(row_image_get(tx, kind, key.values, &image));
    return image.there ? image_give(&image, take, context) : ERR_OK;
}
