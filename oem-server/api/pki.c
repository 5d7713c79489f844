/* SPDX-License-Identifier: MIT */
/*
 * Pki: arrows 1 and 2. Called by oemctl init in memory. Certificates that exist must never be
 * replaced, because boards have them (test_ca_setup).
 */
#include <string.h>

#include "common/host/log.h"
#include "oem-server/api/services.h"

static const struct {
    enum hsm_token token;
    const char *name;
    const char *entry; /* what the digest in the entry is of */
} keys[] = {
    { HSM_ROOT, CA_KEY_ROOT, "root-public-key" },
    { HSM_ISSUING, CA_KEY_ISSUING, "issuing-public-key" },
    { HSM_TLS, CA_KEY_WEB_SERVER, "web-server-public-key" },
};

static enum err add_key(struct rpc_call *rpc, Hallmark__V1__GenerateCaKeysResponse *out,
                        size_t i)
{
    EVP_PKEY *key = NULL;
    uint8_t *der = NULL;
    TRY(hsm_key_evp(call_of(rpc)->server->hsm, keys[i].token, keys[i].name, &key));
    int len = i2d_PUBKEY(key, &der);
    EVP_PKEY_free(key);
    Hallmark__V1__CaKey *row = rpc_alloc(rpc, sizeof(*row));
    enum err e =
        len <= 0 || row == NULL ? fail(ERR_MEMORY, "pki: no memory for a key") : ERR_OK;
    if (e == ERR_OK) {
        hallmark__v1__ca_key__init(row);
        row->name = (char *)(uintptr_t)keys[i].name;
        e = rpc_bytes(rpc, &row->public_key, span_of(der, (size_t)len));
    }
    if (e == ERR_OK)
        event_digest(&call_of(rpc)->event, keys[i].entry, span_of(der, (size_t)len));
    OPENSSL_free(der);
    if (e == ERR_OK)
        out->keys[out->n_keys++] = row;
    return e;
}

static enum err pki_generate_ca_keys(struct rpc_call *rpc,
                                     const Hallmark__V1__GenerateCaKeysRequest *in,
                                     Hallmark__V1__GenerateCaKeysResponse *out)
{
    (void)in;
    struct server *server = call_of(rpc)->server;
    TRY(ca_keys_make(server->hsm));
    TRY(server_log_open(server));
    out->keys = rpc_alloc(rpc, COUNT(keys) * sizeof(*out->keys));
    if (out->keys == NULL)
        return fail(ERR_MEMORY, "pki: no memory for the answer");
    for (size_t i = 0; i < COUNT(keys); i++)
        TRY(add_key(rpc, out, i));
    return ERR_OK;
}

/* What arrow 2 stores, all of it in one change. */
struct issuing {
    const Hallmark__V1__IssueCaCertificatesRequest *in;
    struct ca_certificates made;
};

static enum err keep(struct store_tx *tx, void *context)
{
    const struct issuing *issuing = context;
    const struct {
        const char *name;
        struct span value;
    } settings[] = {
        { "root", buf_span(&issuing->made.root) },
        { "issuing", buf_span(&issuing->made.issuing) },
        { "web-server", buf_span(&issuing->made.web_server) },
        { "organization",
          span_of(issuing->in->organization, strlen(issuing->in->organization)) },
        { "trust-domain",
          span_of(issuing->in->trust_domain, strlen(issuing->in->trust_domain)) },
    };
    for (size_t i = 0; i < COUNT(settings); i++)
        TRY(store_setting_put(tx, settings[i].name, settings[i].value));
    return ERR_OK;
}

static enum err make(struct call *call, struct issuing *issuing)
{
    const Hallmark__V1__IssueCaCertificatesRequest *in = issuing->in;
    const char *names[CONFIG_SERVER_NAMES_MAX + 1] = { NULL };
    if (in->n_server_names == 0 || in->n_server_names > CONFIG_SERVER_NAMES_MAX)
        return fail_quiet(ERR_INVALID, "pki: 1 to %d server names, not %zu",
                          CONFIG_SERVER_NAMES_MAX, in->n_server_names);
    for (size_t i = 0; i < in->n_server_names; i++)
        names[i] = in->server_names[i];
    return ca_certificates_issue(call->server->hsm, in->organization, names, &issuing->made);
}

static enum err fill(struct call *call, Hallmark__V1__IssueCaCertificatesResponse *out,
                     struct span root, struct span issuing, struct span web_server)
{
    TRY(rpc_bytes(&call->rpc, &out->root, root));
    TRY(rpc_bytes(&call->rpc, &out->issuing, issuing));
    TRY(rpc_bytes(&call->rpc, &out->web_server, web_server));
    event_digest(&call->event, "root-certificate", root);
    event_digest(&call->event, "issuing-certificate", issuing);
    event_digest(&call->event, "web-server-certificate", web_server);
    return ERR_OK;
}

static enum err issue(struct call *call, const Hallmark__V1__IssueCaCertificatesRequest *in,
                      Hallmark__V1__IssueCaCertificatesResponse *out)
{
    struct issuing issuing = { .in = in };
    enum err e = make(call, &issuing);
    if (e == ERR_OK)
        e = fill(call, out, buf_span(&issuing.made.root), buf_span(&issuing.made.issuing),
                 buf_span(&issuing.made.web_server));
    if (e == ERR_OK)
        e = call_change(call, keep, &issuing, &out->base);
    ca_certificates_free(&issuing.made);
    return e == ERR_OK ? server_ca_open(call->server) : e;
}

/* Finds the certificates or issues them; existing ones are not replaced, because boards have
 * them. */
static enum err pki_issue_ca_certificates(struct rpc_call *rpc,
                                          const Hallmark__V1__IssueCaCertificatesRequest *in,
                                          Hallmark__V1__IssueCaCertificatesResponse *out)
{
    struct call *call = call_of(rpc);
    enum err e = server_ca_open(call->server);
    if (e == ERR_NOT_FOUND)
        return issue(call, in, out);
    TRY(e);
    return fill(call, out, ca_root(call->server->ca), ca_issuing(call->server->ca),
                ca_web_server(call->server->ca));
}

RPC_HANDLER(pki, Pki, generate_ca_keys, GenerateCaKeys, GenerateCaKeys)
RPC_HANDLER(pki, Pki, issue_ca_certificates, IssueCaCertificates, IssueCaCertificates)

Hallmark__V1__Pki_Service pki_service = HALLMARK__V1__PKI__INIT(pki__);
