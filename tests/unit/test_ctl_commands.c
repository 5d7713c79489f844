/* SPDX-License-Identifier: MIT */
/*
 * The operators' commands against a listener that answers as its row says: what they ask, what
 * they print, and what they refuse to believe.
 */
#include "tests/unit/check.h"

#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/host/log.h"
#include "common/wss/wss.h"
#include "hallmark/v1/log.pb-c.h"
#include "hallmark/v1/operator.pb-c.h"
#include "oem-server/ctl/commands.h"
#include "oem-server/ctl/credential.h"
#include "oem-server/ctl/file.h"
#include "oem-server/ctl/remote.h"
#include "oem-server/tlog/checkpoint.h"
#include "oem-server/tlog/tree.h"
#include "tests/unit/certs.h"
#include "tests/unit/test_tlog_key.h"

#define HEX "0102030405060708090a0b0c"
#define RUN "000102030405060708090a0b0c0d0e0f"
#define WHY "--reason", "board dead"

enum { CALLS_MAX = 4, WORDS_MAX = 20 };

static char folder[] = "/tmp/test_ctl_commands.XXXXXX";
static uint8_t uid[UID_SIZE] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
static uint8_t next_uid[UID_SIZE] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13 };
static uint8_t run_id[RUN_ID_SIZE] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
static uint8_t digest[SHA256_SIZE];

/* Answers by method, and what was asked. The listener's thread writes, the test reads when the
 * command is over. */
struct server {
    struct wss *wss;
    X509 *root, *certificate;
    EVP_PKEY *root_key, *key;
    const ProtobufCMessage *answers[CALLS_MAX]; /* of the calls, in their order */
    enum err refusal;                           /* instead of the first */
    const char *words;
    size_t calls;
    char methods[CALLS_MAX][64];
    struct buf requests[CALLS_MAX];
};
static struct server server;

static enum err setup(void *context, SSL_CTX *tls)
{
    (void)context;
    return SSL_CTX_use_certificate(tls, server.certificate) == 1 &&
                   SSL_CTX_use_PrivateKey(tls, server.key) == 1 &&
                   X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), server.root) == 1
               ? ERR_OK
               : ERR_TLS;
}

static enum err on_accept(void *context, struct wss_conn *conn, const struct wss_peer *peer)
{
    (void)context, (void)conn, (void)peer;
    return ERR_OK;
}

static void on_closed(void *context, struct wss_conn *conn, const char *reason)
{
    (void)context, (void)conn, (void)reason;
}

static void on_request(void *context, struct wss_conn *conn, struct peer_event *event)
{
    (void)context;
    const Hallmark__V1__FrameRequest *request = event->frame->request;
    Hallmark__V1__FrameResponse response = HALLMARK__V1__FRAME_RESPONSE__INIT;
    struct buf packed = { 0 };
    size_t at = server.calls++;
    assert_true(at < CALLS_MAX);
    snprintf(server.methods[at], sizeof(server.methods[at]), "%s", request->method);
    assert_int_equal(
        buf_copy(&server.requests[at], span_of(request->payload.data, request->payload.len)),
        ERR_OK);
    response.stream = event->stream;
    if (server.refusal != ERR_OK) {
        response.status = err_status(server.refusal);
        response.code = (uint32_t)server.refusal;
        response.message = (char *)(uintptr_t)server.words;
    } else if (server.answers[at] != NULL) {
        assert_int_equal(rpc_pack(server.answers[at], &packed), ERR_OK);
        response.payload = (ProtobufCBinaryData){ packed.len, packed.ptr };
    }
    assert_int_equal(wss_respond(conn, &response), ERR_OK);
    buf_free(&packed);
    peer_event_free(event);
}

static void path_of(const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", folder, name);
}

static void write_pem(const char *name, X509 *certificate)
{
    char path[96];
    struct buf pem = { 0 };
    uint8_t *der = NULL;
    int len = i2d_X509(certificate, &der);
    assert_int_equal(credential_pem("CERTIFICATE", span_of(der, (size_t)len), &pem), ERR_OK);
    path_of(name, path, sizeof(path));
    assert_int_equal(file_write(path, buf_span(&pem)), ERR_OK);
    buf_free(&pem);
    OPENSSL_free(der);
}

static int start(void **state)
{
    (void)state;
    const struct certs_spec root_spec = { "root", NULL, NULL, true, 1 };
    const struct certs_spec server_spec = { "server", "DNS:localhost", "serverAuth", false, 1 };
    const struct certs_spec client_spec = { "client", "URI:spiffe://x/operator/a", "clientAuth",
                                            false, 1 };
    const struct wss_config config = {
        .server = true,
        .address = "127.0.0.1",
        .tls_setup = setup,
        .software = "test",
        .handler = { .accept = on_accept, .request = on_request, .closed = on_closed },
    };
    EVP_PKEY *client_key;
    char path[96];
    log_set_level(LOG_LEVEL_NONE);
    assert_non_null(mkdtemp(folder));
    server.root = certs_make(&root_spec, NULL, NULL, &server.root_key);
    server.certificate = certs_make(&server_spec, server.root, server.root_key, &server.key);
    X509 *client = certs_make(&client_spec, server.root, server.root_key, &client_key);
    write_pem("root.pem", server.root);
    write_pem("client.pem", client);
    path_of("client.key", path, sizeof(path));
    assert_int_equal(credential_key_save(client_key, path), ERR_OK);
    X509_free(client);
    EVP_PKEY_free(client_key);
    return wss_start(&config, &server.wss) == ERR_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    static const char *const names[] = { "root.pem", "client.pem", "client.key" };
    wss_stop(server.wss);
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[96];
        path_of(names[i], path, sizeof(path));
        unlink(path);
    }
    for (size_t i = 0; i < CALLS_MAX; i++)
        buf_free(&server.requests[i]);
    X509_free(server.root);
    X509_free(server.certificate);
    EVP_PKEY_free(server.root_key);
    EVP_PKEY_free(server.key);
    return rmdir(folder);
}

