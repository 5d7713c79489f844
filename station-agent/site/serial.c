/* SPDX-License-Identifier: MIT */
/*
 * The serial port of one fixture position. Called by the boot test (boot.c), which opens it
 * before the reset and reads it after. It must not block longer than its time-out.
 */
#include "station-agent/site/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "common/rpc/rpc.h"

enum { BUFFER_MAX = 256, PAUSE_MS = 5 };

struct serial {
    int file;
    const char *device; /* borrowed */
    size_t len;
    char kept[BUFFER_MAX]; /* the latest bytes: a text may come in pieces */
};

static enum err failed(const char *device, const char *what)
{
    enum err e = errno == ENOENT                     ? ERR_NOT_FOUND
                 : errno == EACCES || errno == EPERM ? ERR_DENIED
                                                     : ERR_IO;
    return fail_quiet(e, "serial port %s: %s: %s", device, what, strerror(errno));
}

static enum err set_line(const struct serial *serial)
{
    struct termios line;
    if (tcgetattr(serial->file, &line) != 0)
        return failed(serial->device, "its configuration cannot be read");
    cfmakeraw(&line);
    line.c_cflag |= CLOCAL | CREAD;
    if (cfsetspeed(&line, B115200) != 0 || tcsetattr(serial->file, TCSANOW, &line) != 0)
        return failed(serial->device, "it does not take 115200 baud");
    return ERR_OK;
}

static enum err drop_old(const struct serial *serial)
{
    char old[BUFFER_MAX];
    if (lseek(serial->file, 0, SEEK_END) >= 0)
        return ERR_OK; /* a file */
    while (read(serial->file, old, sizeof(old)) > 0)
        ;
    return ERR_OK;
}

void serial_drop(struct serial **serial)
{
    if (*serial == NULL)
        return;
    if ((*serial)->file >= 0)
        close((*serial)->file);
    free(*serial);
    *serial = NULL;
}

enum err serial_open(const char *device, struct serial **serial_out)
{
    AUTO(serial_drop) struct serial *serial = calloc(1, sizeof(*serial));
    if (serial == NULL)
        return fail_quiet(ERR_MEMORY, "no memory");
    serial->device = device;
    serial->file = open(device, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (serial->file < 0)
        return failed(device, "cannot open it");
    if (isatty(serial->file))
        TRY(set_line(serial));
    TRY(drop_old(serial));
    *serial_out = TAKE(serial);
    return ERR_OK;
}

static bool was_said(const struct serial *serial, const char *text)
{
    return memmem(serial->kept, serial->len, text, strlen(text)) != NULL;
}

/* The older half goes when there is no room: it is longer than any text. */
static void make_room(struct serial *serial)
{
    static_assert(BUFFER_MAX / 2 > SERIAL_TEXT_MAX,
                  "a text that comes in pieces is kept whole");
    if (serial->len < BUFFER_MAX)
        return;
    serial->len = BUFFER_MAX / 2;
    memmove(serial->kept, serial->kept + BUFFER_MAX / 2, serial->len);
}

static enum err read_some(struct serial *serial, size_t *got_out)
{
    make_room(serial);
    ssize_t got =
        read(serial->file, serial->kept + serial->len, sizeof(serial->kept) - serial->len);
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        return failed(serial->device, "cannot read it");
    *got_out = got > 0 ? (size_t)got : 0;
    serial->len += *got_out;
    return ERR_OK;
}

/* A file, or a FIFO without a writer, is always readable and has nothing: then time must pass.
 */
static void await_more(const struct serial *serial, uint64_t left_ms)
{
    struct pollfd readable = { .fd = serial->file, .events = POLLIN };
    const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000 };
    if (poll(&readable, 1, (int)left_ms) > 0)
        nanosleep(&pause, NULL);
}

enum err serial_await(struct serial *serial, const char *text, unsigned timeout_ms,
                      bool *seen_out)
{
    uint64_t deadline_ms = rpc_now_ms() + timeout_ms;
    for (;;) {
        size_t got = 0;
        TRY(read_some(serial, &got));
        uint64_t now_ms = rpc_now_ms();
        *seen_out = was_said(serial, text);
        if (*seen_out || now_ms >= deadline_ms)
            return ERR_OK;
        if (got == 0)
            await_more(serial, deadline_ms - now_ms);
    }
}
