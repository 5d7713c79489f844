/* SPDX-License-Identifier: MIT */
/*
 * The first operator's key and certificate. Called by init.c. A key that was registered must
 * not be removed.
 */
#include <unistd.h>

#include "common/host/log.h"
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

/* The complete files of an earlier init: only checks that they belong together. */
static enum err found(struct init_run *run, const struct files *files, EVP_PKEY *key)
{
    AUTO(credential_certificate_drop) X509 *certificate = NULL;
    TRY(credential_certificate_load(files->certificate, &certificate));
    if (EVP_PKEY_eq(X509_get0_pubkey(certificate), key) != 1)
        return fail_quiet(ERR_MISMATCH, "%s is not for the key in %s", files->certificate,
                          files->key);
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
