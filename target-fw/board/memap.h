/* SPDX-License-Identifier: MIT */
/* memap: the AHB5-AP behind the debug port, and what the locks let through. Used by swd.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct swd;
struct chip;

void memap_reset(struct swd *swd);
bool memap_read(struct swd *swd, struct chip *chip, unsigned ap, unsigned reg, uint32_t *data);
bool memap_write(struct swd *swd, struct chip *chip, unsigned ap, unsigned reg, uint32_t data);
