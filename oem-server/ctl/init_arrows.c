/* SPDX-License-Identifier: MIT */
/*
 * Arrows 1 and 2 of init. Called by init.c, through the same services that a server has. A root
 * that is in the folder must not be replaced, because boards may already have it.
 */
#include <openssl/evp.h>
#include <string.h>

#include "common/flow/flow.h"
#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/host/p256.h"
#include "common/host/validity.h"
#include "hallmark/v1/diagram.pb-c.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/init_run.h"

enum { ARROW_KEYS = 1, ARROW_CERTIFICATES = 2 };

/* The line of an arrow, for people; scripts get JSON only. */
static void print_arrow(const struct init_run *run, uint8_t arrow, const char *outcome,
                        uint64_t started_ms)
{
    const struct flow_row *row = flow_row(arrow);
    char method[80];
    if (run->ctl->json)
        return;
    snprintf(method, sizeof(method), "%s.%s", row->service, row->method);
    fprintf(run->ctl->out, "%3u  %c → %c  %-30s  %s  %llu ms\n", row->arrow,
            flow_letter(row->tail), flow_letter(row->head), method, outcome,
            (unsigned long long)(rpc_now_ms() - started_ms));
}

/* SHA-256 as openssl x509 -fingerprint prints it: for reading aloud. */
static void report_fingerprint(struct report *report, const char *name, struct span bytes)
{
    uint8_t digest[SHA256_SIZE];
    char text[3 * SHA256_SIZE + 1];
    sha256_of(bytes, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(text + 3 * i, 4, "%02X:", digest[i]);
    text[3 * SHA256_SIZE - 1] = '\0';
    report_text(report, name, text);
}

/* From when until when it is valid: by a wrong clock both are wrong. */
static void report_validity(struct report *report, const char *name, struct span der)
{
    struct validity validity;
    char from[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE], text[2 * CLOCK_TEXT_SIZE + 8];
    if (validity_of_der(der, &validity) != ERR_OK)
        return; /* check_chain() has parsed it */
    snprintf(text, sizeof(text), "%s until %s", clock_text(validity.not_before, from),
             clock_text(validity.not_after, until));
    report_text(report, name, text);
}

static enum err generate_keys(struct init_run *run,
                              Hallmark__V1__GenerateCaKeysResponse **keys_out)
{
    Hallmark__V1__GenerateCaKeysRequest in = HALLMARK__V1__GENERATE_CA_KEYS_REQUEST__INIT;
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__pki__descriptor, init_transport, run->init);
    uint64_t started_ms = rpc_now_ms();
    AUTO(free_drop) char *vkey = NULL;
    run->keys_found = init_verifier_key(run->init, &vkey) == ERR_OK; /* arrow 1 makes it last */
    TRY(RPC_CALL(&stub, hallmark__v1__pki__generate_ca_keys, &in, keys_out));
    char words[128];
    snprintf(words, sizeof(words), "%zu CA keys %s", (*keys_out)->n_keys,
             run->keys_found ? "found in the HSM, none replaced" : "made in the HSM");
    print_arrow(run, ARROW_KEYS, words, started_ms);
    struct report keys = report_new();
    for (size_t i = 0; i < (*keys_out)->n_keys; i++) {
        const Hallmark__V1__CaKey *key = (*keys_out)->keys[i];
        report_fingerprint(&keys, key->name,
                           span_of(key->public_key.data, key->public_key.len));
    }
    report_object(&run->report, "keys_sha256", &keys);
    report_free(&keys);
    return ERR_OK;
}

static const struct piece {
    const char *file;
    const char *name;
    size_t offset; /* in the response */
} pieces[] = {
    { "root.pem", "root", offsetof(Hallmark__V1__IssueCaCertificatesResponse, root) },
    { "issuing.pem", "issuing", offsetof(Hallmark__V1__IssueCaCertificatesResponse, issuing) },
    { "web-server.pem", "web_server",
      offsetof(Hallmark__V1__IssueCaCertificatesResponse, web_server) },
};

static struct span piece_of(const Hallmark__V1__IssueCaCertificatesResponse *out, size_t i)
{
    const ProtobufCBinaryData *data =
        (const ProtobufCBinaryData *)((const char *)out + pieces[i].offset);
    return span_of(data->data, data->len);
}

