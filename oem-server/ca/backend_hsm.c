/* SPDX-License-Identifier: MIT */
/*
 * backend_hsm: the CA's backend that signs with the issuing key in the HSM. Called by ca.c on
 * several threads in parallel; ca.c checks what it makes. It must choose nothing that is not in
 * the request's terms.
 */
#include <stdlib.h>

#include "common/host/log.h"
#include "oem-server/ca/backend.h"
#include "oem-server/ca/cert.h"
#include "oem-server/ca/names.h"
#include "oem-server/ca/ssl.h"

struct state {
    EVP_PKEY *key;
    X509 *issuing;
};

static enum err issue(void *context, const struct backend_request *request,
                      X509 **certificate_out)
{
    struct state *state = context;
    AUTO(ssl_general_names_drop) GENERAL_NAMES *names = NULL;
    if (request->uri != NULL)
        TRY(names_uri(request->uri, &names));
    const struct cert_request r = {
        .profile = request->profile,
        .subject = request->subject,
        .subject_key = X509_REQ_get0_pubkey(request->csr),
        .alternative_names = names,
        .issuer = state->issuing,
        .signer = state->key,
        .terms = request->terms,
    };
    return cert_make(&r, certificate_out);
}

static void state_free(void *context)
{
    struct state *state = context;
    if (state == NULL)
        return;
    EVP_PKEY_free(state->key);
    X509_free(state->issuing);
    free(state);
}

static void state_drop(struct state **state)
{
    state_free(*state);
}

enum err backend_hsm(struct hsm *hsm, X509 *issuing, struct ca_backend *backend_out)
{
    AUTO(state_drop) struct state *state = calloc(1, sizeof(*state));
    if (state == NULL)
        return fail(ERR_MEMORY, "ca: backend");
    TRY(hsm_key_evp(hsm, HSM_ISSUING, CA_KEY_ISSUING, &state->key));
    if (EVP_PKEY_eq(X509_get0_pubkey(issuing), state->key) != 1)
        return ssl_fail(ERR_MISMATCH, "issuing certificate: its key is not the HSM's "
                                      "\"" CA_KEY_ISSUING "\"");
    X509_up_ref(issuing);
    state->issuing = issuing;
    *backend_out =
        (struct ca_backend){ .state = TAKE(state), .issue = issue, .free = state_free };
    return ERR_OK;
}
