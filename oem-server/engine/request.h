/* SPDX-License-Identifier: MIT */
/* request: the requests of the server's own calls to a station. For engine/ only. */
#pragma once

#include "oem-server/run/run.h"

/* The request of an o -> n or o -> p arrow, packed. */
enum err request_make(struct run *run, const struct flow_row *row, struct buf *payload_out);
/* Checks that payload is an answer to it: else ERR_PROTO. */
enum err request_check_answer(const struct flow_row *row, struct span payload);
