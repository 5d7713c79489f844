/* SPDX-License-Identifier: MIT */
/*
 * Bench: boards that a station rejected before a run, and failures at a board that the server
 * does not see, so that they are in the log too. Called by stations. The report is not trusted:
 * the entry is marked as reported, its text is cleaned, and a rate limit applies.
 */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/api/services.h"
#include "oem-server/call/message.h"

enum { PROBE_WORDS_MAX = 200 };

/* The entry, which repeats the report, is the only purpose of this call. */
static enum err bench_turn_away(struct rpc_call *rpc, const Hallmark__V1__TurnAwayRequest *in,
                                Hallmark__V1__TurnAwayResponse *out)
{
    (void)out;
    struct call *call = call_of(rpc);
    if (in->status == 0 || in->status > 16 || strlen(in->probe) > PROBE_WORDS_MAX)
        return fail_quiet(
            ERR_INVALID,
            "Bench.TurnAway: the status is no refusal's, or the probe has no name");
    if (call->session != NULL && !client_may_enter(call->session->client))
        return fail_quiet(
            ERR_EXHAUSTED,
            "Bench.TurnAway: over the rate limit: a burst of %d, then one in %d ms",
            BUDGET_REFUSALS, BUDGET_REFUSAL_MS);
    uint8_t uid[UID_SIZE];
    if (in->uid.len != 0)
        TRY(message_uid(call, &in->uid, uid));
    event_text(&call->event, EVENT_MESSAGE, in->message);
    event_text(&call->event, EVENT_ORDER, in->order);
    event_text(&call->event, EVENT_PROBE, in->probe);
    event_text(&call->event, EVENT_KIND, "refusal");
    call->event.pb.reported = true;
    call->event.pb.status = in->status;
    call->event.pb.code = in->code;
    return ERR_OK;
}

RPC_HANDLER(bench, Bench, turn_away, TurnAway, TurnAway)

Hallmark__V1__Bench_Service bench_service = HALLMARK__V1__BENCH__INIT(bench__);
