/* SPDX-License-Identifier: MIT */
/*
 * client: what becomes of a connection and of calls when the server vanishes, drains, refuses
 * or is not there. The server is a real listener on loopback that plays the part its case gives
 * it.
 */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/client/client.h"
#include "common/host/log.h"
#include "tests/unit/certs.h"

enum { CALLS_MAX = 8, LONG_MS = 30000, SHORT_MS = 300, DEAD_PORT = 1 };

static char reads[] = "hallmark.v1.Health/Check", changes[] = "hallmark.v1.Registry/Revoke";

/* The listener and what it saw. Its thread writes; the test reads what it has waited for. */
struct server {
    struct wss *wss;
    unsigned refused;    /* so many connections are refused, */
    enum err refusal;    /* with this */
    unsigned vanish;     /* close on that many calls, answer none of them, */
    unsigned close_code; /* with this; 0: 1001 */
    unsigned drain;      /* so many connections are drained at their first call */
    bool revokes;        /* answers UNAUTHENTICATED, and closes with 1008 */
    bool calls_back;     /* calls the client, and passes its status on */
    enum err answer;     /* to every call */
    unsigned accepted, calls;
    size_t key_lens[CALLS_MAX];
    uint8_t keys[CALLS_MAX][RPC_IDEMPOTENCY_KEY_SIZE];
    struct wss_conn *conns[CALLS_MAX]; /* of the calls: for comparison only */
    uint32_t stream;                   /* of the call that waits for the client's answer */
    struct wss_conn *asked;            /* kept, the same */
};

static X509 *root, *server_cert, *client_cert;
static EVP_PKEY *root_key, *server_key, *client_key;
static char root_file[] = "/tmp/test_client.root.XXXXXX";
static char client_file[] = "/tmp/test_client.cert.XXXXXX";
static char key_file[] = "/tmp/test_client.key.XXXXXX";
static struct server server;

/* What the keeper told. */
static struct {
    unsigned lost, open, over;
    char words[CLIENT_REASON_MAX];
} told;

static enum err setup(void *context, SSL_CTX *tls)
{
    (void)context;
    return SSL_CTX_use_certificate(tls, server_cert) == 1 &&
                   SSL_CTX_use_PrivateKey(tls, server_key) == 1 &&
                   X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), root) == 1
               ? ERR_OK
               : ERR_TLS;
}

static enum err on_accept(void *context, struct wss_conn *conn, const struct wss_peer *peer)
{
    (void)context, (void)conn, (void)peer;
    return server.accepted++ < server.refused ? fail_quiet(server.refusal, "not you") : ERR_OK;
}

static void respond(struct wss_conn *conn, uint32_t stream, enum err e)
{
    char words[] = "as told\nhere";
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    response.stream = stream;
    response.status = err_status(e);
    response.code = (uint32_t)e;
    response.message = e == ERR_OK ? response.message : words;
    assert_int_equal(wss_respond(conn, &response), ERR_OK);
}

static void on_client_answer(void *context, const Hallmark__V1__FrameResponse *response)
{
    (void)context;
    respond(server.asked, server.stream, err_from_wire(response->code, response->status));
    wss_conn_drop(&server.asked);
}

static void call_back(struct wss_conn *conn, uint32_t stream)
{
    char method[] = "hallmark.v1.Station/PutRotpk";
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    request.method = method;
    server.stream = stream;
    server.asked = wss_conn_keep(conn);
    assert_int_equal(wss_call(conn, &request, on_client_answer, NULL), ERR_OK);
}

static void note(struct wss_conn *conn, const Hallmark__V1__FrameRequest *request)
{
    size_t len = request->idempotency_key.len;
    if (server.calls < CALLS_MAX) {
        server.conns[server.calls] = conn;
        server.key_lens[server.calls] = len;
        if (len == RPC_IDEMPOTENCY_KEY_SIZE)
            memcpy(server.keys[server.calls], request->idempotency_key.data, len);
    }
    server.calls++;
}

