/* SPDX-License-Identifier: MIT */
/* memap: the AHB5-AP behind the debug port, and what the locks let through. Used by swd.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct swd;
struct chip;

/* reg: offset of an AP register. false: the access was refused or failed; swd sets STICKYERR.
 * *data is set on success only. memap_reset: CSW and TAR as after power-on. */
void memap_reset(struct swd *swd);
bool memap_read(struct swd *swd, struct chip *chip, unsigned ap, unsigned reg, uint32_t *data);
bool memap_write(struct swd *swd, struct chip *chip, unsigned ap, unsigned reg, uint32_t data);
