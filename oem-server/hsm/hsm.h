/* SPDX-License-Identifier: MIT */
/*
 * hsm: the keys of the OEM, behind PKCS#11 (v2.40). The only folder that includes pkcs11.h.
 *
 * One struct hsm holds the module and five tokens, found by label (slot numbers move): root,
 * issuing, tls, boot, log. Named keys live on tokens: they are made there, sensitive and not
 * extractable (test_hsm). Per-unit keys are session objects that leave only wrapped (AES-KWP,
 * RFC 5649) under the boot token's key-encryption key, and are kept in the store: a token holds
 * a handful of objects however many units there are. Thread safe: sessions are pooled, borrowed
 * with a time-out, health-checked, and opened and logged in again after
 * CKR_SESSION_HANDLE_INVALID and its kin. A wrong PIN is tried once: then the token is not
 * tried again, because its lock-out counter could stop a production line (test_hsm_pin).
 *
 * Used by ca, image, tlog, net and the services; owned by the program, opened before and closed
 * after them. Errors of all functions, unless told otherwise: ERR_HSM (the module refused, or a
 * token is gone; the log names the call and the CK_RV), ERR_PIN, ERR_BUSY (no session within
 * timeout_ms), ERR_DEADLINE (hsm_wanted() ended the wait), ERR_PRECONDITION (the token is not
 * configured here), ERR_NOT_FOUND (no key of that name; one that this process has found before
 * is ERR_HSM), ERR_MEMORY.
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

/* config is copied. Opens one session on each configured token, so that a missing token or a
 * wrong PIN is found here. ERR_CONFIG, ERR_HSM, ERR_PIN. *hsm_out is the caller's, for
 * hsm_close(). */
enum err hsm_open(const struct hsm_config *config, struct hsm **hsm_out);
void hsm_close(struct hsm *hsm);     /* NULL is fine; waits for nothing: callers are gone */
enum err hsm_check(struct hsm *hsm); /* each configured token answers; notes what does not */

/* Since when (CLOCK_MONOTONIC, ms) a configured token could not be opened; of several, the one
 * that has been lost longest; 0: none is lost. hsm_check() tries to open them. A session that
 * the device refuses is no lost token. Any thread. */
uint64_t hsm_lost_since(struct hsm *hsm);

/* What is wrong with the HSM as far as is known: which token, what failed, since when, what to
 * do. ERR_UNAVAILABLE: signatures are not made; ERR_OK with words: they are, but sessions are
 * refused or calls are slow; ERR_OK and "": all is well. Does not call the module. Any thread
 * (tests/e2e/trouble). */
enum { HSM_WORDS_SIZE = 360 };
enum err hsm_health(struct hsm *hsm, char words[static HSM_WORDS_SIZE]);

/* If a token has been away, or a key has not worked, for some seconds: restarts the module, as
 * some (SoftHSM) find a token that was away only then (test_hsm_restart). It waits until no
 * thread has a session, and gives up after some seconds: then a new process is what helps. Not
 * more often than each 10 s. One thread at a time, and not one that has a key's session. */
enum err hsm_mend(struct hsm *hsm);

/* An operation has failed since hsm_key_try() was last called: it is worth calling. */
bool hsm_suspect(struct hsm *hsm);

/* PKCS#11 has no way to interrupt a call that is unresponsive in the module. Counts the calls
 * of this process that have been in the module for over_ms, and describes the oldest; "" if
 * there is none. Any thread (test_hsm_hang). */
enum { HSM_UNRESPONSIVE_SIZE = 120 };
unsigned hsm_unresponsive(unsigned over_ms, char words[static HSM_UNRESPONSIVE_SIZE]);

/* Sets how long the results of this thread's next calls are wanted: until until_ms
 * (CLOCK_MONOTONIC, 0: no end) and while *over, an enum err, is ERR_OK (NULL: it is). After
 * that, calls of this thread do not wait for a session and start no operation: ERR_DEADLINE, or
 * the error in *over. */
void hsm_wanted(uint64_t until_ms, const atomic_int *over);

/* Named keys: CKA_LABEL and CKA_ID are both the name. */
enum hsm_kind { HSM_P256, HSM_ED25519, HSM_AES256_KEK };

/* Finds the key of that name, or makes it. A new key must sign (or wrap) once before it gets
 * its name; what an interrupted creation left under the same name (SoftHSM writes in place) is
 * removed. ERR_MISMATCH: a key of that name is of another type, or extractable. */
