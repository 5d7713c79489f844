/* SPDX-License-Identifier: MIT */
/*
 * Registry: registers, revokes and lists stations, operators, auditors and services. Called by
 * operators. Each entry names role and name (test_api_acts); a name that was revoked must never
 * be given again (test_store).
 */
#include <string.h>

#include "common/host/log.h"
#include "common/host/name.h"
#include "common/host/p256.h"
#include "oem-server/api/registry.h"
#include "oem-server/api/services.h"
#include "oem-server/call/message.h"

static const struct {
    Hallmark__V1__Role role;
    enum ca_profile profile;
    const char *what;
} roles[] = {
    { HALLMARK__V1__ROLE__ROLE_STATION, CA_STATION, "station" },
    { HALLMARK__V1__ROLE__ROLE_OPERATOR, CA_OPERATOR, "operator" },
    { HALLMARK__V1__ROLE__ROLE_AUDITOR, CA_AUDITOR, "auditor" },
    { HALLMARK__V1__ROLE__ROLE_SERVICE, CA_SERVICE, "service" },
};

static enum err find_role(Hallmark__V1__Role role, size_t *row_out)
{
    for (size_t i = 0; i < COUNT(roles); i++) {
        if (roles[i].role == role) {
            *row_out = i;
            return ERR_OK;
        }
    }
    return fail_quiet(ERR_INVALID, "role must be station, operator, auditor or service");
}

struct adding {
    struct call *call;
    size_t row;
    const Hallmark__V1__AddPrincipalRequest *in;
    X509_REQ *csr;
    uint8_t key_sha256[SHA256_SIZE];
    bool waits; /* for a second operator: nothing is signed yet */
    struct store_registration kept;
    Hallmark__V1__AddPrincipalResponse *out;
};

static void adding_drop(struct adding *a)
{
    X509_REQ_free(a->csr);
    store_registration_free(&a->kept);
}

static uint32_t role_of(const struct adding *a)
{
    return (uint32_t)roles[a->row].role;
}

/* Who holds a key with two operators' names is two operators. */
static bool is_operator(const struct adding *a)
{
    return roles[a->row].profile == CA_OPERATOR;
}

/* An answer may have been lost after it was durable: the same request gets the same certificate
 * again, unless it was revoked. */
static enum err find_same(struct store_tx *tx, struct adding *a,
                          const struct store_principal *have)
{
    AUTO(store_registration_free) struct store_registration kept = { 0 };
    uint8_t digest[SHA256_SIZE];
    enum err e = store_registration_get(tx, have->role, have->name, &kept);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    sha256_of(buf_span(&kept.certificate), digest);
    if (!span_eq(SPAN(digest), SPAN(have->certificate_sha256)))
        return fail(ERR_DATA_LOSS, "registry: the kept certificate of %s is another",
                    have->name);
    if (span_eq(SPAN(a->kept.csr_sha256), SPAN(kept.csr_sha256)))
        a->kept.certificate = buf_take(&kept.certificate);
    return ERR_OK;
}

/* ERR_EXISTS before the CA is used. The certificate is not empty if the same request was
 * answered before. */
static enum err check_free(struct store_tx *tx, void *context)
{
    struct adding *a = context;
    struct store_principal have = { 0 };
    TRY(call_waits(tx, a->call, &a->waits));
    enum err e = store_principal_get(tx, role_of(a), a->in->name, &have);
    if (e == ERR_NOT_FOUND)
        return is_operator(a)
                   ? store_principal_key_check(tx, role_of(a), a->in->name, a->key_sha256)
                   : ERR_OK;
    TRY(e);
    if (!have.revoked)
        TRY(find_same(tx, a, &have));
    if (a->kept.certificate.len != 0)
        return ERR_OK;
    return fail_quiet(ERR_EXISTS, "%s %s %s", roles[a->row].what, a->in->name,
                      have.revoked ? "was revoked: its name is not given again" : "exists");
}

static enum err open_csr(struct adding *a)
{
    TRY(ca_csr_open(span_in(&a->in->csr), &a->csr));
    sha256_of(span_in(&a->in->csr), a->kept.csr_sha256);
    return ca_csr_key_sha256(a->csr, a->key_sha256);
}

