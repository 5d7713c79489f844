/* SPDX-License-Identifier: MIT */
/* What DevAuth refuses from arrow 30 on: the agreement, and what closes the run. */
#include "tests/unit/check.h"

#include "tests/unit/test_devauth_bench.h"

#include <string.h>

#define BIN(array) ((ProtobufCBinaryData){ sizeof(array), (array) })

/* ---- arrow 30 ---- */

static uint32_t put_server_key(struct peer *p, uint8_t point[P256_POINT_SIZE], EC_KEY *signer)
{
    Hallmark__V1__PutServerPublicKeyRequest m =
        HALLMARK__V1__PUT_SERVER_PUBLIC_KEY_REQUEST__INIT;
    AUTO(buf_free) struct buf statement = { 0 };
    uint8_t signature[P256_SIGNATURE_SIZE];
    peer_server_statement(p, span_of(point, P256_POINT_SIZE), &statement);
    peer_sign(signer, buf_span(&statement), signature);
    m.public_key = (ProtobufCBinaryData){ P256_POINT_SIZE, point };
    m.signature = BIN(signature);
    return peer_call(p, "Target/PutServerPublicKey", &m.base);
}

static uint32_t server_key_by_the_station(struct peer *p)
{
    return put_server_key(p, p->server, p->boot);
}

static uint32_t server_key_off_the_curve(struct peer *p)
{
    uint8_t point[P256_POINT_SIZE];
    memcpy(point, p->server, sizeof(point));
    point[33] ^= 1;
    return put_server_key(p, point, p->web);
}

static uint32_t server_key_over_p(struct peer *p)
{
    uint8_t point[P256_POINT_SIZE];
    memset(point, 0xff, sizeof(point));
    point[0] = 4;
    return put_server_key(p, point, p->web);
}

static uint32_t server_key_compressed(struct peer *p)
{
    uint8_t point[P256_POINT_SIZE];
    memcpy(point, p->server, sizeof(point));
    point[0] = 2;
    return put_server_key(p, point, p->web);
}

static uint32_t server_key_at_infinity(struct peer *p)
{
    uint8_t point[P256_POINT_SIZE] = { 4 };
    return put_server_key(p, point, p->web);
}

static uint32_t server_key_for_another_board(struct peer *p)
{
    p->uid[3] ^= 1;
    uint32_t result = put_server_key(p, p->server, p->web);
    p->uid[3] ^= 1;
    return result;
}

/* ---- after arrow 32 ---- */

static uint32_t commit_with_own_tag(struct peer *p)
{
    uint8_t tag[CONFIRMATION_TAG_SIZE];
    Hallmark__V1__CommitRequest m = HALLMARK__V1__COMMIT_REQUEST__INIT;
    peer_confirmation(p, true, tag); /* the board's, reflected */
    m.confirmation_tag = BIN(tag);
    uint32_t result = peer_call(p, "Closing/Commit", &m.base);
    assert_false(host_chip.otp[OTP_AES_NULINK3].used);
    return result;
}

static uint32_t commit_without_tag(struct peer *p)
{
    uint32_t result = peer_call(p, "Closing/Commit", NULL);
    assert_false(host_chip.otp[OTP_AES_NULINK3].used);
    return result;
}

static uint32_t receipt_while_flash_differs(struct peer *p)
{
    host_chip.flash[1000] ^= 1;
    uint32_t result = peer_call(p, "Closing/SignReceipt", NULL);
    host_chip.flash[1000] ^= 1;
    return result;
}

static const struct bench_refusal refusals[] = {
    { "30: signed by the station", 27, server_key_by_the_station, ERR_SIG },
    { "30: off the curve", 27, server_key_off_the_curve, ERR_POINT },
    { "30: coordinates over p", 27, server_key_over_p, ERR_POINT },
    { "30: compressed", 27, server_key_compressed, ERR_POINT },
    { "30: infinity", 27, server_key_at_infinity, ERR_POINT },
    { "30: for another board", 27, server_key_for_another_board, ERR_SIG },
    { "Commit: the board's own tag", 32, commit_with_own_tag, ERR_SIG },
    { "Commit: no tag", 32, commit_without_tag, ERR_SIG },
    { "SignReceipt: flash differs", 32, receipt_while_flash_differs, ERR_VERIFY },
};

static void refused_then_done_right(void **state)
{
    for (size_t i = 0; i < COUNT(refusals); i++)
        bench_refuse(state, &refusals[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_then_done_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