static struct ctl ctl_of(FILE *out, bool json)
{
    struct ctl ctl = { .out = out, .json = json, .timeout_s = 10 };
    snprintf(ctl.wanted.server, sizeof(ctl.wanted.server), "wss://localhost:%u",
             wss_port(server.wss));
    path_of("root.pem", ctl.wanted.ca, sizeof(ctl.wanted.ca));
    path_of("client.pem", ctl.wanted.cert, sizeof(ctl.wanted.cert));
    path_of("client.key", ctl.wanted.key, sizeof(ctl.wanted.key));
    return ctl;
}

/* Runs a command with these words after its own; *text_out is the caller's. */
static enum err run(const struct command *command, const char *const words[], bool json,
                    char **text_out)
{
    char *argv[WORDS_MAX + 2] = { (char *)(uintptr_t) "x" };
    int argc = 1, used;
    size_t len;
    FILE *out = open_memstream(text_out, &len);
    struct ctl ctl = ctl_of(out, json);
    void *args = calloc(1, command->args_size + 1);
    for (size_t i = 0; words[i] != NULL; i++)
        argv[argc++] = (char *)(uintptr_t)words[i];
    const struct option_group options[] = {
        { command->options, command->option_count, args },
    };
    const struct option_group operands = { command->operands, command->operand_count, args };
    server.calls = 0;
    fail_clear();
    enum err e = option_read(options, 1, &operands, argc, argv, false, &used);
    if (e == ERR_OK)
        e = command->run(&ctl, command, args);
    fclose(out);
    free(args);
    return e;
}

/* Answers are asked for in this order; NULLs at the end. */
static void answer(const ProtobufCMessage *first, const ProtobufCMessage *second)
{
    memset(server.answers, 0, sizeof(server.answers));
    server.answers[0] = first;
    server.answers[1] = second;
    server.refusal = ERR_OK;
}

#define WORDS(...)  ((const char *const[]){ __VA_ARGS__, NULL })
#define DATA(array) ((ProtobufCBinaryData){ sizeof(array), (array) })
#define TEXT(text)  ((char *)(uintptr_t)(text))
#define REQUEST(at, type)                                                                      \
    hallmark__v1__##type##__unpack(NULL, server.requests[at].len, server.requests[at].ptr)

static Hallmark__V1__UnitRow unit_of(uint8_t *id, const char *state)
{
    Hallmark__V1__UnitRow row = HALLMARK__V1__UNIT_ROW__INIT;
    row.uid = (ProtobufCBinaryData){ UID_SIZE, id };
    row.generation = 1;
    row.state = TEXT(state);
    row.order = TEXT("acme-7");
    row.station = TEXT("line-1");
    row.changed_us = 1795356330000000;
    return row;
}

static void assert_has(const char *text, const char *want)
{
    if (strstr(text, want) == NULL)
        fail_msg("no \"%s\" in:\n%s", want, text);
}

/* --- Acts on a unit: the right method, with UID and reason. --- */

static const struct {
    const struct command *command;
    const char *method;
} changes[] = {
    { &unit_release_command, "hallmark.v1.Units/Release" },
    { &unit_fail_command, "hallmark.v1.Units/Fail" },
    { &unit_scrap_command, "hallmark.v1.Units/Scrap" },
    { &unit_accept_command, "hallmark.v1.Units/Accept" },
    { &unit_hold_command, "hallmark.v1.Units/Hold" },
    { &unit_allow_command, "hallmark.v1.Units/Allow" },
};

/* The requests have UID and reason at the same place. */
static void units_are_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        char *text = NULL;
        Hallmark__V1__UnitRow row = unit_of(uid, "scrapped");
        Hallmark__V1__ChangeUnitResponse out = HALLMARK__V1__CHANGE_UNIT_RESPONSE__INIT;
        out.unit = &row;
        answer(&out.base, NULL);
        assert_int_equal(run(changes[i].command, WORDS(HEX, WHY), false, &text), ERR_OK);
        assert_string_equal(server.methods[0], changes[i].method);
        Hallmark__V1__ScrapUnitRequest *in = REQUEST(0, scrap_unit_request);
        assert_memory_equal(in->uid.data, uid, UID_SIZE);
        assert_string_equal(in->reason, "board dead");
        hallmark__v1__scrap_unit_request__free_unpacked(in, NULL);
        assert_has(text, "state                               scrapped\n");
        free(text);
    }
}

static void a_release_may_say_that_the_board_refuses(void **state)
{
    (void)state;
    for (int says = 0; says <= 1; says++) {
        char *text = NULL;
        Hallmark__V1__UnitRow row = unit_of(uid, "started");
        Hallmark__V1__ChangeUnitResponse out = HALLMARK__V1__CHANGE_UNIT_RESPONSE__INIT;
        out.unit = &row;
        answer(&out.base, NULL);
        assert_int_equal(run(&unit_release_command,
                             WORDS(HEX, WHY, says ? "--board-refuses" : NULL), false, &text),
                         ERR_OK);
        Hallmark__V1__ReleaseUnitRequest *in = REQUEST(0, release_unit_request);
        assert_int_equal(in->board_refuses, says);
        hallmark__v1__release_unit_request__free_unpacked(in, NULL);
        free(text);
    }
}

static void answers_about_others_are_refused(void **state)
{
    (void)state;
    char *text = NULL;
    Hallmark__V1__UnitRow row = unit_of(next_uid, "scrapped");
    Hallmark__V1__ChangeUnitResponse out = HALLMARK__V1__CHANGE_UNIT_RESPONSE__INIT;
    out.unit = &row;
    answer(&out.base, NULL);
    assert_int_equal(run(&unit_scrap_command, WORDS(HEX, WHY), false, &text), ERR_PROTO);
    free(text);
    out.unit = NULL;
    assert_int_equal(run(&unit_scrap_command, WORDS(HEX, WHY), false, &text), ERR_PROTO);
    free(text);
}

static void refusals_say_what_to_do(void **state)
{
    (void)state;
    char *text = NULL;
    answer(NULL, NULL);
    server.refusal = ERR_PRECONDITION;
    server.words = "unit is started, not committed";
    assert_int_equal(run(&unit_accept_command, WORDS(HEX, WHY), false, &text),
                     ERR_PRECONDITION);
    assert_string_equal(fail_words(), "unit is started, not committed; next: 'oemctl unit show "
                                      "UID' shows its state");
    assert_string_equal(text, "");
    free(text);
    server.refusal = ERR_OK;
}

