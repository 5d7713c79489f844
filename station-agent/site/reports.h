/* SPDX-License-Identifier: MIT */
/*
 * reports: outcomes of arrows that do not pass the server, kept until the next call to it.
 *
 * One item an arrow between board and station: outcome, digests of request and response, times.
 * Sent as metadata "reports-bin" or by Runs.Report (proto/hallmark/v1/runs.proto). A struct
 * reports is all zero when empty; the site's thread owns it.
 */
#pragma once

#include "common/core/layout.h"
#include "common/host/log.h"
#include "common/host/own.h"
#include "hallmark/v1/runs.pb-c.h"

enum { REPORTS_MAX = 16 }; /* arrows 4-13 are the longest series without the server */

struct report {
    uint8_t arrow;
    enum err err;
    char words[FAIL_WORDS_MAX]; /* if err is not ERR_OK */
    uint8_t request_sha256[SHA256_SIZE];
    uint8_t response_sha256[SHA256_SIZE]; /* of no bytes, if there was none */
    uint64_t started_us;                  /* since 1970 */
    uint32_t took_us;
    struct buf request; /* arrow 7 only */
};

struct reports {
    struct report items[REPORTS_MAX];
    size_t count;
};

enum err reports_add(struct reports *reports, struct report *report); /* takes its request */
/* Encoded ArrowReports; empty if there are none. It removes them: they are sent once. */
enum err reports_take(struct reports *reports, struct buf *encoded_out);
void reports_fini(struct reports *reports);
