/* SPDX-License-Identifier: MIT */
/*
 * nRESET, through the probe's SWJ_Pins. Called through swd.h by chip/. A start of a run may
 * only let it go: when it is pulled is decided above.
 */
#include "common/host/log.h"
#include "station-agent/probe/talk.h"
#include "station-agent/probe/when.h"

static enum err pins_read(struct span reply, bool padded, enum dap_command command, void *out)
{
    (void)command;
    return dap_pins_reply(reply, padded, out);
}

/* Drive the pins of mask to value, wait, and read them all. */
static enum err pins(struct swd *swd, uint8_t value, uint8_t mask, unsigned wait_ms,
                     uint8_t *pins_out)
{
    struct wr w = talk_packet(swd);
    dap_pins(&w, value, mask, 0);
    TRY(talk_ask(swd, &w, pins_read, pins_out));
    when_sleep_us(wait_ms * 1000);
    return ERR_OK;
}

enum err swd_reset_pin(struct swd *swd, unsigned low_ms, unsigned settle_ms)
{
    uint8_t now;
    swd->lost = true;
    TRY(talk_forget(swd));
    TRY(pins(swd, 0, DAP_PIN_NRESET, low_ms, &now));
    return pins(swd, DAP_PIN_NRESET, DAP_PIN_NRESET, settle_ms, &now);
}

enum err swd_hold_reset(struct swd *swd, bool low, unsigned wait_ms)
{
    uint8_t now;
    swd->lost = true;
    TRY(talk_forget(swd));
    return pins(swd, low ? 0 : DAP_PIN_NRESET, DAP_PIN_NRESET, wait_ms, &now);
}

enum err swd_let_go(struct swd *swd, unsigned settle_ms, bool *low_out)
{
    uint8_t now;
    TRY(talk_forget(swd));
    TRY(pins(swd, 0, 0, 0, &now));
    if ((now & DAP_PIN_NRESET) == 0) {
        TRY(pins(swd, DAP_PIN_NRESET, DAP_PIN_NRESET, settle_ms, &now));
        TRY(pins(swd, 0, 0, 0, &now));
        log_line(LOG_LEVEL_WARN, "swd: %s: nRESET was low%s", swd->probe->name,
                 (now & DAP_PIN_NRESET) == 0 ? " and stays so" : ": the board is let go");
    }
    *low_out = (now & DAP_PIN_NRESET) == 0;
    return ERR_OK;
}
