/* SPDX-License-Identifier: MIT */
/* Which boards a run may write to: what no run can have left is refused, found and wanted said;
 * what an interrupted or repeated one leaves is not. */
#include "tests/unit/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/core/crc32.h"
#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/chip.h"
#include "tests/unit/test_probe_fake.h"

enum {
    PDID = 0x40000000,
    REGLCTL = 0x40000100,
    STATUS = 0x40000250,
    ISPADDR = 0x4000C004,
    ISPDAT = 0x4000C008,
    ISPCMD = 0x4000C00C,
    ISPTRG = 0x4000C010,
    DPM_CTL = 0x4002F600,
    DPM_STS = 0x4002F604,
    DPM_NSCTL = 0x4002F650,
    DPM_NSSTS = 0x4002F654,
    PLM_STS = 0x4002F704,
    KS_OTPSTS = 0x40035040,
    CONFIG = 0x300000,
    READY = 1 << 16 | 1 << 20,
    STOPPED = READY | 1 << 17 | 1 << 25,
};
#define DHCSR 0xE000EDF0u

struct bench {
    struct fake fake;
    struct chip *chip;
    uint32_t config[4], uid;
    unsigned keys, changes;
};

static void command(struct bench *b)
{
    uint32_t at = fake_get(&b->fake, ISPADDR), code = fake_get(&b->fake, ISPCMD);
    if (code == 0x00 && at - CONFIG < sizeof(b->config))
        fake_set(&b->fake, ISPDAT, b->config[(at - CONFIG) / 4]);
    else if (code == 0x04)
        fake_set(&b->fake, ISPDAT, b->uid);
    else
        b->changes++;
    fake_set(&b->fake, ISPTRG, 0);
}

static void on_write(struct fake *fake, uint32_t address, uint32_t value)
{
    static const uint32_t keys[] = { 0x59, 0x16, 0x88 };
    struct bench *b = fake->user;
    if (address == REGLCTL) {
        b->keys = b->keys < 3 && value == keys[b->keys] ? b->keys + 1 : 0;
        fake_set(fake, REGLCTL, b->keys == 3);
    }
    if (address == ISPTRG && value == 1)
        command(b);
    if (address == DHCSR)
        fake_set(fake, DHCSR, STOPPED);
    if (address >= DPM_CTL && address <= KS_OTPSTS)
        b->changes++;
}

static struct bench *bench_open(void)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    fake_init(&b->fake);
    b->fake.user = b;
    b->fake.on_write = on_write;
    b->uid = 0x12345678;
    memset(b->config, 0xFF, sizeof(b->config));
    fake_set(&b->fake, PDID, 0xA1735440);
    fake_set(&b->fake, STATUS, 1u << 4);
    fake_set(&b->fake, DHCSR, READY);
    assert_int_equal(chip_open(&b->fake.probe, 0, &b->chip), ERR_OK);
    assert_int_equal(chip_prepare(b->chip), ERR_OK);
    return b;
}

static void bench_drop(struct bench **b)
{
    chip_close((*b)->chip);
    free(*b);
}

enum { NONE, VALID, DAMAGED }; /* the record of the CONFIG words: a lock has begun */

