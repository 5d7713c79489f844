/* SPDX-License-Identifier: MIT */
/*
 * Registration of principals. Called by the commands "... add" and by init. It must not write a
 * certificate that is not for the key of the request.
 */
#include "oem-server/ctl/principal.h"

#include <string.h>

#include "common/host/p256.h"

static const struct option_choice roles[] = {
    { "station", HALLMARK__V1__ROLE__ROLE_STATION },
    { "operator", HALLMARK__V1__ROLE__ROLE_OPERATOR },
    { "auditor", HALLMARK__V1__ROLE__ROLE_AUDITOR },
    { "service", HALLMARK__V1__ROLE__ROLE_SERVICE },
    { NULL, 0 },
};

const char *principal_word(uint32_t role)
{
    return option_word(roles, role);
}

enum err principal_add(rpc_transport *transport, void *context, uint32_t role, const char *name,
                       const char *reason, struct span csr,
                       Hallmark__V1__AddPrincipalResponse **out)
{
    Hallmark__V1__AddPrincipalRequest in = HALLMARK__V1__ADD_PRINCIPAL_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__AddPrincipalResponse *answer = NULL;
    in.role = (Hallmark__V1__Role)role;
    in.name = (char *)(uintptr_t)name;
    if (reason != NULL)
        in.reason = (char *)(uintptr_t)reason;
    in.csr.data = (uint8_t *)(uintptr_t)csr.ptr;
    in.csr.len = csr.len;
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__registry__descriptor, transport, context);
    TRY(RPC_CALL(&stub, hallmark__v1__registry__add, &in, &answer));
    TRY(credential_check(span_of(answer->certificate.data, answer->certificate.len),
                         span_of(answer->issuer.data, answer->issuer.len), csr));
    *out = TAKE(answer);
    return ERR_OK;
}

enum err principal_write(const Hallmark__V1__AddPrincipalResponse *answer, struct stage *stage)
{
    const struct span chain[] = {
        span_of(answer->certificate.data, answer->certificate.len),
        span_of(answer->issuer.data, answer->issuer.len),
    };
    AUTO(buf_free) struct buf pem = { 0 };
    TRY(credential_chain_pem(chain, COUNT(chain), &pem));
    fwrite(pem.ptr, 1, pem.len, stage->file); /* the next line reports a failure */
    return stage_commit(stage);
}

void principal_report(struct report *report, uint32_t role, const char *name,
                      const Hallmark__V1__AddPrincipalResponse *answer)
{
    uint8_t digest[32];
    sha256_of(span_of(answer->certificate.data, answer->certificate.len), digest);
    report_text(report, "role", principal_word(role));
    report_text(report, "name", name);
    report_hex(report, "certificate_sha256", SPAN(digest));
}
