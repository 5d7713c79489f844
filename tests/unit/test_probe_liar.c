/* SPDX-License-Identifier: MIT */
/* The probe that lies. Its clock is simulated, so that no time is waited for. */
#include "tests/unit/test_probe_liar.h"

#include <string.h>

#include "common/core/wr.h"
#include "common/host/log.h"
#include "station-agent/probe/dap.h"
#include "station-agent/probe/when.h"

enum { TWENTY_FIVE = 25, LOOK_US = 50 };

const char *const liar_command_names[LIAR_COMMANDS] = {
    "Info, texts",
    "Info, capabilities",
    "Info, packet count",
    "Info, packet size",
    "HostStatus",
    "Connect",
    "Disconnect",
    "TransferConfigure",
    "Transfer, debug port",
    "Transfer, access port",
    "TransferBlock",
    "WriteABORT",
    "SWJ_Pins",
    "SWJ_Clock",
    "SWJ_Sequence",
    "SWD_Configure",
    "ExecuteCommands",
};

const char *const liar_fault_names[LIAR_FAULTS] = {
    "silent",
    "not done, silent",
    "late",
    "twice",
    "an older reply first",
    "empty",
    "the number alone",
    "short",
    "one byte more",
    "padded",
    "names another command",
    "unknown",
    "refused",
    "not done, told as done",
    "ones",
    "FAULT",
    "WAIT",
    "no ack",
    "closed",
};

/* In place of probe/when.c: time passes where it is waited for, and a little where it is looked
 * at, so that every deadline comes. */
static uint64_t now_us = 1000000;

uint64_t when_us(void)
{
    return now_us += LOOK_US;
}

void when_sleep_us(unsigned us)
{
    now_us += us;
}

unsigned when_left_ms(uint64_t deadline_us)
{
    return now_us >= deadline_us ? 0 : (unsigned)((deadline_us - now_us + 999) / 1000);
}

static bool reaches_ap(struct rd r)
{
    rd_u8(&r);
    for (uint8_t left = rd_u8(&r); left > 0 && r.err == ERR_OK; left--) {
        uint8_t request = rd_u8(&r);
        if ((request & DAP_AP) != 0)
            return true;
        if (dap_has_operand(request))
            rd_u32le(&r);
    }
    return false;
}

static enum liar_command info_of(uint8_t id)
{
    return id == DAP_INFO_CAPABILITIES   ? INFO_CAPABILITIES
           : id == DAP_INFO_PACKET_COUNT ? INFO_COUNT
           : id == DAP_INFO_PACKET_SIZE  ? INFO_SIZE
                                         : INFO_TEXT;
}

static enum liar_command command_of(struct span packet)
{
    static const struct {
        enum dap_command dap;
        enum liar_command command;
    } rows[] = {
        { DAP_HOST_STATUS, HOST_STATUS },
        { DAP_CONNECT, CONNECT },
        { DAP_DISCONNECT, DISCONNECT },
        { DAP_TRANSFER_CONFIGURE, TRANSFER_CONFIGURE },
        { DAP_TRANSFER_BLOCK, TRANSFER_BLOCK },
        { DAP_WRITE_ABORT, WRITE_ABORT },
        { DAP_SWJ_PINS, SWJ_PINS },
        { DAP_SWJ_CLOCK, SWJ_CLOCK },
        { DAP_SWJ_SEQUENCE, SWJ_SEQUENCE },
        { DAP_SWD_CONFIGURE, SWD_CONFIGURE },
        { DAP_EXECUTE, EXECUTE },
    };
    struct rd r = rd_of(packet);
    uint8_t command = rd_u8(&r);
    if (command == DAP_INFO)
        return info_of(rd_u8(&r));
    if (command == DAP_TRANSFER)
        return reaches_ap(r) ? TRANSFER_AP : TRANSFER_DP;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (rows[i].dap == (enum dap_command)command)
            return rows[i].command;
    return LIAR_COMMANDS;
}