static void on_request(void *context, struct wss_conn *conn, struct peer_event *event)
{
    (void)context;
    note(conn, event->frame->request);
    if (server.calls <= server.vanish) {
        wss_conn_close(conn, server.close_code == 0 ? 1001 : server.close_code, "going");
    } else if (server.calls_back) {
        call_back(conn, event->stream);
    } else {
        if (server.accepted <= server.drain)
            wss_conn_go_away(conn, "stopping", LONG_MS);
        respond(conn, event->stream, server.revokes ? ERR_UNAUTHENTICATED : server.answer);
        if (server.revokes)
            wss_conn_close(conn, 1008, "revoked");
    }
    peer_event_free(event);
}

static void ignore_closed(void *context, struct wss_conn *conn, const char *reason)
{
    (void)context, (void)conn, (void)reason;
}

static void news(void *context, const struct client_news *news)
{
    (void)context;
    told.lost += news->kind == CLIENT_NEWS_LOST;
    told.open += news->kind == CLIENT_NEWS_OPEN;
    told.over += news->kind == CLIENT_NEWS_OVER;
    snprintf(told.words, sizeof(told.words), "%s", news->words);
}

static void write_pem(char *path, X509 *certificate, EVP_PKEY *key)
{
    FILE *file = fdopen(mkstemp(path), "w");
    assert_non_null(file);
    if (certificate != NULL)
        assert_int_equal(PEM_write_X509(file, certificate), 1);
    if (key != NULL)
        assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(file), 0);
}

static int make_files(void **state)
{
    (void)state;
    const struct certs_spec root_spec = { "root", NULL, NULL, true, 1 };
    const struct certs_spec server_spec = { "server", "DNS:localhost", "serverAuth", false, 1 };
    const struct certs_spec client_spec = { "client", NULL, "clientAuth", false, 1 };
    log_set_level(LOG_LEVEL_NONE);
    root = certs_make(&root_spec, NULL, NULL, &root_key);
    server_cert = certs_make(&server_spec, root, root_key, &server_key);
    client_cert = certs_make(&client_spec, root, root_key, &client_key);
    write_pem(root_file, root, NULL);
    write_pem(client_file, client_cert, NULL);
    write_pem(key_file, NULL, client_key);
    return 0;
}

static int drop_files(void **state)
{
    (void)state;
    X509_free(root);
    X509_free(server_cert);
    X509_free(client_cert);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(server_key);
    EVP_PKEY_free(client_key);
    return unlink(root_file) | unlink(client_file) | unlink(key_file);
}

static struct client_config config_of(uint16_t port, uint32_t patience_ms)
{
    return (struct client_config){
        .host = "localhost",
        .port = port,
        .ca_file = root_file,
        .certificate_file = client_file,
        .key_file = key_file,
        .software = "test",
        .self = "tester",
        .patience_ms = patience_ms,
        .backoff_ms = 10,
        .backoff_cap_ms = 100,
        .handler = { .news = news },
    };
}

static void serve(const struct server *part)
{
    const struct wss_config config = {
        .server = true,
        .address = "127.0.0.1",
        .tls_setup = setup,
        .software = "test",
        .handler = { .accept = on_accept, .request = on_request, .closed = ignore_closed },
    };
    server = *part;
    memset(&told, 0, sizeof(told));
    assert_int_equal(wss_start(&config, &server.wss), ERR_OK);
}

/* A server with its part, a client, and what became of its first connection. */
struct bench {
    struct client *client;
    struct client_line line;
    enum err opened;
};

static void start(struct bench *t, const struct server *part)
{
    serve(part);
    *t = (struct bench){ 0 };
    const struct client_config config = config_of(wss_port(server.wss), LONG_MS);
    assert_int_equal(client_open(&config, &t->client), ERR_OK);
    t->opened = client_await(t->client, UINT64_MAX);
    client_line_open(t->client, &t->line);
}

