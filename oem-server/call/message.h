/* SPDX-License-Identifier: MIT */
/* message: small helpers for protobuf messages and their text. For
 * api/. */
#pragma once

#include "oem-server/call/call.h"

/* Unpacked into the call's arena, so that an answer may borrow it. ERR_DATA_LOSS: not a message
 * of that type (it comes from the store). */
enum err message_unpack(struct rpc_call *rpc, const ProtobufCMessageDescriptor *type,
                        struct span bytes, ProtobufCMessage **out);

/* UTF-8 of min to max bytes without controls, bidirectional ones included
 * (common/host/clean.h). ERR_INVALID names what. */
enum err message_text(const char *what, const char *text, size_t min, size_t max);

/* An operator's reason, 1-256 bytes: checked, and put into the entry. */
enum err message_reason(struct call *call, const char *reason);
/* The same of an act whose terms say enough: it may be empty. */
enum err message_reason_if_any(struct call *call, const char *reason);

/* A UID of the request: checked, copied, and put into the entry. */
enum err message_uid(struct call *call, const ProtobufCBinaryData *uid,
                     uint8_t uid_out[static UID_SIZE]);