/* What one command of several is at, of those that are not blocks: past it, if it is known. */
static bool pass_one(struct rd *r, bool *reaches_ap_out)
{
    uint8_t command = rd_u8(r);
    *reaches_ap_out = command == DAP_TRANSFER && reaches_ap(*r);
    if (command == DAP_WRITE_ABORT) {
        rd_u8(r);
        rd_u32le(r);
        return true;
    }
    rd_u8(r);
    for (uint8_t left = rd_u8(r); command == DAP_TRANSFER && left > 0 && r->err == ERR_OK;
         left--)
        if (dap_has_operand(rd_u8(r)))
            rd_u32le(r);
    return command == DAP_TRANSFER;
}

/* Several commands that are transfers and ABORT, and one of them reaches an access port. */
static bool is_look(struct span packet)
{
    struct rd r = rd_of(packet);
    bool ap = false, any = false;
    if (rd_u8(&r) != DAP_EXECUTE)
        return false;
    for (uint8_t left = rd_u8(&r); left > 0; left--) {
        if (!pass_one(&r, &ap) || r.err != ERR_OK)
            return false;
        any = any || ap;
    }
    return any;
}

/* Is this packet one to lie about? */
static bool is_due(struct liar *liar, struct span packet)
{
    bool named = command_of(packet) == liar->command ||
                 (liar->command == TRANSFER_AP && is_look(packet));
    if (!liar->armed || !named)
        return false;
    liar->seen++;
    return liar->position == EVERY || liar->seen == (liar->position == FIRST ? 1 : TWENTY_FIVE);
}

static bool is_done(enum liar_fault fault)
{
    return fault != UNHEARD && fault != UNKNOWN && fault != REFUSED && fault != NOT_DONE &&
           fault != FAULTED && fault != WAITED && fault != NO_ACK && fault != CLOSED;
}

static uint8_t status_of(enum liar_fault fault)
{
    static const uint8_t codes[LIAR_FAULTS] = {
        [REFUSED] = 0xFF,
        [FAULTED] = DAP_ACK_FAULT,
        [WAITED] = DAP_ACK_WAIT,
        [NO_ACK] = DAP_ACK_NONE,
    };
    return codes[fault];
}

/* Transfers that were not made: as many as were asked if done, else none. */
static void answer_transfers(enum liar_fault fault, uint8_t command, struct rd *r, struct wr *w)
{
    uint8_t zeros[4] = { 0 };
    bool block = command == DAP_TRANSFER_BLOCK, done = fault == NOT_DONE;
    rd_u8(r);
    uint16_t count = block ? rd_u16le(r) : rd_u8(r);
    uint8_t request = block ? rd_u8(r) : 0;
    wr_u8(w, command);
    wr_u8(w, done ? (uint8_t)count : 0);
    if (block)
        wr_u8(w, done ? (uint8_t)(count >> 8) : 0);
    wr_u8(w, fault == REFUSED ? 0 : done ? DAP_ACK_OK : status_of(fault));
    for (uint16_t i = 0; i < count && r->err == ERR_OK; i++) {
        request = block ? request : rd_u8(r);
        if (dap_has_operand(request))
            rd_u32le(r);
        else if (done)
            wr_span(w, SPAN(zeros));
    }
}

static void answer_execute(enum liar_fault fault, struct rd *r, struct wr *w)
{
    uint8_t count = rd_u8(r);
    wr_u8(w, DAP_EXECUTE);
    wr_u8(w, fault == REFUSED ? 0 : count);
    for (uint8_t i = 0; i < count && fault != REFUSED; i++) {
        uint8_t command = rd_u8(r);
        if (command != DAP_WRITE_ABORT) {
            answer_transfers(fault, command, r, w);
            continue;
        }
        rd_u8(r);
        rd_u32le(r);
        wr_u8(w, command);
        wr_u8(w, status_of(fault));
    }
}

static void answer_info(enum liar_fault fault, struct rd *r, struct wr *w)
{
    bool size = rd_u8(r) == DAP_INFO_PACKET_SIZE;
    wr_u8(w, DAP_INFO);
    wr_u8(w, fault == REFUSED ? 0 : fault == NOT_DONE ? (size ? 2 : 1) : status_of(fault));
    if (fault == NOT_DONE)
        wr_u8(w, 0);
    if (fault == NOT_DONE && size)
        wr_u8(w, 0);
}

