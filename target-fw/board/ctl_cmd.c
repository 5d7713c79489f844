/* SPDX-License-Identifier: MIT */
/*
 * ctl_cmd: the control socket's commands, a row each. Called by ctl.c; each runs on its board's
 * thread, through board_call(). A wrong argument changes nothing and is answered with its
 * reason.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/host/log.h"
#include "common/host/own.h"
#include "target-fw/board/ctl.h"
#include "target-fw/board/state.h"

enum { HEX_BYTES_MAX = 4096 };

static void answer_error(struct board_call *call, const char *words)
{
    char clean[300];
    size_t n = 0;
    for (const char *c = words; *c != '\0' && n < sizeof(clean) - 1; c++)
        clean[n++] = *c == '"' || *c == '\\' || (unsigned char)*c < 0x20 ? '\'' : *c;
    clean[n] = '\0';
    snprintf(call->answer, sizeof(call->answer), "{\"ok\":false,\"error\":\"%s\"}", clean);
}

static void answer_ok(struct board_call *call)
{
    snprintf(call->answer, sizeof(call->answer), "{\"ok\":true}");
}

static void answer_of(struct board_call *call, enum err e)
{
    if (e == ERR_OK)
        answer_ok(call);
    else
        answer_error(call, fail_words());
}

static enum err bytes_of(const char *text, uint8_t *out, size_t cap, size_t *len_out)
{
    size_t digits = strlen(text);
    if (digits % 2 != 0 || digits / 2 > cap)
        return fail_quiet(ERR_INVALID, "ctl: hex of %zu digits, room for %zu bytes", digits,
                          cap);
    for (size_t i = 0; i < digits; i++) {
        static const char figures[] = "0123456789abcdef";
        const char *at = strchr(figures, text[i] | 0x20);
        if (at == NULL || *at == '\0')
            return fail_quiet(ERR_INVALID, "ctl: not hex");
        uint8_t value = (uint8_t)(at - figures);
        out[i / 2] = (uint8_t)(i % 2 == 0 ? value << 4 : out[i / 2] | value);
    }
    *len_out = digits / 2;
    return ERR_OK;
}

static enum err count_of(const char *text, unsigned long limit, unsigned long *out)
{
    if (text == NULL)
        return fail_quiet(ERR_INVALID, "ctl: a number is missing");
    char *end;
    unsigned long n = strtoul(text, &end, 0);
    if (end == text || *end != '\0' || n > limit)
        return fail_quiet(ERR_INVALID, "ctl: %s: not a number up to %lu", text, limit);
    *out = n;
    return ERR_OK;
}

static void cmd_status(struct board_call *call, struct chip *chip)
{
    state_status_text(chip, call->answer, sizeof(call->answer));
}

static void cmd_state(struct board_call *call, struct chip *chip)
{
    state_text(chip, call->answer, sizeof(call->answer));
}

static void cmd_one_way(struct board_call *call, struct chip *chip)
{
    unsigned long from = 0;
    if (call->argc > 2 && count_of(call->argv[2], UINT32_MAX, &from) != ERR_OK)
        answer_error(call, fail_words());
    else
        oneway_text(chip, (uint32_t)from, call->answer, sizeof(call->answer));
}

static void cmd_cut_at(struct board_call *call, struct chip *chip)
{
    answer_of(call, oneway_arm(chip, call->argc - 2, call->argv + 2));
}

/* Simulated time, see pace.h. */
static void cmd_time(struct board_call *call, struct chip *chip)
{
    const struct pace *pace = &chip->pace;
    if (!pace->on) {
        answer_error(call, "time: needs --swclk or --usb-latency");
        return;
    }
    snprintf(call->answer, sizeof(call->answer),
             "{\"ok\":true,\"board\":%u,\"us\":%llu,\"idle_us\":%llu,\"flash_us\":%llu,"
             "\"packets\":%llu,"
             "\"waits\":%llu,"
             "\"transfers\":%llu,\"clocks\":%llu}",
             chip->number, (unsigned long long)pace->host_ns / 1000,
             (unsigned long long)pace->idle_us, (unsigned long long)pace->flash_us,
             (unsigned long long)pace->packets, (unsigned long long)pace->waits,
             (unsigned long long)pace->transfers, (unsigned long long)pace->clocks);
}

static void cmd_power(struct board_call *call, struct chip *chip)
{
    const char *how = call->argv[2];
    bool cycle = strcmp(how, "cycle") == 0;
    if (!cycle && strcmp(how, "on") != 0 && strcmp(how, "off") != 0) {
        answer_error(call, "power: on, off or cycle");
        return;
    }
    if (cycle || strcmp(how, "off") == 0)
        chip_power(chip, false);
    if (cycle || strcmp(how, "on") == 0)
        chip_power(chip, true);
    answer_ok(call);
}

static void cmd_reset(struct board_call *call, struct chip *chip)
{
    chip_pin_reset(chip, true);
    chip_pin_reset(chip, false);
    answer_ok(call);
}

static void cmd_fault(struct board_call *call, struct chip *chip)
{
    const char *name = call->argv[2];
    if (strcmp(name, "otp-tear") == 0)
        answer_of(call, fault_set_tear(chip, call->argc - 3, call->argv + 3));
    else if (call->argc > 4)
        answer_error(call, "fault: one argument at most");
    else
        answer_of(call, fault_set(chip, name, call->argc > 3 ? call->argv[3] : NULL));
}

