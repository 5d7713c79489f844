/* SPDX-License-Identifier: MIT */
/*
 * load: what the clients of the benchmark share: their arguments, the measured window, its
 * figures. One load a process. What a client repeats (a call, or a handshake) it reports with
 * load_done(), from any thread; a short warm-up is left out. The server's processor time and
 * memory are read from /proc. Used by every client in tests/bench/rpc, C++ too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum load_kind {
    LOAD_CALLS,      /* connections, one call in flight each */
    LOAD_HANDSHAKES, /* connections made and dropped, each again and again */
    LOAD_IDLE,       /* connections that do nothing */
    LOAD_BLOCKING,   /* like LOAD_CALLS, each on a thread that waits; gRPC's client only */
};

enum { LOAD_PAYLOAD = 200 /* bytes, both ways */ };

struct load {
    enum load_kind kind;
    uint16_t port;
    unsigned connections;
    const char *certificates; /* folder: root.pem, client.pem, client.key */
};

/* Exits with a usage line if the arguments are not KIND PORT SERVER_PID CONNECTIONS SECONDS
 * FOLDER. */
struct load load_of(int argc, char **argv);

uint64_t load_now_ns(void);
bool load_done(uint64_t started_ns); /* one more is done; false: stop, the window is over */
void load_report(void);              /* one line: "per_second p50_us p99_us cpu_us_each" */

/* Around the opening of idle connections; the second prints "KiB" for each one. */
void load_idle_before(void);
void load_idle_after(const struct load *load);

void load_die(const char *what) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif
