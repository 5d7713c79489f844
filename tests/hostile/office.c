/* SPDX-License-Identifier: MIT */
#include "tests/unit/check.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/host/log.h"
#include "common/rpc/rpc.h"
#include "hallmark/v1/log.pb-c.h"
#include "tests/hostile/child.h"
#include "tests/hostile/office.h"
#include "tests/unit/test_unit_invariants.h"

enum { WAIT_MS = 20000 };

struct office office;

void office_open(const char *store)
{
    invariants_open(store);
    office.store = invariants_db;
    office.alice.ws.fd = -1;
}

void office_connect(void)
{
    wire_close(&office.alice);
    assert_int_equal(wire_open(&office.alice, "operator"), ERR_OK);
}

void office_close(void)
{
    wire_close(&office.alice);
    invariants_close();
}

static char *lend_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

enum err office_do(const char *method, const ProtobufCMessage *in)
{
    enum err e = party_call(&office.alice.party, method, in, NULL, NULL, NULL);
    if (e != ERR_OK)
        print_error("%s: %s: %s\n", method, err_text(e), fail_words());
    return e;
}

/* --- Stations and orders. ----------------------------------------------------------------- */

static struct buf make_request(EVP_PKEY *key)
{
    struct buf out = { 0 };
    uint8_t *der = NULL;
    X509_REQ *request = X509_REQ_new();
    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    assert_true(X509_REQ_sign(request, key, EVP_sha256()) > 0);
    int len = i2d_X509_REQ(request, &der);
    assert_int_equal(buf_copy(&out, span_of(der, (size_t)len)), ERR_OK);
    OPENSSL_free(der);
    X509_REQ_free(request);
    return out;
}

static FILE *create(const char *name, const char *end)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s.%s", server_place.folder, name, end);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), S_IRUSR | S_IWUSR), 0); /* the agent insists */
    return file;
}

static void put_certificate(FILE *file, const ProtobufCBinaryData *der)
{
    const uint8_t *at = der->data;
    X509 *x = d2i_X509(NULL, &at, (long)der->len);
    assert_int_equal(PEM_write_X509(file, x), 1);
    X509_free(x);
}

void office_station(const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    AUTO(buf_free) struct buf csr = make_request(key);
    AUTO(rpc_drop) ProtobufCMessage *out = NULL;
    Hallmark__V1__AddPrincipalRequest in = HALLMARK__V1__ADD_PRINCIPAL_REQUEST__INIT;
    in.role = HALLMARK__V1__ROLE__ROLE_STATION;
    in.name = lend_text(name);
    in.csr = (ProtobufCBinaryData){ csr.len, csr.ptr };
    assert_int_equal(party_call(&office.alice.party, "hallmark.v1.Registry/Add", &in.base, NULL,
                                &hallmark__v1__add_principal_response__descriptor, &out),
                     ERR_OK);
    const Hallmark__V1__AddPrincipalResponse *added = (const void *)out;
    FILE *file = create(name, "pem");
    put_certificate(file, &added->certificate);
    put_certificate(file, &added->issuer);
    fclose(file);
    file = create(name, "key");
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    EVP_PKEY_free(key);
}

void office_order(const struct office_terms *terms)
{
    Hallmark__V1__CreateOrderRequest in = HALLMARK__V1__CREATE_ORDER_REQUEST__INIT;
    Hallmark__V1__Order order = HALLMARK__V1__ORDER__INIT;
    char *stations[2] = { lend_text(terms->stations[0]), lend_text(terms->stations[1]) };
    uint32_t pdids[1] = { terms->pdid };
    order.name = lend_text(terms->name);
    order.quantity = terms->quantity;
    order.spares = terms->spares;
    order.firmware_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.firmware };
    order.devauth_sha256 = (ProtobufCBinaryData){ SHA256_SIZE, bench.devauth };
    order.lock_level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_PRODUCTION;
    order.boot_key_scope = HALLMARK__V1__BOOT_KEY_SCOPE__BOOT_KEY_SCOPE_UNIT;
    order.boot_test = (Hallmark__V1__BootTest)terms->boot_test;
    order.not_after = 253402300799;
    order.stations = stations;
    order.n_stations = terms->stations[1] == NULL ? 1 : 2;
    order.pdids = pdids;
    order.n_pdids = terms->pdid == 0 ? 0 : 1;
    in.order = &order;
    assert_int_equal(office_do("hallmark.v1.Orders/Create", &in.base), ERR_OK);
}

static void read_counts(const char *order, struct counts *out)
{
    Hallmark__V1__ShowOrderRequest in = HALLMARK__V1__SHOW_ORDER_REQUEST__INIT;
    AUTO(rpc_drop) ProtobufCMessage *answer = NULL;
    in.name = lend_text(order);
    assert_int_equal(party_call(&office.alice.party, "hallmark.v1.Orders/Show", &in.base, NULL,
                                &hallmark__v1__show_order_response__descriptor, &answer),
                     ERR_OK);
    const Hallmark__V1__OrderCounts *c = ((Hallmark__V1__ShowOrderResponse *)answer)->counts;
    *out = (struct counts){ c->good, c->under_way, c->issued };
}

