/* SPDX-License-Identifier: MIT */
/*
 * pin: reads a PIN file after checking its type, owner and mode. Called by token.c for each
 * login. It must not log the PIN, and leaves no copy of it behind.
 */
#include "oem-server/hsm/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"

static enum err check_owner(const char *path, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return fail(ERR_IO, "hsm: PIN file %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fail(ERR_CONFIG, "hsm: PIN file %s: not a plain file", path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return fail(ERR_CONFIG,
                    "hsm: PIN file %s: belongs to user %u, not to this user or root", path,
                    st.st_uid);
    bool group_is_root = st.st_gid == 0 && (st.st_mode & (S_IWGRP | S_IXGRP)) == 0;
    if ((st.st_mode & S_IRWXO) != 0 || ((st.st_mode & S_IRWXG) != 0 && !group_is_root))
        return fail(ERR_CONFIG, "hsm: PIN file %s: mode %03o lets others read it: chmod 600 %s",
                    path, st.st_mode & 0777u, path);
    return ERR_OK;
}

/* At most PIN_MAX + 1 bytes, so that a line that is too long is detected. */
static enum err read_text(const char *path, int fd, struct pin *pin)
{
    while (pin->len <= PIN_MAX) {
        ssize_t got = read(fd, pin->text + pin->len, PIN_MAX + 1 - pin->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(ERR_IO, "hsm: PIN file %s: %s", path, strerror(errno));
        if (got == 0)
            break;
        pin->len += (size_t)got;
    }
    return ERR_OK;
}

static void keep_first_line(struct pin *pin)
{
    for (size_t i = 0; i < pin->len; i++)
        if (pin->text[i] == '\n' || pin->text[i] == '\r' || pin->text[i] == '\0')
            pin->len = i;
}

enum err pin_read(const char *path, struct pin *pin_out)
{
    pin_out->len = 0;
    AUTO(fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return fail(ERR_CONFIG, "hsm: PIN file %s: %s", path, strerror(errno));
    TRY(check_owner(path, fd));
    TRY(read_text(path, fd, pin_out));
    keep_first_line(pin_out);
    if (pin_out->len == 0)
        return fail(ERR_CONFIG, "hsm: PIN file %s: first line is empty", path);
    if (pin_out->len > PIN_MAX)
        return fail(ERR_CONFIG, "hsm: PIN file %s: over %d bytes", path, PIN_MAX);
    return ERR_OK;
}

void pin_drop(struct pin *pin)
{
    wipe(pin, sizeof(*pin));
}
