/* SPDX-License-Identifier: MIT */
/*
 * mem: the target's memory, word by word and in bulk, through a MEM-AP.
 *
 * Addresses and lengths are multiples of 4; data are bytes as they lie in the (little-endian)
 * target. TAR is written again at each 1 KiB, the only window in which its increment is
 * guaranteed (ARM IHI 0031, "Auto-increment"). The probe itself waits for a value where it can;
 * else the host reads repeatedly. Failures are logged here with the address, unless quiet is
 * set: then a refusal is an answer, and only its message is kept.
 *
 * An access that fails by wire or probe is repeated from its start, after a new connection, a
 * few times (`test_probe_mem`): that fits memory, and registers that may be written or read
 * twice. Where an access must not be repeated (a command that starts something), set once: then
 * mem_is_unsure() says that it may or may not have happened, and the caller checks the target.
 * ERR_FAULT: the target refuses the address; ERR_UNAVAILABLE: no answer on the wire.
 * Used by core.c, chip/ and link/, on one thread.
 */
#pragma once

#include "station-agent/probe/swd.h"

struct mem {
    struct swd *swd; /* borrowed */
    uint8_t ap;
    bool quiet;
    bool once; /* nothing is done again */
    uint32_t csw;
    unsigned csw_epoch; /* of swd, when csw was written; 0: not known */
    uint32_t idr;       /* of the access port */
};

/* After a failure with once: may the access have happened? */
bool mem_is_unsure(const struct mem *mem, enum err e);

/* Finds the access port. Quiet: a closed debug port answers ERR_FAULT. swd is borrowed. */
enum err mem_init(struct mem *mem, struct swd *swd, uint8_t ap);

/*
 * Whole words; ERR_INVALID: address or length is no multiple of 4. A failure may leave a part
 * written. mem_change_word reads, changes and writes.
 */
enum err mem_write(struct mem *mem, uint32_t address, struct span bytes);
enum err mem_read(struct mem *mem, uint32_t address, void *out, size_t len);
enum err mem_write_word(struct mem *mem, uint32_t address, uint32_t value);
enum err mem_read_word(struct mem *mem, uint32_t address, uint32_t *value_out);
enum err mem_change_word(struct mem *mem, uint32_t address, uint32_t clear, uint32_t set);

/* Words at any addresses: all writes, in this order, then all reads, in as few packets as they
 * need. If the wire fails, all is done again. */
struct mem_word {
    uint32_t address, value;
};
struct mem_want {
    uint32_t address;
    uint32_t *value; /* out */
};
enum err mem_words(struct mem *mem, const struct mem_word *words, size_t count,
                   const struct mem_want *wanted, size_t wanted_count);
enum err mem_write_words(struct mem *mem, const struct mem_word *words, size_t count);
enum err mem_read_words(struct mem *mem, const struct mem_want *wanted, size_t count);

/* Await (word & mask) == value. ERR_DEADLINE is quiet: the caller knows what it waited for. */
struct mem_poll {
    uint32_t address;
    uint32_t mask;
    uint32_t value;
    unsigned timeout_ms;
};
enum err mem_poll(struct mem *mem, const struct mem_poll *poll);

/*
 * Write, wait, read: in one packet and one round trip if all fits and the value comes while the
 * probe waits (`test_probe_mem`). Each part may be empty (len 0; mask 0 matches any value).
 * Errors as mem_poll().
 */
struct mem_exchange {
    const struct mem_word *words; /* written before all else */
    size_t word_count;
    uint32_t write_address;
    struct span write;
    uint32_t more_address; /* a second write, after the first */
    struct span more;
    struct mem_poll poll;
    uint32_t word_address; /* one word is read before the others, unless word is NULL */
    uint32_t *word;
    uint32_t read_address;
    void *read;
    size_t read_len;
};
enum err mem_exchange(struct mem *mem, const struct mem_exchange *exchange);

/*
 * Commands of a block of the target, one after the other in one command of the probe: for each,
 * its words are written, and then (word & mask) == value is awaited. A step is begun only if
 * the one before it ended, since the probe skips the rest of its command after a failure
 * (`test_chip_glitch`). Nothing is done again here: after any error the caller has to look
 * which steps took place. ERR_MISMATCH: the value of a step did not come while the probe
 * waited.
 */
enum { MEM_STEPS_MAX = 16, MEM_STEP_WORDS = 6 };

struct mem_steps {
    struct mem_word words[MEM_STEPS_MAX][MEM_STEP_WORDS];
    size_t word_count; /* of each step; words that lie in a row cost less */
    size_t count;      /* of steps, 1 to mem_steps_max() */
    uint32_t poll_address, poll_mask, poll_value;
};
/* Of how many steps like this; 0: the probe does not wait for values. */
size_t mem_steps_max(const struct mem *mem, const struct mem_word *step, size_t word_count);
enum err mem_run_steps(struct mem *mem, const struct mem_steps *steps);