static void units_are_reassigned(void **state)
{
    (void)state;
    char *text = NULL;
    ProtobufCBinaryData uids[] = { DATA(uid), DATA(next_uid) };
    Hallmark__V1__ReassignUnitsResponse out = HALLMARK__V1__REASSIGN_UNITS_RESPONSE__INIT;
    out.uids = uids;
    out.n_uids = COUNT(uids);
    out.count = 2;
    answer(&out.base, NULL);
    assert_int_equal(run(&unit_reassign_command,
                         WORDS("--all", "--from", "line-1", "--to", "line-2", WHY), false,
                         &text),
                     ERR_OK);
    Hallmark__V1__ReassignUnitsRequest *in = REQUEST(0, reassign_units_request);
    assert_true(in->all);
    assert_int_equal(in->uid.len, 0);
    assert_string_equal(in->from, "line-1");
    assert_string_equal(in->to, "line-2");
    hallmark__v1__reassign_units_request__free_unpacked(in, NULL);
    assert_has(text, "0102030405060708090a0b0c, 0102030405060708090a0b0d\n");
    free(text);
}

static const struct {
    const char *name;
    const char *words[WORDS_MAX];
    const char *told;
} reassignments[] = {
    { "nothing", { "--to", "b", WHY }, "give a UID, or --all with --from" },
    { "both", { HEX, "--all", "--from", "a", "--to", "b", WHY }, "give a UID, or --all" },
    { "all of nobody", { "--all", "--to", "b", WHY }, "--all needs --from" },
    { "one of a station", { HEX, "--from", "a", "--to", "b", WHY }, "--from is for --all" },
    { "to itself", { "--all", "--from", "a", "--to", "a", WHY }, "are the same station: a" },
};

static void odd_reassignments_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(reassignments); i++) {
        char *text = NULL;
        enum err e = run(&unit_reassign_command, reassignments[i].words, false, &text);
        if (e != ERR_USAGE || strstr(fail_words(), reassignments[i].told) == NULL)
            fail_msg("%s: %d \"%s\"", reassignments[i].name, (int)e, fail_words());
        assert_int_equal(server.calls, 0);
        free(text);
    }
}

/* --- Lists. --- */

static void units_are_listed_by_pages(void **state)
{
    (void)state;
    char *text = NULL;
    Hallmark__V1__UnitRow a = unit_of(uid, "sealed"), b = unit_of(next_uid, "committed");
    Hallmark__V1__UnitRow *first[] = { &a }, *second[] = { &b };
    Hallmark__V1__ListUnitsResponse pages[2] = { HALLMARK__V1__LIST_UNITS_RESPONSE__INIT,
                                                 HALLMARK__V1__LIST_UNITS_RESPONSE__INIT };
    a.accepted = true;
    b.held = true;
    b.held_reason = TEXT("firmware\x1b[2J");
    pages[0].units = first, pages[0].n_units = 1, pages[0].more = true;
    pages[1].units = second, pages[1].n_units = 1;
    answer(&pages[0].base, &pages[1].base);
    assert_int_equal(run(&unit_list_command, WORDS("--order", "acme-7"), false, &text), ERR_OK);
    assert_string_equal(
        text,
        "UID                       STATE      LOCK               ORDER             STATION     "
        "  "
        "CHANGED\n"
        "0102030405060708090a0b0c  sealed     level not stated by the board  acme-7            "
        "line-1        2026-11-22T14:05:30.000000Z  accepted by an operator\n"
        "0102030405060708090a0b0d  committed  no lock statement  acme-7            line-1      "
        "  "
        "2026-11-22T14:05:30.000000Z  held: firmware?[2J\n");
    free(text);
    assert_int_equal(server.calls, 2);
    Hallmark__V1__ListUnitsRequest *in = REQUEST(1, list_units_request);
    assert_memory_equal(in->after.data, uid, UID_SIZE);
    assert_string_equal(in->order, "acme-7");
    assert_int_equal(in->limit, 1000);
    hallmark__v1__list_units_request__free_unpacked(in, NULL);
}

static void a_limit_ends_the_list(void **state)
{
    (void)state;
    char *text = NULL;
    Hallmark__V1__UnitRow a = unit_of(uid, "sealed");
    Hallmark__V1__UnitRow *rows[] = { &a };
    Hallmark__V1__ListUnitsResponse page = HALLMARK__V1__LIST_UNITS_RESPONSE__INIT;
    page.units = rows, page.n_units = 1, page.more = true;
    answer(&page.base, NULL);
    a.locked = true;
    a.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
    assert_int_equal(run(&unit_list_command, WORDS("--limit", "1"), true, &text), ERR_OK);
    assert_string_equal(text,
                        "{\"uid\":\"0102030405060708090a0b0c\",\"generation\":1,"
                        "\"state\":\"sealed\",\"order\":\"acme-7\",\"station\":\"line-1\","
                        "\"lock_statement\":true,\"lock\":\"production\",\"accepted\":false,"
                        "\"held\":false,\"boot_test_failed\":false,"
                        "\"changed\":\"2026-11-22T14:05:30.000000Z\"}\n");
    assert_int_equal(server.calls, 1);
    Hallmark__V1__ListUnitsRequest *in = REQUEST(0, list_units_request);
    assert_int_equal(in->limit, 1);
    hallmark__v1__list_units_request__free_unpacked(in, NULL);
    free(text);
}

/* A server could keep oemctl for as long as it likes, or repeat rows. */
static void pages_that_do_not_go_on_are_refused(void **state)
{
    (void)state;
    char *text = NULL;
    Hallmark__V1__UnitRow a = unit_of(uid, "sealed"), b = unit_of(uid, "sealed");
    Hallmark__V1__UnitRow *rows[] = { &a, &b };
    Hallmark__V1__ListUnitsResponse page = HALLMARK__V1__LIST_UNITS_RESPONSE__INIT;
    page.more = true;
    answer(&page.base, NULL);
    assert_int_equal(run(&unit_list_command, WORDS(NULL), true, &text), ERR_PROTO);
    free(text);
    page.units = rows, page.n_units = 1;
    answer(&page.base, &page.base);
    assert_int_equal(run(&unit_list_command, WORDS(NULL), true, &text), ERR_PROTO);
    free(text);
    page.n_units = 2;
    assert_int_equal(run(&unit_list_command, WORDS("--limit", "1"), true, &text), ERR_PROTO);
    free(text);
}

