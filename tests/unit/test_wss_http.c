/* SPDX-License-Identifier: MIT */
/* What is no WebSocket of ours gets an HTTP answer, said over TLS by hand; and of a message
 * that is never whole no more is kept than its principal may have. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/host/meter.h"
#include "common/wss/wss.h"
#include "tests/unit/certs.h"

enum { ANSWER_MAX = 4096, REQUEST_MAX = 50000 };

struct end {
    X509 *certificate;
    EVP_PKEY *key;
};

static X509 *root;
static EVP_PKEY *root_key;
static struct end web, station;
static struct wss *server;
static struct meter received = { .max = 100000 };
static sem_t gone;

static enum err setup(void *context, SSL_CTX *tls)
{
    struct end *end = context;
    return SSL_CTX_use_certificate(tls, end->certificate) == 1 &&
                   SSL_CTX_use_PrivateKey(tls, end->key) == 1 &&
                   X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), root) == 1
               ? ERR_OK
               : ERR_TLS;
}

static enum err on_accept(void *context, struct wss_conn *conn, const struct wss_peer *peer)
{
    (void)context, (void)peer;
    wss_conn_meter_received(conn, &received);
    return ERR_OK;
}

static void on_closed(void *context, struct wss_conn *conn, const char *reason)
{
    (void)context, (void)conn, (void)reason;
    sem_post(&gone);
}

static void server_start(void)
{
    struct wss_config config = {
        .server = true,
        .address = "127.0.0.1",
        .tls_setup = setup,
        .tls_context = &web,
        .software = "test",
        .handler = { .accept = on_accept, .closed = on_closed },
    };
    assert_int_equal(wss_start(&config, &server), ERR_OK);
}

static int connect_raw(void)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(wss_port(server)) };
    struct timeval patience = { 3, 0 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

/* Until the server has closed, or, after 101, says nothing more for now. */
static void ask(const char *request, char answer[static ANSWER_MAX])
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    assert_int_equal(setup(&station, tls), ERR_OK);
    SSL *ssl = SSL_new(tls);
    int fd = connect_raw(), got, len = 0;
    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    assert_int_equal(SSL_connect(ssl), 1);
    assert_true(SSL_write(ssl, request, (int)strlen(request)) > 0);
    while (len < ANSWER_MAX - 1 && strstr(answer, " 101 ") == NULL &&
           (got = SSL_read(ssl, answer + len, ANSWER_MAX - 1 - len)) > 0) {
        len += got;
        answer[len] = '\0';
    }
    answer[len] = '\0';
    SSL_free(ssl);
    SSL_CTX_free(tls);
    close(fd);
}

#define UPGRADE "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define OURS    "Sec-WebSocket-Protocol: v1.rpc.hallmark\r\n"

