/* SPDX-License-Identifier: MIT */
/*
 * The event log's rows. Called by tlog only, which is their only writer and defines what they
 * mean. A row that was written must not be written again: a conflict is damage.
 */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/query.h"
#include "oem-server/store/tx.h"

static struct store_value text_or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? (struct store_value){ STORE_NULL, 0, { 0 } }
                                           : value_text(text);
}

static struct store_value bytes_or_null(const uint8_t *bytes, size_t len)
{
    return bytes == NULL ? (struct store_value){ STORE_NULL, 0, { 0 } }
                         : value_bytes(bytes, len);
}

enum err store_log_append(struct store_tx *tx, uint64_t index, struct span entry,
                          const struct store_log_search *search)
{
    return query_write(
        tx, STATEMENT_LOG_ADD,
        VALUES(value_u64(index), value_span(entry), bytes_or_null(search->unit, UID_SIZE),
               text_or_null(search->order), text_or_null(search->station),
               text_or_null(search->operator_name), text_or_null(search->kind),
               text_or_null(search->method), value_number(search->arrow),
               value_number(search->outcome), bytes_or_null(search->firmware, SHA256_SIZE),
               value_number(search->time_us)),
        NULL);
}

enum err store_log_node_put(struct store_tx *tx, uint32_t level, uint64_t n,
                            const uint8_t hash[static SHA256_SIZE])
{
    return query_write(
        tx, STATEMENT_LOG_NODE_ADD,
        VALUES(value_number(level), value_u64(n), value_bytes(hash, SHA256_SIZE)), NULL);
}

enum err store_log_node_get(struct store_tx *tx, uint32_t level, uint64_t n,
                            uint8_t hash_out[static SHA256_SIZE])
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_LOG_NODE_GET, VALUES(value_number(level), value_u64(n)),
                   &query));
    TRY(query_one(&query));
    query_bytes(&query, hash_out, SHA256_SIZE);
    return query_end(&query);
}

enum err store_log_node_count(struct store_tx *tx, uint64_t *count_out)
{
    return query_count(tx, STATEMENT_LOG_NODE_COUNT, NO_VALUES, count_out);
}

enum err store_log_size(struct store_tx *tx, uint64_t *size_out)
{
    uint64_t last = 0;
    enum err found = query_count(tx, STATEMENT_LOG_LAST, NO_VALUES, &last);
    if (found != ERR_OK && found != ERR_NOT_FOUND)
        return found;
    *size_out = found == ERR_OK ? last + 1 : 0;
    return ERR_OK;
}

static enum err time_read(struct query *query, int64_t *time_us_out)
{
    TRY(query_one(query));
    int64_t time_us = query_i64(query);
    TRY(query_end(query));
    *time_us_out = time_us;
    return ERR_OK;
}

enum err store_log_last_time(struct store_tx *tx, int64_t *time_us_out)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_LOG_LAST_TIME, NO_VALUES, &query));
    return time_read(&query, time_us_out);
}

enum err store_log_time(struct store_tx *tx, uint64_t index, int64_t *time_us_out)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_LOG_TIME, VALUES(value_u64(index)), &query));
    return time_read(&query, time_us_out);
}

enum err store_log_head_put(struct store_tx *tx, uint64_t size, struct span edge)
{
    return query_write(tx, STATEMENT_LOG_HEAD_PUT, VALUES(value_u64(size), value_span(edge)),
                       NULL);
}

enum err store_log_head_get(struct store_tx *tx, uint64_t *size_out, struct buf *edge_out)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_LOG_HEAD_GET, NO_VALUES, &query));
    TRY(query_one(&query));
    *size_out = query_u64(&query);
    query_buf(&query, edge_out);
    return query_end(&query);
}

static enum err give_entry(struct query *query, uint64_t index, store_log_take *take,
                           void *context)
{
    uint64_t position = query_u64(query);
    struct span entry = query_span(query);
    TRY(query_end(query));
    if (position == index)
        return take(context, index, entry);
    store_tx_doom(query->tx);
    return fail(ERR_DATA_LOSS, "store: %s: log entry %ju is missing", query->tx->store->path,
                (uintmax_t)index);
}