static Hallmark__V1__Order order_of(const char *name)
{
    Hallmark__V1__Order order = HALLMARK__V1__ORDER__INIT;
    order.name = TEXT(name);
    order.quantity = 10;
    order.spares = 3;
    order.firmware_sha256 = DATA(digest);
    order.devauth_sha256 = DATA(digest);
    order.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
    order.boot_key_scope = HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_UNIT;
    order.not_after = 253402300799;
    return order;
}

static Hallmark__V1__OrderCounts counts_of(uint32_t sealed, uint32_t accepted)
{
    Hallmark__V1__OrderCounts counts = HALLMARK__V1__ORDER_COUNTS__INIT;
    counts.good = counts.sealed = sealed;
    counts.accepted = accepted;
    return counts;
}

static void orders_are_listed(void **state)
{
    (void)state;
    char *text = NULL;
    Hallmark__V1__Order a = order_of("acme-7"), b = order_of("acme-8");
    Hallmark__V1__OrderCounts counts = counts_of(4, 1);
    Hallmark__V1__OrderRow rows[2] = { HALLMARK__V1__ORDER_ROW__INIT,
                                       HALLMARK__V1__ORDER_ROW__INIT };
    Hallmark__V1__OrderRow *list[] = { &rows[0], &rows[1] };
    Hallmark__V1__ListOrdersResponse page = HALLMARK__V1__LIST_ORDERS_RESPONSE__INIT;
    counts.unlocked = 2;
    rows[0].order = &a, rows[0].counts = &counts;
    rows[1].order = &b, rows[1].counts = &counts, rows[1].closed = true;
    page.orders = list, page.n_orders = 2;
    answer(&page.base, NULL);
    assert_int_equal(run(&order_list_command, WORDS(NULL), false, &text), ERR_OK);
    assert_has(text, "\nacme-7                4         10        0          0       open    ");
    assert_has(text, "ALARM: 2 units without lock statement\n");
    assert_has(text, "\nacme-8                4         10        0          0       closed  ");
    free(text);
    list[0] = &rows[1], list[1] = &rows[0]; /* not by name */
    assert_int_equal(run(&order_list_command, WORDS(NULL), false, &text), ERR_PROTO);
    free(text);
}

/* The pages follow each other by name, and the server is not believed without end. */
static void list_principals_on(void)
{
    char *text = NULL;
    Hallmark__V1__PrincipalRow rows[2] = { HALLMARK__V1__PRINCIPAL_ROW__INIT,
                                           HALLMARK__V1__PRINCIPAL_ROW__INIT };
    Hallmark__V1__PrincipalRow *one[] = { &rows[0] }, *two[] = { &rows[1] };
    Hallmark__V1__ListPrincipalsResponse first = HALLMARK__V1__LIST_PRINCIPALS_RESPONSE__INIT;
    Hallmark__V1__ListPrincipalsResponse second = HALLMARK__V1__LIST_PRINCIPALS_RESPONSE__INIT;
    rows[0].role = rows[1].role = HALLMARK__V1__ROLE__ROLE_STATION;
    rows[0].name = TEXT("line-1"), rows[1].name = TEXT("line-2");
    first.principals = one, first.n_principals = 1, first.more = true;
    second.principals = two, second.n_principals = 1;
    answer(&first.base, &second.base);
    assert_int_equal(run(&station_list_command, WORDS(NULL), false, &text), ERR_OK);
    assert_has(text, "\nline-1 ");
    assert_has(text, "\nline-2 ");
    assert_int_equal(server.calls, 2);
    Hallmark__V1__ListPrincipalsRequest *in = REQUEST(1, list_principals_request);
    assert_string_equal(in->after, "line-1");
    assert_int_equal(in->limit, 1000);
    hallmark__v1__list_principals_request__free_unpacked(in, NULL);
    free(text);
    answer(&first.base, NULL);
    assert_int_equal(
        run(&station_list_command, WORDS("--limit", "1", "--after", "line-0"), false, &text),
        ERR_OK);
    assert_int_equal(server.calls, 1);
    in = REQUEST(0, list_principals_request);
    assert_string_equal(in->after, "line-0");
    assert_int_equal(in->limit, 1);
    hallmark__v1__list_principals_request__free_unpacked(in, NULL);
    free(text);
    answer(&first.base, &first.base); /* the same again */
    assert_int_equal(run(&station_list_command, WORDS(NULL), false, &text), ERR_PROTO);
    free(text);
    first.n_principals = 0; /* nothing, and more of it */
    answer(&first.base, NULL);
    assert_int_equal(run(&station_list_command, WORDS(NULL), false, &text), ERR_PROTO);
    free(text);
}

static void principals_are_listed(void **state)
{
    (void)state;
    char *text = NULL;
    Hallmark__V1__PrincipalRow row = HALLMARK__V1__PRINCIPAL_ROW__INIT;
    Hallmark__V1__PrincipalRow *list[] = { &row };
    Hallmark__V1__ListPrincipalsResponse out = HALLMARK__V1__LIST_PRINCIPALS_RESPONSE__INIT;
    row.role = HALLMARK__V1__ROLE__ROLE_STATION;
    row.name = TEXT("line-1");
    row.revoked = true;
    row.revoked_reason = TEXT("stolen");
    row.certificate_sha256 = DATA(digest);
    out.principals = list, out.n_principals = 1;
    answer(&out.base, NULL);
    assert_int_equal(run(&station_list_command, WORDS(NULL), false, &text), ERR_OK);
    assert_has(text, "\nline-1                    revoked  0            1970-");
    assert_has(text, "  stolen\n");
    Hallmark__V1__ListPrincipalsRequest *in = REQUEST(0, list_principals_request);
    assert_int_equal(in->role, HALLMARK__V1__ROLE__ROLE_STATION);
    hallmark__v1__list_principals_request__free_unpacked(in, NULL);
    free(text);
    assert_int_equal(run(&auditor_list_command, WORDS(NULL), false, &text), ERR_PROTO);
    free(text);
    list_principals_on();
}