static const struct {
    const char *name;
    uint32_t address, value;
    uint32_t with, with_value; /* a second one; 0: none */
    int record;
    const char *words; /* NULL: it fits */
} cases[] = {
    { "as shipped", 0, 0, 0, 0, NONE, NULL },
    { "nothing but the record", 0, 0, 0, 0, VALID, NULL },
    { "CONFIG's lock has begun", CONFIG, 0xFFFFFFFD, 0, 0, VALID, NULL },
    { "CONFIG's lock, no record", CONFIG, 0xFFFFFFFD, 0, 0, NONE,
      "CONFIG0: found 0xfffffffd, wanted 0xffffffff as shipped: no lock of a run has begun on "
      "this board (no record at 0x000fa800)" },
    { "CONFIG's lock, damaged record", CONFIG, 0xFFFFFFFD, 0, 0, DAMAGED,
      "CONFIG0: found 0xfffffffd" },
    { "boot from LDROM", CONFIG, 0xFFFFFF7F, 0, 0, VALID,
      "CONFIG0: found 0xffffff7f, wanted 0xffffffff as shipped" },
    { "another lock", CONFIG, 0xFFFFFFF5, 0, 0, VALID, "CONFIG0: found 0xfffffff5" },
    { "erase half done", CONFIG, 0, 0, 0, VALID, "CONFIG0: found 0x00000000" },
    { "CONFIG1", CONFIG + 4, 0xFFFFFFFE, 0, 0, VALID,
      "CONFIG1 to CONFIG3: found 0xfffffffe, wanted 0xffffffff" },
    { "CONFIG3", CONFIG + 12, 0x5A, 0, 0, NONE, "found 0x0000005a" },
    { "stage OEM", PLM_STS, 1, 0, 0, VALID,
      "life cycle (PLM STAGE): found 0x00000001, wanted 0 Vendor, or 3 Deployed" },
    { "stage OEM, no record", PLM_STS, 1, 0, 0, NONE, "found 0x00000001, wanted 0 Vendor" },
    { "stage Deployed", PLM_STS, 3, 0, 0, VALID, NULL },
    { "stage Deployed, no record", PLM_STS, 3, 0, 0, NONE,
      "life cycle (PLM STAGE, DIRTY): found 0x00000003, wanted 0x00000000, Vendor: no lock" },
    { "a newer stage is stored", PLM_STS, 1 << 8, 0, 0, VALID, NULL },
    { "a newer stage, no record", PLM_STS, 1 << 8, 0, 0, NONE,
      "life cycle (PLM STAGE, DIRTY): found 0x00000100" },
    { "a newer stage, damaged record", PLM_STS, 1 << 8, 0, 0, DAMAGED, "found 0x00000100" },
    { "stage RMA", PLM_STS, 7, 0, 0, VALID, "life cycle (PLM STAGE): found 0x00000007" },
    { "no stage", PLM_STS, 2, 0, 0, VALID, "found 0x00000002" },
    { "secure side of DPM", DPM_CTL, 0x3003, 0, 0, VALID, NULL },
    { "secure side of DPM, no record", DPM_CTL, 0x3003, 0, 0, NONE,
      "DPM, secure side: found 0x00003003, wanted 0x00000000: no lock" },
    { "one bit of DPM, no record", DPM_CTL, 1, 0, 0, NONE, "secure side: found 0x00000001" },
    { "both sides of DPM", DPM_CTL, 0x3003, DPM_NSCTL, 0x3, VALID, NULL },
    { "both sides of DPM, no record", DPM_CTL, 0x3003, DPM_NSCTL, 0x3, NONE,
      "DPM, secure side" },
    { "non-secure side alone", DPM_NSCTL, 0x3, 0, 0, VALID,
      "DPM, non-secure side: found 0x00000003, wanted 0 while the secure side is not shut" },
    { "non-secure bit, no record", DPM_NSCTL, 0x1000, 0, 0, NONE,
      "DPM, non-secure side: found 0x00001000" },
    { "other bits of DPM", DPM_STS, 0x0F0000FF, 0, 0, NONE, NULL },
    { "a password", DPM_STS, 1 << 8, 0, 0, VALID,
      "was set 1 times (DPM PWUCNT), 0 times is wanted" },
    { "seven passwords", DPM_NSSTS, 7 << 8, 0, 0, NONE, "was set 7 times" },
    { "AUTHKEY", KS_OTPSTS, 0x04, 0, 0, NONE, NULL },
    { "half of ROTPK", KS_OTPSTS, 0x05, 0, 0, NONE, NULL },
    { "all slots", KS_OTPSTS, 0xFF, 0, 0, NONE, NULL },
    { "ROTPK, not AUTHKEY", KS_OTPSTS, 0x03, 0, 0, NONE,
      "KeyStore OTP slots in use: found 0x00000003, wanted none, or slot 2" },
    { "AES alone", KS_OTPSTS, 0x08, 0, 0, NONE, "found 0x00000008" },
};

static void place_record(struct bench *b, int record)
{
    uint8_t bytes[RECORD_HEAD_SIZE + RECORD_CONFIG_SIZE + RECORD_CRC_SIZE];
    struct wr w = wr_of(bytes, sizeof(bytes));
    wr_u32le(&w, RECORD_CONFIG_MAGIC);
    wr_u32le(&w, RECORD_VERSION);
    wr_u32le(&w, 0xFFFFFFFD);
    for (int i = 1; i < 4; i++)
        wr_u32le(&w, UINT32_MAX);
    wr_u32le(&w, crc32_of(wr_done(&w)) ^ (record == DAMAGED));
    for (uint32_t at = 0; record != NONE && at < sizeof(bytes); at += 4) {
        struct rd r = rd_of(span_of(bytes + at, 4));
        fake_set(&b->fake, FLASH_CONFIG_RECORD + at, rd_u32le(&r));
    }
}

static void place(struct bench *b, uint32_t address, uint32_t value)
{
    if (address - CONFIG < sizeof(b->config))
        b->config[(address - CONFIG) / 4] = value;
    else if (address != 0)
        fake_set(&b->fake, address, value);
}

static void only_what_a_run_can_have_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        AUTO(bench_drop) struct bench *b = bench_open();
        place(b, cases[i].address, cases[i].value);
        place(b, cases[i].with, cases[i].with_value);
        place_record(b, cases[i].record);
        enum err e = chip_check(b->chip);
        bool fits = cases[i].words == NULL;
        if (e != (fits ? ERR_OK : ERR_MISMATCH) ||
            (!fits && strstr(fail_words(), cases[i].words) == NULL))
            fail_msg("%s: %d: %s", cases[i].name, (int)e, fail_words());
        assert_int_equal(b->changes, 0);
        assert_int_equal(b->fake.resets, 0);
    }
}

static void a_smaller_flash_is_refused(void **state)
{
    (void)state;
    AUTO(bench_drop) struct bench *b = bench_open();
    b->fake.fault_from = 0x80000;
    b->fake.fault_to = 0x100000;
    assert_int_equal(chip_check(b->chip), ERR_MISMATCH);
    assert_non_null(strstr(fail_words(), "found none at 0x000ffffc, wanted 1024 KiB"));
}

static void a_uid_is_neither_zeros_nor_ones(void **state)
{
    (void)state;
    static const struct {
        uint32_t word;
        enum err want;
    } uids[] = { { 0, ERR_CHIP }, { UINT32_MAX, ERR_CHIP }, { 0x12345678, ERR_OK } };
    for (size_t i = 0; i < COUNT(uids); i++) {
        AUTO(bench_drop) struct bench *b = bench_open();
        uint8_t uid[UID_SIZE];
        b->uid = uids[i].word;
        assert_int_equal(chip_uid(b->chip, uid), uids[i].want);
    }
}

int main(void)
{
    log_set_level(LOG_LEVEL_NONE);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_a_run_can_have_left),
        cmocka_unit_test(a_smaller_flash_is_refused),
        cmocka_unit_test(a_uid_is_neither_zeros_nor_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
