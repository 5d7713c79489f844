/* SPDX-License-Identifier: MIT */
/*
 * virtual-board's options, boards and signals. It must not print `ready` before each board
 * listens and its state file is valid.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "common/host/stop.h"
#include "target-fw/board/board.h"
#include "target-fw/board/ctl.h"

enum { SWCLK_MIN = 1000, SWCLK_MAX = 100000000, LATENCY_MAX_US = 1000000 };

struct settings {
    struct board_options board;
    char host[256];
    char bitbang_host[256];
    unsigned boards;
    const char *control;
};

static const char usage_text[] =
    "usage: virtual-board [--listen HOST:PORT] [--boards N] [--state DIR] [--control PATH]\n"
    "                     [--bitbang HOST:PORT] [--packet-size BYTES] [--packet-count N] [-v]\n"
    "\n"
    "Emulated M2354 boards behind CMSIS-DAP probes over TCP.\n"
    "\n"
    "  -l, --listen HOST:PORT   board I listens at PORT+I; port 0: any (127.0.0.1:4441)\n"
    "  -b, --bitbang HOST:PORT  OpenOCD's remote_bitbang too, board I at PORT+I\n"
    "  -n, --boards N           number of boards (1)\n"
    "  -s, --state DIR          keep flash, OTP, keys and life cycle in DIR\n"
    "  -c, --control PATH       UNIX socket for power, resets, faults and status\n"
    "      --packet-size BYTES  of the probe, 64 to 1024 (512)\n"
    "      --packet-count N     of the probe, 1 to 255 (8)\n"
    "      --swclk HZ           simulate time: SWCLK is HZ\n"
    "      --usb-latency US     simulate time: a packet takes US to the probe and back\n"
    "      --announce-points SOCKET\n"
    "                           let the test at this socket hold a board: cut-at's hold\n"
    "  -v, --verbose            log connections and resets too\n"
    "  -h, --help               this text\n"
    "  -V, --version            the version\n";

static const struct option long_options[] = {
    { "listen", required_argument, NULL, 'l' },
    { "bitbang", required_argument, NULL, 'b' },
    { "boards", required_argument, NULL, 'n' },
    { "state", required_argument, NULL, 's' },
    { "control", required_argument, NULL, 'c' },
    { "packet-size", required_argument, NULL, 1 },
    { "packet-count", required_argument, NULL, 2 },
    { "swclk", required_argument, NULL, 3 },
    { "usb-latency", required_argument, NULL, 4 },
    { "announce-points", required_argument, NULL, 5 },
    { "verbose", no_argument, NULL, 'v' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

static enum err number_of(const char *what, const char *text, unsigned long low,
                          unsigned long high, unsigned long *out)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || n < low || n > high)
        return fail(ERR_USAGE, "virtual-board: %s: %s: not a number from %lu to %lu", what,
                    text, low, high);
    *out = n;
    return ERR_OK;
}

/* HOST:PORT, [HOST]:PORT; host has room for cap bytes. */
static enum err address_of(const char *text, char *host, size_t cap, unsigned *port_out)
{
    const char *colon = strrchr(text, ':');
    unsigned long port;
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (colon == NULL || len == 0 || len >= cap)
        return fail(ERR_USAGE, "virtual-board: %s: not HOST:PORT", text);
    TRY(number_of("port", colon + 1, 0, 65535, &port));
    memcpy(host, text, len);
    host[len] = '\0';
    *port_out = (unsigned)port;
    return ERR_OK;
}

static enum err option_take(struct settings *s, int option)
{
    unsigned long n = 0;
    switch (option) {
    case 'l':
        return address_of(optarg, s->host, sizeof(s->host), &s->board.port);
    case 'b':
        s->board.bitbang_host = s->bitbang_host;
        return address_of(optarg, s->bitbang_host, sizeof(s->bitbang_host),
                          &s->board.bitbang_port);
    case 'n':
        TRY(number_of("--boards", optarg, 1, BOARD_MAX, &n));
        s->boards = (unsigned)n;
        return ERR_OK;
    case 's':
        s->board.state = optarg;
        return ERR_OK;
    case 'c':
        s->control = optarg;
        return ERR_OK;
    case 1:
        TRY(number_of("--packet-size", optarg, DAP_PACKET_MIN, DAP_PACKET_MAX, &n));
        s->board.packet_size = (uint16_t)n;
        return ERR_OK;
    case 2:
        TRY(number_of("--packet-count", optarg, 1, DAP_COUNT_MAX, &n));
        s->board.packet_count = (uint8_t)n;
        return ERR_OK;
    case 3:
        TRY(number_of("--swclk", optarg, SWCLK_MIN, SWCLK_MAX, &n));
        s->board.swclk_hz = (uint32_t)n;
        return ERR_OK;
    case 4:
        TRY(number_of("--usb-latency", optarg, 0, LATENCY_MAX_US, &n));
        s->board.latency_us = (uint32_t)n;
        return ERR_OK;
    case 5:
        return stop_open(optarg);
    case 'v':
        log_set_level(LOG_LEVEL_DEBUG);
        return ERR_OK;
    default:
        return ERR_USAGE;
    }
}

