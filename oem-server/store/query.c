/* SPDX-License-Identifier: MIT */
/*
 * Binds a statement's values and reads its rows, with types and sizes checked. Called by all
 * functions that know a table. It must never build SQL.
 */
#include "oem-server/store/query.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/tx.h"

struct store_value value_number(int64_t number)
{
    return (struct store_value){ STORE_NUMBER, number, { 0 } };
}

struct store_value value_u64(uint64_t number)
{
    return (struct store_value){ number <= INT64_MAX ? STORE_NUMBER : STORE_OTHER,
                                 (int64_t)number,
                                 { 0 } };
}

struct store_value value_text(const char *text)
{
    return (struct store_value){ STORE_TEXT, 0, span_of(text, strlen(text)) };
}

struct store_value value_name(const char name[static STORE_NAME_SIZE])
{
    size_t len = strnlen(name, STORE_NAME_SIZE);
    return (struct store_value){ len < STORE_NAME_SIZE ? STORE_TEXT : STORE_OTHER, 0,
                                 span_of(name, len) };
}

struct store_value value_bytes(const uint8_t *bytes, size_t len)
{
    return value_span(span_of(bytes, len));
}

struct store_value value_span(struct span bytes)
{
    return (struct store_value){ STORE_BYTES, 0, bytes };
}

struct store_value value_optional(const struct buf *bytes)
{
    return (struct store_value){ bytes->len == 0 ? STORE_NULL : STORE_BYTES, 0,
                                 buf_span(bytes) };
}

static enum err doom(struct store_tx *tx, enum err e)
{
    if (e != ERR_OK)
        store_tx_doom(tx);
    return e;
}

static enum err values_check(enum statement statement, const struct store_value *values,
                             size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (values[i].type == STORE_OTHER)
            return fail(ERR_INVALID,
                        "store: %s: value %zu: name over %d bytes or number over 63 bits",
                        statement_name(statement), i + 1, STORE_NAME_SIZE - 1);
    return ERR_OK;
}

enum err query_open(struct store_tx *tx, enum statement statement,
                    const struct store_value *values, size_t count, struct query *query)
{
    const struct store *store = tx->store;
    *query = (struct query){ .tx = tx, .statement = statement };
    TRY(doom(tx, values_check(statement, values, count)));
    return doom(tx, store->backend->run(tx->link, statement, values, count, &query->rows));
}

enum err query_count(struct store_tx *tx, enum statement statement,
                     const struct store_value *values, size_t count, uint64_t *value_out)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, statement, values, count, &query));
    TRY(query_one(&query));
    *value_out = query_u64(&query);
    return query_end(&query);
}

enum err query_next(struct query *query, bool *row_out)
{
    query->column = 0;
    return doom(query->tx, query->tx->store->backend->step(query->rows, row_out));
}

/* The message goes to a peer, so it names a noun and not a statement: "order" for "ORDER_GET".
 */
static enum err answer(enum err e, const char *what, enum statement statement)
{
    char noun[16] = "";
    const char *name = statement_name(statement);
    for (size_t i = 0; i + 1 < sizeof(noun) && name[i] != '\0' && name[i] != '_'; i++)
        noun[i] = (char)tolower((unsigned char)name[i]);
    return fail_quiet(e, "store: %s %s", noun, what);
}

enum err query_one(struct query *query)
{
    bool row = false;
    TRY(query_next(query, &row));
    return row ? ERR_OK : answer(ERR_NOT_FOUND, "not found", query->statement);
}

void query_close(struct query *query)
{
    if (query->rows != NULL)
        query->tx->store->backend->done(query->rows);
    query->rows = NULL;
}

enum err query_write(struct store_tx *tx, enum statement statement,
                     const struct store_value *values, size_t count, uint64_t *changed_out)
{
    AUTO(query_close) struct query query = { 0 };
    bool row = false;
    TRY(query_open(tx, statement, values, count, &query));
    TRY(query_next(&query, &row));
    if (changed_out != NULL)
        *changed_out = tx->store->backend->changed(query.rows);
    return ERR_OK;
}

enum err query_insert(struct store_tx *tx, enum statement statement,
                      const struct store_value *values, size_t count)
{
    uint64_t changed = 0;
    TRY(query_write(tx, statement, values, count, &changed));
    return changed == 0 ? answer(ERR_EXISTS, "exists already", statement) : ERR_OK;
}

