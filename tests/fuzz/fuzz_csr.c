/* SPDX-License-Identifier: MIT */
/* ca_csr_open: what a station or an operator's desk sends to be certified. */
#include "oem-server/ca/ca.h"
#include "tests/fuzz/fuzz.h"

void fuzz_one(struct span input)
{
    X509_REQ *csr = NULL;
    if (ca_csr_open(input, &csr) != ERR_OK) {
        FUZZ_CHECK(csr == NULL);
        return;
    }
    FUZZ_CHECK(csr != NULL && input.len <= CA_CSR_MAX);
    FUZZ_CHECK(X509_REQ_verify(csr, X509_REQ_get0_pubkey(csr)) == 1);
    X509_REQ_free(csr);
}

/* The rest of the corpus are requests made with openssl. */
void fuzz_seeds(fuzz_put *put, void *context)
{
    put(context, "empty", span_of("", 0));
    put(context, "not-der", span_of("-----BEGIN", 10));
}
