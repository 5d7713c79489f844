/* SPDX-License-Identifier: MIT */
#include "tests/bench/rpc/load.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SAMPLES_PER_SECOND_MAX = 500000, SETTLE_S = 1 };

#define SECOND_NS UINT64_C(1000000000)
#define WARM_NS   (SECOND_NS * 3 / 10)

enum phase { COLD, WARMING, TURNING, MEASURING, OVER };

static struct {
    int server;
    uint64_t window_ns;
    atomic_int phase;
    uint64_t begin_ns, end_ns; /* of warming, then of the window */
    double cpu_us;             /* the server's, when the window began; then within it */
    long idle_kib;
    atomic_size_t count;
    size_t max;
    uint32_t *sample_ns;
} state;

void load_die(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

uint64_t load_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static unsigned long number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0')
        load_die("an argument is not a number");
    return value;
}

struct load load_of(int argc, char **argv)
{
    static const char *const kinds[] = { "calls", "handshakes", "idle", "blocking" };
    struct load load = { .kind = LOAD_CALLS };
    size_t kind = 0;
    while (argc == 7 && kind < 4 && strcmp(argv[1], kinds[kind]) != 0)
        kind++;
    if (argc != 7 || kind == 4)
        load_die(
            "usage: calls|handshakes|idle|blocking PORT SERVER_PID CONNECTIONS SECONDS FOLDER");
    load.kind = (enum load_kind)kind;
    load.port = (uint16_t)number(argv[2]);
    state.server = (int)number(argv[3]);
    load.connections = (unsigned)number(argv[4]);
    unsigned long seconds = number(argv[5]);
    load.certificates = argv[6];
    state.window_ns = seconds * SECOND_NS;
    state.max = seconds * SAMPLES_PER_SECOND_MAX;
    state.sample_ns = calloc(state.max, sizeof(*state.sample_ns));
    if (state.sample_ns == NULL)
        load_die("no memory");
    return load;
}

/* What a file of /proc/SERVER says. */
static void server_file(const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", state.server, name);
    FILE *file = fopen(path, "r");
    size_t len = file == NULL ? 0 : fread(text, 1, size - 1, file);
    if (len == 0)
        load_die("the server is gone");
    fclose(file);
    text[len] = '\0';
}

/* utime and stime, proc(5): fields 14 and 15 of stat; the name before them may hold blanks. */
static double server_cpu_us(void)
{
    char text[1024], *at;
    server_file("stat", text, sizeof(text));
    at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < 14; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL)
        load_die("/proc/PID/stat is not what proc(5) says");
    unsigned long user = strtoul(at, &at, 10), system = strtoul(at, &at, 10);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static long server_rss_kib(void)
{
    char text[4096];
    server_file("status", text, sizeof(text));
    const char *line = strstr(text, "VmRSS:");
    return line == NULL ? 0 : strtol(line + strlen("VmRSS:"), NULL, 10);
}

/* Who wins the change of phase does what belongs to it. */
static bool turn(enum phase from, enum phase to)
{
    int expected = from;
    return atomic_compare_exchange_strong(&state.phase, &expected, to);
}

bool load_done(uint64_t started_ns)
{
    uint64_t now = load_now_ns();
    int phase = atomic_load(&state.phase);
    if (phase == COLD && turn(COLD, TURNING)) {
        state.begin_ns = now;
        turn(TURNING, WARMING);
    } else if (phase == WARMING && now - state.begin_ns >= WARM_NS && turn(WARMING, TURNING)) {
        state.cpu_us = server_cpu_us();
        state.begin_ns = load_now_ns();
        turn(TURNING, MEASURING);
    } else if (phase == MEASURING && started_ns >= state.begin_ns) {
        size_t i = atomic_fetch_add(&state.count, 1);
        if (i < state.max)
            state.sample_ns[i] =
                now - started_ns > UINT32_MAX ? UINT32_MAX : (uint32_t)(now - started_ns);
        if (now - state.begin_ns >= state.window_ns && turn(MEASURING, OVER)) {
            state.end_ns = now;
            state.cpu_us = server_cpu_us() - state.cpu_us;
        }
    }
    return atomic_load(&state.phase) != OVER;
}

static int by_size(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

void load_report(void)
{
    size_t count = atomic_load(&state.count);
    if (count == 0 || count > state.max)
        load_die("nothing was measured, or too much to keep");
    qsort(state.sample_ns, count, sizeof(*state.sample_ns), by_size);
    printf("%.1f %.1f %.1f %.3f\n",
           (double)count * 1e9 / (double)(state.end_ns - state.begin_ns),
           (double)state.sample_ns[count / 2] / 1e3,
           (double)state.sample_ns[count * 99 / 100] / 1e3, state.cpu_us / (double)count);
    fflush(stdout);
}

void load_idle_before(void)
{
    state.idle_kib = server_rss_kib();
}

void load_idle_after(const struct load *load)
{
    sleep(SETTLE_S); /* the server frees what its handshakes needed */
    printf("%.2f\n", (double)(server_rss_kib() - state.idle_kib) / (double)load->connections);
    fflush(stdout);
}
