/* SPDX-License-Identifier: MIT */
/*
 * Starts an engine of the CRPT block and waits for it. Called by the files of the engines. It
 * must not take an engine's end for success while its error flag is set.
 */

#include "target-fw/port/nuvoton/crpt.h"

/*
 * Polled: INTEN is set, since the hardware may gate its flags with it, but the interrupt line
 * is disabled in the NVIC and PRIMASK is set.
 */
enum err crpt_run(enum crpt_engine engine, uint32_t control, uint32_t start)
{
    enum wait limit = engine == CRPT_AES ? WAIT_AES : WAIT_ECC;
    uint32_t done = engine, error = done << 1;
    reg_set(CRPT_INTEN, done | error);
    REG(CRPT_INTSTS) = done | error;
    REG(control) = start;
    enum err e = ERR_FAULT;
    for (uint32_t left = reg_polls(limit); e == ERR_FAULT && left > 0; left--) {
        uint32_t status = REG(CRPT_INTSTS);
        if ((status & error) != 0)
            e = ERR_CHIP;
        else if ((status & done) != 0)
            e = ERR_OK;
    }
    REG(CRPT_INTSTS) = done | error;
    return e;
}
