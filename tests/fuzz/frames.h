/* SPDX-License-Identifier: MIT */
/* frames: encoded Frames of the wire, for seeds and for inputs that choose fields. */
#pragma once

#include "common/host/own.h"
#include "hallmark/v1/frame.pb-c.h"

typedef Hallmark__V1__Frame frame;

void frames_hello(struct buf *out, uint32_t credit_messages, uint32_t credit_bytes,
                  uint32_t connection_credit_bytes);
void frames_request(struct buf *out, uint32_t stream, const char *method, struct span payload,
                    bool end);
void frames_data(struct buf *out, uint32_t stream, uint32_t sequence, struct span payload,
                 bool end);
void frames_response(struct buf *out, uint32_t stream, uint32_t status, struct span payload);
void frames_cancel(struct buf *out, uint32_t stream);
void frames_credit(struct buf *out, uint32_t stream, uint32_t messages, uint32_t bytes);
void frames_go_away(struct buf *out);
