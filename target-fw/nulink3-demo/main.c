/* SPDX-License-Identifier: MIT */
/*
 * nulink3-demo: a small application to sign and burn when there is no real one. It reports over
 * UART0 (PA6, PA7; 115200 8N1) that it runs, and on which chip; then it idles. It must not
 * write flash or use the SWD pins, so that the boot test and the lock find the board unchanged.
 */
#include "target-fw/port/m2354/reg.h"
#include "target-fw/port/nuvoton/sys.h"
#include "target-fw/port/port.h"

enum {
    AHB_ISP = 1 << 2,
    APB0_UART0 = 1 << 16,
    UART0SEL_HIRC = 3 << 16,
    UART0SEL_MASK = 7 << 16,
    UART0DIV_MASK = 0xf << 8,
    LINE_8N1 = 3,
    FIFO_RESET = 3 << 1,
    FIFOSTS_TXFULL = 1 << 23,
    FIFOSTS_TXEMPTYF = 1 << 28,
    BAUD = 115200,
};

#define PA6_PA7_MASK  0xff000000u
#define PA6_PA7_UART0 0x77000000u
#define BAUD_MODE_2   0x30000000u

static enum err uart_open(void)
{
    TRY(sys_open());
    enum err e = sys_hirc();
    reg_set(CLK_AHBCLK, AHB_ISP);
    reg_set(CLK_APBCLK0, APB0_UART0);
    reg_field(CLK_CLKSEL2, UART0SEL_MASK, UART0SEL_HIRC);
    reg_field(CLK_CLKDIV0, UART0DIV_MASK, 0);
    reg_field(SYS_GPA_MFPL, PA6_PA7_MASK, PA6_PA7_UART0);
    sys_close();
    REG(UART0_FUNCSEL) = 0;
    REG(UART0_FIFO) = FIFO_RESET;
    REG(UART0_LINE) = LINE_8N1;
    REG(UART0_BAUD) = BAUD_MODE_2 | ((HIRC_HZ + BAUD / 2) / BAUD - 2);
    return e;
}

static void put(char c)
{
    if (reg_wait(WAIT_UART, UART0_FIFOSTS, FIFOSTS_TXFULL, 0) == ERR_OK)
        REG(UART0_DAT) = (uint8_t)c;
}

static void put_text(const char *text)
{
    for (; *text != 0; text++)
        put(*text);
}

static void put_hex(const uint8_t *bytes, size_t len)
{
    static const char digits[16] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        put(digits[bytes[i] >> 4]);
        put(digits[bytes[i] & 15]);
    }
}

static enum err announce(void)
{
    struct port_identity identity;
    TRY(uart_open());
    TRY(port_identify(&identity));
    put_text("NuLink3 demo " HALLMARK_VERSION ": running, UID ");
    put_hex(identity.uid, sizeof(identity.uid));
    put_text("\r\n");
    return reg_wait(WAIT_UART, UART0_FIFOSTS, FIFOSTS_TXEMPTYF, FIFOSTS_TXEMPTYF);
}

int main(void)
{
    enum err e = announce();
    for (;;)
        __asm__ volatile("wfi" ::"r"(e));
}
