/* SPDX-License-Identifier: MIT */
/* What der accepts is little, and what it refuses is tested: made by hand, part by part. */
#include "tests/unit/check.h"

#include "common/core/der.h"
#include "common/core/wr.h"
#include "common/host/own.h"

#include <string.h>

enum { MAX = 700 };

#define HEAD_EC      "\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01" /* id-ecPublicKey */
#define P256         "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
#define K256         "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x08"
#define HEAD_RSA     "\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x02"
#define SERIAL       "\x06\x03\x55\x04\x05"
#define COMMON_NAME  "\x06\x03\x55\x04\x03"
#define CHALLENGE    "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07"
#define OTHER        "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"
#define TEXT(string) ((struct span){ (const uint8_t *)(string), sizeof(string) - 1 })

/* One element around what is given: short, 81 and 82 forms as DER wants them. */
static struct span wrap(struct wr *w, uint8_t tag, struct span content)
{
    size_t from = w->len;
    wr_u8(w, tag);
    if (content.len >= 0x100) {
        wr_u8(w, 0x82);
        wr_u16be(w, (uint16_t)content.len);
    } else if (content.len >= 0x80) {
        wr_u8(w, 0x81);
        wr_u8(w, (uint8_t)content.len);
    } else {
        wr_u8(w, (uint8_t)content.len);
    }
    wr_span(w, content);
    assert_int_equal(wr_end(w), ERR_OK);
    return span_of(w->ptr + from, w->len - from);
}

/* The parts of a request; a NULL part is the right one. */
struct parts {
    struct span version, subject, algorithm, bits, attributes, tail;
};

static const uint8_t *point(uint8_t first)
{
    static uint8_t bytes[66];
    memset(bytes, 0x11, sizeof(bytes));
    bytes[0] = 0;
    bytes[1] = first;
    return bytes;
}

static struct span or (struct span given, struct span right)
{
    return given.ptr != NULL ? given : right;
}

/* SubjectPublicKeyInfo */
static struct span key_of(struct wr *scratch, const struct parts *p)
{
    uint8_t inside[200];
    struct wr w = wr_of(inside, sizeof(inside));
    wr_span(&w, or (p->algorithm, TEXT(HEAD_EC P256)));
    wrap(&w, DER_BIT_STRING, or (p->bits, span_of(point(4), 66)));
    return wrap(scratch, DER_SEQUENCE, wr_done(&w));
}

static struct span cri_of(const struct parts *p, uint8_t *out)
{
    static const char subject[] = "\x31\x0a\x30\x08" SERIAL "\x13\x01"
                                  "7";
    static const char attribute[] = "\x30\x10" CHALLENGE "\x31\x03\x0c\x01"
                                    "9";
    uint8_t inside[MAX], scratch[MAX];
    struct wr w = wr_of(inside, sizeof(inside)), s = wr_of(scratch, sizeof(scratch));
    struct wr o = wr_of(out, MAX);
    wr_span(&w, or (p->version, TEXT("\x02\x01\x00")));
    wrap(&w, DER_SEQUENCE, or (p->subject, TEXT(subject)));
    wr_span(&w, key_of(&s, p));
    wrap(&w, DER_CONTEXT_0, or (p->attributes, TEXT(attribute)));
    wr_span(&w, p->tail);
    return wrap(&o, DER_SEQUENCE, wr_done(&w));
}

