/* SPDX-License-Identifier: MIT */
/* UART0: transmitter, receiver, FIFO (uart_reg.h). What it receives comes over the control
 * socket. */
#include "tests/conformance/programs/board.h"

PROGRAM("UART0", 0);

enum {
    RXOVIF = 1 << 0,
    RXEMPTY = 1 << 14,
    RXFULL = 1 << 15,
    TXEMPTY = 1 << 22,
    TXEMPTYF = 1 << 28,
    RXRST = 1 << 1,
    RDAIEN = 1 << 0,
    RDAIF = 1 << 0,
    RDAINT = 1 << 8,
};
#define BAUD_115200 0x30000066u /* mode 2, 12 MHz / 115200 - 2 */

static void send(void)
{
    check("the transmitter is empty", UART0_FIFOSTS & (TXEMPTY | TXEMPTYF), TXEMPTY | TXEMPTYF);
    check("the receiver is empty", UART0_FIFOSTS & RXEMPTY, RXEMPTY);
    UART0_DAT = 'x';
    told("UART0: byte lost: line, baud rate or function is not set up [UART0_DAT]");
    UART0_LINE = 3;
    UART0_BAUD = BAUD_115200;
    UART0_FUNCSEL = 0;
    check("LINE is kept", UART0_LINE, 3);
    check("BAUD is kept", UART0_BAUD, BAUD_115200);
    check("FUNCSEL is kept", UART0_FUNCSEL, 0);
    UART0_TOUT = 0x40;
    check("TOUT is kept", UART0_TOUT & 0xff, 0x40);
    UART0_TOUT = 0;
    for (const char *c = "conformance\r\n"; *c != '\0'; c++)
        UART0_DAT = (uint8_t)*c;
    check("what was sent leaves", until(&UART0_FIFOSTS, TXEMPTYF, TXEMPTYF), 1);
    check("INTSTS shows nothing received", UART0_INTSTS & RDAIF, 0);
}

static void receive(void)
{
    check("RXEMPTY goes", UART0_FIFOSTS & RXEMPTY, 0);
    check("RXPTR counts", UART0_FIFOSTS >> 8 & 0x3f, 4);
    UART0_INTEN = RDAIEN;
    check("INTSTS tells of data", UART0_INTSTS & (RDAIF | RDAINT), RDAIF | RDAINT);
    NVIC_ISER[1] = 1u << 4; /* IRQ 36 */
    __asm__ volatile("wfi" ::: "memory");
    check("its interrupt ends WFI", UART0_FIFOSTS & RXEMPTY, 0);
    NVIC_ICER[1] = 1u << 4;
    UART0_INTEN = 0;
    check("the first byte", UART0_DAT, 0x48);
    check("the second byte", UART0_DAT, 0x00);
    check("the third byte", UART0_DAT, 0xff);
    check("RXPTR counts down", UART0_FIFOSTS >> 8 & 0x3f, 1);
    check("the fourth byte", UART0_DAT, 0x21);
    check("RXEMPTY is back", UART0_FIFOSTS & RXEMPTY, RXEMPTY);
}

static void overrun(void)
{
    check("16 bytes fill it", UART0_FIFOSTS & RXFULL, RXFULL);
    check("the 17th is an overrun", UART0_FIFOSTS & RXOVIF, RXOVIF);
    UART0_FIFOSTS = RXOVIF;
    check("RXOVIF is cleared by a one", UART0_FIFOSTS & RXOVIF, 0);
    check("the oldest byte is kept", UART0_DAT, 0x00);
    UART0_FIFO = RXRST;
    check("RXRST empties it", UART0_FIFOSTS & RXEMPTY, RXEMPTY);
    check("RXRST clears itself", UART0_FIFO & RXRST, 0);
}

void phase(uint32_t number)
{
    board_clocks();
    if (number == 0) {
        send();
        then_control("uart N 4800ff21");
    } else if (number == 1) {
        receive();
        then_control("uart N 000102030405060708090a0b0c0d0e0f10");
    } else {
        overrun();
    }
}
