/* SPDX-License-Identifier: MIT */
/* message: helpers for handlers: protobuf messages and their text. For the services only, on
 * the call's strand. */
#pragma once

#include "oem-server/call/call.h"

/* Unpacks a stored message into the call's arena, so that an answer may borrow it.
 * ERR_DATA_LOSS: not a message of that type. */
enum err message_unpack(struct rpc_call *rpc, const ProtobufCMessageDescriptor *type,
                        struct span bytes, ProtobufCMessage **out);

/* Checks for UTF-8 of min to max bytes without control characters, bidirectional ones included
 * (common/host/clean.h). ERR_INVALID names what. */
enum err message_text(const char *what, const char *text, size_t min, size_t max);

/* Checks an operator's reason, 1-256 bytes, and puts it into the entry. ERR_INVALID. */
enum err message_reason(struct call *call, const char *reason);
/* The same of an act whose terms say enough: it may be empty. */
enum err message_reason_if_any(struct call *call, const char *reason);

/* Rows of a page: as many as were asked for, at most UNIT_PAGE_MAX; 0: 100. */
uint32_t message_limit(uint32_t limit);

/* Checks and copies a UID of the request, and puts it into the entry. ERR_INVALID. */
enum err message_uid(struct call *call, const ProtobufCBinaryData *uid,
                     uint8_t uid_out[static UID_SIZE]);
