/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/wss/stream.h"
#include "tests/unit/certs.h"

/* A server that sends back, from a thread of its own, each message of a stream. */
struct end {
    X509 *certificate;
    EVP_PKEY *key;
};

struct echo {
    struct wss_conn *conn;
    struct wss_stream *stream;
    uint32_t id;
};

static struct scene {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct wss_conn *conn;
    struct end server_end, client_end;
    struct wss *server, *client;
    unsigned echoes_over;
    enum err echo_err;
} scene = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static X509 *root;
static EVP_PKEY *root_key;

static enum err setup(void *context, SSL_CTX *tls)
{
    struct end *end = context;
    return SSL_CTX_use_certificate(tls, end->certificate) == 1 &&
                   SSL_CTX_use_PrivateKey(tls, end->key) == 1 &&
                   X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), root) == 1
               ? ERR_OK
               : ERR_TLS;
}

static enum err echo_all(struct echo *e)
{
    struct buf message = { 0 };
    bool end = false;
    enum err err = ERR_OK;
    while (err == ERR_OK && !end) {
        err = wss_stream_receive(e->stream, &message, &end);
        if (err == ERR_OK && !end)
            err = wss_stream_send(e->stream, buf_span(&message), false);
    }
    buf_free(&message);
    return err;
}

static void *echo_thread(void *arg)
{
    struct echo *e = arg;
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    uint8_t done[] = { 'd', 'o', 'n', 'e' };
    enum err err = echo_all(e);
    response.stream = e->id;
    response.status = err_status(err);
    response.payload = (ProtobufCBinaryData){ sizeof(done), done };
    if (wss_respond(e->conn, &response) != ERR_OK)
        log_line(LOG_LEVEL_DEBUG, "test: the caller is gone");
    wss_stream_free(e->stream);
    wss_conn_drop(&e->conn);
    free(e);
    pthread_mutex_lock(&scene.lock);
    scene.echo_err = err;
    scene.echoes_over++;
    pthread_cond_broadcast(&scene.changed);
    pthread_mutex_unlock(&scene.lock);
    return NULL;
}

static void on_request(void *context, struct wss_conn *conn, struct peer_event *event)
{
    (void)context;
    struct echo *e = calloc(1, sizeof(*e));
    pthread_t thread;
    assert_non_null(e);
    assert_int_equal(wss_stream_accept(conn, event, &e->stream), ERR_OK);
    e->conn = wss_conn_keep(conn);
    e->id = event->stream;
    assert_int_equal(pthread_create(&thread, NULL, echo_thread, e), 0);
    pthread_detach(thread);
    peer_event_free(event);
}

static void on_open(void *context, struct wss_conn *conn)
{
    (void)context;
    pthread_mutex_lock(&scene.lock);
    scene.conn = wss_conn_keep(conn);
    pthread_cond_broadcast(&scene.changed);
    pthread_mutex_unlock(&scene.lock);
}

static int start_serving(const struct wss_handler *handler)
{
    static const struct certs_spec web = { "web", "DNS:localhost", "serverAuth", false, 10 };
    static const struct certs_spec station = { "x", NULL, "clientAuth", false, 10 };
    scene.server_end.certificate = certs_make(&web, root, root_key, &scene.server_end.key);
    scene.client_end.certificate = certs_make(&station, root, root_key, &scene.client_end.key);
    struct wss_config config = {
        .server = true,
        .address = "127.0.0.1",
        .tls_setup = setup,
        .tls_context = &scene.server_end,
        .software = "test",
        .handler = *handler,
    };
    assert_int_equal(wss_start(&config, &scene.server), ERR_OK);
    config.server = false;
    config.address = "localhost";
    config.port = wss_port(scene.server);
    config.tls_context = &scene.client_end;
    config.handler = (struct wss_handler){ .open = on_open };
    assert_int_equal(wss_start(&config, &scene.client), ERR_OK);
    assert_int_equal(wss_connect(scene.client), ERR_OK);
    pthread_mutex_lock(&scene.lock);
    while (scene.conn == NULL)
        pthread_cond_wait(&scene.changed, &scene.lock);
    scene.echoes_over = 0;
    pthread_mutex_unlock(&scene.lock);
    return 0;
}

