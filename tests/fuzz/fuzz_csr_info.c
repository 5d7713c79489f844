/* SPDX-License-Identifier: MIT */
/* csr_info and csr_make: the subject that a server sends, the key and the signature that a
 * board gives, as the agent makes a request of them. What it makes has the board's key. */
#include <string.h>

#include "common/core/der.h"
#include "station-agent/api/api.h"
#include "tests/fuzz/fuzz.h"

static const uint8_t base_point[P256_POINT_SIZE] = {
    0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5,
    0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4,
    0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a,
    0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
    0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};

void fuzz_one(struct span input)
{
    struct unit unit = { 0 };
    struct der_cri cri;
    uint8_t signature[P256_SIGNATURE_SIZE] = { 0 };
    AUTO(buf_free) struct buf csr = { 0 };
    struct rd r = rd_of(input);
    struct span point = rd_take(&r, P256_POINT_SIZE), made = rd_take(&r, sizeof(signature));
    if (r.err != ERR_OK)
        return;
    memcpy(unit.auth_public_key, point.ptr, point.len);
    memcpy(signature, made.ptr, made.len);
    if (buf_copy(&unit.subject, r.rest) == ERR_OK && csr_info(&unit) == ERR_OK) {
        if (der_cri(buf_span(&unit.cri), &cri) == ERR_OK)
            FUZZ_CHECK(span_eq(cri.point, point));
        if (csr_make(buf_span(&unit.cri), signature, &csr) == ERR_OK)
            FUZZ_CHECK(csr.len > unit.cri.len);
    }
    unit_fini(&unit);
}

static void seed(fuzz_put *put, void *context, const char *name, struct span subject)
{
    uint8_t signature[P256_SIGNATURE_SIZE] = { [31] = 1, [63] = 1 };
    AUTO(buf_free) struct buf input = { 0 };
    if (buf_append(&input, SPAN(base_point)) == ERR_OK &&
        buf_append(&input, SPAN(signature)) == ERR_OK && buf_append(&input, subject) == ERR_OK)
        put(context, name, buf_span(&input));
}

void fuzz_seeds(fuzz_put *put, void *context)
{
    static const uint8_t serial[] = { 0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03,
                                      0x55, 0x04, 0x05, 0x13, 0x02, 0x61, 0x62 };
    seed(put, context, "serial", SPAN(serial));
    seed(put, context, "serial-cut", span_of(serial, sizeof(serial) - 1));
    seed(put, context, "no-subject", span_of("", 0));
}