static void stop(struct bench *t)
{
    client_line_close(&t->line);
    client_close(t->client);
    wss_stop(server.wss);
}

static enum err call(struct bench *t, char *method, unsigned attempts)
{
    const struct client_again again = { attempts, rpc_now_ms() + LONG_MS };
    AUTO(buf_free) struct buf response = { 0 };
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    request.method = method;
    request.timeout_ms = LONG_MS;
    return client_call(&t->line, &again, &request, NULL, &response);
}

static void only_changes_have_a_key(void **state)
{
    (void)state;
    struct bench t;
    start(&t, &(struct server){ 0 });
    assert_int_equal(t.opened, ERR_OK);
    assert_int_equal(call(&t, reads, 1), ERR_OK);
    assert_int_equal(call(&t, changes, 1), ERR_OK);
    assert_int_equal(call(&t, changes, 1), ERR_OK);
    stop(&t);
    assert_int_equal(server.accepted, 1);
    assert_int_equal(server.key_lens[0], 0);
    assert_int_equal(server.key_lens[1], RPC_IDEMPOTENCY_KEY_SIZE);
    assert_memory_not_equal(server.keys[1], server.keys[2], RPC_IDEMPOTENCY_KEY_SIZE);
}

static void a_lost_call_is_repeated_with_its_key(void **state)
{
    (void)state;
    struct bench t;
    start(&t, &(struct server){ .vanish = 2 });
    assert_int_equal(call(&t, changes, 0), ERR_OK);
    assert_false(client_line_lost(&t.line));
    stop(&t);
    assert_int_equal(server.calls, 3);
    assert_int_equal(server.accepted, 3);
    for (size_t i = 1; i < 3; i++) {
        assert_memory_equal(server.keys[0], server.keys[i], RPC_IDEMPOTENCY_KEY_SIZE);
        assert_ptr_not_equal(server.conns[0], server.conns[i]);
    }
    assert_int_equal(told.lost, 2);
}

static void attempts_have_a_number(void **state)
{
    (void)state;
    struct bench t;
    start(&t, &(struct server){ .vanish = 100 });
    assert_int_equal(call(&t, changes, 3), ERR_CLOSED);
    assert_non_null(strstr(fail_words(), "going: lost at each of 3 attempts"));
    stop(&t);
    assert_int_equal(server.calls, 3);
}

/* Nor does the line move by itself, though there is another connection. */
static void one_attempt_ends_with_its_connection(void **state)
{
    (void)state;
    struct bench t;
    start(&t, &(struct server){ .vanish = 1 });
    assert_int_equal(call(&t, changes, 1), ERR_CLOSED);
    assert_non_null(strstr(fail_words(), "connection to the server lost: "));
    assert_int_equal(client_await(t.client, UINT64_MAX), ERR_OK);
    assert_int_equal(call(&t, reads, 1), ERR_CLOSED);
    assert_int_equal(client_line_check(&t.line), ERR_CLOSED);
    assert_int_equal(client_line_move(&t.line, UINT64_MAX), ERR_OK);
    assert_int_equal(call(&t, reads, 1), ERR_OK);
    stop(&t);
    assert_int_equal(server.calls, 2);
    assert_int_equal(told.lost, 1);
    assert_int_equal(told.open, 1);
}

static void repeating_has_a_deadline(void **state)
{
    (void)state;
    struct bench t;
    start(&t, &(struct server){ 0 });
    wss_shutdown(server.wss);
    const struct client_again again = { 0, rpc_now_ms() + SHORT_MS };
    AUTO(buf_free) struct buf response = { 0 };
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    request.method = changes;
    assert_int_equal(client_call(&t.line, &again, &request, NULL, &response), ERR_CLOSED);
    assert_true(rpc_now_ms() >= again.until_ms);
    stop(&t);
    assert_int_equal(server.calls, 0);
    assert_int_equal(told.over, 0); /* the client has more patience than the call */
}