void office_counts(const char *order, const struct counts *wanted, struct counts *out)
{
    uint64_t until = rpc_now_ms() + WAIT_MS;
    do
        read_counts(order, out);
    while (memcmp(out, wanted, sizeof(*out)) != 0 && rpc_now_ms() < until);
}

/* The end of a run is told to the server by the connection's, so it is waited for. */
void office_state(const uint8_t uid[static UID_SIZE], char state_out[static 16])
{
    uint8_t copy[UID_SIZE];
    Hallmark__V1__ShowUnitRequest in = HALLMARK__V1__SHOW_UNIT_REQUEST__INIT;
    memcpy(copy, uid, UID_SIZE);
    in.uid = (ProtobufCBinaryData){ UID_SIZE, copy };
    for (uint64_t until = rpc_now_ms() + WAIT_MS; rpc_now_ms() < until;) {
        AUTO(rpc_drop) ProtobufCMessage *out = NULL;
        enum err e = party_call(&office.alice.party, "hallmark.v1.Units/Show", &in.base, NULL,
                                &hallmark__v1__show_unit_response__descriptor, &out);
        snprintf(state_out, 16, "free");
        if (e == ERR_NOT_FOUND)
            return;
        assert_int_equal(e, ERR_OK);
        const Hallmark__V1__UnitRow *unit = ((Hallmark__V1__ShowUnitResponse *)out)->unit;
        snprintf(state_out, 16, "%s", unit->state);
        if (unit->run_id.len == 0)
            return;
    }
    fail_msg("a run does not end");
}

/* --- The store. --------------------------------------------------------------------------- */

int64_t office_count(const char *sql)
{
    return count_of(sql);
}

int64_t office_log_size(void)
{
    return count_of("SELECT COUNT(*) FROM log_entries");
}

/* What the row's own questions were answered is not about the lie. */
static bool is_ours(const Hallmark__V1__Event *e)
{
    return strstr(e->actor, "/operator/") != NULL;
}

static bool entry_is(const Hallmark__V1__Event *e, const char *kind, enum err code,
                     const char *words)
{
    return !is_ours(e) && strcmp(e->kind, kind) == 0 && e->code == (uint32_t)code &&
           (words == NULL || strcasestr(e->message, words) != NULL);
}

typedef bool entry_look(const Hallmark__V1__Event *entry, void *context);

/* false: none of them was what was looked for. */
static bool each_entry(int64_t start, entry_look *look, void *context)
{
    sqlite3_stmt *stmt = NULL;
    bool found = false;
    assert_int_equal(sqlite3_prepare_v2(office.store,
                                        "SELECT entry FROM log_entries WHERE position >= ? "
                                        "ORDER BY position",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    sqlite3_bind_int64(stmt, 1, start);
    while (!found && sqlite3_step(stmt) == SQLITE_ROW) {
        Hallmark__V1__Event *e = hallmark__v1__event__unpack(
            NULL, (size_t)sqlite3_column_bytes(stmt, 0), sqlite3_column_blob(stmt, 0));
        assert_non_null(e);
        found = look(e, context);
        hallmark__v1__event__free_unpacked(e, NULL);
    }
    sqlite3_finalize(stmt);
    return found;
}

struct wanted {
    const char *kind, *words;
    enum err code;
};

static bool look_for(const Hallmark__V1__Event *e, void *context)
{
    const struct wanted *w = context;
    return entry_is(e, w->kind, w->code, w->words);
}

static bool show(const Hallmark__V1__Event *e, void *context)
{
    (void)context;
    if (!is_ours(e) && e->code != 0)
        print_message("    %s %s code %u: %s\n", e->kind, e->method, e->code, e->message);
    return false;
}

void office_show_entries(int64_t start)
{
    each_entry(start, show, NULL);
}

/* What the server writes after its answer is waited for, by asking it something. */
bool office_has_entry(int64_t start, const char *kind, enum err code, const char *words)
{
    struct wanted wanted = { kind, words, code };
    const Hallmark__V1__CheckRequest in = HALLMARK__V1__CHECK_REQUEST__INIT;
    for (uint64_t until = rpc_now_ms() + WAIT_MS / 4;;) {
        if (each_entry(start, look_for, &wanted))
            return true;
        if (rpc_now_ms() > until)
            return false;
        assert_int_equal(office_do("hallmark.v1.Health/Check", &in.base), ERR_OK);
    }
}

static void verify(void)
{
    const char *const argv[] = { office.verify, NULL };
    struct child child;
    char line[512];
    child_start(&child, argv, NULL);
    while (fgets(line, sizeof(line), child.out) != NULL)
        print_message("    %s", line);
    if (child_end(&child) != 0)
        fail_msg("log and store do not verify: %s", office.verify);
}

void office_check(void)
{
    const char *broken = invariant_broken();
    if (broken != NULL)
        fail_msg("does not hold: no %s", broken);
    verify();
}
