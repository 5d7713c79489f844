/* SPDX-License-Identifier: MIT */
/*
 * What a probe can do, asked and tried when it is opened. Called by chip/ through swd_init().
 * Nothing that a probe promises is relied on here before it was seen once; no text of it, and
 * no light, ends a run.
 */
#include <stdio.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "station-agent/probe/swd.h"
#include "station-agent/probe/talk.h"

enum {
    TEXT_MAX = 64,
    FLIGHT_MS = 1000, /* for one of the packets that a probe says it holds */
};

struct info {
    uint8_t *bytes;
    size_t cap, len;
};

static enum err info_read(struct span reply, bool padded, enum dap_command command, void *out)
{
    (void)command;
    struct info *info = out;
    struct span data;
    TRY(dap_info_reply(reply, padded, &data));
    info->len = data.len < info->cap ? data.len : info->cap;
    memcpy(info->bytes, data.ptr, info->len);
    return ERR_OK;
}

static enum err info(struct swd *swd, enum dap_info id, uint8_t *out, size_t cap, size_t *len)
{
    struct info info = { .bytes = out, .cap = cap };
    struct wr w = talk_packet(swd);
    dap_info(&w, id);
    TRY(talk_ask(swd, &w, info_read, &info));
    *len = info.len;
    return ERR_OK;
}

struct number {
    uint32_t least_len, most_len; /* of the number, in bytes; or none at all */
    uint32_t least, fallback, value;
};

/* A number of another length, or one out of range, is the answer to another Info. */
static enum err number_read(struct span reply, bool padded, enum dap_command command, void *out)
{
    (void)command;
    struct number *number = out;
    struct span data;
    TRY(dap_info_reply(reply, padded, &data));
    number->value = number->fallback;
    if (data.len == 0)
        return ERR_OK;
    if (data.len < number->least_len || data.len > number->most_len)
        return fail_quiet(ERR_PROTO, "Info gives %zu bytes, %u are wanted", data.len,
                          number->most_len);
    number->value = (uint32_t)(data.ptr[0] | (data.len > 1 ? data.ptr[1] << 8 : 0));
    if (number->value < number->least)
        return fail_quiet(ERR_PROTO, "packets of %u bytes, at least %u are needed",
                          number->value, number->least);
    return ERR_OK;
}

static enum err info_number(struct swd *swd, enum dap_info id, struct number *number)
{
    struct wr w = talk_packet(swd);
    dap_info(&w, id);
    return talk_ask(swd, &w, number_read, number);
}

static enum err info_text(struct swd *swd, enum dap_info id, char out[static TEXT_MAX])
{
    size_t len = 0;
    enum err e = info(swd, id, (uint8_t *)out, TEXT_MAX - 1, &len);
    out[e == ERR_OK ? len : 0] = '\0';
    return talk_let_pass(swd, e);
}

/* For the log only: which probe with which firmware. */
static enum err introduce(struct swd *swd)
{
    char product[TEXT_MAX], firmware[TEXT_MAX];
    TRY(info_text(swd, DAP_INFO_PRODUCT, product));
    TRY(info_text(swd, DAP_INFO_FIRMWARE, firmware));
    log_line(LOG_LEVEL_DEBUG, "swd: %s: '%s', protocol or firmware %s, %zu packets of %zu%s",
             swd->probe->name, product, firmware, swd->packet_count, swd->packet_size,
             swd->can_execute ? "" : ", one command each");
    return ERR_OK;
}

static enum err learn(struct swd *swd)
{
    struct number can = { 1, 2, 0, DAP_CAPABILITY_SWD, 0 };
    struct number size = { 2, 2, PROBE_PACKET_UNIT, PROBE_PACKET_UNIT, 0 };
    struct number count = { 1, 1, 0, 1, 0 };
    TRY(info_number(swd, DAP_INFO_CAPABILITIES, &can));
    TRY(info_number(swd, DAP_INFO_PACKET_SIZE, &size));
    TRY(info_number(swd, DAP_INFO_PACKET_COUNT, &count));
    if ((can.value & DAP_CAPABILITY_SWD) == 0)
        return fail_quiet(ERR_UNIMPLEMENTED, "%s: a probe without SWD (capabilities 0x%02x)",
                          swd->probe->name, can.value);
    size_t limit = swd->probe->limit == 0 ? PROBE_PACKET_MAX : swd->probe->limit;
    swd->stated_size = size.value;
    swd->packet_size = (size.value < limit ? size.value : limit) - swd->probe->spare;
    swd->packet_count = count.value < 1                   ? 1
                        : count.value < SWD_IN_FLIGHT_MAX ? count.value
                                                          : SWD_IN_FLIGHT_MAX;
    swd->can_execute = (can.value & DAP_CAPABILITY_ATOMIC) != 0;
    return ERR_OK;
}

