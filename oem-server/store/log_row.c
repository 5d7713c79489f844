/* SPDX-License-Identifier: MIT */
/* The event log's rows; what they mean is tlog's. */
#include "common/host/log.h"
#include "oem-server/store/query.h"
#include "oem-server/store/tx.h"

enum err store_log_append(struct store_tx *tx, uint64_t index, struct span entry)
{
    return query_write(tx, STATEMENT_LOG_ADD, VALUES(value_u64(index), value_span(entry)),
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

static enum err read_u64(struct store_tx *tx, enum statement statement, uint64_t *value_out)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, statement, NO_VALUES, &query));
    TRY(query_one(&query));
    *value_out = query_u64(&query);
    return query_end(&query);
}

enum err store_log_node_count(struct store_tx *tx, uint64_t *count_out)
{
    return read_u64(tx, STATEMENT_LOG_NODE_COUNT, count_out);
}

enum err store_log_size(struct store_tx *tx, uint64_t *size_out)
{
    uint64_t last = 0;
    enum err found = read_u64(tx, STATEMENT_LOG_LAST, &last);
    if (found != ERR_OK && found != ERR_NOT_FOUND)
        return found;
    *size_out = found == ERR_OK ? last + 1 : 0;
    return ERR_OK;
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

enum err store_checkpoint_put(struct store_tx *tx, uint64_t size, struct span note)
{
    return query_write(tx, STATEMENT_CHECKPOINT_ADD, VALUES(value_u64(size), value_span(note)),
                       NULL);
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
