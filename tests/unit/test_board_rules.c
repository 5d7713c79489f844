/* SPDX-License-Identifier: MIT */
/*
 * The rules that silicon keeps in silence and virtual-board says: each with the line it leads
 * to, word for word as the man page promises, register and all.
 */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "target-fw/board/swd.h"
#include "tests/unit/test_board_core.h"

enum { STEPS = 12, LINES_MAX = 8192 };

#define FMC  0x4000c000U
#define KS   0x40035000U
#define CRPT 0x40032000U

struct step {
    uint32_t address, value;
};

#define ISP(command, where, data)                                                              \
    { FMC + 0x0c, command }, { FMC + 0x04, where }, { FMC + 0x08, data },                      \
    {                                                                                          \
        FMC + 0x10, 1                                                                          \
    }
#define KS_OPEN                                                                                \
    {                                                                                          \
        KS, 0x101                                                                              \
    }
#define KS_DO(meta, control)                                                                   \
    { KS + 4, meta },                                                                          \
    {                                                                                          \
        KS, control                                                                            \
    }

static const struct rule {
    const char *name;
    const char *line; /* after the time and the board's number */
    struct step steps[STEPS];
} rules[] = {
    { "1: SYS behind the register lock",
      "SYS+0x0e0: write ignored, register lock is closed [SYS_SRAMPC1]",
      { { 0x40000100, 0 }, { 0x400000e0, 1 } } },
    { "1: CLK behind it",
      "CLK+0x10: write ignored, register lock is closed [CLK_CLKSEL0]",
      { { 0x40000100, 0 }, { 0x40000210, 7 } } },
    { "1: FMC behind it",
      "FMC+0x00: write ignored, register lock is closed [FMC_ISPCTL]",
      { { 0x40000100, 0 }, { FMC, 1 } } },
    { "2: FMC without a clock",
      "FMC+0x00c: access without a clock [FMC_ISPCMD]",
      { { 0x40000204, 0x00108000 }, { FMC + 0x0c, 0x21 } } },
    { "2: CRPT without a clock",
      "CRPT+0x008: access without a clock [CRPT_PRNG_CTL]",
      { { 0x40000204, 0x00108000 }, { CRPT + 8, 1 } } },
    { "2: KeyStore without a clock",
      "KS+0x02c: access without a clock [KS_KEY3]",
      { { 0x40000204, 0x00108000 }, { KS + 0x2c, 1 } } },
    { "2: UART0 without a clock",
      "UART0+0x000: access without a clock [UART0_DAT]",
      { { 0x40000208, 0 }, { 0x40070000, 1 } } },
    { "2: TRNG without a clock",
      "TRNG+0x00c: access without a clock [TRNG_ACT]",
      { { 0x4000020c, 0 }, { 0x400b900c, 1 } } },
    { "3: SRAM bank without a clock",
      "SRAM+0x08000: write dropped, the bank has no clock [0x20008000]",
      { { 0x40000204, 0x00108000 }, { 0x20008000, 1 } } },
    { "4: program over bits already clear",
      "FMC: PGFF: program over bits already clear at 0x00004000 [FMC_ISPTRG]",
      { { FMC, 9 }, ISP(0x21, 0x4000, 0), { FMC + 0x10, 0 }, ISP(0x21, 0x4000, 1) } },
    { "5: ISPEN is 0",
      "FMC: ISPFF: command 0x21 at 0x00004000: ISPEN is 0 [FMC_ISPTRG]",
      { { FMC, 8 }, ISP(0x21, 0x4000, 0) } },
    { "5: region not enabled",
      "FMC: ISPFF: command 0x21 at 0x00100000: update of the region is not enabled "
      "[FMC_ISPTRG]",
      { { FMC, 9 }, ISP(0x21, 0x100000, 0) } },
    { "6: KeyStore before INIT",
      "KS: error: memory 0 slot 0: used before INIT [KS_CTL]",
      { KS_DO(0, 1) } },
    { "6: KeyStore while BUSY",
      "KS: error: memory 0 slot 0: started while BUSY [KS_CTL]",
      { KS_OPEN, KS_DO(0, 1) } },
    { "7: another owner's key",
      "ECC: KSERR: memory 2 slot 4: owner differs [CRPT_ECC_CTL]",
      { KS_OPEN,
        { KS + 8, 0 },
        KS_DO(2U << 30 | 4 << 20 | 5 << 16 | 6 << 8, 3),
        { KS + 8, 0 },
        { CRPT + 0xf40, 1 << 5 | 2 << 6 | 4 },
        { CRPT + 0x800, 0x40000101 } } },
    { "7: key for the boot state",
      "ECC: KSERR: memory 2 slot 4: key is for the boot state only [CRPT_ECC_CTL]",
      { KS_OPEN,
        { KS + 8, 0 },
        KS_DO(2U << 30 | 4 << 20 | 4 << 16 | 6 << 8 | 1 << 4, 3),
        { KS + 8, 0 },
        { CRPT + 0xf40, 1 << 5 | 2 << 6 | 4 },
        { CRPT + 0x800, 0x40000101 } } },
    { "8: OTP slot written twice",
      "KS: OTP slot 4 is in use, its content stays [KS_CTL]",
      { KS_OPEN,
        { KS + 8, 0 },
        KS_DO(2U << 30 | 4 << 20 | 4 << 16 | 6 << 8, 3),
        { KS + 8, 0 },
        KS_DO(2U << 30 | 4 << 20 | 4 << 16 | 6 << 8, 3) } },
    { "8: life cycle set back",
      "PLM: 0x475a0001 refused, stored stage is 3 [PLM_CTL]",
      { { 0x4002f700, 0x475a0003 }, { 0x4002f700, 0x475a0001 } } },
    { "10: started while BUSY",
      "PRNG: started while BUSY [CRPT_PRNG_CTL]",
      { { CRPT + 8, 0x1b }, { CRPT + 8, 0x19 } } },
    { "11: an ECC key without a seed of the TRNG",
      "PRNG: KCTLERR: an ECC key needs a TRNG seed and KeyStore SRAM [CRPT_PRNG_CTL]",
      { KS_OPEN,
        { KS + 8, 0 },
        { CRPT + 0xf00, 4 << 24 | 1 << 21 | 1 << 20 },
        { CRPT + 8, 6 << 2 | 0xc1 } } },
    { "a vector table that is not aligned",
      "SCB: VTOR 0x20000200 is not a multiple of 1024 [SCB_VTOR]",
      { { 0xe000ed08, 0x20000200 } } },
    { "DPM without its key",
      "DPM: control write without the key [DPM_NSCTL]",
      { { 0x4002f650, 1 } } },
    { "FVC from a value it has not",
      "FVC: counter 4: 0x00050006 refused [FVC_NVC4]",
      { { 0x4002f520, 0x00050006 } } },
    { "a register without a name",
      "AES+0x1f0: not modelled [CRPT+0x1f0]",
      { { CRPT + 0x1f0, 0 } } },
};