enum err store_log_read(struct store_tx *tx, uint64_t start, uint64_t count,
                        store_log_take *take, void *context)
{
    AUTO(query_close) struct query query = { 0 };
    bool row = false;
    TRY(query_open(tx, STATEMENT_LOG_READ, VALUES(value_u64(start), value_u64(count)), &query));
    TRY(query_next(&query, &row));
    for (uint64_t index = start; row; index++) {
        TRY(give_entry(&query, index, take, context));
        TRY(query_next(&query, &row));
    }
    return ERR_OK;
}

/* Uses the index of the column that most likely has the fewest entries of one value. */
static enum statement find_by(const struct store_log_search *search)
{
    return search->unit != NULL            ? STATEMENT_LOG_FIND_UNIT
           : search->firmware != NULL      ? STATEMENT_LOG_FIND_FIRMWARE
           : search->operator_name != NULL ? STATEMENT_LOG_FIND_OPERATOR
           : search->order != NULL         ? STATEMENT_LOG_FIND_ORDER
           : search->station != NULL       ? STATEMENT_LOG_FIND_STATION
           : search->method != NULL        ? STATEMENT_LOG_FIND_METHOD
           : search->kind != NULL          ? STATEMENT_LOG_FIND_KIND
                                           : STATEMENT_LOG_FIND;
}

enum err store_log_find(struct store_tx *tx, const struct store_log_search *search,
                        uint64_t start, uint64_t count, store_log_take *take, void *context)
{
    AUTO(query_close) struct query query = { 0 };
    bool row = false;
    TRY(query_open(tx, find_by(search),
                   VALUES(value_u64(start), value_u64(count),
                          bytes_or_null(search->unit, UID_SIZE), text_or_null(search->order),
                          text_or_null(search->station), text_or_null(search->operator_name),
                          text_or_null(search->kind), text_or_null(search->method),
                          value_number(search->arrow),
                          bytes_or_null(search->firmware, SHA256_SIZE),
                          value_number(search->time_us), value_number(search->until_us)),
                   &query));
    TRY(query_next(&query, &row));
    while (row) {
        uint64_t index = query_u64(&query);
        struct span entry = query_span(&query);
        TRY(query_end(&query));
        TRY(take(context, index, entry));
        TRY(query_next(&query, &row));
    }
    return ERR_OK;
}

enum err store_log_search_same(struct store_tx *tx, uint64_t index,
                               const struct store_log_search *search, bool *same_out)
{
    uint64_t count = 0;
    TRY(query_count(tx, STATEMENT_LOG_SAME,
                    VALUES(value_u64(index), bytes_or_null(search->unit, UID_SIZE),
                           text_or_null(search->order), text_or_null(search->station),
                           text_or_null(search->operator_name), text_or_null(search->kind),
                           text_or_null(search->method), value_number(search->arrow),
                           value_number(search->outcome),
                           bytes_or_null(search->firmware, SHA256_SIZE),
                           value_number(search->time_us)),
                    &count));
    *same_out = count == 1;
    return ERR_OK;
}

enum err store_checkpoint_put(struct store_tx *tx, uint64_t size, struct span note)
{
    return query_insert(tx, STATEMENT_CHECKPOINT_ADD,
                        VALUES(value_u64(size), value_span(note)));
}

static enum err checkpoint_read(struct query *query, uint64_t *size_out, struct buf *note_out)
{
    AUTO(buf_free) struct buf note = { 0 };
    TRY(query_one(query));
    uint64_t size = query_u64(query);
    query_buf(query, &note);
    TRY(query_end(query));
    *size_out = size;
    buf_free(note_out);
    *note_out = buf_take(&note);
    return ERR_OK;
}

enum err store_checkpoint_latest(struct store_tx *tx, uint64_t *size_out, struct buf *note_out)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_CHECKPOINT_LATEST, NO_VALUES, &query));
    return checkpoint_read(&query, size_out, note_out);
}

enum err store_checkpoint_from(struct store_tx *tx, uint64_t from, uint64_t *size_out,
                               struct buf *note_out)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_CHECKPOINT_FROM, VALUES(value_u64(from)), &query));
    return checkpoint_read(&query, size_out, note_out);
}
