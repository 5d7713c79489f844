/* SPDX-License-Identifier: MIT */
/*
 * fault: switches that make the board misbehave as silicon may.
 *
 * Named on the control socket; each is a field here and a row in fault.c. Used by the blocks
 * and by ctl_cmd, on the board's thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/core/err.h"

struct faults {
    bool k1;            /* nonces from the KeyStore count as 1 */
    uint32_t ispff;     /* the n-th program or erase from now fails; 0: off */
    uint32_t flash_cut; /* power goes after the n-th program or erase; 0: off */
    uint32_t otp_cut;   /* power goes after OTP slot n-1 is burnt; 0: off */
    struct otp_tear {
        uint32_t slot; /* plus one; 0: off */
        unsigned words;
        bool used;
    } otp_tear; /* the next write to an OTP slot stores its first words only, then power goes */
    uint32_t uart_loss; /* one UART byte in n is lost; 0: off */
    uint32_t uart_count;
    uint32_t link_drop; /* the SWD link drops after n transfers; 0: off */
    bool link_down;     /* nothing answers on SWD */
    uint32_t wait;      /* the access port answers WAIT so many times more */
};

struct chip;

/* The power is gone from now on: nothing that the chip does still has an effect. */
void fault_cut(struct chip *chip, const char *why);

/* Asked by the blocks at the point where the fault would happen; each counts one event. */
bool fault_ispff(struct chip *chip);
void fault_after_flash(struct chip *chip);
void fault_after_otp(struct chip *chip, unsigned slot);

/* Is this slot's write to be torn? Then *tear_out tells how, and the switch is off again. */
bool fault_tears_otp(struct chip *chip, unsigned slot, struct otp_tear *tear_out);
bool fault_uart_loses(struct chip *chip);

/* `NAME [on|off|ARG]` of the control socket; arg may be NULL. ERR_NOT_FOUND: no such switch;
 * ERR_INVALID: not such an argument. Nothing has changed then. */
enum err fault_set(struct chip *chip, const char *name, const char *arg);

/* `otp-tear SLOT WORDS used|unused`, or `otp-tear off`: what follows the name. */
enum err fault_set_tear(struct chip *chip, int argc, char *const *argv);
const char *fault_names(void); /* for help and errors */
