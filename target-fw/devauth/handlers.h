/* SPDX-License-Identifier: MIT */
/*
 * handlers: the functions behind the calls, in the order of the arrows.
 *
 * A handler finds its request in d->in and leaves its response in d->out, which is all zero
 * when it starts. It runs only when its arrow is the next one (commands.c), once: a repeated
 * request is answered from what was kept (`test_devauth_run`). So it need not check what was
 * done before in this run, but it must handle what an earlier run left on the chip. An error
 * that it returns is the answer's code, and the arrow is not done.
 */
#pragma once

#include "target-fw/devauth/devauth.h"
#include "target-fw/devauth/proof.h"

/* hello.c */
enum err hello_request(struct devauth *d);  /* 7 */
enum err hello_response(struct devauth *d); /* 7 */

/* authkey.c */
extern const struct port_key authkey;         /* where AUTHKEY is, once it is made */
enum err authkey_generate(struct devauth *d); /* 8 */
enum err authkey_derive(struct devauth *d);   /* 9 */
/* From the slot. ERR_SPOILT: the slot gives another key than its record, or none;
 * ERR_PRECONDITION: there is no AUTHKEY yet. */
enum err authkey_public(uint8_t point[P256_POINT_SIZE]);
enum err authkey_sign(const uint8_t public_key[P256_POINT_SIZE], const struct wr *statement,
                      uint8_t signature[P256_SIGNATURE_SIZE]);

/* request.c */
enum err request_put(struct devauth *d);       /* 10 */
enum err request_sign(struct devauth *d);      /* 11 */
enum err request_signature(struct devauth *d); /* 12 */

/* device.c */
enum err device_certificate_program(struct devauth *d); /* 16 */

/* rotpk.c */
enum err rotpk_burn(struct devauth *d); /* 20 */
/* Both halves are in use, and recorded as this pair. */
enum err rotpk_verify(const uint8_t rotpk[ROTPK_SIZE], struct proof *proof);
#define PROOF_ROTPK(word) PROOF_EQUAL(PROOF_EQUAL(word, 4), 32)
uint32_t rotpk_slots(uint32_t otp_used); /* bit 0: X, bit 1: Y */

/* firmware.c */
enum err firmware_burn(struct devauth *d); /* 24 */
/* The image in flash has this digest, and its FwInfo is signed by the point. */
enum err firmware_verify(const uint8_t rotpk[P256_POINT_SIZE],
                         const uint8_t sha256[SHA256_SIZE], struct proof *proof);
#define PROOF_FWINFO(word)   PROOF_SIGNATURE(PROOF_EQUAL(word, 32))
#define PROOF_FIRMWARE(word) PROOF_EQUAL(PROOF_FWINFO(word), 32)

/* lock.c */
enum err lock_enable(struct devauth *d); /* 25 */
enum err closing_lock(struct devauth *d);
/* The port's, and begun once the record of the CONFIG words is there. */
enum err lock_read(struct port_lock_state *out);

/* agreement.c */
enum err agreement_generate(struct devauth *d);   /* 26 */
enum err agreement_derive(struct devauth *d);     /* 27 */
enum err agreement_put_server(struct devauth *d); /* 30 */
enum err agreement_target(struct devauth *d);     /* 31 */
enum err agreement_share(struct devauth *d);      /* 32 */
enum err agreement_tag(const struct run *r, enum sign_confirm whose,
                       uint8_t tag[CONFIRMATION_TAG_SIZE]);

/* closing.c */
enum err closing_sign_receipt(struct devauth *d);
enum err closing_commit(struct devauth *d);
