/* SPDX-License-Identifier: MIT */
/* hsm against SoftHSM2 as Debian packages it. Its faults are in test_hsm_faults.c. */
#include "tests/unit/check.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>

#include "common/host/log.h"
#include "tests/unit/softhsm.h"

static struct softhsm soft;
static struct hsm *hsm;

static int set_up(void **state)
{
    (void)state;
    if (softhsm_setup(&soft) != ERR_OK || hsm_open(&soft.config, &hsm) != ERR_OK)
        return -1;
    bool created;
    return hsm_key_make(hsm, HSM_BOOT, HSM_AES256_KEK, HSM_UNIT_KEK, &created) == ERR_OK ? 0
                                                                                         : -1;
}

static int tear_down(void **state)
{
    (void)state;
    hsm_close(hsm);
    softhsm_teardown(&soft);
    return 0;
}

static EVP_PKEY *import_point(const uint8_t *point)
{
    char group[] = "prime256v1";
    uint8_t bytes[P256_POINT_SIZE];
    memcpy(bytes, point, sizeof(bytes));
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, bytes, sizeof(bytes)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

static bool verifies(EVP_PKEY *key, const uint8_t *digest, const uint8_t *signature)
{
    ECDSA_SIG *parts = ECDSA_SIG_new();
    ECDSA_SIG_set0(parts, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL));
    uint8_t *der = NULL;
    int len = i2d_ECDSA_SIG(parts, &der);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    EVP_PKEY_verify_init(context);
    bool good = EVP_PKEY_verify(context, der, (size_t)len, digest, SHA256_SIZE) == 1;
    EVP_PKEY_CTX_free(context);
    OPENSSL_free(der);
    ECDSA_SIG_free(parts);
    return good;
}

static void key_is_made_once(void **state)
{
    (void)state;
    bool created = false;
    assert_int_equal(hsm_key_make(hsm, HSM_ROOT, HSM_P256, "root", &created), ERR_OK);
    assert_true(created);
    uint8_t first[P256_POINT_SIZE], second[P256_POINT_SIZE];
    assert_int_equal(hsm_p256_public(hsm, HSM_ROOT, "root", first), ERR_OK);
    assert_int_equal(hsm_key_make(hsm, HSM_ROOT, HSM_P256, "root", &created), ERR_OK);
    assert_false(created);
    assert_int_equal(hsm_p256_public(hsm, HSM_ROOT, "root", second), ERR_OK);
    assert_memory_equal(first, second, sizeof(first));
}

static void key_of_another_kind_is_refused(void **state)
{
    (void)state;
    bool created;
    assert_int_equal(hsm_key_make(hsm, HSM_LOG, HSM_ED25519, "both", &created), ERR_OK);
    assert_int_equal(hsm_key_make(hsm, HSM_LOG, HSM_P256, "both", &created), ERR_MISMATCH);
}

static void names_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",    "a b",
        "a/b", "\xc3\xa4",
        "a\n", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", /* 65 */
    };
    bool created;
    uint8_t digest[SHA256_SIZE] = { 0 }, signature[64];
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(hsm_key_make(hsm, HSM_TLS, HSM_P256, bad[i], &created), ERR_INVALID);
        assert_int_equal(hsm_sign_p256(hsm, HSM_TLS, bad[i], digest, signature), ERR_INVALID);
    }
    assert_int_equal(hsm_sign_p256(hsm, HSM_TLS, "nobody", digest, signature), ERR_NOT_FOUND);
}

static void p256_signs(void **state)
{
    (void)state;
    bool created;
    assert_int_equal(hsm_key_make(hsm, HSM_TLS, HSM_P256, "web-server", &created), ERR_OK);
    uint8_t digest[SHA256_SIZE] = { 1, 2, 3 }, signature[64], point[P256_POINT_SIZE];
    assert_int_equal(hsm_sign_p256(hsm, HSM_TLS, "web-server", digest, signature), ERR_OK);
    assert_int_equal(hsm_p256_public(hsm, HSM_TLS, "web-server", point), ERR_OK);
    EVP_PKEY *key = import_point(point);
    assert_true(verifies(key, digest, signature));
    digest[0] ^= 1;
    assert_false(verifies(key, digest, signature));
    EVP_PKEY_free(key);
}

