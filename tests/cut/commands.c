/* SPDX-License-Identifier: MIT */
/*
 * Reads what has come on standard input and hands out whole lines. Called by the poll loops of
 * gate and relay, so it reads once a call and does not wait for the rest of a line.
 */
#include "tests/cut/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

void commands_say(const char *line)
{
    puts(line);
    fflush(stdout);
}

bool commands_read(struct commands *c, commands_take *take, void *context)
{
    if (c->len >= sizeof(c->text)) /* a line that is too long */
        return false;
    ssize_t n = read(STDIN_FILENO, c->text + c->len, sizeof(c->text) - c->len);
    if (n <= 0)
        return n < 0 && errno == EINTR;
    c->len += (size_t)n;
    for (char *end; (end = memchr(c->text, '\n', c->len)) != NULL;) {
        *end = '\0';
        take(context, c->text);
        c->len -= (size_t)(end + 1 - c->text);
        memmove(c->text, end + 1, c->len);
    }
    return true;
}
