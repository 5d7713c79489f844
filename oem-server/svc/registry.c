/* SPDX-License-Identifier: MIT */
/* Registry: stations, operators and auditors come and go. */
#include <string.h>

#include "common/host/log.h"
#include "common/host/p256.h"
#include "oem-server/svc/services.h"

static const struct {
    Hallmark__V1__Role role;
    enum ca_profile profile;
    const char *what;
} roles[] = {
    { HALLMARK__V1__ROLE__ROLE_STATION, CA_STATION, "station" },
    { HALLMARK__V1__ROLE__ROLE_OPERATOR, CA_OPERATOR, "operator" },
    { HALLMARK__V1__ROLE__ROLE_AUDITOR, CA_AUDITOR, "auditor" },
};

static enum err find_role(Hallmark__V1__Role role, size_t *row_out)
{
    for (size_t i = 0; i < COUNT(roles); i++) {
        if (roles[i].role == role) {
            *row_out = i;
            return ERR_OK;
        }
    }
    return fail_quiet(ERR_INVALID, "role must be station, operator or auditor");
}

/* An answer may have been lost after it was committed: whoever comes again with the very same
 * request gets the very same certificate. */
static enum err find_same(struct call *call, const struct store_principal *have,
                          const uint8_t csr_sha256[static SHA256_SIZE], struct buf *found)
{
    AUTO(store_registration_free) struct store_registration kept = { 0 };
    uint8_t digest[SHA256_SIZE];
    enum err e = store_registration_get(call->tx, have->role, have->name, &kept);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    sha256_of(buf_span(&kept.certificate), digest);
    if (!span_eq(SPAN(digest), SPAN(have->certificate_sha256)))
        return fail(ERR_DATA_LOSS, "registry: the kept certificate of %s is another",
                    have->name);
    if (span_eq(span_of(csr_sha256, SHA256_SIZE), SPAN(kept.csr_sha256)))
        *found = buf_take(&kept.certificate);
    return ERR_OK;
}

/* ERR_EXISTS before the CA works for nothing. found is not empty if this very request was
 * answered before. */
static enum err check_free(struct call *call, size_t row, const char *name,
                           const uint8_t csr_sha256[static SHA256_SIZE], struct buf *found)
{
    struct store_principal have;
    TRY(svc_tx(call));
    enum err e = store_principal_get(call->tx, (uint32_t)roles[row].role, name, &have);
    if (e == ERR_OK && !have.revoked)
        TRY(find_same(call, &have, csr_sha256, found));
    store_rollback(&call->tx);
    if (e == ERR_OK && found->len == 0)
        return fail_quiet(ERR_EXISTS, "%s %s %s", roles[row].what, name,
                          have.revoked ? "was revoked: its name is not given again" : "exists");
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err issue(struct call *call, size_t row,
                      const Hallmark__V1__AddPrincipalRequest *in, struct buf *certificate_out)
{
    X509_REQ *csr = NULL;
    TRY(ca_csr_open(span_of(in->csr.data, in->csr.len), &csr));
    enum err e = ca_issue(call->server->ca, roles[row].profile, in->name, csr, certificate_out);
    X509_REQ_free(csr);
    return e;
}

static enum err keep(struct call *call, size_t row, const char *name,
                     const struct store_registration *registration)
{
    struct store_principal principal = { .role = (uint32_t)roles[row].role };
    snprintf(principal.name, sizeof(principal.name), "%s", name);
    sha256_of(buf_span(&registration->certificate), principal.certificate_sha256);
    TRY(svc_tx(call));
    enum err e = store_principal_add(call->tx, &principal);
    if (e == ERR_EXISTS)
        return fail_quiet(e, "%s %s exists", roles[row].what, name);
    TRY(e);
    return store_registration_put(call->tx, &principal, registration);
}

static enum err registry_add(struct rpc_call *rpc, const Hallmark__V1__AddPrincipalRequest *in,
                             Hallmark__V1__AddPrincipalResponse *out)
{
    struct call *call = call_of(rpc);
    AUTO(store_registration_free) struct store_registration registration = { 0 };
    size_t row = 0;
    TRY(find_role(in->role, &row));
    TRY(ca_name_check(roles[row].what, in->name));
    if (call->server->ca == NULL)
        return fail_quiet(ERR_PRECONDITION, "there is no CA yet: run oemctl init first");
    sha256_of(span_of(in->csr.data, in->csr.len), registration.csr_sha256);
    TRY(check_free(call, row, in->name, registration.csr_sha256, &registration.certificate));
    if (registration.certificate.len == 0) {
        TRY(issue(call, row, in, &registration.certificate));
        TRY(keep(call, row, in->name, &registration));
    }
    TRY(svc_digest(call, "certificate", buf_span(&registration.certificate)));
    TRY(rpc_bytes(rpc, &out->certificate, buf_span(&registration.certificate)));
    return rpc_bytes(rpc, &out->issuer, ca_issuing(call->server->ca));
}

static enum err registry_revoke(struct rpc_call *rpc,
                                const Hallmark__V1__RevokePrincipalRequest *in,
                                Hallmark__V1__RevokePrincipalResponse *out)
{
    struct call *call = call_of(rpc);
    size_t row = 0;
    TRY(find_role(in->role, &row));
    TRY(ca_name_check(roles[row].what, in->name));
    if (strlen(in->reason) > 200)
        return fail_quiet(ERR_INVALID, "revoke: the reason is over 200 bytes");
    char *uri = ca_spiffe(call->server->ca, roles[row].profile, in->name);
    if (uri == NULL)
        return fail(ERR_MEMORY, "revoke: no memory");
    enum err e = strcmp(uri, call->principal->uri) == 0
                     ? fail_quiet(ERR_PRECONDITION, "revoke: nobody revokes himself")
                     : svc_tx(call);
    if (e == ERR_OK)
        e = store_principal_revoke(call->tx, (uint32_t)roles[row].role, in->name);
    if (e == ERR_NOT_FOUND)
        e = fail_quiet(e, "there is no %s %s", roles[row].what, in->name);
    if (e == ERR_OK)
        e = svc_digest(call, "reason", span_of(in->reason, strlen(in->reason)));
    if (e == ERR_OK) /* who is in leaves when this is durable */
        e = rpc_text(rpc, &call->revoked, uri);
    out->connections_closed = session_count_of(call->server, uri);
    free(uri);
    return e;
}

RPC_HANDLER(registry, Registry, add, Add, AddPrincipal)
RPC_HANDLER(registry, Registry, revoke, Revoke, RevokePrincipal)

Hallmark__V1__Registry_Service registry_service = HALLMARK__V1__REGISTRY__INIT(registry__);
