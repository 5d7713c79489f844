/* SPDX-License-Identifier: MIT */
/*
 * Orders: their terms, stations and counters. Called by the service Orders and by the events of
 * unit.h. The counters must not be changed anywhere else.
 */
#include "oem-server/unit/order.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "oem-server/unit/inside.h"

enum { KIND_FIRMWARE = 1, KIND_DEVAUTH = 2, ORDERS_PAGE_MAX = 1000, ORDERS_PAGE = 100 };

void order_free(struct order *order)
{
    buf_free(&order->attributes);
    free(order->stations);
    *order = (struct order){ 0 };
}

static void order_read(struct query *query, struct order *order)
{
    query_name(query, order->name);
    order->quantity = query_u32(query);
    order->spares = query_u32(query);
    query_bytes(query, order->firmware_sha256, SHA256_SIZE);
    query_bytes(query, order->devauth_sha256, SHA256_SIZE);
    order->lock_level = query_u32(query);
    order->boot_key_scope = query_u32(query);
    order->boot_test = query_u32(query);
    order->not_before = query_i64(query);
    order->not_after = query_i64(query);
    query_name(query, order->lot);
    query_name(query, order->line);
    query_name(query, order->part_number);
    query_buf(query, &order->attributes);
    order->closed = query_bool(query);
    query_chars(query, order->closed_reason, sizeof(order->closed_reason));
}

static enum err row_get(struct store_tx *tx, const char *name, struct order *order)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_ORDER_GET, VALUES(value_text(name)), &query));
    TRY(query_one(&query));
    order_read(&query, order);
    return query_end(&query);
}

static enum err stations_get(struct store_tx *tx, struct order *order)
{
    AUTO(query_close) struct query query = { 0 };
    bool row = false;
    order->stations = calloc(ORDER_STATIONS_MAX, sizeof(*order->stations));
    if (order->stations == NULL)
        return fail(ERR_MEMORY, "order: out of memory");
    TRY(query_open(tx, STATEMENT_ORDER_STATIONS,
                   VALUES(value_name(order->name), value_number(ORDER_STATIONS_MAX)), &query));
    TRY(query_next(&query, &row));
    while (row && order->station_count < ORDER_STATIONS_MAX) {
        query_name(&query, order->stations[order->station_count++]);
        TRY(query_end(&query));
        TRY(query_next(&query, &row));
    }
    return ERR_OK;
}

enum err order_get(struct store_tx *tx, const char *name, struct order *order_out)
{
    AUTO(order_free) struct order order = { 0 };
    TRY(row_get(tx, name, &order));
    TRY(stations_get(tx, &order));
    *order_out = order;
    order = (struct order){ 0 };
    return ERR_OK;
}

/* --- Create. --- */

static enum err image_usable(struct store_tx *tx, const uint8_t sha256[static SHA256_SIZE],
                             uint32_t kind, const char *what)
{
    AUTO(image_free) struct image image = { 0 };
    enum err found = image_info(tx, sha256, &image);
    if (found == ERR_NOT_FOUND)
        return fail_quiet(ERR_PRECONDITION, "no %s with this digest was released", what);
    TRY(found);
    if (image.kind != kind)
        return fail_quiet(ERR_PRECONDITION, "image %s is no %s", image.version, what);
    return image.withdrawn ? fail_quiet(ERR_PRECONDITION, "%s %s was withdrawn: %s", what,
                                        image.version, image.withdrawn_reason)
                           : ERR_OK;
}

enum err order_images(struct store_tx *tx, const struct order *order)
{
    TRY(image_usable(tx, order->firmware_sha256, KIND_FIRMWARE, "firmware"));
    return image_usable(tx, order->devauth_sha256, KIND_DEVAUTH, "DevAuth");
}

static enum err terms_check(const struct order *order)
{
    if (order->lock_level == 2)
        return fail_quiet(ERR_INVALID,
                          "lock level password is withdrawn: DevAuth sets no "
                          "password, and one that was set before would open the board");
    if (order->lock_level != LEVEL_DEV && order->lock_level != LEVEL_PRODUCTION)
        return fail_quiet(ERR_INVALID, "lock level %u is neither dev nor production",
                          order->lock_level);
    if (order->quantity == 0)
        return fail_quiet(ERR_INVALID, "an order is of one unit at least");
    if (order->not_after <= order->not_before)
        return fail_quiet(ERR_INVALID, "the order's window is empty");
    return order->station_count > ORDER_STATIONS_MAX
               ? fail_quiet(ERR_LIMIT, "%zu stations, limit %d", order->station_count,
                            ORDER_STATIONS_MAX)
               : ERR_OK;
}

