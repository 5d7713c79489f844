/* SPDX-License-Identifier: MIT */
/*
 * The arrows that the agent calls itself, a function each, in a table by arrow. Called by
 * common/flow's walk. A step must be safe to repeat, since a run may be interrupted after it.
 */
#include <openssl/sha.h>
#include <string.h>

#include "common/host/log.h"
#include "station-agent/site/engine.h"

typedef enum err step_run(struct site *site);

enum { ROTPK_SLOTS_BOTH = 3 };

static enum err to_board(struct site *site, const char *method, struct span payload,
                         struct buf *response_out)
{
    uint8_t arrow = site->trace.row->arrow;
    const struct mail_call call = {
        .method = method,
        .payload = payload,
        .timeout_ms = arrow == 24 ? MAIL_SLOW_CALL_MS : MAIL_CALL_MS,
        .bulk = arrow == 24 ? &site->unit.firmware->bytes : NULL,
    };
    return mail_call(&site->mail, &call, response_out);
}

static enum err to_server(struct site *site, const char *method, struct span payload,
                          struct buf *response_out)
{
    site->trace.server_told = true;
    return site_to_server(site, method, payload, response_out);
}

/* rpc_transport: to the party that serves the arrow under way. */
static enum err route(void *context, const char *method, struct span payload,
                      struct buf *response_out)
{
    struct site *site = context;
    const struct flow_row *row = site->trace.row;
    trace_request(site, payload);
    enum err e;
    if (row->head == FLOW_O)
        e = to_server(site, method, payload, response_out);
    else if (row->head == FLOW_P && strcmp(row->service, "Target") == 0)
        e = to_board(site, method, payload, response_out);
    else
        e = serve_self(site, method, payload, response_out);
    if (e == ERR_OK)
        trace_response(site, buf_span(response_out));
    return e;
}

static struct rpc_stub stub_of(struct site *site, const ProtobufCServiceDescriptor *service)
{
    return rpc_stub_of(service, route, site);
}

static ProtobufCBinaryData field(uint8_t *ptr, size_t len)
{
    return (ProtobufCBinaryData){ len, ptr };
}

static ProtobufCBinaryData field_of(const struct buf *buf)
{
    return (ProtobufCBinaryData){ buf->len, buf->ptr };
}

/* What the board read back must be what was sent. */
static enum err same_digest(ProtobufCBinaryData reply, const uint8_t *sha256, const char *what)
{
    if (!span_eq(span_of(reply.data, reply.len), span_of(sha256, SHA256_SIZE)))
        return fail_quiet(ERR_VERIFY, "%s: the board reads back another digest", what);
    return ERR_OK;
}

static enum err program_web_server(struct site *site)
{
    struct unit *unit = &site->unit;
    Hallmark__V1__ProgramWebServerCertificateRequest in =
        HALLMARK__V1__PROGRAM_WEB_SERVER_CERTIFICATE_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__ProgramWebServerCertificateResponse *out = NULL;
    struct rpc_stub board = stub_of(site, &hallmark__v1__board__descriptor);
    devauth_ahead(site);
    in.certificate = field_of(&unit->web_server.certificate);
    in.issuer = field_of(&unit->web_server.issuer);
    return RPC_CALL(&board, hallmark__v1__board__program_web_server_certificate, &in, &out);
}

static enum err load_devauth(struct site *site)
{
    TRY(devauth_load(site, route));
    site_firmware_ahead(site);
    return ERR_OK;
}

static enum err run_devauth(struct site *site)
{
    return devauth_run(site, route);
}

static enum err generate_auth_key(struct site *site)
{
    Hallmark__V1__GenerateAuthKeyRequest in = HALLMARK__V1__GENERATE_AUTH_KEY_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__GenerateAuthKeyResponse *out = NULL;
    struct rpc_stub target = stub_of(site, &hallmark__v1__target__descriptor);
    TRY(RPC_CALL(&target, hallmark__v1__target__generate_auth_key, &in, &out));
    unit_say(&site->unit, out->created ? "created" : "it was on the board already");
    return ERR_OK;
}