static void ed25519_signs(void **state)
{
    (void)state;
    bool created;
    assert_int_equal(hsm_key_make(hsm, HSM_LOG, HSM_ED25519, "log", &created), ERR_OK);
    static const uint8_t message[] = "a checkpoint";
    uint8_t point[32], signature[64];
    assert_int_equal(hsm_ed25519_public(hsm, HSM_LOG, "log", point), ERR_OK);
    assert_int_equal(hsm_sign_ed25519(hsm, HSM_LOG, "log", SPAN(message), signature), ERR_OK);
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point, 32);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, NULL, NULL, key), 1);
    assert_int_equal(EVP_DigestVerify(context, signature, 64, message, sizeof(message)), 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
}

static void evp_key_signs(void **state)
{
    (void)state;
    bool created;
    assert_int_equal(hsm_key_make(hsm, HSM_ISSUING, HSM_P256, "issuing", &created), ERR_OK);
    EVP_PKEY *key = NULL;
    assert_int_equal(hsm_key_evp(hsm, HSM_ISSUING, "nobody", &key), ERR_NOT_FOUND);
    assert_int_equal(hsm_key_evp(hsm, HSM_ISSUING, "issuing", &key), ERR_OK);
    uint8_t signature[128], point[P256_POINT_SIZE];
    size_t len = sizeof(signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(context, signature, &len, (const uint8_t *)"x", 1), 1);
    EVP_MD_CTX_reset(context);
    assert_int_equal(hsm_p256_public(hsm, HSM_ISSUING, "issuing", point), ERR_OK);
    EVP_PKEY *soft_key = import_point(point);
    assert_int_equal(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, soft_key), 1);
    assert_int_equal(EVP_DigestVerify(context, signature, len, (const uint8_t *)"x", 1), 1);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(soft_key);
    EVP_PKEY_free(key);
}

static void unit_key_lives_wrapped(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf wrapped = { 0 }, other = { 0 };
    uint8_t point[P256_POINT_SIZE], other_point[P256_POINT_SIZE];
    uint8_t digest[SHA256_SIZE] = { 7 }, signature[64];
    assert_int_equal(softhsm_unit_make(hsm, &wrapped, point), ERR_OK);
    assert_int_equal(softhsm_unit_make(hsm, &other, other_point), ERR_OK);
    assert_memory_not_equal(point, other_point, sizeof(point));
    assert_int_equal(softhsm_unit_sign(hsm, buf_span(&wrapped), digest, signature), ERR_OK);
    EVP_PKEY *key = import_point(point);
    assert_true(verifies(key, digest, signature));
    assert_int_equal(softhsm_unit_sign(hsm, buf_span(&other), digest, signature), ERR_OK);
    assert_false(verifies(key, digest, signature));
    EVP_PKEY_free(key);
}

/* From arrow 17 to arrow 22: two signatures for one creation, or for one unwrapping. */
static void unit_key_is_unwrapped_once(void **state)
{
    (void)state;
    const char *names[8] = { 0 };
    struct hsm_unit_key *key = NULL, *again = NULL;
    uint8_t point[P256_POINT_SIZE], digest[SHA256_SIZE] = { 7 }, signature[64];
    hsm_operations_take(names, 0);
    uint64_t before = hsm_operations_total();
    assert_int_equal(hsm_unit_key_make(hsm, &key, point), ERR_OK);
    assert_int_equal(hsm_unit_key_sign(key, digest, signature), ERR_OK);
    assert_int_equal(hsm_unit_key_sign(key, digest, signature), ERR_OK);
    assert_int_equal(hsm_operations_take(names, COUNT(names)), 4);
    assert_string_equal(names[2], "boot: C_Sign ECDSA");
    assert_int_equal(hsm_unit_key_open(hsm, hsm_unit_key_wrapped(key), &again), ERR_OK);
    assert_int_equal(hsm_unit_key_sign(again, digest, signature), ERR_OK);
    assert_int_equal(hsm_unit_key_sign(again, digest, signature), ERR_OK);
    assert_int_equal(hsm_operations_take(names, COUNT(names)), 3);
    assert_string_equal(names[0], "boot: C_UnwrapKey AES-KWP");
    assert_true(hsm_operations_total() - before >= 7);
    EVP_PKEY *soft_key = import_point(point);
    assert_true(verifies(soft_key, digest, signature));
    EVP_PKEY_free(soft_key);
    hsm_unit_key_free(key);
    hsm_unit_key_free(again);
}

