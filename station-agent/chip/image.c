/* SPDX-License-Identifier: MIT */
/*
 * DevAuth's image to SRAM, and started. Called for arrows 5 and 6 and before a lock without a
 * run. What the image says of itself is not used before it was checked: it comes from the
 * server.
 */
#include <stdio.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/chip/inside.h"

enum {
    VECTOR_TABLE_ALIGN = 1024, /* 132 exceptions */
    XPSR_THUMB = 1 << 24,
};

/* Addresses that an image names: size bytes at address must lie in the SRAM that DevAuth may
 * use (banks 0 and 1: chip_prepare() clocks them), and that this part has. */
static bool in_sram(const struct chip *chip, uint32_t address, uint32_t size)
{
    uint32_t sram =
        chip->part->sram_size < SRAM_DEVAUTH_SIZE ? chip->part->sram_size : SRAM_DEVAUTH_SIZE;
    return address >= SRAM_BASE && size <= sram && address - SRAM_BASE <= sram - size;
}

static bool in_image(const struct devauth_image *h, uint32_t address)
{
    return address >= h->load_address && address - h->load_address < h->image_size;
}

static const char *flaw(const struct chip *chip, const struct devauth_image *h, size_t len)
{
    if (h->magic != DEVAUTH_IMAGE_MAGIC)
        return "no DevAuth image: the magic word differs";
    if (h->image_size != len)
        return "its size is not what its header says";
    if (h->load_address % VECTOR_TABLE_ALIGN != 0 ||
        !in_sram(chip, h->load_address, (uint32_t)len))
        return "its load address is not in SRAM or not aligned to 1 KiB";
    if (h->initial_sp % 8 != 0 || !in_sram(chip, h->initial_sp - 8, 8))
        return "its stack is not in SRAM";
    if ((h->reset_handler & 1) == 0 || !in_image(h, h->reset_handler))
        return "its entry is not Thumb code of its own";
    if (h->mailbox_address % 16 != 0 ||
        !in_sram(chip, h->mailbox_address, sizeof(struct mailbox)))
        return "its mailbox is not in SRAM";
    return NULL;
}

static enum err parse(const struct chip *chip, struct span image, struct devauth_image *out)
{
    struct rd r = rd_of(image);
    struct devauth_image h = { .initial_sp = rd_u32le(&r) };
    h.reset_handler = rd_u32le(&r);
    h.nmi_handler = rd_u32le(&r);
    h.hard_fault_handler = rd_u32le(&r);
    h.magic = rd_u32le(&r);
    h.load_address = rd_u32le(&r);
    h.mailbox_address = rd_u32le(&r);
    h.image_size = rd_u32le(&r);
    if (r.err != ERR_OK)
        return fail(ERR_TRUNC, "chip: image of %zu bytes: shorter than its header", image.len);
    const char *what = flaw(chip, &h, image.len);
    if (what != NULL)
        return fail(ERR_INVALID, "chip: image of %zu bytes: %s", image.len, what);
    *out = h;
    return ERR_OK;
}

static enum err verify(struct mem *mem, uint32_t address, struct span wrote)
{
    AUTO(buf_free) struct buf got = { 0 };
    TRY(buf_resize(&got, wrote.len));
    TRY(mem_read(mem, address, got.ptr, got.len));
    for (size_t i = 0; i < wrote.len; i++)
        if (got.ptr[i] != wrote.ptr[i])
            return fail(ERR_VERIFY,
                        "chip: SRAM 0x%08zx reads 0x%02x, 0x%02x was written: unclocked bank, "
                        "or too fast a clock for the wires",
                        address + i, got.ptr[i], wrote.ptr[i]);
    return ERR_OK;
}

/* The salt lies where the stack will be. */
static enum err write_words(struct chip *chip, const struct devauth_image *h, struct span words)
{
    struct mem *mem = &chip->mem;
    bool proven = false;
    if (in_sram(chip, h->load_address, (uint32_t)words.len + HASH_SALT_SIZE))
        TRY(hash_write(mem, h->load_address, words, &proven));
    else
        TRY(mem_write(mem, h->load_address, words));
    return proven ? ERR_OK : verify(mem, h->load_address, words);
}

static enum err load(struct chip *chip, struct span image, struct devauth_image *header_out)
{
    AUTO(buf_free) struct buf words = { 0 };
    TRY(parse(chip, image, header_out));
    TRY(buf_copy(&words, image));
    TRY(buf_resize(&words, (image.len + 3) & ~(size_t)3));
    TRY(core_halt(&chip->mem));
    return write_words(chip, header_out, buf_span(&words));
}

void chip_image_ahead(struct chip *chip, struct span image)
{
    chip->ahead = (struct ahead){ .image = image };
}

void image_load_ahead(struct chip *chip)
{
    struct ahead *ahead = &chip->ahead;
    if (ahead->image.ptr == NULL || ahead->done)
        return;
    ahead->err = load(chip, ahead->image, &ahead->header);
    ahead->done = true;
    snprintf(ahead->words, sizeof(ahead->words), "%s", fail_words());
}

enum err chip_image_load(struct chip *chip, struct span image, struct devauth_image *header_out)
{
    struct devauth_image h = { 0 };
    struct ahead ahead = chip->ahead;
    chip->ahead = (struct ahead){ 0 };
    if (!ahead.done || !span_eq(ahead.image, image)) {
        TRY(load(chip, image, &h));
        *header_out = h;
        return ERR_OK;
    }
    if (ahead.err != ERR_OK)
        return fail_quiet(ahead.err, "%s", ahead.words);
    *header_out = ahead.header;
    return ERR_OK;
}

/* The magic word of the mailbox goes first: an earlier run's would look like a ready board. */
enum err chip_image_start(struct chip *chip, const struct devauth_image *h)
{
    const struct core_value registers[] = {
        { CORE_XPSR, XPSR_THUMB }, { CORE_CONTROL, 0 },
        { CORE_MSPLIM, 0 },        { CORE_MSP, h->initial_sp },
        { CORE_LR, UINT32_MAX },   { CORE_PC, h->reset_handler & ~1u },
    };
    struct mem *mem = &chip->mem;
    TRY(core_halt(mem));
    TRY(mem_write_word(mem, h->mailbox_address, 0));
    TRY(core_registers_write(mem, registers, COUNT(registers)));
    TRY(core_vector_table(mem, h->load_address));
    return core_run(mem);
}
