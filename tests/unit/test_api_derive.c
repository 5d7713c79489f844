/* SPDX-License-Identifier: MIT */
/* Keys derived from a board's AES_NuLink3: by SP 800-108 as OpenSSL has it, for sealed units
 * alone, each with its entry, and never kept. */
#include "tests/unit/check.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "oem-server/tlog/tlog.h"
#include "tests/unit/server_board.h"

static struct party alice, line_1, line_2, packer;
static struct board sealed, started;

#define OK(call) assert_int_equal((call), ERR_OK)

static int set_up(void **state)
{
    if (bench_setup(state) != 0)
        return -1;
    party_add(&alice, HALLMARK__V1__ROLE__ROLE_OPERATOR, "alice");
    party_add(&line_1, HALLMARK__V1__ROLE__ROLE_STATION, "line-1");
    party_add(&line_2, HALLMARK__V1__ROLE__ROLE_STATION, "line-2");
    party_add(&packer, HALLMARK__V1__ROLE__ROLE_SERVICE, "packer");
    bench_order(&alice, "po-1", "line-1", 10, 1);
    board_init(&sealed, &line_1, "po-1", 1);
    bool good = board_arrows(&sealed, 33) == ERR_OK && board_finish(&sealed) == ERR_OK &&
                board_commit(&sealed) == ERR_OK && board_locked(&sealed) == ERR_OK &&
                board_sealed(&sealed, HALLMARK__V1__DEBUG_PORT__DEBUG_PORT_SHUT) == ERR_OK;
    board_init(&started, &line_1, "po-1", 2); /* the server's calls go to this one now */
    return good && board_open(&started, false, NULL) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    board_fini(&sealed);
    board_fini(&started);
    party_drop(&alice);
    party_drop(&line_1);
    party_drop(&line_2);
    party_drop(&packer);
    return bench_teardown(state);
}

static enum err derive(struct board *b, const char *label, uint32_t length, struct buf *key_out)
{
    Hallmark__V1__DeriveRequest in = HALLMARK__V1__DERIVE_REQUEST__INIT;
    AUTO(rpc_drop) ProtobufCMessage *answer = NULL;
    in.uid = (ProtobufCBinaryData){ UID_SIZE, b->uid };
    in.label = (char *)(uintptr_t)label;
    in.length = length;
    TRY(party_call(&packer, "hallmark.v1.Units/Derive", &in.base, NULL,
                   &hallmark__v1__derive_response__descriptor, &answer));
    const Hallmark__V1__DeriveResponse *out = (const Hallmark__V1__DeriveResponse *)answer;
    return buf_copy(key_out, span_of(out->key.data, out->key.len));
}

/* What the board would derive: OpenSSL's KBKDF over the key in its slot. */
static void expected(const struct board *b, const char *label, uint8_t *key, size_t size)
{
    char whole[128];
    int len = snprintf(whole, sizeof(whole), "hallmark.v1 derive %s", label);
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "KBKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MAC, (char[]){ "CMAC" }, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_CIPHER, (char[]){ "AES-256-CBC" }, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)b->slot_key,
                                          32),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, whole, (size_t)len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)b->uid,
                                          UID_SIZE),
        OSSL_PARAM_construct_end(),
    };
    assert_non_null(context);
    assert_int_equal(EVP_KDF_derive(context, key, size, params), 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static void the_key_is_what_the_board_would_derive(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        uint32_t length;
        size_t size;
    } rows[] = { { "package", 0, 32 },
                 { "package", 32, 32 },
                 { "package", 16, 16 },
                 { "ota.v1-a_b", 32, 32 } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf_free) struct buf key = { 0 };
        uint8_t want[32];
        OK(derive(&sealed, rows[i].label, rows[i].length, &key));
        expected(&sealed, rows[i].label, want, rows[i].size);
        assert_int_equal(key.len, rows[i].size);
        assert_memory_equal(key.ptr, want, rows[i].size);
    }
}

static void what_is_malformed_is_refused(void **state)
{
    (void)state;
    char longest[SIGN_DERIVED_LABEL_MAX + 2] = "";
    memset(longest, 'a', sizeof(longest) - 1);
    const struct {
        const char *label;
        uint32_t length;
    } rows[] = { { "", 32 },    { "A", 32 },   { "1a", 32 },    { "a b", 32 },
                 { "a/b", 32 }, { "a\n", 32 }, { longest, 32 }, { "a", 1 },
                 { "a", 15 },   { "a", 17 },   { "a", 33 },     { "a", UINT32_MAX } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf_free) struct buf key = { 0 };
        assert_int_equal(derive(&sealed, rows[i].label, rows[i].length, &key), ERR_INVALID);
        assert_int_equal(key.len, 0);
    }
    AUTO(buf_free) struct buf key = { 0 };
    longest[SIGN_DERIVED_LABEL_MAX] = '\0';
    OK(derive(&sealed, longest, 32, &key));
}

