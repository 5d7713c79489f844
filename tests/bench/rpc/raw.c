/* SPDX-License-Identifier: MIT */
#include "tests/bench/rpc/raw.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/rpc/files.h"

SSL_CTX *raw_tls(bool server, const char *folder)
{
    struct files files = { folder, server ? "server" : "client" };
    SSL_CTX *tls = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (tls == NULL || files_tls(&files, tls) != ERR_OK ||
        SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1)
        load_die("no TLS");
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_num_tickets(tls, 0);
    return tls;
}

static void watch(struct raw_link *link, int operation, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = link };
    if (epoll_ctl(link->poll, operation, link->fd, &event) != 0)
        load_die("epoll_ctl");
}

struct raw_link *raw_link_new(SSL_CTX *tls, int fd, int poll, bool server)
{
    struct raw_link *link = calloc(1, sizeof(*link));
    int on = 1;
    if (link == NULL || (link->ssl = SSL_new(tls)) == NULL)
        load_die("no memory");
    link->fd = fd;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    SSL_set_fd(link->ssl, fd);
    if (server)
        SSL_set_accept_state(link->ssl);
    else
        SSL_set_connect_state(link->ssl);
    link->poll = poll;
    link->speaks_first = !server;
    watch(link, EPOLL_CTL_ADD, server ? EPOLLIN : EPOLLOUT);
    return link;
}

void raw_link_free(struct raw_link *link)
{
    SSL_shutdown(link->ssl);
    SSL_free(link->ssl);
    close(link->fd);
    free(link);
}

static enum raw_state state_of(struct raw_link *link, int result)
{
    return SSL_get_error(link->ssl, result) == SSL_ERROR_WANT_READ ? RAW_MORE : RAW_CLOSED;
}

enum raw_state raw_read(struct raw_link *link)
{
    ERR_clear_error(); /* SSL_get_error() looks at what others left, too */
    if (link->speaks_first) {
        link->speaks_first = false;
        watch(link, EPOLL_CTL_MOD, EPOLLIN);
    }
    if (!link->open) {
        int result = SSL_do_handshake(link->ssl);
        link->open = result == 1;
        return link->open ? RAW_OPENED : state_of(link, result);
    }
    int got = SSL_read(link->ssl, link->message + link->have, (int)(RAW_MESSAGE - link->have));
    if (got <= 0)
        return state_of(link, got);
    link->have += (size_t)got;
    if (link->have < RAW_MESSAGE)
        return RAW_MORE;
    if ((link->message[0] << 8 | link->message[1]) != LOAD_PAYLOAD)
        load_die("a message of another length");
    link->have = 0;
    return RAW_MESSAGE_READY;
}

void raw_send(struct raw_link *link)
{
    link->message[0] = LOAD_PAYLOAD >> 8;
    link->message[1] = LOAD_PAYLOAD & 0xff;
    if (SSL_write(link->ssl, link->message, RAW_MESSAGE) != RAW_MESSAGE)
        load_die("cannot write");
}
