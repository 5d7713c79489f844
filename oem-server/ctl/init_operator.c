/* SPDX-License-Identifier: MIT */
/*
 * The first operator's key and certificate. Called by init.c. A key that was registered must
 * not be removed, and it must not end well without that operator being registered
 * (tests/e2e/refusals/commands).
 */
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/name.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/init_run.h"
#include "oem-server/ctl/principal.h"

/* The request is there until its certificate is: an init that was interrupted, or could not
 * write, is answered again for the same bytes. */
struct files {
    char *key;
    char *request;
    char *certificate;
};

static void files_drop(struct files *files)
{
    free_drop(&files->key);
    free_drop(&files->request);
    free_drop(&files->certificate);
}

/* What the registry has of a name, and whose a certificate is. */
struct lookup {
    const char *name;
    uint8_t sha256[SHA256_SIZE]; /* of the certificate in the folder */
    bool registered, revoked, same;
    char owner[NAME_LENGTH_MAX + 1]; /* "": of no operator */
};

static enum err look_at(struct lookup *l, const Hallmark__V1__PrincipalRow *row)
{
    if (!name_is_good(row->name))
        return fail_quiet(ERR_DATA_LOSS, "the registry holds a name that cannot be");
    bool same = span_eq(span_of(row->certificate_sha256.data, row->certificate_sha256.len),
                        SPAN(l->sha256));
    if (same)
        snprintf(l->owner, sizeof(l->owner), "%s", row->name);
    if (strcmp(row->name, l->name) != 0)
        return ERR_OK;
    l->registered = true;
    l->revoked = row->revoked;
    l->same = same;
    return ERR_OK;
}

static enum err look_up(struct init_run *run, struct lookup *l)
{
    char after[NAME_LENGTH_MAX + 1] = "";
    Hallmark__V1__ListPrincipalsRequest in = HALLMARK__V1__LIST_PRINCIPALS_REQUEST__INIT;
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__registry__descriptor, init_transport, run->init);
    in.role = HALLMARK__V1__ROLE__ROLE_OPERATOR;
    in.after = after;
    for (bool more = true; more;) {
        AUTO(rpc_drop) Hallmark__V1__ListPrincipalsResponse *page = NULL;
        TRY(RPC_CALL(&stub, hallmark__v1__registry__list, &in, &page));
        for (size_t i = 0; i < page->n_principals; i++) {
            TRY(look_at(l, page->principals[i]));
            snprintf(after, sizeof(after), "%s", page->principals[i]->name);
        }
        more = page->more && page->n_principals != 0;
    }
    return ERR_OK;
}

/* Another name, or one that may not act, would otherwise seem to have been registered. */
static enum err check_registered(struct init_run *run, const struct files *files,
                                 const X509 *certificate)
{
    struct lookup l = { .name = run->operator_name };
    if (X509_digest(certificate, EVP_sha256(), l.sha256, NULL) != 1)
        return fail_quiet(ERR_MEMORY, "no memory for a digest");
    TRY(look_up(run, &l));
    if (l.owner[0] != '\0' && strcmp(l.owner, l.name) != 0)
        return fail_quiet(ERR_EXISTS,
                          "%s holds the key and the certificate of operator %s: give operator "
                          "%s another folder",
                          run->folder, l.owner, l.name);
    if (!l.registered)
        return fail_quiet(
            ERR_NOT_FOUND,
            "%s belongs to no operator of this store, and operator %s is not registered: "
            "give another folder",
            files->certificate, l.name);
    if (l.revoked)
        return fail_quiet(ERR_REVOKED,
                          "operator %s was revoked, and its name is not given again: give "
                          "another name and another folder",
                          l.name);
    return l.same ? ERR_OK
                  : fail_quiet(ERR_MISMATCH,
                               "%s is not the certificate that operator %s is registered with",
                               files->certificate, l.name);
}

/* The complete files of an earlier init: checks that they belong together, and to that
 * operator.
 */
static enum err found(struct init_run *run, const struct files *files, EVP_PKEY *key)
{
    AUTO(credential_certificate_drop) X509 *certificate = NULL;
    TRY(credential_certificate_load(files->certificate, &certificate));
    if (EVP_PKEY_eq(X509_get0_pubkey(certificate), key) != 1)
        return fail_quiet(ERR_MISMATCH, "%s is not for the key in %s", files->certificate,
                          files->key);
    TRY(check_registered(run, files, certificate));
    report_text(&run->report, "operator", "found, not replaced");
    return ERR_OK;
}

static enum err request_make(const struct init_run *run, const struct files *files,
                             EVP_PKEY *key, struct buf *csr_out)
{
    if (file_exists(files->request) && credential_csr_load(files->request, csr_out) == ERR_OK &&
        credential_csr_is_of(buf_span(csr_out), key))
        return ERR_OK;
    TRY(credential_csr_make(key, run->operator_name, csr_out));
    return file_write(files->request, buf_span(csr_out));
}

/* Was it refused? Else nobody knows yet what became of it, or it only was not possible now. */
static bool is_refusal(enum err e)
{
    uint32_t status = err_status(e);
    return status == ERR_INVALID || status == ERR_EXISTS || status == ERR_PRECONDITION;
}

/* A new key whose registration is refused is useless and would block a retry, so it is removed.
 */
static enum err add(struct init_run *run, const struct files *files, EVP_PKEY *key, bool fresh)
{
    AUTO(buf_free) struct buf csr = { 0 };
    AUTO(stage_drop) struct stage stage = { 0 };
    AUTO(rpc_drop) Hallmark__V1__AddPrincipalResponse *answer = NULL;
    TRY(request_make(run, files, key, &csr));
    TRY(stage_open_new(files->certificate, &stage));
    enum err e = principal_add(init_transport, run->init, HALLMARK__V1__ROLE__ROLE_OPERATOR,
                               run->operator_name, NULL, buf_span(&csr), &answer);
    if (is_refusal(e))
        unlink(files->request);
    if (is_refusal(e) && fresh)
        unlink(files->key);
    if (e == ERR_EXISTS)
        return fail_quiet(e,
                          "operator %s is registered, but its certificate is not in %s: use "
                          "another name",
                          run->operator_name, run->folder);
    TRY(e);
    struct report part = report_new();
    principal_report(&part, HALLMARK__V1__ROLE__ROLE_OPERATOR, run->operator_name, answer);
    report_object(&run->report, "operator", &part);
    report_free(&part);
    TRY(principal_write(answer, &stage));
    unlink(files->request);
    return ERR_OK;
}

enum err init_operator(struct init_run *run)
{
    AUTO(files_drop) struct files files = { 0 };
    AUTO(credential_key_drop) EVP_PKEY *key = NULL;
    TRY(file_join(run->folder, "operator.key", &files.key));
    TRY(file_join(run->folder, "operator.csr", &files.request));
    TRY(file_join(run->folder, "operator.pem", &files.certificate));
    bool have_key = file_exists(files.key), have_certificate = file_exists(files.certificate);
    if (have_certificate && !have_key)
        return fail_quiet(ERR_NOT_FOUND, "%s is there, its key %s is not", files.certificate,
                          files.key);
    if (have_key) {
        TRY(credential_key_load(files.key, &key));
        return have_certificate ? found(run, &files, key) : add(run, &files, key, false);
    }
    TRY(credential_key_make(&key));
    TRY(credential_key_save(key, files.key));
    return add(run, &files, key, true);
}
