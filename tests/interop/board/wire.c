/* SPDX-License-Identifier: MIT */
#include "tests/interop/board/wire.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD = 8, TYPE_REQUEST = 1, TYPE_RESPONSE = 2 };

static const uint8_t signature[4] = { 'D', 'A', 'P', 0 };

static bool address_of(struct sockaddr_in *at)
{
    const char *text = getenv("HALLMARK_STANDIN_PROBE");
    char host[INET_ADDRSTRLEN];
    const char *colon = text == NULL ? NULL : strchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof(host)) {
        fprintf(stderr, "stand-in: HALLMARK_STANDIN_PROBE is not HOST:PORT\n");
        return false;
    }
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    *at = (struct sockaddr_in){ .sin_family = AF_INET,
                                .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10)) };
    return inet_pton(AF_INET, host, &at->sin_addr) == 1;
}

int wire_open(void)
{
    struct sockaddr_in at;
    int one = 1;
    if (!address_of(&at))
        return -1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0) {
        perror("stand-in: connect");
        close(fd);
        return -1;
    }
    return fd;
}

int wire_send(int fd, const uint8_t *packet, size_t len)
{
    uint8_t frame[HEAD + WIRE_PACKET_MAX] = { 0 };
    if (len > WIRE_PACKET_MAX)
        return -1;
    memcpy(frame, signature, sizeof(signature));
    frame[4] = (uint8_t)len;
    frame[5] = (uint8_t)(len >> 8);
    frame[6] = TYPE_REQUEST;
    memcpy(frame + HEAD, packet, len);
    ssize_t sent = send(fd, frame, HEAD + len, MSG_NOSIGNAL);
    return sent == (ssize_t)(HEAD + len) ? 0 : -1;
}

static bool read_all(int fd, uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t n = recv(fd, out, len, MSG_WAITALL);
        if (n <= 0)
            return false;
        out += n;
        len -= (size_t)n;
    }
    return true;
}

int wire_receive(int fd, uint8_t *packet, size_t cap, int timeout_ms)
{
    uint8_t head[HEAD], body[WIRE_PACKET_MAX];
    struct pollfd p = { .fd = fd, .events = POLLIN };
    if (poll(&p, 1, timeout_ms) <= 0)
        return 0;
    if (!read_all(fd, head, HEAD))
        return -1;
    size_t len = (size_t)(head[4] | head[5] << 8);
    if (memcmp(head, signature, sizeof(signature)) != 0 || head[6] != TYPE_RESPONSE ||
        len > sizeof(body) || !read_all(fd, body, len))
        return -1;
    size_t kept = len < cap ? len : cap;
    memcpy(packet, body, kept);
    return (int)kept;
}
