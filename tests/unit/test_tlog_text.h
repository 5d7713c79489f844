/* SPDX-License-Identifier: MIT */
/* Texts that the tests of notes and receipts share. */
#pragma once

#include <string.h>

#include "common/host/log.h"
#include "oem-server/tlog/text.h"
#include "tests/unit/check.h"

#define DASH  "\xE2\x80\x94 "
#define OTHER DASH "other.example AAAAAAAA\n" /* an unknown key's: 2 bytes of signature */
#define ROOT  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static inline struct span text_of(const char *text)
{
    return span_of(text, strlen(text));
}

static inline int quiet(void **state)
{
    (void)state;
    log_set_level((enum log_level)0);
    return 0;
}
