/* SPDX-License-Identifier: MIT */
/* The arrows with right requests, as agent and server make them. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tests/unit/test_devauth_peer.h"

#include "tests/unit/check.h"

#include <openssl/ecdh.h>
#include <string.h>

#define BIN(array) ((ProtobufCBinaryData){ sizeof(array), (array) })

static void point_answer(const struct peer *p, uint8_t point[P256_POINT_SIZE])
{
    Hallmark__V1__DeriveAuthPublicKeyResponse *m =
        hallmark__v1__derive_auth_public_key_response__unpack(NULL, p->answer_len, p->answer);
    assert_non_null(m); /* the agreement key's response has the same shape */
    assert_int_equal(m->public_key.len, P256_POINT_SIZE);
    memcpy(point, m->public_key.data, P256_POINT_SIZE);
    hallmark__v1__derive_auth_public_key_response__free_unpacked(m, NULL);
}

static uint32_t put_cri(struct peer *p)
{
    Hallmark__V1__PutCertificationRequestInfoRequest m =
        HALLMARK__V1__PUT_CERTIFICATION_REQUEST_INFO_REQUEST__INIT;
    AUTO(buf_free) struct buf cri = { 0 };
    peer_make_cri(p, &(struct peer_cri){ 0 }, &cri);
    m.certification_request_info = (ProtobufCBinaryData){ cri.len, cri.ptr };
    return peer_call(p, "Target/PutCertificationRequestInfo", &m.base);
}

static uint32_t sign_cri(struct peer *p)
{
    unsigned before = p->board_calls;
    uint32_t result = peer_call(p, "Target/SignCertificationRequestInfo", NULL);
    if (result == 0)
        peer_let_board_call(p, before + 1); /* arrow 12 follows */
    if (result != 0)
        return result;
    AUTO(buf_free) struct buf cri = { 0 };
    peer_make_cri(p, &(struct peer_cri){ 0 }, &cri);
    peer_check_signature(p->auth, buf_span(&cri), p->signature);
    return 0;
}

static uint32_t program_certificate(struct peer *p)
{
    Hallmark__V1__ProgramDeviceCertificateRequest m =
        HALLMARK__V1__PROGRAM_DEVICE_CERTIFICATE_REQUEST__INIT;
    if (p->device_certificate.len == 0)
        peer_make_certificate(p, NULL, p->auth, &p->device_certificate);
    m.certificate =
        (ProtobufCBinaryData){ p->device_certificate.len, p->device_certificate.ptr };
    m.issuer = (ProtobufCBinaryData){ p->web_certificate.len, p->web_certificate.ptr };
    return peer_call(p, "Target/ProgramDeviceCertificate", &m.base);
}

static uint32_t burn_rotpk(struct peer *p)
{
    Hallmark__V1__BurnRotpkRequest m = HALLMARK__V1__BURN_ROTPK_REQUEST__INIT;
    AUTO(buf_free) struct buf statement = { 0 };
    uint8_t point[P256_POINT_SIZE], server[P256_SIGNATURE_SIZE], boot[P256_SIGNATURE_SIZE];
    peer_point(p->boot, point);
    peer_rotpk_statement(p, span_of(point + 1, ROTPK_SIZE), &statement);
    peer_sign(p->web, buf_span(&statement), server);
    peer_sign(p->boot, buf_span(&statement), boot);
    m.rotpk = (ProtobufCBinaryData){ ROTPK_SIZE, point + 1 };
    m.server_signature = BIN(server);
    m.boot_key_signature = BIN(boot);
    m.recreate = p->recreate;
    return peer_call(p, "Target/BurnRotpk", &m.base);
}

static uint32_t burn_firmware(struct peer *p)
{
    Hallmark__V1__BurnFirmwareRequest m = HALLMARK__V1__BURN_FIRMWARE_REQUEST__INIT;
    m.sha256 = (ProtobufCBinaryData){ SHA256_SIZE, p->fwinfo + 0x60 };
    m.size = p->image_len;
    m.firmware_information = BIN(p->fwinfo);
    m.firmware_information_address = p->fwinfo_address;
    p->feeding = true;
    p->fed = 0;
    uint32_t result = peer_call(p, "Target/BurnFirmware", &m.base);
    p->feeding = false;
    return result;
}

