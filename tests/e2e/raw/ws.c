/* SPDX-License-Identifier: MIT */
#include "tests/e2e/raw/ws.h"

#include <netdb.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/core/wr.h"
#include "common/host/log.h"

enum {
    WAIT_S = 20,
    ANSWER_MAX = 4096,
    MESSAGE_MAX = 8 << 20,
    FINAL = 0x80,
    MASKED = 0x80,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    CONTROL_MAX = 125,
};

static enum err tls_failure(const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *why = ERR_reason_error_string(code);
    ERR_clear_error();
    return fail_quiet(ERR_TLS, "%s: %s", what, why != NULL ? why : "connection lost");
}

static enum err tls_context(const struct ws_target *t, SSL_CTX **out)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    *out = context;
    if (context == NULL || SSL_CTX_load_verify_file(context, t->ca) != 1)
        return tls_failure(t->ca);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (t->certificate == NULL)
        return ERR_OK;
    if (SSL_CTX_use_certificate_chain_file(context, t->certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, t->key, SSL_FILETYPE_PEM) != 1)
        return tls_failure(t->certificate);
    return ERR_OK;
}

static enum err tcp_connect(const struct ws_target *t, int *fd_out)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET };
    const struct timeval wait = { .tv_sec = WAIT_S };
    struct addrinfo *found = NULL;
    if (getaddrinfo(t->host, t->port, &hints, &found) != 0 || found == NULL)
        return fail_quiet(ERR_IO, "%s:%s: no such place", t->host, t->port);
    int fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
    bool connected = fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0;
    freeaddrinfo(found);
    *fd_out = fd;
    if (!connected)
        return fail_quiet(ERR_IO, "%s:%s: cannot connect", t->host, t->port);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
    return ERR_OK;
}

static enum err tls_connect(struct ws *ws, const struct ws_target *t)
{
    ws->ssl = SSL_new(ws->context);
    if (ws->ssl == NULL || SSL_set1_host(ws->ssl, t->host) != 1 ||
        SSL_set_tlsext_host_name(ws->ssl, t->host) != 1 || SSL_set_fd(ws->ssl, ws->fd) != 1 ||
        SSL_connect(ws->ssl) != 1)
        return tls_failure("handshake");
    return ERR_OK;
}

/* A server refuses a TLS 1.3 client's certificate after its handshake: at the first read. */
static enum err read_exactly(struct ws *ws, void *out, size_t len)
{
    for (size_t done = 0; done < len;) {
        size_t got = 0;
        if (SSL_read_ex(ws->ssl, (uint8_t *)out + done, len - done, &got) != 1)
            return tls_failure("read");
        done += got;
    }
    return ERR_OK;
}

static enum err write_all(struct ws *ws, struct span bytes)
{
    size_t sent = 0;
    if (bytes.len > 0 && SSL_write_ex(ws->ssl, bytes.ptr, bytes.len, &sent) != 1)
        return tls_failure("write");
    return ERR_OK;
}

static enum err upgrade(struct ws *ws, const struct ws_target *t)
{
    char request[512], answer[ANSWER_MAX] = "";
    int len = snprintf(request, sizeof(request),
                       "GET / HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                       "Sec-WebSocket-Protocol: %s\r\n\r\n",
                       t->host, t->port, t->subprotocol);
    if (len < 0 || (size_t)len >= sizeof(request))
        return fail_quiet(ERR_LIMIT, "the request is too long");
    TRY(write_all(ws, span_of(request, (size_t)len)));
    for (size_t n = 0; n + 1 < sizeof(answer); n++) {
        TRY(read_exactly(ws, answer + n, 1));
        if (n >= 3 && memcmp(answer + n - 3, "\r\n\r\n", 4) == 0)
            break;
    }
    answer[strcspn(answer, "\r\n")] = '\0';
    return strncmp(answer, "HTTP/1.1 101", 12) == 0
               ? ERR_OK
               : fail_quiet(ERR_PROTO, "no WebSocket: %.100s", answer);
}

