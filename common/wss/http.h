/* SPDX-License-Identifier: MIT */
/*
 * http: the server's answers to HTTP requests that do not become a WebSocket of the
 * subprotocol. For wss/ only.
 */
#pragma once

#include <libwebsockets.h>

/* A request to upgrade to WebSocket: 0 if it may, else it was answered and the connection is to
 * be closed. I/O thread (test_wss_http). */
int http_confirm_upgrade(struct lws *wsi);
int http_refuse_request(struct lws *wsi); /* any other request; returns -1 */