static void an_answer_is_final(void **state)
{
    (void)state;
    struct bench t;
    start(&t, &(struct server){ .answer = ERR_UNAVAILABLE });
    assert_int_equal(call(&t, changes, 0), ERR_UNAVAILABLE);
    assert_string_equal(fail_words(), "as told?here");
    assert_false(client_line_lost(&t.line));
    stop(&t);
    assert_int_equal(server.calls, 1);
}

static void a_drain_moves_the_next_call_only(void **state)
{
    (void)state;
    struct bench t;
    start(&t, &(struct server){ .drain = 1 });
    assert_int_equal(call(&t, changes, 0), ERR_OK); /* answered on the connection that drains */
    assert_int_equal(call(&t, changes, 0), ERR_OK);
    stop(&t);
    assert_int_equal(server.calls, 2);
    assert_int_equal(server.accepted, 2);
    assert_memory_not_equal(server.keys[0], server.keys[1], RPC_IDEMPOTENCY_KEY_SIZE);
}

static void a_refusal_lasts(void **state)
{
    (void)state;
    struct bench t;
    start(&t, &(struct server){ .refused = 100, .refusal = ERR_DENIED });
    assert_int_equal(t.opened, ERR_DENIED);
    assert_non_null(strstr(fail_words(), "(1008): not you"));
    assert_int_equal(call(&t, changes, 0), ERR_DENIED);
    stop(&t);
    assert_int_equal(server.accepted, 1);
    assert_int_equal(told.lost, 0);
}

static void a_refusal_in_a_call_lasts(void **state)
{
    (void)state;
    static const struct server parts[] = {
        { .vanish = 100, .close_code = 1008 },
        { .revokes = true },
    };
    for (size_t i = 0; i < COUNT(parts); i++) {
        struct bench t;
        start(&t, &parts[i]);
        assert_int_equal(call(&t, changes, 0), ERR_DENIED);
        assert_non_null(strstr(fail_words(), "the server refuses this tester: "));
        assert_int_equal(client_await(t.client, UINT64_MAX), ERR_DENIED);
        stop(&t);
        assert_int_equal(server.calls, 1);
        assert_int_equal(server.accepted, 1);
    }
}

static void temporary_close_codes(void **state)
{
    (void)state;
    for (unsigned code = 1012; code <= 1014; code++) {
        struct bench t;
        char shown[8];
        start(&t, &(struct server){ .vanish = 1, .close_code = code });
        assert_int_equal(call(&t, changes, 0), ERR_OK);
        stop(&t);
        assert_int_equal(server.calls, 2);
        snprintf(shown, sizeof(shown), "(%u)", code);
        assert_non_null(strstr(told.words, shown));
    }
}

/* 1013, before HELLO. */
static void a_busy_server_is_tried_again(void **state)
{
    (void)state;
    struct bench t;
    start(&t, &(struct server){ .refused = 2, .refusal = ERR_UNAVAILABLE });
    assert_int_equal(t.opened, ERR_OK);
    assert_int_equal(call(&t, changes, 0), ERR_OK);
    stop(&t);
    assert_int_equal(server.accepted, 3);
}

/* libwebsockets shows 1016 as this one, too: what is not known may not pass. */
static void a_protocol_error_lasts(void **state)
{
    (void)state;
    static const unsigned codes[] = { 1002, 1016 };
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct bench t;
        start(&t, &(struct server){ .vanish = 100, .close_code = codes[i] });
        assert_int_equal(call(&t, changes, 0), ERR_PROTO);
        stop(&t);
        assert_int_equal(server.calls, 1);
    }
}

