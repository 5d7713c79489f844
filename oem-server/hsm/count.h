/* SPDX-License-Identifier: MIT */
/*
 * count: the HSM operations of this thread, by name, kept until hsm_operations_take() takes
 * them. For the folder only; any thread.
 */
#pragma once

#include "oem-server/hsm/token.h"

#define COUNT_LIST(X)                                                                          \
    X(MAKE_P256, "C_GenerateKeyPair P-256")                                                    \
    X(MAKE_ED25519, "C_GenerateKeyPair Ed25519")                                               \
    X(MAKE_AES, "C_GenerateKey AES-256")                                                       \
    X(SIGN_ECDSA, "C_Sign ECDSA")                                                              \
    X(SIGN_EDDSA, "C_Sign EdDSA")                                                              \
    X(SIGN_CMAC, "C_Sign AES-CMAC")                                                            \
    X(DERIVE, "C_DeriveKey ECDH")                                                              \
    X(WRAP, "C_WrapKey AES-KWP")                                                               \
    X(UNWRAP, "C_UnwrapKey AES-KWP")

enum operation {
#define X(name, text) COUNT_##name,
    COUNT_LIST(X)
#undef X
};

/* Counts one operation for this thread and for the process. */
void count_operation(const struct token *t, enum operation operation);

/* From now on this thread's operations are those of a key's trial, and are not counted; or they
 * are counted again. */
void count_trial(bool begins);
