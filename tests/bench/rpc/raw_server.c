/* SPDX-License-Identifier: MIT */
/* raw-server epoll FOLDER: answers each message with itself. Says "ready PORT". */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/bench/rpc/raw.h"

enum { EVENTS = 64, BACKLOG = 128 };

static int listen_on(uint16_t *port_out)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) != 0)
        load_die("cannot listen");
    *port_out = ntohs(at.sin_port);
    return fd;
}

static void attend(struct raw_link *link)
{
    enum raw_state state = raw_read(link);
    if (state == RAW_MESSAGE_READY)
        raw_send(link);
    else if (state == RAW_CLOSED)
        raw_link_free(link);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        load_die("usage: raw-server epoll FOLDER");
    signal(SIGPIPE, SIG_IGN); /* a farewell to who is gone */
    SSL_CTX *tls = raw_tls(true, argv[2]);
    uint16_t port;
    int listener = listen_on(&port), poll = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    printf("ready %u\n", port);
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr != NULL)
                attend(events[i].data.ptr);
            else
                raw_link_new(tls, accept(listener, NULL, NULL), poll, true);
        }
    }
}
