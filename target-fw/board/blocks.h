/* SPDX-License-Identifier: MIT */
/*
 * blocks: which blocks this chip has, for chip_open() to register. The bus knows no other.
 */
#pragma once

#include "target-fw/board/chip/periph.h"

extern const struct periph *const chip_blocks[]; /* NULL ends it */
