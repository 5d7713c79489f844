/* SPDX-License-Identifier: MIT */
/*
 * close_frame: the code of a server's close frame as it was sent. libwebsockets 4.1 gives a
 * client 1012, 1013 and 1014 (restart, try again, bad gateway) as 1002, a protocol error, which
 * is not worth another attempt. So a client looks at the end of each TLS record with SSL_peek()
 * just before libwebsockets reads that record. Called by callback.c on the I/O thread. What is
 * found must be the frame that libwebsockets reports, byte for byte apart from the code
 * (test_client: temporary_close_codes).
 */
#include <openssl/err.h>
#include <string.h>

#include "common/wss/conn.h"

enum { CODE_FIRST = 1012, CODE_LAST = 1014 };
enum { HEADER = 2, FIN_CLOSE = 0x88 }; /* RFC 6455, 5.2: a server does not mask */

/* Runs when lws's own watcher of the socket is due, and before it, by its priority. One record
 * is decrypted, which lws then reads; if none is complete, neither gets anything. */
static void on_readable(struct ev_loop *loop, struct ev_io *readable, int events)
{
    (void)loop, (void)events;
    struct wss_conn *conn = lws_container_of(readable, struct wss_conn, readable);
    uint8_t record[SSL3_RT_MAX_PLAIN_LENGTH];
    int len = SSL_peek(lws_get_ssl(conn->wsi), record, sizeof(record));
    if (len <= 0) {
        ERR_clear_error(); /* lws meets the same, and deals with it */
        return;
    }
    size_t kept = (size_t)len < sizeof(conn->tail) ? (size_t)len : sizeof(conn->tail);
    memcpy(conn->tail, record + len - kept, kept);
    conn->tail_len = kept;
}

void close_frame_watch(struct wss_conn *conn)
{
    ev_io_init(&conn->readable, on_readable, lws_get_socket_fd(conn->wsi), EV_READ);
    ev_set_priority(&conn->readable, EV_MAXPRI);
    ev_io_start(conn->wss->loop, &conn->readable);
}

void close_frame_forget(struct wss_conn *conn)
{
    if (ev_is_active(&conn->readable))
        ev_io_stop(conn->wss->loop, &conn->readable);
}

unsigned close_frame_code(const struct wss_conn *conn, struct span body)
{
    struct rd r = rd_of(body);
    unsigned shown = rd_u16be(&r);
    if (shown != LWS_CLOSE_STATUS_PROTOCOL_ERR || conn->tail_len < HEADER + body.len)
        return shown;
    const uint8_t *frame = conn->tail + conn->tail_len - HEADER - body.len;
    struct rd sent = rd_of(span_of(frame + HEADER, body.len));
    unsigned code = rd_u16be(&sent);
    bool same = frame[0] == FIN_CLOSE && frame[1] == body.len && span_eq(sent.rest, r.rest);
    return same && code >= CODE_FIRST && code <= CODE_LAST ? code : shown;
}
