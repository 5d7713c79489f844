/* SPDX-License-Identifier: MIT */
#include "target-fw/devauth/flash.h"

enum { UNIT = 8, ERASED = 0xff };

/* Walks a page's content front to back. */
struct cursor {
    const struct flash_page *page;
    size_t part;
    size_t at;
};

static uint8_t next(struct cursor *c)
{
    while (c->part < FLASH_PARTS_MAX && c->at == c->page->parts[c->part].len) {
        c->part++;
        c->at = 0;
    }
    return c->part < FLASH_PARTS_MAX ? c->page->parts[c->part].ptr[c->at++] : ERASED;
}

static bool erased(struct span bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if (bytes.ptr[i] != ERASED)
            return false;
    return true;
}

static bool holds(const struct flash_page *page)
{
    struct rd now = rd_of(port_flash(page->address, FLASH_PAGE_SIZE));
    for (size_t i = 0; i < FLASH_PARTS_MAX; i++)
        if (!span_eq(rd_take(&now, page->parts[i].len), page->parts[i]))
            return false;
    return erased(now.rest);
}

static enum err burn(const struct flash_page *page)
{
    struct cursor c = { page, 0, 0 };
    uint8_t unit[UNIT];
    TRY(port_flash_erase(page->address));
    for (uint32_t i = 0; i < FLASH_PAGE_SIZE; i += UNIT) {
        for (size_t k = 0; k < UNIT; k++)
            unit[k] = next(&c);
        if (!erased(SPAN(unit)))
            TRY(port_flash_program(page->address + i, unit));
    }
    return holds(page) ? ERR_OK : ERR_VERIFY;
}

static bool allowed(const struct flash_page *page)
{
    size_t len = 0;
    for (size_t i = 0; i < FLASH_PARTS_MAX; i++) {
        if (page->parts[i].len > FLASH_PAGE_SIZE)
            return false;
        len += page->parts[i].len;
    }
    return len <= FLASH_PAGE_SIZE && page->address % FLASH_PAGE_SIZE == 0 &&
           page->address < FLASH_APROM_SIZE;
}

enum err flash_put(const struct flash_page *page, bool *burnt_out)
{
    if (!allowed(page))
        return ERR_RANGE;
    bool differs = !holds(page);
    if (differs)
        TRY(burn(page));
    *burnt_out = differs;
    return ERR_OK;
}
