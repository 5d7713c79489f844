/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

#include "common/core/sign.h"
#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "tests/unit/server_board.h"

static ProtobufCBinaryData lend(struct span bytes)
{
    return (ProtobufCBinaryData){ bytes.len, (uint8_t *)(uintptr_t)bytes.ptr };
}

void board_init(struct board *board, struct party *station, const char *order, uint8_t number)
{
    *board = (struct board){ .station = station, .order = order, .level = 1 };
    station->board = board;
    memset(board->uid, number, UID_SIZE);
    board->auth = EVP_EC_gen("P-256");
    assert_int_equal(p256_point_of(board->auth, board->auth_point), ERR_OK);
}

void board_fini(struct board *board)
{
    EVP_PKEY_free(board->auth);
    EVP_PKEY_free(board->agreement);
    buf_free(&board->subject);
    board->station->board = NULL;
}

/* --- Cryptography of the board. ----------------------------------------------------------- */

static void sign_digest(EVP_PKEY *key, const uint8_t digest[static SHA256_SIZE],
                        uint8_t signature[static P256_SIGNATURE_SIZE])
{
    uint8_t der[80];
    size_t len = sizeof(der);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_sign_init(context), 1);
    assert_int_equal(EVP_PKEY_sign(context, der, &len, digest, SHA256_SIZE), 1);
    EVP_PKEY_CTX_free(context);
    const uint8_t *at = der;
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &at, (long)len);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(both), signature, 32), 32);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(both), signature + 32, 32), 32);
    ECDSA_SIG_free(both);
}

void board_sign(struct board *b, const struct wr *w, uint8_t digest[static SHA256_SIZE],
                uint8_t signature[static P256_SIGNATURE_SIZE])
{
    assert_int_equal(wr_end(w), ERR_OK);
    sha256_of(wr_done(w), digest);
    sign_digest(b->auth, digest, signature);
}

static void derive(struct board *b)
{
    EVP_PKEY *other = NULL;
    size_t len = sizeof(b->key);
    assert_int_equal(p256_key_of(SPAN(b->server_point), &other), ERR_OK);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(b->agreement, NULL);
    assert_int_equal(EVP_PKEY_derive_init(context), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer(context, other), 1);
    assert_int_equal(EVP_PKEY_derive(context, b->key, &len), 1);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(other);
}

void board_cmac(const uint8_t key[static 32], const struct wr *w, uint8_t tag[static 16])
{
    char cipher[] = "AES-256-CBC";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    struct span message = wr_done(w);
    size_t len = 0;
    assert_int_equal(EVP_MAC_init(context, key, 32, parameters), 1);
    assert_int_equal(EVP_MAC_update(context, message.ptr, message.len), 1);
    assert_int_equal(EVP_MAC_final(context, tag, &len, 16), 1);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(mac);
}

void board_tag(const struct board *b, enum sign_confirm whose, uint8_t tag[static 16])
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    sign_confirmation(&w, whose, SPAN(b->run_id), SPAN(b->uid), SPAN(b->server_point),
                      SPAN(b->agreement_point));
    board_cmac(b->key, &w, tag);
}

