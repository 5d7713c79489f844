/* SPDX-License-Identifier: MIT */
/*
 * remote: what oemctl does with a server that answers, refuses, vanishes or is not the one.
 * The server is a real listener on loopback that plays the part its row gives it.
 */
#include "tests/unit/check.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/wss/wss.h"
#include "hallmark/v1/log.pb-c.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/remote.h"
#include "tests/unit/certs.h"

enum { KEYS_MAX = 4 };

/* The listener and what it saw. Its thread writes, the test reads when the call is over. */
struct server {
    struct wss *wss;
    bool refuse;         /* the connection, as revoked */
    unsigned vanish;     /* close on that many calls, answer none of them, */
    unsigned close_code; /* with this; 0: 1001 */
    unsigned drain;      /* so many connections are told at once that it goes away */
    bool silent;         /* never answer */
    uint32_t status, code;
    const char *words;
    unsigned calls, accepted;
    uint8_t keys[KEYS_MAX][RPC_IDEMPOTENCY_KEY_SIZE];
    size_t key_lens[KEYS_MAX];
    uint32_t timeout_ms;
};

static char folder[] = "/tmp/test_ctl_remote.XXXXXX";
static X509 *root, *server_cert, *client_cert;
static EVP_PKEY *root_key, *server_key, *client_key;
static struct server server;

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
    (void)context, (void)peer;
    if (server.accepted++ < server.drain)
        wss_conn_go_away(conn, "stopping", 100);
    return server.refuse ? fail_quiet(ERR_DENIED, "certificate revoked") : ERR_OK;
}

static void answer(struct wss_conn *conn, const Hallmark__V1__FrameRequest *request,
                   uint32_t stream)
{
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    Hallmark__V1__CheckResponse payload = HALLMARK__V1__CHECK_RESPONSE__INIT;
    struct buf packed = { 0 };
    response.stream = stream;
    response.status = server.status;
    response.code = server.code;
    if (server.words != NULL)
        response.message = (char *)(uintptr_t)server.words;
    if (strstr(request->method, "Health") != NULL) {
        payload.runs = 7;
        assert_int_equal(rpc_pack(&payload.base, &packed), ERR_OK);
        response.payload = (ProtobufCBinaryData){ packed.len, packed.ptr };
    }
    assert_int_equal(wss_respond(conn, &response), ERR_OK);
    buf_free(&packed);
}

static void on_request(void *context, struct wss_conn *conn, struct peer_event *event)
{
    (void)context;
    const Hallmark__V1__FrameRequest *request = event->frame->request;
    if (server.calls < KEYS_MAX) {
        size_t len = request->idempotency_key.len;
        server.key_lens[server.calls] = len;
        if (len == RPC_IDEMPOTENCY_KEY_SIZE)
            memcpy(server.keys[server.calls], request->idempotency_key.data, len);
    }
    server.calls++;
    server.timeout_ms = request->timeout_ms;
    if (server.calls <= server.vanish)
        wss_conn_close(conn, server.close_code == 0 ? 1001 : server.close_code, "going");
    else if (!server.silent)
        answer(conn, request, event->stream);
    peer_event_free(event);
}

static void ignore_closed(void *context, struct wss_conn *conn, const char *reason)
{
    (void)context, (void)conn, (void)reason;
}

static void write_file(const char *name, struct span bytes, bool secret)
{
    char *path = NULL;
    assert_int_equal(file_join(folder, name, &path), ERR_OK);
    unlink(path);
    assert_int_equal(secret ? file_write_secret(path, bytes) : file_write(path, bytes), ERR_OK);
    free(path);
}

static void write_certificate(const char *name, X509 *certificate)
{
    struct buf pem = { 0 };
    uint8_t *der = NULL;
    int len = i2d_X509(certificate, &der);
    assert_int_equal(credential_pem("CERTIFICATE", span_of(der, (size_t)len), &pem), ERR_OK);
    write_file(name, buf_span(&pem), false);
    buf_free(&pem);
    OPENSSL_free(der);
}

