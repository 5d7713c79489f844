/* SPDX-License-Identifier: MIT */
/* uids: a list of UIDs in a server's answer. */
#pragma once

#include "hallmark/v1/operator.pb-c.h"

#include "oem-server/ctl/report.h"

/* As a list of hex texts. ERR_PROTO if one has not 12 bytes. */
enum err uids_report(struct report *report, const char *name, const ProtobufCBinaryData uids[],
                     size_t count);