void board_kcv(const struct board *b, const uint8_t key[static 32], uint8_t kcv[static 16])
{
    uint8_t bytes[SIGN_STATEMENT_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    sign_kcv(&w, SPAN(b->uid));
    board_cmac(key, &w, kcv);
}

static void extend(struct board *b, uint8_t arrow, struct span request, struct span response)
{
    uint8_t input[3 * SHA256_SIZE + 1];
    struct wr w = wr_of(input, sizeof(input));
    sign_transcript(&w, SPAN(b->transcript), arrow, request, response);
    sha256_of(wr_done(&w), b->transcript);
}

/* --- What the server calls. --------------------------------------------------------------- */

static void take(uint8_t *to, size_t len, const ProtobufCBinaryData *from)
{
    assert_int_equal(from->len, len);
    memcpy(to, from->data, len);
}

static void on_server_key(struct board *b, struct span payload)
{
    uint8_t digests[2][SHA256_SIZE];
    Hallmark__V1__PutServerPublicKeyRequest *in =
        hallmark__v1__put_server_public_key_request__unpack(NULL, payload.len, payload.ptr);
    take(b->server_point, P256_POINT_SIZE, &in->public_key);
    hallmark__v1__put_server_public_key_request__free_unpacked(in, NULL);
    sha256_of(payload, digests[0]);
    sha256_of(span_of(NULL, 0), digests[1]);
    extend(b, 30, SPAN(digests[0]), SPAN(digests[1]));
    b->pushed = 30;
}

static void on_rotpk(struct board *b, struct span payload)
{
    Hallmark__V1__PutRotpkRequest *in =
        hallmark__v1__put_rotpk_request__unpack(NULL, payload.len, payload.ptr);
    take(b->rotpk, ROTPK_SIZE, &in->rotpk);
    b->recreate = in->recreate;
    hallmark__v1__put_rotpk_request__free_unpacked(in, NULL);
    b->pushed = 19;
}

static void on_certificate(struct board *b, struct span payload, bool device)
{
    Hallmark__V1__PutDeviceCertificateRequest *in =
        hallmark__v1__put_device_certificate_request__unpack(NULL, payload.len, payload.ptr);
    sha256_of(span_of(in->certificate.data, in->certificate.len),
              device ? b->device_sha256 : b->web_sha256);
    hallmark__v1__put_device_certificate_request__free_unpacked(in, NULL);
    b->pushed = device ? 15 : 3;
}

void board_pushed(struct board *b, const char *method, struct span payload)
{
    if (strstr(method, "PutWebServerCertificate") != NULL)
        on_certificate(b, payload, false);
    else if (strstr(method, "PutDeviceCertificate") != NULL)
        on_certificate(b, payload, true);
    else if (strstr(method, "PutRotpk") != NULL)
        on_rotpk(b, payload);
    else if (strstr(method, "PutSignedFirmware") != NULL)
        b->pushed = 23;
    else if (strstr(method, "PutServerPublicKey") != NULL)
        on_server_key(b, payload);
    else if (strstr(method, "RunControl/End") != NULL)
        b->ended = ERR_ABORTED;
}

/* --- What the station calls. -------------------------------------------------------------- */

static enum err call(struct board *b, const char *method, const ProtobufCMessage *in,
                     const Hallmark__V1__ArrowReports *reports,
                     const ProtobufCMessageDescriptor *type, ProtobufCMessage **out)
{
    const struct asking asking = { SPAN(b->run_id), reports, NULL };
    char full[64];
    snprintf(full, sizeof(full), "hallmark.v1.%s", method);
    enum err e = party_call(b->station, full, in, &asking, type, out);
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    bench_settle_run(b->run_id); /* what the server calls next has come */
    fail_set(words);
    return e;
}

enum err board_open(struct board *b, bool repeat, Hallmark__V1__OpenResponse **out)
{
    Hallmark__V1__OpenRequest in = HALLMARK__V1__OPEN_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    in.order = (char *)(uintptr_t)b->order;
    in.uid = lend(SPAN(b->uid));
    in.repeat = repeat;
    memset(b->run_id, 0, sizeof(b->run_id));
    memset(b->transcript, 0, sizeof(b->transcript));
    b->ended = ERR_OK;
    RAND_bytes(b->nonce, sizeof(b->nonce));
    EVP_PKEY_free(b->agreement);
    b->agreement = EVP_EC_gen("P-256");
    assert_int_equal(p256_point_of(b->agreement, b->agreement_point), ERR_OK);
    TRY(party_call(b->station, "hallmark.v1.Runs/Open", &in.base, NULL,
                   &hallmark__v1__open_response__descriptor, &answer));
    Hallmark__V1__OpenResponse *opened = (Hallmark__V1__OpenResponse *)answer;
    if (opened->run_id.len != 0) {
        take(b->run_id, RUN_ID_SIZE, &opened->run_id);
        take(b->server_nonce, NONCE_SIZE, &opened->server_nonce);
        assert_int_equal(
            buf_copy(&b->subject, span_of(opened->subject.data, opened->subject.len)), ERR_OK);
        bench_settle_run(b->run_id);
        assert_int_equal(b->pushed, 3);
    }
    if (out != NULL)
        *out = opened;
    else
        rpc_drop(&answer);
    return ERR_OK;
}

enum { REPORTS = 12 };
struct reporting {
    Hallmark__V1__ArrowReport rows[REPORTS];
    Hallmark__V1__ArrowReport *list[REPORTS];
    uint8_t digests[REPORTS][2][SHA256_SIZE];
    Hallmark__V1__ArrowReports reports;
    struct buf hello, load;
};

static void reporting_drop(struct reporting *r)
{
    buf_free(&r->hello);
    buf_free(&r->load);
}

static void pack_hello(struct board *b, struct reporting *r)
{
    Hallmark__V1__HelloRequest hello = HALLMARK__V1__HELLO_REQUEST__INIT;
    Hallmark__V1__BoardState state = HALLMARK__V1__BOARD_STATE__INIT;
    uint8_t other[SHA256_SIZE] = { 7 };
    state.auth_key = b->auth_used || b->unrecorded;
    state.auth_key_recorded = b->auth_used && !b->unrecorded;
    state.shared_key_slot = b->odd_slot;
    if (b->other_rotpk) {
        state.rotpk_slots = 3;
        state.rotpk_sha256 = lend(SPAN(other));
    }
    hello.uid = lend(SPAN(b->uid));
    hello.nonce = lend(SPAN(b->nonce));
    hello.state = &state;
    assert_int_equal(rpc_pack(&hello.base, &r->hello), ERR_OK);
}

/* Arrows first to last, all good, with digests of their own. */
static void report(struct board *b, struct reporting *r, unsigned first, unsigned last)
{
    Hallmark__V1__LoadDevAuthRequest load = HALLMARK__V1__LOAD_DEV_AUTH_REQUEST__INIT;
    *r = (struct reporting){ .reports = HALLMARK__V1__ARROW_REPORTS__INIT };
    load.sha256 = lend(SPAN(bench.devauth));
    assert_int_equal(rpc_pack(&load.base, &r->load), ERR_OK);
    pack_hello(b, r);
    for (unsigned arrow = first, i = 0; arrow <= last; arrow++, i++) {
        Hallmark__V1__ArrowReport *row = &r->rows[i];
        hallmark__v1__arrow_report__init(row);
        RAND_bytes(r->digests[i][0], 2 * SHA256_SIZE);
        if (arrow == 5)
            sha256_of(buf_span(&r->load), r->digests[i][0]);
        if (arrow == 7) {
            sha256_of(buf_span(&r->hello), r->digests[i][0]);
            row->request = lend(buf_span(&r->hello));
        }
        row->arrow = arrow;
        row->request_sha256 = lend(SPAN(r->digests[i][0]));
        row->response_sha256 = lend(SPAN(r->digests[i][1]));
        if ((arrow >= 7 && arrow <= 12) || arrow == 16 || arrow >= 20)
            extend(b, (uint8_t)arrow, SPAN(r->digests[i][0]), SPAN(r->digests[i][1]));
        r->list[i] = row;
        r->reports.n_reports++;
    }
    r->reports.reports = r->list;
}

static struct buf make_device_csr(struct board *b)
{
    char challenge[2 * NONCE_SIZE + 1];
    const uint8_t *at = b->subject.ptr;
    X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)b->subject.len);
    X509_REQ *csr = X509_REQ_new();
    X509_REQ_set_subject_name(csr, name);
    X509_REQ_set_pubkey(csr, b->auth);
    hex_of(SPAN(b->server_nonce), challenge);
    X509_REQ_add1_attr_by_NID(csr, NID_pkcs9_challengePassword, V_ASN1_UTF8STRING,
                              (const uint8_t *)challenge, (int)strlen(challenge));
    assert_true(X509_REQ_sign(csr, b->auth, EVP_sha256()) > 0);
    uint8_t *der = NULL;
    struct buf out = { 0 };
    int len = i2d_X509_REQ(csr, &der);
    assert_int_equal(buf_copy(&out, span_of(der, (size_t)len)), ERR_OK);
    OPENSSL_free(der);
    X509_REQ_free(csr);
    X509_NAME_free(name);
    return out;
}

