/* SPDX-License-Identifier: MIT */
/*
 * The subcommand enrol: makes the station's key and the request for its certificate. Called by
 * main.c. It must not overwrite a file, nor leave a key that others can read.
 */

#include <argp.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/host/draft.h"
#include "common/host/log.h"
#include "common/host/name.h"
#include "common/host/own.h"
#include "station-agent/program.h"

enum { KEY_MODE = 0600, CSR_MODE = 0644 };

struct enrolment {
    const char *name;
    const char *key_file;
    const char *csr_file;
};

static void key_drop(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void req_drop(X509_REQ **req)
{
    X509_REQ_free(*req);
}

static void bio_drop(BIO **bio)
{
    BIO_free_all(*bio);
}

static enum err check_name(const char *name)
{
    return name_is_good(name) ? ERR_OK
                              : fail_quiet(ERR_USAGE, "name %s: want " NAME_RULE, name);
}

static enum err make_request(EVP_PKEY *key, const char *name, X509_REQ *req)
{
    X509_NAME *subject = X509_REQ_get_subject_name(req);
    if (X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1,
                                   0) != 1 ||
        X509_REQ_set_pubkey(req, key) != 1 || X509_REQ_sign(req, key, EVP_sha256()) <= 0)
        return fail_quiet(ERR_INTERNAL, "the request could not be signed");
    return ERR_OK;
}

/* An existing file is not overwritten: it may be the only copy of a station's key. */
static enum err write_new(const char *file, BIO *bio, mode_t mode)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);
    AUTO(draft_drop) struct draft draft = { 0 };
    enum err opened = draft_open(file, &draft);
    if (opened != ERR_OK) /* no such folder is no input that is missing */
        return opened == ERR_NOT_FOUND ? ERR_IO : opened;
    TRY(draft_write(&draft, span_of(text, (size_t)len)));
    enum err e = draft_link(&draft, mode);
    return e == ERR_EXISTS ? fail_quiet(e, "%s is there; it is left as it is", file) : e;
}

static enum err write_key(const char *file, EVP_PKEY *key)
{
    AUTO(bio_drop) BIO *bio = BIO_new(BIO_s_secmem());
    if (bio == NULL || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return fail_quiet(ERR_MEMORY, "no memory");
    return write_new(file, bio, KEY_MODE);
}

static enum err write_request(const char *file, X509_REQ *req)
{
    AUTO(bio_drop) BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL || PEM_write_bio_X509_REQ(bio, req) != 1)
        return fail_quiet(ERR_MEMORY, "no memory");
    return write_new(file, bio, CSR_MODE);
}

static enum err enrol(const struct enrolment *e)
{
    AUTO(key_drop) EVP_PKEY *key = EVP_EC_gen("P-256");
    AUTO(req_drop) X509_REQ *req = X509_REQ_new();
    if (key == NULL || req == NULL)
        return fail_quiet(ERR_MEMORY, "no key could be made");
    TRY(check_name(e->name));
    if (access(e->key_file, F_OK) == 0)
        return fail_quiet(ERR_EXISTS, "%s is there; it is left as it is", e->key_file);
    TRY(make_request(key, e->name, req));
    TRY(write_request(e->csr_file, req));
    enum err written = write_key(e->key_file, key);
    if (written != ERR_OK)
        unlink(e->csr_file); /* a request without its key */
    return written;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct enrolment *e = state->input;
    switch (key) {
    case 'n':
        e->name = value;
        return 0;
    case 'k':
        e->key_file = value;
        return 0;
    case 'c':
        e->csr_file = value;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument %s", value);
        return EINVAL;
    case ARGP_KEY_END:
        if (e->name == NULL || e->key_file == NULL || e->csr_file == NULL)
            argp_error(state, "--name, --key and --csr are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int enrol_main(int argc, char *argv[])
{
    static const struct argp_option options[] = {
        { "name", 'n', "NAME", 0, "the station's name, as the operator registers it", 0 },
        { "key", 'k', "FILE", 0,
          "the private key goes here (PEM, mode 0600); never over a file", 0 },
        { "csr", 'c', "FILE", 0, "the certification request for the operator goes here (PEM)",
          0 },
        { 0 },
    };
    static const struct argp argp = {
        .options = options,
        .parser = parse,
        .doc = "Make this station's P-256 key and the request for its certificate."
               "\vGive the request to the operator, who answers with the certificate. The key "
               "never leaves this machine.",
    };
    char name[] = "station-agent enrol";
    struct enrolment e = { 0 };
    argv[0] = name;
    if (argp_parse(&argp, argc, argv, 0, NULL, &e) != 0)
        return EX_USAGE;
    enum err done = enrol(&e);
    if (done != ERR_OK)
        return program_fail(done);
    printf("key %s\nrequest %s\n", e.key_file, e.csr_file);
    return EX_OK;
}
