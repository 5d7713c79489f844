/* SPDX-License-Identifier: MIT */
/*
 * softhsm_file: parses SoftHSM's files. Called by softhsm.c. It must not take a file for whole
 * whose last attribute is cut short.
 */
#include "oem-server/hsm/softhsm_file.h"

#include <p11-kit/pkcs11.h>

enum { GENERATION_SIZE = 8, NUMBER_SIZE = 8, LABEL_SIZE = 32 };

/* How a value is written. */
enum kind { KIND_FLAG = 1, KIND_NUMBER, KIND_BYTES, KIND_MAP, KIND_MECHANISMS };

/* The attributes of token.object. */
enum part { LABEL = 1, SERIAL, FLAGS, SO_PIN, USER_PIN, PARTS };
static const uint64_t part_base = CKA_VENDOR_DEFINED + 0x5348;

static struct span take_counted(struct rd *r, size_t unit)
{
    uint64_t count = rd_u64be(r);
    if (count > r->rest.len / unit) {
        r->err = ERR_TRUNC;
        return span_of(NULL, 0);
    }
    return rd_take(r, (size_t)count * unit);
}

static struct span take_value(struct rd *r, uint64_t kind)
{
    switch (kind) {
    case KIND_FLAG:
        return rd_take(r, 1);
    case KIND_NUMBER:
        return rd_take(r, NUMBER_SIZE);
    case KIND_BYTES:
    case KIND_MAP:
        return take_counted(r, 1);
    case KIND_MECHANISMS:
        return take_counted(r, NUMBER_SIZE);
    default:
        r->err = ERR_PROTO;
        return span_of(NULL, 0);
    }
}

static bool is_whole_token(const struct span parts[static PARTS])
{
    for (int part = LABEL; part < PARTS; part++)
        if (parts[part].len == 0)
            return false;
    return parts[LABEL].len == LABEL_SIZE;
}

bool softhsm_file_parse(struct span bytes, struct softhsm_file *file_out)
{
    struct span parts[PARTS] = { 0 };
    struct softhsm_file file = { 0 };
    struct rd r = rd_of(bytes);
    bool any = false;
    (void)rd_u64be(&r); /* its generation */
    while (r.err == ERR_OK && r.rest.len > 0) {
        uint64_t type = rd_u64be(&r);
        struct span value = take_value(&r, rd_u64be(&r));
        any = true;
        file.is_object = file.is_object || type == CKA_CLASS;
        if (type > part_base && type < part_base + PARTS)
            parts[type - part_base] = value;
    }
    if (rd_end(&r) != ERR_OK || !any)
        return false;
    file.is_token = is_whole_token(parts);
    file.label = parts[LABEL];
    *file_out = file;
    return true;
}

bool softhsm_file_same(struct span a, struct span b)
{
    if (a.len != b.len || a.len < GENERATION_SIZE)
        return false;
    return span_eq(span_of(a.ptr + GENERATION_SIZE, a.len - GENERATION_SIZE),
                   span_of(b.ptr + GENERATION_SIZE, b.len - GENERATION_SIZE));
}