static enum err derive_auth_public_key(struct site *site)
{
    Hallmark__V1__DeriveAuthPublicKeyRequest in =
        HALLMARK__V1__DERIVE_AUTH_PUBLIC_KEY_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__DeriveAuthPublicKeyResponse *out = NULL;
    struct rpc_stub target = stub_of(site, &hallmark__v1__target__descriptor);
    uint8_t digest[SHA256_SIZE];
    TRY(RPC_CALL(&target, hallmark__v1__target__derive_auth_public_key, &in, &out));
    TRY(unit_field(out->public_key, "public_key", site->unit.auth_public_key, P256_POINT_SIZE));
    SHA256(site->unit.auth_public_key, P256_POINT_SIZE, digest);
    unit_say_digest(&site->unit, "sha256", digest);
    return ERR_OK;
}

static enum err put_cri(struct site *site)
{
    Hallmark__V1__PutCertificationRequestInfoRequest in =
        HALLMARK__V1__PUT_CERTIFICATION_REQUEST_INFO_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__PutCertificationRequestInfoResponse *out = NULL;
    struct rpc_stub target = stub_of(site, &hallmark__v1__target__descriptor);
    TRY(csr_info(&site->unit));
    in.certification_request_info = field_of(&site->unit.cri);
    unit_say(&site->unit, "%zu bytes", site->unit.cri.len);
    return RPC_CALL(&target, hallmark__v1__target__put_certification_request_info, &in, &out);
}

static enum err sign_cri(struct site *site)
{
    Hallmark__V1__SignCertificationRequestInfoRequest in =
        HALLMARK__V1__SIGN_CERTIFICATION_REQUEST_INFO_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__SignCertificationRequestInfoResponse *out = NULL;
    struct rpc_stub target = stub_of(site, &hallmark__v1__target__descriptor);
    return RPC_CALL(&target, hallmark__v1__target__sign_certification_request_info, &in, &out);
}

static enum err generate_csr(struct site *site)
{
    struct unit *unit = &site->unit;
    Hallmark__V1__GenerateCsrRequest in = HALLMARK__V1__GENERATE_CSR_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__GenerateCsrResponse *out = NULL;
    struct rpc_stub station = stub_of(site, &hallmark__v1__station__descriptor);
    in.certification_request_info = field_of(&unit->cri);
    in.signature = field(unit->signature, P256_SIGNATURE_SIZE);
    TRY(RPC_CALL(&station, hallmark__v1__station__generate_csr, &in, &out));
    return buf_copy(&unit->csr, span_of(out->csr.data, out->csr.len));
}

static enum err request_certificate(struct site *site)
{
    Hallmark__V1__RequestCertificateRequest in =
        HALLMARK__V1__REQUEST_CERTIFICATE_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__RequestCertificateResponse *out = NULL;
    struct rpc_stub ca = stub_of(site, &hallmark__v1__ca__descriptor);
    uint8_t digest[SHA256_SIZE];
    in.csr = field_of(&site->unit.csr);
    TRY(RPC_CALL(&ca, hallmark__v1__ca__request_certificate, &in, &out));
    TRY(unit_field(out->certificate_sha256, "certificate_sha256", digest, sizeof(digest)));
    unit_say_digest(&site->unit, "sha256", digest);
    return ERR_OK;
}

static enum err program_device_certificate(struct site *site)
{
    const struct certificate_pair *pair = &site->unit.device;
    Hallmark__V1__ProgramDeviceCertificateRequest in =
        HALLMARK__V1__PROGRAM_DEVICE_CERTIFICATE_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__ProgramDeviceCertificateResponse *out = NULL;
    struct rpc_stub target = stub_of(site, &hallmark__v1__target__descriptor);
    uint8_t digest[SHA256_SIZE];
    in.certificate = field_of(&pair->certificate);
    in.issuer = field_of(&pair->issuer);
    TRY(RPC_CALL(&target, hallmark__v1__target__program_device_certificate, &in, &out));
    SHA256(pair->certificate.ptr, pair->certificate.len, digest);
    return same_digest(out->sha256, digest, "device certificate");
}

