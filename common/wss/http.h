/* SPDX-License-Identifier: MIT */
/*
 * http: what a server answers to HTTP that does not become a WebSocket of ours. For wss/ only.
 */
#pragma once

#include <libwebsockets.h>

/* A request to become a WebSocket: 0 if it may, else it was answered and is to be closed. I/O
 * thread. */
int http_confirm_upgrade(struct lws *wsi);
int http_refuse_request(struct lws *wsi); /* any other request; always -1 */
