/* SPDX-License-Identifier: MIT */
/*
 * board: one virtual board: a chip, its probe, its TCP port, and the thread they live on.
 *
 * All state of the chip belongs to the thread; the control socket reaches it by board_call(),
 * which the thread serves between two slices. A sleeping core costs nothing: the thread waits
 * in poll until the wire, the control socket or SysTick wakes it.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "target-fw/board/bitbang.h"
#include "target-fw/board/chip/chip.h"
#include "target-fw/board/dap.h"
#include "target-fw/board/link.h"

enum { BOARD_MAX = 1024, BOARD_ANSWER_MAX = 8192 };

struct board_options {
    const char *host;
    unsigned port;            /* of board 0; 0: any, for each board */
    const char *bitbang_host; /* NULL: no remote_bitbang */
    unsigned bitbang_port;
    const char *state; /* folder, NULL: nothing is kept */
    uint32_t swclk_hz; /* both 0: time is not simulated */
    uint32_t latency_us;
    uint16_t packet_size;
    uint8_t packet_count;
};

/* A control command on its way through the board's thread. */
struct board_call {
    void (*run)(struct board_call *call, struct chip *chip);
    int argc;
    char **argv;
    char answer[BOARD_ANSWER_MAX]; /* one line of JSON, without its end */
};

struct board {
    unsigned number;
    struct chip chip;
    struct dap dap;
    struct link link;
    struct bitbang bitbang;
    int wake; /* eventfd */
    pthread_t thread;
    bool running;
    uint64_t heard_ns; /* when the wire last brought something */
    atomic_bool quit;
    pthread_mutex_t mutex;
    pthread_cond_t served;
    struct board_call *call; /* under mutex */
};

/*
 * Opens the state, the output file and the listeners. options are read here only. After a
 * failure board_close() is due as well; a log line says which file or address it was.
 */
enum err board_open(struct board *board, unsigned number, const struct board_options *options);
enum err board_start(struct board *board); /* makes the thread; ERR_MEMORY: there is none */
void board_close(struct board *board);     /* ends the thread; state is written */

/* Has the board's thread run call, and returns when it has. From one other thread at a time. */
void board_call(struct board *board, struct board_call *call);
