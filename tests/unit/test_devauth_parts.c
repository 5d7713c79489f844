/* SPDX-License-Identifier: MIT */
/* CMAC, hex, FwInfo and records: the parts of DevAuth that a run does not take to their edges.
 */
#include "tests/unit/check.h"

#include "common/core/err.h"
#include "common/host/own.h"
#include "target-fw/devauth/bytes.h"
#include "target-fw/devauth/cmac.h"
#include "target-fw/devauth/flash.h"
#include "target-fw/devauth/p256.h"
#include "target-fw/devauth/record.h"
#include "target-fw/devauth/run.h"
#include "target-fw/devauth/status.h"
#include "target-fw/port/host/host.h"

#include <string.h>

/* NIST SP 800-38B, examples D.3 (CMAC-AES256), key and messages of FIPS 197's style. */
static const uint8_t key[32] = {
    0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe, 0x2b, 0x73, 0xae,
    0xf0, 0x85, 0x7d, 0x77, 0x81, 0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61,
    0x08, 0xd7, 0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4,
};
static const uint8_t message[64] = {
    0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73,
    0x93, 0x17, 0x2a, 0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c, 0x9e, 0xb7,
    0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51, 0x30, 0xc8, 0x1c, 0x46, 0xa3, 0x5c, 0xe4,
    0x11, 0xe5, 0xfb, 0xc1, 0x19, 0x1a, 0x0a, 0x52, 0xef, 0xf6, 0x9f, 0x24, 0x45,
    0xdf, 0x4f, 0x9b, 0x17, 0xad, 0x2b, 0x41, 0x7b, 0xe6, 0x6c, 0x37, 0x10,
};
static const struct {
    size_t len;
    uint8_t tag[CMAC_SIZE];
} vectors[] = {
    { 0,
      { 0x02, 0x89, 0x62, 0xf6, 0x1b, 0x7b, 0xf8, 0x9e, 0xfc, 0x6b, 0x55, 0x1f, 0x46, 0x67,
        0xd9, 0x83 } },
    { 16,
      { 0x28, 0xa7, 0x02, 0x3f, 0x45, 0x2e, 0x8f, 0x82, 0xbd, 0x4b, 0xf2, 0x8d, 0x8c, 0x37,
        0xc3, 0x5c } },
    { 40,
      { 0xaa, 0xf3, 0xd8, 0xf1, 0xde, 0x56, 0x40, 0xc2, 0x32, 0xf5, 0xb1, 0x69, 0xb9, 0xc9,
        0x11, 0xe6 } },
    { 64,
      { 0xe1, 0x99, 0x21, 0x90, 0x54, 0x9f, 0x6e, 0xd5, 0x69, 0x6a, 0x2c, 0x05, 0x6c, 0x31,
        0x54, 0x10 } },
};

static void cmac_vectors(void **state)
{
    (void)state;
    const struct port_key slot = { PORT_KEY_SRAM, 0 };
    host_blank();
    host_chip.sram[0].used = true;
    memcpy(host_chip.sram[0].value, key, sizeof(key));
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        uint8_t tag[CMAC_SIZE];
        assert_int_equal(cmac_of(&slot, span_of(message, vectors[i].len), tag), ERR_OK);
        assert_memory_equal(tag, vectors[i].tag, sizeof(tag));
    }
    const struct port_key none = { PORT_KEY_SRAM, 1 };
    uint8_t tag[CMAC_SIZE];
    assert_int_equal(cmac_of(&none, SPAN(message), tag), ERR_DENIED);
    host_chip.sram[0].revoked = true;
    assert_int_equal(cmac_of(&slot, SPAN(message), tag), ERR_DENIED);
}

