/* SPDX-License-Identifier: MIT */
/*
 * What the M2354's locks and key slots say, over SWD, the core halted. Called by fit.c before
 * a run. It must not write what it reads.
 */
#include "station-agent/chip/m2354.h"

#include "common/host/own.h"

#define DPM_CTL   0x4002F600u
#define DPM_STS   0x4002F604u
#define DPM_NSCTL 0x4002F650u
#define DPM_NSSTS 0x4002F654u
#define PLM_STS   0x4002F704u
#define KS_OTPSTS 0x40035040u

enum {
    PWUCNT_SHIFT = 8, /* of DPM_STS and DPM_NSSTS */
    PWUCNT_MASK = 7,
};

static unsigned passwords_of(uint32_t status)
{
    return status >> PWUCNT_SHIFT & PWUCNT_MASK;
}

enum err m2354_state(struct mem *mem, struct m2354_state *out)
{
    uint32_t secure = 0, open = 0;
    const struct mem_want wanted[] = {
        { DPM_STS, &secure },          { DPM_NSSTS, &open },   { DPM_CTL, &out->dpm_secure },
        { DPM_NSCTL, &out->dpm_open }, { PLM_STS, &out->plm }, { KS_OTPSTS, &out->otp }
    };
    TRY(m2354_isp_open(mem));
    TRY(m2354_config(mem, out->config));
    TRY(m2354_isp_close(mem));
    TRY(mem_read_words(mem, wanted, COUNT(wanted)));
    out->passwords = passwords_of(secure) + passwords_of(open);
    out->dpm_secure &= M2354_DPM_ALL;
    out->dpm_open &= M2354_DPM_ALL;
    out->plm &= M2354_PLM_STAGE | M2354_PLM_DIRTY;
    out->otp &= M2354_OTP_SLOTS;
    return ERR_OK;
}
