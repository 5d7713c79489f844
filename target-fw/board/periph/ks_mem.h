/* SPDX-License-Identifier: MIT */
/* ks_mem: slot access for the KeyStore's own registers (ks.c) and the ROM. No rules applied. */
#pragma once

#include "target-fw/board/periph/ks.h"

bool ks_mem_load(struct chip *chip, enum ks_mem mem, unsigned slot, struct ks_slot *out);
unsigned ks_mem_bytes_used(const struct chip *chip, enum ks_mem mem, unsigned *keys_out);
