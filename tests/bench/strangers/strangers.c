/* SPDX-License-Identifier: MIT */
/*
 * bench-strangers: what a connected client and one that connects feel while clients without a
 * certificate connect again and again. Started by run, against a server with a slow HSM. The
 * same calls without strangers come first: the floor. Prints; asserts nothing but its set-up.
 */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "common/wss/wss.h"
#include "hallmark/v1/operator.pb-c.h"

enum { STRANGERS_MAX = 1000, CALLS = 200, BETWEEN_MS = 10, PATIENCE_S = 60 };

static struct {
    uint16_t port;
    const char *ca, *certificate, *key;
} options;
static atomic_bool stop;
static atomic_uint handshakes; /* of strangers, that came to an end */

struct client {
    struct wss *wss;
    sem_t opened, answered;
    struct wss_conn *conn;
    uint64_t operations; /* of the HSM, as the latest answer says */
};

static void give_up(const char *what)
{
    fprintf(stderr, "bench-strangers: %s: %s\n", what, fail_words());
    exit(1);
}

static void wait_for(sem_t *sem, const char *what)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    if (sem_timedwait(sem, &until) != 0)
        give_up(what);
}

/* --- The client that is served. --- */

static enum err setup(void *context, SSL_CTX *tls)
{
    (void)context;
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    return SSL_CTX_load_verify_locations(tls, options.ca, NULL) == 1 &&
                   SSL_CTX_use_certificate_chain_file(tls, options.certificate) == 1 &&
                   SSL_CTX_use_PrivateKey_file(tls, options.key, SSL_FILETYPE_PEM) == 1
               ? ERR_OK
               : fail(ERR_TLS, "certificate or key cannot be used");
}

static void on_open(void *context, struct wss_conn *conn)
{
    struct client *c = context;
    c->conn = wss_conn_keep(conn);
    sem_post(&c->opened);
}

static void on_closed(void *context, struct wss_conn *conn, const char *reason)
{
    (void)context, (void)conn;
    log_line(LOG_LEVEL_DEBUG, "closed: %s", reason);
}

static void on_answer(void *context, const Hallmark__V1__FrameResponse *response)
{
    struct client *c = context;
    Hallmark__V1__CheckResponse *health = hallmark__v1__check_response__unpack(
        NULL, response->payload.len, response->payload.data);
    if (response->status != 0 || health == NULL)
        give_up("Health.Check was refused");
    else
        c->operations = health->hsm_operations;
    hallmark__v1__check_response__free_unpacked(health, NULL);
    sem_post(&c->answered);
}

static void client_start(struct client *c)
{
    struct wss_config config = {
        .address = "localhost",
        .port = options.port,
        .tls_setup = setup,
        .software = "bench-strangers",
        .handler = { .context = c, .open = on_open, .closed = on_closed },
    };
    sem_init(&c->opened, 0, 0);
    sem_init(&c->answered, 0, 0);
    if (wss_start(&config, &c->wss) != ERR_OK || wss_connect(c->wss) != ERR_OK)
        give_up("cannot connect");
    wait_for(&c->opened, "no connection");
}

static void client_stop(struct client *c)
{
    wss_conn_drop(&c->conn);
    wss_stop(c->wss);
    sem_destroy(&c->opened);
    sem_destroy(&c->answered);
}

static unsigned connect_ms(void)
{
    struct client c = { 0 };
    uint64_t start = rpc_now_ms();
    client_start(&c);
    unsigned took = (unsigned)(rpc_now_ms() - start);
    client_stop(&c);
    return took;
}

/* --- Strangers, from 127.0.0.2. --- */

static int connect_stranger(void)
{
    struct sockaddr_in from = { .sin_family = AF_INET }, to = from;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.2", &from.sin_addr);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    to.sin_port = htons(options.port);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
        connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void *be_strange(void *context)
{
    SSL_CTX *tls = context;
    struct timeval patience = { 3, 0 };
    while (!atomic_load(&stop)) {
        char byte;
        int fd = connect_stranger();
        SSL *ssl = SSL_new(tls);
        if (fd >= 0 &&
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
            SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1) {
            (void)SSL_read(ssl, &byte, 1);
            atomic_fetch_add(&handshakes, 1);
        }
        SSL_free(ssl);
        if (fd >= 0)
            close(fd);
    }
    return NULL;
}

/* --- Figures. --- */

static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* CALLS calls, one after the other: a line of what they took, and of the HSM's operations
 * between two of them. */
static void measure(const char *name, struct client *c)
{
    static uint64_t took_us[CALLS], made[CALLS];
    static char method[] = "hallmark.v1.Health/Check";
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    struct timespec start, end, pause = { 0, BETWEEN_MS * 1000000L };
    request.method = method;
    request.end_stream = true;
    for (unsigned i = 0; i < CALLS; i++) {
        uint64_t before = c->operations;
        clock_gettime(CLOCK_MONOTONIC, &start);
        if (wss_call(c->conn, &request, on_answer, c) != ERR_OK)
            give_up("cannot call");
        wait_for(&c->answered, "no answer");
        clock_gettime(CLOCK_MONOTONIC, &end);
        took_us[i] = (uint64_t)(end.tv_sec - start.tv_sec) * 1000000 +
                     (uint64_t)((end.tv_nsec - start.tv_nsec) / 1000);
        made[i] = i == 0 ? 0 : c->operations - before;
        nanosleep(&pause, NULL);
    }
    qsort(took_us, CALLS, sizeof(took_us[0]), by_size);
    qsort(made, CALLS, sizeof(made[0]), by_size);
    enum { MEDIAN = CALLS / 2, LATE = CALLS * 99 / 100 };
    printf("%-22s %8.1f %8.1f %8.1f %12ju %10ju\n", name, (double)took_us[MEDIAN] / 1000,
           (double)took_us[LATE] / 1000, (double)took_us[CALLS - 1] / 1000,
           (uintmax_t)made[CALLS / 2], (uintmax_t)made[CALLS - 1]);
}

static void bench(unsigned strangers)
{
    static pthread_t threads[STRANGERS_MAX];
    struct client connected = { 0 };
    char name[64];
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    client_start(&connected);
    printf("%-22s %8s %8s %8s %12s %10s\n", "Health.Check", "median", "99 %", "most ms",
           "HSM, median", "most");
    measure("no stranger (floor)", &connected);
    unsigned floor_ms = connect_ms();
    for (unsigned i = 0; i < strangers; i++)
        if (pthread_create(&threads[i], NULL, be_strange, tls) != 0)
            give_up("no thread");
    snprintf(name, sizeof(name), "%u strangers", strangers);
    measure(name, &connected);
    printf(
        "a known client connects in %u ms without strangers, in %u ms with them; %u of their "
        "handshakes came to an end\n",
        floor_ms, connect_ms(), atomic_load(&handshakes));
    atomic_store(&stop, true);
    for (unsigned i = 0; i < strangers; i++)
        pthread_join(threads[i], NULL);
    client_stop(&connected);
    SSL_CTX_free(tls);
}

int main(int argc, char **argv)
{
    unsigned long strangers = argc == 6 ? strtoul(argv[5], NULL, 10) : 0;
    if (strangers == 0 || strangers > STRANGERS_MAX) {
        fputs("usage: bench-strangers PORT CA CERTIFICATE KEY STRANGERS\n", stderr);
        return 64;
    }
    options.port = (uint16_t)strtoul(argv[1], NULL, 10);
    options.ca = argv[2];
    options.certificate = argv[3];
    options.key = argv[4];
    bench((unsigned)strangers);
    return 0;
}