static int start(void **state)
{
    (void)state;
    return start_serving(&(struct wss_handler){ .request = on_request });
}

static enum err wait_echo(void)
{
    pthread_mutex_lock(&scene.lock);
    while (scene.echoes_over == 0)
        pthread_cond_wait(&scene.changed, &scene.lock);
    enum err e = scene.echo_err;
    pthread_mutex_unlock(&scene.lock);
    return e;
}

static void stop_both(void)
{
    wss_conn_drop(&scene.conn);
    wss_stop(scene.client);
    wss_shutdown(scene.server);
}

static void forget_server(void)
{
    wss_stop(scene.server);
    X509_free(scene.server_end.certificate);
    EVP_PKEY_free(scene.server_end.key);
    X509_free(scene.client_end.certificate);
    EVP_PKEY_free(scene.client_end.key);
}

static int stop(void **state)
{
    (void)state;
    stop_both();
    (void)wait_echo();
    forget_server();
    return 0;
}

static struct wss_stream *open_stream(uint32_t timeout_ms)
{
    static char method[] = "hallmark.v1.Test/Echo";
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    struct wss_stream *stream = NULL;
    request.method = method;
    request.timeout_ms = timeout_ms;
    assert_int_equal(wss_stream_open(scene.conn, &request, &stream), ERR_OK);
    return stream;
}

/* Far more than the credit of a stream and of the connection: both ends must give it anew. */
static void more_than_the_credit_flows(void **state)
{
    (void)state;
    enum { ROUNDS = 40, BATCH = 4 };
    static uint8_t bytes[100 << 10];
    struct wss_stream *stream = open_stream(0);
    struct buf message = { 0 };
    bool end = false;
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < BATCH; k++)
            assert_int_equal(
                wss_stream_send(stream, SPAN(bytes), i == ROUNDS - 1 && k == BATCH - 1),
                ERR_OK);
        for (int k = 0; k < BATCH; k++) {
            assert_int_equal(wss_stream_receive(stream, &message, &end), ERR_OK);
            assert_false(end);
            assert_int_equal(message.len, sizeof(bytes));
        }
    }
    assert_int_equal(wss_stream_receive(stream, &message, &end), ERR_OK);
    assert_true(end);
    assert_int_equal(wss_stream_finish(stream, &message), ERR_OK);
    assert_memory_equal(message.ptr, "done", 4);
    buf_free(&message);
    wss_stream_free(stream);
    assert_int_equal(wait_echo(), ERR_OK);
}

static void freeing_cancels(void **state)
{
    (void)state;
    struct wss_stream *stream = open_stream(0);
    assert_int_equal(wss_stream_send(stream, span_of("x", 1), false), ERR_OK);
    wss_stream_free(stream);
    assert_int_equal(wait_echo(), ERR_CANCELLED);
}

/* Streams whose messages are there and never read, several times the connection's credit in
 * all: it is given back, or the last of them would wait without end. */
static void credit_of_what_is_not_read_comes_back(void **state)
{
    (void)state;
    enum { STREAMS = 30, EACH = 9 };
    static uint8_t bytes[100 << 10];
    for (unsigned i = 0; i < STREAMS; i++) {
        struct wss_stream *stream = open_stream(0);
        for (unsigned k = 0; k < EACH; k++)
            assert_int_equal(wss_stream_send(stream, SPAN(bytes), k == EACH - 1), ERR_OK);
        assert_int_equal(wss_stream_finish(stream, NULL), ERR_OK);
        wss_stream_free(stream);
    }
}

static void the_deadline_ends_both(void **state)
{
    (void)state;
    struct wss_stream *stream = open_stream(50);
    struct buf message = { 0 };
    bool end = false;
    assert_int_equal(wss_stream_receive(stream, &message, &end), ERR_DEADLINE);
    assert_int_not_equal(wait_echo(), ERR_OK);
    assert_int_equal(wss_stream_finish(stream, NULL), ERR_DEADLINE);
    wss_stream_free(stream);
}

