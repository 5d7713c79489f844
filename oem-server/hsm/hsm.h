/* SPDX-License-Identifier: MIT */
/*
 * hsm: the keys of the OEM, behind PKCS#11 (v2.40). The only folder that includes pkcs11.h.
 *
 * One struct hsm holds the module and five tokens, found by label (slot numbers move): root,
 * issuing, tls, boot, log. Named keys live on tokens: made there, sensitive, never extractable.
 * Per-unit keys are session objects that leave only wrapped (AES-KWP, RFC 5649) under the boot
 * token's key-encryption key, and are kept in the store: a token holds a handful of objects
 * however many units there are. Thread safe: sessions are pooled, borrowed with a time-out,
 * health-checked, and opened and logged in again after CKR_SESSION_HANDLE_INVALID and its kin.
 * A wrong PIN is tried once: then the token is not tried again (its lock-out counter is
 * somebody's production line).
 *
 * Used by ca, image, tlog, api, engine and net; owned by the program, opened before and closed after
 * them.
 */
#pragma once

#include <openssl/evp.h>
#include <stdatomic.h>

#include "common/core/layout.h"
#include "common/host/own.h"

enum hsm_token { HSM_ROOT, HSM_ISSUING, HSM_TLS, HSM_BOOT, HSM_LOG, HSM_TOKENS };

/* Borrowed for the call only. */
struct uses;
struct hsm_config {
    const char *module; /* path of the PKCS#11 module */
    const char
        *labels[HSM_TOKENS]; /* token labels; NULL: this program does without that token */
    const char *
        pin_files[HSM_TOKENS]; /* first line is the user PIN; mode must not be world-readable */
    unsigned sessions;         /* per token, 1-16 */
    unsigned timeout_ms;       /* to borrow a session */
    struct uses *uses;         /* counts signatures by key; outlives the hsm; or NULL */
};

struct hsm;

enum err hsm_open(const struct hsm_config *config, struct hsm **hsm_out);
void hsm_close(struct hsm *hsm);     /* NULL is fine; waits for nothing: callers are gone */
enum err hsm_check(struct hsm *hsm); /* every configured token answers: for health */

/* CLOCK_MONOTONIC in ms since when a token that is wanted could not be opened, of the one that
 * is so longest; 0: none. hsm_check() tries. A module may never find it again (SoftHSM does not
 * look for files that were away): then only a new process does. */
uint64_t hsm_lost_since(struct hsm *hsm);

/* A call that hangs in the module cannot be interrupted. How many have been there for over_ms,
 * and words on the one that has been there longest; "" if there is none. Of the process. */
enum { HSM_HUNG_WORDS = 120 };
unsigned hsm_hung(unsigned over_ms, char words[static HSM_HUNG_WORDS]);

/* What this thread asks for from now on is wanted until a time of CLOCK_MONOTONIC in ms (0: no
 * end) and while *over, an enum err, is 0 (NULL: it is): then no session is waited for, and
 * nothing begun. */
void hsm_wanted(uint64_t until_ms, const atomic_int *over);

/* Named keys: CKA_LABEL and CKA_ID are both the name. */
enum hsm_kind { HSM_P256, HSM_ED25519, HSM_AES256_KEK };

/* Get or make; a new key is proven by a signature (or a wrap) before it counts; leftovers of a
 * cut creation under the same name (SoftHSM writes in place) are swept. */
enum err hsm_key_make(struct hsm *hsm, enum hsm_token token, enum hsm_kind kind,
                      const char *name, bool *created_out);

#define HSM_UNIT_KEK "unit-kek" /* an HSM_AES256_KEK on the boot token */

/* A P-256 key as EVP_PKEY whose signatures the HSM makes (EC_KEY_METHOD): for X.509 and TLS.
 * The caller's, freed with EVP_PKEY_free before hsm_close. */
enum err hsm_key_evp(struct hsm *hsm, enum hsm_token token, const char *name,
                     EVP_PKEY **key_out);
/* The same for a thread that must not hang, one at a time: a signature that the module has not
 * made after timeout_ms is given up, and the next ones fail at once until it comes back. */
enum err hsm_key_evp_within(struct hsm *hsm, enum hsm_token token, const char *name,
                            unsigned timeout_ms, EVP_PKEY **key_out);

enum err hsm_p256_public(struct hsm *hsm, enum hsm_token token, const char *name,
                         uint8_t point_out[static P256_POINT_SIZE]);
enum err hsm_sign_p256(struct hsm *hsm, enum hsm_token token, const char *name,
                       const uint8_t digest[static SHA256_SIZE],
                       uint8_t signature_out[static P256_SIGNATURE_SIZE]);

enum err hsm_ed25519_public(struct hsm *hsm, enum hsm_token token, const char *name,
                            uint8_t public_out[static 32]);
enum err hsm_sign_ed25519(struct hsm *hsm, enum hsm_token token, const char *name,
                          struct span message, uint8_t signature_out[static 64]);

/* A unit's P-256 signing key on the boot token, kept wrapped under HSM_UNIT_KEK (made by
 * hsm_key_make). Of one run, and used by one thread at a time. The key is a session object from
 * its first use until hsm_unit_key_free(), so that several signatures cost one unwrapping; if
 * its session is lost it is unwrapped again. ERR_HSM, ERR_BUSY, ERR_DEADLINE as for named keys.
 */
struct hsm_unit_key;
enum err hsm_unit_key_make(struct hsm *hsm, struct hsm_unit_key **key_out,
                           uint8_t point_out[static P256_POINT_SIZE]);
/* wrapped is copied, and unwrapped with the first signature: then a key of another HSM, or
 * damaged bytes, are ERR_HSM or ERR_INVALID. */
enum err hsm_unit_key_open(struct hsm *hsm, struct span wrapped, struct hsm_unit_key **key_out);
struct span hsm_unit_key_wrapped(const struct hsm_unit_key *key); /* borrowed, as long as key */
enum err hsm_unit_key_sign(struct hsm_unit_key *key, const uint8_t digest[static SHA256_SIZE],
                           uint8_t signature_out[static P256_SIGNATURE_SIZE]);
void hsm_unit_key_free(struct hsm_unit_key *key); /* NULL is fine; never waits */

/* An ephemeral ECDH key: a session object. Free it before hsm_close. If its session is lost,
 * the key is, and hsm_agreement_derive says so (ERR_HSM): the run starts again. */
struct hsm_agreement;
enum err hsm_agreement_make(struct hsm *hsm, struct hsm_agreement **agreement_out);
enum err hsm_agreement_public(struct hsm_agreement *agreement,
                              uint8_t point_out[static P256_POINT_SIZE]);

/* ECDH with peer (checked to be on the curve), an AES-256 key inside the HSM: its CMACs over
 * count messages (AES-CMAC, RFC 4493) and the key wrapped, all in one session. The key is never
 * in clear and never stays. wrapped_out is written, not appended to: pass an empty buf. */
enum err hsm_agreement_derive(struct hsm_agreement *agreement,
                              const uint8_t peer[static P256_POINT_SIZE],
                              const struct span messages[], uint8_t (*tags_out)[16],
                              size_t count, struct buf *wrapped_out);
void hsm_agreement_free(struct hsm_agreement *agreement); /* NULL is fine; never waits */

/* How often each operation ran, by name, for the event log: the calling thread's since the last
 * call. Writes at most max names like "root: C_Sign ECDSA"; returns how many there were. */
size_t hsm_operations_take(const char *names_out[], size_t max);

/* Operations of the whole process since its start, by all threads. */
uint64_t hsm_operations_total(void);