static int make_files(void **state)
{
    (void)state;
    const struct certs_spec root_spec = { "root", NULL, NULL, true, 1 };
    const struct certs_spec server_spec = { "server", "DNS:localhost", "serverAuth", false, 1 };
    const struct certs_spec client_spec = { "client", "URI:spiffe://x/operator/a", "clientAuth",
                                            false, 1 };
    const struct certs_spec other_spec = { "other", NULL, NULL, true, 1 };
    EVP_PKEY *other_key;
    log_set_level(LOG_LEVEL_NONE);
    if (mkdtemp(folder) == NULL)
        return -1;
    root = certs_make(&root_spec, NULL, NULL, &root_key);
    server_cert = certs_make(&server_spec, root, root_key, &server_key);
    client_cert = certs_make(&client_spec, root, root_key, &client_key);
    X509 *other = certs_make(&other_spec, NULL, NULL, &other_key);
    write_certificate("root.pem", root);
    write_certificate("other.pem", other);
    write_certificate("client.pem", client_cert);
    char path[64];
    snprintf(path, sizeof(path), "%s/client.key", folder);
    assert_int_equal(credential_key_save(client_key, path), ERR_OK);
    snprintf(path, sizeof(path), "%s/other.key", folder);
    assert_int_equal(credential_key_save(other_key, path), ERR_OK);
    X509_free(other);
    EVP_PKEY_free(other_key);
    return 0;
}