static enum err add(struct store_tx *tx, void *context)
{
    struct adding *a = context;
    struct store_principal principal = { .role = role_of(a) };
    if (a->kept.certificate.len == 0)
        return fail(ERR_INTERNAL, "registry: %s has no certificate", a->in->name);
    snprintf(principal.name, sizeof(principal.name), "%s", a->in->name);
    sha256_of(buf_span(&a->kept.certificate), principal.certificate_sha256);
    enum err e = store_principal_add(tx, &principal);
    if (e == ERR_EXISTS)
        return fail_quiet(e, "%s %s exists", roles[a->row].what, a->in->name);
    TRY(e);
    if (is_operator(a))
        TRY(store_principal_key_put(tx, principal.role, principal.name, a->key_sha256));
    return store_registration_put(tx, &principal, &a->kept);
}

/* Puts name and role into the entry; and the policy, where oemctl init adds an operator. */
static enum err describe(struct call *call, size_t row, const char *name)
{
    char words[NAME_LENGTH_MAX + 40];
    bool alone = call->principal->role == AUTH_SERVER && roles[row].profile == CA_OPERATOR;
    TRY(ca_name_check(roles[row].what, name));
    snprintf(words, sizeof(words), "%s %s%s", roles[row].what, name,
             !alone                                    ? ""
             : call->server->config->policy.two_person ? "; two_person = yes"
                                                       : "; two_person = no");
    event_text(&call->event, EVENT_MESSAGE, words);
    return ERR_OK;
}

/* There is no claim of a principal's certificate: of a CA outside the one that an earlier,
 * equal call got is found again for a day. */
static enum err issue(struct adding *a, struct ca *ca)
{
    enum { FOUND_FOR_S = 24 * 3600 };
    enum ca_profile profile = roles[a->row].profile;
    bool outside = ca_is_outside(ca, profile);
    struct ca_terms terms;
    TRY(ca_terms_make(ca, profile, &terms));
    if (outside)
        terms.not_before -= FOUND_FOR_S;
    const struct ca_before before = { .asked = outside };
    return ca_issue(ca, profile, a->in->name, a->csr, &terms, &before, &a->kept.certificate);
}

static enum err answer(struct adding *a, bool known)
{
    struct call *call = a->call;
    struct ca *ca = call->server->ca;
    if (!known)
        TRY(issue(a, ca));
    event_digest(&call->event, "certificate", buf_span(&a->kept.certificate));
    TRY(rpc_bytes(&call->rpc, &a->out->certificate, buf_span(&a->kept.certificate)));
    return rpc_bytes(&call->rpc, &a->out->issuer, ca_issuer_of(ca, roles[a->row].profile));
}

static enum err registry_add(struct rpc_call *rpc, const Hallmark__V1__AddPrincipalRequest *in,
                             Hallmark__V1__AddPrincipalResponse *out)
{
    struct call *call = call_of(rpc);
    AUTO(adding_drop) struct adding a = { .call = call, .in = in, .out = out };
    TRY(find_role(in->role, &a.row));
    TRY(describe(call, a.row, in->name));
    TRY(message_reason_if_any(call, in->reason));
    if (call->server->ca == NULL)
        return fail_quiet(ERR_PRECONDITION, "there is no CA yet: run oemctl init first");
    TRY(open_csr(&a));
    TRY(call_read(call, check_free, &a));
    bool known = a.kept.certificate.len != 0;
    event_digest_is(&call->event, "csr", a.kept.csr_sha256);
    if (known || !a.waits)
        TRY(answer(&a, known));
    return call_change(call, known ? NULL : add, &a, &out->base);
}

struct revoking {
    size_t row;
    const Hallmark__V1__RevokePrincipalRequest *in;
};

static enum err revoke(struct store_tx *tx, void *context)
{
    const struct revoking *r = context;
    const char *what = roles[r->row].what, *name = r->in->name;
    enum err e = store_principal_revoke(tx, (uint32_t)roles[r->row].role, name, r->in->reason);
    if (e == ERR_NOT_FOUND)
        return fail_quiet(e, "there is no %s %s", what, name);
    return e == ERR_REVOKED
               ? fail_quiet(ERR_PRECONDITION, "%s %s is revoked already", what, name)
               : e;
}

/* After this is durable no entry of the principal says OK, because each of its changes checks
 * the registry (test_call_race). Its connections are closed then, too. */
static enum err registry_revoke(struct rpc_call *rpc,
                                const Hallmark__V1__RevokePrincipalRequest *in,
                                Hallmark__V1__RevokePrincipalResponse *out)
{
    struct call *call = call_of(rpc);
    struct revoking r = { .in = in };
    event_text(&call->event, EVENT_REASON, in->reason);
    TRY(find_role(in->role, &r.row));
    TRY(describe(call, r.row, in->name));
    TRY(message_reason(call, in->reason));
    AUTO(free_drop) char *uri = ca_spiffe(call->server->ca, roles[r.row].profile, in->name);
    if (uri == NULL)
        return fail(ERR_MEMORY, "revoke: no memory");
    if (strcmp(uri, call->principal->uri) == 0)
        return fail_quiet(ERR_PRECONDITION, "revoke: no operator revokes itself");
    out->connections_closed = session_count_of(call->server, uri);
    TRY(rpc_text(rpc, &call->revoked, uri));
    return call_change(call, revoke, &r, &out->base);
}