static void images_are_listed_on(void **state)
{
    (void)state;
    char *text = NULL;
    static uint8_t other[SHA256_SIZE] = { 7 };
    Hallmark__V1__ImageRow rows[2] = { HALLMARK__V1__IMAGE_ROW__INIT,
                                       HALLMARK__V1__IMAGE_ROW__INIT };
    Hallmark__V1__ImageRow *one[] = { &rows[0] }, *two[] = { &rows[1] };
    Hallmark__V1__ListImagesResponse first = HALLMARK__V1__LIST_IMAGES_RESPONSE__INIT;
    Hallmark__V1__ListImagesResponse second = HALLMARK__V1__LIST_IMAGES_RESPONSE__INIT;
    rows[0].sha256 = DATA(digest), rows[1].sha256 = DATA(other);
    rows[0].version = TEXT("3.1"), rows[1].version = TEXT("3.2");
    rows[0].kind = rows[1].kind = HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_FIRMWARE;
    rows[0].released_us = rows[1].released_us = 1; /* at one time: by digest */
    first.images = one, first.n_images = 1, first.more = true;
    second.images = two, second.n_images = 1;
    answer(&first.base, &second.base);
    assert_int_equal(run(&firmware_list_command, WORDS(NULL), false, &text), ERR_OK);
    assert_has(text, "  3.1  ");
    assert_has(text, "  3.2  ");
    assert_int_equal(server.calls, 2);
    Hallmark__V1__ListImagesRequest *in = REQUEST(1, list_images_request);
    assert_int_equal(in->after.len, SHA256_SIZE);
    assert_memory_equal(in->after.data, digest, SHA256_SIZE);
    hallmark__v1__list_images_request__free_unpacked(in, NULL);
    free(text);
    answer(&first.base, NULL);
    assert_int_equal(run(&firmware_list_command, WORDS("--limit", "1"), false, &text), ERR_OK);
    assert_int_equal(server.calls, 1);
    in = REQUEST(0, list_images_request);
    assert_int_equal(in->after.len, 0);
    assert_int_equal(in->limit, 1);
    hallmark__v1__list_images_request__free_unpacked(in, NULL);
    free(text);
    answer(&first.base, &first.base); /* the same again */
    assert_int_equal(run(&firmware_list_command, WORDS(NULL), false, &text), ERR_PROTO);
    free(text);
    first.n_images = 0; /* nothing, and more of it */
    answer(&first.base, NULL);
    assert_int_equal(run(&firmware_list_command, WORDS(NULL), false, &text), ERR_PROTO);
    free(text);
}

static void images_are_listed_and_withdrawn(void **state)
{
    (void)state;
    char *text = NULL;
    Hallmark__V1__ImageRow row = HALLMARK__V1__IMAGE_ROW__INIT;
    Hallmark__V1__ImageRow *list[] = { &row };
    Hallmark__V1__ListImagesResponse images = HALLMARK__V1__LIST_IMAGES_RESPONSE__INIT;
    Hallmark__V1__WithdrawImageResponse out = HALLMARK__V1__WITHDRAW_IMAGE_RESPONSE__INIT;
    ProtobufCBinaryData held[] = { DATA(uid) };
    row.sha256 = DATA(digest);
    row.kind = HALLMARK__V1__IMAGE_KIND__IMAGE_KIND_FIRMWARE;
    row.version = TEXT("3.2");
    row.security_counter = 4;
    row.withdrawn = true;
    row.withdrawn_reason = TEXT("CVE");
    images.images = list, images.n_images = 1;
    answer(&images.base, NULL);
    assert_int_equal(run(&firmware_list_command, WORDS(NULL), false, &text), ERR_OK);
    assert_has(text, "  firmware  3.2           -               4                 0        "
                     "withdrawn  ");
    assert_has(text, "  CVE\n");
    free(text);
    out.held = held, out.n_held = 1, out.held_count = 1001, out.sealed_count = 7;
    out.started = held, out.n_started = 1, out.started_count = 1;
    answer(&out.base, NULL);
    assert_int_equal(
        run(&firmware_withdraw_command,
            WORDS("0000000000000000000000000000000000000000000000000000000000000000", WHY),
            false, &text),
        ERR_OK);
    assert_has(text, "held by this                        1001\n");
    assert_has(text, "sealed with it                      7\n");
    assert_has(text, "held                                " HEX "\n");
    assert_has(text, "started with it                     1\n");
    assert_has(text, "started                             " HEX "\n");
    assert_has(text, "oemctl unit list --state held");
    free(text);
}

/* --- Runs. --- */