enum err board_certificate(struct board *b)
{
    AUTO(reporting_drop) struct reporting r;
    Hallmark__V1__RequestCertificateRequest in =
        HALLMARK__V1__REQUEST_CERTIFICATE_REQUEST__INIT;
    AUTO(buf_free) struct buf csr = make_device_csr(b);
    report(b, &r, 4, 13);
    in.csr = lend(buf_span(&csr));
    TRY(call(b, "Ca/RequestCertificate", &in.base, &r.reports, NULL, NULL));
    b->auth_used = true;
    return ERR_OK;
}

static enum err ask_boot_key(struct board *b)
{
    AUTO(reporting_drop) struct reporting r;
    Hallmark__V1__RequestKeyRequest in = HALLMARK__V1__REQUEST_KEY_REQUEST__INIT;
    report(b, &r, 16, 16);
    return call(b, "SecureBoot/RequestKey", &in.base, &r.reports, NULL, NULL);
}

static enum err put_firmware(struct board *b)
{
    AUTO(reporting_drop) struct reporting r;
    Hallmark__V1__PutFirmwareRequest in = HALLMARK__V1__PUT_FIRMWARE_REQUEST__INIT;
    report(b, &r, 20, 20);
    in.sha256 = lend(SPAN(bench.firmware));
    in.have_image = true;
    return call(b, "SecureBoot/PutFirmware", &in.base, &r.reports, NULL, NULL);
}

