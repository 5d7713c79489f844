/* SPDX-License-Identifier: MIT */
#include "tests/interop/usb/vhci.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"

#define ATTACH "/sys/devices/platform/vhci_hcd.0/attach"

enum {
    CMD_SUBMIT = 1,
    CMD_UNLINK = 2,
    RET_SUBMIT = 3,
    RET_UNLINK = 4,
    HEADER = 48,
    SPEED_HIGH = 3,
    DIRECTION_IN = 1,
};

enum err vhci_attach(unsigned port, int *fd_out)
{
    int pair[2];
    char line[64];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return fail(ERR_IO, "vhci: socket pair: %s", strerror(errno));
    AUTO(fd_drop) int ours = pair[0];
    AUTO(fd_drop) int kernels = pair[1]; /* it keeps a reference of its own */
    AUTO(fd_drop) int attach = open(ATTACH, O_WRONLY | O_CLOEXEC);
    int len = snprintf(line, sizeof(line), "%u %d %u %d", port, kernels, 0x10000 + port + 1,
                       SPEED_HIGH);
    if (attach < 0 || write(attach, line, (size_t)len) != len)
        return fail(ERR_IO, "vhci: %s: %s", ATTACH, strerror(errno));
    *fd_out = ours;
    ours = -1;
    return ERR_OK;
}

static enum err read_all(int fd, uint8_t *out, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, out, len);
        if (n == 0 || (n < 0 && errno != EINTR))
            return fail_quiet(ERR_CLOSED, "vhci: unplugged");
        if (n > 0) {
            out += n;
            len -= (size_t)n;
        }
    }
    return ERR_OK;
}

static void read_submit(struct rd *r, struct vhci_request *out)
{
    rd_u32be(r); /* flags */
    out->len = rd_u32be(r);
    rd_take(r, 12); /* start frame, packets, interval */
    struct span setup = rd_take(r, VHCI_SETUP);
    if (setup.len == VHCI_SETUP)
        memcpy(out->setup, setup.ptr, VHCI_SETUP);
}

enum err vhci_read(int fd, struct vhci_request *out)
{
    uint8_t header[HEADER];
    TRY(read_all(fd, header, sizeof(header)));
    struct rd r = rd_of(SPAN(header));
    uint32_t command = rd_u32be(&r);
    out->seq = rd_u32be(&r);
    rd_u32be(&r); /* device */
    bool in = rd_u32be(&r) == DIRECTION_IN;
    out->endpoint = (uint8_t)((rd_u32be(&r) & 0x0F) | (in ? 0x80 : 0));
    out->unlink = command == CMD_UNLINK;
    if (out->unlink) {
        out->victim = rd_u32be(&r);
        return ERR_OK;
    }
    if (command != CMD_SUBMIT)
        return fail(ERR_PROTO, "vhci: command %u", command);
    read_submit(&r, out);
    if (!in && out->len > VHCI_DATA_MAX)
        return fail(ERR_LIMIT, "vhci: a transfer of %u bytes", out->len);
    return in ? ERR_OK : read_all(fd, out->data, out->len);
}

static enum err write_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return fail_quiet(ERR_CLOSED, "vhci: unplugged");
        if (n > 0)
            bytes = (struct span){ bytes.ptr + n, bytes.len - (size_t)n };
    }
    return ERR_OK;
}

static enum err write_header(int fd, uint32_t command, uint32_t seq, int status, uint32_t len)
{
    static const uint8_t rest[HEADER] = { 0 };
    uint8_t header[HEADER];
    struct wr w = wr_of(header, sizeof(header));
    wr_u32be(&w, command);
    wr_u32be(&w, seq);
    wr_span(&w, span_of(rest, 12)); /* device, direction, endpoint: the kernel knows them */
    wr_u32be(&w, (uint32_t)status);
    wr_u32be(&w, len);
    wr_span(&w, span_of(rest, HEADER - w.len));
    TRY(wr_end(&w));
    return write_all(fd, wr_done(&w));
}

enum err vhci_answer(int fd, uint32_t seq, int status, struct span data, uint32_t done)
{
    TRY(write_header(fd, RET_SUBMIT, seq, status, data.len > 0 ? (uint32_t)data.len : done));
    return write_all(fd, data);
}

enum err vhci_unlinked(int fd, uint32_t seq, bool was_waiting)
{
    return write_header(fd, RET_UNLINK, seq, was_waiting ? -ECONNRESET : 0, 0);
}