static int drop_files(void **state)
{
    (void)state;
    static const char *const names[] = { "root.pem", "other.pem", "client.pem", "client.key",
                                         "other.key" };
    char path[64];
    for (size_t i = 0; i < COUNT(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    X509_free(root);
    X509_free(server_cert);
    X509_free(client_cert);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(server_key);
    EVP_PKEY_free(client_key);
    return rmdir(folder);
}

/* Starts the listener with the part it is to play, and fills what the client is told of it. */
static void serve(const struct server *part, const char *host, struct ctl *ctl)
{
    const struct wss_config config = {
        .server = true,
        .address = "127.0.0.1",
        .tls_setup = setup,
        .software = "test",
        .handler = { .accept = on_accept, .request = on_request, .closed = ignore_closed },
    };
    server = *part;
    assert_int_equal(wss_start(&config, &server.wss), ERR_OK);
    *ctl = (struct ctl){ .out = stdout };
    snprintf(ctl->wanted.server, sizeof(ctl->wanted.server), "wss://%s:%u", host,
             wss_port(server.wss));
    snprintf(ctl->wanted.ca, sizeof(ctl->wanted.ca), "%s/root.pem", folder);
    snprintf(ctl->wanted.cert, sizeof(ctl->wanted.cert), "%s/client.pem", folder);
    snprintf(ctl->wanted.key, sizeof(ctl->wanted.key), "%s/client.key", folder);
}

/* One call of a reading or a changing method. */
static enum err call(const struct ctl *ctl, bool change, uint32_t *runs_out)
{
    AUTO(remote_close) struct remote *remote = NULL;
    AUTO(rpc_drop) Hallmark__V1__CheckResponse *checked = NULL;
    AUTO(rpc_drop) Hallmark__V1__RevokePrincipalResponse *revoked = NULL;
    TRY(remote_open(ctl, &remote));
    if (change) {
        Hallmark__V1__RevokePrincipalRequest in = HALLMARK__V1__REVOKE_PRINCIPAL_REQUEST__INIT;
        struct rpc_stub stub =
            rpc_stub_of(&hallmark__v1__registry__descriptor, remote_send, remote);
        return RPC_CALL(&stub, hallmark__v1__registry__revoke, &in, &revoked);
    }
    Hallmark__V1__CheckRequest in = HALLMARK__V1__CHECK_REQUEST__INIT;
    struct rpc_stub stub = rpc_stub_of(&hallmark__v1__health__descriptor, remote_send, remote);
    TRY(RPC_CALL(&stub, hallmark__v1__health__check, &in, &checked));
    *runs_out = checked->runs;
    return ERR_OK;
}

static void answer_comes_back(void **state)
{
    (void)state;
    struct ctl ctl;
    uint32_t runs = 0;
    serve(&(struct server){ 0 }, "localhost", &ctl);
    ctl.timeout_s = 3;
    assert_int_equal(call(&ctl, false, &runs), ERR_OK);
    assert_int_equal(runs, 7);
    wss_stop(server.wss);
    assert_int_equal(server.calls, 1);
    assert_int_equal(server.key_lens[0], 0); /* it changes nothing */
    assert_int_equal(server.timeout_ms, 3000);
}

static const struct {
    const char *name;
    uint32_t status, code;
    const char *words;
    enum err want;
    const char *told;
} refusals[] = {
    { "status alone", 7, 0, "auditor x may not", ERR_DENIED, "auditor x may not" },
    { "status and cause", 14, 46, "no HSM", ERR_HSM, "no HSM" },
    { "cause of another status", 7, 46, "?", ERR_DENIED, "?" },
    { "no words", 5, 0, NULL, ERR_NOT_FOUND, "not found" },
    { "status that is none", 99, 99, "odd", ERR_UNKNOWN, "odd" },
};

static void refusals_are_passed_on(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct ctl ctl;
        uint32_t runs;
        serve(&(struct server){ .status = refusals[i].status,
                                .code = refusals[i].code,
                                .words = refusals[i].words },
              "localhost", &ctl);
        enum err e = call(&ctl, false, &runs);
        wss_stop(server.wss);
        if (e != refusals[i].want || strcmp(fail_words(), refusals[i].told) != 0)
            fail_msg("%s: %d \"%s\"", refusals[i].name, (int)e, fail_words());
        assert_int_equal(server.calls, 1);
    }
}

static void lost_answer_is_asked_again(void **state)
{
    (void)state;
    struct ctl ctl;
    serve(&(struct server){ .vanish = 1 }, "localhost", &ctl);
    assert_int_equal(call(&ctl, true, NULL), ERR_OK);
    wss_stop(server.wss);
    assert_int_equal(server.calls, 2);
    assert_int_equal(server.key_lens[0], RPC_IDEMPOTENCY_KEY_SIZE);
    assert_int_equal(server.key_lens[1], RPC_IDEMPOTENCY_KEY_SIZE);
    assert_memory_equal(server.keys[0], server.keys[1], RPC_IDEMPOTENCY_KEY_SIZE);
}

static void asking_ends(void **state)
{
    (void)state;
    struct ctl ctl;
    serve(&(struct server){ .vanish = 100 }, "localhost", &ctl);
    assert_int_equal(call(&ctl, true, NULL), ERR_CLOSED);
    assert_non_null(strstr(fail_words(), "lost at each of 4 attempts"));
    wss_stop(server.wss);
    assert_int_equal(server.calls, 4);
    for (size_t i = 1; i < KEYS_MAX; i++)
        assert_memory_equal(server.keys[0], server.keys[i], RPC_IDEMPOTENCY_KEY_SIZE);
}

/* An answer in a drain: the call was not looked at. And one in its midst still counts. */
static void a_drain_sends_elsewhere(void **state)
{
    (void)state;
    struct ctl ctl;
    uint32_t runs = 0;
    serve(&(struct server){ .drain = 2 }, "localhost", &ctl);
    assert_int_equal(call(&ctl, false, &runs), ERR_OK);
    assert_int_equal(runs, 7);
    wss_stop(server.wss);
    assert_int_equal(server.accepted, 3);
    assert_int_equal(server.calls, 1);
}

static void revoked_in_a_call_is_not_asked_again(void **state)
{
    (void)state;
    struct ctl ctl;
    serve(&(struct server){ .vanish = 100, .close_code = 1008 }, "localhost", &ctl);
    assert_int_equal(call(&ctl, true, NULL), ERR_DENIED);
    assert_non_null(strstr(fail_words(), "(1008)"));
    wss_stop(server.wss);
    assert_int_equal(server.calls, 1);
    assert_int_equal(server.accepted, 1);
}

static void silence_ends_at_the_deadline(void **state)
{
    (void)state;
    struct ctl ctl;
    uint32_t runs;
    serve(&(struct server){ .silent = true }, "localhost", &ctl);
    ctl.timeout_s = 1;
    assert_int_equal(call(&ctl, false, &runs), ERR_DEADLINE);
    wss_stop(server.wss);
}

static void revoked_is_denied(void **state)
{
    (void)state;
    struct ctl ctl;
    uint32_t runs;
    serve(&(struct server){ .refuse = true }, "localhost", &ctl);
    assert_int_equal(call(&ctl, false, &runs), ERR_DENIED);
    assert_non_null(strstr(fail_words(), "certificate revoked"));
    wss_stop(server.wss);
    assert_int_equal(server.calls, 0);
}

static void assert_open_fails(struct ctl *ctl, enum err want, const char *told)
{
    struct remote *remote = NULL;
    enum err e = remote_open(ctl, &remote);
    if (e != want || strstr(fail_words(), told) == NULL)
        fail_msg("%d \"%s\", want \"%s\"", (int)e, fail_words(), told);
    assert_null(remote);
}

static void wrong_server_is_distrusted(void **state)
{
    (void)state;
    struct ctl ctl;
    serve(&(struct server){ 0 }, "127.0.0.1", &ctl); /* its certificate says localhost */
    assert_open_fails(&ctl, ERR_TLS, "mismatch");
    wss_stop(server.wss);
    serve(&(struct server){ 0 }, "localhost", &ctl);
    snprintf(ctl.wanted.ca, sizeof(ctl.wanted.ca), "%s/other.pem", folder);
    assert_open_fails(&ctl, ERR_TLS, "the server's certificate: ");
    wss_stop(server.wss);
    assert_int_equal(server.calls, 0);
}

static void bad_files_are_named(void **state)
{
    (void)state;
    struct ctl ctl, spoilt;
    serve(&(struct server){ 0 }, "localhost", &ctl);
    spoilt = ctl;
    snprintf(spoilt.wanted.key, sizeof(spoilt.wanted.key), "%s/other.key", folder);
    assert_open_fails(&spoilt, ERR_CONFIG, "other.key: not the key of");
    spoilt = ctl;
    snprintf(spoilt.wanted.ca, sizeof(spoilt.wanted.ca), "%s/none.pem", folder);
    assert_open_fails(&spoilt, ERR_NOT_FOUND, "none.pem: No such file");
    spoilt = ctl;
    snprintf(spoilt.wanted.cert, sizeof(spoilt.wanted.cert), "%s/client.key", folder);
    assert_open_fails(&spoilt, ERR_CONFIG, "client.key: no certificate");
    spoilt = ctl;
    snprintf(spoilt.wanted.key, sizeof(spoilt.wanted.key), "%s/root.pem", folder);
    assert_open_fails(&spoilt, ERR_DENIED, "root.pem: a private key that others may read");
    wss_stop(server.wss);
    assert_open_fails(&ctl, ERR_UNAVAILABLE, "cannot connect");
    snprintf(ctl.wanted.server, sizeof(ctl.wanted.server), "wss://no-such-host.invalid:1");
    assert_open_fails(&ctl, ERR_UNAVAILABLE, "no-such-host.invalid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_comes_back),
        cmocka_unit_test(refusals_are_passed_on),
        cmocka_unit_test(lost_answer_is_asked_again),
        cmocka_unit_test(asking_ends),
        cmocka_unit_test(a_drain_sends_elsewhere),
        cmocka_unit_test(revoked_in_a_call_is_not_asked_again),
        cmocka_unit_test(silence_ends_at_the_deadline),
        cmocka_unit_test(revoked_is_denied),
        cmocka_unit_test(wrong_server_is_distrusted),
        cmocka_unit_test(bad_files_are_named),
    };
    return cmocka_run_group_tests(tests, make_files, drop_files);
}
