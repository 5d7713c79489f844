/* SPDX-License-Identifier: MIT */
/* image_check and image_devauth_check: what an operator wants to release. A firmware that
 * passes gets a FwInfo, and the bytes as burnt hold both. */
#include <string.h>

#include "common/core/mailbox.h"
#include "common/core/wr.h"
#include "oem-server/image/image.h"
#include "tests/fuzz/fuzz.h"

static void firmware(struct span input)
{
    struct image_marks marks = { 0 };
    uint8_t fwinfo[FWINFO_SIZE], digest[SHA256_SIZE];
    AUTO(buf_free) struct buf whole = { 0 };
    if (image_check(input, &marks) != ERR_OK)
        return;
    FUZZ_CHECK(marks.fwinfo_address >= input.len);
    FUZZ_CHECK(marks.fwinfo_address + FWINFO_SIZE <= FLASH_FIRMWARE_MAX);
    FUZZ_CHECK(image_fwinfo_start(input, fwinfo, digest) == ERR_OK);
    FUZZ_CHECK(image_signed(input, fwinfo, &whole) == ERR_OK);
    FUZZ_CHECK(whole.len == marks.fwinfo_address + FWINFO_SIZE);
    FUZZ_CHECK(memcmp(whole.ptr, input.ptr, input.len) == 0);
}

void fuzz_one(struct span input)
{
    firmware(input);
    if (image_devauth_check(input) == ERR_OK)
        FUZZ_CHECK(input.len <= SRAM_DEVAUTH_SIZE);
}

static void seed(fuzz_put *put, void *context, const char *name, const uint32_t words[8])
{
    uint8_t image[0x44] = { 0 };
    struct wr w = wr_of(image, sizeof(image));
    for (size_t i = 0; i < 8; i++)
        wr_u32le(&w, words[i]);
    put(context, name, SPAN(image));
}

void fuzz_seeds(fuzz_put *put, void *context)
{
    const uint32_t mark = 0x4C42754E, at = 0x18000; /* "NuBL", FwInfo's address */
    seed(put, context, "firmware",
         (uint32_t[]){ 0x20008000, 0x41, 0x41, 0x41, mark, at, 0, at - mark });
    seed(put, context, "firmware-beyond-flash",
         (uint32_t[]){ 0x20008000, 0x41, 0x41, 0x41, mark, ~0u << 11, 0, (~0u << 11) - mark });
    seed(put, context, "devauth",
         (uint32_t[]){ 0x20008000, 0x20000041, 0x20000041, 0x20000041, DEVAUTH_IMAGE_MAGIC,
                       SRAM_BASE, SRAM_BASE + 0x4000, 0x44 });
    put(context, "empty", span_of("", 0));
}
