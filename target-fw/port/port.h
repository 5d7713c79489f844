/* SPDX-License-Identifier: MIT */
/*
 * port: the chip, as DevAuth sees it.
 *
 * port/m2354 and port/m467 are registers; port/host is OpenSSL and memory, for tests. Numbers
 * (coordinates, scalars, r and s) are 32 bytes, big-endian; points are SEC 1 uncompressed. No
 * secret leaves a port: a key is named by its place in the KeyStore. Each call ends within its
 * waits' limits (`test_devauth_board`). Errors of all calls: ERR_CHIP, a block reports an
 * error; ERR_FAULT, it was not ready in time; ERR_DENIED, the KeyStore refuses the key to the
 * engine (the slot is empty, revoked, or another engine's). One caller, no interrupts, nothing
 * to release. Spans are borrowed for the call.
 */
#pragma once

#include "common/core/layout.h"
#include "common/core/rd.h"

struct port_identity {
    uint8_t uid[UID_SIZE]; /* the three words that FMC command 04h gives, each little-endian */
    uint32_t pdid;
};

enum port_key_memory { PORT_KEY_SRAM, PORT_KEY_OTP };

struct port_key {
    enum port_key_memory memory;
    uint8_t slot;
};

enum port_lock { /* as LockLevel of diagram.proto; 2 is withdrawn */
                 PORT_LOCK_NONE = 0,
                 PORT_LOCK_DEV = 1,
                 PORT_LOCK_PRODUCTION = 3,
};

enum { PORT_CONFIG_WORDS = 4 };

enum err port_start(void); /* clocks and engines; DevAuth calls it once, first */
enum err port_identify(struct port_identity *out);
void port_wait(void);    /* sleep for about PORT_WAIT_MS */
void port_barrier(void); /* earlier writes are visible before later ones */

enum { PORT_WAIT_MS = 1 };

/* On an error the output holds nothing of use. AES: one block, ECB, with a KeyStore key. */
enum err port_random(uint8_t *out, size_t len);
enum err port_sha256(struct span message, uint8_t digest[SHA256_SIZE]);
enum err port_aes256_encrypt(const struct port_key *key, const uint8_t in[16], uint8_t out[16]);

/*
 * A one-way operation needs a permit: ERR_DENIED otherwise. A port checks it twice, the second
 * time by arithmetic on what it writes, so that one skipped instruction does not cause the
 * operation (devauth/proof.h; `test_devauth_glitch`).
 */
#define PORT_PERMIT_OTP(slot)    (0xa5c3691bu + (uint32_t)(slot)*0x1b873593u)
#define PORT_PERMIT_REVOKE(slot) (0x59d2e7b3u + (uint32_t)(slot)*0x7fb5d329u)
#define PORT_PERMIT_LOCK(level)  (0x3c96a5e1u + (uint32_t)(level)*0x2545f491u)

/* KeyStore. Each port's table of slots says which engine may use a slot, and how. */
enum err port_otp_used(uint32_t *slots_out); /* bit n: slot n */
enum err port_otp_write(enum otp_slot slot, const uint8_t value[32], uint32_t permit);
enum err port_otp_revoke(enum otp_slot slot,
                         uint32_t permit);           /* no engine accepts it afterwards */
enum err port_key_erase(const struct port_key *key); /* KeyStore SRAM only */

/* P-256 with the private key in the KeyStore. */
enum err port_public_key(const struct port_key *key, uint8_t point[P256_POINT_SIZE]);
enum err port_sign(const struct port_key *key, const uint8_t digest[SHA256_SIZE],
                   uint8_t signature[P256_SIGNATURE_SIZE]);
enum err port_agreement_key(struct port_key *out); /* fresh, in KeyStore SRAM */
enum err port_agree(const struct port_key *own, const uint8_t peer[P256_POINT_SIZE],
                    struct port_key *secret_out); /* AES key in KeyStore SRAM */

/* Repeat the agreement, and write the secret as an AES key by the CPU. Both calls compute the
 * words and write them by the same code, so the first is a test of the second. */
enum err port_agree_to_sram(const struct port_key *own, const uint8_t peer[P256_POINT_SIZE],
                            struct port_key *secret_out);
enum err port_agree_to_otp(const struct port_key *own, const uint8_t peer[P256_POINT_SIZE],
                           enum otp_slot slot, uint32_t permit);

/* The public key of a scalar in [1, n-1] that is not in the KeyStore yet. */
enum err port_scalar_public_key(const uint8_t scalar[32], uint8_t point[P256_POINT_SIZE]);

/* P-256 with public values. The caller (devauth/p256.c) has checked that numbers are in range.
 */
enum err port_on_curve(const uint8_t point[P256_POINT_SIZE]); /* ERR_POINT if not */
/* x(u1 G + u2 Q) mod n: the signature holds if that is r. The comparison is the caller's. */
enum err port_verify(const uint8_t point[P256_POINT_SIZE], const uint8_t digest[SHA256_SIZE],
                     const uint8_t signature[P256_SIGNATURE_SIZE], uint8_t x[32]);

/* Flash below FLASH_APROM_SIZE. The caller keeps within it. */
struct span port_flash(uint32_t address, size_t len); /* valid until the next erase or write */
enum err port_flash_erase(uint32_t page);             /* FLASH_PAGE_SIZE bytes, to 0xff */
/* address and length are multiples of 8; blank units of 8 bytes are skipped. */
enum err port_flash_program(uint32_t address, struct span bytes); /* was erased */

/*
 * Debug and read-out locks: in force from the next chip reset. No call takes one back.
 *
 * port_lock() sets the bits of a level in the order that target-fw/README.md ("Locks") gives,
 * and reads each one back. It skips bits that are set already, so a call continues what an
 * interrupted one left (`test_devauth_board`). config: the CONFIG words to write, from
 * port_config_lock(). The running program keeps its debugger, flash and KeyStore.
 * ERR_VERIFY: a bit does not read back; ERR_PRECONDITION: this chip has no lock of that level.
 */
enum err port_lock(enum port_lock level, const uint32_t config[PORT_CONFIG_WORDS],
                   uint32_t permit);

/* That the bits amount to, as read back. What the chip does not read back counts only if
 * port_lock() wrote it since DevAuth was started. */
enum err port_lock_level(enum port_lock *level_out);

enum err port_config_read(uint32_t words[PORT_CONFIG_WORDS]);
/* From the words as they are to those that the level asks for: bits are cleared only. */
void port_config_lock(enum port_lock level, uint32_t words[PORT_CONFIG_WORDS]);
