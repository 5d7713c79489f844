/* SPDX-License-Identifier: MIT */
/*
 * dap: the bytes of CMSIS-DAP packets: no I/O, no state.
 *
 * A builder writes one command through wr; a parser reads its reply through rd and refuses what
 * is no answer to that command. A probe's counts are compared with ours and do not size
 * anything
 * (`test_probe_dap`). Commands and fields: ARM CMSIS-DAP 2.1, "Commands and Responses".
 * Used by the files of this folder.
 */
#pragma once

#include "common/core/wr.h"

enum dap_command {
    DAP_INFO = 0x00,
    DAP_HOST_STATUS = 0x01,
    DAP_CONNECT = 0x02,
    DAP_DISCONNECT = 0x03,
    DAP_TRANSFER_CONFIGURE = 0x04,
    DAP_TRANSFER = 0x05,
    DAP_TRANSFER_BLOCK = 0x06,
    DAP_WRITE_ABORT = 0x08,
    DAP_SWJ_PINS = 0x10,
    DAP_SWJ_CLOCK = 0x11,
    DAP_SWJ_SEQUENCE = 0x12,
    DAP_SWD_CONFIGURE = 0x13,
    DAP_EXECUTE = 0x7F,
    DAP_UNKNOWN = 0xFF, /* the whole reply to a command the probe does not know */
};

enum dap_info {
    DAP_INFO_PRODUCT = 0x02,
    DAP_INFO_SERIAL = 0x03,
    DAP_INFO_FIRMWARE = 0x04,
    DAP_INFO_CAPABILITIES = 0xF0,
    DAP_INFO_PACKET_COUNT = 0xFE,
    DAP_INFO_PACKET_SIZE = 0xFF,
};

enum { DAP_CAPABILITY_SWD = 1 << 0, DAP_CAPABILITY_ATOMIC = 1 << 4 };

/* Bits of a transfer's request byte; A[3:2] is the register's address. */
enum {
    DAP_AP = 1 << 0,
    DAP_READ = 1 << 1,
    DAP_ADDRESS = 3 << 2,
    DAP_MATCH = 1 << 4, /* with DAP_READ: repeat until (value & mask) is the operand */
    DAP_MASK = 1 << 5,  /* a write that sets the mask and does not reach the wire */
};

/* Bits of a transfer's response byte. */
enum {
    DAP_ACK = 7,
    DAP_ACK_OK = 1,
    DAP_ACK_WAIT = 2,
    DAP_ACK_FAULT = 4,
    DAP_ACK_NONE = 7,
    DAP_WIRE_ERROR = 1 << 3,
    DAP_MISMATCH = 1 << 4,
};

enum { DAP_PIN_NRESET = 1 << 7, DAP_PORT_SWD = 1, DAP_PINS_WAIT_MAX_US = 3000000 };

/* Bytes of a command and its reply around their words; operands and data are 4 bytes each. */
enum {
    DAP_EXECUTE_HEAD = 2,
    DAP_TRANSFER_HEAD = 3,
    DAP_TRANSFER_REPLY_HEAD = 3,
    DAP_BLOCK_HEAD = 5,
    DAP_BLOCK_REPLY_HEAD = 4,
    DAP_TRANSFER_MAX = 255, /* transfers in one command */
};

/* Commands. Each appends to w, which sticks if the packet is full. */
void dap_info(struct wr *w, enum dap_info id);
void dap_connect(struct wr *w);
void dap_disconnect(struct wr *w);
void dap_host_status(struct wr *w, bool connected);
void dap_transfer_configure(struct wr *w, uint8_t idle, uint16_t wait_retry,
                            uint16_t match_retry);
void dap_write_abort(struct wr *w, uint32_t value);
void dap_pins(struct wr *w, uint8_t value, uint8_t select, uint32_t wait_us);
void dap_clock(struct wr *w, uint32_t hz);
void dap_sequence(struct wr *w, struct span bits); /* whole bytes, at most 32 */
void dap_swd_configure(struct wr *w, uint8_t configuration);
void dap_execute(struct wr *w, uint8_t commands);   /* that many commands follow */
void dap_transfer(struct wr *w, uint8_t transfers); /* that many dap_transfer_one follow */
void dap_transfer_one(struct wr *w, uint8_t request, uint32_t operand);
void dap_block(struct wr *w, uint8_t request, uint16_t words); /* then the data of a write */

bool dap_has_operand(uint8_t request); /* a write, a mask or a match */
bool dap_has_data(uint8_t request);    /* a read whose value comes back */

/*
 * Replies. Quiet: the message is kept for the caller to log. padded: the reply is followed by
 * bytes without meaning, up to the size of a HID report. ERR_PROTO: a reply to another command;
 * ERR_TRUNC, ERR_EXCESS: its length is wrong; ERR_UNIMPLEMENTED: the probe does not know the
 * command; ERR_FAULT: it refused the command.
 */
enum err dap_info_reply(struct span reply, bool padded, struct span *data_out);
enum err dap_status_reply(struct span reply, bool padded, enum dap_command command);
enum err dap_connect_reply(struct span reply, bool padded);
enum err dap_pins_reply(struct span reply, bool padded, uint8_t *pins_out);
enum err dap_end(const struct rd *r, bool padded); /* no more, or only padding */
enum err dap_execute_reply(struct rd *r, uint8_t commands);

/* The head of a Transfer's or TransferBlock's reply; its data follow in r if all went well.
 * Errors of the transfer: ERR_FAULT, ERR_BUSY (WAIT), ERR_MISMATCH (the value did not come);
 * *response_out is its response byte. */
enum err dap_transfer_reply(struct rd *r, uint8_t transfers, uint8_t *response_out);
enum err dap_block_reply(struct rd *r, uint16_t words, uint8_t *response_out);
