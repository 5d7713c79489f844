/* SPDX-License-Identifier: MIT */
/*
 * answer: see answer.h. Called by ask.c with bodies that http.c has limited to ANSWER_MAX. It
 * must not keep a pointer into a body.
 */
#include "oem-server/ca/ejbca/answer.h"

#include <ctype.h>
#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/clean.h"
#include "common/host/log.h"
#include "oem-server/ca/ssl.h"

static void json_drop(json_t **json)
{
    json_decref(*json);
}

static void bio_drop(BIO **bio)
{
    BIO_free(*bio);
}

static enum err malformed(const char *what)
{
    return fail_quiet(ERR_PROTO, "ca: EJBCA: answer: %s", what);
}

static json_t *object_of(struct span body)
{
    if (body.len == 0 || body.len > ANSWER_MAX)
        return NULL;
    json_t *json = json_loadb((const char *)body.ptr, body.len, JSON_REJECT_DUPLICATES, NULL);
    if (json != NULL && !json_is_object(json)) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static const char *text_at(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key)); /* NULL: none, or no string */
}

/* Base64 with or without line breaks; nothing else. */
static enum err base64(struct span text, struct buf *out)
{
    AUTO(buf_free) struct buf packed = { 0 };
    for (size_t i = 0; i < text.len; i++)
        if (!isspace(text.ptr[i]))
            TRY(buf_append(&packed, span_of(text.ptr + i, 1)));
    if (packed.len == 0 || packed.len % 4 != 0 || packed.len > ANSWER_CERTIFICATE_MAX * 3)
        return malformed("certificate: not base64");
    size_t padding = (size_t)(packed.ptr[packed.len - 1] == '=') +
                     (size_t)(packed.ptr[packed.len - 2] == '=');
    TRY(buf_resize(out, packed.len / 4 * 3));
    int len = EVP_DecodeBlock(out->ptr, packed.ptr, (int)packed.len);
    if (len < 0 || (size_t)len < padding)
        return malformed("certificate: not base64");
    return buf_resize(out, (size_t)len - padding);
}

static enum err of_pem(struct span text, X509 **certificate_out)
{
    AUTO(bio_drop) BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
    X509 *certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);
    ERR_clear_error();
    if (certificate == NULL)
        return malformed("certificate: not PEM");
    *certificate_out = certificate;
    return ERR_OK;
}

static enum err of_der(struct span der, X509 **certificate_out)
{
    const uint8_t *p = der.ptr;
    AUTO(ssl_certificate_drop)
    X509 *certificate =
        der.len > ANSWER_CERTIFICATE_MAX ? NULL : d2i_X509(NULL, &p, (long)der.len);
    ERR_clear_error();
    if (certificate == NULL || p != der.ptr + der.len)
        return malformed("certificate: not one certificate in DER");
    *certificate_out = TAKE(certificate);
    return ERR_OK;
}

static bool begins(struct span text, const char *with)
{
    return text.len >= strlen(with) && memcmp(text.ptr, with, strlen(with)) == 0;
}

/* Base64 of DER, of PEM, or of base64 of DER, as the versions differ. */
static enum err certificate_of(const json_t *holder, X509 **certificate_out)
{
    AUTO(buf_free) struct buf once = { 0 };
    AUTO(buf_free) struct buf twice = { 0 };
    const char *text = text_at(holder, "certificate");
    if (text == NULL)
        text = text_at(holder, "base64Cert");
    if (text == NULL)
        return malformed("no certificate");
    TRY(base64(span_of(text, strlen(text)), &once));
    if (begins(buf_span(&once), "-----BEGIN"))
        return of_pem(buf_span(&once), certificate_out);
    if (once.len > 0 && once.ptr[0] == 0x30)
        return of_der(buf_span(&once), certificate_out);
    TRY(base64(buf_span(&once), &twice));
    return of_der(buf_span(&twice), certificate_out);
}

enum err answer_certificate(struct span body, X509 **certificate_out)
{
    AUTO(json_drop) json_t *json = object_of(body);
    return json == NULL ? malformed("not a JSON object")
                        : certificate_of(json, certificate_out);
}

void answer_found_free(struct answer_found *found)
{
    for (size_t i = 0; i < found->count; i++)
        X509_free(found->certificates[i]);
    *found = (struct answer_found){ 0 };
}

enum err answer_search(struct span body, struct answer_found *found_out)
{
    AUTO(json_drop) json_t *json = object_of(body);
    AUTO(answer_found_free) struct answer_found found = { 0 };
    const json_t *list = json_object_get(json, "certificates");
    if (!json_is_array(list))
        return malformed("no list of certificates");
    found.more = json_array_size(list) > ANSWER_FOUND_MAX ||
                 json_is_true(json_object_get(json, "more_results"));
    for (size_t i = 0; i < json_array_size(list) && found.count < ANSWER_FOUND_MAX; i++) {
        TRY(certificate_of(json_array_get(list, i), &found.certificates[found.count]));
        found.count++;
    }
    *found_out = found;
    found.count = 0;
    return ERR_OK;
}

enum err answer_revoked(struct span body, bool *revoked_out)
{
    AUTO(json_drop) json_t *json = object_of(body);
    const json_t *revoked = json_object_get(json, "revoked");
    if (!json_is_boolean(revoked))
        return malformed("no revocation status");
    *revoked_out = json_is_true(revoked);
    return ERR_OK;
}

enum err answer_status(struct span body, struct answer_status *status_out)
{
    AUTO(json_drop) json_t *json = object_of(body);
    const char *version = text_at(json, "version"), *revision = text_at(json, "revision");
    if (version == NULL || revision == NULL)
        return malformed("no version and revision");
    clean_put(status_out->version, sizeof(status_out->version), version);
    clean_put(status_out->revision, sizeof(status_out->revision), revision);
    return ERR_OK;
}

enum err answer_ca_subject(struct span body, const char *name,
                           char subject_out[static ANSWER_TEXT_MAX * 2])
{
    AUTO(json_drop) json_t *json = object_of(body);
    const json_t *list = json_object_get(json, "certificate_authorities");
    if (!json_is_array(list) || json_array_size(list) > ANSWER_CAS_MAX)
        return malformed("no list of CAs");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        const char *its_name = text_at(row, "name"), *subject = text_at(row, "subject_dn");
        if (its_name == NULL || subject == NULL || strcmp(its_name, name) != 0)
            continue;
        clean_put(subject_out, ANSWER_TEXT_MAX * 2, subject);
        return ERR_OK;
    }
    return fail_quiet(ERR_NOT_FOUND, "ca: EJBCA: no CA of that name");
}

void answer_text(struct span body, char text_out[static ANSWER_TEXT_MAX])
{
    AUTO(json_drop) json_t *json = object_of(body);
    char start[ANSWER_TEXT_MAX] = "";
    const char *text = text_at(json, "error_message");
    if (text == NULL)
        text = text_at(json, "info_message");
    if (json == NULL && body.len != 0) {
        snprintf(start, sizeof(start), "%.*s", (int)(body.len < 120 ? body.len : 120),
                 (const char *)body.ptr);
        text = start;
    }
    clean_put(text_out, ANSWER_TEXT_MAX, text == NULL ? "" : text);
}