enum err ws_open(struct ws *ws, const struct ws_target *target)
{
    *ws = (struct ws){ .fd = -1 };
    TRY(tls_context(target, &ws->context));
    TRY(tcp_connect(target, &ws->fd));
    TRY(tls_connect(ws, target));
    return upgrade(ws, target);
}

/* A mask of zeros is a mask (RFC 6455, 5.3). */
enum err ws_send(struct ws *ws, enum ws_opcode opcode, struct span payload)
{
    uint8_t head[16];
    struct wr w = wr_of(head, sizeof(head));
    wr_u8(&w, (uint8_t)(FINAL | opcode));
    if (opcode >= WS_CLOSE && payload.len <= CONTROL_MAX) {
        wr_u8(&w, (uint8_t)(MASKED | payload.len)); /* no longer form is allowed (5.5) */
    } else {
        wr_u8(&w, MASKED | LENGTH_64);
        wr_u32be(&w, (uint32_t)((uint64_t)payload.len >> 32));
        wr_u32be(&w, (uint32_t)payload.len);
    }
    wr_u32be(&w, 0);
    TRY(wr_end(&w));
    TRY(write_all(ws, wr_done(&w)));
    return write_all(ws, payload);
}

static enum err frame_length(struct ws *ws, uint8_t byte, size_t *len_out)
{
    uint8_t more[8];
    size_t size = byte == LENGTH_64 ? 8 : byte == LENGTH_16 ? 2 : 0;
    uint64_t len = byte;
    TRY(read_exactly(ws, more, size));
    for (size_t i = 0; i < size; i++)
        len = (i == 0 ? 0 : len << 8) | more[i];
    if (len > MESSAGE_MAX)
        return fail_quiet(ERR_LIMIT, "a frame of %llu bytes", (unsigned long long)len);
    *len_out = (size_t)len;
    return ERR_OK;
}

static enum err closed(struct ws *ws, struct span payload)
{
    struct rd r = rd_of(payload);
    ws->close_code = payload.len == 0 ? 0 : rd_u16be(&r);
    snprintf(ws->reason, sizeof(ws->reason), "%.*s", (int)r.rest.len, (const char *)r.rest.ptr);
    return fail_quiet(ERR_CLOSED, "closed with %u: %s", ws->close_code, ws->reason);
}

static enum err frame(struct ws *ws, uint8_t *first_out, struct buf *payload)
{
    uint8_t head[2];
    size_t len = 0;
    TRY(read_exactly(ws, head, sizeof(head)));
    TRY(frame_length(ws, head[1], &len));
    TRY(buf_resize(payload, len));
    *first_out = head[0];
    return read_exactly(ws, payload->ptr, len);
}

enum err ws_take(struct ws *ws, struct buf *message_out, bool *whole_out)
{
    AUTO(buf_free) struct buf part = { 0 };
    uint8_t first = 0;
    *whole_out = false;
    TRY(frame(ws, &first, &part));
    if ((first & 0xf) == WS_CLOSE)
        return closed(ws, buf_span(&part));
    if ((first & 0xf) == WS_PING)
        return ws_send(ws, WS_PONG, buf_span(&part));
    if ((first & 0xf) > WS_CLOSE)
        return ERR_OK;
    TRY(buf_append(&ws->message, buf_span(&part)));
    if ((first & FINAL) == 0)
        return ERR_OK;
    *message_out = buf_take(&ws->message);
    *whole_out = true;
    return ERR_OK;
}

enum err ws_receive(struct ws *ws, struct buf *message_out)
{
    for (bool whole = false; !whole;)
        TRY(ws_take(ws, message_out, &whole));
    return ERR_OK;
}

bool ws_has_bytes(const struct ws *ws)
{
    return SSL_pending(ws->ssl) > 0;
}

void ws_close(struct ws *ws)
{
    buf_free(&ws->message);
    SSL_free(ws->ssl);
    SSL_CTX_free(ws->context);
    if (ws->fd >= 0)
        close(ws->fd);
    *ws = (struct ws){ .fd = -1 };
}