static enum err flash_force(struct board_call *call, struct chip *chip)
{
    uint8_t bytes[HEX_BYTES_MAX];
    size_t len;
    unsigned long address;
    TRY(count_of(call->argv[2], UINT32_MAX, &address));
    TRY(bytes_of(call->argv[3], bytes, sizeof(bytes), &len));
    uint8_t *at = flash_bytes(chip, (uint32_t)address, (uint32_t)len);
    if (at == NULL || len == 0)
        return fail_quiet(ERR_RANGE, "ctl: no flash at 0x%lx, %zu bytes", address, len);
    memcpy(at, bytes, len);
    cpu_code_changed(chip->cpu, (uint32_t)address, (uint32_t)len);
    return ERR_OK;
}

static void cmd_flash(struct board_call *call, struct chip *chip)
{
    answer_of(call, flash_force(call, chip));
}

/* HEX is the number, big-endian, as a coordinate is written. */
static enum err otp_force(struct board_call *call, struct chip *chip)
{
    uint8_t bytes[STORE_OTP_WORDS * 4] = { 0 };
    uint32_t words[STORE_OTP_WORDS];
    size_t len;
    unsigned long slot, meta;
    TRY(count_of(call->argv[2], STORE_OTP_SLOTS - 1, &slot));
    TRY(count_of(call->argv[3], UINT32_MAX, &meta));
    TRY(bytes_of(call->argv[4], bytes, sizeof(bytes), &len));
    if (len != sizeof(bytes))
        return fail_quiet(ERR_INVALID, "ctl: an OTP slot is %zu bytes", sizeof(bytes));
    if (chip->store.image->head.otp[slot].used != 0)
        return fail_quiet(ERR_EXISTS, "ctl: OTP slot %lu is in use", slot);
    for (size_t i = 0; i < STORE_OTP_WORDS; i++) {
        struct rd r = rd_of(span_of(bytes + 4 * (STORE_OTP_WORDS - 1 - i), 4));
        words[i] = rd_u32be(&r);
    }
    store_otp_burn(&chip->store.image->head.otp[slot], (uint32_t)meta & 0x00071f1fU, words);
    return ERR_OK;
}

static void cmd_otp(struct board_call *call, struct chip *chip)
{
    answer_of(call, otp_force(call, chip));
}

static void cmd_uart(struct board_call *call, struct chip *chip)
{
    uint8_t bytes[HEX_BYTES_MAX];
    size_t len;
    enum err e = bytes_of(call->argv[2], bytes, sizeof(bytes), &len);
    if (e != ERR_OK) {
        answer_of(call, e);
        return;
    }
    snprintf(call->answer, sizeof(call->answer), "{\"ok\":true,\"taken\":%zu}",
             uart_feed(chip, bytes, len));
}

static const struct command {
    const char *name;
    int args_min, args_max; /* after the board's number */
    void (*run)(struct board_call *, struct chip *);
    const char *usage;
} commands[] = {
    { "status", 0, 0, cmd_status, "status N" },
    { "state", 0, 0, cmd_state, "state N" },
    { "one-way", 0, 1, cmd_one_way, "one-way N [FROM]" },
    { "cut-at", 1, 4, cmd_cut_at,
      "cut-at N KIND COUNT [before|during|after [power|link|hold]], or cut-at N off" },
    { "time", 0, 0, cmd_time, "time N" },
    { "power", 1, 1, cmd_power, "power N on|off|cycle" },
    { "reset", 0, 0, cmd_reset, "reset N" },
    { "fault", 1, 4, cmd_fault, "fault N NAME [on|off|ARG]" },
    { "flash", 2, 2, cmd_flash, "flash N ADDR HEX" },
    { "otp", 3, 3, cmd_otp, "otp N SLOT META HEX" },
    { "uart", 1, 1, cmd_uart, "uart N HEX" },
};

static const struct command *command_of(const char *name)
{
    for (size_t i = 0; i < COUNT(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static enum err prepare(struct board_call *call, unsigned count, unsigned long *board_out)
{
    const struct command *c = call->argc == 0 ? NULL : command_of(call->argv[0]);
    if (c == NULL)
        return fail_quiet(ERR_INVALID,
                          "ctl: status, state, one-way, cut-at, time, power, reset, fault, "
                          "flash, otp or uart");
    if (call->argc < 2 + c->args_min || call->argc > 2 + c->args_max)
        return fail_quiet(ERR_INVALID, "ctl: usage: %s", c->usage);
    if (count_of(call->argv[1], count - 1, board_out) != ERR_OK)
        return fail_quiet(ERR_NOT_FOUND, "ctl: no board %s", call->argv[1]);
    call->run = c->run;
    return ERR_OK;
}

void ctl_command(struct board *boards, unsigned count, char *line, char *answer, size_t cap)
{
    char *argv[CTL_ARGS_MAX] = { NULL }, *rest = NULL;
    struct board_call call = { .argv = argv };
    unsigned long number;
    for (char *word = strtok_r(line, " \t\r", &rest); word != NULL && call.argc < CTL_ARGS_MAX;
         word = strtok_r(NULL, " \t\r", &rest))
        argv[call.argc++] = word;
    if (prepare(&call, count, &number) != ERR_OK)
        answer_error(&call, fail_words());
    else
        board_call(&boards[number], &call);
    snprintf(answer, cap, "%s", call.answer);
}
