/* SPDX-License-Identifier: MIT */
/*
 * Reads, writes and waits, in as few packets as they need. Called by core.c, chip/ and link/.
 * What failed by wire or probe is done again; what the target refused is not.
 */
#include "station-agent/probe/mem.h"

#include <stdio.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "station-agent/probe/ap.h"
#include "station-agent/probe/when.h"

enum {
    WINDOW = 1024,   /* TAR increments reliably inside one of these only */
    CHUNK = 0x10000, /* bytes per flush: between two, the wire is idle for a round trip */
    SPIN_US = 2000,  /* poll without pause for so long, then with */
    PAUSE_US = 1000,
};

/* The message of the layer below, with the address; logged unless refusals are expected. */
static enum err failed(struct mem *mem, enum err e, const char *what, uint32_t address)
{
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", fail_words());
    mem->csw_epoch = 0;
    return (mem->quiet ? fail_quiet : fail)(e, "mem: %s 0x%08x: %s", what, address, words);
}

static enum err queue_csw(struct mem *mem, uint32_t csw)
{
    if (mem->csw_epoch == mem->swd->epoch && mem->csw == csw)
        return ERR_OK;
    TRY(swd_queue_ap_write(mem->swd, mem->ap, AP_CSW, csw));
    mem->csw = csw;
    mem->csw_epoch = mem->swd->epoch;
    return ERR_OK;
}

static enum err queue_at(struct mem *mem, uint32_t address, uint32_t csw)
{
    TRY(queue_csw(mem, csw));
    return swd_queue_ap_write(mem->swd, mem->ap, AP_TAR, address);
}

/* Words up to the end of address's window, at most len bytes. */
static size_t window_len(uint32_t address, size_t len)
{
    size_t left = WINDOW - address % WINDOW;
    return left < len ? left : len;
}

static enum err queue_write(struct mem *mem, uint32_t address, struct span bytes)
{
    while (bytes.len > 0) {
        size_t n = window_len(address, bytes.len);
        TRY(queue_at(mem, address, CSW_WORD | CSW_INCREMENT));
        TRY(swd_queue_ap_block_write(mem->swd, mem->ap, AP_DRW, bytes.ptr, (uint16_t)(n / 4)));
        address += (uint32_t)n;
        bytes = (struct span){ bytes.ptr + n, bytes.len - n };
    }
    return ERR_OK;
}

static enum err queue_read(struct mem *mem, uint32_t address, uint8_t *out, size_t len)
{
    while (len > 0) {
        size_t n = window_len(address, len);
        TRY(queue_at(mem, address, CSW_WORD | CSW_INCREMENT));
        TRY(swd_queue_ap_block_read(mem->swd, mem->ap, AP_DRW, out, (uint16_t)(n / 4)));
        address += (uint32_t)n;
        out += n;
        len -= n;
    }
    return ERR_OK;
}

static enum err queue_match(struct mem *mem, const struct mem_poll *poll)
{
    TRY(queue_at(mem, poll->address, CSW_WORD));
    return swd_queue_ap_match(mem->swd, mem->ap, AP_DRW, poll->mask, poll->value);
}

static enum err check_range(uint32_t address, size_t len)
{
    if (address % 4 != 0 || len % 4 != 0 || len > UINT32_MAX - address)
        return fail(ERR_INVALID, "mem: 0x%08x, %zu bytes: not whole words", address, len);
    return ERR_OK;
}

/* A line that was lost is opened again before it is used. */
static enum err ready(struct mem *mem)
{
    return mem->swd->lost ? swd_connect(mem->swd) : ERR_OK;
}

bool mem_is_unsure(const struct mem *mem, enum err e)
{
    return swd_is_unsure(mem->swd, e);
}

/* After a try that ended in e: is there another? */
static bool again(struct mem *mem, enum err e, unsigned *tries)
{
    if (e == ERR_OK)
        return false;
    mem->csw_epoch = 0;
    return !mem->once && swd_again(mem->swd, e, (*tries)++);
}

static enum err read_idr(struct mem *mem)
{
    TRY(ready(mem));
    TRY(swd_queue_ap_read(mem->swd, mem->ap, AP_IDR, &mem->idr));
    return swd_flush(mem->swd);
}

enum err mem_init(struct mem *mem, struct swd *swd, uint8_t ap)
{
    unsigned tries = 0;
    enum err e;
    *mem = (struct mem){ .swd = swd, .ap = ap };
    do
        e = read_idr(mem);
    while (again(mem, e, &tries));
    TRY(e);
    if (mem->idr == 0)
        return fail_quiet(ERR_FAULT, "%s: no access port %u", swd->probe->name, ap);
    return ERR_OK;
}

static enum err write_chunk(struct mem *mem, uint32_t address, struct span bytes)
{
    TRY(ready(mem));
    TRY(queue_write(mem, address, bytes));
    return swd_flush(mem->swd);
}