static const struct refusal {
    const char *name;
    const char *version, *subject, *algorithm, *bits, *attributes, *tail;
    size_t len; /* of the one part given */
    enum err want;
} refusals[] = {
#define PART(field, bytes) .field = (bytes), .len = sizeof(bytes) - 1
    { .name = "as it should be", .want = ERR_OK },
    { "version 1", PART(version, "\x02\x01\x01"), .want = ERR_PROTO },
    { "version of two bytes", PART(version, "\x02\x02\x00\x00"), .want = ERR_PROTO },
    { "no version", PART(version, ""), .want = ERR_PROTO },
    { "version is no INTEGER", PART(version, "\x04\x01\x00"), .want = ERR_PROTO },
    { "empty subject", PART(subject, ""), .want = ERR_PROTO },
    { "empty RDN", PART(subject, "\x31\x00"), .want = ERR_PROTO },
    { "no serialNumber",
      PART(subject, "\x31\x0a\x30\x08" COMMON_NAME "\x13\x01"
                    "7"),
      .want = ERR_PROTO },
    { "beside a CN",
      PART(subject, "\x31\x0a\x30\x08" COMMON_NAME "\x0c\x01"
                    "7"
                    "\x31\x0a\x30\x08" SERIAL "\x0c\x01"
                    "7"),
      .want = ERR_OK },
    { "in one RDN with a CN",
      PART(subject, "\x31\x14\x30\x08" COMMON_NAME "\x0c\x01"
                    "7"
                    "\x30\x08" SERIAL "\x0c\x01"
                    "7"),
      .want = ERR_OK },
    { "two serialNumbers",
      PART(subject, "\x31\x0a\x30\x08" SERIAL "\x13\x01"
                    "7"
                    "\x31\x0a\x30\x08" SERIAL "\x13\x01"
                    "8"),
      .want = ERR_PROTO },
    { "serialNumber of no letters", PART(subject, "\x31\x09\x30\x07" SERIAL "\x13\x00"),
      .want = ERR_PROTO },
    { "serialNumber in IA5",
      PART(subject, "\x31\x0a\x30\x08" SERIAL "\x16\x01"
                    "7"),
      .want = ERR_PROTO },
    { "bytes after the serialNumber",
      PART(subject, "\x31\x0b\x30\x09" SERIAL "\x13\x01"
                    "7"
                    "8"),
      .want = ERR_EXCESS },
    { "RDN is no SET",
      PART(subject, "\x30\x0a\x30\x08" SERIAL "\x13\x01"
                    "7"),
      .want = ERR_PROTO },
    { "RDN over the end",
      PART(subject, "\x31\x0b\x30\x08" SERIAL "\x13\x01"
                    "7"),
      .want = ERR_TRUNC },
    { "RDN length in two forms",
      PART(subject, "\x31\x81\x0a\x30\x08" SERIAL "\x13\x01"
                    "7"),
      .want = ERR_PROTO },
    { "RDN length 82 00",
      PART(subject, "\x31\x82\x00\x0a\x30\x08" SERIAL "\x13\x01"
                    "7"),
      .want = ERR_PROTO },
    { "RDN of indefinite length",
      PART(subject, "\x31\x80\x30\x08" SERIAL "\x13\x01"
                    "7\0\0"),
      .want = ERR_PROTO },
    { "RDN length of four bytes",
      PART(subject, "\x31\x84\x00\x00\x00\x0a\x30\x08" SERIAL "\x13\x01"
                    "7"),
      .want = ERR_PROTO },
    { "RSA", PART(algorithm, HEAD_RSA P256), .want = ERR_PROTO },
    { "secp256k1", PART(algorithm, HEAD_EC K256), .want = ERR_PROTO },
    { "no curve", PART(algorithm, "\x30\x09\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"),
      .want = ERR_PROTO },
    { "bytes after the curve",
      PART(algorithm, "\x30\x15\x06\x07\x2a\x86\x48\xce\x3d\x02\x01" P256 "\x05\x00"),
      .want = ERR_EXCESS },
    { "short key", PART(bits, "\x00\x04\x01\x02"), .want = ERR_TRUNC },
    { "empty key", PART(bits, ""), .want = ERR_PROTO },
    { "no attributes", PART(attributes, ""), .want = ERR_PROTO },
    { "another attribute",
      PART(attributes, "\x30\x10" OTHER "\x31\x03\x0c\x01"
                       "9"),
      .want = ERR_PROTO },
    { "two attributes",
      PART(attributes, "\x30\x10" CHALLENGE "\x31\x03\x0c\x01"
                       "9"
                       "\x30\x10" CHALLENGE "\x31\x03\x0c\x01"
                       "9"),
      .want = ERR_EXCESS },
    { "two values",
      PART(attributes, "\x30\x13" CHALLENGE "\x31\x06\x0c\x01"
                       "9\x0c\x01"
                       "9"),
      .want = ERR_EXCESS },
    { "no value", PART(attributes, "\x30\x0d" CHALLENGE "\x31\x00"), .want = ERR_PROTO },
    { "value is no string",
      PART(attributes, "\x30\x10" CHALLENGE "\x31\x03\x04\x01"
                       "9"),
      .want = ERR_PROTO },
    { "printable value",
      PART(attributes, "\x30\x10" CHALLENGE "\x31\x03\x13\x01"
                       "9"),
      .want = ERR_OK },
    { "bytes after the attributes", PART(tail, "\x05\x00"), .want = ERR_EXCESS },
};

static struct span part(const struct refusal *row, const char *text)
{
    return span_of(text, text != NULL ? row->len : 0);
}

static void cri_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        const struct refusal *row = &refusals[i];
        struct parts p = {
            .version = part(row, row->version),
            .subject = part(row, row->subject),
            .algorithm = part(row, row->algorithm),
            .bits = part(row, row->bits),
            .attributes = part(row, row->attributes),
            .tail = part(row, row->tail),
        };
        uint8_t bytes[MAX];
        struct der_cri cri = { 0 };
        enum err got = der_cri(cri_of(&p, bytes), &cri);
        if ((row->want == ERR_OK) != (got == ERR_OK) ||
            (row->want != ERR_OK && got != row->want &&
             !(row->want == ERR_PROTO && got == ERR_TRUNC)))
            fail_msg("%s: code %d, want %d", row->name, (int)got, (int)row->want);
        if (got != ERR_OK)
            continue;
        assert_int_equal(cri.point.len, 65);
        assert_true(span_eq(cri.serial_number, TEXT("7")));
        assert_true(span_eq(cri.challenge_password, TEXT("9")));
    }
}

