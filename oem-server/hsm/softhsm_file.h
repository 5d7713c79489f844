/* SPDX-License-Identifier: MIT */
/*
 * softhsm_file: the files in which SoftHSM 2 keeps tokens and objects, as far as is needed to
 * tell a whole one from what an interrupted write leaves. For the folder only.
 *
 * A file is a generation, then attributes: type, kind and value, numbers as 8 bytes,
 * big-endian. SoftHSM writes it in place: it truncates the file and writes it again.
 */
#pragma once

#include "common/core/rd.h"

struct softhsm_file {
    struct span label; /* of a token: 32 bytes; borrowed */
    bool is_token;     /* label, serial number, flags and both PINs are there */
    bool is_object;    /* it has a class */
};

/* false: the file does not end where its structure ends, or it holds no attribute. */
bool softhsm_file_parse(struct span bytes, struct softhsm_file *file_out);

/* The same but for the generation, which SoftHSM counts up at each write. */
bool softhsm_file_same(struct span a, struct span b);