static void bad_wrapped_keys_are_refused(void **state)
{
    (void)state;
    AUTO(buf_free) struct buf good = { 0 };
    uint8_t point[P256_POINT_SIZE], digest[SHA256_SIZE] = { 7 }, signature[64];
    assert_int_equal(softhsm_unit_make(hsm, &good, point), ERR_OK);
    uint8_t bytes[1024] = { 0 };
    memcpy(bytes, good.ptr, good.len);
    bytes[good.len / 2] ^= 1;
    const struct {
        const char *name;
        struct span wrapped;
        enum err want;
    } cases[] = {
        { "nothing", span_of(bytes, 0), ERR_INVALID },
        { "too long", span_of(bytes, sizeof(bytes)), ERR_INVALID },
        { "a bit flipped", span_of(bytes, good.len), ERR_HSM },
        { "cut short", span_of(good.ptr, good.len - 8), ERR_HSM },
        { "one byte", span_of(good.ptr, 1), ERR_HSM },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("  %s\n", cases[i].name);
        assert_int_equal(softhsm_unit_sign(hsm, cases[i].wrapped, digest, signature),
                         cases[i].want);
    }
    assert_int_equal(softhsm_unit_sign(hsm, buf_span(&good), digest, signature), ERR_OK);
}

enum { HAMMERS = 8, BLOWS = 25 };

static void *hammer(void *failures)
{
    uint8_t digest[SHA256_SIZE] = { 3 }, signature[64], point[P256_POINT_SIZE];
    for (int i = 0; i < BLOWS; i++) {
        AUTO(buf_free) struct buf wrapped = { 0 };
        struct hsm_agreement *agreement = NULL;
        if (softhsm_unit_make(hsm, &wrapped, point) != ERR_OK ||
            softhsm_unit_sign(hsm, buf_span(&wrapped), digest, signature) != ERR_OK ||
            hsm_sign_p256(hsm, HSM_TLS, "web-server", digest, signature) != ERR_OK ||
            hsm_agreement_make(hsm, &agreement) != ERR_OK)
            ++*(int *)failures;
        hsm_agreement_free(agreement);
    }
    return NULL;
}

/* More threads than sessions. */
static void threads_share_the_pool(void **state)
{
    (void)state;
    pthread_t threads[HAMMERS];
    int failures[HAMMERS] = { 0 };
    for (size_t i = 0; i < HAMMERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &failures[i]), 0);
    /* All of them: a failed assertion leaves this stack, and the next test closes the hsm. */
    for (size_t i = 0; i < HAMMERS; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < HAMMERS; i++)
        assert_int_equal(failures[i], 0);
    assert_int_equal(hsm_check(hsm), ERR_OK);
}

static void operations_are_counted(void **state)
{
    (void)state;
    const char *names[8] = { 0 };
    hsm_operations_take(names, 0);
    AUTO(buf_free) struct buf wrapped = { 0 };
    uint8_t point[P256_POINT_SIZE], digest[SHA256_SIZE] = { 0 }, signature[64];
    assert_int_equal(softhsm_unit_make(hsm, &wrapped, point), ERR_OK);
    assert_int_equal(hsm_sign_p256(hsm, HSM_TLS, "web-server", digest, signature), ERR_OK);
    assert_int_equal(hsm_operations_take(names, COUNT(names)), 3);
    assert_string_equal(names[0], "boot: C_GenerateKeyPair P-256");
    assert_string_equal(names[1], "boot: C_WrapKey AES-KWP");
    assert_string_equal(names[2], "tls: C_Sign ECDSA");
    assert_int_equal(hsm_operations_take(names, COUNT(names)), 0);
}

