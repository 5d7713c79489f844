/* SPDX-License-Identifier: MIT */
/* check: the limits of a peer's requests and messages. For rpc/ only. No state. */
#pragma once

#include "common/core/rd.h"
#include "common/rpc/limits.h"
#include "hallmark/v1/frame.pb-c.h"

/* What is wrong with it, as the message of INVALID_ARGUMENT; NULL if nothing is. */
const char *check_request(const Hallmark__V1__FrameRequest *request);

/* A message for the wire: printable ASCII, other bytes become '?'; cut to what fits. */
void check_words(const char *words, char out[static RPC_MESSAGE_TEXT_MAX]);

/* true if bytes is an encoding of type with at most max fields, including those of nested
 * messages, and its strings are UTF-8 without a NUL. Called before a message is unpacked,
 * because unpacking turns a field of two bytes into a hundred, and ends a string at its first
 * NUL (test_rpc_check). */
bool check_fields(const ProtobufCMessageDescriptor *type, struct span bytes, unsigned max);
