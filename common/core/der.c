/* SPDX-License-Identifier: MIT */
/*
 * der: reads certificates and requests through rd. Called by DevAuth with bytes from the server
 * and the station. It must not accept a second encoding of the same content (test_der).
 */
#include "common/core/der.h"

enum { POINT_SIZE = 65, POINT_UNCOMPRESSED = 4, LONG_FORM = 0x80 };

static const uint8_t oid_ec_public_key[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01 };
static const uint8_t oid_p256[] = { 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const uint8_t oid_serial_number[] = { 0x55, 0x04, 0x05 };
static const uint8_t oid_challenge_password[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                                  0x0d, 0x01, 0x09, 0x07 };

static void refuse(struct rd *r)
{
    if (r->err == ERR_OK)
        r->err = ERR_PROTO;
}

/* X.690, 8.1.3 and 10.1: the shortest form only. */
static size_t length(struct rd *r)
{
    size_t len = rd_u8(r);
    if (len < LONG_FORM)
        return len;
    size_t least = len == (LONG_FORM | 1) ? LONG_FORM : 0x100;
    if (len == (LONG_FORM | 1))
        len = rd_u8(r);
    else if (len == (LONG_FORM | 2))
        len = rd_u16be(r);
    else
        refuse(r);
    if (len < least)
        refuse(r);
    return len;
}

struct span der_take(struct rd *r, uint8_t tag)
{
    if (rd_u8(r) != tag)
        refuse(r);
    size_t len = length(r);
    return rd_take(r, len);
}

struct rd der_enter(struct rd *r, uint8_t tag)
{
    struct span inside = der_take(r, tag);
    return (struct rd){ inside, r->err };
}

uint8_t der_peek(const struct rd *r)
{
    return r->err == ERR_OK && r->rest.len > 0 ? r->rest.ptr[0] : 0;
}

static enum err expect_oid(struct rd *r, struct span oid)
{
    struct span found = der_take(r, DER_OID);
    TRY(r->err);
    return span_eq(found, oid) ? ERR_OK : ERR_PROTO;
}

/* SubjectPublicKeyInfo of RFC 5480, 2.1.1, curve P-256. */
static enum err public_key(struct rd *r, struct span *point_out)
{
    struct rd info = der_enter(r, DER_SEQUENCE);
    struct rd algorithm = der_enter(&info, DER_SEQUENCE);
    TRY(expect_oid(&algorithm, SPAN(oid_ec_public_key)));
    TRY(expect_oid(&algorithm, SPAN(oid_p256)));
    TRY(rd_end(&algorithm));
    struct rd bits = der_enter(&info, DER_BIT_STRING);
    if (rd_u8(&bits) != 0) /* unused bits */
        refuse(&bits);
    struct span point = rd_take(&bits, POINT_SIZE);
    TRY(rd_end(&bits));
    TRY(rd_end(&info));
    if (point.ptr[0] != POINT_UNCOMPRESSED)
        return ERR_PROTO;
    *point_out = point;
    return ERR_OK;
}

/* What may follow the key in a TBSCertificate: [1] and [2] unique ids, [3] extensions. */
static void tbs_tail(struct rd *tbs)
{
    static const uint8_t tags[] = { 0x81, 0x82, 0xa3 };
    for (size_t i = 0; i < sizeof(tags); i++)
        if (der_peek(tbs) == tags[i])
            der_take(tbs, tags[i]);
}

enum err der_certificate_key(struct span certificate, struct span *point_out)
{
    struct rd r = rd_of(certificate);
    struct rd all = der_enter(&r, DER_SEQUENCE);
    struct rd tbs = der_enter(&all, DER_SEQUENCE);
    der_take(&tbs, DER_CONTEXT_0); /* version: a certificate with extensions has one */
    der_take(&tbs, DER_INTEGER);   /* serial number */
    struct span inner = der_take(&tbs, DER_SEQUENCE);
    der_take(&tbs, DER_SEQUENCE); /* issuer */
    der_take(&tbs, DER_SEQUENCE); /* validity */
    der_take(&tbs, DER_SEQUENCE); /* subject */
    struct span point;
    TRY(public_key(&tbs, &point));
    tbs_tail(&tbs);
    TRY(rd_end(&tbs));
    struct span outer = der_take(&all, DER_SEQUENCE);
    der_take(&all, DER_BIT_STRING);
    TRY(rd_end(&all));
    TRY(rd_end(&r));
    if (!span_eq(inner, outer)) /* RFC 5280, 4.1.1.2 */
        return ERR_PROTO;
    *point_out = point;
    return ERR_OK;
}

static struct span text(struct rd *r)
{
    bool utf8 = der_peek(r) == DER_UTF8_STRING;
    return der_take(r, utf8 ? DER_UTF8_STRING : DER_PRINTABLE_STRING);
}

/* One AttributeTypeAndValue; out is set if it is the serial number, which comes once. */
static enum err subject_part(struct rd *set, struct span *out)
{
    struct rd part = der_enter(set, DER_SEQUENCE);
    struct span oid = der_take(&part, DER_OID);
    if (!span_eq(oid, SPAN(oid_serial_number))) {
        der_take(&part, der_peek(&part));
        return rd_end(&part);
    }
    struct span value = text(&part);
    TRY(rd_end(&part));
    if (out->len != 0 || value.len == 0)
        return ERR_PROTO;
    *out = value;
    return ERR_OK;
}

static enum err subject(struct rd *r, struct span *serial_number)
{
    struct rd name = der_enter(r, DER_SEQUENCE);
    TRY(name.err);
    while (name.rest.len > 0) {
        struct rd set = der_enter(&name, DER_SET);
        do {
            TRY(subject_part(&set, serial_number));
        } while (set.rest.len > 0);
    }
    return serial_number->len != 0 ? rd_end(&name) : ERR_PROTO;
}

/* [0] IMPLICIT SET OF Attribute, here exactly one with one value. */
static enum err attributes(struct rd *r, struct span *challenge_password)
{
    struct rd all = der_enter(r, DER_CONTEXT_0);
    struct rd attribute = der_enter(&all, DER_SEQUENCE);
    TRY(expect_oid(&attribute, SPAN(oid_challenge_password)));
    struct rd values = der_enter(&attribute, DER_SET);
    *challenge_password = text(&values);
    TRY(rd_end(&values));
    TRY(rd_end(&attribute));
    return rd_end(&all);
}

enum err der_cri(struct span cri, struct der_cri *out)
{
    static const uint8_t version_1[] = { 0 };
    struct der_cri found = { 0 };
    struct rd r = rd_of(cri);
    struct rd info = der_enter(&r, DER_SEQUENCE);
    struct span version = der_take(&info, DER_INTEGER);
    TRY(info.err);
    if (!span_eq(version, SPAN(version_1)))
        return ERR_PROTO;
    TRY(subject(&info, &found.serial_number));
    TRY(public_key(&info, &found.point));
    TRY(attributes(&info, &found.challenge_password));
    TRY(rd_end(&info));
    TRY(rd_end(&r));
    *out = found;
    return ERR_OK;
}