/* Root by itself, issuing by root, WebServer by issuing. */
static enum err check_chain(const Hallmark__V1__IssueCaCertificatesResponse *out)
{
    AUTO(credential_certificate_drop) X509 *root = NULL;
    AUTO(credential_certificate_drop) X509 *issuing = NULL;
    AUTO(credential_certificate_drop) X509 *web_server = NULL;
    TRY(credential_certificate_parse(piece_of(out, 0), "the root", &root));
    TRY(credential_certificate_parse(piece_of(out, 1), "the issuing certificate", &issuing));
    TRY(credential_certificate_parse(piece_of(out, 2), "the WebServer certificate",
                                     &web_server));
    return X509_verify(root, X509_get0_pubkey(root)) == 1 &&
                   X509_verify(issuing, X509_get0_pubkey(root)) == 1 &&
                   X509_verify(web_server, X509_get0_pubkey(issuing)) == 1
               ? ERR_OK
               : fail_quiet(ERR_SIG, "the certificates of arrow 2 are no chain");
}

/* A root that is in the folder is kept, because boards may have it. found_out: it is this one.
 */
static enum err check_root(const struct init_run *run, struct span pem, bool *found_out)
{
    AUTO(free_drop) char *path = NULL;
    AUTO(buf_free) struct buf have = { 0 };
    TRY(file_join(run->folder, pieces[0].file, &path));
    *found_out = file_exists(path);
    if (!*found_out)
        return ERR_OK;
    TRY(file_read(path, CREDENTIAL_FILE_MAX, &have));
    return span_eq(buf_span(&have), pem)
               ? ERR_OK
               : fail_quiet(ERR_EXISTS, "%s: another root, not replaced", path);
}

/* In a folder with the same root, a renewed WebServer certificate replaces the old one; in any
 * other folder nothing is replaced. */
static enum err write_certificates(struct init_run *run,
                                   const Hallmark__V1__IssueCaCertificatesResponse *out,
                                   bool *found_out)
{
    struct report certificates = report_new(), valid = report_new();
    enum err e = ERR_OK;
    for (size_t i = 0; i < COUNT(pieces) && e == ERR_OK; i++) {
        AUTO(free_drop) char *path = NULL;
        AUTO(buf_free) struct buf pem = { 0 };
        struct span der = piece_of(out, i);
        e = credential_chain_pem(&der, 1, &pem);
        if (e == ERR_OK && i == 0)
            e = check_root(run, buf_span(&pem), found_out);
        if (e == ERR_OK)
            e = file_join(run->folder, pieces[i].file, &path);
        if (e == ERR_OK)
            e = *found_out ? file_write(path, buf_span(&pem))
                           : file_write_new(path, buf_span(&pem));
        report_fingerprint(&certificates, pieces[i].name, der);
        report_validity(&valid, pieces[i].name, der);
    }
    report_object(&run->report, "certificates_sha256", &certificates);
    report_object(&run->report, "certificates_valid", &valid);
    report_free(&valid);
    report_free(&certificates);
    return e;
}

static enum err issue_certificates(struct init_run *run)
{
    const struct config *config = init_config(run->init);
    Hallmark__V1__IssueCaCertificatesRequest in =
        HALLMARK__V1__ISSUE_CA_CERTIFICATES_REQUEST__INIT;
    AUTO(rpc_drop) Hallmark__V1__IssueCaCertificatesResponse *out = NULL;
    struct rpc_stub stub =
        rpc_stub_of(&hallmark__v1__pki__descriptor, init_transport, run->init);
    uint64_t started_ms = rpc_now_ms();
    bool found = false;
    in.organization = config->organization;
    in.trust_domain = config->trust_domain;
    in.server_names = (char **)(uintptr_t)config->server_names;
    while (config->server_names[in.n_server_names] != NULL)
        in.n_server_names++;
    TRY(RPC_CALL(&stub, hallmark__v1__pki__issue_ca_certificates, &in, &out));
    TRY(check_chain(out));
    TRY(write_certificates(run, out, &found));
    print_arrow(run, ARROW_CERTIFICATES,
                found             ? "RootCA, ICA and WebServer found, none replaced"
                : run->keys_found ? "RootCA, ICA and WebServer issued, or found"
                                  : "RootCA, ICA and WebServer issued",
                started_ms);
    return ERR_OK;
}

enum err init_arrows(struct init_run *run)
{
    AUTO(rpc_drop) Hallmark__V1__GenerateCaKeysResponse *keys = NULL;
    TRY(generate_keys(run, &keys));
    return issue_certificates(run);
}