/*
 * What pkcs11-tool -O says of a token: for each object a line "KIND Object; ...", then indented
 * lines "NAME: value". Its releases differ in spacing, in the order of objects and in further
 * lines and flags, and warnings may stand anywhere; so tests ask these functions, not for its
 * text.
 */
static const char *line_next(const char *line)
{
    line += strcspn(line, "\n");
    return *line == '\0' ? line : line + 1;
}

static bool is_object(const char *line)
{
    const char *word = strstr(line, " Object;");
    return *line != ' ' && word != NULL && word < line + strcspn(line, "\n");
}

static size_t objects(const char *list)
{
    size_t count = 0;
    for (; *list != '\0'; list = line_next(list))
        count += is_object(list) ? 1 : 0;
    return count;
}

/* The value of a line called that, or NULL. */
static const char *line_value(const char *line, const char *name)
{
    line += strspn(line, " ");
    if (strncmp(line, name, strlen(name)) != 0 || line[strlen(name)] != ':')
        return NULL;
    line += strlen(name) + 1;
    return line + strspn(line, " ");
}

static bool value_is(const char *value, const char *text)
{
    size_t len = strcspn(value, "\n");
    return len == strlen(text) && memcmp(value, text, len) == 0;
}

/* Of the object of that kind and label, or NULL if there is none or it has no such line. */
static const char *object_value(const char *list, const char *kind, const char *label,
                                const char *name)
{
    bool kind_fits = false, label_fits = false;
    const char *found = NULL;
    for (; *list != '\0'; list = line_next(list)) {
        if (is_object(list)) {
            if (label_fits)
                break;
            kind_fits = strncmp(list, kind, strlen(kind)) == 0;
            found = NULL;
        }
        const char *is_label = line_value(list, "label"), *is_wanted = line_value(list, name);
        if (kind_fits && is_label != NULL)
            label_fits = value_is(is_label, label);
        if (kind_fits && is_wanted != NULL)
            found = is_wanted;
    }
    return label_fits ? found : NULL;
}

/* FLAG is one of those between commas. */
static bool has_flag(const char *value, const char *flag)
{
    while (value != NULL && *value != '\0' && *value != '\n') {
        size_t len = strcspn(value, ",\n");
        if (len == strlen(flag) && memcmp(value, flag, len) == 0)
            return true;
        value += len;
        value += strspn(value, ", ");
    }
    return false;
}

static void assert_hidden(const char *list, const char *kind, const char *label)
{
    const char *access = object_value(list, kind, label, "Access");
    assert_true(has_flag(access, "sensitive"));
    assert_true(has_flag(access, "always sensitive"));
    assert_true(has_flag(access, "never extractable"));
    assert_true(has_flag(access, "local")); /* made in the token */
}

/* A tool nobody here wrote sees the keys, and sees what they may do. */
static void pkcs11_tool_agrees(void **state)
{
    (void)state;
    static char out[16384];
    const char *const arguments[] = { "pkcs11-tool",
                                      "--module",
                                      soft.config.module,
                                      "--token-label",
                                      soft.labels[HSM_BOOT],
                                      "--login",
                                      "--pin",
                                      softhsm_pin(HSM_BOOT),
                                      "-O",
                                      NULL };
    if (softhsm_run(arguments, out, sizeof(out)) == ERR_NOT_FOUND)
        skip();
    assert_int_equal(objects(out), 1); /* units leave nothing */
    assert_hidden(out, "Secret Key", "unit-kek");
    const char *usage = object_value(out, "Secret Key", "unit-kek", "Usage");
    assert_true(has_flag(usage, "wrap") && has_flag(usage, "unwrap"));
    assert_false(has_flag(usage, "encrypt") || has_flag(usage, "decrypt"));

    const char *const tls[] = { "pkcs11-tool",
                                "--module",
                                soft.config.module,
                                "--token-label",
                                soft.labels[HSM_TLS],
                                "--login",
                                "--pin",
                                softhsm_pin(HSM_TLS),
                                "-O",
                                NULL };
    assert_int_equal(softhsm_run(tls, out, sizeof(out)), ERR_OK);
    assert_hidden(out, "Private Key", "web-server");
    usage = object_value(out, "Private Key", "web-server", "Usage");
    assert_true(has_flag(usage, "sign"));
    assert_false(has_flag(usage, "decrypt") || has_flag(usage, "unwrap") ||
                 has_flag(usage, "derive"));
    usage = object_value(out, "Public Key", "web-server", "Usage");
    assert_true(has_flag(usage, "verify"));
    assert_null(strstr(out, ".new"));
}