static enum err settings_read(struct settings *s, int argc, char **argv)
{
    *s = (struct settings){ .board = { .port = 4441, .packet_size = 512, .packet_count = 8 },
                            .host = "127.0.0.1",
                            .boards = 1 };
    int option;
    while ((option = getopt_long(argc, argv, "l:b:n:s:c:vhV", long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage_text, stdout);
            exit(EX_OK);
        }
        if (option == 'V') {
            puts("virtual-board " HALLMARK_VERSION);
            exit(EX_OK);
        }
        TRY(option_take(s, option));
    }
    s->board.host = s->host;
    if (optind != argc)
        return fail(ERR_USAGE, "virtual-board: %s: unexpected argument", argv[optind]);
    if (s->board.bitbang_host != NULL && (s->board.swclk_hz != 0 || s->board.latency_us != 0))
        return fail(ERR_USAGE, "virtual-board: --bitbang has no simulated time");
    unsigned last =
        s->board.port > s->board.bitbang_port ? s->board.port : s->board.bitbang_port;
    if (last + s->boards > 65536)
        return fail(ERR_USAGE, "virtual-board: %u boards from port %u: no such ports",
                    s->boards, last);
    return ERR_OK;
}

static int exit_code(enum err e)
{
    switch (e) {
    case ERR_OK:
        return EX_OK;
    case ERR_USAGE:
        return EX_USAGE;
    case ERR_CONFIG:
        return EX_CONFIG;
    case ERR_DATA_LOSS:
        return EX_DATAERR;
    case ERR_BUSY:
        return EX_TEMPFAIL;
    case ERR_IO:
        return EX_IOERR;
    case ERR_MEMORY:
        return EX_OSERR;
    default:
        return EX_SOFTWARE;
    }
}

static enum err state_dir_check(const char *dir)
{
    struct stat st;
    if (dir == NULL)
        return ERR_OK;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fail(ERR_IO, "virtual-board: %s: %s", dir, strerror(errno));
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return fail(ERR_CONFIG, "virtual-board: %s: not a folder", dir);
    return ERR_OK;
}

static void announce(const struct board *board)
{
    printf("board %u tcp://%s uid %s", board->number, board->link.address, board->dap.serial);
    if (board->bitbang.link.listener >= 0)
        printf(" bitbang tcp://%s", board->bitbang.link.address);
    putchar('\n');
    fflush(stdout);
}

static enum err serve(const struct settings *s, struct board *boards, unsigned *opened)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN); /* the parent process may have closed the pipe */
    TRY(state_dir_check(s->board.state));
    for (unsigned i = 0; i < s->boards; i++) {
        (*opened)++;
        TRY(board_open(&boards[i], i, &s->board));
        TRY(board_start(&boards[i]));
        announce(&boards[i]);
    }
    AUTO(ctl_drop) struct ctl *ctl = NULL;
    TRY(ctl_open(s->control, boards, s->boards, &ctl));
    puts("ready");
    fflush(stdout);
    return ctl_serve(ctl, &signals);
}

int main(int argc, char **argv)
{
    struct settings settings;
    enum err e = settings_read(&settings, argc, argv);
    if (e != ERR_OK) {
        fputs("virtual-board: see --help\n", stderr);
        return exit_code(e);
    }
    struct board *boards = calloc(settings.boards, sizeof(*boards));
    unsigned opened = 0;
    e = boards == NULL ? fail(ERR_MEMORY, "virtual-board: %u boards", settings.boards)
                       : serve(&settings, boards, &opened);
    for (unsigned i = 0; i < opened; i++)
        board_close(&boards[i]);
    free(boards);
    return exit_code(e);
}
