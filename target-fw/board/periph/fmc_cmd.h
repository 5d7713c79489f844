/* SPDX-License-Identifier: MIT */
/* fmc_cmd: the ISP commands, a row each. Used by fmc.c only. */
#pragma once

struct chip;

/* They set the result fields of chip->fmc, which fmc.c shows when BUSY ends. */
void fmc_cmd_run(struct chip *chip);        /* the command in the registers */
void fmc_cmd_multi_poll(struct chip *chip); /* multi-word programming goes on */