static char lines[LINES_MAX];
static int saved = -1;

/* Standard error goes to a file of its own, until lines_end(). */
static void lines_begin(void)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    fflush(stderr);
    saved = dup(STDERR_FILENO);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    fclose(file);
    log_set_level(LOG_LEVEL_WARN);
}

static void lines_end(void)
{
    fflush(stderr);
    memset(lines, 0, sizeof(lines));
    ssize_t n = pread(STDERR_FILENO, lines, sizeof(lines) - 1, 0);
    dup2(saved, STDERR_FILENO);
    close(saved);
    log_set_level(LOG_LEVEL_NONE);
    assert_true(n >= 0);
}

static int bench_setup(void **state)
{
    (void)state;
    bench_open(&chip);
    return 0;
}

/* KeyStore and flash are waited for between two steps, but where a step is about BUSY. */
static void settle(const struct rule *rule)
{
    if (strstr(rule->line, "while BUSY") != NULL || !clk_gate_open(&chip, GATE_KS) ||
        !clk_gate_open(&chip, GATE_ISP))
        return;
    for (int i = 0; i < 8; i++)
        (void)peek(&chip, KS + 8), (void)peek(&chip, FMC + 0x10);
}

static void each_rule_has_its_line(void **state)
{
    for (size_t i = 0; i < COUNT(rules); i++) {
        const struct rule *rule = &rules[i];
        char want[256];
        teardown(state);
        bench_setup(state);
        lines_begin();
        for (size_t k = 0; k < STEPS && rule->steps[k].address != 0; k++) {
            poke(&chip, rule->steps[k].address, rule->steps[k].value);
            settle(rule);
        }
        lines_end();
        snprintf(want, sizeof(want), "warn board 0: pc ~0x00000000: %s\n", rule->line);
        if (strstr(lines, want) == NULL)
            fail_msg("%s: said: %s", rule->name, lines);
    }
}

static void a_lock_is_said_to_a_debugger(void **state)
{
    (void)state;
    struct swd swd;
    uint32_t value = 0x20000000;
    chip.lock.config = true;
    swd_init(&swd);
    swd.control = 0x50000000;
    lines_begin();
    swd_access(&swd, &chip, SWD_AP | 4, &value);
    swd_access(&swd, &chip, SWD_AP | SWD_READ | 12, &value);
    swd_access(&swd, &chip, SWD_AP | SWD_READ | 12, &value);
    lines_end();
    assert_non_null(strstr(lines, "warn board 0: swd: debug port: access refused: CONFIG0.LOCK "
                                  "[0x20000000]\n"));
}

/* The line names the very instruction, and a fault too. */
static void lines_of_code_name_its_address(void **state)
{
    (void)state;
    LOAD(0x2105, 0x6802, 0x6803, 0x6001, 0x6821, HERE); /* str r1, [r0] at CODE + 6 */
    set_reg(0, 0x400000e0);
    set_reg(4, 0x60000000);
    chip.sys.unlocked = false;
    lines_begin();
    run();
    lines_end();
    assert_non_null(strstr(lines, "warn board 0: pc ~0x20000006: SYS+0x0e0: write ignored, "
                                  "register lock is closed [SYS_SRAMPC1]\n"));
    assert_non_null(strstr(lines, "warn board 0: HardFault: bus error reading 0x60000000, "
                                  "pc 0x20000008 lr "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_rule_has_its_line, bench_setup, teardown),
        cmocka_unit_test_setup_teardown(a_lock_is_said_to_a_debugger, bench_setup, teardown),
        TEST(lines_of_code_name_its_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