/* An answer that says it, and no close behind it. */
static void unauthenticated_alone_is_an_answer(void **state)
{
    (void)state;
    struct bench t;
    start(&t, &(struct server){ .answer = ERR_UNAUTHENTICATED });
    assert_int_equal(call(&t, changes, 0), ERR_UNAUTHENTICATED);
    assert_string_equal(fail_words(), "as told?here");
    stop(&t);
    assert_int_equal(server.calls, 1);
}

static void patience_ends(void **state)
{
    (void)state;
    static const uint32_t patience_ms[] = { 0, SHORT_MS };
    for (size_t i = 0; i < COUNT(patience_ms); i++) {
        struct client *client = NULL;
        const struct client_config config = config_of(DEAD_PORT, patience_ms[i]);
        memset(&told, 0, sizeof(told));
        assert_int_equal(client_open(&config, &client), ERR_OK);
        assert_int_equal(client_await(client, UINT64_MAX), ERR_UNAVAILABLE);
        assert_non_null(strstr(fail_words(), "cannot connect"));
        assert_true((strstr(fail_words(), "given up after") != NULL) == (i == 1));
        client_close(client);
        assert_true((told.lost != 0) == (i == 1));
        assert_int_equal(told.open, 0);
    }
}

/* The first addresses of the server's name, before its real one; set by a case. */
static char dead[2][16];

/* In place of the C library's: what the programs and libwebsockets get. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    struct addrinfo **end = out;
    for (size_t i = 0; i < COUNT(dead); i++) {
        if (dead[i][0] == '\0' || strcmp(name, "localhost") != 0)
            continue;
        assert_int_equal(real(dead[i], service, hints, end), 0);
        while (*end != NULL)
            end = &(*end)->ai_next;
    }
    return real(end == out ? name : "127.0.0.1", service, hints, end);
}

/* A listener that takes no connection: its queue is full. */
static int mute_listener(uint16_t port, int queue[static 4])
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
    assert_int_equal(inet_pton(AF_INET, "127.0.0.3", &at.sin_addr), 1);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 0), 0);
    for (size_t i = 0; i < 4; i++) {
        queue[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(queue[i], (struct sockaddr *)&at, sizeof(at));
    }
    return fd;
}

/* Nothing listens on 127.0.0.2, and on 127.0.0.3 nobody answers. */
static void all_addresses_of_a_name_are_tried(void **state)
{
    (void)state;
    struct client *client = NULL;
    int queue[4];
    serve(&(struct server){ 0 });
    int mute = mute_listener(wss_port(server.wss), queue);
    const struct client_config config = config_of(wss_port(server.wss), 0);
    snprintf(dead[0], sizeof(dead[0]), "127.0.0.2");
    snprintf(dead[1], sizeof(dead[1]), "127.0.0.3");
    assert_int_equal(client_open(&config, &client), ERR_OK);
    assert_int_equal(client_await(client, UINT64_MAX), ERR_OK);
    client_close(client);
    wss_stop(server.wss);
    assert_int_equal(server.accepted, 1);
    dead[0][0] = dead[1][0] = '\0';
    for (size_t i = 0; i < COUNT(queue); i++)
        close(queue[i]);
    close(mute);
}

/* A server that refuses is asked once, whatever addresses its name has. */
static void a_refusal_ends_the_search(void **state)
{
    (void)state;
    struct client *client = NULL;
    serve(&(struct server){ 0 });
    struct client_config config = config_of(wss_port(server.wss), LONG_MS);
    config.ca_file = client_file; /* it is no root of the server's certificate */
    snprintf(dead[0], sizeof(dead[0]), "127.0.0.1");
    assert_int_equal(client_open(&config, &client), ERR_OK);
    assert_int_equal(client_await(client, UINT64_MAX), ERR_TLS);
    assert_non_null(strstr(fail_words(), "the server's certificate: "));
    client_close(client);
    wss_stop(server.wss);
    assert_int_equal(told.lost, 0);
    dead[0][0] = '\0';
}

