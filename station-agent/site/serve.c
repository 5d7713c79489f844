/* SPDX-License-Identifier: MIT */
/*
 * The arrows that server and board call on the station. Called by engine.c when the next arrow
 * is theirs. A call that is not the next arrow must be refused.
 */
#include <string.h>

#include "common/host/clean.h"
#include "common/host/log.h"
#include "station-agent/site/engine.h"

static void event_drop(struct peer_event *event)
{
    peer_event_free(event);
}

static void call_drop(struct rpc_call *call)
{
    rpc_call_fini(call);
}

/* May this party call this method now? The engine names the arrow it expects. */
static enum err admit(const struct site *site, enum flow_party tail, const char *method)
{
    const struct flow_row *row = flow_row_of_method(method);
    if (row == NULL || row->tail != tail || row->head == tail)
        return fail_quiet(ERR_UNIMPLEMENTED, "%.80s is not %c's to call here", method,
                          flow_letter(tail));
    return flow_accept(&site->flow, row->arrow);
}

enum err serve_self(void *context, const char *method, struct span payload,
                    struct buf *response_out)
{
    struct site *site = context;
    AUTO(call_drop)
    struct rpc_call call = {
        .method = method,
        .payload = payload,
        .deadline_ms = rpc_now_ms() + MAIL_CALL_MS,
        .user = &site->unit,
    };
    rpc_dispatch(api_services, &call);
    TRY(call.err);
    *response_out = buf_take(&call.response);
    return ERR_OK;
}

/* The station serves it itself, or passes it on to the head verbatim (arrows 30 and 31). */
static enum err handle(struct site *site, const char *method, struct span payload,
                       struct buf *response_out)
{
    const struct mail_call to_board = {
        .method = method,
        .payload = payload,
        .timeout_ms = MAIL_CALL_MS,
    };
    trace_request(site, payload);
    enum err e;
    switch (site->trace.row->head) {
    case FLOW_P:
        e = mail_call(&site->mail, &to_board, response_out);
        break;
    case FLOW_O:
        e = site_to_server(site, method, payload, response_out);
        break;
    default:
        e = serve_self(site, method, payload, response_out);
    }
    if (e == ERR_OK)
        trace_response(site, buf_span(response_out));
    if (e == ERR_OK && site->trace.row->head != FLOW_O)
        site_point_arrow(site, "inside");
    return e;
}

/* RunControl.End comes at any time: the server has ended the run. */
static enum err check_ended(struct site *site, const struct peer_event *event)
{
    const Hallmark__V1__FrameRequest *request = event->frame->request;
    AUTO(buf_free) struct buf response = { 0 };
    if (strcmp(request->method, "hallmark.v1.RunControl/End") != 0)
        return ERR_OK;
    enum err e = serve_self(site, request->method,
                            span_of(request->payload.data, request->payload.len), &response);
    channel_answer(site->channel, event->stream, e, buf_span(&response));
    TRY(e);
    site->trace.server_told = true;
    return fail_quiet(site->unit.ended, "the server ended the run: %s", site->unit.ended_words);
}

/* Of the server: the next arrow's call. Any other is refused, and the wait goes on. */
static enum err await_server(struct site *site, struct peer_event *event)
{
    uint64_t deadline_ms = rpc_now_ms() + CHANNEL_WAIT_MS;
    for (;;) {
        uint64_t now_ms = rpc_now_ms();
        uint32_t left_ms = now_ms < deadline_ms ? (uint32_t)(deadline_ms - now_ms) : 0;
        TRY(site_note_loss(site, channel_next(site->channel, left_ms, event)));
        TRY(check_ended(site, event));
        enum err e = admit(site, FLOW_O, event->frame->request->method);
        if (e == ERR_OK)
            return ERR_OK;
        channel_answer(site->channel, event->stream, e, (struct span){ NULL, 0 });
        peer_event_free(event);
    }
}

static enum err serve_server(struct site *site)
{
    AUTO(event_drop) struct peer_event event = { 0 };
    AUTO(buf_free) struct buf response = { 0 };
    TRY(await_server(site, &event));
    const Hallmark__V1__FrameRequest *request = event.frame->request;
    enum err e = handle(site, request->method,
                        span_of(request->payload.data, request->payload.len), &response);
    site->trace.server_told = true;
    channel_answer(site->channel, event.stream, e, buf_span(&response));
    return e;
}

static enum err await_board(struct site *site, Hallmark__V1__Frame **frame_out)
{
    for (;;) {
        TRY(mail_next(&site->mail, MAIL_NEXT_MS, frame_out));
        const Hallmark__V1__FrameRequest *request = (*frame_out)->request;
        enum err e = admit(site, FLOW_P, request->method);
        if (e == ERR_OK)
            return ERR_OK;
        TRY(mail_answer(&site->mail, request->stream, e, (struct span){ NULL, 0 }));
        mail_frame_drop(frame_out);
    }
}

static enum err serve_board(struct site *site)
{
    AUTO(mail_frame_drop) Hallmark__V1__Frame *frame = NULL;
    AUTO(buf_free) struct buf response = { 0 };
    TRY(await_board(site, &frame));
    site_point_arrow(site, "before");
    const Hallmark__V1__FrameRequest *request = frame->request;
    enum err e = handle(site, request->method,
                        span_of(request->payload.data, request->payload.len), &response);
    site->trace.server_told = site->trace.row->head == FLOW_O;
    char words[FAIL_WORDS_MAX];
    clean_put(words, sizeof(words), fail_words());
    enum err answered = mail_answer(&site->mail, request->stream, e, buf_span(&response));
    return e == ERR_OK ? answered : fail_quiet(e, "%s", words);
}

enum err serve_next(struct site *site)
{
    const struct flow_row *row = flow_row(site->flow.next);
    trace_begin(site, row);
    TRY(trace_end(site, row->tail == FLOW_O ? serve_server(site) : serve_board(site)));
    if (row->tail == FLOW_P)
        site_point_arrow(site, "after");
    flow_done(&site->flow);
    return ERR_OK;
}
