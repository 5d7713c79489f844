/* SPDX-License-Identifier: MIT */
/*
 * http: answers HTTP requests, because libwebsockets would close without an answer. Called by
 * callback.c on the I/O thread, after TLS and before there is a wss_conn. It must never let a
 * request through that RFC 6455 4.2.1 does not allow (test_wss_http).
 */
#include "common/wss/http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/core/err.h"
#include "common/host/log.h"
#include "common/rpc/peer.h"

enum { ANSWER_MAX = 512, VALUE_MAX = 64 };

#define BAD_REQUEST      "400 Bad Request"
#define UPGRADE_REQUIRED "426 Upgrade Required"

#define WEBSOCKET_VERSION "13"

/* The answer says what the client should send; the connection ends with it. Written by hand,
 * because libwebsockets does not know the request's version yet and would answer with HTTP/1.0.
 */
static int refuse(struct lws *wsi, const char *status, const char *words)
{
    char answer[LWS_PRE + ANSWER_MAX];
    int len = snprintf(answer + LWS_PRE, ANSWER_MAX,
                       "HTTP/1.1 %s\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n"
                       "Sec-WebSocket-Version: " WEBSOCKET_VERSION
                       "\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s",
                       status, strlen(words), words);
    if (len > 0 && len < ANSWER_MAX)
        (void)lws_write(wsi, (uint8_t *)answer + LWS_PRE, (size_t)len, LWS_WRITE_HTTP_HEADERS);
    return -1;
}

static bool is(struct lws *wsi, enum lws_token_indexes token, const char *want)
{
    char value[VALUE_MAX];
    return lws_hdr_copy(wsi, value, sizeof(value), token) > 0 && strcasecmp(value, want) == 0;
}

/* A client may offer several subprotocols. */
static bool offers_ours(struct lws *wsi)
{
    char value[4 * VALUE_MAX], *rest = value;
    if (lws_hdr_copy(wsi, value, sizeof(value), WSI_TOKEN_PROTOCOL) <= 0)
        return false;
    for (char *one; (one = strsep(&rest, ", ")) != NULL;)
        if (strcmp(one, RPC_SUBPROTOCOL) == 0)
            return true;
    return false;
}

int http_confirm_upgrade(struct lws *wsi)
{
    if (!is(wsi, WSI_TOKEN_HTTP, "HTTP/1.1"))
        return refuse(wsi, BAD_REQUEST, "a WebSocket needs HTTP/1.1\n");
    if (!is(wsi, WSI_TOKEN_UPGRADE, "websocket"))
        return refuse(wsi, UPGRADE_REQUIRED, "this server speaks WebSocket only\n");
    if (!is(wsi, WSI_TOKEN_VERSION, WEBSOCKET_VERSION))
        return refuse(wsi, UPGRADE_REQUIRED, "Sec-WebSocket-Version must be 13\n");
    if (lws_hdr_total_length(wsi, WSI_TOKEN_KEY) == 0)
        return refuse(wsi, BAD_REQUEST, "there is no Sec-WebSocket-Key\n");
    if (!offers_ours(wsi))
        return refuse(wsi, BAD_REQUEST, "Sec-WebSocket-Protocol must be " RPC_SUBPROTOCOL "\n");
    return 0;
}

int http_refuse_request(struct lws *wsi)
{
    return refuse(wsi, UPGRADE_REQUIRED, "this server speaks WebSocket only\n");
}
