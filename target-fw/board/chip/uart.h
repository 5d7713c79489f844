/* SPDX-License-Identifier: MIT */
/*
 * uart: UART0. What it sends is appended to DIR/board-NN.uart, without a buffer; what it
 * receives comes from the control socket. A byte goes out only if the line is set up, and takes
 * no time (`test_board_cpu`).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UART_RX_FIFO = 16, UART_IRQ = 36 };

struct uart {
    uint32_t inten, fifo, line, tout, baud, funcsel;
    uint8_t rx[UART_RX_FIFO];
    unsigned rx_count;
    bool overrun;
    uint64_t sent; /* bytes since the process started */
    int fd;        /* of the output file, -1: none */
};

struct chip;
size_t uart_feed(struct chip *chip, const uint8_t *bytes, size_t len); /* how many fitted */
bool uart_interrupt(struct chip *chip);                                /* the line is high */
