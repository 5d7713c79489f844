/* SPDX-License-Identifier: MIT */
/* The boot ROM and the vector map: what starts after a reset, and what does not. */
#include "common/host/own.h"
#include "tests/conformance/boot_image.h"
#include "tests/conformance/wire_inside.h"

enum {
    META_ROTPK = 0x40610,
    VECTOR_PAGE = 0xf0000,
    ISP_BANK_REMAP = 0x2c,
    START_MS = 10000,
    REFUSED_MS = 60
};

static enum err write_words(struct bench *bench, uint32_t address, const uint32_t *words,
                            size_t count)
{
    bool good;
    TRY(wire_isp(bench, ISP_ERASE, address, 0, &good));
    for (uint32_t i = 0; i < count; i++)
        TRY(wire_isp(bench, ISP_PROGRAM, address + 4 * i, words[i], &good));
    return ERR_OK;
}

static enum err burn(struct bench *bench, const struct boot_image *image, uint32_t base)
{
    TRY(wire_prepare(bench));
    TRY(write_words(bench, base, image->words, BOOT_IMAGE_WORDS));
    return write_words(bench, base + BOOT_INFO_AT, image->info, BOOT_INFO_WORDS);
}

/* Reset, let it run: does the image leave its mark? Then halted again. */
static enum err starts(struct bench *bench, enum program_then reset, unsigned wait_ms,
                       bool *started_out)
{
    TRY(wire_poke(bench, WIRE_MARK, 0));
    TRY(bench_reset_free(bench, reset));
    if (reset == THEN_RESET_SYSTEM)
        TRY(core_run(&bench->mem));
    enum err e =
        mem_poll(&bench->mem, &(struct mem_poll){ WIRE_MARK, 0xffffffff, BOOT_MARK, wait_ms });
    *started_out = e == ERR_OK;
    if (e != ERR_OK && e != ERR_DEADLINE)
        return e;
    return core_halt(&bench->mem);
}

static enum err look_start(struct bench *bench, struct rows *rows, enum row_mark mark,
                           const char *name, bool want)
{
    bool started;
    TRY(starts(bench, THEN_RESET_PIN, want ? START_MS : REFUSED_MS, &started));
    row_of(rows, started == want, mark, name, started ? "it starts" : "it does not start");
    return ERR_OK;
}

static enum err burn_key(struct bench *bench, struct rows *rows, uint32_t slot,
                         const char *name)
{
    bool good;
    TRY(wire_prepare(bench));
    TRY(wire_otp(bench, slot, META_ROTPK, slot == 0 ? boot_key_x : boot_key_y, &good));
    row_of(rows, good, ROW_SURE, name, "EIF");
    return ERR_OK;
}

static const struct {
    const char *name;
    enum row_mark mark;
    struct boot_recipe recipe;
} refused[] = {
    { "refused: another marker word", ROW_SURE, { .marker = 0x4c42754f } },
    { "refused: marker words that do not add up", ROW_SURE, { .sum_error = 1 } },
    { "refused: FwInfo beyond APROM", ROW_SURE, { .info_address = 0x100000 } },
    { "refused: FwInfo at an odd word", ROW_SURE, { .info_address = BOOT_INFO_AT + 2 } },
    { "refused: FwInfo in its own region", ROW_U, { .region_size = BOOT_INFO_AT + 0x60 } },
    { "refused: a region without the vectors", ROW_U, { .region_base = 0x40 } },
    { "refused: a region of less than the vectors", ROW_U, { .region_size = 0x10 } },
    { "refused: AuthCFGs without ECDSA", ROW_SURE, { .auth_none = 1 } },
    { "refused: AuthCFGs that bind the PID", ROW_U, { .auth = 5 } },
    { "refused: AuthCFGs that bind the UID", ROW_U, { .auth = 9 } },
    { "refused: two regions", ROW_U, { .table = 16 } },
    { "refused: a signature by another key", ROW_SURE, { .other_key = 1 } },
};

static enum err bad_images(struct bench *bench, struct rows *rows)
{
    struct boot_image image;
    for (size_t i = 0; i < COUNT(refused); i++) {
        TRY(boot_image_make(&refused[i].recipe, &image));
        TRY(burn(bench, &image, 0));
        TRY(look_start(bench, rows, refused[i].mark, refused[i].name, false));
    }
    return ERR_OK;
}

