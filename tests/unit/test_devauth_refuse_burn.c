/* SPDX-License-Identifier: MIT */
/* What DevAuth refuses at arrows 24 and 25: images, chunks, locks. */
#include "tests/unit/check.h"

#include "tests/unit/test_devauth_bench.h"

#include <string.h>

#define BIN(array) ((ProtobufCBinaryData){ sizeof(array), (array) })

/* ---- arrow 24 ---- */

static uint32_t burn_firmware(struct peer *p, uint32_t size, uint32_t address)
{
    Hallmark__V1__BurnFirmwareRequest m = HALLMARK__V1__BURN_FIRMWARE_REQUEST__INIT;
    m.sha256 = (ProtobufCBinaryData){ SHA256_SIZE, p->fwinfo + 0x60 };
    m.size = size;
    m.firmware_information = BIN(p->fwinfo);
    m.firmware_information_address = address;
    unsigned erased = host_chip.erased;
    uint32_t result = peer_call(p, "Target/BurnFirmware", &m.base);
    assert_int_equal(host_chip.erased, erased); /* refused before anything is touched */
    return result;
}

static uint32_t image_too_large(struct peer *p)
{
    return burn_firmware(p, FLASH_FIRMWARE_MAX + 1, p->fwinfo_address);
}

static uint32_t image_of_nothing(struct peer *p)
{
    return burn_firmware(p, 0, p->fwinfo_address);
}

static uint32_t fwinfo_over_certificates(struct peer *p)
{
    return burn_firmware(p, p->image_len, FLASH_WEB_SERVER_CERTIFICATE);
}

static uint32_t fwinfo_inside_image(struct peer *p)
{
    return burn_firmware(p, p->image_len, FLASH_PAGE_SIZE);
}

static uint32_t fwinfo_off_its_page(struct peer *p)
{
    return burn_firmware(p, p->image_len, p->fwinfo_address + 4);
}

static uint32_t fwinfo_far_out(struct peer *p)
{
    return burn_firmware(p, p->image_len, 0xfffff800);
}

static uint32_t fwinfo_of_another_size(struct peer *p)
{
    return burn_firmware(p, p->image_len - 4, p->fwinfo_address);
}

static uint32_t fwinfo_by_another_key(struct peer *p)
{
    peer_make_fwinfo(p, p->web);
    uint32_t result = burn_firmware(p, p->image_len, p->fwinfo_address);
    peer_make_fwinfo(p, p->boot);
    return result;
}

static uint32_t fwinfo_of_another_kind(struct peer *p)
{
    p->fwinfo[0x40] = 9; /* ECDSA, bound to a UID */
    peer_sign(p->boot, span_of(p->fwinfo, 128), p->fwinfo + 128);
    uint32_t result = burn_firmware(p, p->image_len, p->fwinfo_address);
    peer_make_fwinfo(p, p->boot);
    return result;
}

/* The image differs from what was signed: found when flash is read back. */
static uint32_t image_is_another(struct peer *p)
{
    p->image[100] ^= 1;
    uint32_t result = peer_arrow(p, 24);
    p->image[100] ^= 1;
    return result;
}

static uint32_t burn_with_marker(struct peer *p, const uint8_t words[8])
{
    uint8_t saved[8];
    memcpy(saved, p->image + 0x14, 4);
    memcpy(saved + 4, p->image + 0x1c, 4);
    memcpy(p->image + 0x14, words, 4);
    memcpy(p->image + 0x1c, words + 4, 4);
    peer_make_fwinfo(p, p->boot);
    uint32_t result = peer_arrow(p, 24);
    memcpy(p->image + 0x14, saved, 4);
    memcpy(p->image + 0x1c, saved + 4, 4);
    peer_make_fwinfo(p, p->boot);
    return result;
}

static uint32_t marker_points_to_blank(struct peer *p)
{
    return burn_with_marker(p, (const uint8_t[]){ 0, 0x30, 0, 0, 0xb2, 0xba, 0xbd, 0xb3 });
}

