/* SPDX-License-Identifier: MIT */
/*
 * The CertificationRequestInfo, and the CertificationRequest from it and the board's signature.
 * Called by station.c and by site/steps.c. A request must not leave before its signature was
 * verified.
 */

#include "station-agent/api/api.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>

#include "common/core/der.h"
#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/p256.h"

enum { CSR_MAX = CRI_MAX + 128, NONCE_HEX_SIZE = 2 * NONCE_SIZE + 1 };

static void req_drop(X509_REQ **req)
{
    X509_REQ_free(*req);
}

static void name_drop(X509_NAME **name)
{
    X509_NAME_free(*name);
}

static void key_drop(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void openssl_drop(uint8_t **bytes)
{
    OPENSSL_free(*bytes);
}

static enum err set_subject(X509_REQ *req, struct span der)
{
    const uint8_t *p = der.ptr;
    AUTO(name_drop) X509_NAME *name = d2i_X509_NAME(NULL, &p, (long)der.len);
    if (name == NULL || p != der.ptr + der.len)
        return fail_quiet(ERR_PROTO, "csr: the server's subject is not one DER Name");
    return X509_REQ_set_subject_name(req, name) == 1 ? ERR_OK : ERR_MEMORY;
}

/* RFC 2985, 5.4.1: the run's nonce, which binds the request to the board's run. */
static enum err set_nonce(X509_REQ *req, const uint8_t nonce[static NONCE_SIZE])
{
    uint8_t hex[NONCE_HEX_SIZE];
    for (size_t i = 0; i < NONCE_SIZE; i++)
        snprintf((char *)hex + 2 * i, 3, "%02x", nonce[i]);
    return X509_REQ_add1_attr_by_NID(req, NID_pkcs9_challengePassword, V_ASN1_PRINTABLESTRING,
                                     hex, 2 * NONCE_SIZE) == 1
               ? ERR_OK
               : ERR_MEMORY;
}

enum err csr_info(struct unit *unit)
{
    AUTO(req_drop) X509_REQ *req = X509_REQ_new();
    AUTO(key_drop) EVP_PKEY *key = NULL;
    AUTO(openssl_drop) uint8_t *der = NULL;
    if (p256_key_of(SPAN(unit->auth_public_key), &key) != ERR_OK)
        return fail_quiet(ERR_POINT, "csr: AUTHKEY_PUB is not a point of P-256");
    if (req == NULL || X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
        X509_REQ_set_pubkey(req, key) != 1)
        return fail_quiet(ERR_MEMORY, "csr: no memory");
    TRY(set_subject(req, buf_span(&unit->subject)));
    TRY(set_nonce(req, unit->server_nonce));
    int len = i2d_re_X509_REQ_tbs(req, &der);
    if (len <= 0 || len > CRI_MAX)
        return fail_quiet(ERR_LIMIT,
                          "csr: CertificationRequestInfo of %d bytes; the board takes %d", len,
                          CRI_MAX);
    return buf_copy(&unit->cri, span_of(der, (size_t)len));
}

/* X.690, 8.1.3: the shortest form; all lengths here fit into two bytes. */
static void head(struct wr *w, uint8_t tag, size_t len)
{
    wr_u8(w, tag);
    if (len >= 0x100) {
        wr_u8(w, 0x82);
        wr_u16be(w, (uint16_t)len);
    } else {
        if (len >= 0x80)
            wr_u8(w, 0x81);
        wr_u8(w, (uint8_t)len);
    }
}

/* RFC 2986, 4.2; ecdsa-with-SHA256 has no parameters (RFC 5758, 3.2). */
static enum err assemble(struct span cri, struct span signature, struct wr *w)
{
    static const uint8_t algorithm[] = { 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                         0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
    enum { BITS_HEAD = 3 }; /* tag, length, unused bits: a P-256 signature is short */
    head(w, DER_SEQUENCE, cri.len + sizeof(algorithm) + BITS_HEAD + signature.len);
    wr_span(w, cri);
    wr_span(w, SPAN(algorithm));
    head(w, DER_BIT_STRING, signature.len + 1);
    wr_u8(w, 0);
    wr_span(w, signature);
    return wr_end(w);
}

/* RFC 2986, 4.2: verified here as well, since the server's answer would not name the cause. */
static enum err verify(struct span der)
{
    const uint8_t *p = der.ptr;
    AUTO(req_drop) X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)der.len);
    if (req == NULL || p != der.ptr + der.len)
        return fail_quiet(ERR_PROTO, "csr: CertificationRequestInfo is not DER");
    if (X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) != 1)
        return fail_quiet(ERR_SIG, "csr: the board's signature does not verify");
    return ERR_OK;
}

enum err csr_make(struct span cri, const uint8_t signature[static P256_SIGNATURE_SIZE],
                  struct buf *csr_out)
{
    uint8_t der[CSR_MAX];
    struct wr w = wr_of(der, sizeof(der));
    AUTO(buf_free) struct buf signed_by = { 0 };
    TRY(p256_signature_der(span_of(signature, P256_SIGNATURE_SIZE), &signed_by));
    TRY(assemble(cri, buf_span(&signed_by), &w));
    TRY(verify(wr_done(&w)));
    return buf_copy(csr_out, wr_done(&w));
}