static void runs_are_listed_and_ended(void **state)
{
    (void)state;
    char *text = NULL;
    Hallmark__V1__RunRow row = HALLMARK__V1__RUN_ROW__INIT;
    Hallmark__V1__RunRow *list[] = { &row };
    Hallmark__V1__ListRunsResponse runs = HALLMARK__V1__LIST_RUNS_RESPONSE__INIT;
    Hallmark__V1__EndHolderResponse out = HALLMARK__V1__END_HOLDER_RESPONSE__INIT;
    row.run_id = DATA(run_id);
    row.uid = DATA(uid);
    row.order = TEXT("acme-7");
    row.station = TEXT("line-1");
    row.server = TEXT("a");
    runs.runs = list, runs.n_runs = 1;
    answer(&runs.base, NULL);
    assert_int_equal(run(&run_list_command, WORDS(NULL), false, &text), ERR_OK);
    assert_has(text, "\n" RUN "  " HEX "  acme-7            line-1        a           1970-");
    free(text);

    Hallmark__V1__ListRunsResponse page = runs; /* and a page after it */
    page.more = true;
    answer(&page.base, &runs.base);
    assert_int_equal(run(&run_list_command, WORDS(NULL), false, &text), ERR_OK);
    assert_int_equal(server.calls, 2);
    Hallmark__V1__ListRunsRequest *next = REQUEST(1, list_runs_request);
    assert_memory_equal(next->after_uid.data, uid, UID_SIZE);
    hallmark__v1__list_runs_request__free_unpacked(next, NULL);
    free(text);

    answer(&runs.base, &out.base); /* by its unit */
    assert_int_equal(run(&run_end_command, WORDS(HEX, WHY), false, &text), ERR_OK);
    assert_string_equal(server.methods[1], "hallmark.v1.RunTable/End");
    Hallmark__V1__EndHolderRequest *in = REQUEST(1, end_holder_request);
    assert_memory_equal(in->run_id.data, run_id, RUN_ID_SIZE);
    assert_string_equal(in->reason, "board dead");
    hallmark__v1__end_holder_request__free_unpacked(in, NULL);
    free(text);

    answer(&out.base, NULL); /* by its id */
    assert_int_equal(run(&run_end_command, WORDS(RUN, WHY), false, &text), ERR_OK);
    assert_int_equal(server.calls, 1);
    free(text);

    answer(&runs.base, NULL); /* about another one */
    assert_int_equal(
        run(&run_end_command, WORDS("ffffffffffffffffffffffff", WHY), false, &text), ERR_PROTO);
    free(text);
    runs.n_runs = 0;
    answer(&runs.base, NULL); /* of a unit that has none */
    assert_int_equal(
        run(&run_end_command, WORDS("ffffffffffffffffffffffff", WHY), false, &text),
        ERR_NOT_FOUND);
    assert_has(fail_words(), "no run of unit ffffffffffffffffffffffff is under way; next: "
                             "'oemctl run list'");
    free(text);
}

/* --- Orders. --- */

static void orders_lead_with_what_is_sealed(void **state)
{
    (void)state;
    char *text = NULL;
    Hallmark__V1__UnitRow unit = unit_of(uid, "committed");
    Hallmark__V1__UnitRow *unsealed[] = { &unit };
    Hallmark__V1__Order order = order_of("acme-7");
    Hallmark__V1__OrderCounts counts = counts_of(4, 1);
    Hallmark__V1__ShowOrderResponse out = HALLMARK__V1__SHOW_ORDER_RESPONSE__INIT;
    counts.committed = 1;
    out.order = &order, out.counts = &counts;
    out.unsealed = unsealed, out.n_unsealed = 1;
    answer(&out.base, NULL);
    assert_int_equal(run(&order_show_command, WORDS("acme-7"), false, &text), ERR_OK);
    assert_int_equal(strncmp(text, "sealed                              4\n", 38), 0);
    assert_has(text, "sealed with lock statement          3\n");
    assert_has(text, "\n  uid " HEX "  state committed  lock statement no  age ");
    assert_null(strstr(text, "ALARM"));
    free(text);
    counts.unlocked = 1;
    counts.good = 5;
    assert_int_equal(run(&order_show_command, WORDS("acme-7"), false, &text), ERR_OK);
    assert_has(text,
               "\nALARM                               1 units were committed over an hour");
    assert_has(text,
               "\nALARM counters                      the counter says 5 good units, but 4");
    free(text);
    assert_int_equal(run(&order_show_command, WORDS("acme-9"), false, &text), ERR_PROTO);
    free(text);
}

/* What is not given has its default: 2 %, from 1 to 20. */
static const struct {
    const char *quantity, *spares;
    uint32_t want;
} spares[] = {
    { "1", NULL, 1 },     { "50", NULL, 1 },      { "99", NULL, 1 }, { "100", NULL, 2 },
    { "1000", NULL, 20 }, { "100000", NULL, 20 }, { "50", "0", 0 },  { "50", "7", 7 },
};

#define SHA "0000000000000000000000000000000000000000000000000000000000000000"

static void orders_have_spares(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(spares); i++) {
        char *text = NULL;
        Hallmark__V1__CreateOrderResponse out = HALLMARK__V1__CREATE_ORDER_RESPONSE__INIT;
        const char *const words[] = { "o",
                                      "--quantity",
                                      spares[i].quantity,
                                      "--firmware",
                                      SHA,
                                      "--devauth",
                                      SHA,
                                      "--station",
                                      "line-1",
                                      "--attribute",
                                      "a=b=c",
                                      "--lot",
                                      "L 7",
                                      "--boot-test",
                                      "never",
                                      spares[i].spares == NULL ? NULL : "--spares",
                                      spares[i].spares,
                                      NULL };
        answer(&out.base, NULL);
        assert_int_equal(run(&order_create_command, words, false, &text), ERR_OK);
        Hallmark__V1__CreateOrderRequest *in = REQUEST(0, create_order_request);
        assert_int_equal(in->order->spares, spares[i].want);
        assert_int_equal(in->order->boot_test, HALLMARK__V1__BOOT_TEST__BOOT_TEST_NEVER);
        assert_int_equal(in->order->lock_level,
                         HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION);
        assert_string_equal(in->order->lot, "L 7");
        assert_int_equal(in->order->n_attributes, 1);
        assert_string_equal(in->order->attributes[0]->name, "a");
        assert_string_equal(in->order->attributes[0]->value, "b=c");
        hallmark__v1__create_order_request__free_unpacked(in, NULL);
        free(text);
    }
}

static void orders_are_changed(void **state)
{
    (void)state;
    char *text = NULL;
    Hallmark__V1__ChangeOrderResponse changed = HALLMARK__V1__CHANGE_ORDER_RESPONSE__INIT;
    answer(&changed.base, NULL);
    assert_int_equal(
        run(&order_extend_command, WORDS("o", "--until", "2027-01-01", WHY), false, &text),
        ERR_OK);
    Hallmark__V1__ExtendOrderRequest *extend = REQUEST(0, extend_order_request);
    assert_int_equal(extend->not_after, 1798761600);
    assert_string_equal(extend->reason, "board dead");
    hallmark__v1__extend_order_request__free_unpacked(extend, NULL);
    free(text);

    assert_int_equal(run(&order_add_station_command, WORDS("o", "s", WHY), false, &text),
                     ERR_OK);
    assert_string_equal(server.methods[0], "hallmark.v1.Orders/AddStation");
    free(text);
    assert_int_equal(run(&order_remove_station_command, WORDS("o", "s", WHY), false, &text),
                     ERR_OK);
    assert_string_equal(server.methods[0], "hallmark.v1.Orders/RemoveStation");
    Hallmark__V1__OrderStationRequest *in = REQUEST(0, order_station_request);
    assert_string_equal(in->station, "s");
    hallmark__v1__order_station_request__free_unpacked(in, NULL);
    free(text);
}