static void only_a_sealed_unit_has_one(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf key = { 0 };
    struct board none = started;
    none.uid[0] ^= 1;
    assert_int_equal(derive(&started, "a", 32, &key), ERR_PRECONDITION);
    assert_int_equal(derive(&none, "a", 32, &key), ERR_NOT_FOUND);
    assert_int_equal(key.len, 0);
}

/* --- The entry, and what is kept. --------------------------------------------------------- */

struct looking {
    struct span key;
    unsigned entries, keys;
};

static enum err look(void *context, uint64_t index, struct span entry)
{
    struct looking *l = context;
    (void)index;
    Hallmark__V1__Event *event = hallmark__v1__event__unpack(NULL, entry.len, entry.ptr);
    assert_non_null(event);
    if (strcmp(event->method, "hallmark.v1.Units/Derive") == 0 && event->status == 0 &&
        strcmp(event->message, "a key of 32 bytes, label entered") == 0 &&
        strcmp(event->actor, packer.who.uri) == 0 && strcmp(event->order, "po-1") == 0 &&
        span_eq(span_of(event->uid.data, event->uid.len), SPAN(sealed.uid)))
        l->entries++;
    l->keys += memmem(entry.ptr, entry.len, l->key.ptr, l->key.len) != NULL;
    hallmark__v1__event__free_unpacked(event, NULL);
    return ERR_OK;
}

static enum err read_all(struct store_tx *tx, void *context)
{
    return store_log_read(tx, 0, (uint32_t)tlog_size(bench.server->log), look, context);
}

/* The store's files, bytes as they are. */
static bool store_holds(struct span bytes)
{
    static const char *const parts[] = { "", "-wal" };
    bool found = false;
    for (size_t i = 0; i < COUNT(parts); i++) {
        char path[300];
        static uint8_t all[16 << 20];
        snprintf(path, sizeof(path), "%s%s", bench.config.store_path, parts[i]);
        FILE *file = fopen(path, "re");
        size_t len = file == NULL ? 0 : fread(all, 1, sizeof(all), file);
        found = found || memmem(all, len, bytes.ptr, bytes.len) != NULL;
        if (file != NULL)
            fclose(file);
    }
    return found;
}

static void each_call_is_entered_and_no_key_is_kept(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf key = { 0 }, again = { 0 };
    OK(derive(&sealed, "entered", 32, &key));
    OK(derive(&sealed, "entered", 32, &again));
    assert_true(span_eq(buf_span(&key), buf_span(&again)));
    struct looking l = { .key = buf_span(&key) };
    OK(store_read(bench.server->store, read_all, &l, rpc_now_ms() + 5000));
    assert_int_equal(l.entries, 2);
    assert_int_equal(l.keys, 0);
    assert_true(store_holds(SPAN(sealed.uid))); /* the search finds what is there */
    assert_false(store_holds(buf_span(&key)));
    assert_false(store_holds(span_of(sealed.slot_key, 32)));
}

/* Last: the unit is scrapped. */
static void a_scrapped_unit_has_none(void **state)
{
    (void)state;
    static char why[] = "looked at it";
    AUTO(buf_free) struct buf key = { 0 };
    Hallmark__V1__ScrapUnitRequest scrap = HALLMARK__V1__SCRAP_UNIT_REQUEST__INIT;
    scrap.uid = (ProtobufCBinaryData){ UID_SIZE, sealed.uid };
    scrap.reason = why;
    OK(party_call(&alice, "hallmark.v1.Units/Scrap", &scrap.base, NULL, NULL, NULL));
    assert_int_equal(derive(&sealed, "a", 32, &key), ERR_PRECONDITION);
    assert_int_equal(key.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_is_what_the_board_would_derive),
        cmocka_unit_test(what_is_malformed_is_refused),
        cmocka_unit_test(only_a_sealed_unit_has_one),
        cmocka_unit_test(each_call_is_entered_and_no_key_is_kept),
        cmocka_unit_test(a_scrapped_unit_has_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