static void a_name_that_is_none(void **state)
{
    (void)state;
    struct client *client = NULL;
    struct client_config config = config_of(DEAD_PORT, 0);
    config.host = "no-such-host.invalid";
    assert_int_equal(client_open(&config, &client), ERR_OK);
    assert_int_equal(client_await(client, UINT64_MAX), ERR_UNAVAILABLE);
    assert_non_null(strstr(fail_words(), "no-such-host.invalid: "));
    client_close(client);
}

static void calls_of_the_server_are_refused(void **state)
{
    (void)state;
    struct bench t;
    start(&t, &(struct server){ .calls_back = true });
    assert_int_equal(call(&t, reads, 1), ERR_UNIMPLEMENTED);
    stop(&t);
}

static void files_that_will_not_do(void **state)
{
    (void)state;
    char open_key[] = "/tmp/test_client.open.XXXXXX";
    write_pem(open_key, NULL, client_key);
    assert_int_equal(chmod(open_key, 0640), 0);
    const struct {
        const char *ca, *certificate, *key;
        EVP_PKEY *read;
        enum err want;
        const char *words;
    } cases[] = {
        { "/no/ca", client_file, key_file, NULL, ERR_NOT_FOUND,
          "trusted root /no/ca: No such" },
        { key_file, client_file, key_file, NULL, ERR_CONFIG, "no certificate of a root" },
        { root_file, "/no/cert", key_file, NULL, ERR_NOT_FOUND,
          "certificate /no/cert: No such" },
        { root_file, key_file, key_file, NULL, ERR_CONFIG, "no certificate in PEM" },
        { root_file, client_file, "/no/key", NULL, ERR_NOT_FOUND, "key /no/key: No such" },
        { root_file, client_file, "/dev/null", NULL, ERR_CONFIG, "no private key in PEM" },
        { root_file, client_file, open_key, NULL, ERR_CONFIG, "others may read it" },
        { root_file, root_file, key_file, NULL, ERR_CONFIG,
          ": not the key of /tmp/test_client" },
        { root_file, client_file, "named", root_key, ERR_CONFIG, "key named: not the key of" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct client *client = NULL;
        struct client_config config = config_of(DEAD_PORT, 0);
        config.ca_file = cases[i].ca;
        config.certificate_file = cases[i].certificate;
        config.key_file = cases[i].key;
        config.key = cases[i].read;
        enum err e = client_open(&config, &client);
        if (e != cases[i].want || strstr(fail_words(), cases[i].words) == NULL)
            fail_msg("%s: %d \"%s\"", cases[i].words, (int)e, fail_words());
        assert_null(client);
    }
    unlink(open_key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_changes_have_a_key),
        cmocka_unit_test(a_lost_call_is_repeated_with_its_key),
        cmocka_unit_test(attempts_have_a_number),
        cmocka_unit_test(one_attempt_ends_with_its_connection),
        cmocka_unit_test(repeating_has_a_deadline),
        cmocka_unit_test(an_answer_is_final),
        cmocka_unit_test(a_drain_moves_the_next_call_only),
        cmocka_unit_test(a_refusal_lasts),
        cmocka_unit_test(a_refusal_in_a_call_lasts),
        cmocka_unit_test(temporary_close_codes),
        cmocka_unit_test(a_busy_server_is_tried_again),
        cmocka_unit_test(a_protocol_error_lasts),
        cmocka_unit_test(unauthenticated_alone_is_an_answer),
        cmocka_unit_test(patience_ends),
        cmocka_unit_test(all_addresses_of_a_name_are_tried),
        cmocka_unit_test(a_refusal_ends_the_search),
        cmocka_unit_test(a_name_that_is_none),
        cmocka_unit_test(calls_of_the_server_are_refused),
        cmocka_unit_test(files_that_will_not_do),
    };
    return cmocka_run_group_tests(tests, make_files, drop_files);
}