static enum err request_key(struct site *site)
{
    Hallmark__V1__RequestKeyRequest in = HALLMARK__V1__REQUEST_KEY_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__RequestKeyResponse *out = NULL;
    struct rpc_stub secure_boot = stub_of(site, &hallmark__v1__secure_boot__descriptor);
    TRY(RPC_CALL(&secure_boot, hallmark__v1__secure_boot__request_key, &in, &out));
    unit_say(&site->unit, out->created ? "created" : "it was at the server already");
    return ERR_OK;
}

static enum err burn_rotpk(struct site *site)
{
    struct unit *unit = &site->unit;
    Hallmark__V1__BurnRotpkRequest in = HALLMARK__V1__BURN_ROTPK_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__BurnRotpkResponse *out = NULL;
    struct rpc_stub target = stub_of(site, &hallmark__v1__target__descriptor);
    in.rotpk = field(unit->rotpk, ROTPK_SIZE);
    in.server_signature = field(unit->rotpk_server_signature, P256_SIGNATURE_SIZE);
    in.boot_key_signature = field(unit->rotpk_boot_key_signature, P256_SIGNATURE_SIZE);
    in.recreate = unit->rotpk_recreate;
    TRY(RPC_CALL(&target, hallmark__v1__target__burn_rotpk, &in, &out));
    if (out->rotpk_slots != ROTPK_SLOTS_BOTH)
        return fail_quiet(ERR_VERIFY,
                          "rotpk: the board says that OTP slots %x are burnt, not "
                          "both",
                          out->rotpk_slots);
    return ERR_OK;
}