static enum err execute_read(struct span reply, bool padded, enum dap_command command,
                             void *out)
{
    (void)command, (void)out;
    struct rd r = rd_of(reply);
    TRY(dap_execute_reply(&r, 2));
    for (unsigned i = 0; i < 2; i++) {
        if (rd_u8(&r) != DAP_INFO)
            return fail_quiet(ERR_PROTO, "the second command of a packet is not answered");
        rd_take(&r, rd_u8(&r));
    }
    return dap_end(&r, padded);
}

/* Does it take several commands in one packet, as it says? */
static enum err try_execute(struct swd *swd)
{
    struct wr w = talk_packet(swd);
    if (!swd->can_execute)
        return ERR_OK;
    dap_execute(&w, 2);
    dap_info(&w, DAP_INFO_PACKET_COUNT);
    dap_info(&w, DAP_INFO_PACKET_SIZE);
    enum err e = talk_ask(swd, &w, execute_read, NULL);
    if (e == ERR_OK || e == ERR_CLOSED)
        return e;
    swd_step_down_commands(swd, fail_words());
    return talk_forget(swd);
}

/* As many packets as it says it holds, without waiting for a reply. */
static enum err fill_flight(struct swd *swd)
{
    size_t count = swd->packet_count;
    for (size_t i = 0; i < count; i++) {
        struct wr w = talk_packet(swd);
        dap_info(&w, DAP_INFO_PACKET_SIZE);
        TRY(talk_send(swd, wr_done(&w)));
    }
    for (size_t i = 0; i < count; i++) {
        struct span reply, data;
        enum err e = swd->probe->receive(swd->probe, &reply, FLIGHT_MS);
        if (e == ERR_OK)
            e = dap_info_reply(reply, talk_padded(swd, reply), &data);
        if (e != ERR_OK)
            return fail_quiet(e == ERR_CLOSED ? e : ERR_LIMIT, "reply %zu of %zu: %s", i + 1,
                              count, err_text(e));
    }
    return ERR_OK;
}

/* Does it hold as many packets as it says? One that does not answers some of them only. */
static enum err try_flight(struct swd *swd)
{
    while (swd->packet_count > 1) {
        enum err e = fill_flight(swd);
        swd->under_way = 0;
        if (e == ERR_OK || e == ERR_CLOSED)
            return e;
        swd_step_down(swd, swd->packet_count / 2, fail_words());
        swd->stale = true;
        TRY(talk_forget(swd));
    }
    return ERR_OK;
}

void swd_step_down(struct swd *swd, size_t packets, const char *why)
{
    char words[FAIL_WORDS_MAX];
    snprintf(words, sizeof(words), "%s", why);
    swd->packet_count = packets;
    swd->probe->counts.in_flight = (uint32_t)packets;
    swd->probe->counts.stepped_down++;
    log_line(LOG_LEVEL_WARN, "swd: %s: %zu packets in flight from here on: %s",
             swd->probe->name, packets, words);
}

void swd_step_down_commands(struct swd *swd, const char *why)
{
    swd->can_execute = false;
    swd->probe->counts.stepped_down++;
    log_line(LOG_LEVEL_WARN, "swd: %s: one command in a packet from here on: %s",
             swd->probe->name, why);
}

enum err swd_init(struct swd *swd, struct probe *probe, uint32_t clock_hz)
{
    memset(swd, 0, sizeof(*swd));
    swd->probe = probe;
    swd->clock_hz = clock_hz != 0 ? clock_hz : PROBE_CLOCK_DEFAULT_HZ;
    swd->lost = true;
    TRY(learn(swd));
    TRY(try_flight(swd));
    TRY(try_execute(swd));
    probe->counts.in_flight = (uint32_t)swd->packet_count;
    return introduce(swd);
}
