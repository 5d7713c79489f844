/* SPDX-License-Identifier: MIT */
/*
 * store: what a board keeps without power, in one file per board mapped into memory.
 *
 * The file is made whole under another name and renamed, so it exists complete or not at all.
 * Afterwards each change is a store into the shared mapping, in program order. A kill at any
 * instant leaves a state that silicon could be in after a power loss (`test_board_store`):
 * flash words are written one by one; a key slot gets its content first and its used word last,
 * covered by a checksum. What can be burnt only once is written to the disk before the board
 * says that it is done (store_sync; test_board_oneway: what_is_burnt_is_on_the_disk). Without a
 * directory the same image lives in anonymous memory and ends with the process. Used by chip
 * and its blocks; one board owns one store.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/core/err.h"

enum {
    STORE_VERSION = 1,
    STORE_USED = 0x44455355,    /* a used slot; 0 is a free one, all else is corruption */
    STORE_REVOKED = 0x4b564552, /* a revoked slot; 0 is not revoked */
    STORE_OTP_SLOTS = 8,
    STORE_OTP_WORDS = 8,
    STORE_KEY_SLOTS = 32,
    STORE_KEY_WORDS = 128, /* 4096 bit, the largest SIZE code */
    STORE_APROM_BYTES = 0x100000,
    STORE_LDROM_BYTES = 0x4000,
    STORE_DATA_BYTES = 0x2000,
    STORE_PAGE_BYTES = 0x800,
    STORE_FLASH_OTP_BYTES = 0xc00,
    STORE_HEAD_BYTES = 0x10000, /* flash starts here, page aligned */
    STORE_PATH_MAX = 4096
};

/* One KeyStore OTP slot, a burnt bit is 1. Written in this order: words, meta, crc, used. */
struct store_otp {
    uint32_t used;
    uint32_t revoked;
    uint32_t meta;
    uint32_t words[STORE_OTP_WORDS];
    uint32_t crc; /* of meta and words */
};

/* One KeyStore Flash slot; the same order. */
struct store_key {
    uint32_t used;
    uint32_t revoked;
    uint32_t meta;
    uint32_t words[STORE_KEY_WORDS];
    uint32_t crc;
};

/* One side (secure, non-secure) of the debug protection manager. */
struct store_dpm {
    uint32_t flags; /* bit 0 DBGDIS, bit 1 LOCK, bit 2 a password is set */
    uint32_t password[4];
    uint32_t updates; /* of the password, 7 at most */
    uint32_t failures;
    uint32_t crc; /* of the fields above but flags */
};

struct store_head {
    char magic[8];
    uint32_t version;
    uint32_t size;     /* of the whole image */
    uint32_t uid[3];   /* drawn at random when the file is made */
    uint32_t ucid[4];  /* likewise */
    uint32_t head_crc; /* of everything above */
    uint32_t plm_stage;
    uint32_t plm_next; /* stored, shown after a cold reset */
    struct store_dpm dpm[2];
    uint32_t fvc[8];
    uint32_t fvc_mono;
    struct store_otp otp[STORE_OTP_SLOTS];
    struct store_key keys[STORE_KEY_SLOTS];
};

struct store_image {
    union {
        struct store_head head;
        uint8_t head_bytes[STORE_HEAD_BYTES];
    };
    uint8_t aprom[STORE_APROM_BYTES];
    uint8_t ldrom[STORE_LDROM_BYTES];
    uint8_t data[STORE_DATA_BYTES];
    uint8_t nscba[STORE_PAGE_BYTES];
    uint8_t config[STORE_PAGE_BYTES];
    uint8_t scrlock[STORE_PAGE_BYTES];
    uint8_t flash_otp[STORE_FLASH_OTP_BYTES];
    uint8_t pad[0xc00]; /* to whole pages */
};

_Static_assert(sizeof(struct store_head) <= STORE_HEAD_BYTES, "head fits");
_Static_assert(sizeof(struct store_image) % 4096 == 0, "image is whole pages");

struct store {
    struct store_image *image;
    int fd; /* -1: anonymous */
};

/*
 * Opens or makes DIR/board-NN.state; path NULL: anonymous. Locks the file for this process.
 * ERR_BUSY: another process has it; ERR_CONFIG: it is no state file of this version;
 * ERR_DATA_LOSS: it is damaged. Such a file is not changed.
 */
enum err store_open(struct store *out, const char *path);
void store_close(struct store *store);
uint32_t store_crc(const void *ptr, size_t len);

/* Writes to the disk: the head (keys, life cycle, protection), or len bytes at `from`. When it
 * returns, a power loss of the host leaves them so. An anonymous store has nothing to write. */
void store_sync(const struct store *store, const void *from, size_t len);
void store_sync_head(const struct store *store);

/* Writes content, then crc, then the used word: a kill between two of these leaves a free slot
 * (`test_board_store`). */
void store_otp_burn(struct store_otp *slot, uint32_t meta, const uint32_t *words);

/* A burn that loses its power: the first count words, and if `used` the metadata too. Bits only
 * go from 0 to 1, so what a torn or interrupted write left is still there after the next one
 * (`test_board_oneway`). */
void store_otp_tear(struct store_otp *slot, uint32_t meta, const uint32_t *words, size_t count,
                    bool used);

/* A KeyStore Flash slot, in the order of store_otp_burn(). */
void store_key_write(struct store_key *slot, uint32_t meta, const uint32_t *words,
                     size_t count);

/* What the crc fields must be. */
uint32_t store_otp_crc(const struct store_otp *slot);
uint32_t store_key_crc(const struct store_key *slot);
void store_dpm_seal(struct store_dpm *dpm); /* after a change of its password or counters */