static enum err order_insert(struct store_tx *tx, const struct order *order)
{
    struct store_value none = value_number(0);
    return row_add(
        tx, ROW_ORDER,
        VALUES(value_name(order->name), value_number(order->quantity),
               value_number(order->spares), value_bytes(order->firmware_sha256, SHA256_SIZE),
               value_bytes(order->devauth_sha256, SHA256_SIZE), value_number(order->lock_level),
               value_number(order->boot_key_scope), value_number(order->boot_test),
               value_number(order->not_before), value_number(order->not_after),
               value_name(order->lot), value_name(order->line), value_name(order->part_number),
               value_span(buf_span(&order->attributes)), none, value_text(""),
               value_number(store_now_us(tx)), none, none, none, none, none));
}

enum err order_station_add(struct store_tx *tx, const char *name, const char *station)
{
    TRY(station_check(tx, station));
    return row_add(
        tx, ROW_ORDER_STATION,
        VALUES(value_text(name), value_text(station), value_number(store_now_us(tx))));
}

enum err order_create(struct store_tx *tx, const struct order *order)
{
    TRY(terms_check(order));
    TRY(order_images(tx, order));
    enum err added = order_insert(tx, order);
    if (added == ERR_EXISTS)
        return fail_quiet(added, "order %s exists already", order->name);
    TRY(added);
    for (size_t i = 0; i < order->station_count; i++) {
        enum err station = order_station_add(tx, order->name, order->stations[i]);
        if (station != ERR_EXISTS) /* a station may be named twice */
            TRY(station);
    }
    return ERR_OK;
}

/* --- Checks of events. --- */

enum err order_window(struct store_tx *tx, const struct order *order)
{
    int64_t now = store_now_us(tx) / 1000000;
    char says[CLOCK_TEXT_SIZE], edge[CLOCK_TEXT_SIZE];
    if (order->closed)
        return fail_quiet(ERR_PRECONDITION, "order %s is closed: %s", order->name,
                          order->closed_reason);
    clock_text(now, says);
    if (now < order->not_before)
        return fail_quiet(ERR_PRECONDITION,
                          "order %s is not open yet: from %s, and the server's clock says %s",
                          order->name, clock_text(order->not_before, edge), says);
    return now < order->not_after
               ? ERR_OK
               : fail_quiet(ERR_PRECONDITION,
                            "order %s has expired: at %s, and the server's clock says %s",
                            order->name, clock_text(order->not_after, edge), says);
}

enum err order_has_station(struct store_tx *tx, const char *name, const char *station,
                           bool *has_out)
{
    uint64_t count = 0;
    TRY(query_count(tx, STATEMENT_ORDER_NAMES_STATION,
                    VALUES(value_text(name), value_text(station)), &count));
    *has_out = count != 0;
    return ERR_OK;
}

#define ORDER_KEY(name) VALUES_ONLY(value_text(name))

enum err order_place(struct store_tx *tx, const char *name)
{
    uint64_t changed = 0;
    TRY(row_write(tx, ROW_ORDER, ORDER_KEY(name), STATEMENT_ORDER_PLACE,
                  VALUES(value_text(name)), &changed));
    return changed != 0
               ? ERR_OK
               : fail_quiet(ERR_QUOTA,
                            "order %s is exhausted: its quantity is good, under way or unknown",
                            name);
}

enum err order_issue(struct store_tx *tx, const char *name)
{
    uint64_t changed = 0;
    TRY(row_write(tx, ROW_ORDER, ORDER_KEY(name), STATEMENT_ORDER_ISSUE,
                  VALUES(value_text(name)), &changed));
    return changed != 0
               ? ERR_OK
               : fail_quiet(ERR_QUOTA,
                            "order %s is exhausted: certificates for its quantity and spares "
                            "are issued",
                            name);
}

