/* SPDX-License-Identifier: MIT */
/*
 * validity: from when until when a certificate is valid, in seconds since 1970, and the message
 * that compares it with a clock.
 *
 * A certificate that is not valid now has two possible causes, the certificate and the clock,
 * and a message that names one of them misleads. So each such message has all three times and
 * says whose clock it was (tests/e2e/calendar). Both forms of a time are read, UTCTime to 2049
 * and GeneralizedTime from 2050 to 9999 (test_validity). Used by all programs; any thread.
 */
#pragma once

#include <openssl/x509.h>

#include "common/core/rd.h"

struct validity {
    int64_t not_before, not_after; /* both included */
};

enum { VALIDITY_WORDS_MAX = 160 };

/* ERR_INVALID: a time in it is none; or der is not one certificate. */
enum err validity_of(const X509 *certificate, struct validity *validity_out);
enum err validity_of_der(struct span der, struct validity *validity_out);

bool validity_covers(const struct validity *validity, int64_t at_s);

/* "valid from A until B, but CLOCK says C: check that clock", of a moment outside; "and"
 * within. clock: whose it is, "this computer's clock". out is returned. */
const char *validity_words(const struct validity *validity, const char *clock, int64_t now_s,
                           char out[static VALIDITY_WORDS_MAX]);

/* Does OpenSSL's verdict (X509_V_ERR_...) depend on a clock? */
bool validity_is_cause(long verdict);
