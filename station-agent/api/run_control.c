/* SPDX-License-Identifier: MIT */
/*
 * RunControl: the server ends a run. Called through rpc_dispatch() by site/. It only notes the
 * end and its reason; the site must not wait for another arrow of that run afterwards.
 */

#include "station-agent/api/api.h"

#include <stdio.h>

/* The server ended this run: a site that waits for its next arrow must stop waiting. */
static enum err run_control_end(struct rpc_call *call, const Hallmark__V1__EndRunRequest *in,
                                Hallmark__V1__EndRunResponse *out)
{
    (void)out;
    struct unit *unit = call->user;
    enum err why = err_from_wire(in->code, in->status);
    unit->ended = why == ERR_OK ? ERR_ABORTED : why;
    snprintf(unit->ended_words, sizeof(unit->ended_words), "%s",
             in->message[0] != '\0' ? in->message : err_text(unit->ended));
    return ERR_OK;
}

RPC_HANDLER(run_control, RunControl, end, End, EndRun)

Hallmark__V1__RunControl_Service run_control_service =
    HALLMARK__V1__RUN_CONTROL__INIT(run_control__);
