/* SPDX-License-Identifier: MIT */
/* Ca: arrow 14. */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/svc/run.h"
#include "oem-server/svc/services.h"

static void csr_drop(X509_REQ **csr)
{
    X509_REQ_free(*csr);
}

/* The unit's certificate for this key: the one it has, or a new one. Never a second key's. */
static enum err certificate_for(struct call *call, X509_REQ *csr, const struct store_unit *unit,
                                const uint8_t point[static P256_POINT_SIZE],
                                struct buf *certificate_out)
{
    if (unit->certificate.len == 0)
        return ca_issue(call->server->ca, CA_DEVICE, NULL, csr, certificate_out);
    if (!span_eq(buf_span(&unit->auth_public_key), span_of(point, P256_POINT_SIZE)))
        return fail_quiet(
            ERR_PRECONDITION,
            "this unit has a certificate for another AUTHKEY: a board has one for life");
    return buf_copy(certificate_out, buf_span(&unit->certificate));
}

static enum err read_unit(struct call *call, struct store_unit *unit)
{
    TRY(svc_tx(call));
    enum err e = store_unit_get(call->tx, call->run->uid, unit);
    store_rollback(&call->tx);
    return e;
}

static enum err accept_csr(struct call *call, struct span der, struct store_unit *unit,
                           struct buf *certificate_out)
{
    struct run *run = call->run;
    char challenge[2 * NONCE_SIZE + 1];
    AUTO(csr_drop) X509_REQ *csr = NULL;
    TRY(ca_csr_open(der, &csr));
    hex_of(SPAN(run->server_nonce), challenge);
    TRY(ca_device_csr_check(call->server->ca, csr, run->order.name, run->uid, challenge));
    TRY(p256_point_of(X509_REQ_get0_pubkey(csr), run->auth_public));
    TRY(read_unit(call, unit));
    TRY(certificate_for(call, csr, unit, run->auth_public, certificate_out));
    TRY(buf_copy(&unit->csr, der));
    TRY(buf_copy(&unit->auth_public_key, SPAN(run->auth_public)));
    return buf_copy(&unit->certificate, buf_span(certificate_out));
}

static enum err ca_request_certificate(struct rpc_call *rpc,
                                       const Hallmark__V1__RequestCertificateRequest *in,
                                       Hallmark__V1__RequestCertificateResponse *out)
{
    struct call *call = call_of(rpc);
    AUTO(store_unit_free) struct store_unit unit = { 0 };
    AUTO(buf_free) struct buf certificate = { 0 };
    uint8_t digest[SHA256_SIZE];
    TRY(accept_csr(call, span_of(in->csr.data, in->csr.len), &unit, &certificate));
    TRY(svc_tx(call));
    TRY(store_unit_put(call->tx, &unit));
    TRY(svc_digest(call, "certificate", buf_span(&certificate)));
    sha256_of(buf_span(&certificate), digest);
    TRY(buf_copy(&call->run->certificate, buf_span(&certificate)));
    return rpc_bytes(rpc, &out->certificate_sha256, SPAN(digest));
}

RPC_HANDLER(ca, Ca, request_certificate, RequestCertificate, RequestCertificate)

Hallmark__V1__Ca_Service ca_service = HALLMARK__V1__CA__INIT(ca__);