static void hex_is_lower_case_and_whole(void **state)
{
    (void)state;
    static const uint8_t bytes[] = { 0x0a, 0xf0 };
    static const struct {
        const char *text;
        bool want;
    } rows[] = { { "0af0", true }, { "0AF0", false }, { "0af", false },  { "0af00", false },
                 { "", false },    { "1af0", false }, { "0af1", false }, { " af0", false } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(
            bytes_are_hex_of(span_of(rows[i].text, strlen(rows[i].text)), SPAN(bytes)),
            rows[i].want);
}

static void pages_are_burnt_where_they_differ(void **state)
{
    (void)state;
    static uint8_t big[FLASH_PAGE_SIZE + 1];
    bool burnt;
    host_blank();
    struct flash_page page = { 2 * FLASH_PAGE_SIZE, { SPAN(key), SPAN(message) } };
    assert_int_equal(flash_put(&page, &burnt), ERR_OK);
    assert_true(burnt);
    assert_int_equal(host_chip.programmed, (sizeof(key) + sizeof(message)) / 8);
    assert_int_equal(flash_put(&page, &burnt), ERR_OK);
    assert_false(burnt);
    host_chip.flash[3 * FLASH_PAGE_SIZE - 1] = 0; /* behind the content counts, too */
    assert_int_equal(flash_put(&page, &burnt), ERR_OK);
    assert_true(burnt);
    page.address += 4;
    assert_int_equal(flash_put(&page, &burnt), ERR_RANGE);
    page.address = FLASH_APROM_SIZE;
    assert_int_equal(flash_put(&page, &burnt), ERR_RANGE);
    page = (struct flash_page){ 0, { SPAN(big) } };
    assert_int_equal(flash_put(&page, &burnt), ERR_RANGE);
    page = (struct flash_page){ 0, { span_of(big, FLASH_PAGE_SIZE), SPAN(key) } };
    assert_int_equal(flash_put(&page, &burnt), ERR_RANGE);
}

/* A page that reads blank is erased, for an interrupted erase reads so: but on a blank board.
 */
static void a_blank_page_is_erased_but_on_a_blank_board(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t board;
        bool blank;
        unsigned erased;
    } cases[] = {
        { "another board, blank page", 0, true, 1 },
        { "another board", 0, false, 1 },
        { "blank board, blank page", RUN_BLANK_BOARD, true, 0 },
        { "blank board, a page that is not", RUN_BLANK_BOARD, false, 1 },
        { "not quite the word", RUN_BLANK_BOARD ^ 1, true, 1 },
    };
    static const uint8_t odd[3 * FLASH_PAGE_SIZE / 4 + 5] = { 1, 2, 3 };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct flash_page page = { FLASH_PAGE_SIZE, { SPAN(odd) } };
        bool burnt;
        host_blank();
        host_chip.flash[FLASH_PAGE_SIZE + 1] = cases[i].blank ? 0xff : 0;
        enum err e = flash_put_on(cases[i].board, &page, &burnt);
        if (e != ERR_OK || !burnt || host_chip.erased != cases[i].erased)
            fail_msg("%s: error %d, %u erased", cases[i].name, (int)e, host_chip.erased);
    }
}

static void damaged_record_is_none(void **state)
{
    (void)state;
    static const struct {
        enum record which;
        uint32_t address, size;
    } rows[] = { { RECORD_ROTPK, FLASH_RECORD, RECORD_ROTPK_SIZE },
                 { RECORD_CONFIG, FLASH_CONFIG_RECORD, RECORD_CONFIG_SIZE },
                 { RECORD_AUTHKEY, FLASH_AUTHKEY_RECORD, RECORD_AUTHKEY_SIZE } };
    uint8_t body[RECORD_BODY_MAX], some[RECORD_BODY_MAX + 1];
    for (size_t i = 0; i < sizeof(some); i++)
        some[i] = (uint8_t)(i * 7);
    host_blank();
    for (size_t k = 0; k < COUNT(rows); k++) {
        assert_int_equal(record_read(rows[k].which, body), ERR_NOT_FOUND);
        assert_int_equal(record_write(rows[k].which, some), ERR_OK);
        assert_int_equal(record_read(rows[k].which, body), ERR_OK);
        assert_memory_equal(body, some, rows[k].size);
        assert_true(record_is(rows[k].which, some));
        assert_false(record_is(rows[k].which, some + 1));
        for (uint32_t i = 0; i < rows[k].size + 12; i++) {
            host_chip.flash[rows[k].address + i] ^= 1;
            assert_int_equal(record_read(rows[k].which, body), ERR_NOT_FOUND);
            host_chip.flash[rows[k].address + i] ^= 1;
        }
    }
}

