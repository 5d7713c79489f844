/* SPDX-License-Identifier: MIT */
/*
 * Orders: creates and shows orders; orders_change.c changes them. Called by operators and
 * auditors. An order's level and boot key scope must not change, so there is no call for that.
 */
#include "oem-server/api/orders.h"

#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/call/message.h"

enum { UNSEALED_MAX = 100, ATTRIBUTE_VALUE_MAX = 256, ROW_FIELDS = 40 };

static enum err check_level(Hallmark__V1__LockLevel level)
{
    enum { WITHDRAWN_PASSWORD = 2 };
    if ((int)level == WITHDRAWN_PASSWORD)
        return fail_quiet(ERR_INVALID,
                          "order: lock level password (2) is withdrawn: DevAuth sets no DPM "
                          "password, and one that was set before would open the board; use dev "
                          "or production");
    if (level != HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV &&
        level != HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION)
        return fail_quiet(ERR_INVALID, "order: lock level must be dev or production");
    return ERR_OK;
}

static enum err check_attributes(const Hallmark__V1__Order *o)
{
    if (o->n_attributes > ORDER_ATTRIBUTES_MAX)
        return fail_quiet(ERR_INVALID, "order: %d attributes at most", ORDER_ATTRIBUTES_MAX);
    if (o->n_pdids > ORDER_PDIDS_MAX)
        return fail_quiet(ERR_INVALID, "order: %d parts (PDID) at most", ORDER_PDIDS_MAX);
    for (size_t i = 0; i < o->n_attributes; i++) {
        TRY(message_text("order: attribute name", o->attributes[i]->name, 1, NAME_MAX_BYTES));
        TRY(message_text("order: attribute value", o->attributes[i]->value, 0,
                         ATTRIBUTE_VALUE_MAX));
    }
    TRY(message_text("order: lot", o->lot, 0, NAME_MAX_BYTES));
    TRY(message_text("order: line", o->line, 0, NAME_MAX_BYTES));
    return message_text("order: part number", o->part_number, 0, NAME_MAX_BYTES);
}

static enum err check_order(const Hallmark__V1__Order *o)
{
    TRY(ca_name_check("order", o->name));
    if (o->quantity == 0)
        return fail_quiet(ERR_INVALID, "order: quantity must be at least 1");
    if (o->n_stations == 0 || o->n_stations > ORDER_STATIONS_MAX)
        return fail_quiet(ERR_INVALID, "order: 1 to %d stations", ORDER_STATIONS_MAX);
    if (o->not_after <= o->not_before || o->not_after > INT64_MAX)
        return fail_quiet(ERR_INVALID, "order: its window ends before it begins");
    if (o->firmware_sha256.len != SHA256_SIZE || o->devauth_sha256.len != SHA256_SIZE)
        return fail_quiet(ERR_INVALID, "order: firmware and DevAuth are named by %d bytes",
                          SHA256_SIZE);
    if (o->boot_key_scope != HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_UNIT &&
        o->boot_key_scope != HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_ORDER)
        return fail_quiet(ERR_INVALID, "order: boot key scope must be unit or order");
    if (o->boot_test < HALLMARK__V1__BOOT_TEST__BOOT_TEST_UNSPECIFIED ||
        o->boot_test > HALLMARK__V1__BOOT_TEST__BOOT_TEST_NEVER)
        return fail_quiet(ERR_INVALID, "order: no such boot test");
    TRY(check_level(o->lock_level));
    return check_attributes(o);
}

/* Only the attributes and the parts, as the store keeps them. */
static enum err pack_attributes(const Hallmark__V1__Order *o, struct buf *out)
{
    Hallmark__V1__Order only = HALLMARK__V1__ORDER__INIT;
    only.n_attributes = o->n_attributes;
    only.attributes = o->attributes;
    only.n_pdids = o->n_pdids;
    only.pdids = o->pdids;
    return rpc_pack(&only.base, out);
}

static enum err take_order(struct rpc_call *rpc, const Hallmark__V1__Order *o,
                           struct order *order)
{
    *order = (struct order){
        .quantity = o->quantity,
        .spares = o->spares,
        .lock_level = (uint32_t)o->lock_level,
        .boot_key_scope = (uint32_t)o->boot_key_scope,
        .boot_test = (uint32_t)o->boot_test,
        .not_before = (int64_t)o->not_before,
        .not_after = (int64_t)o->not_after,
        .station_count = o->n_stations,
    };
    snprintf(order->name, sizeof(order->name), "%s", o->name);
    snprintf(order->lot, sizeof(order->lot), "%s", o->lot);
    snprintf(order->line, sizeof(order->line), "%s", o->line);
    snprintf(order->part_number, sizeof(order->part_number), "%s", o->part_number);
    memcpy(order->firmware_sha256, o->firmware_sha256.data, SHA256_SIZE);
    memcpy(order->devauth_sha256, o->devauth_sha256.data, SHA256_SIZE);
    order->stations = rpc_alloc(rpc, o->n_stations * sizeof(*order->stations));
    if (order->stations == NULL)
        return fail(ERR_MEMORY, "order: no memory");
    for (size_t i = 0; i < o->n_stations; i++) {
        TRY(ca_name_check("station", o->stations[i]));
        snprintf(order->stations[i], sizeof(order->stations[i]), "%s", o->stations[i]);
    }
    return pack_attributes(o, &order->attributes);
}

