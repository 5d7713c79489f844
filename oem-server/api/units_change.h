/* SPDX-License-Identifier: MIT */
/* units_change: handlers of service Units that change a unit. For api/ only; on the call's
 * strand. */
#pragma once

#include "oem-server/api/orders.h"

/* Handlers: in is borrowed, out is allocated in the call's arena. ERR_NOT_FOUND: no such unit;
 * ERR_PRECONDITION: not in this state; ERR_INVALID: the request. */
enum err units_release(struct rpc_call *rpc, const Hallmark__V1__ReleaseUnitRequest *in,
                       Hallmark__V1__ChangeUnitResponse *out);
enum err units_fail(struct rpc_call *rpc, const Hallmark__V1__FailUnitRequest *in,
                    Hallmark__V1__ChangeUnitResponse *out);
enum err units_scrap(struct rpc_call *rpc, const Hallmark__V1__ScrapUnitRequest *in,
                     Hallmark__V1__ChangeUnitResponse *out);
enum err units_accept(struct rpc_call *rpc, const Hallmark__V1__AcceptUnitRequest *in,
                      Hallmark__V1__ChangeUnitResponse *out);
enum err units_hold(struct rpc_call *rpc, const Hallmark__V1__HoldUnitRequest *in,
                    Hallmark__V1__ChangeUnitResponse *out);
enum err units_allow(struct rpc_call *rpc, const Hallmark__V1__AllowUnitRequest *in,
                     Hallmark__V1__ChangeUnitResponse *out);
enum err units_reassign(struct rpc_call *rpc, const Hallmark__V1__ReassignUnitsRequest *in,
                        Hallmark__V1__ReassignUnitsResponse *out);

enum err units_scrap_seized(struct rpc_call *rpc, const Hallmark__V1__ScrapSeizedRequest *in,
                            Hallmark__V1__ScrapSeizedResponse *out); /* registry_seize.c */

/* units_derive.c. ERR_HELD; ERR_ABORTED: the unit has got another key meanwhile. */
enum err units_derive(struct rpc_call *rpc, const Hallmark__V1__DeriveRequest *in,
                      Hallmark__V1__DeriveResponse *out);

/* RPC_HANDLER for requests that all have a ChangeUnitResponse. */
#define UNITS_CHANGE(method, Method)                                                           \
    static void units__##method(Hallmark__V1__Units_Service *self,                             \
                                const Hallmark__V1__##Method##UnitRequest *in,                 \
                                Hallmark__V1__ChangeUnitResponse_Closure done, void *data)     \
    {                                                                                          \
        Hallmark__V1__ChangeUnitResponse out = HALLMARK__V1__CHANGE_UNIT_RESPONSE__INIT;       \
        (void)self;                                                                            \
        rpc_finish(data, units_##method(data, in, &out));                                      \
        done(&out, data);                                                                      \
    }
