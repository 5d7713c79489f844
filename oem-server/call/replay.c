/* SPDX-License-Identifier: MIT */
/*
 * replay: a repeated call gets the stored answer, and is not done again. Called by call.c
 * before a handler runs, and by settle.c inside its change. A stored answer must never go to a
 * principal that was revoked: both check the principal first, in the same transaction
 * (test_call_race).
 */
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/call/settle.h"

/* For a call that takes a stream: a chain over its messages, in their order and with their
 * boundaries; its REQUEST carries none. */
void call_received(struct call *call, struct span message)
{
    uint8_t both[2 * SHA256_SIZE];
    memcpy(both, call->received, SHA256_SIZE);
    sha256_of(message, both + SHA256_SIZE);
    sha256_of(SPAN(both), call->received);
}

/* Of the digests of both, so that it needs no memory and cannot fail: a request without its
 * digest would look like any other one (test_call_words). */
void replay_digest(const struct call *call, uint8_t digest_out[static SHA256_SIZE])
{
    bool streams = call->method->shape == AUTH_STREAM;
    uint8_t both[2 * SHA256_SIZE];
    sha256_of(span_of(call->rpc.method, strlen(call->rpc.method)), both);
    sha256_of(streams ? SPAN(call->received) : call->rpc.payload, both + SHA256_SIZE);
    sha256_of(SPAN(both), digest_out);
}

bool replay_keeps(const struct call *call)
{
    return call->rpc.idempotency_key.len == STORE_CALL_KEY_SIZE &&
           call->method->answer == AUTH_STORED;
}

enum err replay_find(struct store_tx *tx, struct call *call)
{
    uint8_t digest[SHA256_SIZE];
    AUTO(store_answer_free) struct store_answer answer = { 0 };
    if (!replay_keeps(call))
        return ERR_OK;
    enum err e =
        store_answer_get(tx, call->principal->uri, call->rpc.idempotency_key.ptr, &answer);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    replay_digest(call, digest);
    if (!span_eq(SPAN(digest), SPAN(answer.request_sha256)))
        return fail_quiet(ERR_INVALID, "this idempotency key was used for another request");
    call->stored = buf_take(&answer.response);
    call->replayed = true;
    return ERR_OK;
}

enum err replay_put(struct store_tx *tx, const struct call *call, struct span response)
{
    if (!replay_keeps(call))
        return ERR_OK;
    AUTO(store_answer_free) struct store_answer answer = { 0 };
    TRY(buf_copy(&answer.response, response));
    replay_digest(call, answer.request_sha256);
    return store_answer_put(tx, call->principal->uri, call->rpc.idempotency_key.ptr, &answer);
}

static enum err find_again(struct store_tx *tx, void *context)
{
    return replay_find(tx, context);
}

/* For a stream only if it failed after its last message: before that its digest is incomplete.
 */
static bool may_be_again(const struct call *call)
{
    return call->method != NULL && replay_keeps(call) && !call->replayed &&
           (call->method->shape != AUTH_STREAM || call->rpc.err == ERR_EXISTS);
}

void replay_again(struct call *call)
{
    if (!may_be_again(call))
        return;
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    enum err e = call_read(call, find_again, call);
    if (call->replayed || e == ERR_INVALID) {
        call->rpc.err = e;
        run_drop(&call->opened);
    } else {
        fail_set(words);
    }
}
