/* The server's half of the peer: keys, certificates, statements, and the arrows' requests. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "tests/unit/test_devauth_peer.h"

#include "common/core/sign.h"
#include "common/host/own.h"
#include "tests/unit/check.h"

#include <openssl/cmac.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

enum { HALF = 32, IMAGE_BYTES = 3 * FLASH_PAGE_SIZE + 512 };

#define BIN(array) ((ProtobufCBinaryData){ sizeof(array), (array) })

EC_KEY *peer_key(void)
{
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    assert_non_null(key);
    assert_int_equal(EC_KEY_generate_key(key), 1);
    return key;
}

void peer_point(const EC_KEY *key, uint8_t point[P256_POINT_SIZE])
{
    size_t len =
        EC_POINT_point2oct(EC_KEY_get0_group(key), EC_KEY_get0_public_key(key),
                           POINT_CONVERSION_UNCOMPRESSED, point, P256_POINT_SIZE, NULL);
    assert_int_equal(len, P256_POINT_SIZE);
}

static void sha256(struct span bytes, uint8_t digest[SHA256_SIZE])
{
    assert_int_equal(EVP_Digest(bytes.ptr, bytes.len, digest, NULL, EVP_sha256(), NULL), 1);
}

void peer_sign(EC_KEY *key, struct span statement, uint8_t signature[P256_SIGNATURE_SIZE])
{
    uint8_t digest[SHA256_SIZE];
    sha256(statement, digest);
    ECDSA_SIG *sig = ECDSA_do_sign(digest, sizeof(digest), key);
    assert_non_null(sig);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, HALF), HALF);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + HALF, HALF), HALF);
    ECDSA_SIG_free(sig);
}

static EC_KEY *key_of_point(const uint8_t *point)
{
    EC_KEY *key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    assert_int_equal(EC_KEY_oct2key(key, point, P256_POINT_SIZE, NULL), 1);
    return key;
}

static void check_signature(const uint8_t *point, struct span statement, const uint8_t *bytes)
{
    uint8_t digest[SHA256_SIZE];
    sha256(statement, digest);
    ECDSA_SIG *sig = ECDSA_SIG_new();
    EC_KEY *key = key_of_point(point);
    ECDSA_SIG_set0(sig, BN_bin2bn(bytes, HALF, NULL), BN_bin2bn(bytes + HALF, HALF, NULL));
    assert_int_equal(ECDSA_do_verify(digest, sizeof(digest), sig, key), 1);
    ECDSA_SIG_free(sig);
    EC_KEY_free(key);
}

static EVP_PKEY *pkey_of(EC_KEY *key)
{
    EVP_PKEY *pkey = EVP_PKEY_new();
    assert_int_equal(EVP_PKEY_set1_EC_KEY(pkey, key), 1);
    return pkey;
}

static void add_name(X509_NAME *name, int nid, const char *text)
{
    assert_int_equal(X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
                                                (const unsigned char *)text, -1, -1, 0),
                     1);
}

void peer_make_certificate(const struct peer *p, EC_KEY *subject, const uint8_t *point,
                           struct buf *out)
{
    EC_KEY *key = subject != NULL ? subject : key_of_point(point);
    EVP_PKEY *public = pkey_of(key), *signer = pkey_of(p->web);
    X509 *x = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(x), 4711);
    X509_set_version(x, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    add_name(X509_get_subject_name(x), NID_commonName, "test");
    add_name(X509_get_issuer_name(x), NID_commonName, "issuer");
    assert_int_equal(X509_set_pubkey(x, public), 1);
    assert_true(X509_sign(x, signer, EVP_sha256()) > 0);
    int len = i2d_X509(x, NULL);
    assert_true(len > 0);
    assert_int_equal(buf_resize(out, (size_t)len), ERR_OK);
    unsigned char *at = out->ptr;
    i2d_X509(x, &at);
    X509_free(x);
    EVP_PKEY_free(public);
    EVP_PKEY_free(signer);
    if (subject == NULL)
        EC_KEY_free(key);
}

static void hex(const uint8_t *bytes, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++)
        sprintf(out + 2 * i, "%02x", bytes[i]);
}

void peer_make_cri(const struct peer *p, const struct peer_cri *parts, struct buf *out)
{
    char uid[2 * UID_SIZE + 1], nonce[2 * NONCE_SIZE + 1];
    EC_KEY *key = parts->key != NULL ? parts->key : key_of_point(p->auth);
    EVP_PKEY *pkey = pkey_of(key);
    X509_REQ *request = X509_REQ_new();
    hex(p->uid, UID_SIZE, uid);
    hex(p->server_nonce, NONCE_SIZE, nonce);
    X509_NAME *name = X509_REQ_get_subject_name(request);
    const char *challenge = parts->challenge != NULL ? parts->challenge : nonce;
    add_name(name, NID_organizationName, "Hallmark");
    add_name(name, NID_serialNumber, parts->serial_number != NULL ? parts->serial_number : uid);
    assert_int_equal(X509_REQ_set_pubkey(request, pkey), 1);
    assert_int_equal(X509_REQ_add1_attr_by_NID(request, NID_pkcs9_challengePassword,
                                               MBSTRING_UTF8, (const unsigned char *)challenge,
                                               -1),
                     1);
    unsigned char *der = NULL;
    int len = i2d_re_X509_REQ_tbs(request, &der);
    assert_true(len > 0);
    assert_int_equal(buf_copy(out, span_of(der, (size_t)len)), ERR_OK);
    OPENSSL_free(der);
    X509_REQ_free(request);
    EVP_PKEY_free(pkey);
    if (parts->key == NULL)
        EC_KEY_free(key);
}

static struct sign_run binding(const struct peer *p)
{
    return (struct sign_run){ SPAN(p->run_id), SPAN(p->uid), SPAN(p->board_nonce) };
}

static void statement_out(const struct wr *w, struct buf *out)
{
    assert_int_equal(wr_end(w), ERR_OK);
    assert_int_equal(buf_copy(out, wr_done(w)), ERR_OK);
}

void peer_rotpk_statement(const struct peer *p, struct span rotpk, struct buf *out)
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    struct sign_run run = binding(p);
    sign_rotpk(&w, &run, rotpk);
    statement_out(&w, out);
}

void peer_server_statement(const struct peer *p, struct span key, struct buf *out)
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    struct sign_run run = binding(p);
    sign_server_agreement(&w, &run, key);
    statement_out(&w, out);
}

static void put_le(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void make_image(struct peer *p)
{
    p->image_len = IMAGE_BYTES;
    p->fwinfo_address = 4 * FLASH_PAGE_SIZE;
    assert_int_equal(RAND_bytes(p->image, IMAGE_BYTES), 1);
    put_le(p->image + 0x10, 0x4c42754e);
    put_le(p->image + 0x14, p->fwinfo_address);
    put_le(p->image + 0x18, 0);
    put_le(p->image + 0x1c, p->fwinfo_address - 0x4c42754e);
}

void peer_make_fwinfo(struct peer *p, EC_KEY *key)
{
    memset(p->fwinfo, 0xff, 64);
    put_le(p->fwinfo + 0x40, 1);
    put_le(p->fwinfo + 0x44, 8);
    put_le(p->fwinfo + 0x48, 0);
    put_le(p->fwinfo + 0x4c, p->image_len);
    put_le(p->fwinfo + 0x50, 12);
    memset(p->fwinfo + 0x54, 0, 12);
    sha256(span_of(p->image, p->image_len), p->fwinfo + 0x60);
    peer_sign(key, span_of(p->fwinfo, 128), p->fwinfo + 0x80);
}

static void cmac(const uint8_t key[32], struct span message, uint8_t tag[16])
{
    size_t len = 16;
    CMAC_CTX *ctx = CMAC_CTX_new();
    assert_int_equal(CMAC_Init(ctx, key, 32, EVP_aes_256_cbc(), NULL), 1);
    assert_int_equal(CMAC_Update(ctx, message.ptr, message.len), 1);
    assert_int_equal(CMAC_Final(ctx, tag, &len), 1);
    CMAC_CTX_free(ctx);
}

void peer_confirmation(const struct peer *p, bool target, uint8_t tag[CONFIRMATION_TAG_SIZE])
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    sign_confirmation(&w, target ? SIGN_CONFIRM_TARGET : SIGN_CONFIRM_SERVER, SPAN(p->run_id),
                      SPAN(p->uid), SPAN(p->server), SPAN(p->target));
    assert_int_equal(wr_end(&w), ERR_OK);
    cmac(p->secret, wr_done(&w), tag);
}

void peer_restart(struct peer *p)
{
    p->down = p->up = p->stream = p->chunk = 0;
    p->stream = UINT32_MAX; /* the next one is 1 */
    p->feeding = false;
    p->board_calls = 0;
    p->chained = 0;
    memset(p->transcript, 0, sizeof(p->transcript));
    assert_int_equal(RAND_bytes(p->run_id, sizeof(p->run_id)), 1);
    assert_int_equal(RAND_bytes(p->server_nonce, sizeof(p->server_nonce)), 1);
}

