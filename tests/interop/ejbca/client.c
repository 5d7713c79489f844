/* SPDX-License-Identifier: MIT */
/*
 * client: the server's EJBCA backend alone, driven by lines on stdin, for the tests of this
 * folder.
 *
 * usage: ejbca_client oem-server.ini. One line a command, one line an answer, "ok ..." or
 * "fail CODE MESSAGE":
 *   issue KEY UID ORDER NOT_BEFORE ASKED   a device's certificate for the key in that PEM file;
 *                                          ASKED 1: it may have been asked for before. ok
 * SERIAL revoke                                 the certificate issued last save FILE the same,
 * in PEM tidy                                   looks for what EJBCA made after a lost answer
 *   generate ALIAS                         a boot key (Enterprise)
 */
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/ca/ejbca/inside.h"
#include "oem-server/ca/ejbca/issue.h"
#include "oem-server/ca/names.h"
#include "oem-server/ca/ssl.h"
#include "oem-server/config/config.h"

enum { LINE_MAX_SIZE = 500 };

static X509 *last;

static void answer(enum err e, const char *text)
{
    if (e == ERR_OK)
        printf("ok %s\n", text);
    else
        printf("fail %d %s\n", (int)e, fail_words());
    fflush(stdout);
}

static EVP_PKEY *key_load(const char *path)
{
    FILE *file = fopen(path, "re");
    EVP_PKEY *key = file == NULL ? NULL : PEM_read_PrivateKey(file, NULL, NULL, NULL);
    if (file != NULL)
        fclose(file);
    return key;
}

static enum err request_make(const char *key_path, const char *order, const char *uid,
                             X509_REQ **csr_out)
{
    AUTO(ssl_key_drop) EVP_PKEY *key = key_load(key_path);
    AUTO(ssl_request_drop) X509_REQ *csr = X509_REQ_new();
    AUTO(ssl_name_drop) X509_NAME *subject = NULL;
    const struct names_subject parts = { "Example Instruments", order, CA_DEVICE_MODEL, uid };
    TRY(names_subject_make(&parts, &subject));
    if (key == NULL || csr == NULL || X509_REQ_set_version(csr, X509_REQ_VERSION_1) != 1 ||
        X509_REQ_set_subject_name(csr, subject) != 1 || X509_REQ_set_pubkey(csr, key) != 1 ||
        X509_REQ_sign(csr, key, EVP_sha256()) <= 0)
        return ssl_fail(ERR_INVALID, "request");
    *csr_out = TAKE(csr);
    return ERR_OK;
}

static enum err issue(struct ejbca *e, char *arguments, char *serial, size_t size)
{
    char key[200], uid[65], order[65], begin[25], again[9];
    AUTO(ssl_request_drop) X509_REQ *csr = NULL;
    if (sscanf(arguments, "%199s %64s %64s %24s %8s", key, uid, order, begin, again) != 5)
        return fail_quiet(ERR_USAGE, "issue KEY UID ORDER NOT_BEFORE ASKED");
    long long not_before = strtoll(begin, NULL, 10);
    bool asked = strtol(again, NULL, 10) != 0;
    TRY(request_make(key, order, uid, &csr));
    struct ca_terms terms;
    TRY(cert_terms_make(profile_of(CA_DEVICE), e->issuer, &terms));
    if (not_before != 0)
        terms.not_before = not_before;
    const struct backend_request request = { .kind = CA_DEVICE,
                                             .profile = profile_of(CA_DEVICE),
                                             .subject = X509_REQ_get_subject_name(csr),
                                             .csr = csr,
                                             .terms = &terms,
                                             .before = { .asked = asked } };
    X509 *certificate = NULL;
    TRY(issue_once(e, EJBCA_DEVICE, &request, &certificate));
    X509_free(last);
    last = certificate;
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(last), NULL);
    char *hex = number == NULL ? NULL : BN_bn2hex(number);
    snprintf(serial, size, "%s", hex == NULL ? "?" : hex);
    OPENSSL_free(hex);
    BN_free(number);
    return ERR_OK;
}

static enum err save(const char *path)
{
    FILE *file = fopen(path, "we");
    bool good = file != NULL && last != NULL && PEM_write_X509(file, last) == 1;
    if (file != NULL)
        fclose(file);
    return good ? ERR_OK : fail_quiet(ERR_IO, "%s: not written", path);
}

static enum err revoke(struct ejbca *e)
{
    AUTO(buf_free) struct buf der = { 0 };
    TRY(ssl_certificate_der(last, &der));
    return ejbca_revoke(e, buf_span(&der));
}

static enum err perform(struct ejbca *e, char *line, char *text, size_t size)
{
    if (strncmp(line, "issue ", 6) == 0)
        return issue(e, line + 6, text, size);
    if (strncmp(line, "save ", 5) == 0)
        return save(line + 5);
    if (strncmp(line, "generate ", 9) == 0)
        return ejbca_generate_key(e, line + 9);
    if (strcmp(line, "revoke") == 0 && last != NULL)
        return revoke(e);
    if (strcmp(line, "tidy") != 0)
        return fail_quiet(ERR_USAGE, "unknown command");
    ejbca_tidy(e);
    return ERR_OK;
}

int main(int argc, char **argv)
{
    struct config *config = NULL;
    struct ejbca *ejbca = NULL;
    char line[LINE_MAX_SIZE], text[80];
    if (argc != 2 || config_read(argv[1], &config) != ERR_OK ||
        ejbca_open(&config->ejbca, &ejbca) != ERR_OK)
        return EXIT_FAILURE;
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        text[0] = '\0';
        answer(perform(ejbca, line, text, sizeof(text)), text);
    }
    X509_free(last);
    ejbca_close(ejbca);
    config_free(config);
    return EXIT_SUCCESS;
}
