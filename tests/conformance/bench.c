/* SPDX-License-Identifier: MIT */
#include "tests/conformance/bench.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/own.h"

enum { PIN_LOW_MS = 20, SETTLE_MS = 20, RESET_MS = 2000, CONTROL_S = 20, LINE_MAX_BYTES = 512 };
#define DHCSR   0xE000EDF0u
#define DEMCR   0xE000EDFCu
#define REGLCTL 0x40000100u
#define IPRST0  0x40000008u

enum err bench_connect(struct bench *bench)
{
    TRY(swd_connect(&bench->swd));
    return mem_init(&bench->mem, &bench->swd, 0);
}

bool bench_can(const struct bench *bench, enum program_then kind)
{
    return kind != THEN_POWER || bench->control != NULL || bench->attended;
}

static enum err ask_for_power(void)
{
    char line[LINE_MAX_BYTES];
    fprintf(stderr, "Take the board's power away, give it back, then press Enter: ");
    if (fgets(line, sizeof(line), stdin) == NULL)
        return fail(ERR_CLOSED, "bench: nobody at the terminal");
    return ERR_OK;
}

enum err bench_power(struct bench *bench)
{
    char answer[BENCH_ANSWER_MAX];
    bench->swd.lost = true;
    return bench->control != NULL ? bench_control(bench, "power N cycle", answer)
                                  : ask_for_power();
}

/* The write may cut its own answer: what counts is what is found afterwards. */
static enum err block_reset(struct bench *bench, uint32_t bit)
{
    static const uint8_t keys[] = { 0x59, 0x16, 0x88 };
    for (size_t i = 0; i < COUNT(keys); i++)
        TRY(mem_write_word(&bench->mem, REGLCTL, keys[i]));
    bench->mem.quiet = bench->mem.once = true;
    if (mem_write_word(&bench->mem, IPRST0, bit) != ERR_OK)
        log_line(LOG_LEVEL_DEBUG, "bench: the reset cut its own transfer: %s", fail_words());
    bench->mem.quiet = bench->mem.once = false;
    return ERR_OK;
}

static enum err act(struct bench *bench, enum program_then kind)
{
    switch (kind) {
    case THEN_RESET_SYSTEM:
        return core_reset_halt(&bench->mem);
    case THEN_RESET_CPU:
        return block_reset(bench, 1u << 1);
    case THEN_RESET_CHIP:
        bench->swd.lost = true;
        return block_reset(bench, 1u << 0);
    case THEN_RESET_PIN:
        return swd_reset_pin(&bench->swd, PIN_LOW_MS, SETTLE_MS);
    case THEN_POWER:
        return bench_power(bench);
    case THEN_END:
    case THEN_AGAIN:
        break;
    }
    return ERR_OK;
}

enum err bench_reset_free(struct bench *bench, enum program_then kind)
{
    TRY(act(bench, kind));
    return bench_connect(bench);
}

/* With the vector catch armed the core stops before its first instruction, unless the reset
 * took the debug registers as well: then it is halted wherever it is. */
enum err bench_reset(struct bench *bench, enum program_then kind)
{
    if (kind == THEN_AGAIN || kind == THEN_END)
        return core_halt(&bench->mem);
    TRY(core_halt(&bench->mem));
    TRY(mem_write_word(&bench->mem, DEMCR, 1));
    TRY(bench_reset_free(bench, kind));
    TRY(core_halt(&bench->mem));
    return mem_write_word(&bench->mem, DEMCR, 0);
}

static int control_open(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    struct timeval limit = { .tv_sec = CONTROL_S };
    if (strlen(path) >= sizeof(at.sun_path))
        return -1;
    memcpy(at.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
                    connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* "uart N 41": the word N becomes the number. */
static size_t control_line(const struct bench *bench, const char *command,
                           char line[static LINE_MAX_BYTES])
{
    const char *n = strstr(command, " N");
    int len = n == NULL ? snprintf(line, LINE_MAX_BYTES, "%s\n", command)
                        : snprintf(line, LINE_MAX_BYTES, "%.*s %u%s\n", (int)(n - command),
                                   command, bench->board, n + 2);
    return len > 0 && len < LINE_MAX_BYTES ? (size_t)len : 0;
}

enum err bench_control(const struct bench *bench, const char *command,
                       char answer[static BENCH_ANSWER_MAX])
{
    char line[LINE_MAX_BYTES];
    size_t len = control_line(bench, command, line), got = 0;
    AUTO(fd_drop) int fd = control_open(bench->control);
    if (fd < 0 || len == 0 || send(fd, line, len, MSG_NOSIGNAL) != (ssize_t)len)
        return fail(ERR_IO, "bench: control socket %s", bench->control);
    while (got < BENCH_ANSWER_MAX - 1 && memchr(answer, '\n', got) == NULL) {
        ssize_t n = recv(fd, answer + got, BENCH_ANSWER_MAX - 1 - got, 0);
        if (n <= 0)
            return fail(ERR_IO, "bench: no answer to %s", command);
        got += (size_t)n;
    }
    answer[got] = '\0';
    if (strncmp(answer, "{\"ok\":true", 10) != 0)
        return fail(ERR_INVALID, "bench: %s: %s", command, answer);
    return ERR_OK;
}