void peer_open(struct peer *p, const struct peer_io *io)
{
    uint8_t area[2 * 4 + CERTIFICATE_MAX] = { 0 };
    *p = (struct peer){ .io = *io, .web = peer_key(), .boot = peer_key() };
    p->agreement = peer_key();
    peer_point(p->agreement, p->server);
    peer_make_certificate(p, p->web, NULL, &p->web_certificate);
    put_le(area, (uint32_t)p->web_certificate.len);
    memcpy(area + 8, p->web_certificate.ptr, p->web_certificate.len);
    io->flash(io->context, FLASH_WEB_SERVER_CERTIFICATE,
              span_of(area, (8 + p->web_certificate.len + 3) & ~(size_t)3));
    make_image(p);
    peer_make_fwinfo(p, p->boot);
    peer_restart(p);
}

void peer_close(struct peer *p)
{
    EC_KEY_free(p->web);
    EC_KEY_free(p->boot);
    EC_KEY_free(p->agreement);
    buf_free(&p->web_certificate);
    buf_free(&p->device_certificate);
    if (p->hello != NULL)
        hallmark__v1__hello_request__free_unpacked(p->hello, NULL);
}

/* ---- the arrows ---- */

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
    check_signature(p->auth, buf_span(&cri), p->signature);
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
    m.level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
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
    EC_KEY *target = key_of_point(p->target);
    assert_int_equal(ECDH_compute_key(p->secret, sizeof(p->secret),
                                      EC_KEY_get0_public_key(target), p->agreement, NULL),
                     sizeof(p->secret));
    EC_KEY_free(target);
    peer_confirmation(p, true, expected);
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

