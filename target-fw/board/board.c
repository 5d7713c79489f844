/* SPDX-License-Identifier: MIT */
/*
 * One board's thread: it waits for the wire, the control socket and the core's next wake-up,
 * and serves each in turn. Called by main and, through board_call(), by ctl. Another thread
 * must not touch a board's chip while the board's thread runs; only `call`, `served` and `quit`
 * are shared, and `mutex` protects `call`.
 */

#include "target-fw/board/board.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/host/clock.h"
#include "common/host/log.h"
#include "common/host/own.h"

enum { FDS = 5 };

/* Simulated time: a silence of that length passes for the chip as well. */
enum { IDLE_US = 250000 };

enum { SLICE_BLOCKS = 5000, WAIT_US_MAX = 1000000, QUIET_NS = 500000000, QUIET_MS = 10 };

static enum err uart_open(struct chip *chip, const char *dir)
{
    char path[STORE_PATH_MAX];
    snprintf(path, sizeof(path), "%s/board-%02u.uart", dir, chip->number);
    chip->uart.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return chip->uart.fd >= 0 ? ERR_OK : fail(ERR_IO, "board: %s: %s", path, strerror(errno));
}

static unsigned port_of(unsigned first, unsigned number)
{
    return first == 0 ? 0 : first + number;
}

enum err board_open(struct board *board, unsigned number, const struct board_options *options)
{
    char path[STORE_PATH_MAX];
    const char *state = NULL;
    board->number = number;
    board->wake = -1;
    board->link = (struct link){ .listener = -1, .client = -1 };
    bitbang_init(&board->bitbang);
    pthread_mutex_init(&board->mutex, NULL);
    pthread_cond_init(&board->served, NULL);
    if (options->state != NULL) {
        if ((size_t)snprintf(path, sizeof(path), "%s/board-%02u.state", options->state,
                             number) >= sizeof(path))
            return fail(ERR_LIMIT, "board: %s: path too long", options->state);
        state = path;
    }
    TRY(chip_open(&board->chip, number, state, true));
    if (options->state != NULL)
        TRY(uart_open(&board->chip, options->state));
    pace_init(&board->chip.pace, options->swclk_hz, options->latency_us, board->chip.cycles);
    dap_init(&board->dap, &board->chip, options->packet_size, options->packet_count);
    board->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (board->wake < 0)
        return fail(ERR_IO, "board: eventfd: %s", strerror(errno));
    if (options->bitbang_host != NULL)
        TRY(link_open(&board->bitbang.link, number, options->bitbang_host,
                      port_of(options->bitbang_port, number)));
    return link_open(&board->link, number, options->host, port_of(options->port, number));
}

/* No client talks to the board: its ticks may come bundled, so that many boards cost little. */
static int sleep_ms(const struct board *board, uint64_t now)
{
    int ms = chip_sleep_ms(&board->chip);
    bool quiet = now - board->heard_ns > QUIET_NS;
    return ms >= 0 && quiet && ms < QUIET_MS ? QUIET_MS : ms;
}

static void poll_fds(struct board *board, struct pollfd *fds, int64_t timeout_us)
{
    const struct timespec t = { .tv_sec = timeout_us / 1000000,
                                .tv_nsec = timeout_us % 1000000 * 1000 };
    fds[0] = (struct pollfd){ .fd = board->wake, .events = POLLIN };
    fds[1] = (struct pollfd){ .fd = board->link.listener, .events = POLLIN };
    fds[2] = (struct pollfd){ .fd = board->link.client, .events = POLLIN };
    fds[3] = (struct pollfd){ .fd = board->bitbang.link.listener, .events = POLLIN };
    fds[4] = (struct pollfd){ .fd = board->bitbang.link.client, .events = POLLIN };
    if (ppoll(fds, FDS, timeout_us < 0 ? NULL : &t, NULL) < 0)
        for (size_t i = 0; i < FDS; i++)
            fds[i].revents = 0;
}

/* Waits for the wire, a call, or the time the core may wake; lets that time pass for the chip.
 */
static void wait_events(struct board *board, struct pollfd *fds)
{
    struct chip *chip = &board->chip;
    bool runs = chip_runnable(chip);
    uint64_t before = runs ? 0 : clock_ns();
    poll_fds(board, fds, runs ? 0 : (int64_t)sleep_ms(board, before) * 1000);
    if (runs)
        return;
    uint64_t passed_us = (clock_ns() - before) / 1000;
    if (passed_us > WAIT_US_MAX)
        passed_us = WAIT_US_MAX;
    chip_pass(chip, passed_us * (CHIP_HCLK_HZ / 1000000));
}

/* The same when time is simulated: the wire leads, and silence passes at its real length. */
static void wait_paced(struct board *board, struct pollfd *fds)
{
    struct chip *chip = &board->chip;
    bool held = board->link.hold.count > 0;
    bool lives = chip_runnable(chip) || chip_sleep_ms(chip) >= 0;
    uint64_t before = clock_ns();
    poll_fds(board, fds, held ? hold_grace_us(&board->link.hold) : lives ? IDLE_US : -1);
    if (fds[2].revents != 0)
        return;
    if (held) {
        link_silence(&board->link, &board->dap);
    } else if (lives) {
        pace_idle(&chip->pace, (clock_ns() - before) / 1000);
        chip_follow(chip);
    }
}

static void serve_call(struct board *board)
{
    uint64_t count;
    (void)!read(board->wake, &count, sizeof(count));
    pthread_mutex_lock(&board->mutex);
    if (board->call != NULL) {
        board->call->run(board->call, &board->chip);
        board->call = NULL;
        pthread_cond_broadcast(&board->served);
    }
    pthread_mutex_unlock(&board->mutex);
}

static void *board_main(void *arg)
{
    struct board *board = arg;
    struct pollfd fds[FDS];
    while (!atomic_load(&board->quit)) {
        if (board->chip.pace.on)
            wait_paced(board, fds);
        else
            wait_events(board, fds);
        if (fds[0].revents != 0)
            serve_call(board);
        if (fds[2].revents != 0) {
            link_serve(&board->link, &board->dap);
            board->heard_ns = clock_ns();
        }
        if (fds[4].revents != 0) {
            bitbang_serve(&board->bitbang, &board->chip);
            board->heard_ns = clock_ns();
        }
        if (fds[1].revents != 0 && link_accept(&board->link))
            board->dap.size_told = false;
        if (fds[3].revents != 0)
            link_accept(&board->bitbang.link);
        if (!board->chip.pace.on)
            chip_run(&board->chip, SLICE_BLOCKS);
    }
    return NULL;
}

enum err board_start(struct board *board)
{
    int e = pthread_create(&board->thread, NULL, board_main, board);
    if (e != 0)
        return fail(ERR_MEMORY, "board %u: thread: %s", board->number, strerror(e));
    board->running = true;
    return ERR_OK;
}

void board_close(struct board *board)
{
    if (board->running) {
        uint64_t one = 1;
        atomic_store(&board->quit, true);
        (void)!write(board->wake, &one, sizeof(one));
        pthread_join(board->thread, NULL);
        board->running = false;
    }
    link_close(&board->link);
    link_close(&board->bitbang.link);
    fd_drop(&board->wake);
    fd_drop(&board->chip.uart.fd);
    chip_close(&board->chip);
}

void board_call(struct board *board, struct board_call *call)
{
    uint64_t one = 1;
    pthread_mutex_lock(&board->mutex);
    board->call = call;
    (void)!write(board->wake, &one, sizeof(one));
    while (board->call == call)
        pthread_cond_wait(&board->served, &board->mutex);
    pthread_mutex_unlock(&board->mutex);
}
