/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/store/query.h"

static enum err stations_put(struct store_tx *tx, const struct store_order *order)
{
    for (size_t i = 0; i < order->station_count; i++)
        TRY(query_write(tx, STATEMENT_ORDER_STATION_PUT,
                        VALUES(value_name(order->name), value_name(order->stations[i])), NULL));
    return ERR_OK;
}

enum err store_order_put(struct store_tx *tx, const struct store_order *order)
{
    if (order->station_count > STORE_STATIONS_MAX) {
        store_tx_doom(tx);
        return fail(ERR_LIMIT, "store: order of %zu stations, limit %d", order->station_count,
                    STORE_STATIONS_MAX);
    }
    TRY(query_insert(tx, STATEMENT_ORDER_PUT,
                     VALUES(value_name(order->name), value_number(order->quantity),
                            value_bytes(order->firmware_sha256, SHA256_SIZE),
                            value_bytes(order->devauth_sha256, SHA256_SIZE),
                            value_number(order->lock_level),
                            value_number(order->boot_key_scope),
                            value_number(order->not_before), value_number(order->not_after))));
    return stations_put(tx, order);
}

static enum err order_read(struct store_tx *tx, const char *name, struct store_order *order)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_ORDER_GET, VALUES(value_text(name)), &query));
    TRY(query_one(&query));
    strncpy(order->name, name, sizeof(order->name) - 1); /* as it was put: it fits */
    order->quantity = query_u32(&query);
    query_bytes(&query, order->firmware_sha256, SHA256_SIZE);
    query_bytes(&query, order->devauth_sha256, SHA256_SIZE);
    order->lock_level = query_u32(&query);
    order->boot_key_scope = query_u32(&query);
    order->not_before = query_i64(&query);
    order->not_after = query_i64(&query);
    return query_end(&query);
}

static enum err stations_read(struct store_tx *tx, const char *name, struct store_order *order)
{
    AUTO(query_close) struct query query = { 0 };
    bool row = false;
    TRY(query_open(tx, STATEMENT_ORDER_STATIONS,
                   VALUES(value_text(name), value_number(STORE_STATIONS_MAX)), &query));
    order->stations = calloc(STORE_STATIONS_MAX, sizeof(*order->stations));
    if (order->stations == NULL) {
        store_tx_doom(tx);
        return fail(ERR_MEMORY, "store: out of memory");
    }
    TRY(query_next(&query, &row));
    while (row && order->station_count < STORE_STATIONS_MAX) {
        query_name(&query, order->stations[order->station_count++]);
        TRY(query_end(&query));
        TRY(query_next(&query, &row));
    }
    return ERR_OK;
}

enum err store_order_get(struct store_tx *tx, const char *name, struct store_order *order_out)
{
    AUTO(store_order_free) struct store_order order = { 0 };
    TRY(order_read(tx, name, &order));
    TRY(stations_read(tx, name, &order));
    *order_out = order;
    order = (struct store_order){ 0 };
    return ERR_OK;
}

void store_order_free(struct store_order *order)
{
    free(order->stations);
    *order = (struct store_order){ 0 };
}

static void count_add(struct store_order_counts *counts, uint32_t state, uint32_t units)
{
    switch (state) {
    case STORE_UNIT_OPEN:
        counts->open += units;
        break;
    case STORE_UNIT_SEALED:
        counts->sealed += units;
        counts->done += units;
        break;
    case STORE_UNIT_FINISHED:
        counts->done += units;
        break;
    case STORE_UNIT_FAILED:
        counts->failed += units;
        break;
    default: /* STORE_UNIT_CUT: neither reserved nor spent */
        break;
    }
}

enum err store_order_count(struct store_tx *tx, const char *name,
                           struct store_order_counts *counts_out)
{
    AUTO(query_close) struct query query = { 0 };
    struct store_order_counts counts = { 0 };
    bool row = false;
    TRY(query_open(tx, STATEMENT_ORDER_COUNT, VALUES(value_text(name)), &query));
    TRY(query_next(&query, &row));
    while (row) {
        uint32_t state = query_u32(&query);
        count_add(&counts, state, query_u32(&query));
        TRY(query_end(&query));
        TRY(query_next(&query, &row));
    }
    *counts_out = counts;
    return ERR_OK;
}

enum err store_order_units(struct store_tx *tx, const char *name, uint32_t state, uint32_t most,
                           struct buf *uids_out)
{
    AUTO(query_close) struct query query = { 0 };
    AUTO(buf_free) struct buf uids = { 0 };
    uint8_t uid[UID_SIZE];
    bool row = false;
    TRY(query_open(tx, STATEMENT_ORDER_UNITS,
                   VALUES(value_text(name), value_number(state), value_number(most)), &query));
    TRY(query_next(&query, &row));
    while (row) {
        query_bytes(&query, uid, sizeof(uid));
        TRY(query_end(&query));
        TRY(buf_append(&uids, SPAN(uid)));
        TRY(query_next(&query, &row));
    }
    *uids_out = buf_take(&uids);
    return ERR_OK;
}
