/* SPDX-License-Identifier: MIT */
/*
 * Tells the control socket what a board is. Called on the board's thread by ctl_cmd; it must
 * never change the chip, nor print what a KeyStore slot holds.
 */
#include "target-fw/board/state.h"

#include <stdio.h>
#include <string.h>

#include "common/host/hex.h"
#include "common/host/own.h"
#include "target-fw/board/chip/chip.h"

static const char *yes(bool it_is)
{
    return it_is ? "true" : "false";
}

static const char *verdict_text(const struct chip *chip, char *message, size_t cap)
{
    static const char *const names[] = { "none", "direct", "verified" };
    if (!chip->powered)
        return names[VERDICT_NONE];
    if (chip->verdict != VERDICT_REFUSED)
        return names[chip->verdict];
    snprintf(message, cap, "refused: %s", chip->refusal);
    return message;
}

static const char *level_text(enum debug_level level)
{
    static const char *const names[] = { "open", "erase-only", "non-secure", "closed",
                                         "silent" };
    return names[level];
}

void state_status_text(const struct chip *chip, char *out, size_t cap)
{
    const struct store_head *head = &chip->store.image->head;
    char verdict[CHIP_WORDS_MAX + 16], uid[2 * sizeof(head->uid) + 1];
    snprintf(
        out, cap,
        "{\"ok\":true,\"board\":%u,\"uid\":\"%s\",\"power\":%s,\"cpu\":\"%s\","
        "\"pc\":\"0x%08x\",\"boot\":\"%s\",\"debug\":\"%s\",\"config_lock\":%s,"
        "\"dpm\":[%u,%u],\"otp_used\":%u,\"plm_stage\":%u,\"plm_stored\":%u,"
        "\"cycles\":%llu,\"uart_sent\":%llu,\"notes\":%llu}",
        chip->number, hex_of(span_of(head->uid, sizeof(head->uid)), uid), yes(chip->powered),
        core_state_name(chip->core.state), chip->powered ? cpu_reg(chip->cpu, CPU_REG_PC) : 0,
        verdict_text(chip, verdict, sizeof(verdict)), level_text(chip_debug_level(chip)),
        yes(chip->lock.config), chip->lock.dpm[0] & 3, chip->lock.dpm[1] & 3, ks_otp_used(chip),
        chip->plm.stage, head->plm_next, (unsigned long long)chip->cycles,
        (unsigned long long)chip->uart.sent, (unsigned long long)chip->notes);
}

/* A slot that is not used but holds bits: a write that lost its power. */
static bool is_partial(const struct store_otp *slot)
{
    uint32_t bits = slot->meta;
    for (size_t i = 0; i < STORE_OTP_WORDS; i++)
        bits |= slot->words[i];
    return slot->used == 0 && bits != 0;
}

static size_t otp_text(const struct store_head *head, char *out, size_t cap)
{
    uint32_t used = 0, revoked = 0, partial = 0;
    char meta[STORE_OTP_SLOTS * 16];
    size_t n = 0;
    for (unsigned i = 0; i < STORE_OTP_SLOTS; i++) {
        const struct store_otp *slot = &head->otp[i];
        used |= (uint32_t)(slot->used != 0) << i;
        revoked |= (uint32_t)(slot->revoked != 0) << i;
        partial |= (uint32_t)is_partial(slot) << i;
        n += (size_t)snprintf(meta + n, sizeof(meta) - n, "%s\"0x%08x\"", i == 0 ? "" : ",",
                              slot->meta);
    }
    return (size_t)snprintf(out, cap,
                            "\"otp\":{\"used\":%u,\"revoked\":%u,\"partial\":%u,\"meta\":[%s]}",
                            used, revoked, partial, meta);
}

static size_t dpm_text(const struct chip *chip, unsigned n, char *out, size_t cap)
{
    const struct store_dpm *kept = &chip->store.image->head.dpm[n];
    const struct dpm_side *side = &chip->dpm.side[n];
    return (size_t)snprintf(out, cap,
                            "{\"dbgdis\":%s,\"lock\":%s,\"in_force\":%u,\"control\":\"0x%04x\","
                            "\"updates\":%u,\"failures\":%u,\"open\":%s}",
                            yes((kept->flags & DPM_DBGDIS) != 0),
                            yes((kept->flags & DPM_LOCK) != 0), chip->lock.dpm[n] & 3,
                            side->control, kept->updates, kept->failures, yes(side->open));
}

void state_text(const struct chip *chip, char *out, size_t cap)
{
    const struct store_head *head = &chip->store.image->head;
    const uint8_t *config = chip->store.image->config;
    char verdict[CHIP_WORDS_MAX + 16], uid[2 * sizeof(head->uid) + 1];
    char otp[320], dpm[2][192];
    uint32_t words[4];
    memcpy(words, config, sizeof(words));
    otp_text(head, otp, sizeof(otp));
    for (unsigned i = 0; i < COUNT(dpm); i++)
        dpm_text(chip, i, dpm[i], sizeof(dpm[i]));
    snprintf(
        out, cap,
        "{\"ok\":true,\"board\":%u,\"uid\":\"%s\",\"power\":%s,\"nreset\":%s,"
        "\"boot\":\"%s\",\"btf\":%u,\"debug\":\"%s\",\"debug_next\":\"%s\","
        "\"config\":[\"0x%08x\",\"0x%08x\",\"0x%08x\",\"0x%08x\"],"
        "\"config_lock\":{\"stored\":%s,\"in_force\":%s},"
        "\"plm\":{\"stage\":%u,\"stored\":%u,\"dirty\":%s},\"dpm\":[%s,%s],%s,"
        "\"rststs\":\"0x%03x\",\"one_way\":%u,\"cut_armed\":%s}",
        chip->number, hex_of(span_of(head->uid, sizeof(head->uid)), uid), yes(chip->powered),
        chip->reset_held ? "\"low\"" : "\"high\"", verdict_text(chip, verdict, sizeof(verdict)),
        chip->powered && chip->verdict == VERDICT_VERIFIED, level_text(chip_debug_level(chip)),
        level_text(chip_debug_level_next(chip)), words[0], words[1], words[2], words[3],
        yes((words[0] & FMC_CONFIG0_LOCK) == 0), yes(chip->lock.config), head->plm_stage,
        head->plm_next, yes(head->plm_stage != head->plm_next), dpm[0], dpm[1], otp,
        chip->sys.reset_status, chip->oneway.made, yes(chip->oneway.cut_kinds != 0));
}