enum err hsm_key_make(struct hsm *hsm, enum hsm_token token, enum hsm_kind kind,
                      const char *name, bool *created_out);

/* Whether the key does its work: a pair signs, and its public half verifies that; the KEK does
 * what a run needs of it. What is found is told by hsm_health(). ERR_NOT_FOUND, ERR_SIG,
 * ERR_HSM. Not counted by hsm_operations_total(). */
enum err hsm_key_try(struct hsm *hsm, enum hsm_token token, enum hsm_kind kind,
                     const char *name);

/* A key of that name was made once: that it is missing is ERR_HSM, and hsm_key_make() does not
 * make another (test_hsm_restart: an_expected_key_is_not_made). Of a token that is not
 * configured, nothing is expected. */
void hsm_key_expect(struct hsm *hsm, enum hsm_token token, const char *name);

#define HSM_UNIT_KEK "unit-kek" /* an HSM_AES256_KEK on the boot token */

/* A P-256 key as EVP_PKEY whose signatures the HSM makes (EC_KEY_METHOD): for X.509 and TLS.
 * The caller's, freed with EVP_PKEY_free before hsm_close. */
enum err hsm_key_evp(struct hsm *hsm, enum hsm_token token, const char *name,
                     EVP_PKEY **key_out);
/* The same for a thread that must not be blocked by the HSM, one at a time: after timeout_ms
 * without a signature the caller gives up, and further signatures fail without a wait until the
 * module returns (test_hsm_hang). */
enum err hsm_key_evp_within(struct hsm *hsm, enum hsm_token token, const char *name,
                            unsigned timeout_ms, EVP_PKEY **key_out);

/* Public keys and signatures of named keys. Output is written on success only. A signature is
 * made again once if its session was lost. ERR_NOT_FOUND: no such key. */
enum err hsm_p256_public(struct hsm *hsm, enum hsm_token token, const char *name,
                         uint8_t point_out[static P256_POINT_SIZE]);
enum err hsm_sign_p256(struct hsm *hsm, enum hsm_token token, const char *name,
                       const uint8_t digest[static SHA256_SIZE],
                       uint8_t signature_out[static P256_SIGNATURE_SIZE]);

/* The same for Ed25519, over a message. */
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
void hsm_unit_key_free(struct hsm_unit_key *key); /* NULL is fine; does not wait */

/* An ephemeral ECDH key: a session object, used by one thread at a time. The caller frees it
 * before hsm_close(): that destroys it on the token, now or, while all sessions are lent, when
 * the next one is returned (test_hsm_destroy). If its session is lost, the key is lost too:
 * hsm_agreement_derive() gives ERR_HSM, and the run starts again. */
struct hsm_agreement;
enum err hsm_agreement_make(struct hsm *hsm, struct hsm_agreement **agreement_out);
enum err hsm_agreement_public(struct hsm_agreement *agreement,
                              uint8_t point_out[static P256_POINT_SIZE]);

/* Derives an AES-256 key by ECDH with peer (ERR_POINT: not on the curve), and gives its CMACs
 * over count messages (AES-CMAC, RFC 4493) and the key wrapped under HSM_UNIT_KEK, all in one
 * session. The key exists only inside the HSM and is destroyed before the call returns, also if
 * it fails (test_hsm_destroy). wrapped_out is written, not appended to: pass an empty buf. */
enum err hsm_agreement_derive(struct hsm_agreement *agreement,
                              const uint8_t peer[static P256_POINT_SIZE],
                              const struct span messages[], uint8_t (*tags_out)[16],
                              size_t count, struct buf *wrapped_out);
/* The CMACs of such a key, by what was wrapped then, over count messages, in one session. The
 * key is unwrapped inside the HSM, not extractable, and destroyed before the call returns
 * (test_hsm_agreement). ERR_HSM: also if it was wrapped by another HSM or is damaged. */
enum err hsm_shared_tags(struct hsm *hsm, struct span wrapped, const struct span messages[],
                         uint8_t (*tags_out)[16], size_t count);
void hsm_agreement_free(struct hsm_agreement *agreement); /* NULL is fine; does not wait */

/* How often each operation ran, by name, for the event log: the calling thread's since the last
 * call. Writes at most max names like "root: C_Sign ECDSA"; returns how many there were. */
size_t hsm_operations_take(const char *names_out[], size_t max);

/* Operations of the whole process since its start, by all threads; trials of keys apart. */
uint64_t hsm_operations_total(void);