static enum err create(struct store_tx *tx, void *order)
{
    enum err e = order_create(tx, order);
    return e == ERR_EXISTS ? fail_quiet(e, "order %s exists", ((struct order *)order)->name)
                           : e;
}

/* The terms are in the entry as changes of the order's row. */
static enum err orders_create(struct rpc_call *rpc, const Hallmark__V1__CreateOrderRequest *in,
                              Hallmark__V1__CreateOrderResponse *out)
{
    struct call *call = call_of(rpc);
    struct order order = { 0 };
    if (in->order == NULL)
        return fail_quiet(ERR_INVALID, "order: it is missing");
    event_text(&call->event, EVENT_ORDER, in->order->name);
    TRY(message_reason_if_any(call, in->reason));
    TRY(check_order(in->order));
    event_digest_is(&call->event, "firmware", in->order->firmware_sha256.data);
    event_digest_is(&call->event, "devauth", in->order->devauth_sha256.data);
    enum err e = take_order(rpc, in->order, &order);
    if (e == ERR_OK)
        e = call_change(call, create, &order, &out->base);
    buf_free(&order.attributes);
    return e;
}

/* --- Reading. ----------------------------------------------------------------------------- */

static enum err fill_attributes(struct rpc_call *rpc, const struct order *order,
                                Hallmark__V1__Order *m)
{
    ProtobufCMessage *only = NULL;
    TRY(message_unpack(rpc, &hallmark__v1__order__descriptor, buf_span(&order->attributes),
                       &only));
    m->n_attributes = ((Hallmark__V1__Order *)only)->n_attributes;
    m->attributes = ((Hallmark__V1__Order *)only)->attributes;
    m->n_pdids = ((Hallmark__V1__Order *)only)->n_pdids;
    m->pdids = ((Hallmark__V1__Order *)only)->pdids;
    return ERR_OK;
}

static enum err fill_order(struct rpc_call *rpc, const struct order *order,
                           Hallmark__V1__Order **out)
{
    Hallmark__V1__Order *m = rpc_alloc(rpc, sizeof(*m));
    if (m == NULL)
        return fail(ERR_MEMORY, "order: no memory");
    hallmark__v1__order__init(m);
    m->quantity = order->quantity;
    m->spares = order->spares;
    m->lock_level = (Hallmark__V1__LockLevel)order->lock_level;
    m->boot_key_scope = (Hallmark__V1__BootKeyScope)order->boot_key_scope;
    m->boot_test = (Hallmark__V1__BootTest)order->boot_test;
    m->not_before = (uint64_t)order->not_before;
    m->not_after = (uint64_t)order->not_after;
    *out = m;
    TRY(rpc_text(rpc, &m->name, order->name));
    TRY(rpc_text(rpc, &m->lot, order->lot));
    TRY(rpc_text(rpc, &m->line, order->line));
    TRY(rpc_text(rpc, &m->part_number, order->part_number));
    TRY(rpc_bytes(rpc, &m->firmware_sha256, SPAN(order->firmware_sha256)));
    TRY(rpc_bytes(rpc, &m->devauth_sha256, SPAN(order->devauth_sha256)));
    m->stations = rpc_alloc(rpc, order->station_count * sizeof(*m->stations));
    if (m->stations == NULL)
        return fail(ERR_MEMORY, "order: no memory");
    for (size_t i = 0; i < order->station_count; i++, m->n_stations++)
        TRY(rpc_text(rpc, &m->stations[i], order->stations[i]));
    return fill_attributes(rpc, order, m);
}

static enum err fill_counts(struct store_tx *tx, struct call *call, const char *name,
                            Hallmark__V1__OrderCounts **out)
{
    struct order_counts counts;
    Hallmark__V1__OrderCounts *m = rpc_alloc(&call->rpc, sizeof(*m));
    if (m == NULL)
        return fail(ERR_MEMORY, "order: no memory");
    TRY(order_counts_get(tx, &call->server->limits, name, &counts));
    hallmark__v1__order_counts__init(m);
    m->good = counts.good;
    m->accepted = counts.accepted;
    m->under_way = counts.under_way;
    m->issued = counts.issued;
    m->unknown = counts.unknown;
    m->started = counts.started;
    m->finished = counts.finished;
    m->committed = counts.committed;
    m->sealed = counts.sealed;
    m->failed = counts.failed;
    m->scrapped = counts.scrapped;
    m->unlocked = counts.unlocked;
    *out = m;
    return ERR_OK;
}

static int by_age(const void *a, const void *b)
{
    const Hallmark__V1__UnitRow *const *one = a, *const *two = b;
    return ((*one)->changed_us > (*two)->changed_us) -
           ((*one)->changed_us < (*two)->changed_us);
}

/* Finished and committed units, oldest first; of more than UNSEALED_MAX, those with the lowest
 * UIDs.
 */
