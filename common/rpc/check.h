/* check: the limits of a request that a peer sends. For rpc/ only. */
#pragma once

#include "hallmark/v1/frame.pb-c.h"

/* What is wrong with it, for the answer INVALID_ARGUMENT; NULL if nothing is. */
const char *check_request(const Hallmark__V1__FrameRequest *request);
