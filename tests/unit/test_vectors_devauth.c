/* SPDX-License-Identifier: MIT */
/* Other people's vectors through DevAuth's code over the host port. What the M2354's engines
 * make of the same is in test_vectors_chip. */
#include "tests/unit/check.h"

#include <string.h>

#include "target-fw/devauth/cmac.h"
#include "target-fw/devauth/p256.h"
#include "target-fw/port/host/host.h"
#include "tests/unit/vectors.h"

enum { SLOT = 5 }; /* the first SRAM slots are for what a port makes itself */

static struct port_key put_key(struct span value)
{
    host_blank();
    assert_true(value.len <= HOST_KEY_SIZE);
    host_chip.sram[SLOT].used = true;
    memcpy(host_chip.sram[SLOT].value + HOST_KEY_SIZE - value.len, value.ptr, value.len);
    return (struct port_key){ PORT_KEY_SRAM, SLOT };
}

/* A signature has 64 bytes by its type: others cannot be put to DevAuth at all. */
static void ecdsa_verifies_what_the_file_calls_valid(void **state)
{
    (void)state;
    struct vectors v;
    unsigned of_another_length = 0;
    vectors_open(&v, "ecdsa_p256_p1363.jsonl");
    while (vectors_next(&v)) {
        struct proof proof = { PROOF_OF_SIGNATURE };
        struct span sig = vector_hex(&v, "sig");
        uint8_t digest[SHA256_SIZE];
        if (sig.len != P256_SIGNATURE_SIZE) {
            vectors_hold(&v, vector_is(&v, "invalid"), "a valid signature of another length");
            of_another_length++;
            continue;
        }
        assert_int_equal(port_sha256(vector_hex(&v, "msg"), digest), ERR_OK);
        enum err e = p256_verify(vector_hex(&v, "key").ptr, digest, sig.ptr, &proof);
        bool proved = proof_holds(&proof, PROOF_SIGNATURE(PROOF_OF_SIGNATURE)) == ERR_OK;
        vectors_hold(&v,
                     vector_is(&v, "valid") ? e == ERR_OK && proved : e != ERR_OK && !proved,
                     "p256_verify");
    }
    vectors_close(&v, 262);
    assert_int_equal(of_another_length, 21);
}

static bool agrees(struct vectors *v, struct span scalar)
{
    while (scalar.len > HOST_KEY_SIZE && scalar.ptr[0] == 0)
        scalar = span_of(scalar.ptr + 1, scalar.len - 1);
    struct port_key own = put_key(scalar), secret;
    struct span point = vector_hex(v, "public");
    bool good = point.len == P256_POINT_SIZE && p256_point(point.ptr) == ERR_OK;
    if (!vector_is(v, "valid"))
        return !good;
    return good && port_agree(&own, point.ptr, &secret) == ERR_OK &&
           span_eq(SPAN(host_chip.sram[secret.slot].value), vector_hex(v, "shared")) &&
           port_agree_to_sram(&own, point.ptr, &secret) == ERR_OK &&
           span_eq(SPAN(host_chip.sram[secret.slot].value), vector_hex(v, "shared"));
}

static void agreements_are_the_files(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "ecdh_p256.jsonl");
    while (vectors_next(&v))
        vectors_hold(&v, agrees(&v, vector_hex(&v, "private")), "p256_point, port_agree");
    vectors_close(&v, 355);
}

static void tags_are_the_files(void **state)
{
    (void)state;
    struct vectors v;
    vectors_open(&v, "aes_cmac_256.jsonl");
    while (vectors_next(&v)) {
        struct port_key key = put_key(vector_hex(&v, "key"));
        uint8_t tag[CMAC_SIZE];
        assert_int_equal(cmac_of(&key, vector_hex(&v, "msg"), tag), ERR_OK);
        vectors_hold(&v, span_eq(SPAN(tag), vector_hex(&v, "tag")) == vector_is(&v, "valid"),
                     "cmac_of");
    }
    vectors_close(&v, 102);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ecdsa_verifies_what_the_file_calls_valid),
        cmocka_unit_test(agreements_are_the_files),
        cmocka_unit_test(tags_are_the_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
