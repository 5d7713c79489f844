/* SPDX-License-Identifier: MIT */
/* ks_mem: slot access for the KeyStore's own registers (ks.c) and the ROM; applies no rules. */
#pragma once

#include "target-fw/board/chip/ks.h"

/* A copy of a slot; false: there is no such slot, or it is free. And how many bytes of a memory
 * are in use, by how many keys. */
bool ks_mem_load(struct chip *chip, enum ks_mem mem, unsigned slot, struct ks_slot *out);
unsigned ks_mem_bytes_used(const struct chip *chip, enum ks_mem mem, unsigned *keys_out);
