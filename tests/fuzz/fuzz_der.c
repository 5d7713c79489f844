/* SPDX-License-Identifier: MIT */
/* der: what a board reads of a certificate and of a CertificationRequestInfo. Whatever it finds
 * lies within the input and has its proper length. */
#include "common/core/der.h"
#include "common/core/layout.h"
#include "tests/fuzz/fuzz.h"

static bool within(struct span part, struct span whole)
{
    return part.len == 0 ||
           (part.ptr >= whole.ptr && part.len <= (size_t)(whole.ptr + whole.len - part.ptr));
}

static void certificate(struct span input)
{
    struct span point = { 0 };
    if (der_certificate_key(input, &point) != ERR_OK)
        return;
    FUZZ_CHECK(within(point, input));
    FUZZ_CHECK(point.len == P256_POINT_SIZE && point.ptr[0] == 4);
}

static void request(struct span input)
{
    struct der_cri cri = { 0 };
    if (der_cri(input, &cri) != ERR_OK)
        return;
    FUZZ_CHECK(within(cri.point, input) && within(cri.serial_number, input) &&
               within(cri.challenge_password, input));
    FUZZ_CHECK(cri.point.len == P256_POINT_SIZE && cri.point.ptr[0] == 4);
}

/* Elements in elements, as deep as they go: each is smaller than what it lies in. */
static void descend(struct rd r, unsigned depth)
{
    while (depth != 0 && r.err == ERR_OK && r.rest.len != 0) {
        size_t before = r.rest.len;
        uint8_t tag = der_peek(&r);
        struct span content = der_take(&r, tag);
        FUZZ_CHECK(r.err != ERR_OK || r.rest.len + content.len + 2 <= before);
        if (r.err == ERR_OK && (tag & 0x20) != 0)
            descend(rd_of(content), depth - 1);
    }
}

void fuzz_one(struct span input)
{
    certificate(input);
    request(input);
    descend(rd_of(input), 8);
}

/* The rest of the corpus are certificates and requests made with openssl. */
void fuzz_seeds(fuzz_put *put, void *context)
{
    put(context, "empty-sequence", span_of("\x30\x00", 2));
    put(context, "length-of-two-bytes", span_of("\x30\x82\x00\x02\x05\x00", 6));
    put(context, "indefinite", span_of("\x30\x80\x00\x00", 4));
}
