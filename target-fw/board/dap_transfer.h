/* SPDX-License-Identifier: MIT */
/* dap_transfer: Transfer and TransferBlock, and the time they take. Used by dap.c. */
#pragma once

#include <stdint.h>

#include "common/core/rd.h"
#include "common/core/wr.h"

struct dap;

/* r is behind the command byte, w behind its echo. The caller checks r and w afterwards. */
void dap_transfer(struct dap *dap, struct rd *r, struct wr *w);
void dap_transfer_block(struct dap *dap, struct rd *r, struct wr *w);

void dap_let_run_us(struct dap *dap, uint32_t us); /* board time */
void dap_clocks(struct dap *dap, uint32_t clocks); /* the time they take */