/* A word of a good image, or of its FwInfo, differs. */
static enum err broken_images(struct bench *bench, struct rows *rows)
{
    static const struct {
        const char *name;
        size_t word;
        bool info;
    } all[] = {
        { "refused: another instruction", 17, false },
        { "refused: another hash", 24, true },
        { "refused: another r", 32, true },
        { "refused: another s", 47, true },
        { "refused: another extended word", 21, true },
    };
    const struct boot_recipe good = { 0 };
    struct boot_image image;
    for (size_t i = 0; i < COUNT(all); i++) {
        TRY(boot_image_make(&good, &image));
        *(all[i].info ? &image.info[all[i].word] : &image.words[all[i].word]) ^= 1u << 8;
        TRY(burn(bench, &image, 0));
        TRY(look_start(bench, rows, ROW_SURE, all[i].name, false));
    }
    return ERR_OK;
}

static enum err good_image(struct bench *bench)
{
    const struct boot_recipe good = { 0 };
    struct boot_image image;
    TRY(boot_image_make(&good, &image));
    return burn(bench, &image, 0);
}

enum err wire_boot(struct bench *bench, struct rows *rows)
{
    bool erased;
    TRY(good_image(bench));
    TRY(look_start(bench, rows, ROW_SURE, "without ROTPK flash starts unverified", true));
    TRY(wire_look(bench, rows, ROW_SURE, "BTF: not verified", 0x4002f800, 1, 0));
    TRY(burn_key(bench, rows, 0, "ROTPK's x is burnt"));
    TRY(burn_key(bench, rows, 1, "ROTPK's y is burnt"));
    TRY(look_start(bench, rows, ROW_SURE, "a signed image starts", true));
    TRY(wire_look(bench, rows, ROW_U, "BTF: verified", 0x4002f800, 1, 1));
    TRY(bad_images(bench, rows));
    TRY(broken_images(bench, rows));
    TRY(wire_prepare(bench));
    TRY(wire_isp(bench, ISP_ERASE, 0, 0, &erased));
    TRY(look_start(bench, rows, ROW_SURE, "refused: blank flash", false));
    TRY(wire_poke(bench, WIRE_SRAM, 0x12345678));
    TRY(wire_look(bench, rows, ROW_U, "a refused board takes words to SRAM", WIRE_SRAM,
                  0xffffffff, 0x12345678));
    TRY(good_image(bench));
    return look_start(bench, rows, ROW_SURE, "a signed image starts after all these", true);
}

enum err wire_half(struct bench *bench, struct rows *rows)
{
    TRY(good_image(bench));
    TRY(burn_key(bench, rows, 0, "ROTPK's x is burnt"));
    TRY(look_start(bench, rows, ROW_U, "with one half of ROTPK nothing starts", false));
    TRY(burn_key(bench, rows, 1, "ROTPK's y is burnt"));
    return look_start(bench, rows, ROW_SURE, "with both a signed image does", true);
}

/* Command 2E, and SYSRESETREQ: how NuBL2 goes on to the next image. */
enum err wire_vecmap(struct bench *bench, struct rows *rows)
{
    const struct boot_recipe recipe = { .base = VECTOR_PAGE };
    struct boot_image image;
    bool good, started;
    TRY(boot_image_make(&recipe, &image));
    TRY(wire_prepare(bench));
    TRY(write_words(bench, VECTOR_PAGE, image.words, BOOT_IMAGE_WORDS));
    TRY(wire_isp(bench, ISP_VECMAP, VECTOR_PAGE, 0, &good));
    row_of(rows, good, ROW_SURE, "a vector page is named", "ISPFF");
    TRY(wire_look(bench, rows, ROW_SURE, "ISPSTS.VECMAP shows it", 0x4000c040, 0x00fffe00,
                  VECTOR_PAGE));
    for (int i = 0; i < 2; i++) {
        TRY(starts(bench, THEN_RESET_SYSTEM, START_MS, &started));
        row_of(rows, started, ROW_SURE, "SYSRESETREQ starts from it, each time",
               "it does not start");
        TRY(wire_look(bench, rows, ROW_SURE, "address 0 shows that page", 4, 0xffffffff,
                      VECTOR_PAGE + 0x41));
    }
    TRY(starts(bench, THEN_RESET_PIN, REFUSED_MS, &started));
    row_of(rows, !started, ROW_SURE, "nRESET takes it back", "it starts");
    TRY(wire_prepare(bench));
    return wire_isp(bench, ISP_ERASE, VECTOR_PAGE, 0, &good);
}

