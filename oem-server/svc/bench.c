/* SPDX-License-Identifier: MIT */
/*
 * Bench: refusals that a station tells of, so that they are in the log too. Nothing of them is
 * believed: the entry is marked as reported, its text is cleaned, and a rate limit holds.
 */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/svc/services.h"

enum { PROBE_WORDS_MAX = 200 };

/* Words of a peer, for the log: short, printable ASCII. */
static enum err take_words(struct rpc_call *rpc, const char *text, char **out)
{
    if (strlen(text) >= RPC_MESSAGE_TEXT_MAX)
        return fail_quiet(ERR_LIMIT, "turn away: over %d bytes of words", RPC_MESSAGE_TEXT_MAX);
    TRY(rpc_text(rpc, out, text));
    for (char *c = *out; *c != '\0'; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
    return ERR_OK;
}

/* The entry is all that this call is for: it says what the station says. */
static enum err bench_turn_away(struct rpc_call *rpc, const Hallmark__V1__TurnAwayRequest *in,
                                Hallmark__V1__TurnAwayResponse *out)
{
    (void)out;
    struct call *call = call_of(rpc);
    static char kind[] = "refusal";
    if (in->status == 0 || in->status > 16 || strlen(in->probe) > PROBE_WORDS_MAX)
        return fail_quiet(ERR_INVALID, "turn away: no refusal's status, or no probe's name");
    if (call->session != NULL && !caller_may_enter(call->session->caller))
        return fail_quiet(ERR_EXHAUSTED,
                          "turn away: over %d entries at once, then one in %d ms",
                          BUDGET_REFUSALS, BUDGET_REFUSAL_MS);
    TRY(take_words(rpc, in->message, &call->event.message));
    TRY(take_words(rpc, in->order, &call->event.order));
    TRY(svc_digest(call, "probe", span_of(in->probe, strlen(in->probe))));
    call->event.kind = kind;
    call->event.reported = true;
    call->event.status = in->status;
    call->event.code = in->code;
    return ERR_OK;
}

RPC_HANDLER(bench, Bench, turn_away, TurnAway, TurnAway)

Hallmark__V1__Bench_Service bench_service = HALLMARK__V1__BENCH__INIT(bench__);