static enum err fill_unsealed(struct store_tx *tx, struct call *call, const char *order,
                              Hallmark__V1__ShowOrderResponse *out)
{
    static const enum unit_state states[] = { UNIT_FINISHED, UNIT_COMMITTED };
    out->unsealed = rpc_alloc(&call->rpc, UNSEALED_MAX * sizeof(*out->unsealed));
    if (out->unsealed == NULL)
        return fail(ERR_MEMORY, "order: no memory");
    for (size_t s = 0; s < COUNT(states); s++) {
        struct unit_filter filter = { .order = order,
                                      .state = unit_state_name(states[s]),
                                      .limit = (uint32_t)(UNSEALED_MAX - out->n_unsealed) };
        if (filter.limit != 0)
            TRY(units_fill(tx, call, &filter, &out->n_unsealed, out->unsealed, NULL));
    }
    qsort(out->unsealed, out->n_unsealed, sizeof(*out->unsealed), by_age);
    return ERR_OK;
}

struct showing {
    struct call *call;
    const char *name;
    Hallmark__V1__ShowOrderResponse *out;
};

static enum err show(struct store_tx *tx, void *context)
{
    struct showing *s = context;
    struct order order = { 0 };
    enum err e = order_get(tx, s->name, &order);
    if (e == ERR_NOT_FOUND)
        return fail_quiet(e, "there is no order %s", s->name);
    TRY(e);
    s->out->closed = order.closed;
    e = fill_order(&s->call->rpc, &order, &s->out->order);
    if (e == ERR_OK)
        e = rpc_text(&s->call->rpc, &s->out->closed_reason, order.closed_reason);
    order_free(&order);
    TRY(e);
    TRY(fill_counts(tx, s->call, s->name, &s->out->counts));
    return fill_unsealed(tx, s->call, s->name, s->out);
}

static enum err orders_show(struct rpc_call *rpc, const Hallmark__V1__ShowOrderRequest *in,
                            Hallmark__V1__ShowOrderResponse *out)
{
    struct showing s = { call_of(rpc), in->name, out };
    TRY(ca_name_check("order", in->name));
    return call_read(s.call, show, &s);
}

struct listing {
    struct call *call;
    const Hallmark__V1__ListOrdersRequest *in;
    Hallmark__V1__ListOrdersResponse *out;
};

static enum err fill_row(struct store_tx *tx, struct call *call, const struct order *order,
                         Hallmark__V1__OrderRow **out)
{
    Hallmark__V1__OrderRow *row = rpc_alloc(&call->rpc, sizeof(*row));
    if (row == NULL)
        return fail(ERR_MEMORY, "order: no memory");
    hallmark__v1__order_row__init(row);
    row->closed = order->closed;
    *out = row;
    TRY(fill_order(&call->rpc, order, &row->order));
    return fill_counts(tx, call, order->name, &row->counts);
}

/* Of the row's message, at most: its own, and what repeats. */
static size_t fields_of(const Hallmark__V1__OrderRow *row)
{
    return ROW_FIELDS + row->order->n_stations + 3 * row->order->n_attributes;
}

/* Fewer than were asked for, if a client would not unpack more. */
static enum err list(struct store_tx *tx, void *context)
{
    struct listing *l = context;
    size_t fields = 0;
    struct order *orders = NULL;
    size_t count = 0;
    bool more = false;
    TRY(order_list(tx, l->in->after, message_limit(l->in->limit), &orders, &count, &more));
    l->out->n_orders = 0;
    l->out->orders = rpc_alloc(&l->call->rpc, count * sizeof(*l->out->orders));
    enum err e = l->out->orders == NULL ? fail(ERR_MEMORY, "order: no memory") : ERR_OK;
    for (size_t i = 0; i < count && e == ERR_OK; i++) {
        e = fill_row(tx, l->call, &orders[i], &l->out->orders[i]);
        fields += e == ERR_OK ? fields_of(l->out->orders[i]) : 0;
        if (fields > RPC_PAYLOAD_FIELDS_MAX - 1)
            break;
        l->out->n_orders++;
    }
    l->out->more = more || l->out->n_orders < count;
    order_list_free(orders, count);
    return e;
}

static enum err orders_list(struct rpc_call *rpc, const Hallmark__V1__ListOrdersRequest *in,
                            Hallmark__V1__ListOrdersResponse *out)
{
    struct listing l = { call_of(rpc), in, out };
    return call_read(l.call, list, &l);
}

RPC_HANDLER(orders, Orders, create, Create, CreateOrder)
RPC_HANDLER(orders, Orders, show, Show, ShowOrder)
RPC_HANDLER(orders, Orders, list, List, ListOrders)
RPC_HANDLER(orders, Orders, close, Close, CloseOrder)
ORDERS_CHANGE(extend, Extend, ExtendOrder)
ORDERS_CHANGE(set_quantity, SetQuantity, SetQuantity)
ORDERS_CHANGE(add_station, AddStation, OrderStation)
ORDERS_CHANGE(remove_station, RemoveStation, OrderStation)

Hallmark__V1__Orders_Service orders_service = HALLMARK__V1__ORDERS__INIT(orders__);
