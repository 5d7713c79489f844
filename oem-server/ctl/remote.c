/* SPDX-License-Identifier: MIT */
/*
 * oemctl's client (common/client): its configuration, its messages, and streaming calls. Called
 * by the commands. A call must carry the deadline that its user gave.
 */
#include "oem-server/ctl/remote.h"

#include <stdlib.h>
#include <string.h>

#include "common/client/client.h"
#include "common/host/log.h"
#include "common/host/server_url.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/details.h"

enum { CALL_TIMEOUT_MS = 30000, PATIENCE_MS = 2000 };
enum { ATTEMPTS = 4, BACKOFF_MS = 200, BACKOFF_CAP_MS = 1000 };

struct remote {
    struct settings settings;
    struct server_url address;
    struct proxy proxy;
    EVP_PKEY *key;
    unsigned timeout_ms;
    struct client *client;
    struct client_line line;
    struct ctl_pending *pending; /* of the command; or NULL */
};

static const struct client_again again = { ATTEMPTS, UINT64_MAX };

static enum err start(struct remote *r)
{
    const struct client_config config = {
        .host = r->address.host,
        .port = r->address.port,
        .proxy = &r->proxy,
        .ca_file = r->settings.ca,
        .certificate_file = r->settings.cert,
        .key_file = r->settings.key,
        .key = r->key,
        .software = "oemctl/" HALLMARK_VERSION,
        .self = "client",
        .patience_ms = PATIENCE_MS,
        .backoff_ms = BACKOFF_MS,
        .backoff_cap_ms = BACKOFF_CAP_MS,
    };
    return client_open(&config, &r->client);
}

/* A warning, because the command itself is served. */
static void warn_of_clock(const struct remote *r)
{
    char words[CLIENT_CLOCK_WORDS_MAX];
    if (client_clock_differs(r->client, words))
        fprintf(stderr, "oemctl: warning: %s\n", words);
}

static enum err await_first(struct remote *r)
{
    char words[FAIL_WORDS_MAX];
    enum err e = client_await(r->client, UINT64_MAX);
    client_line_open(r->client, &r->line);
    snprintf(words, sizeof(words), "%s", fail_words());
    return e == ERR_OK ? ERR_OK : fail_quiet(e, "%s: %.340s", r->settings.server, words);
}

enum err remote_open(const struct ctl *ctl, struct remote **remote_out)
{
    AUTO(remote_close) struct remote *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return fail_quiet(ERR_MEMORY, "no memory for a connection");
    r->settings = ctl->wanted;
    r->pending = ctl->pending;
    r->timeout_ms = ctl->timeout_s == 0 ? CALL_TIMEOUT_MS : ctl->timeout_s * 1000;
    TRY(settings_complete(&r->settings, ctl->config));
    TRY(server_url_parse(r->settings.server, &r->address));
    TRY(proxy_choose(*r->settings.proxy == '\0' ? NULL : r->settings.proxy, r->address.host,
                     &r->proxy));
    TRY(credential_key_load(r->settings.key, &r->key));
    TRY(start(r));
    TRY(await_first(r));
    warn_of_clock(r);
    *remote_out = TAKE(r);
    return ERR_OK;
}

void remote_close(struct remote **remote)
{
    struct remote *r = *remote;
    if (r == NULL)
        return;
    client_line_close(&r->line);
    client_close(r->client);
    EVP_PKEY_free(r->key);
    OPENSSL_cleanse(&r->proxy, sizeof(r->proxy));
    OPENSSL_cleanse(r->settings.proxy, sizeof(r->settings.proxy));
    free(r);
    *remote = NULL;
}

const struct settings *remote_settings(const struct remote *remote)
{
    return &remote->settings;
}

static Hallmark__V1__FrameRequest request_of(const struct remote *r, const char *method,
                                             struct span payload)
{
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    request.method = (char *)(uintptr_t)method;
    request.payload.data = (uint8_t *)(uintptr_t)payload.ptr;
    request.payload.len = payload.len;
    request.timeout_ms = r->timeout_ms;
    return request;
}

/* On the I/O thread, while remote_send() waits. */
static void keep_pending(void *context, const Hallmark__V1__FrameResponse *response)
{
    struct remote *r = context;
    if (r->pending != NULL && err_from_wire(response->code, response->status) == ERR_PENDING)
        *r->pending = details_pending(response);
}

enum err remote_send(void *context, const char *method, struct span payload,
                     struct buf *response_out)
{
    struct remote *r = context;
    Hallmark__V1__FrameRequest request = request_of(r, method, payload);
    const struct client_hook hook = { keep_pending, r };
    TRY(client_call(&r->line, &again, &request, &hook, response_out));
    client_used(r->client);
    return ERR_OK;
}

static enum err open_stream(void *context, struct client_line *line,
                            const Hallmark__V1__FrameRequest *request)
{
    return wss_stream_open(line->conn, request, context);
}

enum err remote_stream(struct remote *r, const char *method, struct span payload,
                       uint32_t timeout_ms, struct wss_stream **stream_out)
{
    Hallmark__V1__FrameRequest request = request_of(r, method, payload);
    request.timeout_ms = timeout_ms == 0 ? r->timeout_ms : timeout_ms;
    return client_repeat(&r->line, &again, &request, open_stream, stream_out);
}