/* The column just read holds a value that the store does not write. */
static void query_fail(struct query *query, const char *why)
{
    if (query->err != ERR_OK)
        return;
    query->err = fail(ERR_DATA_LOSS, "store: %s: %s: column %u: %s", query->tx->store->path,
                      statement_name(query->statement), query->column, why);
    store_tx_doom(query->tx);
}

static struct store_value take(struct query *query, enum store_type want)
{
    static const char *const names[] = { "not NULL", "not a number", "not text", "not bytes" };
    struct store_value value = query->tx->store->backend->column(query->rows, query->column++);
    if (value.type != want) {
        query_fail(query, names[want]);
        return (struct store_value){ 0 };
    }
    return value;
}

int64_t query_i64(struct query *query)
{
    return take(query, STORE_NUMBER).number;
}

uint64_t query_u64(struct query *query)
{
    int64_t value = query_i64(query);
    if (value < 0)
        query_fail(query, "negative");
    return value < 0 ? 0 : (uint64_t)value;
}

uint32_t query_u32(struct query *query)
{
    uint64_t value = query_u64(query);
    if (value > UINT32_MAX)
        query_fail(query, "over 32 bits");
    return value > UINT32_MAX ? 0 : (uint32_t)value;
}

bool query_bool(struct query *query)
{
    uint64_t value = query_u64(query);
    if (value > 1)
        query_fail(query, "neither 0 nor 1");
    return value == 1;
}

/* As text two values of different types could look alike, and text ends at a NUL. */
struct store_value query_value(struct query *query)
{
    const struct store_backend *backend = query->tx->store->backend;
    enum store_type declared = backend->declared(query->rows, query->column);
    struct store_value value = backend->column(query->rows, query->column++);
    if (value.type == STORE_OTHER)
        query_fail(query, "of no type of ours");
    else if (value.type != STORE_NULL && declared != STORE_OTHER && value.type != declared)
        query_fail(query, "of another type than its column");
    else if (value.type == STORE_TEXT && value.bytes.len != 0 &&
             memchr(value.bytes.ptr, '\0', value.bytes.len) != NULL)
        query_fail(query, "text that holds a NUL");
    return value;
}

struct span query_span(struct query *query)
{
    return take(query, STORE_BYTES).bytes;
}

void query_bytes(struct query *query, uint8_t *bytes_out, size_t len)
{
    struct span bytes = query_span(query);
    if (bytes.len != len) {
        query_fail(query, "wrong size");
        memset(bytes_out, 0, len);
        return;
    }
    if (len > 0)
        memcpy(bytes_out, bytes.ptr, len);
}

static void copy_out(struct query *query, struct span bytes, struct buf *bytes_out)
{
    if (query->err == ERR_OK)
        query->err = doom(query->tx, buf_copy(bytes_out, bytes));
}

void query_buf(struct query *query, struct buf *bytes_out)
{
    copy_out(query, query_span(query), bytes_out);
}

void query_optional(struct query *query, struct buf *bytes_out)
{
    struct store_rows *rows = query->rows;
    bool none = query->tx->store->backend->column(rows, query->column).type == STORE_NULL;
    copy_out(query, take(query, none ? STORE_NULL : STORE_BYTES).bytes, bytes_out);
}

static struct span take_text(struct query *query)
{
    struct span text = take(query, STORE_TEXT).bytes;
    if (text.len == 0 || memchr(text.ptr, '\0', text.len) == NULL)
        return text;
    query_fail(query, "NUL in text");
    return (struct span){ 0 };
}

void query_chars(struct query *query, char *text_out, size_t size)
{
    struct span text = take_text(query);
    if (text.len >= size) {
        query_fail(query, "text too long");
        text.len = 0;
    }
    if (text.len != 0)
        memcpy(text_out, text.ptr, text.len);
    text_out[text.len] = '\0';
}

void query_name(struct query *query, char name_out[static STORE_NAME_SIZE])
{
    query_chars(query, name_out, STORE_NAME_SIZE);
}

void query_text(struct query *query, char **text_out)
{
    struct span text = take_text(query);
    if (query->err != ERR_OK)
        return;
    *text_out = strndup(text.len == 0 ? "" : (const char *)text.ptr, text.len);
    if (*text_out == NULL)
        query->err = doom(query->tx, ERR_MEMORY);
}

enum err query_end(const struct query *query)
{
    return query->err;
}
