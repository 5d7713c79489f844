/* SPDX-License-Identifier: MIT */
/*
 * log_watch: what virtual-board said about one phase of a program.
 *
 * The model says in a line whatever silicon would pass over in silence, with the address of the
 * code that did it. A phase must have caused the lines it names, each from its own code, and no
 * others. Begin before the program runs; look after it has stopped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/host/own.h"

struct log_watch {
    const char *path; /* NULL: there is no log, nothing is known */
    unsigned board;
    uint32_t code_end; /* of the program, from PROGRAM_BASE */
    long from;
    struct buf text;
};

enum { LOG_WORDS_MAX = 200 };

enum err log_watch_begin(struct log_watch *watch);
enum err log_watch_end(struct log_watch *watch); /* reads what came since */
void log_watch_fini(struct log_watch *watch);

/* Was it said, in words that end so, from this program's code, or from that very instruction if
 * pc is not 0? The line is taken: said twice, it is to be asked for twice. */
bool log_watch_told(struct log_watch *watch, const char *words, uint32_t pc);

/* A line about the code that nobody has taken; false: there is none. */
bool log_watch_rest(const struct log_watch *watch, char words[static LOG_WORDS_MAX]);