static uint32_t marker_points_outside(struct peer *p)
{
    return burn_with_marker(p, (const uint8_t[]){ 0, 0, 0x10, 0, 0xb2, 0x8a, 0xcd, 0xb3 });
}

static uint32_t marker_check_is_wrong(struct peer *p)
{
    return burn_with_marker(p, (const uint8_t[]){ 0, 0x20, 0, 0, 0, 0, 0, 0 });
}

/* One chunk is there before the call, spoilt; the buffers are free again afterwards. */
static uint32_t spoilt_chunk(struct peer *p, uint32_t offset, uint32_t len, uint32_t crc_error,
                             uint32_t ahead)
{
    Hallmark__V1__BurnFirmwareRequest m = HALLMARK__V1__BURN_FIRMWARE_REQUEST__INIT;
    m.sha256 = (ProtobufCBinaryData){ SHA256_SIZE, p->fwinfo + 0x60 };
    m.size = p->image_len;
    m.firmware_information = BIN(p->fwinfo);
    m.firmware_information_address = p->fwinfo_address;
    peer_put_chunk(p, p->chunk + 1 + ahead, offset, span_of(p->image, len), crc_error);
    unsigned erased = host_chip.erased;
    uint32_t result = peer_call(p, "Target/BurnFirmware", &m.base);
    assert_int_equal(host_chip.erased, erased);
    return result;
}

static uint32_t chunk_with_bad_crc(struct peer *p)
{
    return spoilt_chunk(p, 0, MAILBOX_BULK_MAX, 1, 0);
}

static uint32_t chunk_at_another_offset(struct peer *p)
{
    return spoilt_chunk(p, FLASH_PAGE_SIZE, MAILBOX_BULK_MAX, 0, 0);
}

static uint32_t chunk_too_short(struct peer *p)
{
    return spoilt_chunk(p, 0, 100, 0, 0);
}

static uint32_t chunk_over_its_buffer(struct peer *p)
{
    return spoilt_chunk(p, 0, MAILBOX_BULK_MAX + 4, 0, 0);
}

static uint32_t chunk_of_nothing(struct peer *p)
{
    return spoilt_chunk(p, 0, 0, 0, 0);
}

static uint32_t chunk_number_jumps(struct peer *p)
{
    return spoilt_chunk(p, 0, MAILBOX_BULK_MAX, 0, 2);
}

static uint32_t no_chunk_comes(struct peer *p)
{
    uint32_t chunks = p->chunk;
    p->chunk = chunks + MAILBOX_BULK_COUNT; /* the peer waits for room, for ever */
    uint32_t result = peer_arrow(p, 24);
    p->chunk = chunks;
    return result;
}

static uint32_t flash_reports_failure(struct peer *p)
{
    host_chip.flash_fails_at = FLASH_PAGE_SIZE + 8;
    uint32_t result = peer_arrow(p, 24);
    host_chip.flash_fails_at = 0;
    p->chunk = bench_devauth.link.bulk_done;
    return result;
}

/* ---- arrow 25 ---- */

static uint32_t lock_at(struct peer *p, unsigned level)
{
    Hallmark__V1__EnableSecureLockRequest m = HALLMARK__V1__ENABLE_SECURE_LOCK_REQUEST__INIT;
    m.level = (Hallmark__V1__LockLevel)level;
    uint32_t result = peer_call(p, "Target/EnableSecureLock", &m.base);
    assert_false(bench_lock_begun());
    return result;
}

static uint32_t lock_unspecified(struct peer *p)
{
    return lock_at(p, 0);
}

/* 2 was a level once: withdrawn. */
static uint32_t lock_by_password(struct peer *p)
{
    return lock_at(p, 2);
}

static uint32_t lock_unknown(struct peer *p)
{
    return lock_at(p, 4);
}

static uint32_t lock_while_flash_differs(struct peer *p)
{
    host_chip.flash[1000] ^= 1;
    uint32_t result = lock_at(p, 3);
    host_chip.flash[1000] ^= 1;
    return result;
}