struct listing {
    struct call *call;
    const Hallmark__V1__ListPrincipalsRequest *in;
    Hallmark__V1__ListPrincipalsResponse *out;
};

static enum err fill_connections(struct call *call, const struct store_principal *from,
                                 Hallmark__V1__PrincipalRow *row)
{
    for (size_t i = 0; i < COUNT(roles); i++) {
        if ((uint32_t)roles[i].role != from->role)
            continue;
        AUTO(free_drop) char *uri = ca_spiffe(call->server->ca, roles[i].profile, from->name);
        if (uri == NULL)
            return fail(ERR_MEMORY, "registry: no memory");
        row->connections = session_count_of(call->server, uri);
    }
    return ERR_OK;
}

static enum err fill_row(struct call *call, const struct store_principal *from,
                         Hallmark__V1__PrincipalRow **out)
{
    Hallmark__V1__PrincipalRow *row = rpc_alloc(&call->rpc, sizeof(*row));
    if (row == NULL)
        return fail(ERR_MEMORY, "registry: no memory");
    hallmark__v1__principal_row__init(row);
    row->role = (Hallmark__V1__Role)from->role;
    row->revoked = from->revoked;
    row->added_us = (uint64_t)from->added_us;
    *out = row;
    TRY(rpc_text(&call->rpc, &row->name, from->name));
    TRY(rpc_text(&call->rpc, &row->revoked_reason, from->revoked_reason));
    TRY(rpc_bytes(&call->rpc, &row->certificate_sha256, SPAN(from->certificate_sha256)));
    return fill_connections(call, from, row);
}

static enum err list(struct store_tx *tx, void *context)
{
    struct listing *l = context;
    AUTO(free_drop) struct store_principal *principals = NULL;
    size_t count = 0;
    bool more = false;
    struct store_principal_filter filter = {
        .role = (uint32_t)l->in->role,
        .after_role = (uint32_t)l->in->after_role,
        .after = l->in->after,
        .limit = message_limit(l->in->limit),
    };
    TRY(store_principal_list(tx, &filter, &principals, &count, &more));
    l->out->more = more;
    l->out->n_principals = 0;
    l->out->principals = rpc_alloc(&l->call->rpc, count * sizeof(*l->out->principals));
    if (l->out->principals == NULL)
        return fail(ERR_MEMORY, "registry: no memory");
    for (size_t i = 0; i < count; i++, l->out->n_principals++)
        TRY(fill_row(l->call, &principals[i], &l->out->principals[i]));
    return ERR_OK;
}

static enum err registry_list(struct rpc_call *rpc,
                              const Hallmark__V1__ListPrincipalsRequest *in,
                              Hallmark__V1__ListPrincipalsResponse *out)
{
    struct listing l = { call_of(rpc), in, out };
    size_t row;
    if (in->role != HALLMARK__V1__ROLE__ROLE_UNSPECIFIED)
        TRY(find_role(in->role, &row));
    if (in->after_role != HALLMARK__V1__ROLE__ROLE_UNSPECIFIED)
        TRY(find_role(in->after_role, &row));
    if (in->role != HALLMARK__V1__ROLE__ROLE_UNSPECIFIED &&
        in->after_role != HALLMARK__V1__ROLE__ROLE_UNSPECIFIED && in->after_role != in->role)
        return fail_quiet(ERR_INVALID, "registry: a page of one role comes after one of it");
    if (in->role == HALLMARK__V1__ROLE__ROLE_UNSPECIFIED &&
        (in->after[0] != '\0') != (in->after_role != HALLMARK__V1__ROLE__ROLE_UNSPECIFIED))
        return fail_quiet(ERR_INVALID, "registry: a page of all roles comes after a role and "
                                       "a name");
    return call_read(l.call, list, &l);
}

RPC_HANDLER(registry, Registry, add, Add, AddPrincipal)
RPC_HANDLER(registry, Registry, revoke, Revoke, RevokePrincipal)
RPC_HANDLER(registry, Registry, seize, Seize, SeizeStation)
RPC_HANDLER(registry, Registry, list, List, ListPrincipals)

Hallmark__V1__Registry_Service registry_service = HALLMARK__V1__REGISTRY__INIT(registry__);