enum err mem_write(struct mem *mem, uint32_t address, struct span bytes)
{
    TRY(check_range(address, bytes.len));
    while (bytes.len > 0) {
        size_t n = bytes.len < CHUNK ? bytes.len : CHUNK;
        unsigned tries = 0;
        enum err e;
        do
            e = write_chunk(mem, address, span_of(bytes.ptr, n));
        while (again(mem, e, &tries));
        if (e != ERR_OK)
            return failed(mem, e, "write at", address);
        address += (uint32_t)n;
        bytes = (struct span){ bytes.ptr + n, bytes.len - n };
    }
    return ERR_OK;
}

static enum err read_chunk(struct mem *mem, uint32_t address, uint8_t *out, size_t len)
{
    TRY(ready(mem));
    TRY(queue_read(mem, address, out, len));
    return swd_flush(mem->swd);
}

enum err mem_read(struct mem *mem, uint32_t address, void *out, size_t len)
{
    TRY(check_range(address, len));
    for (size_t done = 0; done < len;) {
        size_t n = len - done < CHUNK ? len - done : CHUNK;
        uint32_t from = address + (uint32_t)done;
        unsigned tries = 0;
        enum err e;
        do
            e = read_chunk(mem, from, (uint8_t *)out + done, n);
        while (again(mem, e, &tries));
        if (e != ERR_OK)
            return failed(mem, e, "read at", from);
        done += n;
    }
    return ERR_OK;
}

enum err mem_write_word(struct mem *mem, uint32_t address, uint32_t value)
{
    uint8_t bytes[4];
    struct wr w = wr_of(bytes, sizeof(bytes));
    wr_u32le(&w, value);
    return mem_write(mem, address, wr_done(&w));
}

enum err mem_read_word(struct mem *mem, uint32_t address, uint32_t *value_out)
{
    uint8_t bytes[4];
    TRY(mem_read(mem, address, bytes, sizeof(bytes)));
    struct rd r = rd_of(SPAN(bytes));
    *value_out = rd_u32le(&r);
    return ERR_OK;
}

static enum err queue_words(struct mem *mem, const struct mem_word *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        TRY(queue_at(mem, words[i].address, CSW_WORD | CSW_INCREMENT));
        TRY(swd_queue_ap_write(mem->swd, mem->ap, AP_DRW, words[i].value));
    }
    return ERR_OK;
}

static enum err queue_word_read(struct mem *mem, uint32_t address, uint32_t *value_out)
{
    TRY(queue_at(mem, address, CSW_WORD | CSW_INCREMENT));
    return swd_queue_ap_read(mem->swd, mem->ap, AP_DRW, value_out);
}

static enum err run_words(struct mem *mem, const struct mem_word *words, size_t count,
                          const struct mem_want *wanted, size_t wanted_count)
{
    TRY(ready(mem));
    TRY(queue_words(mem, words, count));
    for (size_t i = 0; i < wanted_count; i++)
        TRY(queue_word_read(mem, wanted[i].address, wanted[i].value));
    return swd_flush(mem->swd);
}

enum err mem_words(struct mem *mem, const struct mem_word *words, size_t count,
                   const struct mem_want *wanted, size_t wanted_count)
{
    unsigned tries = 0;
    enum err e;
    do
        e = run_words(mem, words, count, wanted, wanted_count);
    while (again(mem, e, &tries));
    if (e == ERR_OK)
        return ERR_OK;
    return count > 0 ? failed(mem, e, "write at", words[0].address)
                     : failed(mem, e, "read at", wanted[0].address);
}

enum err mem_write_words(struct mem *mem, const struct mem_word *words, size_t count)
{
    return mem_words(mem, words, count, NULL, 0);
}

enum err mem_read_words(struct mem *mem, const struct mem_want *wanted, size_t count)
{
    return mem_words(mem, NULL, 0, wanted, count);
}

enum err mem_change_word(struct mem *mem, uint32_t address, uint32_t clear, uint32_t set)
{
    uint32_t value;
    TRY(mem_read_word(mem, address, &value));
    return mem_write_word(mem, address, (value & ~clear) | set);
}

static enum err queue_writes(struct mem *mem, const struct mem_exchange *x)
{
    TRY(ready(mem));
    TRY(queue_words(mem, x->words, x->word_count));
    TRY(queue_write(mem, x->write_address, x->write));
    return queue_write(mem, x->more_address, x->more);
}

static enum err queue_reads(struct mem *mem, const struct mem_exchange *x)
{
    if (x->word != NULL)
        TRY(queue_word_read(mem, x->word_address, x->word));
    return queue_read(mem, x->read_address, x->read, x->read_len);
}

/* The probe waits: the read that follows a match is only true if the match came. */
static enum err try_match(struct mem *mem, const struct mem_exchange *x)
{
    TRY(queue_match(mem, &x->poll));
    TRY(queue_reads(mem, x));
    enum err e = swd_flush(mem->swd);
    if (e == ERR_MISMATCH)
        mem->csw_epoch = 0; /* the probe stopped in the middle */
    return e;
}

