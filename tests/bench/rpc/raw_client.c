/* SPDX-License-Identifier: MIT */
/* raw-client: the load for raw-server; arguments in load.h. */
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/bench/rpc/raw.h"

enum { EVENTS = 64, IDLE_MAX = 4096 };

struct client {
    struct load load;
    SSL_CTX *tls;
    int poll;
    unsigned open;
    struct raw_link *links[IDLE_MAX];
};

static void dial(struct client *client)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons(client->load.port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    uint64_t started = load_now_ns();
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        load_die("cannot connect");
    struct raw_link *link = raw_link_new(client->tls, fd, client->poll, false);
    link->started_ns = started;
}

static void call(struct raw_link *link)
{
    link->started_ns = load_now_ns();
    raw_send(link);
}

static bool opened(struct client *client, struct raw_link *link)
{
    if (client->load.kind == LOAD_HANDSHAKES) {
        bool more = load_done(link->started_ns);
        raw_link_free(link);
        dial(client);
        return more;
    }
    client->links[client->open++] = link;
    if (client->open < client->load.connections)
        dial(client);
    else if (client->load.kind == LOAD_IDLE)
        return false;
    else
        for (unsigned i = 0; i < client->open; i++)
            call(client->links[i]);
    return true;
}

static bool attend(struct client *client, struct raw_link *link)
{
    switch (raw_read(link)) {
    case RAW_OPENED:
        return opened(client, link);
    case RAW_MESSAGE_READY:
        if (!load_done(link->started_ns))
            return false;
        call(link);
        return true;
    case RAW_CLOSED:
        load_die("the server closed a connection");
    default:
        return true;
    }
}

int main(int argc, char **argv)
{
    static struct client client;
    client.load = load_of(argc, argv);
    client.tls = raw_tls(false, client.load.certificates);
    client.poll = epoll_create1(0);
    if (client.load.connections > IDLE_MAX)
        load_die("too many connections");
    load_idle_before();
    for (unsigned i = 0;
         i < (client.load.kind == LOAD_HANDSHAKES ? client.load.connections : 1); i++)
        dial(&client);
    for (bool more = true; more;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(client.poll, events, EVENTS, -1);
        for (int i = 0; i < count && more; i++)
            more = attend(&client, events[i].data.ptr);
    }
    if (client.load.kind == LOAD_IDLE)
        load_idle_after(&client.load);
    else
        load_report();
    return 0;
}