/* What is added to a page never erases it: an interrupted record is completed, another one is
 * refused, and the mark does not touch the record. */
static void records_are_added_without_an_erase(void **state)
{
    (void)state;
    for (int writes = 0; writes < 6; writes++) {
        host_blank();
        host_chip.power_cut_after_writes = writes;
        assert_int_equal(record_add(RECORD_ROTPK, key), ERR_FAULT);
        host_chip.power_cut_after_writes = -1;
        assert_false(record_is(RECORD_ROTPK, key));
        assert_int_equal(record_add(RECORD_ROTPK, key), ERR_OK);
        assert_true(record_is(RECORD_ROTPK, key));
    }
    unsigned programmed = host_chip.programmed;
    assert_int_equal(record_add(RECORD_ROTPK, message), ERR_MISMATCH);
    assert_int_equal(record_add(RECORD_ROTPK, key), ERR_OK);
    assert_int_equal(host_chip.programmed, programmed);
    assert_false(record_marked());
    assert_int_equal(record_mark(), ERR_OK);
    assert_true(record_marked() && record_is(RECORD_ROTPK, key));
    assert_int_equal(host_chip.erased, 0);
    assert_int_equal(record_write(RECORD_ROTPK, message), ERR_OK);
    assert_false(record_marked());
}

static enum err verify(const uint8_t *point, const uint8_t *signature)
{
    struct proof proof = { PROOF_OF_SIGNATURE };
    enum err e = p256_verify(point, message, signature, &proof);
    assert_int_equal(proof_holds(&proof, PROOF_SIGNATURE(PROOF_OF_SIGNATURE)),
                     e == ERR_OK ? ERR_OK : ERR_SIG);
    return e;
}

/* n, n - 1, 0 as r or s; the base point's x as r. */
static void signature_range(void **state)
{
    (void)state;
    static const uint8_t n[32] = {
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
        0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    };
    const struct port_key own = { PORT_KEY_OTP, 2 };
    uint8_t point[P256_POINT_SIZE], signature[P256_SIGNATURE_SIZE], bad[P256_SIGNATURE_SIZE];
    host_blank();
    assert_int_equal(port_otp_write(OTP_AUTHKEY, key, PORT_PERMIT_OTP(OTP_AUTHKEY)), ERR_OK);
    assert_int_equal(port_public_key(&own, point), ERR_OK);
    assert_int_equal(p256_sign(&own, point, message, signature), ERR_OK);
    assert_int_equal(verify(point, signature), ERR_OK);
    for (size_t half = 0; half < 2; half++) {
        memcpy(bad, signature, sizeof(bad));
        memset(bad + 32 * half, 0, 32);
        assert_int_equal(verify(point, bad), ERR_SIG);
        memcpy(bad + 32 * half, n, 32);
        assert_int_equal(verify(point, bad), ERR_SIG);
        bad[32 * half + 31]--;
        assert_int_equal(verify(point, bad), ERR_SIG);
    }
    host_chip.sign_with_k_1 = true;
    memset(bad, 0, sizeof(bad));
    memcpy(signature, bad, sizeof(bad));
    assert_int_equal(p256_sign(&own, point, message, signature), ERR_CHIP);
    assert_memory_equal(signature, bad, sizeof(bad)); /* nothing of it got out */
}

static void statuses_are_those_of_err(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 256; i++)
        assert_int_equal(status_of((enum err)i), err_status((enum err)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cmac_vectors),
        cmocka_unit_test(hex_is_lower_case_and_whole),
        cmocka_unit_test(pages_are_burnt_where_they_differ),
        cmocka_unit_test(a_blank_page_is_erased_but_on_a_blank_board),
        cmocka_unit_test(damaged_record_is_none),
        cmocka_unit_test(records_are_added_without_an_erase),
        cmocka_unit_test(signature_range),
        cmocka_unit_test(statuses_are_those_of_err),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
