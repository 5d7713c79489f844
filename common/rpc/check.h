/* check: the limits of what a peer sends. For rpc/ only. */
#pragma once

#include "common/core/rd.h"
#include "hallmark/v1/frame.pb-c.h"

/* What is wrong with it, for the answer INVALID_ARGUMENT; NULL if nothing is. */
const char *check_request(const Hallmark__V1__FrameRequest *request);

/* Is bytes an encoding of type with at most max fields, those of the messages in it included?
 * To be asked before it is unpacked: a field of two bytes then takes a hundred. */
bool check_fields(const ProtobufCMessageDescriptor *type, struct span bytes, unsigned max);
