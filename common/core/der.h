/* SPDX-License-Identifier: MIT */
/*
 * der: the part of DER (ITU-T X.690) that a board needs to read a certificate and a
 * CertificationRequestInfo.
 *
 * Everything is read through a bounded rd. Lengths must be definite, minimal and at most two
 * bytes long; anything unexpected is refused (test_der). Results borrow from the input. Nothing
 * here verifies a signature. Used by DevAuth; freestanding; no state.
 */
#pragma once

#include "common/core/rd.h"

enum {
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_UTF8_STRING = 0x0c,
    DER_PRINTABLE_STRING = 0x13,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT_0 = 0xa0,
};

/* Content of the next element, which must have this tag; else r fails with ERR_PROTO. */
struct span der_take(struct rd *r, uint8_t tag);
struct rd der_enter(struct rd *r, uint8_t tag); /* the same, to read inside it */
uint8_t der_peek(const struct rd *r);           /* next tag; 0 at the end or after a failure */

/* RFC 5280: the certificate's public key, which must be P-256 (RFC 5480): 04 X Y, 65 bytes. */
enum err der_certificate_key(struct span certificate, struct span *point_out);

/* RFC 2986, 4.1. The strings are PrintableString or UTF8String, each there exactly once. */
struct der_cri {
    struct span serial_number;      /* of the subject, 2.5.4.5 */
    struct span point;              /* P-256 public key, 65 bytes */
    struct span challenge_password; /* attribute 1.2.840.113549.1.9.7 (RFC 2985, 5.4.1) */
};

/* Any other attribute of the request is refused; other parts of the subject are ignored. */
enum err der_cri(struct span cri, struct der_cri *out);
