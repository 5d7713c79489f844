/* SPDX-License-Identifier: MIT */
/*
 * close_reason: why a connection was not made, or ended, and whether another attempt may
 * succeed.
 *
 * For wss/ and its test; other code calls wss_why() (wss.h). Plain values, no state.
 */
#pragma once

#include <stdbool.h>

#include "common/core/err.h"

struct wss_ending {
    long verify;   /* of the server's certificate: X509_V_OK, or what is wrong with it */
    int alert;     /* that the peer ended the TLS handshake with (RFC 8446, 6); 0: none */
    unsigned http; /* status of its answer to the upgrade, if that failed; 0: none */
    unsigned code; /* of the WebSocket's close (RFC 6455, 7.4.1); 0: none */
    bool by_peer;  /* it sent that code; else we did */
};

/* ERR_UNAVAILABLE: temporary. ERR_TLS: one side does not trust the other's certificate.
 * ERR_DENIED: the peer refuses this client. ERR_PROTO: it speaks another protocol
 * (test_wss_close_reason). */
enum err ending_err(const struct wss_ending *ending);