/* The answer to something that was not done. */
static void answer_undone(enum liar_fault fault, struct span packet, struct wr *w)
{
    struct rd r = rd_of(packet);
    uint8_t command = rd_u8(&r);
    if (fault == UNKNOWN)
        wr_u8(w, DAP_UNKNOWN);
    else if (command == DAP_TRANSFER || command == DAP_TRANSFER_BLOCK)
        answer_transfers(fault, command, &r, w);
    else if (command == DAP_EXECUTE)
        answer_execute(fault, &r, w);
    else if (command == DAP_INFO)
        answer_info(fault, &r, w);
    else {
        wr_u8(w, command);
        wr_u8(w, fault != NOT_DONE
                     ? (command == DAP_CONNECT && fault == REFUSED ? 0 : status_of(fault))
                 : command == DAP_CONNECT  ? DAP_PORT_SWD
                 : command == DAP_SWJ_PINS ? DAP_PIN_NRESET
                                           : 0);
    }
}

static void push(struct liar *liar, const uint8_t *bytes, size_t len)
{
    struct fake_reply *reply = &liar->replies[liar->sent++ % LIAR_REPLIES];
    memcpy(reply->bytes, bytes, len);
    reply->len = len;
}

/* The answer to something that was done, spoiled. */
static void spoil(struct liar *liar, uint8_t bytes[static PROBE_PACKET_MAX], size_t len)
{
    static const uint8_t older[] = { DAP_INFO, 3, 'a', 'b', 0 };
    size_t most = liar->fake.packet_size;
    switch (liar->fault) {
    case OLDER:
        push(liar, older, sizeof(older));
        break;
    case TWICE:
        push(liar, bytes, len);
        break;
    case EMPTY:
        len = 0;
        break;
    case BARE:
        len = 1;
        break;
    case SHORT:
        len--;
        break;
    case LONGER:
        bytes[len++] = 0x5A;
        break;
    case PADDED:
        memset(bytes + len, 0, most - len);
        len = most;
        break;
    case OTHER:
        bytes[0] = 0x77;
        break;
    case ONES:
        memset(bytes + 1, 0xFF, len - 1);
        break;
    default:
        break;
    }
    liar->late = liar->fault == LATE ? 1 : 0;
    if (liar->fault != SILENT)
        push(liar, bytes, len);
}

/* Where the data words of a reply to transfers begin; 0: it is none. */
static size_t data_of(uint8_t command)
{
    return command == DAP_TRANSFER ? 3 : command == DAP_TRANSFER_BLOCK ? 4 : 0;
}

static void set_words(const struct liar *liar, uint8_t *bytes, size_t len)
{
    for (size_t at = data_of(bytes[0]); at + 4 <= len; at += 4) {
        struct rd r = rd_of(span_of(bytes + at, 4));
        struct wr w = wr_of(bytes + at, 4);
        uint32_t value = rd_u32le(&r);
        wr_u32le(&w, liar->habit == ORS_DATA ? value | liar->word : liar->word);
    }
}

/* Transfers that were made, told in the way that this probe has. */
static size_t distort_one(const struct liar *liar, struct span packet,
                          uint8_t bytes[static PROBE_PACKET_MAX], size_t len)
{
    bool faulty = liar->habit == CONSTANT_FAULT && command_of(packet) != TRANSFER_DP;
    if (data_of(packet.ptr[0]) == 0)
        return len;
    if (faulty || liar->habit == CONSTANT_OK) {
        struct wr w = wr_of(bytes, PROBE_PACKET_MAX);
        answer_undone(faulty ? FAULTED : NOT_DONE, packet, &w);
        len = w.len;
    }
    if (liar->habit == ORS_RESPONSE)
        bytes[data_of(packet.ptr[0]) - 1] |= (uint8_t)liar->word;
    else
        set_words(liar, bytes, len);
    return len;
}

/* How long the reply to one command of a look is. */
static size_t reply_len(struct span command, const uint8_t *reply)
{
    size_t len = 3;
    struct rd r = rd_of(command);
    if (rd_u8(&r) == DAP_WRITE_ABORT)
        return 2;
    rd_u16le(&r);
    for (uint8_t i = 0; i < reply[1] && r.err == ERR_OK; i++) {
        if (dap_has_operand(rd_u8(&r)))
            rd_u32le(&r);
        else
            len += 4;
    }
    return len;
}