/* Spares that are not given stay as they are. */
static void a_quantity_keeps_its_spares(void **state)
{
    (void)state;
    char *text = NULL;
    Hallmark__V1__ChangeOrderResponse changed = HALLMARK__V1__CHANGE_ORDER_RESPONSE__INIT;
    changed.quantity = 12, changed.spares = 3;
    answer(&changed.base, NULL);
    assert_int_equal(run(&order_set_quantity_command, WORDS("o", "12", WHY), false, &text),
                     ERR_OK);
    assert_int_equal(server.calls, 1);
    Hallmark__V1__SetQuantityRequest *in = REQUEST(0, set_quantity_request);
    assert_int_equal(in->quantity, 12);
    assert_int_equal(in->spares_given_case,
                     HALLMARK__V1__SET_QUANTITY_REQUEST__SPARES_GIVEN__NOT_SET);
    hallmark__v1__set_quantity_request__free_unpacked(in, NULL);
    assert_has(text, "spares                              3\n");
    free(text);
    answer(&changed.base, NULL);
    assert_int_equal(
        run(&order_set_quantity_command, WORDS("o", "12", "--spares", "0", WHY), false, &text),
        ERR_OK);
    in = REQUEST(0, set_quantity_request);
    assert_int_equal(in->spares_given_case,
                     HALLMARK__V1__SET_QUANTITY_REQUEST__SPARES_GIVEN_SPARES);
    assert_int_equal(in->spares, 0);
    assert_int_equal(in->unknown_given_case,
                     HALLMARK__V1__SET_QUANTITY_REQUEST__UNKNOWN_GIVEN__NOT_SET);
    hallmark__v1__set_quantity_request__free_unpacked(in, NULL);
    free(text);
    changed.unknown = 4;
    answer(&changed.base, NULL);
    assert_int_equal(
        run(&order_set_quantity_command, WORDS("o", "12", "--unknown", "4", WHY), false, &text),
        ERR_OK);
    in = REQUEST(0, set_quantity_request);
    assert_int_equal(in->unknown, 4);
    hallmark__v1__set_quantity_request__free_unpacked(in, NULL);
    assert_has(text, "unknown                             4\n");
    free(text);
}

static void a_closed_order_names_what_remains(void **state)
{
    (void)state;
    char *text = NULL;
    Hallmark__V1__CloseOrderResponse out = HALLMARK__V1__CLOSE_ORDER_RESPONSE__INIT;
    out.failed = 1, out.runs_ended = 2, out.unsealed = 3;
    answer(&out.base, NULL);
    assert_int_equal(run(&order_close_command, WORDS("o", "--now", WHY), false, &text), ERR_OK);
    Hallmark__V1__CloseOrderRequest *in = REQUEST(0, close_order_request);
    assert_true(in->now);
    hallmark__v1__close_order_request__free_unpacked(in, NULL);
    assert_has(text, "unsealed                            3\n");
    assert_has(text, "'oemctl order show' names them");
    free(text);
}

static void health_warns_and_succeeds(void **state)
{
    (void)state;
    char *text = NULL;
    Hallmark__V1__CheckResponse out = HALLMARK__V1__CHECK_RESPONSE__INIT;
    out.unlocked = 3;
    answer(&out.base, NULL);
    assert_int_equal(run(&health_command, WORDS(NULL), true, &text), ERR_OK);
    assert_has(text, "\"unlocked\": 3,\n");
    assert_has(text, "\"anchored\": false,\n");
    free(text);
    out.anchored = true;
    out.anchor_failing = TEXT("No space left on device");
    out.anchor_lag_s = 61;
    answer(&out.base, NULL);
    assert_int_equal(run(&health_command, WORDS(NULL), true, &text), ERR_OK);
    assert_has(text, "\"anchor_failing\": \"No space left on device\",\n");
    assert_has(text, "\"anchor_lag_s\": 61\n");
    free(text);
}

/* What the board signed is shown, and a unit whose evidence does not hold fails the command. */
static void a_unit_is_shown_and_checked(void **state)
{
    (void)state;
    char *text = NULL;
    Hallmark__V1__UnitRow row = unit_of(uid, "committed");
    Hallmark__V1__CommitStatement commit = HALLMARK__V1__COMMIT_STATEMENT__INIT;
    Hallmark__V1__RevokedCertificate revoked = HALLMARK__V1__REVOKED_CERTIFICATE__INIT;
    Hallmark__V1__RevokedCertificate *list[] = { &revoked };
    Hallmark__V1__ShowUnitResponse out = HALLMARK__V1__SHOW_UNIT_RESPONSE__INIT;
    commit.slot = 3;
    commit.kcv = DATA(run_id);
    revoked.generation = 1;
    revoked.serial = DATA(uid);
    revoked.reason = TEXT("released");
    row.run_id = DATA(run_id);
    row.holder_station = TEXT("line-1");
    out.unit = &row, out.commit = &commit;
    out.revoked = list, out.n_revoked = 1;
    answer(&out.base, NULL);
    assert_int_equal(run(&unit_show_command, WORDS(HEX), false, &text), ERR_DATA_LOSS);
    assert_has(fail_words(), "receipt_signed_by_authkey");
    assert_has(text, "aes slot                            3\n");
    assert_has(text, "key check value                     " RUN "\n");
    assert_has(text, "lock                                no lock statement\n");
    assert_has(text, "holder station                      line-1\n");
    assert_has(text, "\n  generation 1  serial " HEX "  reason released\n");
    assert_has(text, "  commit signed by authkey          FAILS\n");
    free(text);
}