static uint32_t lock_while_half_a_rotpk(struct peer *p)
{
    host_chip.otp[OTP_ROTPK_Y].used = false;
    uint32_t result = lock_at(p, 3);
    host_chip.otp[OTP_ROTPK_Y].used = true;
    return result;
}

static uint32_t lock_while_no_record(struct peer *p)
{
    host_chip.flash[FLASH_RECORD + 10] ^= 1;
    uint32_t result = lock_at(p, 3);
    host_chip.flash[FLASH_RECORD + 10] ^= 1;
    return result;
}

static void set_all_locks(bool on)
{
    host_chip.config[0] = on ? 0xfffffffd : 0xffffffff;
    host_chip.deployed = host_chip.dpm[0] = host_chip.dpm[1] = on;
}

static uint32_t lock_downward(struct peer *p)
{
    set_all_locks(true);
    Hallmark__V1__EnableSecureLockRequest m = HALLMARK__V1__ENABLE_SECURE_LOCK_REQUEST__INIT;
    m.level = HALLMARK__V1__LOCK_LEVEL__LOCK_LEVEL_DEV;
    uint32_t result = peer_call(p, "Target/EnableSecureLock", &m.base);
    set_all_locks(false);
    return result;
}

static const struct bench_refusal refusals[] = {
    { "24: too large", 20, image_too_large, ERR_RANGE },
    { "24: empty", 20, image_of_nothing, ERR_RANGE },
    { "24: FwInfo over the certificates", 20, fwinfo_over_certificates, ERR_RANGE },
    { "24: FwInfo inside the image", 20, fwinfo_inside_image, ERR_RANGE },
    { "24: FwInfo off its page", 20, fwinfo_off_its_page, ERR_RANGE },
    { "24: FwInfo far out", 20, fwinfo_far_out, ERR_RANGE },
    { "24: FwInfo of another size", 20, fwinfo_of_another_size, ERR_MISMATCH },
    { "24: FwInfo by another key", 20, fwinfo_by_another_key, ERR_SIG },
    { "24: FwInfo of another kind", 20, fwinfo_of_another_kind, ERR_PROTO },
    { "24: another image", 20, image_is_another, ERR_VERIFY },
    { "24: marker points to a blank page", 20, marker_points_to_blank, ERR_VERIFY },
    { "24: marker points outside", 20, marker_points_outside, ERR_VERIFY },
    { "24: marker's check is wrong", 20, marker_check_is_wrong, ERR_VERIFY },
    { "24: chunk, CRC", 20, chunk_with_bad_crc, ERR_DATA_LOSS },
    { "24: chunk, offset", 20, chunk_at_another_offset, ERR_PROTO },
    { "24: chunk, short", 20, chunk_too_short, ERR_PROTO },
    { "24: chunk, over its buffer", 20, chunk_over_its_buffer, ERR_LIMIT },
    { "24: chunk, empty", 20, chunk_of_nothing, ERR_LIMIT },
    { "24: chunk, number jumps", 20, chunk_number_jumps, ERR_PROTO },
    { "24: no chunk comes", 20, no_chunk_comes, ERR_DEADLINE },
    { "24: flash fails", 20, flash_reports_failure, ERR_CHIP },
    { "25: no level", 24, lock_unspecified, ERR_INVALID },
    { "25: the withdrawn level", 24, lock_by_password, ERR_INVALID },
    { "25: unknown level", 24, lock_unknown, ERR_INVALID },
    { "25: flash differs", 24, lock_while_flash_differs, ERR_VERIFY },
    { "25: half a ROTPK", 24, lock_while_half_a_rotpk, ERR_MISMATCH },
    { "25: no record", 24, lock_while_no_record, ERR_MISMATCH },
    { "25: downward", 24, lock_downward, ERR_MISMATCH },
};

static void refused_then_done_right(void **state)
{
    for (size_t i = 0; i < COUNT(refusals); i++)
        bench_refuse(state, &refusals[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_then_done_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
