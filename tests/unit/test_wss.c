/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "common/wss/wss.h"
#include "tests/unit/certs.h"

/* One server and one client in this process, over loopback TLS. */
struct end {
    X509 *certificate;
    EVP_PKEY *key;
    X509 *root;
};

struct scene {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct wss_conn *client_conn;
    struct wss_conn *server_conn;
    char closed[256];
    char refused[128];
    uint32_t status;
    char payload[64];
    unsigned answers;
    bool refuse;
    bool silent; /* the server never answers */
};

static X509 *root, *other_root;
static EVP_PKEY *root_key, *other_key;

static enum err setup(void *context, SSL_CTX *tls)
{
    struct end *end = context;
    if (end->certificate != NULL && (SSL_CTX_use_certificate(tls, end->certificate) != 1 ||
                                     SSL_CTX_use_PrivateKey(tls, end->key) != 1))
        return ERR_TLS;
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), end->root) == 1 ? ERR_OK : ERR_TLS;
}

static void note(struct scene *s, char *where, size_t len, const char *what)
{
    pthread_mutex_lock(&s->lock);
    snprintf(where, len, "%s", what);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static enum err on_accept(void *context, struct wss_conn *conn, const struct wss_peer *peer)
{
    struct scene *s = context;
    assert_non_null(peer->certificate);
    if (s->refuse)
        return fail_quiet(ERR_DENIED, "revoked: station/x");
    pthread_mutex_lock(&s->lock);
    wss_conn_drop(&s->server_conn);
    s->server_conn = wss_conn_keep(conn);
    pthread_mutex_unlock(&s->lock);
    return ERR_OK;
}

static void on_open(void *context, struct wss_conn *conn)
{
    struct scene *s = context;
    pthread_mutex_lock(&s->lock);
    s->client_conn = wss_conn_keep(conn);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void on_closed(void *context, struct wss_conn *conn, const char *reason)
{
    (void)conn;
    struct scene *s = context;
    note(s, s->closed, sizeof(s->closed), reason);
}

static void ignore_closed(void *context, struct wss_conn *conn, const char *reason)
{
    (void)context, (void)conn, (void)reason;
}

static void on_refused(void *context, const char *address, const char *alert)
{
    struct scene *s = context;
    assert_string_equal(address, "127.0.0.1");
    note(s, s->refused, sizeof(s->refused), alert);
}

static void echo(void *context, struct wss_conn *conn, struct peer_event *event)
{
    struct scene *s = context;
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    response.stream = event->stream;
    response.payload = event->frame->request->payload;
    if (!s->silent)
        assert_int_equal(wss_respond(conn, &response), ERR_OK);
    peer_event_free(event);
}

static void on_answer(void *context, const Hallmark__V1__FrameResponse *response)
{
    struct scene *s = context;
    pthread_mutex_lock(&s->lock);
    s->status = response->status;
    snprintf(s->payload, sizeof(s->payload), "%.*s", (int)response->payload.len,
             (const char *)response->payload.data);
    s->answers++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

#define WAIT(s, condition)                                                                     \
    do {                                                                                       \
        struct timespec until_;                                                                \
        clock_gettime(CLOCK_REALTIME, &until_);                                                \
        until_.tv_sec += 20;                                                                   \
        pthread_mutex_lock(&(s)->lock);                                                        \
        while (!(condition))                                                                   \
            assert_int_equal(pthread_cond_timedwait(&(s)->changed, &(s)->lock, &until_), 0);   \
        pthread_mutex_unlock(&(s)->lock);                                                      \
    } while (0)

struct pair {
    struct scene scene;
    struct end server_end, client_end;
    struct wss *server, *client;
};

static void start(struct pair *p, const struct certs_spec *client, X509 *issuer, EVP_PKEY *key)
{
    static const struct certs_spec web = { "web", "DNS:localhost", "serverAuth", false, 10 };
    pthread_mutex_init(&p->scene.lock, NULL);
    pthread_cond_init(&p->scene.changed, NULL);
    p->server_end.root = p->client_end.root = root;
    p->server_end.certificate = certs_make(&web, root, root_key, &p->server_end.key);
    if (client != NULL)
        p->client_end.certificate = certs_make(client, issuer, key, &p->client_end.key);
    struct wss_config config = {
        .server = true,
        .address = "127.0.0.1",
        .tls_setup = setup,
        .tls_context = &p->server_end,
        .software = "test",
        .handler = { &p->scene, on_accept, NULL, echo, NULL, ignore_closed, on_refused },
    };
    assert_int_equal(wss_start(&config, &p->server), ERR_OK);
    config.server = false;
    config.address = "localhost";
    config.port = wss_port(p->server);
    config.tls_context = &p->client_end;
    config.handler = (struct wss_handler){
        .context = &p->scene, .open = on_open, .request = echo, .closed = on_closed
    };
    assert_int_equal(wss_start(&config, &p->client), ERR_OK);
    assert_int_equal(wss_connect(p->client), ERR_OK);
}

static void stop(struct pair *p)
{
    wss_conn_drop(&p->scene.client_conn);
    wss_conn_drop(&p->scene.server_conn);
    wss_stop(p->client);
    wss_stop(p->server);
    X509_free(p->server_end.certificate);
    EVP_PKEY_free(p->server_end.key);
    X509_free(p->client_end.certificate);
    EVP_PKEY_free(p->client_end.key);
}

static const struct certs_spec good = { "station", "URI:spiffe://t/station/x", "clientAuth",
                                        false, 10 };

static void call(struct pair *p, struct wss_conn *conn, char *words, uint32_t timeout_ms)
{
    Hallmark__V1__FrameRequest request = HALLMARK__V1__FRAME_REQUEST__INIT;
    char method[] = "hallmark.v1.Test/Echo";
    request.method = method;
    request.timeout_ms = timeout_ms;
    request.payload = (ProtobufCBinaryData){ strlen(words), (uint8_t *)words };
    assert_int_equal(wss_call(conn, &request, on_answer, &p->scene), ERR_OK);
}

static void both_ends_call(void **state)
{
    (void)state;
    struct pair p = { 0 };
    char up[] = "from the station", down[] = "from the server";
    start(&p, &good, root, root_key);
    WAIT(&p.scene, p.scene.client_conn != NULL);
    call(&p, p.scene.client_conn, up, 0);
    WAIT(&p.scene, p.scene.answers == 1);
    assert_int_equal(p.scene.status, 0);
    assert_string_equal(p.scene.payload, up);
    call(&p, p.scene.server_conn, down, 0);
    WAIT(&p.scene, p.scene.answers == 2);
    assert_string_equal(p.scene.payload, down);
    stop(&p);
}

static void deadline_is_enforced(void **state)
{
    (void)state;
    struct pair p = { 0 };
    char words[] = "anyone?";
    p.scene.silent = true;
    start(&p, &good, root, root_key);
    WAIT(&p.scene, p.scene.client_conn != NULL);
    call(&p, p.scene.client_conn, words, 50);
    WAIT(&p.scene, p.scene.answers == 1);
    assert_int_equal(p.scene.status, ERR_DEADLINE);
    stop(&p);
}

static void refused_by_policy_says_why(void **state)
{
    (void)state;
    struct pair p = { 0 };
    p.scene.refuse = true;
    start(&p, &good, root, root_key);
    WAIT(&p.scene, p.scene.closed[0] != '\0');
    assert_non_null(strstr(p.scene.closed, "revoked: station/x"));
    assert_non_null(strstr(p.scene.closed, "1008"));
    stop(&p);
}

static void tls_refuses(void **state)
{
    (void)state;
    static const struct certs_spec expired = { "old", NULL, "clientAuth", false, -1 };
    static const struct certs_spec wrong_use = { "web", NULL, "serverAuth", false, 10 };
    static const struct {
        const char *name;
        const struct certs_spec *spec;
        bool foreign;
        const char *alert;
    } cases[] = {
        { "no certificate", NULL, false, "certificate required" },
        { "another CA's", &good, true, "unknown CA" },
        { "expired", &expired, false,
          "certificate expired: the client's certificate (old): certificate has expired: "
          "valid from " },
        { "not for clients", &wrong_use, false, "unsupported certificate" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pair p = { 0 };
        start(&p, cases[i].spec, cases[i].foreign ? other_root : root,
              cases[i].foreign ? other_key : root_key);
        WAIT(&p.scene, p.scene.refused[0] != '\0');
        bool timed = cases[i].spec == &expired; /* with the times and the clock */
        if (strncmp(p.scene.refused, cases[i].alert, strlen(cases[i].alert)) != 0 ||
            timed != (strlen(p.scene.refused) > strlen(cases[i].alert)))
            fail_msg("%s: alert '%s'", cases[i].name, p.scene.refused);
        assert_null(p.scene.server_conn);
        WAIT(&p.scene, p.scene.closed[0] != '\0');
        assert_null(p.scene.client_conn);
        stop(&p);
    }
}

enum { VISITS = 12, STARTS = 60 };

static void count_opened(void *context, struct wss_conn *conn)
{
    struct scene *s = context;
    on_open(context, conn);
    wss_conn_drop(&s->client_conn);
    pthread_mutex_lock(&s->lock);
    s->answers++;
    pthread_mutex_unlock(&s->lock);
    note(s, s->closed, sizeof(s->closed), "opened");
}

/* One handshake after the other, each of a context of its own. */
static void *visit(void *context)
{
    struct pair *p = context;
    struct wss_config config = {
        .address = "localhost",
        .port = wss_port(p->server),
        .tls_setup = setup,
        .tls_context = &p->client_end,
        .software = "test",
        .handler = { .context = &p->scene, .open = count_opened, .closed = on_closed },
    };
    for (unsigned i = 0; i < VISITS; i++) {
        struct wss *client = NULL;
        note(&p->scene, p->scene.closed, sizeof(p->scene.closed), "");
        assert_int_equal(wss_start(&config, &client), ERR_OK);
        assert_int_equal(wss_connect(client), ERR_OK);
        WAIT(&p->scene, p->scene.closed[0] != '\0');
        wss_stop(client);
    }
    return NULL;
}

/* libwebsockets keeps numbers for all contexts of a process: see wss.c. */
static void others_may_start_during_a_handshake(void **state)
{
    (void)state;
    struct pair p = { 0 };
    struct end nobody = { .root = root };
    pthread_t thread;
    start(&p, &good, root, root_key);
    WAIT(&p.scene, p.scene.client_conn != NULL);
    wss_conn_drop(&p.scene.client_conn);
    assert_int_equal(pthread_create(&thread, NULL, visit, &p), 0);
    struct wss_config config = { .address = "localhost",
                                 .port = 1,
                                 .tls_setup = setup,
                                 .tls_context = &nobody,
                                 .software = "test" };
    for (unsigned i = 0; i < STARTS; i++) {
        struct wss *other = NULL;
        assert_int_equal(wss_start(&config, &other), ERR_OK);
        wss_stop(other);
    }
    pthread_join(thread, NULL);
    assert_int_equal(p.scene.answers, VISITS);
    stop(&p);
}

int main(void)
{
    static const struct certs_spec ca = { "root", NULL, NULL, true, 10 };
    root = certs_make(&ca, NULL, NULL, &root_key);
    static const struct certs_spec other = { "other", NULL, NULL, true, 10 };
    other_root = certs_make(&other, NULL, NULL, &other_key);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_call),
        cmocka_unit_test(deadline_is_enforced),
        cmocka_unit_test(refused_by_policy_says_why),
        cmocka_unit_test(tls_refuses),
        cmocka_unit_test(others_may_start_during_a_handshake),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    X509_free(root), X509_free(other_root);
    EVP_PKEY_free(root_key), EVP_PKEY_free(other_key);
    return failed;
}
