/* SPDX-License-Identifier: MIT */
/* check: the limits of what a peer sends. For rpc/ only. */
#pragma once

#include "common/core/rd.h"
#include "common/rpc/limits.h"
#include "hallmark/v1/frame.pb-c.h"

/* What is wrong with it, for the answer INVALID_ARGUMENT; NULL if nothing is. */
const char *check_request(const Hallmark__V1__FrameRequest *request);

/* Words for the wire: printable ASCII, what is not becomes '?'; cut to what fits. */
void check_words(const char *words, char out[static RPC_MESSAGE_TEXT_MAX]);

/* Is bytes an encoding of type with at most max fields, those of the messages in it included,
 * and are its strings UTF-8 without a NUL? To be asked before it is unpacked: a field of two
 * bytes then takes a hundred, and a string ends at its first NUL. */
bool check_fields(const ProtobufCMessageDescriptor *type, struct span bytes, unsigned max);
