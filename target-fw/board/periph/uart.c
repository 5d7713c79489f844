/* SPDX-License-Identifier: MIT */
/*
 * UART0: bytes to the output file, bytes from the control socket, receive interrupt. Called by
 * the bus and by ctl_cmd.c. A byte must not be sent while baud rate, line and function are not
 * set.
 */

#include "target-fw/board/chip/uart.h"

#include <string.h>
#include <unistd.h>

#include "target-fw/board/chip/chip.h"

enum {
    DAT = 0x00,
    INTEN = 0x04,
    FIFO = 0x08,
    LINE = 0x0c,
    FIFOSTS = 0x18,
    INTSTS = 0x1c,
    TOUT = 0x20,
    BAUD = 0x24,
    FUNCSEL = 0x30,
    FIFO_RXRST = 1 << 1,
    FIFO_TXRST = 1 << 2,
    LINE_WLS = 3,
    STS_RXOVIF = 1 << 0,
    STS_RXEMPTY = 1 << 14,
    STS_RXFULL = 1 << 15,
    STS_TXEMPTY = 1 << 22,
    STS_TXEMPTYF = 1 << 28,
    STS_RXIDLE = 1 << 29,
    INTEN_RDA = 1 << 0,
    INTSTS_RDA = 0x101
};

static void send(struct chip *chip, uint8_t byte)
{
    struct uart *uart = &chip->uart;
    if ((uart->line & LINE_WLS) != LINE_WLS || (uart->baud & 0xffff) == 0 ||
        uart->funcsel != 0) {
        chip_note(chip, "UART0: byte lost: line, baud rate or function is not set up");
        return;
    }
    uart->sent++;
    if (fault_uart_loses(chip))
        return;
    if (uart->fd >= 0 && write(uart->fd, &byte, 1) != 1)
        chip_note(chip, "UART0: output file does not take the byte");
}

static uint8_t receive(struct chip *chip)
{
    struct uart *uart = &chip->uart;
    if (uart->rx_count == 0)
        return 0;
    uint8_t byte = uart->rx[0];
    memmove(uart->rx, uart->rx + 1, --uart->rx_count);
    return byte;
}

size_t uart_feed(struct chip *chip, const uint8_t *bytes, size_t len)
{
    struct uart *uart = &chip->uart;
    size_t fitted = 0;
    bool on = clk_gate_open(chip, GATE_UART0) && (uart->line & LINE_WLS) == LINE_WLS;
    while (on && fitted < len && uart->rx_count < UART_RX_FIFO)
        uart->rx[uart->rx_count++] = bytes[fitted++];
    uart->overrun = uart->overrun || (on && fitted < len);
    return fitted;
}

bool uart_interrupt(struct chip *chip)
{
    return (chip->uart.inten & INTEN_RDA) != 0 && chip->uart.rx_count != 0;
}

static uint32_t uart_read(struct chip *chip, uint32_t offset)
{
    struct uart *uart = &chip->uart;
    switch (offset) {
    case DAT:
        return receive(chip);
    case INTEN:
        return uart->inten;
    case FIFO:
        return uart->fifo;
    case LINE:
        return uart->line;
    case FIFOSTS:
        return STS_TXEMPTY | STS_TXEMPTYF | STS_RXIDLE | (uart->overrun ? STS_RXOVIF : 0U) |
               (uart->rx_count == 0 ? STS_RXEMPTY : 0U) |
               (uart->rx_count == UART_RX_FIFO ? STS_RXFULL : 0U) | (uart->rx_count & 63) << 8;
    case INTSTS:
        return uart->rx_count != 0 ? INTSTS_RDA : 0;
    case TOUT:
        return uart->tout;
    case BAUD:
        return uart->baud;
    case FUNCSEL:
        return uart->funcsel;
    default:
        return 0;
    }
}

static void uart_write(struct chip *chip, uint32_t offset, uint32_t value)
{
    struct uart *uart = &chip->uart;
    switch (offset) {
    case DAT:
        send(chip, (uint8_t)value);
        break;
    case INTEN:
        uart->inten = value;
        break;
    case FIFO:
        uart->fifo = value & ~(uint32_t)(FIFO_RXRST | FIFO_TXRST);
        if (value & FIFO_RXRST)
            uart->rx_count = 0;
        break;
    case LINE:
        uart->line = value;
        break;
    case FIFOSTS:
        uart->overrun = uart->overrun && (value & STS_RXOVIF) == 0;
        break;
    case TOUT:
        uart->tout = value;
        break;
    case BAUD:
        uart->baud = value;
        break;
    case FUNCSEL:
        uart->funcsel = value & 7;
        break;
    default:
        break;
    }
}

static void uart_reset(struct chip *chip)
{
    chip->uart = (struct uart){ .fd = chip->uart.fd, .sent = chip->uart.sent };
}

const struct periph periph_uart = {
    .name = "UART0",
    .base = 0x40070000,
    .size = 0x1000,
    .gate = GATE_UART0,
    .read = uart_read,
    .write = uart_write,
    .reset = uart_reset,
};