static uint32_t enable_lock(struct peer *p)
{
    Hallmark__V1__EnableSecureLockRequest m = HALLMARK__V1__ENABLE_SECURE_LOCK_REQUEST__INIT;
    m.level = (Hallmark__V1__LockLevel)p->lock_level;
    return peer_call(p, "Target/EnableSecureLock", &m.base);
}

static uint32_t put_server_key(struct peer *p)
{
    Hallmark__V1__PutServerPublicKeyRequest m =
        HALLMARK__V1__PUT_SERVER_PUBLIC_KEY_REQUEST__INIT;
    AUTO(buf_free) struct buf statement = { 0 };
    uint8_t signature[P256_SIGNATURE_SIZE];
    peer_server_statement(p, SPAN(p->server), &statement);
    peer_sign(p->web, buf_span(&statement), signature);
    m.public_key = BIN(p->server);
    m.signature = BIN(signature);
    unsigned before = p->board_calls;
    uint32_t result = peer_call(p, "Target/PutServerPublicKey", &m.base);
    if (result == 0)
        peer_let_board_call(p, before + 1); /* arrow 31 follows */
    return result;
}

static uint32_t derive_shared(struct peer *p)
{
    uint8_t tag[CONFIRMATION_TAG_SIZE], expected[CONFIRMATION_TAG_SIZE];
    uint32_t result = peer_call(p, "Target/DeriveSharedKey", NULL);
    if (result != 0)
        return result;
    Hallmark__V1__DeriveSharedKeyResponse *m =
        hallmark__v1__derive_shared_key_response__unpack(NULL, p->answer_len, p->answer);
    assert_non_null(m);
    assert_int_equal(m->confirmation_tag.len, CONFIRMATION_TAG_SIZE);
    memcpy(tag, m->confirmation_tag.data, sizeof(tag));
    hallmark__v1__derive_shared_key_response__free_unpacked(m, NULL);
    EC_KEY *target = peer_key_of(p->target);
    assert_int_equal(ECDH_compute_key(p->secret, sizeof(p->secret),
                                      EC_KEY_get0_public_key(target), p->agreement, NULL),
                     sizeof(p->secret));
    EC_KEY_free(target);
    peer_confirmation(p, SIGN_CONFIRM_TARGET, expected);
    assert_memory_equal(tag, expected, sizeof(tag));
    return 0;
}

uint32_t peer_arrow(struct peer *p, unsigned arrow)
{
    uint32_t result = 0;
    switch (arrow) {
    case 7:
        peer_let_board_call(p, 1);
        return p->chained < 7;
    case 8:
        return peer_call(p, "Target/GenerateAuthKey", NULL);
    case 9:
        result = peer_call(p, "Target/DeriveAuthPublicKey", NULL);
        if (result == 0)
            point_answer(p, p->auth);
        return result;
    case 10:
        return put_cri(p);
    case 11:
        return sign_cri(p);
    case 16:
        return program_certificate(p);
    case 20:
        return burn_rotpk(p);
    case 24:
        return burn_firmware(p);
    case 25:
        return enable_lock(p);
    case 26:
        return peer_call(p, "Target/GenerateAgreementKey", NULL);
    case 27:
        result = peer_call(p, "Target/DeriveAgreementPublicKey", NULL);
        if (result == 0)
            point_answer(p, p->target);
        return result;
    case 30:
        return put_server_key(p);
    case 32:
        return derive_shared(p);
    default:
        return 0;
    }
}

void peer_run_to(struct peer *p, unsigned arrow)
{
    for (unsigned i = p->chained + 1u; i <= arrow; i++) {
        uint32_t result = peer_arrow(p, i);
        if (result != 0)
            fail_msg("arrow %u: code %u", i, result);
    }
}
