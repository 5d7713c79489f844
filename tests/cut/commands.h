/* SPDX-License-Identifier: MIT */
/*
 * commands: lines on standard input for gate and relay, each of which is answered by lines on
 * standard output. One struct commands a program, all zero at first; one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { COMMANDS_TEXT_MAX = 512 };

struct commands {
    char text[COMMANDS_TEXT_MAX]; /* of standard input, up to its next line end */
    size_t len;
};

/* One line, without its end; answers it by commands_say(). */
typedef void commands_take(void *context, const char *line);

/* To be called when standard input has something. false: it has ended, or a line is too long.
 */
bool commands_read(struct commands *commands, commands_take *take, void *context);
void commands_say(const char *line); /* at once */
