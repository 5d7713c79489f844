/* SPDX-License-Identifier: MIT */
/*
 * orders: handlers of service Orders in orders_change.c, and the rows of units that orders and
 * units show. For api/ only; handlers run on the call's strand.
 */
#pragma once

#include "oem-server/api/services.h"

enum { NAME_MAX_BYTES = 64 };

/* Handlers: in is borrowed, out is allocated in the call's arena. ERR_NOT_FOUND: no such order;
 * ERR_PRECONDITION: closed, or a term that is not possible; ERR_INVALID: the request. */
enum err orders_close(struct rpc_call *rpc, const Hallmark__V1__CloseOrderRequest *in,
                      Hallmark__V1__CloseOrderResponse *out);
enum err orders_extend(struct rpc_call *rpc, const Hallmark__V1__ExtendOrderRequest *in,
                       Hallmark__V1__ChangeOrderResponse *out);
enum err orders_set_quantity(struct rpc_call *rpc, const Hallmark__V1__SetQuantityRequest *in,
                             Hallmark__V1__ChangeOrderResponse *out);
enum err orders_add_station(struct rpc_call *rpc, const Hallmark__V1__OrderStationRequest *in,
                            Hallmark__V1__ChangeOrderResponse *out);
enum err orders_remove_station(struct rpc_call *rpc,
                               const Hallmark__V1__OrderStationRequest *in,
                               Hallmark__V1__ChangeOrderResponse *out);

/* RPC_HANDLER for requests that all have a ChangeOrderResponse. */
#define ORDERS_CHANGE(method, Method, Message)                                                 \
    static void orders__##method(Hallmark__V1__Orders_Service *self,                           \
                                 const Hallmark__V1__##Message##Request *in,                   \
                                 Hallmark__V1__ChangeOrderResponse_Closure done, void *data)   \
    {                                                                                          \
        Hallmark__V1__ChangeOrderResponse out = HALLMARK__V1__CHANGE_ORDER_RESPONSE__INIT;     \
        (void)self;                                                                            \
        rpc_finish(data, orders_##method(data, in, &out));                                     \
        done(&out, data);                                                                      \
    }

/* Adds rows of units to a list that has room for the filter's limit; more_out may be NULL. */
enum err units_fill(struct store_tx *tx, struct call *call, const struct unit_filter *filter,
                    size_t *count, Hallmark__V1__UnitRow **rows, bool *more_out);
/* Fills one unit's row, with the level of its lock statement. */
enum err units_fill_one(struct store_tx *tx, struct call *call, const struct unit *unit,
                        Hallmark__V1__UnitRow **row_out);
/* The same with facts that were read already. */
enum err units_fill_facts(struct call *call, const struct unit *unit,
                          const struct unit_facts *facts, Hallmark__V1__UnitRow **row_out);