/* A look is told command by command. */
static size_t distort(const struct liar *liar, struct span packet,
                      uint8_t bytes[static PROBE_PACKET_MAX], size_t len)
{
    uint8_t told[PROBE_PACKET_MAX], one[PROBE_PACKET_MAX] = { 0 };
    struct wr w = wr_of(told, sizeof(told));
    struct rd r = rd_of(packet);
    bool ap = false;
    if (!is_look(packet))
        return distort_one(liar, packet, bytes, len);
    wr_span(&w, span_of(bytes, 2));
    rd_u16le(&r);
    for (size_t at = 2; at < len && r.err == ERR_OK;) {
        struct span command = r.rest;
        pass_one(&r, &ap);
        command.len -= r.rest.len;
        size_t n = reply_len(command, bytes + at);
        memcpy(one, bytes + at, n);
        wr_span(&w, span_of(one, distort_one(liar, command, one, n)));
        at += n;
    }
    memcpy(bytes, told, w.len);
    return w.len;
}

/* The next reply of the tape, whatever was asked. */
static void play(struct liar *liar)
{
    struct liar_tape *tape = liar->plays;
    if (tape->played < tape->count) {
        const struct fake_reply *reply = &tape->replies[tape->played++];
        push(liar, reply->bytes, reply->len);
    }
}

static enum err pass(struct liar *liar, struct span packet, bool lie)
{
    uint8_t bytes[PROBE_PACKET_MAX] = { 0 };
    struct span reply;
    struct probe *honest = &liar->fake.probe;
    TRY(honest->send(honest, packet));
    TRY(honest->receive(honest, &reply, 0));
    memcpy(bytes, reply.ptr, reply.len);
    size_t len = reply.len;
    if (liar->armed && liar->habit >= CONSTANT && liar->habit <= ORS_RESPONSE)
        len = distort(liar, packet, bytes, len);
    if (lie)
        spoil(liar, bytes, len);
    else
        push(liar, bytes, len);
    if (liar->armed && liar->records != NULL && liar->records->count < LIAR_TAPE_MAX)
        liar->records->replies[liar->records->count++] =
            liar->replies[(liar->sent - 1) % LIAR_REPLIES];
    return ERR_OK;
}

/* What it does by habit before a packet is passed on. True: it answered by itself. */
static bool is_habit(struct liar *liar)
{
    if (!liar->armed)
        return false;
    liar->packets++;
    if (liar->habit == SWAPS && liar->packets == liar->word)
        liar->swap(liar);
    if (liar->plays != NULL)
        play(liar);
    return liar->plays != NULL;
}

static enum err liar_send(struct probe *probe, struct span packet)
{
    struct liar *liar = (struct liar *)probe;
    uint8_t bytes[PROBE_PACKET_MAX];
    struct wr w = wr_of(bytes, sizeof(bytes));
    if (liar->closed)
        return fail_quiet(ERR_CLOSED, "liar: closed");
    if (is_habit(liar))
        return ERR_OK;
    bool lie = is_due(liar, packet);
    liar->lies += lie;
    if (!lie || is_done(liar->fault))
        return pass(liar, packet, lie);
    liar->closed = liar->fault == CLOSED;
    if (liar->fault == CLOSED || liar->fault == UNHEARD)
        return ERR_OK;
    answer_undone(liar->fault, packet, &w);
    TRY(wr_end(&w));
    push(liar, bytes, w.len);
    return ERR_OK;
}

static enum err liar_receive(struct probe *probe, struct span *reply_out, unsigned timeout_ms)
{
    struct liar *liar = (struct liar *)probe;
    if (liar->closed)
        return fail_quiet(ERR_CLOSED, "liar: closed");
    if (liar->late > 0 || liar->received == liar->sent) {
        liar->late = 0;
        now_us += (uint64_t)timeout_ms * 1000;
        return fail_quiet(ERR_DEADLINE, "liar: silent");
    }
    struct fake_reply *reply = &liar->replies[liar->received++ % LIAR_REPLIES];
    *reply_out = span_of(reply->bytes, reply->len);
    return ERR_OK;
}

static void liar_close(struct probe *probe)
{
    (void)probe;
}

void liar_init(struct liar *liar)
{
    fake_init(&liar->fake);
    liar->probe = (struct probe){
        .send = liar_send, .receive = liar_receive, .close = liar_close, .name = "liar"
    };
}
