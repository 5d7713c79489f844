/* SPDX-License-Identifier: MIT */
/*
 * Flash pages over SWD, for arrow 4. Called by api/board.c. A page must be read back after it
 * was programmed, and the first word of an area must be written last.
 */

#include <string.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/inside.h"

enum { HEAD_SIZE = 64 }; /* most pages that differ do so there */

static enum err check_pages(const struct chip *chip, uint32_t address, struct span pages)
{
    uint32_t size = chip->part->flash_size;
    if (address % FLASH_PAGE_SIZE != 0 || pages.len % FLASH_PAGE_SIZE != 0 || pages.len == 0 ||
        address >= size || pages.len > size - address)
        return fail(ERR_INVALID, "chip: flash 0x%08x, %zu bytes: not whole pages of the flash",
                    address, pages.len);
    return ERR_OK;
}

static enum err verify_page(struct mem *mem, uint32_t address, struct span page)
{
    uint8_t got[FLASH_PAGE_SIZE];
    TRY(mem_read(mem, address, got, sizeof(got)));
    for (size_t i = 0; i < sizeof(got); i++)
        if (got[i] != page.ptr[i])
            return fail(ERR_VERIFY, "chip: flash 0x%08zx reads 0x%02x, 0x%02x was written",
                        address + i, got[i], page.ptr[i]);
    return ERR_OK;
}

/* Erased even if it reads blank: an erase that was interrupted may read 0xFF and not hold. Only
 * what is burnt after AUTHKEY was made in the same run is spared that (devauth/flash.c), and
 * what is written from here comes before it. */
static enum err write_page(struct chip *chip, uint32_t address, struct span page)
{
    struct mem *mem = &chip->mem;
    TRY(m2354_erase_begin(mem, address));
    image_load_ahead(chip); /* an erase takes longer */
    TRY(m2354_erase_end(mem, address));
    /* From the end to the front: the first words say how much there is, so they come last. */
    TRY(m2354_words_program(mem, address, page));
    return verify_page(mem, address, page);
}

static enum err page_differs(struct mem *mem, uint32_t address, struct span page,
                             bool *differs_out)
{
    uint8_t old[FLASH_PAGE_SIZE] = { 0 };
    struct span head = span_of(old, HEAD_SIZE);
    struct span rest = span_of(old + HEAD_SIZE, sizeof(old) - HEAD_SIZE);
    TRY(mem_read(mem, address, old, HEAD_SIZE));
    *differs_out = !span_eq(head, span_of(page.ptr, HEAD_SIZE));
    if (*differs_out)
        return ERR_OK;
    TRY(mem_read(mem, address + HEAD_SIZE, old + HEAD_SIZE, rest.len));
    *differs_out = !span_eq(rest, span_of(page.ptr + HEAD_SIZE, rest.len));
    return ERR_OK;
}

static enum err write_pages(struct chip *chip, uint32_t address, struct span pages,
                            unsigned *written)
{
    for (size_t at = pages.len; at > 0; at -= FLASH_PAGE_SIZE) {
        uint32_t from = address + (uint32_t)at - FLASH_PAGE_SIZE;
        struct span page = span_of(pages.ptr + at - FLASH_PAGE_SIZE, FLASH_PAGE_SIZE);
        bool differs = false;
        TRY(page_differs(&chip->mem, from, page, &differs));
        if (!differs)
            continue;
        TRY(write_page(chip, from, page));
        (*written)++;
    }
    return ERR_OK;
}

enum err chip_flash_write(struct chip *chip, uint32_t address, struct span pages,
                          unsigned *written_out)
{
    unsigned written = 0;
    TRY(check_pages(chip, address, pages));
    TRY(m2354_isp_open(&chip->mem));
    TRY(write_pages(chip, address, pages, &written));
    TRY(m2354_isp_close(&chip->mem));
    *written_out = written;
    return ERR_OK;
}

enum err chip_certificate_write(struct chip *chip, struct span certificate, struct span issuer,
                                unsigned *written_out)
{
    uint8_t area[FLASH_CERTIFICATE_AREA_SIZE];
    if (certificate.len == 0 || certificate.len > CERTIFICATE_MAX ||
        issuer.len > CERTIFICATE_MAX)
        return fail(ERR_LIMIT, "chip: certificates of %zu and %zu bytes, limit %d",
                    certificate.len, issuer.len, CERTIFICATE_MAX);
    memset(area, 0xFF, sizeof(area));
    struct wr w = wr_of(area, sizeof(area));
    wr_u32le(&w, (uint32_t)certificate.len);
    wr_u32le(&w, (uint32_t)issuer.len);
    wr_span(&w, certificate);
    wr_span(&w, issuer);
    TRY(wr_end(&w));
    return chip_flash_write(chip, FLASH_WEB_SERVER_CERTIFICATE, SPAN(area), written_out);
}