static void a_lost_connection_ends_both(void **state)
{
    (void)state;
    struct wss_stream *stream = open_stream(0);
    struct buf message = { 0 };
    bool end = false;
    assert_int_equal(wss_stream_send(stream, span_of("x", 1), false), ERR_OK);
    assert_int_equal(wss_stream_receive(stream, &message, &end), ERR_OK);
    buf_free(&message);
    wss_conn_close(scene.conn, 1001, "enough");
    assert_int_equal(wss_stream_receive(stream, &message, &end), ERR_CLOSED);
    assert_int_equal(wss_stream_check(stream), ERR_CLOSED);
    assert_int_equal(wss_stream_send(stream, span_of("x", 1), false), ERR_CLOSED);
    assert_int_equal(wait_echo(), ERR_CLOSED);
    wss_stream_free(stream);
}

/* --- Before a connection is admitted. The server keeps what it is sent, and reads nothing. ---
 */

enum { EARLY_STREAMS = 8, EARLY_MESSAGES = 15, EARLY_MAX = 4 * (64 << 10) };
static uint8_t early_bytes[64 << 10];

/* What the server's I/O thread writes, it writes under scene.lock. */
static struct hoard {
    struct meter all, meter;
    struct wss_conn *conn;
    struct wss_stream *stream[EARLY_STREAMS + 1];
    unsigned count;
} hoard;

static enum err hoard_accept(void *context, struct wss_conn *conn, const struct wss_peer *peer)
{
    (void)context, (void)peer;
    pthread_mutex_lock(&scene.lock);
    hoard.conn = wss_conn_keep(conn);
    pthread_mutex_unlock(&scene.lock);
    wss_conn_meter_early(conn, &hoard.meter);
    return ERR_OK;
}

/* One message that is whole is answered at once: what was sent before it has arrived. */
static void hoard_request(void *context, struct wss_conn *conn, struct peer_event *event)
{
    (void)context;
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    response.stream = event->stream;
    pthread_mutex_lock(&scene.lock);
    if (event->frame->request->end_stream)
        assert_int_equal(wss_respond(conn, &response), ERR_OK);
    else
        assert_int_equal(wss_stream_accept(conn, event, &hoard.stream[hoard.count++]), ERR_OK);
    pthread_mutex_unlock(&scene.lock);
    peer_event_free(event);
}

static int hoard_start(void **state)
{
    (void)state;
    hoard = (struct hoard){ .all = { .max = SIZE_MAX } };
    hoard.meter = (struct meter){ .max = EARLY_MAX, .all = &hoard.all };
    return start_serving(
        &(struct wss_handler){ .accept = hoard_accept, .request = hoard_request });
}

static int hoard_stop(void **state)
{
    (void)state;
    stop_both();
    for (unsigned i = 0; i < hoard.count; i++)
        wss_stream_free(hoard.stream[i]);
    wss_conn_drop(&hoard.conn);
    forget_server();
    return 0;
}

struct fence {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool passed;
};

static void fence_passed(void *context, const Hallmark__V1__FrameResponse *response)
{
    struct fence *fence = context;
    (void)response;
    pthread_mutex_lock(&fence->lock);
    fence->passed = true;
    pthread_cond_broadcast(&fence->changed);
    pthread_mutex_unlock(&fence->lock);
}

static void wait_arrived(void)
{
    static char method[] = "hallmark.v1.Test/Fence";
    struct fence fence = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    request.method = method;
    request.end_stream = true;
    assert_int_equal(wss_call(scene.conn, &request, fence_passed, &fence), ERR_OK);
    pthread_mutex_lock(&fence.lock);
    while (!fence.passed)
        pthread_cond_wait(&fence.changed, &fence.lock);
    pthread_mutex_unlock(&fence.lock);
    pthread_mutex_lock(&scene.lock); /* what the server has done is seen from here on */
    pthread_mutex_unlock(&scene.lock);
}