enum { LDROM = 0x100000, CONFIG0 = 0x300000, BANK1 = 0x80000 };
#define CBS_LDROM  0xffffff7fu /* bit 7 */
#define MBS_LOADER 0xffffffdfu /* bit 5 */

/* Flash at 0 leaves no mark, LDROM does. */
static enum err two_sources(struct bench *bench)
{
    static const uint32_t idle[] = { 0x20004000, 9, 0xe7fee7fe };
    const struct boot_recipe recipe = { .base = 0 }; /* LDROM is mapped at 0 when it starts */
    struct boot_image image;
    TRY(boot_image_make(&recipe, &image));
    TRY(wire_prepare(bench));
    TRY(write_words(bench, 0, idle, COUNT(idle)));
    return write_words(bench, LDROM, image.words, BOOT_IMAGE_WORDS);
}

static enum err set_config(struct bench *bench, uint32_t value)
{
    bool good;
    TRY(wire_prepare(bench));
    TRY(wire_isp(bench, ISP_ERASE, CONFIG0, 0, &good));
    return wire_isp(bench, ISP_PROGRAM, CONFIG0, value, &good);
}

enum err wire_source(struct bench *bench, struct rows *rows)
{
    bool started;
    TRY(two_sources(bench));
    TRY(look_start(bench, rows, ROW_U, "CBS 1: LDROM does not start", false));
    TRY(wire_look(bench, rows, ROW_SURE, "CBS 1: ISPCTL.BS is clear", 0x4000c000, 2, 0));
    TRY(wire_prepare(bench));
    TRY(mem_change_word(&bench->mem, 0x4000c000, 0, 2)); /* ISPCTL.BS */
    TRY(starts(bench, THEN_RESET_SYSTEM, START_MS, &started));
    row_of(rows, started, ROW_U, "ISPCTL.BS: SYSRESETREQ starts LDROM", "it does not start");
    TRY(look_start(bench, rows, ROW_U, "nRESET starts what CBS says again", false));
    TRY(set_config(bench, CBS_LDROM));
    TRY(look_start(bench, rows, ROW_U, "CBS 0: LDROM starts", true));
    TRY(wire_look(bench, rows, ROW_U, "CBS 0: its first page is mapped at 0", 4, 0xffffffff,
                  0x41));
    TRY(set_config(bench, MBS_LOADER));
    TRY(look_start(bench, rows, ROW_U, "MBS 0: no image starts", false));
    TRY(set_config(bench, 0xffffffff));
    return look_start(bench, rows, ROW_U, "a blank CONFIG: APROM starts again", false);
}

static enum err mark_banks(struct bench *bench)
{
    bool good;
    TRY(wire_prepare(bench));
    for (uint32_t bank = 0; bank < 2; bank++) {
        TRY(wire_isp(bench, ISP_ERASE, bank * BANK1 + VECTOR_PAGE % BANK1, 0, &good));
        TRY(wire_isp(bench, ISP_PROGRAM, bank * BANK1 + VECTOR_PAGE % BANK1, 0xba00 + bank,
                     &good));
    }
    return ERR_OK;
}

/* Command 2C. */
enum err wire_banks(struct bench *bench, struct rows *rows)
{
    const uint32_t low = VECTOR_PAGE % BANK1;
    bool good;
    TRY(mark_banks(bench));
    TRY(wire_isp(bench, ISP_BANK_REMAP, 0x1000, 0, &good));
    row_of(rows, !good, ROW_U, "a remap to where no bank begins is refused", "it was done");
    TRY(wire_isp(bench, ISP_BANK_REMAP, BANK1, 0, &good));
    row_of(rows, good, ROW_SURE, "bank 1 is chosen", "ISPFF");
    TRY(wire_look(bench, rows, ROW_SURE, "ISPSTS.FBS tells of it", 0x4000c040, 1u << 30,
                  1u << 30));
    TRY(wire_look(bench, rows, ROW_SURE, "the low addresses show bank 1", low, 0xffffffff,
                  0xba01));
    TRY(wire_look(bench, rows, ROW_SURE, "the high ones bank 0", low + BANK1, 0xffffffff,
                  0xba00));
    TRY(bench_reset(bench, THEN_RESET_PIN));
    return wire_look(bench, rows, ROW_U, "nRESET takes it back", low, 0xffffffff, 0xba00);
}
