/* SPDX-License-Identifier: MIT */
/*
 * flash: pages of APROM, burnt only where they differ.
 *
 * A page's content is the concatenation of its parts, padded with 0xff. All handlers that burn
 * use it; it alone decides whether a page may be touched. A page that it refuses is ERR_RANGE.
 */
#pragma once

#include "target-fw/port/port.h"

enum { FLASH_PARTS_MAX = 3 };

struct flash_page {
    uint32_t address; /* multiple of FLASH_PAGE_SIZE */
    struct span parts[FLASH_PARTS_MAX];
};

/* A page that differs is erased and programmed; burnt_out says whether it did. It is erased
 * even if it reads blank: after an interrupted erase it may read blank and not hold its
 * content. Read back; ERR_VERIFY if it differs. */
enum err flash_put(const struct flash_page *page, bool *burnt_out);

/* The same; but with RUN_BLANK_BOARD (run.h) a page that reads blank is not erased. For pages
 * that only arrows after 8 burn. */
enum err flash_put_on(uint32_t blank_board, const struct flash_page *page, bool *burnt_out);

/* Without an erase: blank units of 8 bytes are programmed, those that hold their bytes are
 * left. ERR_MISMATCH, and nothing is programmed, if a unit has bits cleared that must be set.
 * address: a multiple of 8. Read back; ERR_VERIFY if it differs. */
enum err flash_add(uint32_t address, struct span bytes);