/* --- log verify --state. --- */

#define ORIGIN "log.example"

/* A log of one entry, signed; its files and answers. */
struct log {
    struct test_key signer;
    struct buf entry, note, vkey;
    ProtobufCBinaryData entries[1];
    Hallmark__V1__GetCheckpointResponse checkpoint;
    Hallmark__V1__GetEntriesResponse page;
};

static void log_make(struct log *l)
{
    Hallmark__V1__Event event = HALLMARK__V1__EVENT__INIT;
    Hallmark__V1__Change change = HALLMARK__V1__CHANGE__INIT, *list[] = { &change };
    struct tree_edge edge = { 0 };
    struct note_key key;
    struct buf text = { 0 };
    uint8_t leaf[SHA256_SIZE], root[SHA256_SIZE], signature[NOTE_ED25519_SIZE];
    change.row = TEXT("order/o"), change.field = TEXT("quantity"), change.value = TEXT("5");
    event.changes = list, event.n_changes = 1;
    test_key_make(&l->signer, 1);
    assert_int_equal(rpc_pack(&event.base, &l->entry), ERR_OK);
    assert_int_equal(tree_leaf(buf_span(&l->entry), leaf), ERR_OK);
    assert_int_equal(tree_add(&edge, leaf, NULL, NULL), ERR_OK);
    assert_int_equal(tree_root(&edge, root), ERR_OK);
    assert_int_equal(checkpoint_text(ORIGIN, 1, root, &text), ERR_OK);
    assert_int_equal(test_key_sign(&l->signer, buf_span(&text), signature), ERR_OK);
    assert_int_equal(note_key_make(ORIGIN, l->signer.public_key, &key), ERR_OK);
    assert_int_equal(note_build(buf_span(&text), &key, signature, &l->note), ERR_OK);
    assert_int_equal(note_key_text(&key, &l->vkey), ERR_OK);
    buf_free(&text);
    hallmark__v1__get_checkpoint_response__init(&l->checkpoint);
    l->checkpoint.checkpoint = (ProtobufCBinaryData){ l->note.len, l->note.ptr };
    hallmark__v1__get_entries_response__init(&l->page);
    l->entries[0] = (ProtobufCBinaryData){ l->entry.len, l->entry.ptr };
    l->page.entries = l->entries, l->page.n_entries = 1;
}

static void log_free(struct log *l)
{
    test_key_free(&l->signer);
    buf_free(&l->entry);
    buf_free(&l->note);
    buf_free(&l->vkey);
}

static const struct {
    const char *name, *quantity; /* that the store has */
    bool forged;                 /* the entry is not the signed one, but fits the store */
    enum err want;
    const char *told, *printed;
} stores[] = {
    { "as logged", "5", false, ERR_OK, "", "and the store holds what they say" },
    { "edited", "500", false, ERR_DATA_LOSS, "1 values of the store are not what the log says",
      "\n  row order/o  field quantity  log 5  store 500\n" },
    { "edited, and the entry too", "6", true, ERR_DATA_LOSS,
      "the first 1 entries are not those of the checkpoint",
      "verified                            "
      "no\n" },
};

static void stores_are_compared_with_the_log(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stores); i++) {
        char path[96], *text = NULL;
        struct log l = { 0 };
        Hallmark__V1__Change value = HALLMARK__V1__CHANGE__INIT, *values[] = { &value };
        Hallmark__V1__GetStateResponse out = HALLMARK__V1__GET_STATE_RESPONSE__INIT;
        log_make(&l);
        if (stores[i].forged)
            l.entry.ptr[l.entry.len - 1]++; /* the value's digit */
        value.row = TEXT("order/o"), value.field = TEXT("quantity");
        value.value = TEXT(stores[i].quantity);
        out.values = values, out.n_values = 1, out.size = 1;
        path_of("log.vkey", path, sizeof(path));
        assert_int_equal(file_write(path, buf_span(&l.vkey)), ERR_OK);
        answer(&out.base, &l.checkpoint.base);
        server.answers[2] = &l.page.base;
        enum err e = run(&log_verify_command, WORDS("--vkey", path, "--state"), false, &text);
        if (e != stores[i].want || strstr(fail_words(), stores[i].told) == NULL)
            fail_msg("%s: %d \"%s\"", stores[i].name, (int)e, fail_words());
        assert_has(text, stores[i].printed);
        assert_string_equal(server.methods[0], "hallmark.v1.Log/GetState");
        unlink(path);
        free(text);
        log_free(&l);
    }
}

static void an_exported_log_has_no_state(void **state)
{
    (void)state;
    char *text = NULL;
    assert_int_equal(
        run(&log_verify_command, WORDS("--vkey", "x", "--state", "--from", "y"), false, &text),
        ERR_USAGE);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_are_changed),
        cmocka_unit_test(a_release_may_say_that_the_board_refuses),
        cmocka_unit_test(answers_about_others_are_refused),
        cmocka_unit_test(refusals_say_what_to_do),
        cmocka_unit_test(units_are_reassigned),
        cmocka_unit_test(odd_reassignments_are_refused),
        cmocka_unit_test(units_are_listed_by_pages),
        cmocka_unit_test(a_limit_ends_the_list),
        cmocka_unit_test(pages_that_do_not_go_on_are_refused),
        cmocka_unit_test(orders_are_listed),
        cmocka_unit_test(principals_are_listed),
        cmocka_unit_test(images_are_listed_on),
        cmocka_unit_test(images_are_listed_and_withdrawn),
        cmocka_unit_test(runs_are_listed_and_ended),
        cmocka_unit_test(orders_lead_with_what_is_sealed),
        cmocka_unit_test(orders_have_spares),
        cmocka_unit_test(orders_are_changed),
        cmocka_unit_test(a_quantity_keeps_its_spares),
        cmocka_unit_test(a_closed_order_names_what_remains),
        cmocka_unit_test(health_warns_and_succeeds),
        cmocka_unit_test(a_unit_is_shown_and_checked),
        cmocka_unit_test(stores_are_compared_with_the_log),
        cmocka_unit_test(an_exported_log_has_no_state),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