/* The probe cannot wait: one look at the word, and the read on speculation. */
static enum err try_look(struct mem *mem, const struct mem_exchange *x)
{
    uint32_t value = 0;
    TRY(queue_at(mem, x->poll.address, CSW_WORD | CSW_INCREMENT));
    TRY(swd_queue_ap_read(mem->swd, mem->ap, AP_DRW, &value));
    TRY(queue_reads(mem, x));
    TRY(swd_flush(mem->swd));
    return (value & x->poll.mask) == x->poll.value ? ERR_OK : ERR_MISMATCH;
}

static enum err await_and_read(struct mem *mem, const struct mem_exchange *x, uint64_t start)
{
    uint64_t deadline = start + (uint64_t)x->poll.timeout_ms * 1000;
    for (;;) {
        enum err e = mem->swd->can_match ? try_match(mem, x) : try_look(mem, x);
        if (e != ERR_MISMATCH)
            return e;
        uint64_t now = when_us();
        if (now >= deadline)
            return fail_quiet(ERR_DEADLINE, "mem: 0x%08x: the value 0x%x did not come in %u ms",
                              x->poll.address, x->poll.value, x->poll.timeout_ms);
        if (now - start > SPIN_US)
            when_sleep_us(PAUSE_US);
    }
}

static enum err run_exchange(struct mem *mem, const struct mem_exchange *x, uint64_t start)
{
    TRY(queue_writes(mem, x));
    if (x->poll.mask != 0)
        return await_and_read(mem, x, start);
    TRY(queue_reads(mem, x));
    return swd_flush(mem->swd);
}

enum err mem_exchange(struct mem *mem, const struct mem_exchange *x)
{
    TRY(check_range(x->write_address, x->write.len));
    TRY(check_range(x->more_address, x->more.len));
    TRY(check_range(x->read_address, x->read_len));
    TRY(check_range(x->poll.address, 4));
    uint64_t start = when_us();
    unsigned tries = 0;
    enum err e;
    do
        e = run_exchange(mem, x, start);
    while (e != ERR_DEADLINE && again(mem, e, &tries));
    if (e == ERR_OK || e == ERR_DEADLINE)
        return e;
    return failed(mem, e, "exchange at",
                  x->poll.mask != 0 ? x->poll.address : x->write_address);
}

/* TAR moves on by itself to the next word, in its window. */
static bool follows(const struct mem_word *word, const struct mem_word *before)
{
    return word->address == before->address + 4 && word->address % WINDOW != 0;
}

/* Transfers of five bytes: CSW, TAR and the words, another TAR where they do not lie in a row,
 * then CSW, TAR, mask and match. Beside the steps a command holds its head and SELECT. */
size_t mem_steps_max(const struct mem *mem, const struct mem_word *step, size_t word_count)
{
    enum { TRANSFER = 5, REST = DAP_TRANSFER_HEAD + TRANSFER };
    size_t room = mem->swd->packet_size - DAP_EXECUTE_HEAD, transfers = 6 + word_count;
    for (size_t i = 1; i < word_count; i++)
        transfers += !follows(&step[i], &step[i - 1]);
    if (!mem->swd->can_match || room < REST)
        return 0;
    size_t fit = (room - REST) / (TRANSFER * transfers);
    return fit < MEM_STEPS_MAX ? fit : MEM_STEPS_MAX;
}

static enum err queue_step(struct mem *mem, const struct mem_steps *steps, size_t i)
{
    const struct mem_word *words = steps->words[i];
    const struct mem_poll poll = { steps->poll_address, steps->poll_mask, steps->poll_value,
                                   0 };
    for (size_t word = 0; word < steps->word_count; word++) {
        if (word == 0 || !follows(&words[word], &words[word - 1]))
            TRY(queue_at(mem, words[word].address, CSW_WORD | CSW_INCREMENT));
        TRY(swd_queue_ap_write(mem->swd, mem->ap, AP_DRW, words[word].value));
    }
    return queue_match(mem, &poll);
}

static enum err queue_steps(struct mem *mem, const struct mem_steps *steps)
{
    TRY(ready(mem));
    for (size_t i = 0; i < steps->count; i++)
        TRY(queue_step(mem, steps, i));
    return swd_flush(mem->swd);
}

enum err mem_run_steps(struct mem *mem, const struct mem_steps *steps)
{
    size_t most = mem_steps_max(mem, steps->words[0], steps->word_count);
    if (steps->count == 0 || steps->count > most)
        return fail(ERR_INVALID, "mem: %zu steps; at most %zu", steps->count, most);
    enum err e = queue_steps(mem, steps);
    if (e != ERR_OK)
        mem->csw_epoch = 0; /* the probe stopped in the middle */
    return e;
}

enum err mem_poll(struct mem *mem, const struct mem_poll *poll)
{
    return mem_exchange(mem, &(struct mem_exchange){ .poll = *poll });
}
