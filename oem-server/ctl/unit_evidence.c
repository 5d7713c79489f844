/* SPDX-License-Identifier: MIT */
/* What the checks of unit_check.c and unit_closing.c ask of the evidence: digests. */
#include "oem-server/ctl/unit_evidence.h"

#include "common/host/p256.h"

bool evidence_is_digest_of(const ProtobufCBinaryData *digest, const ProtobufCBinaryData *bytes)
{
    uint8_t computed[SHA256_SIZE];
    sha256_of(span_in(bytes), computed);
    return span_eq(span_in(digest), SPAN(computed));
}

struct span evidence_firmware(const struct evidence *e)
{
    const ProtobufCBinaryData *info = &e->unit->firmware_information;
    return info->len == FWINFO_SIZE ? span_of(info->data + FWINFO_DIGEST, SHA256_SIZE)
                                    : span_of(NULL, 0);
}