static void each_request_gets_an_answer(void **state)
{
    (void)state;
    static const struct {
        const char *name, *request, *status, *words;
    } cases[] = {
        { "ours", "GET / HTTP/1.1\r\n" UPGRADE KEY VERSION OURS "\r\n", "101", "" },
        { "ours among others",
          "GET / HTTP/1.1\r\n" UPGRADE KEY VERSION
          "Sec-WebSocket-Protocol: chat, v1.rpc.hallmark\r\n\r\n",
          "101", "" },
        { "no upgrade", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "426", "WebSocket" },
        { "another path", "GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n", "426",
          "WebSocket" },
        { "another subprotocol",
          "GET / HTTP/1.1\r\n" UPGRADE KEY VERSION
          "Sec-WebSocket-Protocol: v2.rpc.hallmark\r\n\r\n",
          "400", "v1.rpc.hallmark" },
        { "no subprotocol", "GET / HTTP/1.1\r\n" UPGRADE KEY VERSION "\r\n", "400",
          "v1.rpc.hallmark" },
        { "version 8", "GET / HTTP/1.1\r\n" UPGRADE KEY OURS "Sec-WebSocket-Version: 8\r\n\r\n",
          "426", "must be 13" },
        { "no version", "GET / HTTP/1.1\r\n" UPGRADE KEY OURS "\r\n", "426", "must be 13" },
        { "no key", "GET / HTTP/1.1\r\n" UPGRADE VERSION OURS "\r\n", "400",
          "Sec-WebSocket-Key" },
        { "HTTP/1.0", "GET / HTTP/1.0\r\n" UPGRADE KEY VERSION OURS "\r\n", "400", "HTTP/1.1" },
        { "HTTP/1.0 without upgrade", "GET / HTTP/1.0\r\n\r\n", "426", "WebSocket" },
        { "another upgrade",
          "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
          "426", "WebSocket" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char answer[ANSWER_MAX] = "", line[32];
        snprintf(line, sizeof(line), "HTTP/1.1 %s ", cases[i].status);
        ask(cases[i].request, answer);
        if (strncmp(answer, line, strlen(line)) != 0 || strstr(answer, cases[i].words) == NULL)
            fail_msg("%s: not %s with '%s', but: %s", cases[i].name, cases[i].status,
                     cases[i].words, answer);
    }
}

static void ask_with_header(size_t len, const char *protocol, char answer[static ANSWER_MAX])
{
    static char request[REQUEST_MAX];
    int at = snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nCookie: ");
    memset(request + at, 'a', len);
    snprintf(request + at + len, sizeof(request) - (size_t)at - len,
             "\r\n" UPGRADE KEY VERSION "%s\r\n", protocol);
    ask(request, answer);
}

/* Long headers change nothing; over 16 KiB the connection ends, and the server goes on. */
static void long_headers(void **state)
{
    (void)state;
    char answer[ANSWER_MAX] = "";
    ask_with_header(8000, OURS, answer);
    assert_memory_equal(answer, "HTTP/1.1 101", 12);
    answer[0] = '\0';
    ask_with_header(15000, "Sec-WebSocket-Protocol: other\r\n", answer);
    assert_memory_equal(answer, "HTTP/1.1 400", 12);
    answer[0] = '\0';
    ask_with_header(40000, OURS, answer);
    assert_string_equal(answer, "");
    ask_with_header(10, OURS, answer);
    assert_memory_equal(answer, "HTTP/1.1 101", 12);
}

/* A first or middle fragment of 60,000 bytes: FIN is 0, masked with zeros. */
static void send_fragment(SSL *ssl, uint8_t opcode)
{
    enum { LEN = 60000, HEADER = 8 };
    static uint8_t frame[HEADER + LEN];
    frame[0] = opcode;
    frame[1] = 0x80 | 126;
    frame[2] = LEN >> 8;
    frame[3] = LEN & 0xff;
    (void)!SSL_write(ssl, frame, sizeof(frame));
}

/* The next close frame's code; 0 if the connection just ends. Our answers are small: no frame
 * that comes is longer than 125 bytes. */
static unsigned close_code(SSL *ssl)
{
    uint8_t byte, frame[2 + 125] = { 0 };
    size_t got = 0;
    while (SSL_read(ssl, &byte, 1) == 1) {
        frame[got++] = byte;
        if (got < 2 || got < 2 + (size_t)frame[1])
            continue;
        if (frame[0] == 0x88)
            return (unsigned)(frame[2] << 8 | frame[3]);
        got = 0;
    }
    return 0;
}

static void a_message_that_is_never_whole(void **state)
{
    (void)state;
    static const char request[] = "GET / HTTP/1.1\r\n" UPGRADE KEY VERSION OURS "\r\n";
    char byte, last[5] = "";
    struct timespec until;
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    assert_int_equal(setup(&station, tls), ERR_OK);
    SSL *ssl = SSL_new(tls);
    int fd = connect_raw();
    assert_int_equal(SSL_set_fd(ssl, fd), 1);
    assert_int_equal(SSL_connect(ssl), 1);
    assert_true(SSL_write(ssl, request, (int)strlen(request)) > 0);
    while (strcmp(last, "\r\n\r\n") != 0 && SSL_read(ssl, &byte, 1) == 1) {
        memmove(last, last + 1, 3);
        last[3] = byte;
    }
    send_fragment(ssl, 2);
    send_fragment(ssl, 0);
    assert_int_equal(close_code(ssl), 1013);
    SSL_free(ssl);
    SSL_CTX_free(tls);
    close(fd);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    while (atomic_load(&received.used) != 0) /* it is all given back; others end as well */
        assert_int_equal(sem_timedwait(&gone, &until), 0);
}

int main(void)
{
    static const struct certs_spec ca = { "root", NULL, NULL, true, 10 };
    static const struct certs_spec name = { "web", "DNS:localhost", "serverAuth", false, 10 };
    static const struct certs_spec who = { "station", "URI:spiffe://t/station/x", "clientAuth",
                                           false, 10 };
    root = certs_make(&ca, NULL, NULL, &root_key);
    web.certificate = certs_make(&name, root, root_key, &web.key);
    station.certificate = certs_make(&who, root, root_key, &station.key);
    sem_init(&gone, 0, 0);
    server_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_gets_an_answer),
        cmocka_unit_test(long_headers),
        cmocka_unit_test(a_message_that_is_never_whole),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    wss_stop(server);
    X509_free(root), X509_free(web.certificate), X509_free(station.certificate);
    EVP_PKEY_free(root_key), EVP_PKEY_free(web.key), EVP_PKEY_free(station.key);
    return failed;
}
