/* SPDX-License-Identifier: MIT */
/*
 * Bench: refusals that a station tells of, so that they are in the log too. Nothing of them is
 * believed: the entry is marked as reported, its text is cleaned, and a rate limit holds.
 */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/api/services.h"

enum { PROBE_WORDS_MAX = 200 };

/* The entry is all that this call is for: it says what the station says. */
static enum err bench_turn_away(struct rpc_call *rpc, const Hallmark__V1__TurnAwayRequest *in,
                                Hallmark__V1__TurnAwayResponse *out)
{
    (void)out;
    struct call *call = call_of(rpc);
    if (in->status == 0 || in->status > 16 || strlen(in->probe) > PROBE_WORDS_MAX)
        return fail_quiet(ERR_INVALID, "turn away: no refusal's status, or no probe's name");
    if (call->session != NULL && !caller_may_enter(call->session->caller))
        return fail_quiet(ERR_EXHAUSTED,
                          "turn away: over %d entries at once, then one in %d ms",
                          BUDGET_REFUSALS, BUDGET_REFUSAL_MS);
    event_text(&call->event, EVENT_MESSAGE, in->message);
    event_text(&call->event, EVENT_ORDER, in->order);
    event_digest(&call->event, "probe", span_of(in->probe, strlen(in->probe)));
    event_text(&call->event, EVENT_KIND, "refusal");
    call->event.pb.reported = true;
    call->event.pb.status = in->status;
    call->event.pb.code = in->code;
    return ERR_OK;
}

RPC_HANDLER(bench, Bench, turn_away, TurnAway, TurnAway)

Hallmark__V1__Bench_Service bench_service = HALLMARK__V1__BENCH__INIT(bench__);
