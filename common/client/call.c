/* SPDX-License-Identifier: MIT */
/*
 * Calls over a line. Called by the programs' threads, and by the I/O thread for answers. The
 * I/O thread must be done with a call before client_call_end() returns, since its caller then
 * frees it.
 */
#include <stdio.h>

#include "common/client/inside.h"
#include "common/host/clean.h"
#include "common/host/log.h"

/* The hook sees the answer before the waiting thread, and before the next message. */
static void on_done(void *context, const Hallmark__V1__FrameResponse *response)
{
    struct client_call *call = context;
    struct client *client = call->client;
    if (call->hook.answered != NULL)
        call->hook.answered(call->hook.context, response);
    pthread_mutex_lock(&client->lock);
    call->err = err_from_wire(response->code, response->status);
    clean_put(call->words, sizeof(call->words), response->message);
    if (call->err == ERR_OK)
        call->err =
            buf_copy(&call->response, span_of(response->payload.data, response->payload.len));
    call->done = true;
    pthread_cond_signal(&call->answered);
    pthread_mutex_unlock(&client->lock);
}

enum err client_call_begin(struct client_line *line, const Hallmark__V1__FrameRequest *request,
                           const struct client_hook *hook, struct client_call *call)
{
    call->client = line->client;
    if (hook != NULL)
        call->hook = *hook;
    TRY(client_condition(&call->answered));
    enum err e = wss_call(line->conn, request, on_done, call);
    if (e != ERR_OK)
        pthread_cond_destroy(&call->answered);
    return e;
}

/* No time-out here: the carrier ends the call by its answer, its deadline or the connection's
 * loss. */
enum err client_call_end(struct client_call *call, struct buf *response_out)
{
    pthread_mutex_lock(&call->client->lock);
    while (!call->done)
        pthread_cond_wait(&call->answered, &call->client->lock);
    pthread_mutex_unlock(&call->client->lock);
    pthread_cond_destroy(&call->answered);
    if (call->err != ERR_OK)
        return fail_quiet(call->err, "%s",
                          call->words[0] == '\0' ? err_text(call->err) : call->words);
    buf_free(response_out);
    *response_out = buf_take(&call->response);
    return ERR_OK;
}

/* What client_repeat() passes on. */
struct calling {
    const struct client_hook *hook;
    struct buf *response;
};

static enum err call_once(void *context, struct client_line *line,
                          const Hallmark__V1__FrameRequest *request)
{
    const struct calling *calling = context;
    struct client_call call = { 0 };
    TRY(client_call_begin(line, request, calling->hook, &call));
    return client_call_end(&call, calling->response);
}

enum err client_call(struct client_line *line, const struct client_again *again,
                     Hallmark__V1__FrameRequest *request, const struct client_hook *hook,
                     struct buf *response_out)
{
    struct calling calling = { hook, response_out };
    request->end_stream = true;
    return client_repeat(line, again, request, call_once, &calling);
}