static struct wss_stream *send_early(unsigned messages)
{
    struct wss_stream *stream = open_stream(0);
    for (unsigned i = 0; i < messages; i++)
        assert_int_equal(wss_stream_send(stream, SPAN(early_bytes), false), ERR_OK);
    return stream;
}

static unsigned messages_kept(struct wss_stream *stream, enum err *end_out)
{
    AUTO(buf_free) struct buf message = { 0 };
    unsigned count = 0;
    bool end = false;
    while ((*end_out = wss_stream_receive(stream, &message, &end)) == ERR_OK && !end)
        count++;
    return count;
}

/* 7.5 MiB on eight streams, within the credit: four messages are kept, each stream is told that
 * it was too much, and when that is read nothing is charged any more. */
static void early_messages_are_bounded(void **state)
{
    (void)state;
    struct wss_stream *sent[EARLY_STREAMS];
    unsigned kept = 0;
    for (unsigned i = 0; i < EARLY_STREAMS; i++) {
        sent[i] = send_early(EARLY_MESSAGES);
        wait_arrived();
        assert_int_equal(atomic_load(&hoard.all.used), EARLY_MAX);
    }
    assert_int_equal(hoard.count, EARLY_STREAMS);
    for (unsigned i = 0; i < EARLY_STREAMS; i++) {
        enum err e = ERR_OK;
        assert_int_equal(wss_stream_check(hoard.stream[i]), ERR_EXHAUSTED);
        kept += messages_kept(hoard.stream[i], &e);
        assert_int_equal(e, ERR_EXHAUSTED);
    }
    assert_int_equal(kept, EARLY_MAX / sizeof(early_bytes));
    assert_int_equal(atomic_load(&hoard.all.used), 0);
    for (unsigned i = 0; i < EARLY_STREAMS; i++)
        wss_stream_free(sent[i]);
}

/* What is not read is no longer charged when its stream is freed. */
static void early_messages_of_a_freed_stream(void **state)
{
    (void)state;
    struct wss_stream *sent = send_early(3);
    wait_arrived();
    assert_int_equal(atomic_load(&hoard.all.used), 3 * sizeof(early_bytes));
    assert_int_equal(wss_stream_check(hoard.stream[0]), ERR_OK);
    wss_stream_free(hoard.stream[0]);
    hoard.count = 0;
    assert_int_equal(atomic_load(&hoard.all.used), 0);
    wss_stream_free(sent);
}

/* Once it is admitted a connection has its whole credit, and its messages are not charged. */
static void admission_lifts_the_bound(void **state)
{
    (void)state;
    wait_arrived();
    wss_conn_authenticated(hoard.conn);
    struct wss_stream *sent = send_early(EARLY_MESSAGES);
    wait_arrived();
    assert_int_equal(wss_stream_check(hoard.stream[0]), ERR_OK);
    assert_int_equal(atomic_load(&hoard.all.used), 0);
    wss_stream_free(sent);
    wait_arrived();
    enum err e = ERR_OK;
    assert_int_equal(messages_kept(hoard.stream[0], &e), EARLY_MESSAGES);
    assert_int_equal(e, ERR_CANCELLED);
}

int main(void)
{
    static const struct certs_spec ca = { "root", NULL, NULL, true, 10 };
    root = certs_make(&ca, NULL, NULL, &root_key);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(more_than_the_credit_flows, start, stop),
        cmocka_unit_test_setup_teardown(freeing_cancels, start, stop),
        cmocka_unit_test_setup_teardown(credit_of_what_is_not_read_comes_back, start, stop),
        cmocka_unit_test_setup_teardown(the_deadline_ends_both, start, stop),
        cmocka_unit_test_setup_teardown(a_lost_connection_ends_both, start, stop),
        cmocka_unit_test_setup_teardown(early_messages_are_bounded, hoard_start, hoard_stop),
        cmocka_unit_test_setup_teardown(early_messages_of_a_freed_stream, hoard_start,
                                        hoard_stop),
        cmocka_unit_test_setup_teardown(admission_lifts_the_bound, hoard_start, hoard_stop),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    X509_free(root);
    EVP_PKEY_free(root_key);
    return failed;
}
