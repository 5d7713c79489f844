/* SPDX-License-Identifier: MIT */
/*
 * http: see http.h. Called by ask.c on workers. It must not send a request twice
 * (tests/interop/ejbca/faults), and must not read more of an answer than it may.
 */
#include "oem-server/ca/ejbca/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/clean.h"
#include "oem-server/ca/ejbca/answer.h"

enum { HEADERS_MAX = 16 * 1024 };

struct transfer {
    struct http_answer *answer;
    size_t headers;
    bool too_long;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start_library(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *t = context;
    size_t len = size * count;
    t->too_long = t->answer->body.len + len > ANSWER_MAX;
    if (t->too_long || buf_append(&t->answer->body, span_of(bytes, len)) != ERR_OK)
        return 0;
    return len;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *t = context;
    size_t len = size * count;
    char line[80];
    t->headers += len;
    if (t->headers > HEADERS_MAX) {
        t->too_long = true;
        return 0;
    }
    snprintf(line, sizeof(line), "%.*s", (int)(len < 79 ? len : 79), bytes);
    if (strncasecmp(line, "date:", 5) == 0) {
        time_t date = curl_getdate(line + 5, NULL);
        t->answer->date = date > 0 ? (int64_t)date : 0;
    }
    return len;
}

static bool set_who(CURL *curl, const struct ejbca_config *c)
{
    return curl_easy_setopt(curl, CURLOPT_SSLCERT, c->certificate) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLKEY, c->key) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CAINFO, c->trust) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) ==
               CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
}

static bool set_limits(CURL *curl, const struct ejbca_config *c)
{
    return curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ==
               CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect_timeout_ms) ==
               CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms) == CURLE_OK;
}

static bool set_call(CURL *curl, const struct http_call *call, const char *url,
                     struct curl_slist *headers, struct transfer *t, char *error)
{
    bool body = call->body != NULL;
    return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, t) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HEADERDATA, t) == CURLE_OK &&
           (!body || curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body) == CURLE_OK) &&
           curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method) == CURLE_OK;
}

static enum ejbca_fault timed_out(CURL *curl)
{
    curl_off_t connected = 0;
    curl_easy_getinfo(curl, CURLINFO_APPCONNECT_TIME_T, &connected);
    return connected == 0 ? FAULT_UNREACHABLE : FAULT_SLOW;
}

static enum ejbca_fault fault_from(CURL *curl, CURLcode code, const struct transfer *t,
                                   const char *error)
{
    if (t->too_long)
        return FAULT_TOO_LONG;
    switch (code) {
    case CURLE_OK:
        return FAULT_NONE;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return FAULT_UNREACHABLE;
    case CURLE_PEER_FAILED_VERIFICATION:
        return FAULT_TLS_SERVER;
    case CURLE_OPERATION_TIMEDOUT:
        return timed_out(curl);
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CONNECT_ERROR:
        return FAULT_TLS_CLIENT;
    default: /* in TLS 1.3 the client is refused after its side of the handshake is done */
        return strstr(error, "alert") != NULL ? FAULT_TLS_CLIENT : FAULT_LOST;
    }
}

static enum ejbca_fault perform(CURL *curl, const struct ejbca_config *config,
                                const struct http_call *call, const char *url,
                                struct curl_slist *headers, struct http_answer *answer)
{
    char error[CURL_ERROR_SIZE] = "";
    struct transfer t = { .answer = answer };
    if (!set_who(curl, config) || !set_limits(curl, config) ||
        !set_call(curl, call, url, headers, &t, error)) {
        snprintf(answer->detail, sizeof(answer->detail), "libcurl cannot do this");
        return FAULT_UNREACHABLE;
    }
    CURLcode code = curl_easy_perform(curl);
    enum ejbca_fault fault = fault_from(curl, code, &t, error);
    if (fault == FAULT_NONE)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    else
        clean_put(answer->detail, sizeof(answer->detail),
                  error[0] != '\0' ? error : curl_easy_strerror(code));
    return fault;
}

static struct curl_slist *headers_new(void)
{
    static const char *const lines[] = { "Content-Type: application/json",
                                         "Accept: application/json, text/plain, */*",
                                         "X-Keyfactor-Requested-With: hallmark", "Expect:" };
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct curl_slist *longer = curl_slist_append(list, lines[i]);
        if (longer == NULL) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

enum ejbca_fault http_do(const struct ejbca_config *config, const struct http_call *call,
                         struct http_answer *answer_out)
{
    AUTO(free_drop) char *url = NULL;
    enum ejbca_fault fault = FAULT_UNREACHABLE;
    pthread_once(&once, start_library);
    *answer_out = (struct http_answer){ 0 };
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = headers_new();
    if (curl != NULL && headers != NULL && asprintf(&url, "%s%s", config->url, call->path) >= 0)
        fault = perform(curl, config, call, url, headers, answer_out);
    else
        snprintf(answer_out->detail, sizeof(answer_out->detail), "no memory");
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return fault;
}

void http_answer_free(struct http_answer *answer)
{
    buf_free(&answer->body);
}

char *http_escape(const char *text)
{
    char *escaped = curl_easy_escape(NULL, text, 0);
    char *copy = escaped == NULL ? NULL : strdup(escaped);
    curl_free(escaped);
    return copy;
}
