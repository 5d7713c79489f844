/* SPDX-License-Identifier: MIT */
/*
 * Burning flash pages where they differ. Called by firmware.c, certificate.c and record.c.
 * Nothing outside APROM may be touched, and success must not be reported before the page was
 * read back.
 */

#include "target-fw/devauth/flash.h"

#include "target-fw/devauth/run.h"

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

static bool on_words(struct span bytes)
{
    return ((uintptr_t)bytes.ptr | bytes.len) % sizeof(uint32_t) == 0;
}

static const uint32_t *words_of(struct span bytes)
{
    return (const uint32_t *)__builtin_assume_aligned(bytes.ptr, sizeof(uint32_t));
}

static bool erased(struct span bytes)
{
    size_t i = 0;
    if (on_words(bytes))
        while (i < bytes.len && words_of(bytes)[i / sizeof(uint32_t)] == UINT32_MAX)
            i += sizeof(uint32_t);
    for (; i < bytes.len; i++)
        if (bytes.ptr[i] != ERASED)
            return false;
    return true;
}

/* Whole pages go through here: by words, where both lie on them. */
static bool same(struct span now, struct span wanted)
{
    if (now.len != wanted.len || !on_words(now) || !on_words(wanted))
        return span_eq(now, wanted);
    for (size_t i = 0; i < now.len / sizeof(uint32_t); i++)
        if (words_of(now)[i] != words_of(wanted)[i])
            return false;
    return true;
}

static bool holds(const struct flash_page *page)
{
    struct rd now = rd_of(port_flash(page->address, FLASH_PAGE_SIZE));
    for (size_t i = 0; i < FLASH_PARTS_MAX; i++)
        if (!same(rd_take(&now, page->parts[i].len), page->parts[i]))
            return false;
    return erased(now.rest);
}

/* A single part that is word aligned is programmed from its place; other parts, and the rest of
 * the page, 8 bytes at a time. */
static enum err program(const struct flash_page *page)
{
    struct cursor c = { page, 0, 0 };
    uint8_t unit[UNIT];
    if (page->parts[1].len == 0 && page->parts[2].len == 0)
        c.at = page->parts[0].len & ~(size_t)(UNIT - 1);
    TRY(port_flash_program(page->address, span_of(page->parts[0].ptr, c.at)));
    for (uint32_t i = (uint32_t)c.at; i < FLASH_PAGE_SIZE; i += UNIT) {
        for (size_t k = 0; k < UNIT; k++)
            unit[k] = next(&c);
        TRY(port_flash_program(page->address + i, SPAN(unit)));
    }
    return ERR_OK;
}

static enum err burn(uint32_t blank_board, const struct flash_page *page)
{
    if (blank_board != RUN_BLANK_BOARD || !erased(port_flash(page->address, FLASH_PAGE_SIZE)))
        TRY(port_flash_erase(page->address));
    TRY(program(page));
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
    return flash_put_on(0, page, burnt_out);
}

enum err flash_put_on(uint32_t blank_board, const struct flash_page *page, bool *burnt_out)
{
    if (!allowed(page))
        return ERR_RANGE;
    bool differs = !holds(page);
    if (differs)
        TRY(burn(blank_board, page));
    *burnt_out = differs;
    return ERR_OK;
}

/* Unit i of the bytes; what is behind their end stays erased. */
static void unit_of(struct span bytes, size_t i, uint8_t unit[UNIT])
{
    for (size_t k = 0; k < UNIT; k++)
        unit[k] = UNIT * i + k < bytes.len ? bytes.ptr[UNIT * i + k] : ERASED;
}

static bool can_become(const uint8_t *now, const uint8_t unit[UNIT])
{
    for (size_t k = 0; k < UNIT; k++)
        if ((now[k] & unit[k]) != unit[k])
            return false;
    return true;
}

enum err flash_add(uint32_t address, struct span bytes)
{
    size_t units = (bytes.len + UNIT - 1) / UNIT;
    uint8_t unit[UNIT];
    if (address % UNIT != 0 || address >= FLASH_APROM_SIZE || bytes.len > FLASH_PAGE_SIZE)
        return ERR_RANGE;
    struct span now = port_flash(address, UNIT * units);
    for (size_t i = 0; i < units; i++) {
        unit_of(bytes, i, unit);
        if (!can_become(now.ptr + UNIT * i, unit))
            return ERR_MISMATCH;
    }
    for (size_t i = 0; i < units; i++) {
        unit_of(bytes, i, unit);
        if (!span_eq(span_of(now.ptr + UNIT * i, UNIT), SPAN(unit)))
            TRY(port_flash_program(address + (uint32_t)(UNIT * i), SPAN(unit)));
    }
    return span_eq(port_flash(address, bytes.len), bytes) ? ERR_OK : ERR_VERIFY;
}