static void compressed_point(void **state)
{
    (void)state;
    uint8_t bytes[MAX], bits[66];
    struct der_cri cri;
    memcpy(bits, point(2), sizeof(bits));
    struct parts p = { .bits = SPAN(bits) };
    assert_int_equal(der_cri(cri_of(&p, bytes), &cri), ERR_PROTO);
    bits[0] = 1; /* unused bits */
    bits[1] = 4;
    assert_int_equal(der_cri(cri_of(&p, bytes), &cri), ERR_PROTO);
}

/* A certificate with these inner and outer algorithms, and what follows the key. */
static struct span certificate_of(const char *outer, struct span version, struct span tail,
                                  uint8_t *out)
{
    static const char algorithm[] = "\x30\x04\x06\x02\x2a\x03";
    uint8_t tbs[MAX], inside[MAX], scratch[MAX];
    struct wr w = wr_of(tbs, sizeof(tbs)), i = wr_of(inside, sizeof(inside));
    struct wr s = wr_of(scratch, sizeof(scratch)), o = wr_of(out, MAX);
    wr_span(&w, version);
    wr_span(&w, TEXT("\x02\x01\x05"));
    wr_span(&w, TEXT(algorithm));
    wr_span(&w, TEXT("\x30\x00\x30\x00\x30\x00"));
    wr_span(&w, key_of(&s, &(struct parts){ 0 }));
    wr_span(&w, tail);
    wrap(&i, DER_SEQUENCE, wr_done(&w));
    wr_text(&i, outer != NULL ? outer : algorithm);
    wrap(&i, DER_BIT_STRING, TEXT("\x00\x01"));
    return wrap(&o, DER_SEQUENCE, wr_done(&i));
}

#define VERSION_3 TEXT("\xa0\x03\x02\x01\x02")

static void certificates(void **state)
{
    (void)state;
    uint8_t bytes[MAX + 1];
    struct span key = { 0 };
    const struct span none = { 0 };
    assert_int_equal(der_certificate_key(certificate_of(NULL, VERSION_3, none, bytes), &key),
                     ERR_OK);
    assert_int_equal(key.len, 65);
    assert_int_equal(key.ptr[0], 4);
    assert_int_equal(
        der_certificate_key(
            certificate_of(NULL, VERSION_3, TEXT("\x81\x01\x00\x82\x01\x00\xa3\x00"), bytes),
            &key),
        ERR_OK);
    assert_int_equal(
        der_certificate_key(certificate_of("\x30\x04\x06\x02\x2a\x04", VERSION_3, none, bytes),
                            &key),
        ERR_PROTO);
    assert_int_equal(der_certificate_key(certificate_of(NULL, none, none, bytes), &key),
                     ERR_PROTO);
    assert_int_equal(
        der_certificate_key(certificate_of(NULL, VERSION_3, TEXT("\xa3\x00\xa3\x00"), bytes),
                            &key),
        ERR_EXCESS);
    struct span whole = certificate_of(NULL, VERSION_3, none, bytes);
    bytes[whole.len] = 0;
    assert_int_equal(der_certificate_key(span_of(bytes, whole.len + 1), &key), ERR_EXCESS);
    assert_int_equal(der_certificate_key(none, &key), ERR_TRUNC);
}

/* Every truncation is refused; no change of a byte makes it read past the end. */
static void cut_and_changed_everywhere(void **state)
{
    (void)state;
    uint8_t right[MAX];
    struct span cri = cri_of(&(struct parts){ 0 }, right);
    struct der_cri out;
    for (size_t len = 0; len < cri.len; len++) {
        AUTO(buf_free) struct buf cut = { 0 }; /* of its own: a sanitizer sees its end */
        assert_int_equal(buf_copy(&cut, span_of(right, len)), ERR_OK);
        assert_int_not_equal(der_cri(buf_span(&cut), &out), ERR_OK);
    }
    for (size_t at = 0; at < cri.len; at++) {
        AUTO(buf_free) struct buf changed = { 0 };
        assert_int_equal(buf_copy(&changed, cri), ERR_OK);
        for (unsigned value = 0; value < 256; value++) {
            changed.ptr[at] = (uint8_t)value;
            enum err e = der_cri(buf_span(&changed), &out);
            if (e == ERR_OK)
                assert_true(out.point.ptr + out.point.len <= changed.ptr + changed.len);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cri_parts),
        cmocka_unit_test(compressed_point),
        cmocka_unit_test(certificates),
        cmocka_unit_test(cut_and_changed_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
