/* SPDX-License-Identifier: MIT */
/*
 * frame: encoding and decoding of Frames and payloads with nanopb.
 *
 * Bounds are in proto/hallmark/v1, *.options. A decoded Frame's method and payload borrow from
 * the bytes that it was read from. ERR_PROTO: not such a message, or a field beyond its bound;
 * ERR_LIMIT: it does not fit into cap. Used by devauth.c.
 */
#pragma once

#include "hallmark/v1/frame.pb.h"

enum err frame_decode(struct span bytes, Frame *out); /* ERR_PROTO */
enum err frame_encode(const Frame *frame, uint8_t *out, size_t cap, size_t *len_out);

/* A message of any type, by its descriptor. */
enum err frame_message_decode(struct span bytes, const pb_msgdesc_t *fields, void *out);
enum err frame_message_encode(const pb_msgdesc_t *fields, const void *message, uint8_t *out,
                              size_t cap, struct span *encoded_out);