/* Arrow 23 need not bring an image that this station has, and the station need not have it. */
static enum err find_firmware(struct site *site)
{
    struct unit *unit = &site->unit;
    enum err e = site_image(site, "firmware", unit->firmware_sha256, &unit->firmware);
    if (e == ERR_NOT_FOUND)
        unit->firmware = NULL;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err put_firmware(struct site *site)
{
    Hallmark__V1__PutFirmwareRequest in = HALLMARK__V1__PUT_FIRMWARE_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__PutFirmwareResponse *out = NULL;
    struct rpc_stub secure_boot = stub_of(site, &hallmark__v1__secure_boot__descriptor);
    TRY(find_firmware(site));
    in.sha256 = field(site->unit.firmware_sha256, SHA256_SIZE);
    in.have_image = site->unit.firmware != NULL;
    unit_say_digest(&site->unit, "sha256", site->unit.firmware_sha256);
    return RPC_CALL(&secure_boot, hallmark__v1__secure_boot__put_firmware, &in, &out);
}

static enum err keep_firmware(struct site *site)
{
    struct unit *unit = &site->unit;
    if (unit->firmware != NULL)
        return ERR_OK;
    return images_put(site->images, "firmware", unit->firmware_sha256, &unit->firmware_brought,
                      &unit->firmware);
}

static enum err burn_firmware(struct site *site)
{
    struct unit *unit = &site->unit;
    Hallmark__V1__BurnFirmwareRequest in = HALLMARK__V1__BURN_FIRMWARE_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__BurnFirmwareResponse *out = NULL;
    struct rpc_stub target = stub_of(site, &hallmark__v1__target__descriptor);
    TRY(keep_firmware(site));
    in.sha256 = field(unit->firmware_sha256, SHA256_SIZE);
    in.size = (uint32_t)unit->firmware->bytes.len;
    in.firmware_information = field(unit->fwinfo, FWINFO_SIZE);
    in.firmware_information_address = unit->fwinfo_address;
    TRY(RPC_CALL(&target, hallmark__v1__target__burn_firmware, &in, &out));
    TRY(same_digest(out->sha256, unit->firmware_sha256, "firmware"));
    unit_say(unit, "%u bytes, %u pages burnt", in.size, out->pages_burnt);
    return ERR_OK;
}

static const char *level_name(Hallmark__V1__LockLevel level)
{
    static const char *const names[] = { "unspecified", "dev", "level 2", "production" };
    return (size_t)level < COUNT(names) ? names[level] : "unknown level";
}

static enum err enable_secure_lock(struct site *site)
{
    Hallmark__V1__EnableSecureLockRequest in = HALLMARK__V1__ENABLE_SECURE_LOCK_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__EnableSecureLockResponse *out = NULL;
    struct rpc_stub target = stub_of(site, &hallmark__v1__target__descriptor);
    in.level = site->unit.lock_level;
    unit_say(&site->unit, "%s", level_name(in.level));
    return RPC_CALL(&target, hallmark__v1__target__enable_secure_lock, &in, &out);
}

static enum err generate_agreement_key(struct site *site)
{
    Hallmark__V1__GenerateAgreementKeyRequest in =
        HALLMARK__V1__GENERATE_AGREEMENT_KEY_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__GenerateAgreementKeyResponse *out = NULL;
    struct rpc_stub target = stub_of(site, &hallmark__v1__target__descriptor);
    return RPC_CALL(&target, hallmark__v1__target__generate_agreement_key, &in, &out);
}

static enum err derive_agreement_public_key(struct site *site)
{
    Hallmark__V1__DeriveAgreementPublicKeyRequest in =
        HALLMARK__V1__DERIVE_AGREEMENT_PUBLIC_KEY_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__DeriveAgreementPublicKeyResponse *out = NULL;
    struct rpc_stub target = stub_of(site, &hallmark__v1__target__descriptor);
    uint8_t point[P256_POINT_SIZE], digest[SHA256_SIZE];
    TRY(RPC_CALL(&target, hallmark__v1__target__derive_agreement_public_key, &in, &out));
    TRY(unit_field(out->public_key, "public_key", point, sizeof(point)));
    SHA256(point, sizeof(point), digest);
    unit_say_digest(&site->unit, "sha256", digest);
    return ERR_OK;
}

static enum err derive_shared_key(struct site *site)
{
    Hallmark__V1__DeriveSharedKeyRequest in = HALLMARK__V1__DERIVE_SHARED_KEY_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__DeriveSharedKeyResponse *out = NULL;
    struct rpc_stub target = stub_of(site, &hallmark__v1__target__descriptor);
    TRY(RPC_CALL(&target, hallmark__v1__target__derive_shared_key, &in, &out));
    return unit_field(out->confirmation_tag, "confirmation_tag", site->unit.confirmation_tag,
                      CONFIRMATION_TAG_SIZE);
}

static const struct {
    uint8_t arrow;
    step_run *run;
} steps[] = {
    { 4, program_web_server },
    { 5, load_devauth },
    { 6, run_devauth },
    { 8, generate_auth_key },
    { 9, derive_auth_public_key },
    { 10, put_cri },
    { 11, sign_cri },
    { 13, generate_csr },
    { 14, request_certificate },
    { 16, program_device_certificate },
    { 17, request_key },
    { 20, burn_rotpk },
    { 21, put_firmware },
    { 24, burn_firmware },
    { 25, enable_secure_lock },
    { 26, generate_agreement_key },
    { 27, derive_agreement_public_key },
    { 32, derive_shared_key },
};

static enum err run_step(struct site *site, const struct flow_row *row)
{
    for (size_t i = 0; i < COUNT(steps); i++)
        if (steps[i].arrow == row->arrow)
            return steps[i].run(site);
    return fail(ERR_INTERNAL, "site: arrow %u has no step", row->arrow);
}

/* The server's own arrow that it was not asked for is not one to be reported: it hears of the
 * failure as of one outside a run. */
static enum err end(struct site *site, enum err e)
{
    bool unasked = !site->trace.server_told && flow_sees(FLOW_SERVER, site->trace.row);
    e = trace_end(site, e);
    return e != ERR_OK && unasked && !site->interrupted && !channel_lost(site->channel)
               ? site_turn_away(site, e)
               : e;
}

/* Of what the server serves, "inside" is the server's to announce. */
enum err step_call(void *context, const struct flow_row *row, enum flow_progress *progress)
{
    struct site *site = context;
    *progress = FLOW_DONE_NOW;
    trace_begin(site, row);
    site_point_arrow(site, "before");
    enum err e = run_step(site, row);
    if (e == ERR_OK && row->head != FLOW_O)
        site_point_arrow(site, "inside");
    TRY(end(site, e));
    site_point_arrow(site, "after");
    return ERR_OK;
}
