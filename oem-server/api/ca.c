/* SPDX-License-Identifier: MIT */
/*
 * Ca: arrow 14. Called by stations, on the run's strand. The claim (key, serial, validity) is
 * durable before the CA acts, so that a repetition makes the same certificate; a certificate
 * must never be issued for a key that is not claimed (test_call_race).
 */
#include <string.h>

#include "common/host/hex.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/api/services.h"
#include "oem-server/run/run.h"

static void csr_drop(X509_REQ **csr)
{
    X509_REQ_free(*csr);
}

struct request {
    struct call *call;
    struct span der;
    X509_REQ *csr;
    uint8_t point[P256_POINT_SIZE];
    struct unit_claim wanted, claim; /* requested; and stored */
    struct buf issued, certificate;  /* by the CA now; and stored */
    Hallmark__V1__RequestCertificateResponse *out;
};

static void request_drop(struct request *r)
{
    csr_drop(&r->csr);
    buf_free(&r->issued);
    buf_free(&r->certificate);
}

static enum err open_csr(struct request *r)
{
    const struct run *run = r->call->run;
    char challenge[2 * NONCE_SIZE + 1];
    TRY(ca_csr_open(r->der, &r->csr));
    hex_of(SPAN(run->server_nonce), challenge);
    TRY(ca_device_csr_check(r->call->server->ca, r->csr, run->order.name, run->uid, challenge));
    return p256_point_of(X509_REQ_get0_pubkey(r->csr), r->point);
}

static enum err make_claim(struct request *r)
{
    struct ca_terms terms;
    TRY(ca_terms_make(r->call->server->ca, CA_DEVICE, &terms));
    memcpy(r->wanted.auth_public_key, r->point, P256_POINT_SIZE);
    memcpy(r->wanted.serial, terms.serial, CA_SERIAL_SIZE);
    r->wanted.not_before = terms.not_before;
    r->wanted.not_after = terms.not_after;
    return ERR_OK;
}

static enum err claim(struct store_tx *tx, void *context)
{
    struct request *r = context;
    struct unit_run run = run_unit(r->call->run);
    return unit_claim(tx, &run, &r->wanted, !r->call->run->auth_unrecorded, &r->claim);
}

static enum err issue(struct request *r)
{
    struct ca_terms terms = { .not_before = r->claim.not_before,
                              .not_after = r->claim.not_after };
    _Static_assert(sizeof(terms.serial) == sizeof(r->claim.serial), "one serial for both");
    memcpy(terms.serial, r->claim.serial, sizeof(terms.serial));
    return ca_issue(r->call->server->ca, CA_DEVICE, NULL, r->csr, &terms, &r->issued);
}

static enum err certify(struct store_tx *tx, void *context)
{
    struct request *r = context;
    struct unit_run run = run_unit(r->call->run);
    uint8_t digest[SHA256_SIZE];
    buf_free(&r->certificate);
    TRY(unit_certify(tx, &run, r->der, buf_span(&r->issued), &r->certificate));
    event_digest(&r->call->event, "certificate", buf_span(&r->certificate));
    sha256_of(buf_span(&r->certificate), digest);
    return rpc_bytes(&r->call->rpc, &r->out->certificate_sha256, SPAN(digest));
}

static enum err ca_request_certificate(struct rpc_call *rpc,
                                       const Hallmark__V1__RequestCertificateRequest *in,
                                       Hallmark__V1__RequestCertificateResponse *out)
{
    struct call *call = call_of(rpc);
    struct run *run = call->run;
    run_own(run);
    AUTO(request_drop)
    struct request r = { .call = call, .der = span_of(in->csr.data, in->csr.len), .out = out };
    TRY(open_csr(&r));
    TRY(make_claim(&r));
    enum err claimed = call_claim(call, claim, &r);
    if (claimed == ERR_SPOILT) /* before any claim: the UID is free again */
        run_fail(run, claimed);
    TRY(claimed);
    if (call->replayed)
        return ERR_OK;
    TRY(issue(&r));
    TRY(call_change(call, certify, &r, &out->base));
    if (call->replayed)
        return ERR_OK;
    memcpy(run->auth_public, r.point, sizeof(run->auth_public));
    run->certificate = buf_take(&r.certificate);
    return ERR_OK;
}

RPC_HANDLER(ca, Ca, request_certificate, RequestCertificate, RequestCertificate)

Hallmark__V1__Ca_Service ca_service = HALLMARK__V1__CA__INIT(ca__);
