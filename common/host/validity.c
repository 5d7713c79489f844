/* SPDX-License-Identifier: MIT */
/*
 * validity: reads the times of certificates, and words the failures that depend on a clock.
 * Called where certificates are made and verified. It must never name a certificate as the
 * cause without the clock that it was compared with.
 */
#include "common/host/validity.h"

#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <time.h>

#include "common/host/clock.h"
#include "common/host/log.h"

static enum err seconds_of(const ASN1_TIME *time, int64_t *seconds_out)
{
    struct tm tm;
    if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1)
        return fail_quiet(ERR_INVALID, "certificate: a time in it is none");
    *seconds_out = (int64_t)timegm(&tm);
    return ERR_OK;
}

enum err validity_of(const X509 *certificate, struct validity *validity_out)
{
    struct validity validity;
    TRY(seconds_of(X509_get0_notBefore(certificate), &validity.not_before));
    TRY(seconds_of(X509_get0_notAfter(certificate), &validity.not_after));
    *validity_out = validity;
    return ERR_OK;
}

enum err validity_of_der(struct span der, struct validity *validity_out)
{
    const uint8_t *p = der.ptr;
    X509 *certificate = der.len == 0 ? NULL : d2i_X509(NULL, &p, (long)der.len);
    if (certificate == NULL || p != der.ptr + der.len) {
        X509_free(certificate);
        return fail_quiet(ERR_INVALID, "certificate: not one in DER");
    }
    enum err e = validity_of(certificate, validity_out);
    X509_free(certificate);
    return e;
}

bool validity_covers(const struct validity *validity, int64_t at_s)
{
    return validity->not_before <= at_s && at_s <= validity->not_after;
}

const char *validity_words(const struct validity *validity, const char *clock, int64_t now_s,
                           char out[static VALIDITY_WORDS_MAX])
{
    char from[CLOCK_TEXT_SIZE], until[CLOCK_TEXT_SIZE], now[CLOCK_TEXT_SIZE];
    bool covers = validity_covers(validity, now_s);
    snprintf(out, VALIDITY_WORDS_MAX, "valid from %s until %s, %s %s says %s%s",
             clock_text(validity->not_before, from), clock_text(validity->not_after, until),
             covers ? "and" : "but", clock, clock_text(now_s, now),
             covers ? "" : ": check that clock");
    return out;
}

bool validity_is_cause(long verdict)
{
    return verdict == X509_V_ERR_CERT_NOT_YET_VALID || verdict == X509_V_ERR_CERT_HAS_EXPIRED;
}
