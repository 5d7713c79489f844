/* SPDX-License-Identifier: MIT */
/*
 * p11shim: a PKCS#11 module that is SoftHSM with faults, for tests of oem-server/hsm.
 *
 * p11shim.so forwards to the module that P11SHIM_MODULE names, counts calls and fails those it
 * is told to. The test sets and reads struct p11shim, found by dlsym. In another process C_Sign
 * hangs while there is a file of the name in P11SHIM_HANG, and takes P11SHIM_SIGN_MS longer.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#define P11SHIM_DIE 0xFFFFFFFFul /* as rv: the process ends there, as by a power cut */

/* A call that fails: `failures` times, after `passes` good ones. */
struct p11shim_fault {
    unsigned long rv;
    unsigned passes;
    unsigned failures;
};

/* How often a key was asked for a signature: "token/label/class". In memory that the test
 * shares with its children. */
enum { P11SHIM_USES = 32 };
struct p11shim_uses {
    atomic_uint count;
    struct {
        char key[96];
        atomic_uint made;
    } row[P11SHIM_USES];
};

struct p11shim {
    atomic_uint logins, opened, closed, signed_, found, initialized, finalized;
    struct p11shim_fault sign_init, sign, wrap, find, set_attribute, generate;
    struct p11shim_fault derive, get_attribute, destroy, open;
    /* Session objects of all sessions: made, and gone again by C_DestroyObject, or with the
     * session that made them. */
    atomic_uint objects_made, objects_destroyed, objects_lost;
    struct p11shim_uses *uses; /* NULL: not counted by key */
    /* C_GenerateKeyPair makes no key, but has this one: a vector of others. */
    bool gives_pair;
    unsigned char given_scalar[32], given_point[65];
    unsigned long token_flags; /* added to those of every token */
    unsigned other_maker;      /* C_GetInfo does not say that it is SoftHSM */
    unsigned bare_points;      /* CKA_EC_POINT without its OCTET STRING */
    unsigned hold_sign_ms;     /* each C_Sign takes this long */
    atomic_bool hang;          /* no C_Sign comes back as long as this is set */
    atomic_bool hang_destroy;  /* the same for C_DestroyObject */
};