static enum err report_alone(struct board *b, unsigned first, unsigned last)
{
    AUTO(reporting_drop) struct reporting r;
    Hallmark__V1__ReportRequest in = HALLMARK__V1__REPORT_REQUEST__INIT;
    report(b, &r, first, last);
    in.n_reports = r.reports.n_reports;
    in.reports = r.list;
    return call(b, "Runs/Report", &in.base, NULL, NULL, NULL);
}

static enum err put_target_key(struct board *b)
{
    uint8_t bytes[SIGN_STATEMENT_MAX], digests[2][SHA256_SIZE], signature[64];
    AUTO(buf_free) struct buf packed = { 0 };
    Hallmark__V1__PutTargetPublicKeyRequest in =
        HALLMARK__V1__PUT_TARGET_PUBLIC_KEY_REQUEST__INIT;
    struct wr w = wr_of(bytes, sizeof(bytes));
    sign_target_agreement(&w, SPAN(b->run_id), SPAN(b->uid), SPAN(b->server_point),
                          SPAN(b->agreement_point));
    board_sign(b, &w, digests[0], signature);
    in.public_key = lend(SPAN(b->agreement_point));
    in.signature = lend(SPAN(signature));
    assert_int_equal(rpc_pack(&in.base, &packed), ERR_OK);
    sha256_of(buf_span(&packed), digests[0]);
    sha256_of(span_of(NULL, 0), digests[1]);
    TRY(call(b, "KeyAgreement/PutTargetPublicKey", &in.base, NULL, NULL, NULL));
    extend(b, 31, SPAN(digests[0]), SPAN(digests[1]));
    return ERR_OK;
}

enum err board_arrows(struct board *b, unsigned last)
{
    TRY(board_open(b, false, NULL));
    return board_go_on(b, last);
}

enum err board_go_on(struct board *b, unsigned last)
{
    if (last >= 14)
        TRY(board_certificate(b));
    if (last >= 17)
        TRY(ask_boot_key(b));
    if (last >= 21)
        TRY(put_firmware(b));
    if (last >= 24)
        TRY(report_alone(b, 24, 27));
    if (last < 31)
        return ERR_OK;
    assert_int_equal(b->pushed, 30);
    TRY(put_target_key(b));
    derive(b);
    return last < 32 || b->reports_with_finish ? ERR_OK : report_alone(b, 32, 32);
}

const Hallmark__V1__ArrowReports *board_report_of_finish(struct board *b)
{
    static struct reporting late;
    if (!b->reports_with_finish)
        return NULL;
    report(b, &late, 32, 32);
    reporting_drop(&late);
    return &late.reports;
}

enum err board_report_again(struct board *b)
{
    AUTO(reporting_drop) struct reporting r;
    Hallmark__V1__ReportRequest in = HALLMARK__V1__REPORT_REQUEST__INIT;
    const struct asking asking = { SPAN(b->run_id), NULL, b->report_key };
    report(b, &r, 32, 32);
    memset(r.digests, 0, sizeof(r.digests)); /* the same bytes each time */
    in.n_reports = r.reports.n_reports;
    in.reports = r.list;
    return party_call(b->station, "hallmark.v1.Runs/Report", &in.base, &asking, NULL, NULL);
}
