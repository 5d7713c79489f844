/* SPDX-License-Identifier: MIT */
/*
 * agent: a row of the world AGENT: the real station-agent with a liar at one of its ends
 * (interpose.c), DevAuth on an unused virtual board, and the real server.
 */
#pragma once

#include "tests/hostile/lie.h"

/* What tests/hostile/lies has started. */
struct bench_of_boards {
    const char *program; /* the agent with a liar in it */
    const char *control; /* virtual-board's socket */
    const char *kept;
    const char *log;     /* the agent's standard error is added to it */
    char probe[192][64]; /* by board */
    uint8_t uid[192][12];
    unsigned boards, next; /* the next that nobody had */
};
extern struct bench_of_boards boards;

void agent_open(const char *list); /* a file, "PROBE UID" a line; one honest unit is made */
void agent_tell(const struct lie *lie, unsigned number);
