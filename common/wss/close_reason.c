/* SPDX-License-Identifier: MIT */
/*
 * close_reason: classifies the ends of connections. Called by common/client through wss_why(),
 * to decide whether to reconnect. A temporary failure must not be taken for a
 * permanent one.
 */
#include "common/wss/close_reason.h"

#include <openssl/ssl.h>

#include "common/host/own.h"
#include "common/wss/conn.h"

/* Alerts that the same two ends would repeat. Others, such as internal_error, may be temporary.
 */
static const int lasting_alerts[] = {
    TLS1_AD_BAD_CERTIFICATE_STATUS_RESPONSE,
    SSL3_AD_BAD_CERTIFICATE,
    SSL3_AD_UNSUPPORTED_CERTIFICATE,
    SSL3_AD_CERTIFICATE_REVOKED,
    SSL3_AD_CERTIFICATE_EXPIRED,
    SSL3_AD_CERTIFICATE_UNKNOWN,
    SSL3_AD_HANDSHAKE_FAILURE,
    SSL3_AD_ILLEGAL_PARAMETER,
    TLS1_AD_UNKNOWN_CA,
    TLS1_AD_ACCESS_DENIED,
    TLS1_AD_DECRYPT_ERROR,
    TLS1_AD_PROTOCOL_VERSION,
    TLS1_AD_INSUFFICIENT_SECURITY,
    TLS1_AD_UNRECOGNIZED_NAME,
    TLS1_AD_NO_APPLICATION_PROTOCOL,
    TLS13_AD_MISSING_EXTENSION,
    TLS13_AD_CERTIFICATE_REQUIRED,
};

/* 1001, 1005, 1006, 1011 to 1014 and unknown codes may be temporary. */
static const struct {
    unsigned code;
    bool by_peer_only; /* sent by this end it means that the peer did not read: temporary */
    enum err err;
} lasting_codes[] = {
    { LWS_CLOSE_STATUS_PROTOCOL_ERR, false, ERR_PROTO },
    { LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE, false, ERR_PROTO },
    { LWS_CLOSE_STATUS_INVALID_PAYLOAD, false, ERR_PROTO },
    { LWS_CLOSE_STATUS_POLICY_VIOLATION, true, ERR_DENIED },
    { LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, false, ERR_PROTO },
    { LWS_CLOSE_STATUS_EXTENSION_REQUIRED, true, ERR_PROTO },
};

static bool alert_lasts(int alert)
{
    for (size_t i = 0; i < COUNT(lasting_alerts); i++)
        if (lasting_alerts[i] == alert)
            return true;
    return false;
}

static enum err code_err(const struct wss_ending *ending)
{
    for (size_t i = 0; i < COUNT(lasting_codes); i++)
        if (lasting_codes[i].code == ending->code &&
            (ending->by_peer || !lasting_codes[i].by_peer_only))
            return lasting_codes[i].err;
    return ERR_UNAVAILABLE;
}

/* 101, but to another subprotocol. A proxy whose server is away answers 5xx; 408, 425 and 429
 * ask for a retry. */
static bool http_lasts(unsigned status)
{
    return status == 101 ||
           (status >= 200 && status < 500 && status != 408 && status != 425 && status != 429);
}

enum err ending_err(const struct wss_ending *ending)
{
    if (ending->verify != X509_V_OK || alert_lasts(ending->alert))
        return ERR_TLS;
    if (http_lasts(ending->http))
        return ERR_PROTO;
    return code_err(ending);
}

enum err wss_why(struct wss *wss, struct wss_conn *conn)
{
    if (conn == NULL)
        return ending_err(&wss->ending);
    pthread_mutex_lock(&conn->lock);
    const struct wss_ending ending = { .verify = X509_V_OK,
                                       .code = conn->close_code,
                                       .by_peer = conn->by_peer };
    pthread_mutex_unlock(&conn->lock);
    return ending_err(&ending);
}