enum err order_count(struct store_tx *tx, const char *name, int good, int accepted,
                     int under_way)
{
    return row_write(tx, ROW_ORDER, ORDER_KEY(name), STATEMENT_ORDER_COUNT_ADD,
                     VALUES(value_text(name), value_number(good), value_number(accepted),
                            value_number(under_way)),
                     NULL);
}

/* --- Reading. --- */

static enum err counters_get(struct store_tx *tx, const char *name, struct order_counts *counts)
{
    AUTO(query_close) struct query query = { 0 };
    TRY(query_open(tx, STATEMENT_ORDER_COUNTERS, VALUES(value_text(name)), &query));
    TRY(query_one(&query));
    counts->good = query_u32(&query);
    counts->accepted = query_u32(&query);
    counts->under_way = query_u32(&query);
    counts->issued = query_u32(&query);
    counts->unknown = query_u32(&query);
    return query_end(&query);
}

static enum err states_get(struct store_tx *tx, const char *name, struct order_counts *counts)
{
    AUTO(query_close) struct query query = { 0 };
    uint32_t none = 0;
    uint32_t *const by_state[] = {
        &none,           &counts->started, &counts->finished, &counts->committed,
        &counts->sealed, &counts->failed,  &counts->scrapped
    };
    bool row = false;
    TRY(query_open(tx, STATEMENT_ORDER_BY_STATE, VALUES(value_text(name)), &query));
    TRY(query_next(&query, &row));
    while (row) {
        uint32_t state = query_u32(&query), count = query_u32(&query);
        TRY(query_end(&query));
        *by_state[state < COUNT(by_state) ? state : 0] = count;
        TRY(query_next(&query, &row));
    }
    return ERR_OK;
}

enum err order_counts_get(struct store_tx *tx, const struct unit_limits *limits,
                          const char *name, struct order_counts *counts_out)
{
    struct order_counts counts = { 0 };
    uint64_t unlocked = 0;
    TRY(counters_get(tx, name, &counts));
    TRY(states_get(tx, name, &counts));
    TRY(query_count(tx, STATEMENT_UNIT_UNLOCKED,
                    VALUES(value_number(store_now_us(tx) - limits->unlocked_us),
                           value_number(store_now_us(tx) + UNIT_CLOCK_STEP_US),
                           value_text(name)),
                    &unlocked));
    counts.unlocked = (uint32_t)unlocked;
    *counts_out = counts;
    return ERR_OK;
}

static enum err names_get(struct store_tx *tx, const char *after, uint32_t limit,
                          struct order *orders, size_t *count)
{
    AUTO(query_close) struct query query = { 0 };
    bool row = false;
    TRY(query_open(tx, STATEMENT_ORDER_NAMES, VALUES(value_text(after), value_number(limit)),
                   &query));
    TRY(query_next(&query, &row));
    for (*count = 0; row; ++*count) {
        query_name(&query, orders[*count].name);
        TRY(query_end(&query));
        TRY(query_next(&query, &row));
    }
    return ERR_OK;
}

void order_list_free(struct order *orders, size_t count)
{
    for (size_t i = 0; i < count; i++)
        order_free(&orders[i]);
    free(orders);
}

enum err order_list(struct store_tx *tx, const char *after, uint32_t limit,
                    struct order **orders_out, size_t *count_out, bool *more_out)
{
    uint32_t most = limit == 0                ? ORDERS_PAGE
                    : limit > ORDERS_PAGE_MAX ? ORDERS_PAGE_MAX
                                              : limit;
    size_t count = 0;
    struct order *orders = calloc(most + 1, sizeof(*orders));
    if (orders == NULL)
        return fail(ERR_MEMORY, "order: out of memory");
    enum err e = names_get(tx, after, most + 1, orders, &count);
    *more_out = count > most;
    count = *more_out ? most : count;
    for (size_t i = 0; e == ERR_OK && i < count; i++) {
        char name[65];
        memcpy(name, orders[i].name, sizeof(name));
        e = order_get(tx, name, &orders[i]);
    }
    if (e != ERR_OK) {
        order_list_free(orders, most + 1);
        return e;
    }
    *orders_out = orders;
    *count_out = count;
    return ERR_OK;
}