uint32_t peer_commit(struct peer *p)
{
    uint8_t tag[CONFIRMATION_TAG_SIZE];
    Hallmark__V1__CommitRequest m = HALLMARK__V1__COMMIT_REQUEST__INIT;
    peer_confirmation(p, false, tag);
    m.confirmation_tag = BIN(tag);
    return peer_call(p, "Closing/Commit", &m.base);
}

void peer_run_to(struct peer *p, unsigned arrow)
{
    for (unsigned i = p->chained + 1u; i <= arrow; i++) {
        uint32_t result = peer_arrow(p, i);
        if (result != 0)
            fail_msg("arrow %u: code %u", i, result);
    }
}

void peer_check_receipt(struct peer *p, unsigned lock_level)
{
    Hallmark__V1__SignReceiptResponse *m =
        hallmark__v1__sign_receipt_response__unpack(NULL, p->answer_len, p->answer);
    assert_non_null(m);
    assert_non_null(m->receipt);
    uint8_t device[SHA256_SIZE], web[SHA256_SIZE], rotpk[SHA256_SIZE],
        bytes[SIGN_STATEMENT_MAX];
    uint8_t boot[P256_POINT_SIZE];
    peer_point(p->boot, boot);
    sha256(buf_span(&p->device_certificate), device);
    sha256(buf_span(&p->web_certificate), web);
    sha256(span_of(boot + 1, ROTPK_SIZE), rotpk);
    const struct sign_receipt fields = {
        .run_id = SPAN(p->run_id),
        .uid = SPAN(p->uid),
        .auth_public_key = SPAN(p->auth),
        .device_certificate_sha256 = SPAN(device),
        .web_server_certificate_sha256 = SPAN(web),
        .rotpk_sha256 = SPAN(rotpk),
        .firmware_sha256 = span_of(p->fwinfo + 0x60, SHA256_SIZE),
        .lock_level = (uint8_t)lock_level,
        .transcript_sha256 = SPAN(p->transcript),
        .server_nonce = SPAN(p->server_nonce),
    };
    assert_int_equal(m->receipt->lock_level, lock_level);
    assert_int_equal(m->receipt->transcript_sha256.len, SHA256_SIZE);
    assert_memory_equal(m->receipt->transcript_sha256.data, p->transcript, SHA256_SIZE);
    struct wr w = wr_of(bytes, sizeof(bytes));
    sign_receipt(&w, &fields);
    check_signature(p->auth, wr_done(&w), m->receipt->signature.data);
    hallmark__v1__sign_receipt_response__free_unpacked(m, NULL);
}
