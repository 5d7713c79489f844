/* SPDX-License-Identifier: MIT */
/* What EJBCA, or whoever answers in its place, sends: each parser of an answer gets the bytes.
 */
#include <string.h>

#include "oem-server/ca/ejbca/answer.h"
#include "tests/fuzz/fuzz.h"

static void one_certificate(struct span input)
{
    X509 *certificate = NULL;
    if (answer_certificate(input, &certificate) != ERR_OK) {
        FUZZ_CHECK(certificate == NULL);
        return;
    }
    FUZZ_CHECK(certificate != NULL && input.len <= ANSWER_MAX);
    X509_free(certificate);
}

static void search(struct span input)
{
    struct answer_found found = { 0 };
    if (answer_search(input, &found) != ERR_OK)
        FUZZ_CHECK(found.count == 0);
    FUZZ_CHECK(found.count <= ANSWER_FOUND_MAX);
    for (size_t i = 0; i < found.count; i++)
        FUZZ_CHECK(found.certificates[i] != NULL);
    answer_found_free(&found);
}

static void texts(struct span input)
{
    struct answer_status status = { 0 };
    char subject[2 * ANSWER_TEXT_MAX] = "", text[ANSWER_TEXT_MAX];
    bool revoked = false;
    if (answer_status(input, &status) == ERR_OK)
        FUZZ_CHECK(memchr(status.version, '\0', sizeof(status.version)) != NULL);
    if (answer_ca_subject(input, "CA", subject) == ERR_OK)
        FUZZ_CHECK(memchr(subject, '\0', sizeof(subject)) != NULL);
    if (answer_revoked(input, &revoked) != ERR_OK)
        FUZZ_CHECK(!revoked);
    answer_text(input, text);
    FUZZ_CHECK(memchr(text, '\0', sizeof(text)) != NULL);
}

void fuzz_one(struct span input)
{
    one_certificate(input);
    search(input);
    texts(input);
}

static void put_text(fuzz_put *put, void *context, const char *name, const char *text)
{
    put(context, name, span_of(text, strlen(text)));
}

/* The rest of the corpus is what the stand-in answers. */
void fuzz_seeds(fuzz_put *put, void *context)
{
    put_text(put, context, "empty", "");
    put_text(put, context, "status",
             "{\"status\":\"OK\",\"version\":\"1.0\",\"revision\":\"EJBCA 9\"}");
    put_text(put, context, "error", "{\"error_code\":400,\"error_message\":\"CA is offline\"}");
    put_text(put, context, "revoked", "{\"serial_number\":\"01\",\"revoked\":true}");
    put_text(put, context, "none", "{\"certificates\":[],\"more_results\":false}");
    put_text(put, context, "base64", "{\"certificate\":\"MIIB\"}");
    put_text(put, context, "cas",
             "{\"certificate_authorities\":[{\"name\":\"CA\",\"subject_dn\":\"CN=CA\"}]}");
    put_text(put, context, "html", "<html><title>Welcome</title></html>");
}