/* What a cut creation leaves: here made by another tool under the names that we use. */
static void leftovers_are_swept(void **state)
{
    (void)state;
    static char out[16384];
    const char *const make[] = { "pkcs11-tool",
                                 "--module",
                                 soft.config.module,
                                 "--token-label",
                                 soft.labels[HSM_TLS],
                                 "--login",
                                 "--pin",
                                 softhsm_pin(HSM_TLS),
                                 "--keypairgen",
                                 "--key-type",
                                 "EC:prime256v1",
                                 "--label",
                                 "cut.new",
                                 "--id",
                                 "6375742e6e6577",
                                 NULL }; /* "cut.new" */
    if (softhsm_run(make, out, sizeof(out)) == ERR_NOT_FOUND)
        skip();
    /* a token is read anew with C_Initialize */
    hsm_close(hsm);
    assert_int_equal(hsm_open(&soft.config, &hsm), ERR_OK);
    bool created = false;
    assert_int_equal(hsm_key_make(hsm, HSM_TLS, HSM_P256, "cut", &created), ERR_OK);
    assert_true(created);
    const char *const list[] = { "pkcs11-tool",
                                 "--module",
                                 soft.config.module,
                                 "--token-label",
                                 soft.labels[HSM_TLS],
                                 "--login",
                                 "--pin",
                                 softhsm_pin(HSM_TLS),
                                 "-O",
                                 NULL };
    assert_int_equal(softhsm_run(list, out, sizeof(out)), ERR_OK);
    assert_hidden(out, "Private Key", "cut");
    assert_null(strstr(out, "cut.new"));
}

static void keys_outlive_the_process(void **state)
{
    (void)state;
    uint8_t before[P256_POINT_SIZE], after[P256_POINT_SIZE];
    assert_int_equal(hsm_p256_public(hsm, HSM_TLS, "web-server", before), ERR_OK);
    hsm_close(hsm);
    assert_int_equal(hsm_open(&soft.config, &hsm), ERR_OK);
    assert_int_equal(hsm_p256_public(hsm, HSM_TLS, "web-server", after), ERR_OK);
    assert_memory_equal(before, after, sizeof(before));
}

static void root_token_may_be_absent(void **state)
{
    (void)state;
    struct hsm_config config = soft.config;
    config.labels[HSM_ROOT] = NULL;
    struct hsm *without = NULL;
    assert_int_equal(hsm_open(&config, &without), ERR_OK);
    uint8_t digest[SHA256_SIZE] = { 0 }, signature[64];
    assert_int_equal(hsm_sign_p256(without, HSM_ROOT, "root", digest, signature),
                     ERR_PRECONDITION);
    assert_int_equal(hsm_sign_p256(without, HSM_TLS, "web-server", digest, signature), ERR_OK);
    assert_int_equal(hsm_check(without), ERR_OK);
    hsm_close(without);
    assert_int_equal(hsm_check(hsm), ERR_OK); /* C_Finalize was not for without to call */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_is_made_once),
        cmocka_unit_test(key_of_another_kind_is_refused),
        cmocka_unit_test(names_are_checked),
        cmocka_unit_test(p256_signs),
        cmocka_unit_test(ed25519_signs),
        cmocka_unit_test(evp_key_signs),
        cmocka_unit_test(unit_key_lives_wrapped),
        cmocka_unit_test(unit_key_is_unwrapped_once),
        cmocka_unit_test(bad_wrapped_keys_are_refused),
        cmocka_unit_test(threads_share_the_pool),
        cmocka_unit_test(operations_are_counted),
        cmocka_unit_test(pkcs11_tool_agrees),
        cmocka_unit_test(leftovers_are_swept),
        cmocka_unit_test(keys_outlive_the_process),
        cmocka_unit_test(root_token_may_be_absent),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
