/* SPDX-License-Identifier: MIT */
/*
 * The order of the arrows, their transcript and their answers. Called by devauth.c and the
 * handlers. An arrow must not be done twice in a boot.
 */

#include "target-fw/devauth/run.h"

#include "target-fw/devauth/bytes.h"

/* The arrows of prepare-programmer.mmd that pass the mailbox, in their order. */
static const uint8_t arrows[RUN_ARROWS] = { 7,  8,  9,  10, 11, 12, 16, 20,
                                            24, 25, 26, 27, 30, 31, 32 };

static uint8_t position(uint8_t arrow)
{
    uint8_t i = 0;
    while (i < RUN_ARROWS && arrows[i] != arrow)
        i++;
    return i;
}

enum err run_open(struct run *r)
{
    uint32_t used;
    bytes_wipe(r, sizeof(*r));
    TRY(port_identify(&r->identity));
    TRY(port_otp_used(&used));
    if ((used >> OTP_AUTHKEY & 1) == 0)
        r->blank_board = RUN_BLANK_BOARD;
    return port_random(r->nonce, sizeof(r->nonce));
}

enum run_place run_place(const struct run *r, uint8_t arrow)
{
    uint8_t at = position(arrow);
    if (at < r->done)
        return RUN_DONE;
    return !r->none && at == r->done && at < RUN_ARROWS ? RUN_NEXT : RUN_LATER;
}

bool run_complete(const struct run *r)
{
    return r->done == RUN_ARROWS;
}

static enum err chain(struct run *r, uint8_t arrow, const uint8_t request_sha256[SHA256_SIZE],
                      struct span response)
{
    uint8_t response_sha256[SHA256_SIZE];
    uint8_t input[3 * SHA256_SIZE + 1];
    TRY(port_sha256(response, response_sha256));
    struct wr w = wr_of(input, sizeof(input));
    sign_transcript(&w, SPAN(r->transcript), arrow, span_of(request_sha256, SHA256_SIZE),
                    SPAN(response_sha256));
    TRY(wr_end(&w));
    return port_sha256(wr_done(&w), r->transcript);
}

enum err run_finish(struct run *r, uint8_t arrow, const uint8_t request_sha256[SHA256_SIZE],
                    struct span response)
{
    if (run_place(r, arrow) != RUN_NEXT)
        return ERR_ORDER;
    TRY(chain(r, arrow, request_sha256, response));
    r->done++;
    return ERR_OK;
}

enum err run_keep(struct run *r, const uint8_t request_sha256[SHA256_SIZE],
                  struct span response)
{
    if (r->done == 0 || response.len > (size_t)(RUN_ANSWERS_MAX - r->answer_used))
        return ERR_LIMIT;
    struct run_answer *answer = &r->answers[r->done - 1];
    bytes_copy(answer->request_sha256, request_sha256, SHA256_SIZE);
    answer->offset = r->answer_used;
    answer->len = (uint8_t)response.len;
    bytes_copy(r->answer_bytes + r->answer_used, response.ptr, response.len);
    r->answer_used = (uint8_t)(r->answer_used + response.len);
    return ERR_OK;
}

enum err run_answer(const struct run *r, uint8_t arrow,
                    const uint8_t request_sha256[SHA256_SIZE], struct span *response_out)
{
    if (run_place(r, arrow) != RUN_DONE)
        return ERR_ORDER;
    const struct run_answer *answer = &r->answers[position(arrow)];
    if (!bytes_equal(answer->request_sha256, request_sha256, SHA256_SIZE))
        return ERR_ORDER;
    *response_out = span_of(r->answer_bytes + answer->offset, answer->len);
    return ERR_OK;
}

struct sign_run run_binding(const struct run *r)
{
    return (struct sign_run){ SPAN(r->run_id), SPAN(r->identity.uid), SPAN(r->nonce) };
}
